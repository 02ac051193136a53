// The shop's calls to saoma-server.

/** Placing an order takes about two seconds at most (docs/api.md, section 2.1). */
const TIMEOUT_MS = 10_000

/** saoma-server did not make the order. The message is for the shop's log, not for customers. */
export class ServerTrouble extends Error {}

export class SaomaServer {
  #url
  #key

  constructor(url, key) {
    this.#url = url
    this.#key = key
  }

  /** Makes an order; answers `{order_id, token}`. Throws {@link ServerTrouble}. */
  async createOrder({ order_no, amount_fen, description }) {
    let response, answer
    try {
      response = await fetch(`${this.#url}/v1/orders`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${this.#key}`,
          'Content-Type': 'application/json',
        },
        body: JSON.stringify({ order_no, amount_fen, description }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      answer = await response.json()
    } catch (error) {
      throw new ServerTrouble(`no sensible answer from ${this.#url}: ${reason(error)}`)
    }
    if (!response.ok) {
      const { code, message } = answer?.error ?? {}
      throw new ServerTrouble(`saoma-server answered ${response.status} ${code}: ${message}`)
    }
    const { order_id, token } = answer ?? {}
    if (typeof order_id !== 'string' || typeof token !== 'string') {
      throw new ServerTrouble('the answer of saoma-server has no order_id and token')
    }
    return { order_id, token }
  }
}

/** fetch hides the reason (such as "connection refused") one level down. */
function reason(error) {
  return error.cause?.message || error.message
}
