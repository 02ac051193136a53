// Core's machine of one order on one screen, the same that kiosks run, for those who bring their
// own requests and timers. It runs as plain JavaScript: it is small, and needs no permission of a
// Content-Security-Policy.

import { create } from './core-checkout.js'
import { type Phase, type View } from './view.js'

export { type Phase, type View, BadView, parseView } from './view.js'

interface Exports {
  checkoutView(
    phase: number,
    version: number,
    expiresAt: number,
    serverTime: number,
    nowMs: number,
  ): number
  checkoutLost(): void
  checkoutOffline(): number
  checkoutScreen(nowMs: number): number
  checkoutLeft(nowMs: number): number
  checkoutPoll(nowMs: number): number
}

/** In core's order. */
const PHASES: readonly Phase[] = [
  'placing',
  'open',
  'closing',
  'paid',
  'shipped',
  'cancelled',
  'expired',
  'refunding',
  'refunded',
  'failed',
]

/** In core's order. */
const SCREENS = [
  'loading',
  'waiting',
  'checking',
  'paid',
  'cancelled',
  'expired',
  'refunding',
  'refunded',
  'failed',
] as const satisfies readonly Screen[]

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

/**
 * One order on one screen: views, lost connections and time go in; what to show and when to ask
 * again come out. It does no input or output and has no clock.
 *
 * `nowMs` is milliseconds on any clock that does not go back, such as `performance.now()`: the
 * server's own time comes with each view.
 *
 * ```js
 * import { Checkout, parseView } from '@saoma/checkout/machine'
 *
 * const checkout = new Checkout()
 * checkout.onView(parseView(await response.text()), performance.now())
 * checkout.screen(performance.now())      // 'waiting'
 * checkout.leftSeconds(performance.now()) // 899
 * checkout.nextPollMs(performance.now())  // 2000: ask again in two seconds
 * ```
 */
export class Checkout {
  readonly #core = create() as Exports

  /** The server answered. An older version than the known one changes nothing. */
  onView(view: View, nowMs: number): void {
    const { phase, version, expires_at, server_time } = view
    const number = PHASES.indexOf(phase)
    if (this.#core.checkoutView(number, version, expires_at, server_time, nowMs) === 0) {
      throw new RangeError('the view holds a number that cannot be')
    }
  }

  /** A question failed or the stream broke. */
  onLost(): void {
    this.#core.checkoutLost()
  }

  /** Whether the last question failed. */
  offline(): boolean {
    return this.#core.checkoutOffline() !== 0
  }

  /** What to show now; never `error`, which is for those who ask the server. */
  screen(nowMs: number): Exclude<Screen, 'error'> {
    return SCREENS[this.#core.checkoutScreen(nowMs)] ?? 'loading'
  }

  /** Whole seconds left to pay; 0 on every screen but `waiting`. */
  leftSeconds(nowMs: number): number {
    return this.#core.checkoutLeft(nowMs) >>> 0
  }

  /**
   * Milliseconds to wait before asking the server again. `undefined`: never again, because the
   * phase is final or the order's end is long past.
   */
  nextPollMs(nowMs: number): number | undefined {
    const ms = this.#core.checkoutPoll(nowMs)
    return ms < 0 ? undefined : ms
  }
}
