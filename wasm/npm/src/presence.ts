// Whether anybody can see the page, and whether it is on the net.

/** What a page hears of its surroundings. Outside of browsers nothing is ever heard. */
export interface Surroundings {
  /** Nobody sees the page from now on. `asleep`: and it may not run at all. */
  onAway(asleep: boolean): void
  /** Somebody looks again. */
  onBack(): void
  onOnline(): void
  onOffline(): void
}

export class Presence {
  #asleep = false
  #away = false
  readonly #surroundings: Surroundings
  readonly #listeners: readonly [EventTarget | undefined, string, () => void][]

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
    const page = globalThis.document as Document | undefined
    const window = page?.defaultView ?? undefined
    const look = () => this.#look()
    const sleep = () => this.#sleep(true)
    const rise = () => this.#sleep(false)
    this.#listeners = [
      [page, 'visibilitychange', look],
      [page, 'freeze', sleep],
      [page, 'resume', rise],
      // A page in the browser's store of pages to go back to is asleep as well.
      [window, 'pagehide', sleep],
      [window, 'pageshow', rise],
      [window, 'online', () => surroundings.onOnline()],
      [window, 'offline', () => surroundings.onOffline()],
    ]
    for (const [target, name, listener] of this.#listeners) {
      target?.addEventListener(name, listener)
    }
    this.#away = page?.hidden ?? false
  }

  /** Nobody sees the page. */
  get away(): boolean {
    return this.#away
  }

  /** The browser is about to stop the page, or has stopped it. */
  get asleep(): boolean {
    return this.#asleep
  }

  end(): void {
    for (const [target, name, listener] of this.#listeners) {
      target?.removeEventListener(name, listener)
    }
  }

  #sleep(asleep: boolean): void {
    this.#asleep = asleep
    this.#look()
    if (asleep) this.#surroundings.onAway(true)
  }

  #look(): void {
    const away = this.#asleep || globalThis.document.hidden
    if (away === this.#away) return
    this.#away = away
    if (away) this.#surroundings.onAway(this.#asleep)
    else this.#surroundings.onBack()
  }
}
