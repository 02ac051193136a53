// Following one order: by server-sent events, by questions where events do not come through, and
// until nothing more can happen.
//
// What to show and when to ask again is decided by core's Checkout machine, the same that kiosks
// run; this file is its ears and its clock.

import { Machine } from './machine.js'
import { readEvents } from './sse.js'
import { type View, parseView } from './view.js'

export { type Phase, type View, BadView, parseView } from './view.js'

/** What a checkout shows. */
export type Screen =
  /** No code yet. */
  | 'loading'
  /** The code, the amount and the time left. */
  | 'waiting'
  /** The time is over or the order is being closed; the last word is not in yet. */
  | 'checking'
  | 'paid'
  /** Given up; nothing was paid. */
  | 'cancelled'
  /** Too late; nothing was paid. */
  | 'expired'
  /** A payment that may not be kept goes back. */
  | 'refunding'
  | 'refunded'
  /** The order could not be made. */
  | 'failed'
  /** This page cannot show this order at all. */
  | 'error'

/** One moment of an order on a screen. */
export interface State {
  readonly screen: Screen
  /** Whole seconds left to pay; 0 on every screen but `waiting`. */
  readonly leftSeconds: number
  /** The server cannot be reached at the moment. */
  readonly offline: boolean
  /** The newest view, or `null` before the first. */
  readonly view: View | null
  /** On the screen `error`: why. */
  readonly error: Error | null
}

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

export interface Following {
  /** The moment that was last told. */
  readonly state: State
  /**
   * Asks the server to give the order up, and resolves when the server has answered; what came
   * of it is told as a state, like everything. Rejects when the server cannot be reached.
   */
  cancel(): Promise<void>
  /** Ends it: no request, no timer and no call after this. */
  stop(): void
}

/** The first view comes at once; a stream without it after this time is held up by something. */
const FIRST_EVENT_MS = 5_000
/** The server says at least a comment every 15 s; after this silence the line is dead. */
const SILENCE_MS = 25_000
/** Longest wait for one answer. Placing an order takes the server about two seconds. */
const ANSWER_MS = 10_000
/** After so many streams without a view from a server that answers, there is no listening. */
const FRUITLESS_MAX = 2
/** How often the time left is looked at. */
const TICK_MS = 250

const NOTHING: State = {
  screen: 'loading',
  leftSeconds: 0,
  offline: false,
  view: null,
  error: null,
}

/**
 * Follows an order and calls `onState` with each new moment, beginning with the first answer.
 * Calls stop by themselves when the order's phase is final.
 */
export function follow(options: FollowOptions, onState: (state: State) => void): Following {
  const follower = new Follower(options, onState)
  void follower.run()
  return {
    get state() {
      return follower.state
    },
    cancel: () => follower.cancel(),
    stop: () => follower.stop(),
  }
}

/** The server knows no such order, or not with this token. Asking again cannot help. */
export class UnknownOrder extends Error {
  override readonly name = 'UnknownOrder'
}

class Follower {
  state: State = NOTHING
  readonly #options: FollowOptions
  readonly #fetch: typeof globalThis.fetch
  readonly #onState: (state: State) => void
  readonly #stop = new AbortController()
  /** Any origin will do for the machine; small numbers are the easiest to read. */
  readonly #began = Date.now()
  #machine: Machine | undefined
  #ticking: ReturnType<typeof setInterval> | undefined
  /** Ends the pause between two attempts. */
  #wake: () => void = () => {}
  /** Breaks the stream that is being read. */
  #cut: () => void = () => {}

  constructor(options: FollowOptions, onState: (state: State) => void) {
    this.#options = options
    this.#onState = onState
    // Called as a plain function: window.fetch refuses any other `this`.
    const send = options.fetch ?? globalThis.fetch
    this.#fetch = (input, init) => send(input, init)
  }

