// The page's time: it never goes back, and it knows when the machine slept.

/** The two clocks of a page may part by this much before it means something. */
const JUMP_MS = 2_000

/**
 * Milliseconds since this was made. `Date` goes wherever somebody sets it and `performance` may
 * stand still while a laptop sleeps, so the one is read and the other only watched.
 */
export class Clock {
  #zero = performance.now()
  #apart = Date.now() - performance.now()

  now(): number {
    return performance.now() - this.#zero
  }

  /**
   * Whether the machine slept, or its clock was set, since the last look. Time that seems to have
   * been slept through counts as passed: the next view tells when it was not.
   */
  jumped(): boolean {
    const jump = Date.now() - performance.now() - this.#apart
    if (Math.abs(jump) < JUMP_MS) return false
    this.#apart += jump
    if (jump > 0) this.#zero -= jump
    return true
  }
}
