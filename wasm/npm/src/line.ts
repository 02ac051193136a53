// The requests about one order (docs/api.md, section 2).

export interface FollowOptions {
  /** Where saoma-server is, such as `https://pay.example.com`. */
  server: string | URL
  /** The `order_id` that the server gave to the shop. */
  order: string
  /** The order's own token; never a shop key. */
  token: string
  /** Used instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch
  /** `false`: only ask, never listen. */
  events?: boolean
}

/** The server knows no such order, or not with this token. Asking again cannot help. */
export class UnknownOrder extends Error {
  override readonly name = 'UnknownOrder'
}

/** Sends requests about one order, with its token in a header and never in an address. */
export class Line {
  /** Where the server is, without a slash at the end. */
  readonly server: string
  readonly #url: string
  readonly #token: string
  readonly #fetch: typeof globalThis.fetch

  constructor(options: FollowOptions) {
    this.server = String(options.server).replace(/\/+$/, '')
    this.#url = `${this.server}/v1/orders/${encodeURIComponent(options.order)}`
    this.#token = options.token
    // Called as a plain function: window.fetch refuses any other `this`.
    const send = options.fetch ?? globalThis.fetch
    this.#fetch = (input, init) => send(input, init)
  }

  /** Throws {@link UnknownOrder} when the server says that there is none. */
  async send(
    path: '' | '/events' | '/cancel',
    accept: string,
    signal: AbortSignal,
    method = 'GET',
  ): Promise<Response> {
    const response = await this.#fetch(`${this.#url}${path}`, {
      method,
      headers: { Accept: accept, Authorization: `Bearer ${this.#token}` },
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      signal,
    })
    const { status } = response
    // Something on the way may say 404 as well, while a server is exchanged for example.
    if ((status === 401 || status === 404) && (await isOurs(response))) {
      throw new UnknownOrder('the server knows no such order, or not with this token')
    }
    return response
  }
}

/** Whether the server itself refused, in its own words (docs/api.md, section 4). */
async function isOurs(response: Response): Promise<boolean> {
  const answer = (await response.json().catch(() => null)) as { error?: { code?: unknown } } | null
  const code = answer?.error?.code
  return code === 'not_found' || code === 'unauthorized'
}
