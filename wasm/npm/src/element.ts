// <saoma-checkout server="..." order="..." token="..." lang="..." theme="...">
//
// Importing this file registers nothing and touches no window, so a server may import it too.

import { type Device, Face, type Setting } from './face.js'
import { type Following, type Screen, type State, NOTHING, follow } from './follow.js'
import { css } from './style.js'
import { bestLanguage, textsFor } from './texts.js'
import { isFinal } from './view.js'

const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement

/** A full ring, where the page says nothing else: as long as saoma-server lets a customer pay. */
const LIFETIME_S = 900

/** A finger on something small: most likely the phone that would have to scan itself. */
const PHONE = '(pointer: coarse) and (max-width: 600px), (pointer: coarse) and (max-height: 500px)'

/** What a shop gives for one order. */
export interface NewOrder {
  order: string
  token: string
}

/** Nothing is left to pay on these, and no time runs: what they say stays true. */
const OVER: ReadonlySet<Screen> = new Set<Screen>([
  ...(['paid', 'cancelled', 'expired'] as const),
  ...(['refunding', 'refunded', 'failed'] as const),
])

/** One sheet for all elements of a page; made when the first one is. */
let sheet: CSSStyleSheet | undefined

/**
 * Follows one order and shows it: the code, the amount, the time left, and how it ended.
 *
 * Attributes: `server` (default: the page's own origin), `order`, `token`, `lang`, `theme`
 * (`light`, `dark`, or `auto`), `device` (`screen`, `phone` or `wechat`, where the page knows
 * better), `link` (an address under which another device can pay this order) and `lifetime` (the
 * seconds of a full ring). It reflects its screen in `data-phase` and a lost connection in
 * `data-offline`, and fires `saoma:change` at every new screen, then `saoma:waiting`,
 * `saoma:paid`, `saoma:expired` and so on, and `saoma:offline` and `saoma:online`, all with the
 * {@link State} as `detail`.
 *
 * Slots: `brand` and `summary` at the top; `phone`, `steps` and `aside` around the code; one with
 * the name of each screen without a code (`paid`, `expired`, ...); `again` (order again); `trust`.
 */
export class SaomaCheckout extends Base {
  static readonly observedAttributes = [
    ...['server', 'order', 'token'],
    ...['lang', 'device', 'link', 'lifetime'],
  ]

  #fetch: typeof globalThis.fetch | undefined
  #refresh: (() => Promise<NewOrder>) | null = null
  #face: Face | undefined
  #following: Following | undefined
  /** Server, order and token of what is followed, or was. */
  #followed = ''
  #state: State | undefined
  #restarting = false
  #watching: ResizeObserver | undefined
  #phone: MediaQueryList | undefined

  constructor() {
    super()
    // What a page set before the element was registered.
    for (const name of ['fetch', 'refresh'] as const) {
      const value = Object.getOwnPropertyDescriptor(this, name)?.value
      if (Reflect.deleteProperty(this, name) && value !== undefined) this[name] = value
    }
  }

  /** The moment that is shown. */
  get state(): State | undefined {
    return this.#state
  }

  /** Used for every request in place of the page's own `fetch`; set before `order`. */
  get fetch(): typeof globalThis.fetch | undefined {
    return this.#fetch
  }

  set fetch(fetch: typeof globalThis.fetch | undefined) {
    this.#fetch = fetch
  }

  /**
   * Asks the shop for a new order, when this one ended without payment. Once it is set, the
   * customer has a button for it, and the element goes on with what it gives.
   */
  get refresh(): (() => Promise<NewOrder>) | null {
    return this.#refresh
  }

  set refresh(refresh: (() => Promise<NewOrder>) | null | undefined) {
    this.#refresh = refresh ?? null
    this.#render()
  }

  /** Asks the server to give the order up; see {@link Following.cancel}. */
  async cancel(): Promise<void> {
    await this.#following?.cancel()
  }

