// What the element looks like: its nodes, built once, and what each moment writes into them.

import { CancelAction, CopyAction, RefreshAction, focused } from './actions.js'
import { drawing, html, stroke, write } from './dom.js'
import type { Screen, State } from './follow.js'
import { formatFen } from './money.js'
import { drawQr } from './qr.js'
import type { Texts } from './texts.js'

/** Screens that show a title and a sentence in place of the code. */
type ResultScreen = Exclude<Screen, 'loading' | 'waiting'>

/** From the top, clockwise. */
const RING = 'M12 3a9 9 0 1 1 0 18a9 9 0 1 1 0-18'
const LOCK = ['M6 10.5h12v9H6z', 'M8.5 10.5V7.5a3.5 3.5 0 0 1 7 0v3']
const PHONE = ['M7.5 2.5h9v19h-9z', 'M11 18.5h2']
const CLOUD = [
  'M3 3l18 18',
  'M8 8.6A5 5 0 0 0 7 18.5h9.5',
  'M11 7a5.5 5.5 0 0 1 7.6 4.6A3.6 3.6 0 0 1 20 18',
]
/** A camera's frame around the code. */
const CORNERS = [
  'M2 14V6a4 4 0 0 1 4-4h8',
  'M86 2h8a4 4 0 0 1 4 4v8',
  'M98 86v8a4 4 0 0 1-4 4h-8',
  'M14 98H6a4 4 0 0 1-4-4v-8',
]

const ICONS: Record<ResultScreen, string> = {
  checking: 'M24 6a18 18 0 1 1-18 18',
  paid: 'M13 25l7.5 7.5L35.5 16.5',
  cancelled: 'M16 16l16 16M32 16L16 32',
  expired: 'M24 11a13 13 0 1 0 0 26a13 13 0 1 0 0-26zM24 17v7.5l5 3',
  refunding: 'M20 14l-7 7l7 7M13 21h14a7 7 0 0 1 0 14h-5',
  refunded: 'M20 14l-7 7l7 7M13 21h14a7 7 0 0 1 0 14h-5',
  failed: 'M24 13v14M24 34v.5',
  error: 'M24 13v14M24 34v.5',
}

/** Longer amounts are written smaller, so that a narrow phone holds them. */
const LONG = 10

/** After these the shop may offer to order again; our own button is there only where it is sure
 * that this order is not paid as well. */
const AGAIN: ReadonlySet<Screen> = new Set<Screen>([
  'cancelled',
  'expired',
  'refunded',
  'failed',
  'error',
])

/** Languages that a page may add; the words decide, not the page around them. */
const RIGHT_TO_LEFT = /^(ar|fa|he|ur|ug|yi)\b/i

/** The seconds left at which the time is spoken. */
const SPOKEN_AT_S = [300, 60, 30] as const

/** Where the code is looked at. */
export type Device =
  /** Something that a phone can be held to. */
  | 'screen'
  /** The phone that would have to scan itself. */
  | 'phone'
  /** The same, in WeChat's own browser. */
  | 'wechat'

/** What a moment is shown with. */
export interface Setting {
  texts: Texts
  /** Of `texts`, as a BCP 47 tag. */
  lang: string
  device: Device
  /** Where another device can pay this order, when the page has told it. */
  link: string | null
  /** Whether the page has said how to order again. */
  canRefresh: boolean
  /** The seconds that a full ring stands for. */
  lifetimeSeconds: number
}

/** What the customer asks for. */
export interface Calls {
  cancel(): Promise<void>
  refresh(): Promise<void>
}

/** The time left as `14:59`. */
export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

export class Face {
  readonly root: HTMLElement
  readonly #merchant = html('p', { part: 'merchant' })
  readonly #description = html('p', { part: 'description' })
  readonly #currency = html('span', { part: 'currency' }, '¥')
  readonly #yuan = html('span', {})
  readonly #amount = html('p', { part: 'amount' }, this.#currency, this.#yuan)
  readonly #summary = html(
    'header',
    { part: 'summary' },
    html('slot', { name: 'brand' }),
    html('slot', { name: 'summary' }, this.#merchant, this.#description, this.#amount),
  )

