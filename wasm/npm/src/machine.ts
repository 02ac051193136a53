// Core's machine of one order on one screen, for those who bring their own requests and timers.

import type { View } from './view.js'
import { core } from './wasm.js'

export { type Phase, type View, BadView, parseView } from './view.js'
export { type WasmSource, load } from './wasm.js'

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
 * again come out. It does no input or output and has no clock. Make it after `await load()`, and
 * `free()` it when it is done.
 *
 * `nowMs` is milliseconds on any clock that does not go back, such as `performance.now()`: the
 * server's own time comes with each view.
 *
 * ```js
 * import { Checkout, load, parseView } from '@saoma/checkout/machine'
 *
 * await load()
 * const checkout = new Checkout()
 * checkout.onView(parseView(await response.text()), performance.now())
 * checkout.screen(performance.now())      // 'waiting'
 * checkout.leftSeconds(performance.now()) // 899
 * checkout.nextPollMs(performance.now())  // 2000: ask again in two seconds
 * ```
 */
export class Checkout {
  readonly #core = new (core().Checkout)()

  /** The server answered. An older version than the known one changes nothing. */
  onView(view: View, nowMs: number): void {
    const { phase, version, expires_at, server_time } = view
    if (!this.#core.onView(phase, version, expires_at, server_time, nowMs)) {
      throw new RangeError('the view holds a number that cannot be')
    }
  }

  /** A question failed or the stream broke. */
  onLost(): void {
    this.#core.onLost()
  }

  /** Whether the last question failed. */
  offline(): boolean {
    return this.#core.offline()
  }

  /** What to show now; never `error`, which is for those who ask the server. */
  screen(nowMs: number): Exclude<Screen, 'error'> {
    return this.#core.screen(nowMs)
  }

  /** Whole seconds left to pay; 0 on every screen but `waiting`. */
  leftSeconds(nowMs: number): number {
    return this.#core.leftSeconds(nowMs)
  }

  /**
   * Milliseconds to wait before asking the server again. `undefined`: never again, because the
   * phase is final or the order's end is long past.
   */
  nextPollMs(nowMs: number): number | undefined {
    return this.#core.nextPollMs(nowMs)
  }

  /** Gives its memory back; it is not used after this. */
  free(): void {
    this.#core.free()
  }
}
