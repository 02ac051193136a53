// Core's Checkout machine, the same that kiosks run, as plain JavaScript: it is small, and needs
// no permission of a Content-Security-Policy.

import { create } from './core-checkout.js'
import type { Phase } from './view.js'

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
] as const

/**
 * One order on one screen: views, lost connections and time go in; what to show and when to ask
 * again come out. Times are milliseconds on the page's clock since it began to follow the order.
 */
export class Machine {
  readonly #core = create() as Exports

  /** The server answered with this view. `false`: the view is nonsense, and nothing changed. */
  onView(
    phase: Phase,
    version: number,
    expiresAt: number,
    serverTime: number,
    nowMs: number,
  ): boolean {
    const number = PHASES.indexOf(phase)
    return this.#core.checkoutView(number, version, expiresAt, serverTime, nowMs) !== 0
  }

  /** A question failed or the stream broke. */
  onLost(): void {
    this.#core.checkoutLost()
  }

  /** Whether the last question failed. */
  offline(): boolean {
    return this.#core.checkoutOffline() !== 0
  }

  /** What to show now. */
  screen(nowMs: number): (typeof SCREENS)[number] {
    return SCREENS[this.#core.checkoutScreen(nowMs)] ?? 'loading'
  }

  /** Seconds left to pay; 0 on every screen but `waiting`. */
  leftSeconds(nowMs: number): number {
    return this.#core.checkoutLeft(nowMs) >>> 0
  }

  /** Milliseconds to wait before asking the server again; `undefined`: never again. */
  nextPollMs(nowMs: number): number | undefined {
    const ms = this.#core.checkoutPoll(nowMs)
    return ms < 0 ? undefined : ms
  }
}
