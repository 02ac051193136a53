/** An end to waiting that can be put off. */
export class Patience {
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
