/** An end to waiting that can be put off. */
export class Patience {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal
  /** The time is over, and nobody ended it before. */
  ranOut = false
  #timer: ReturnType<typeof setTimeout>

  constructor(parent: AbortSignal, ms: number) {
    this.#parent = parent
    this.#timer = setTimeout(this.#runOut, ms)
    parent.addEventListener('abort', this.end, { once: true })
    if (parent.aborted) this.end()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Waits `ms` from now on, whatever was left. */
  extend(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.signal.aborted) this.#timer = setTimeout(this.#runOut, ms)
  }

  readonly #runOut = (): void => {
    this.ranOut = true
    this.end()
  }

  /** Ends it now, and whatever still uses its signal. */
  readonly end = (): void => {
    clearTimeout(this.#timer)
    this.#parent.removeEventListener('abort', this.end)
    this.#controller.abort()
  }
}