  readonly #scanTitle = html('h2', { part: 'scan-title', tabindex: '-1' })
  readonly #qr = drawing('0 0 1 1', 'qr')
  readonly #loading = html('p', { part: 'loading' })
  readonly #code = html(
    'div',
    { part: 'code' },
    drawing('0 0 100 100', 'corners', ...CORNERS),
    html('div', { part: 'paper' }, this.#qr, this.#loading),
  )
  readonly #timeLabel = html('span', {})
  readonly #time = html('time', { part: 'time', role: 'timer' })
  readonly #left = stroke(RING)
  readonly #ring = drawing('0 0 24 24', 'ring', RING)
  readonly #countdown = html(
    'p',
    { part: 'countdown' },
    this.#ring,
    this.#timeLabel,
    this.#time,
  )
  readonly #steps = html('ol', { part: 'steps' }, html('li'), html('li'), html('li'))
  readonly #phoneTitle = html('strong', { part: 'phone-title' })
  readonly #phoneNote = html('p', { part: 'phone-note' })
  readonly #copy = new CopyAction((text) => write(this.#spoken, text))
  readonly #phone = html(
    'slot',
    { name: 'phone' },
    html(
      'div',
      { part: 'phone' },
      drawing('0 0 24 24', 'glyph', ...PHONE),
      html('div', {}, this.#phoneTitle, this.#phoneNote, this.#copy.root),
    ),
  )
  readonly #pay = html(
    'div',
    { part: 'pay' },
    this.#scanTitle,
    this.#phone,
    this.#code,
    this.#countdown,
    html('slot', { name: 'steps' }, this.#steps),
    html('slot', { name: 'aside' }),
  )

  readonly #icon = drawing('0 0 48 48', 'icon')
  readonly #title = html('h2', { part: 'title', tabindex: '-1' })
  readonly #note = html('p', { part: 'note' })
  /** Bears the name of the screen: a page can add its own words to each. */
  readonly #ownSlot = html('slot', {})
  readonly #refresh = new RefreshAction(() => this.#calls.refresh())
  readonly #result = html(
    'div',
    { part: 'result' },
    this.#icon,
    this.#title,
    this.#note,
    this.#ownSlot,
    this.#refresh.root,
  )

  readonly #offlineText = html('span')
  readonly #offline = html(
    'p',
    { part: 'offline' },
    drawing('0 0 24 24', 'glyph', ...CLOUD),
    this.#offlineText,
  )
  readonly #cancel = new CancelAction(() => this.#calls.cancel())
  readonly #trustText = html('span')
  readonly #trust = html(
    'footer',
    { part: 'trust' },
    drawing('0 0 24 24', 'glyph', ...LOCK),
    this.#trustText,
  )
  /** Says to those who cannot see it what is new, and nothing twice. */
  readonly #spoken = html('p', { class: 'spoken', role: 'status' })

  readonly #calls: Calls
  #drawn: string | null = null
  #side = 0
  #last: State | undefined

  constructor(calls: Calls) {
    this.#calls = calls
    this.root = html(
      'section',
      { part: 'card', role: 'group' },
      this.#summary,
      this.#pay,
      this.#result,
      this.#cancel.root,
      html('slot', { name: 'trust' }, this.#trust),
      this.#spoken,
    )
    this.#left.setAttribute('pathLength', '1')
    this.#left.setAttribute('part', 'ring-left')
    this.#ring.append(this.#left)
    this.#qr.setAttribute('role', 'img')
    this.#qr.removeAttribute('aria-hidden')
    this.#ownSlot.addEventListener('slotchange', () => this.#showOwn())
  }

  /** Writes one moment. */
  render(state: State, setting: Setting): void {
    const { texts } = setting
    const { screen } = state
    const hadFocus = focused(this.root)
    this.root.lang = setting.lang
    this.root.dir = RIGHT_TO_LEFT.test(setting.lang) ? 'rtl' : 'ltr'
    this.root.setAttribute('aria-label', texts.label)
    this.#renderSummary(state)
    const pays = screen === 'loading' || screen === 'waiting'
    this.#pay.hidden = !pays
    this.#result.hidden = pays
    if (pays) this.#renderPay(state, setting)
    else this.#renderResult(screen, texts)
    this.#renderOffline(state, texts)
    this.#refresh.render(AGAIN.has(screen), setting.canRefresh && screen !== 'error', texts)
    this.#cancel.render(screen === 'waiting', texts)
    this.#trust.hidden = !pays
    write(this.#trustText, texts.trust)
    this.#speak(state, texts)
    this.#last = state
    // Whoever stood on something that went away stands at the beginning of what came instead.
    if (hadFocus !== null && hadFocus.getClientRects().length === 0) {
      ;(pays ? this.#scanTitle : this.#title).focus({ preventScroll: true })
    }
  }

  /** The end of an order, a lost connection, and the time left at its marks. */
  #speak(state: State, texts: Texts): void {
    const { screen, offline, leftSeconds } = state
    const last = this.#last
    if (screen === 'loading') return write(this.#spoken, '')
    if (screen !== 'waiting') {
      return write(this.#spoken, `${texts[screen].title} ${texts[screen].note}`)
    }
    if (last?.screen !== 'waiting') write(this.#spoken, '')
    else if (offline && !last.offline) write(this.#spoken, texts.offlineWithCode)
    else {
      // The nearest mark, when a sleeping tab has missed one.
      const at = SPOKEN_AT_S.filter((mark) => leftSeconds <= mark).length - 1
      const words = texts.spokenLeft[at]
      const passed = last.leftSeconds > (SPOKEN_AT_S[at] ?? Infinity)
      if (words !== undefined && passed) write(this.#spoken, words)
    }
  }

  /** Makes every module the same whole number of device pixels, so that the code is crisp. */
  fit(): void {
    const width = this.#qr.parentElement?.clientWidth ?? 0
    if (this.#side === 0 || width === 0) return
    const ratio = globalThis.devicePixelRatio || 1
    const unit = Math.max(1, Math.floor((width * ratio) / this.#side)) / ratio
    for (const side of ['width', 'height']) this.#qr.setAttribute(side, `${unit * this.#side}`)
  }

  /** What {@link fit} depends on. */
  get paper(): Element {
    return this.#qr.parentElement ?? this.root
  }

  #renderSummary({ screen, view }: State): void {
    this.#summary.hidden = view === null && screen === 'error'
    this.#summary.toggleAttribute('data-empty', view === null)
    write(this.#merchant, view?.merchant ?? '')
    write(this.#description, view?.description ?? '')
    const yuan = view === null ? '' : formatFen(view.amount_fen).slice(1)
    write(this.#yuan, yuan)
    this.#amount.toggleAttribute('data-long', yuan.length > LONG)
  }

  #renderPay(state: State, setting: Setting): void {
    const { view, leftSeconds } = state
    const { texts, device } = setting
    const code = view?.code_url ?? null
    this.#code.toggleAttribute('data-empty', code === null)
    if (code !== null && code !== this.#drawn) {
      this.#side = drawQr(this.#qr, code).side
      this.#drawn = code
      this.fit()
    }
    this.#qr.setAttribute('aria-label', texts.codeLabel)
    write(this.#scanTitle, texts.scanTitle)
    write(this.#loading, texts.loading)
    this.#renderTime(leftSeconds, setting)
    texts.steps.forEach((step, at) => {
      const item = this.#steps.children[at]
      if (item !== undefined) write(item, step)
    })
    this.#phone.hidden = device === 'screen'
    const words = device === 'wechat' ? texts.wechat : texts.phone
    write(this.#phoneTitle, words.title)
    write(this.#phoneNote, words.note)
    this.#copy.render(setting.link, texts)
  }

  #renderTime(leftSeconds: number, { texts, lifetimeSeconds }: Setting): void {
    write(this.#timeLabel, texts.timeLeft)
    write(this.#time, clock(leftSeconds))
    this.#time.setAttribute('datetime', `PT${leftSeconds}S`)
    // Nobody sees it while there is no time; then it begins full, and does not have to grow.
    const gone = leftSeconds === 0 ? 0 : 1 - Math.min(1, leftSeconds / lifetimeSeconds)
    this.#left.setAttribute('stroke-dashoffset', gone.toFixed(4))
    this.#countdown.toggleAttribute('data-soon', leftSeconds <= 60)
    this.#countdown.toggleAttribute('data-empty', leftSeconds === 0)
  }

  /** Below the code, so that the code does not move while somebody scans it. */
  #renderOffline({ screen, offline }: State, texts: Texts): void {
    this.#offline.hidden = !offline
    if (!offline) return
    const above = this.#pay.hidden ? this.#note : this.#countdown
    if (this.#offline.previousSibling !== above) above.after(this.#offline)
    write(this.#offlineText, screen === 'waiting' ? texts.offlineWithCode : texts.offline)
  }

  /** A slot takes room only when the page has put something into it. */
  #showOwn(): void {
    this.#ownSlot.hidden = this.#ownSlot.assignedElements().length === 0
  }

  #renderResult(screen: ResultScreen, texts: Texts): void {
    const icon = ICONS[screen]
    if (this.#icon.firstElementChild?.getAttribute('d') !== icon) {
      this.#icon.replaceChildren(stroke(icon))
    }
    write(this.#title, texts[screen].title)
    write(this.#note, texts[screen].note)
    this.#ownSlot.name = screen
    this.#showOwn()
  }
}
