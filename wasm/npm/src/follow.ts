// Following one order: by server-sent events, by questions where events do not come through, and
// until nothing more can happen.
//
// What to show and when to ask again is decided by core's Checkout machine, the same that kiosks
// run; this file is its ears. Where nobody looks it is quiet, and of several tabs on one order
// one listens for all.

import { Clock } from './clock.js'
import { type FollowOptions, Line, UnknownOrder } from './line.js'
import { Checkout, type Screen } from './machine.js'
import { Patience } from './patience.js'
import { Presence } from './presence.js'
import { Share, type Word } from './share.js'
import { readEvents } from './sse.js'
import { type View, isFinal, parseView } from './view.js'

export { type FollowOptions, UnknownOrder } from './line.js'
export type { Screen } from './machine.js'
export { type Phase, type View, BadView, parseView } from './view.js'

/** One moment of an order on a screen. */
export interface State {
  readonly screen: Screen
  /** Whole seconds left to pay; 0 on every screen but `waiting`. */
  readonly leftSeconds: number
  /** The server cannot be reached at the moment, or its last word was given up. */
  readonly offline: boolean
  /** The newest view, or `null` before the first. */
  readonly view: View | null
  /** On the screen `error`: why. */
  readonly error: Error | null
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

/** While a stream does not bring its first view, the order is asked for so often as well. */
const HURRY_MS = 1_000
/** The first view comes at once; a stream without it after this time is held up by something. */
const FIRST_EVENT_MS = 5_000
/** The server says at least a comment every 15 s; after this silence the line is dead. */
const SILENCE_MS = 25_000
/** Longest wait for one answer. Placing an order takes the server about two seconds. */
const ANSWER_MS = 10_000
/**
 * When there is no listening any more: after two streams in a row that were held up on the way, or
 * eight that broke before they said anything. A line that is just bad breaks a few.
 */
const FRUITLESS_MAX = 8
const FRUITLESS = { held: 4, broken: 1 }
/** A stream that was cut is opened again after this time, doubled for each cut in a row. */
const AGAIN_MS = 125
/** A stream that lived so long was a good one: its cut is the first in a row. */
const GOOD_STREAM_MS = 5_000
/** How often the time left is looked at. */
const TICK_MS = 250
/** A page that nobody sees asks so seldom, and so often in all until somebody looks again. */
const AWAY_MS = 30_000
const AWAY_ASKS_MAX = 40
/** Who comes back finds the net asleep, perhaps: then even what is long past is asked again. */
const COME_BACK_MS = 60_000
const COME_BACK_POLL_MS = 5_000
/** The longest time that a timer takes. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** What is known before anything is heard. */
export const NOTHING: State = {
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

class Follower {
  state: State = NOTHING
  readonly #options: FollowOptions
  readonly #line: Line
  readonly #onState: (state: State) => void
  readonly #stop = new AbortController()
  readonly #clock = new Clock()
  readonly #share: Share
  #presence: Presence | undefined
  #machine: Checkout | undefined
  #ticking: ReturnType<typeof setInterval> | undefined
  /** Streams may come through. */
  #listening: boolean
  #fruitless = 0
  /** Streams in a row that were cut early. */
  #cuts = 0
  /** Questions since nobody looks. */
  #awayAsks = 0
  /** When a sign of the server came last, here or in another tab. */
  #heardAt = 0
  /** When the last attempt was over. */
  #triedAt = 0
  /** Spreads the pages that lost the same server. */
  #spread = 1
  #asap = false
  /** Somebody or something came back a short while ago. */
  #backUntil = 0
  /** Ends the pause between two attempts, to look at its length again. */
  #nudge: () => void = () => {}
  /** Breaks the stream that is being read. */
  #cut: () => void = () => {}

  constructor(options: FollowOptions, onState: (state: State) => void) {
    this.#options = options
    this.#onState = onState
    this.#line = new Line(options)
    this.#listening = options.events !== false
    const key = `${options.order} ${options.token}`
    const onWord = (word: Word) => this.#onWord(word)
    this.#share = new Share(this.#line.server, key, onWord, () => this.#wake())
  }

  async run(): Promise<void> {
    try {
      this.#machine = new Checkout()
      this.#presence = new Presence({
        onAway: () => this.#onAway(),
        onBack: () => this.#onBack(),
        onOnline: () => this.#wake(),
        onOffline: () => this.#onOffline(),
      })
      this.#share.open()
      await this.#loop()
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#end()
    }
  }