  async run(): Promise<void> {
    try {
      this.#machine = new Machine()
      this.#ticking = setInterval(() => this.#tell(), TICK_MS)
      globalThis.addEventListener?.('online', this.#onOnline)
      globalThis.addEventListener?.('offline', this.#onOffline)
      await this.#loop()
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#end()
    }
  }

  async #loop(): Promise<void> {
    let listening = this.#options.events !== false
    let fruitless = 0
    while (!this.#stop.signal.aborted) {
      let heard = listening && (await this.#listen())
      if (!heard) {
        heard = await this.#ask()
        // The server answers, but something on the way holds its events back.
        if (heard && ++fruitless >= FRUITLESS_MAX) listening = false
      } else {
        fruitless = 0
      }
      if (!heard) this.#machine?.onLost()
      this.#tell()
      const pause_ms = this.#machine?.nextPollMs(this.#now())
      if (pause_ms === undefined) return
      await this.#sleep(pause_ms)
    }
  }

  /** Reads the event stream until it ends or breaks. Whether any view came. */
  async #listen(): Promise<boolean> {
    const patience = new Patience(this.#stop.signal, ANSWER_MS)
    this.#cut = () => patience.end()
    let heard = false
    try {
      const response = await this.#send('/events', 'text/event-stream', patience.signal)
      if (!response.ok || response.body === null) return false
      patience.extend(FIRST_EVENT_MS)
      const onAlive = () => {
        if (heard) patience.extend(SILENCE_MS)
      }
      for await (const data of readEvents(response.body, onAlive)) {
        this.#hear(data)
        heard = true
        patience.extend(SILENCE_MS)
        if (this.#machine?.nextPollMs(this.#now()) === undefined) break
      }
    } catch (error) {
      if (error instanceof UnknownOrder) throw error
    } finally {
      this.#cut = () => {}
      patience.end()
    }
    return heard
  }

  /** Asks once. Whether a view came. */
  async #ask(): Promise<boolean> {
    const patience = new Patience(this.#stop.signal, ANSWER_MS)
    try {
      const response = await this.#send('', 'application/json', patience.signal)
      if (!response.ok) return false
      this.#hear(await response.text())
      return true
    } catch (error) {
      if (error instanceof UnknownOrder) throw error
      return false
    } finally {
      patience.end()
    }
  }

  async cancel(): Promise<void> {
    const patience = new Patience(this.#stop.signal, ANSWER_MS)
    try {
      const response = await this.#send('/cancel', 'application/json', patience.signal, 'POST')
      // 409: it is paid already. The news of that is on its way, or is asked for now.
      if (response.status === 409) return this.#wake()
      if (!response.ok) throw new Error(`the server answered ${response.status}`)
      this.#hear(await response.text())
    } finally {
      patience.end()
    }
  }

  stop(): void {
    this.#stop.abort()
    this.#wake()
    this.#end()
  }

  async #send(
    path: '' | '/events' | '/cancel',
    accept: string,
    signal: AbortSignal,
    method = 'GET',
  ): Promise<Response> {
    const { server, order, token } = this.#options
    const base = String(server).replace(/\/+$/, '')
    const response = await this.#fetch(`${base}/v1/orders/${encodeURIComponent(order)}${path}`, {
      method,
      headers: { Accept: accept, Authorization: `Bearer ${token}` },
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      signal,
    })
    if (response.status === 401 || response.status === 404) {
      throw new UnknownOrder('the server knows no such order, or not with this token')
    }
    return response
  }

  /** Takes a view in. Throws when it is none; then nothing has changed. */
  #hear(json: string): void {
    const machine = this.#machine
    if (machine === undefined || this.#stop.signal.aborted) return
    const view = parseView(json)
    const { phase, version, expires_at, server_time } = view
    if (!machine.onView(phase, version, expires_at, server_time, this.#now())) {
      throw new RangeError('the view holds a number that cannot be')
    }
    if (version >= (this.state.view?.version ?? 0)) this.#tell(view)
  }

  #tell(view: View | null = this.state.view): void {
    const machine = this.#machine
    if (machine === undefined || this.#stop.signal.aborted) return
    const now = this.#now()
    const next: State = {
      screen: machine.screen(now),
      leftSeconds: machine.leftSeconds(now),
      offline: machine.offline(),
      view,
      error: null,
    }
    this.#change(next)
  }

  #fail(reason: unknown): void {
    if (this.#stop.signal.aborted) return
    const error = reason instanceof Error ? reason : new Error(String(reason))
    this.#change({ ...this.state, screen: 'error', leftSeconds: 0, error })
  }

  #change(next: State): void {
    const last = this.state
    const same =
      last.screen === next.screen &&
      last.leftSeconds === next.leftSeconds &&
      last.offline === next.offline &&
      last.view?.version === next.view?.version &&
      last.view?.code_url === next.view?.code_url
    this.state = next
    if (same) return
    try {
      this.#onState(next)
    } catch (error) {
      // The listener's own trouble: the order is followed on.
      console.error(error)
    }
  }

  #now(): number {
    return Date.now() - this.#began
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #onOnline = (): void => this.#wake()
  #onOffline = (): void => {
    this.#cut()
    this.#machine?.onLost()
    this.#tell()
  }

  /** Gives everything back; may be called twice. */
  #end(): void {
    clearInterval(this.#ticking)
    globalThis.removeEventListener?.('online', this.#onOnline)
    globalThis.removeEventListener?.('offline', this.#onOffline)
    this.#machine = undefined
  }
}

/** An end to waiting that can be put off. */
class Patience {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal
  #timer: ReturnType<typeof setTimeout>

  constructor(parent: AbortSignal, ms: number) {
    this.#parent = parent
    this.#timer = setTimeout(this.end, ms)
    parent.addEventListener('abort', this.end, { once: true })
    if (parent.aborted) this.end()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Waits `ms` from now on, whatever was left. */
  extend(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.signal.aborted) this.#timer = setTimeout(this.end, ms)
  }

  /** Ends it now, and whatever still uses its signal. */
  readonly end = (): void => {
    clearTimeout(this.#timer)
    this.#parent.removeEventListener('abort', this.end)
    this.#controller.abort()
  }
}
