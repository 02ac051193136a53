// <saoma-checkout server="..." order="..." token="..." lang="...">
//
// Importing this file registers nothing and touches no window, so a server may import it too.

import { Face } from './face.js'
import { type Following, type Screen, type State, follow } from './follow.js'
import { css } from './style.js'
import { bestLanguage, textsFor } from './texts.js'

const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement

/** One sheet for all elements of a page; made when the first one is. */
let sheet: CSSStyleSheet | undefined

/**
 * Follows one order and shows it: the code, the amount, the time left, and how it ended.
 *
 * Attributes: `server` (default: the page's own origin), `order`, `token`, `lang`. It reflects
 * its screen in `data-phase` and a lost connection in `data-offline`, and fires `saoma:change`
 * at every new screen, then `saoma:waiting`, `saoma:paid`, `saoma:expired` and so on, all with
 * the {@link State} as `detail`.
 *
 * Slots: `brand` above the merchant, `aside` under the code, `paid` and `again` (order again)
 * under the results.
 */
export class SaomaCheckout extends Base {
  static readonly observedAttributes = ['server', 'order', 'token', 'lang']

  /** Used for every request in place of the page's own `fetch`; set before `order`. */
  fetch: typeof globalThis.fetch | undefined

  #face: Face | undefined
  #following: Following | undefined
  #state: State | undefined
  #restarting = false
  #watching: ResizeObserver | undefined

  /** The moment that is shown. */
  get state(): State | undefined {
    return this.#state
  }

  /** Asks the server to give the order up; see {@link Following.cancel}. */
  async cancel(): Promise<void> {
    await this.#following?.cancel()
  }

  connectedCallback(): void {
    const face = (this.#face ??= this.#build())
    this.#watching = new ResizeObserver(() => face.fit())
    this.#watching.observe(face.paper)
    this.#restart()
  }

  disconnectedCallback(): void {
    this.#watching?.disconnect()
    this.#following?.stop()
    this.#following = undefined
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return
    if (name === 'lang') this.#render()
    else this.#restart()
  }

  #build(): Face {
    const face = new Face(() => this.cancel())
    const root = this.attachShadow({ mode: 'open' })
    if (sheet === undefined) {
      sheet = new CSSStyleSheet()
      sheet.replaceSync(css)
    }
    root.adoptedStyleSheets = [sheet]
    root.append(face.root)
    return face
  }

  /** Begins anew with the attributes as they are once the page has set all of them. */
  #restart(): void {
    this.#following?.stop()
    this.#following = undefined
    this.#show({ screen: 'loading', leftSeconds: 0, offline: false, view: null, error: null })
    if (this.#restarting) return
    this.#restarting = true
    queueMicrotask(() => {
      this.#restarting = false
      this.#start()
    })
  }

  #start(): void {
    const order = this.getAttribute('order')
    const token = this.getAttribute('token')
    if (!order || !token || !this.isConnected || this.#following !== undefined) return
    this.#following = follow(
      {
        server: this.getAttribute('server') || location.origin,
        order,
        token,
        ...(this.fetch && { fetch: this.fetch }),
      },
      (state) => this.#show(state),
    )
  }

  #show(state: State): void {
    const news = this.#state?.screen !== state.screen
    this.#state = state
    this.dataset['phase'] = state.screen
    this.toggleAttribute('data-offline', state.offline)
    this.#render()
    if (!news) return
    if (state.error !== null) console.error(state.error)
    for (const name of ['saoma:change', `saoma:${state.screen}`]) {
      this.dispatchEvent(new CustomEvent(name, { detail: state, bubbles: true, composed: true }))
    }
  }

  #render(): void {
    if (this.#state === undefined) return
    const lang = this.closest<HTMLElement>('[lang]')?.lang || navigator.language
    this.#face?.render(this.#state, textsFor(lang), bestLanguage(lang))
  }
}

/** Registers the element under its name; a second time does nothing. */
export function define(): void {
  const registry = globalThis.customElements
  if (registry !== undefined && registry.get('saoma-checkout') === undefined) {
    registry.define('saoma-checkout', SaomaCheckout)
  }
}

/** What happened to an order, as its element tells it. */
export type SaomaEvent = CustomEvent<State>

declare global {
  interface HTMLElementTagNameMap {
    'saoma-checkout': SaomaCheckout
  }

  interface GlobalEventHandlersEventMap extends Record<`saoma:${Screen | 'change'}`, SaomaEvent> {}
}