  async #loop(): Promise<void> {
    while (!this.#isDone()) {
      this.#asap = false
      this.#clock.jumped()
      this.#tick(!this.#isAway())
      const heard = await this.#attempt()
      this.#triedAt = this.#clock.now()
      if (!heard && !this.#isDone()) {
        this.#lose()
        this.#share.tell(null)
      }
      this.#tell()
      await this.#rest()
    }
  }

  /** Listens or asks once. Whether the server was heard. */
  async #attempt(): Promise<boolean> {
    if (this.#isAway()) {
      this.#awayAsks += 1
      return this.#ask()
    }
    await this.#share.join()
    if (!this.#share.leads || !this.#listening) return this.#ask()
    const stream = await this.#share.stream(() => this.#listen())
    if (stream === 'heard' || this.#isAway() || this.#isDone()) return true
    const heard = await this.#ask()
    // The server answers, but something on the way holds its events back.
    if (heard && stream !== undefined) this.#fruitless += FRUITLESS[stream]
    if (this.#fruitless >= FRUITLESS_MAX) this.#listening = false
    return heard
  }

  /** Waits until it is time to try again; looks again whenever that time may have changed. */
  async #rest(): Promise<void> {
    while (!this.#isDone()) {
      const wait_ms = this.#due() - this.#clock.now()
      if (wait_ms <= 0) return
      if (wait_ms === Infinity) this.#giveUp()
      await this.#sleep(Math.min(wait_ms, TIMER_MAX_MS))
    }
  }

  /** When to try again, on our clock. */
  #due(): number {
    if (this.#asap) return 0
    const pause_ms = this.#pollMs() ?? this.#comeBackMs()
    if (pause_ms === undefined || this.#presence?.asleep) return Infinity
    if (this.#isAway()) {
      const last = Math.max(this.#heardAt, this.#triedAt)
      return this.#awayAsks < AWAY_ASKS_MAX ? last + AWAY_MS : Infinity
    }
    if (this.#machine?.offline()) return this.#triedAt + pause_ms * this.#spread
    if (!this.#share.leads) return this.#heardAt + SILENCE_MS
    if (this.#cuts === 0) return this.#triedAt + pause_ms
    return this.#triedAt + Math.min(pause_ms, AGAIN_MS << Math.min(this.#cuts, 3))
  }

  #comeBackMs(): number | undefined {
    const isBack = this.#machine?.offline() && this.#clock.now() < this.#backUntil
    return isBack ? COME_BACK_POLL_MS : undefined
  }

  /**
   * `undefined`: there is nothing more to ask, unless somebody comes back and looks. It is never so
   * while the order can be paid, however long that is.
   */
  #pollMs(): number | undefined {
    return this.#machine?.nextPollMs(this.#clock.now())
  }

  /** Asks no more for now. Where the last word is not in, nobody shall wait for it in vain. */
  #giveUp(): void {
    this.#tick(false)
    if (this.#pollMs() !== undefined || this.#machine?.offline()) return
    this.#backUntil = 0
    this.#lose()
    this.#tell()
  }

  /**
   * Reads the event stream until it ends or breaks. `held`: patience ran out before a view, or in
   * silence; so do streams that something on the way holds back. `broken`: it ended before a view.
   */
  async #listen(): Promise<'heard' | 'held' | 'broken'> {
    const patience = new Patience(this.#stop.signal, FIRST_EVENT_MS)
    this.#cut = () => patience.end()
    let asking = Promise.resolve(true)
    const hurry = setInterval(() => {
      asking = asking.then(() => patience.signal.aborted || heard || this.#ask()).catch(() => false)
    }, HURRY_MS)
    const began = this.#clock.now()
    let heard = false
    try {
      const response = await this.#line.send('/events', 'text/event-stream', patience.signal)
      if (!response.ok || response.body === null) return 'broken'
      const onAlive = () => {
        if (!heard) return
        this.#heardAt = this.#clock.now()
        patience.extend(SILENCE_MS)
        this.#share.tell('')
        // A server that has nothing to tell does not keep the page for ever.
        if (this.#pollMs() === undefined) patience.end()
      }
      for await (const data of readEvents(response.body, onAlive)) {
        this.#hear(data)
        heard = true
        clearInterval(hurry)
        onAlive()
        if (this.#isDone()) break
      }
    } catch (error) {
      if (error instanceof UnknownOrder) throw error
    } finally {
      clearInterval(hurry)
      this.#cut = () => {}
      patience.end()
    }
    const now = this.#clock.now()
    if (patience.ranOut) return 'held'
    if (!heard) return 'broken'
    this.#cuts = now - began < GOOD_STREAM_MS ? this.#cuts + 1 : 1
    this.#fruitless = 0
    return 'heard'
  }

  /** Asks once. Whether a view came. */
  async #ask(): Promise<boolean> {
    const patience = new Patience(this.#stop.signal, ANSWER_MS)
    try {
      const response = await this.#line.send('', 'application/json', patience.signal)
      if (!response.ok) return false
      this.#hear(await response.text())
      this.#cuts = 0
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
      const response = await this.#line.send('/cancel', 'application/json', patience.signal, 'POST')
      // 409: it is paid already. Whatever is being read has not brought that: it is asked for now.
      if (response.status === 409) {
        this.#cut()
        return this.#wake()
      }
      if (!response.ok) throw new Error(`the server answered ${response.status}`)
      this.#hear(await response.text())
    } finally {
      patience.end()
    }
  }

  stop(): void {
    this.#stop.abort()
    this.#nudge()
    this.#end()
  }

  /** Takes a view in. Throws when it is none; then nothing has changed. */
  #hear(json: string, shared = false): void {
    const machine = this.#machine
    if (machine === undefined || this.#stop.signal.aborted) return
    const view = parseView(json)
    machine.onView(view, this.#clock.now())
    this.#heardAt = this.#clock.now()
    if (!shared) this.#share.tell(json)
    if (view.version >= (this.state.view?.version ?? 0)) this.#tell(view)
  }

  /** Another tab tells what it heard. */
  #onWord(word: Word): void {
    if (word === null) {
      if (!this.#share.leads) this.#lose()
      return this.#tell()
    }
    this.#heardAt = this.#clock.now()
    try {
      if (word !== '') this.#hear(word, true)
    } catch {
      // From a page of another version, perhaps. Its word counts as none.
    }
    if (this.#isDone()) this.#cut()
    this.#nudge()
  }

  #lose(): void {
    this.#machine?.onLost()
    this.#spread = 1 + Math.random() / 4
  }

  #tell(view: View | null = this.state.view): void {
    const machine = this.#machine
    if (machine === undefined || this.#stop.signal.aborted) return
    const now = this.#clock.now()
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

  /** Nothing more can happen, or nobody wants to know. */
  #isDone(): boolean {
    const phase = this.state.view?.phase
    return this.#stop.signal.aborted || (phase !== undefined && isFinal(phase))
  }

  #isAway(): boolean {
    return this.#presence?.away ?? false
  }

  /** Shows how the time runs down, and notices when it made a jump. */
  #tick(on: boolean): void {
    if (!on) {
      clearInterval(this.#ticking)
      this.#ticking = undefined
    }
    if (!on || this.#ticking !== undefined) return
    this.#ticking = setInterval(() => {
      if (this.#clock.jumped()) {
        this.#cut()
        this.#wake()
      }
      this.#tell()
    }, TICK_MS)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms < TIMER_MAX_MS ? setTimeout(resolve, ms) : undefined
      this.#nudge = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Asks at once. */
  #wake(): void {
    this.#asap = true
    this.#backUntil = this.#clock.now() + COME_BACK_MS
    this.#listening = this.#options.events !== false && this.#fruitless < FRUITLESS_MAX
    this.#nudge()
  }

  /** Nobody looks: no stream, few questions; other tabs are still heard, they cost nothing. */
  #onAway(): void {
    if (this.#presence?.asleep) this.#share.close()
    else this.#share.open()
    this.#share.leave()
    this.#tick(false)
    this.#cut()
    this.#nudge()
  }

  /** Somebody looks again: what is shown must be right at once. */
  #onBack(): void {
    this.#awayAsks = 0
    this.#fruitless = 0
    this.#share.open()
    this.#cut()
    this.#wake()
    this.#tell()
  }

  #onOffline(): void {
    this.#cut()
    this.#lose()
    this.#tell()
  }

  /** Gives everything back; may be called twice. */
  #end(): void {
    this.#tick(false)
    this.#presence?.end()
    this.#share.close()
    this.#machine = undefined
  }
}
