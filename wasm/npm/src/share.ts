// One order in several tabs, or several times on one page: one of them listens to the server and
// tells the others. Browsers allow six connections to a host of HTTP/1.1, so that six tabs that
// all listen would leave none to ask with.
//
// Web Locks say who listens, a BroadcastChannel carries the views. Both reach only pages of the
// same origin in the same browser. Where they are missing (pages without TLS), each listens for
// itself.

/** So many streams to one server, of whatever orders, leave connections to ask with. */
const STREAMS_MAX = 4
/** Words that waited longer, in a page that was stopped, are no news. */
const STALE_MS = 2_000

/** What one tab tells the others: a view's JSON, `''` for "the line is alive", `null`: lost. */
export type Word = string | null

export class Share {
  /** Whether it is on this one to listen to the server. */
  leads = false
  readonly #server: string
  readonly #name: string
  readonly #onWord: (word: Word) => void
  readonly #onTurn: () => void
  #channel: BroadcastChannel | undefined
  #turn: AbortController | undefined

  /** `key`: whoever knows it hears everything, so the order's token is part of it. */
  constructor(server: string, key: string, onWord: (word: Word) => void, onTurn: () => void) {
    this.#server = `saoma ${server}`
    this.#name = `saoma ${server} ${key}`
    this.#onWord = onWord
    this.#onTurn = onTurn
  }

  /** Hears the others from now on. */
  open(): void {
    if (this.#channel !== undefined || locks() === undefined) return
    try {
      this.#channel = new BroadcastChannel(this.#name)
    } catch {
      // Refused where a visitor lets no page keep anything.
      return
    }
    this.#channel.onmessage = ({ data }: MessageEvent<{ at: number; word: Word }>) => {
      if (Math.abs(Date.now() - data.at) < STALE_MS) this.#onWord(data.word)
    }
  }

  /** Hears and tells nothing any more, and leaves the line. */
  close(): void {
    this.leave()
    this.#channel?.close()
    this.#channel = undefined
  }

  tell(word: Word): void {
    this.#channel?.postMessage({ at: Date.now(), word })
  }

  /** Leads if nobody does, else stands in line until it is this one's turn. */
  async join(): Promise<void> {
    if (this.#turn !== undefined) return
    const turn = new AbortController()
    this.#turn = turn
    const taken = await this.#request(turn, true)
    if (!taken && !turn.signal.aborted) void this.#request(turn, false)
  }

  leave(): void {
    this.#turn?.abort()
    this.#turn = undefined
    this.leads = false
  }

  /**
   * Runs `work` while no more than a few do on this server; `undefined`: there are enough already.
   */
  async stream<T>(work: () => Promise<T>): Promise<T | undefined> {
    const manager = locks()
    if (manager === undefined) return work()
    let running: Promise<T> | undefined
    const hold = (lock: Lock | null) => (lock === null ? undefined : (running = work()))
    for (let at = 0; at < STREAMS_MAX && running === undefined; at += 1) {
      await manager
        .request(`${this.#server} ${at}`, { ifAvailable: true }, hold)
        // Refused before it began: then nobody counts.
        .catch(() => (running ??= work()))
    }
    return running
  }

  /** Resolves when the lock is held, or cannot be had at once. */
  #request(turn: AbortController, ifAvailable: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const lead = (): void => {
        this.leads = true
        resolve(true)
        if (!ifAvailable) this.#onTurn()
      }
      const manager = locks()
      // Whoever cannot hear the others listens for itself.
      if (manager === undefined || this.#channel === undefined) return lead()
      const held = (lock: Lock | null): Promise<void> | undefined => {
        if (lock === null || turn.signal.aborted) return void resolve(false)
        lead()
        return new Promise((release) => {
          turn.signal.addEventListener('abort', () => release(), { once: true })
        })
      }
      const options = ifAvailable ? { ifAvailable } : { signal: turn.signal }
      // Refused in frames without an origin of their own: then it is on everyone.
      manager.request(this.#name, options, held).catch(() => {
        if (turn.signal.aborted) resolve(false)
        else lead()
      })
    })
  }
}

function locks(): LockManager | undefined {
  const navigator = globalThis.navigator as Navigator | undefined
  return typeof BroadcastChannel === 'undefined' ? undefined : navigator?.locks
}
