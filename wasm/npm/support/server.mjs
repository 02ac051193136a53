// A server of one order on 127.0.0.1 that tests can break on purpose. It speaks docs/api.md and
// decides nothing: what it says is what the test last told it to say.

import http from 'node:http'
import { once } from 'node:events'

export const TOKEN = 'the-token-of-this-order'
export const ORDER = '20261123192600K7Q2M9XB'

/** A view as the server writes it. */
export function view(phase, version, more = {}) {
  return {
    order_id: ORDER,
    version,
    phase,
    amount_fen: 1800,
    merchant: '扫码咖啡',
    description: 'Oat latte',
    code_url: phase === 'open' ? 'weixin://wxpay/bizpayurl?pr=a1B2c3Dzz' : null,
    expires_at: 1_795_462_860,
    server_time: 1_795_461_960,
    ...more,
  }
}

export class OrderServer {
  /** `METHOD path` of each request. */
  requests = []
  /** The `Authorization` header of each request. */
  authorizations = []
  /** Answers instead of the usual: `(request, response) => true` when it did. */
  interfere = () => false
  #view
  #streams = new Set()
  #http
  #port = 0

  constructor(first) {
    this.#view = first
  }

  static async start(first) {
    const server = new OrderServer(first)
    await server.open()
    return server
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`
  }

  /** How many event streams are open. */
  get listeners() {
    return this.#streams.size
  }

  /** Starts to answer, on the same port as before. */
  async open() {
    this.#http = http.createServer((request, response) => this.#answer(request, response))
    this.#http.listen(this.#port, '127.0.0.1')
    await once(this.#http, 'listening')
    this.#port = this.#http.address().port
  }

  /** Stops answering, as a power cut does. */
  async close() {
    this.#http.closeAllConnections()
    this.#http.close()
    await once(this.#http, 'close')
  }

  /** From now on the order is like this; whoever listens is told. */
  set(next) {
    this.#view = next
    for (const stream of this.#streams) stream.write(event(next))
  }

  /** Breaks every stream in the middle of a word. */
  cut() {
    for (const stream of this.#streams) stream.destroy()
  }

  #answer(request, response) {
    this.requests.push(`${request.method} ${request.url}`)
    this.authorizations.push(request.headers.authorization)
    if (this.interfere(request, response)) return
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      response.writeHead(404).end('{"error":{"code":"not_found"}}')
    } else if (request.url === `/v1/orders/${ORDER}/events`) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write(event(this.#view))
      this.#streams.add(response)
      response.on('close', () => this.#streams.delete(response))
    } else {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify(this.#view))
    }
  }
}

export function event(data) {
  return `event: view\nid: ${data.version}\ndata: ${JSON.stringify(data)}\n\n`
}