  connectedCallback(): void {
    const face = (this.#face ??= this.#build())
    this.#watching = new ResizeObserver(() => face.fit())
    this.#watching.observe(face.paper)
    this.#phone = matchMedia(PHONE)
    this.#phone.addEventListener('change', this.#render)
    // Moved within the page, it goes on.
    if (this.#following === undefined || !this.#isSame()) this.#restart()
    else this.#render()
  }

  disconnectedCallback(): void {
    this.#watching?.disconnect()
    this.#phone?.removeEventListener('change', this.#render)
    queueMicrotask(() => {
      if (!this.isConnected) this.#stop()
    })
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return
    if (['server', 'order', 'token'].includes(name)) this.#restart()
    else this.#render()
  }

  #build(): Face {
    const face = new Face({ cancel: () => this.cancel(), refresh: () => this.#orderAgain() })
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
    this.#stop()
    // What came of an order is not told again when the element comes back.
    const isKnown = this.#isSame() && OVER.has(this.#state?.screen ?? 'loading')
    if (isKnown) this.#render()
    else this.#show(NOTHING)
    if (this.#restarting) return
    this.#restarting = true
    queueMicrotask(() => {
      this.#restarting = false
      this.#start()
    })
  }

  #start(): void {
    const named = this.#named()
    if (!named.order || !named.token || !this.isConnected || this.#following !== undefined) return
    this.#followed = JSON.stringify(named)
    const known = this.#state?.view
    if (known && isFinal(known.phase)) return
    this.#following = follow({ ...named, ...(this.#fetch && { fetch: this.#fetch }) }, (state) => {
      // What is known is worth more than nothing.
      if (state.view !== null || !this.#state?.view) this.#show(state)
    })
  }

  #stop(): void {
    this.#following?.stop()
    this.#following = undefined
  }

  /** What the attributes name. */
  #named(): { server: string; order: string; token: string } {
    const [server, order, token] = ['server', 'order', 'token'].map((it) => this.getAttribute(it))
    return { server: server || location.origin, order: order ?? '', token: token ?? '' }
  }

  #isSame(): boolean {
    return this.#followed === JSON.stringify(this.#named())
  }

  async #orderAgain(): Promise<void> {
    const next = await this.#refresh?.()
    if (next === undefined) return
    this.setAttribute('order', next.order)
    this.setAttribute('token', next.token)
  }

  #show(state: State): void {
    const last = this.#state
    this.#state = state
    this.dataset['phase'] = state.screen
    this.toggleAttribute('data-offline', state.offline)
    this.#render()
    const isNew = last?.screen !== state.screen
    if (isNew && state.error !== null) console.error(state.error)
    if (isNew) this.#tell('change', state.screen)
    if ((last?.offline ?? false) !== state.offline) this.#tell(state.offline ? 'offline' : 'online')
  }

  #tell(...names: string[]): void {
    const init = { detail: this.#state, bubbles: true, composed: true }
    for (const name of names) this.dispatchEvent(new CustomEvent(`saoma:${name}`, init))
  }

  readonly #render = (): void => {
    if (this.#state !== undefined) this.#face?.render(this.#state, this.#setting())
  }

  #setting(): Setting {
    const lang = this.closest<HTMLElement>('[lang]')?.lang || navigator.language
    const lifetime = Number(this.getAttribute('lifetime'))
    return {
      texts: textsFor(lang),
      lang: bestLanguage(lang),
      device: this.#device(),
      link: this.getAttribute('link'),
      canRefresh: this.#refresh !== null,
      lifetimeSeconds: lifetime > 0 ? lifetime : LIFETIME_S,
    }
  }

  #device(): Device {
    const told = this.getAttribute('device')
    if (told === 'screen' || told === 'phone' || told === 'wechat') return told
    if (!this.#phone?.matches) return 'screen'
    return navigator.userAgent.includes('MicroMessenger') ? 'wechat' : 'phone'
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

export type SaomaEventName = `saoma:${Screen | 'change' | 'offline' | 'online'}`

declare global {
  interface HTMLElementTagNameMap {
    'saoma-checkout': SaomaCheckout
  }

  interface GlobalEventHandlersEventMap extends Record<SaomaEventName, SaomaEvent> {}
}
