// What the element looks like: its nodes, built once, and what each moment writes into them.

import { drawing, html, stroke, write } from './dom.js'
import type { Screen, State } from './follow.js'
import { formatFen } from './money.js'
import { drawQr } from './qr.js'
import type { Texts } from './texts.js'

/** Screens that show a title and a sentence in place of the code. */
type ResultScreen = Exclude<Screen, 'loading' | 'waiting'>

const CLOCK = ['M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17z', 'M12 7.5v4.8l3.2 1.9']
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

/** After these the shop may offer to order again. */
const AGAIN: ReadonlySet<Screen> = new Set<Screen>([
  'cancelled',
  'expired',
  'refunded',
  'failed',
  'error',
])

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
    this.#merchant,
    this.#description,
    this.#amount,
  )

  readonly #scanTitle = html('h2', { part: 'scan-title' })
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
  readonly #countdown = html(
    'p',
    { part: 'countdown' },
    drawing('0 0 24 24', 'glyph', ...CLOCK),
    this.#timeLabel,
    this.#time,
  )
  readonly #steps = html('ol', { part: 'steps' }, html('li'), html('li'), html('li'))
  readonly #phoneText = html('span')
  readonly #phoneNote = html(
    'p',
    { part: 'phone-note' },
    drawing('0 0 24 24', 'glyph', ...PHONE),
    this.#phoneText,
  )
  readonly #pay = html(
    'div',
    { part: 'pay' },
    this.#scanTitle,
    this.#code,
    this.#countdown,
    this.#phoneNote,
    this.#steps,
    html('slot', { name: 'aside' }),
  )

  readonly #icon = drawing('0 0 48 48', 'icon')
  readonly #title = html('h2', { part: 'title' })
  readonly #note = html('p', { part: 'note' })
  readonly #paidSlot = html('slot', { name: 'paid' })
  readonly #againSlot = html('slot', { name: 'again' })
  readonly #result = html(
    'div',
    { part: 'result' },
    this.#icon,
    this.#title,
    this.#note,
    this.#paidSlot,
    this.#againSlot,
  )

  readonly #offlineText = html('span')
  readonly #offline = html(
    'p',
    { part: 'offline', role: 'status' },
    drawing('0 0 24 24', 'glyph', ...CLOUD),
    this.#offlineText,
  )
  readonly #cancel = html('button', { part: 'cancel', type: 'button' })
  readonly #question = html('span', { part: 'cancel-question' })
  readonly #yes = html('button', { part: 'cancel-yes', type: 'button' })
  readonly #no = html('button', { part: 'cancel-no', type: 'button' })
  readonly #confirm = html('div', { part: 'cancel-confirm' }, this.#question, this.#no, this.#yes)
  readonly #cancelFailed = html('p', { part: 'cancel-failed', role: 'alert' })
  readonly #giveUp = html(
    'div',
    { part: 'give-up' },
    this.#cancel,
    this.#confirm,
    this.#cancelFailed,
  )
  readonly #trustText = html('span')
  readonly #trust = html(
    'footer',
    { part: 'trust' },
    drawing('0 0 24 24', 'glyph', ...LOCK),
    this.#trustText,
  )
  /** Says each new screen to those who cannot see it. */
  readonly #spoken = html('p', { class: 'spoken', role: 'status' })

  readonly #onCancel: () => Promise<void>
  #drawn: string | null = null
  #side = 0
  #texts: Texts | undefined

  constructor(onCancel: () => Promise<void>) {
    this.#onCancel = onCancel
    this.root = html(
      'section',
      { part: 'card' },
      this.#summary,
      this.#pay,
      this.#result,
      this.#giveUp,
      this.#trust,
      this.#spoken,
    )
    this.#qr.setAttribute('role', 'img')
    this.#qr.removeAttribute('aria-hidden')
    this.#cancel.addEventListener('click', () => this.#ask(true))
    this.#no.addEventListener('click', () => this.#ask(false))
    this.#yes.addEventListener('click', () => void this.#giveItUp())
    this.#ask(false)
  }

  /** Writes one moment. */
  render(state: State, texts: Texts, lang: string): void {
    this.#texts = texts
    this.root.lang = lang
    this.#renderSummary(state)
    const { screen } = state
    const pays = screen === 'loading' || screen === 'waiting'
    this.#pay.hidden = !pays
    this.#result.hidden = pays
    if (pays) this.#renderPay(state, texts)
    else this.#renderResult(screen, texts)
    this.#renderOffline(state, texts)
    this.#renderGiveUp(screen === 'waiting', texts)
    this.#trust.hidden = !pays
    write(this.#trustText, texts.trust)
    write(this.#spoken, pays ? '' : `${texts[screen].title} ${texts[screen].note}`)
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

  #renderPay({ view, leftSeconds }: State, texts: Texts): void {
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
    write(this.#timeLabel, texts.timeLeft)
    write(this.#time, clock(leftSeconds))
    this.#time.setAttribute('datetime', `PT${leftSeconds}S`)
    this.#countdown.toggleAttribute('data-soon', leftSeconds <= 60)
    this.#countdown.toggleAttribute('data-empty', leftSeconds === 0)
    texts.steps.forEach((step, at) => {
      const item = this.#steps.children[at]
      if (item !== undefined) write(item, step)
    })
    write(this.#phoneText, texts.phoneNote)
  }

  /** Below the code, so that the code does not move while somebody scans it. */
  #renderOffline({ screen, offline }: State, texts: Texts): void {
    this.#offline.hidden = !offline
    if (!offline) return
    const above = this.#pay.hidden ? this.#note : this.#countdown
    if (this.#offline.previousSibling !== above) above.after(this.#offline)
    write(this.#offlineText, screen === 'waiting' ? texts.offlineWithCode : texts.offline)
  }

  #renderResult(screen: ResultScreen, texts: Texts): void {
    const icon = ICONS[screen]
    if (this.#icon.firstElementChild?.getAttribute('d') !== icon) {
      this.#icon.replaceChildren(stroke(icon))
    }
    write(this.#title, texts[screen].title)
    write(this.#note, texts[screen].note)
    this.#paidSlot.hidden = screen !== 'paid'
    this.#againSlot.hidden = !AGAIN.has(screen)
  }

  #renderGiveUp(shown: boolean, texts: Texts): void {
    if (!shown && !this.#giveUp.hidden) this.#ask(false)
    this.#giveUp.hidden = !shown
    write(this.#cancel, texts.cancel)
    write(this.#question, texts.cancelQuestion)
    write(this.#yes, texts.cancelYes)
    write(this.#no, texts.cancelNo)
  }

  /** Shows the question, or the button that leads to it. */
  #ask(asking: boolean): void {
    const hadFocus = this.#confirm.contains(this.#focused())
    this.#cancel.hidden = asking
    this.#confirm.hidden = !asking
    write(this.#cancelFailed, '')
    if (asking) this.#no.focus()
    else if (hadFocus) this.#cancel.focus()
  }

  async #giveItUp(): Promise<void> {
    this.#yes.disabled = true
    try {
      await this.#onCancel()
      this.#ask(false)
    } catch {
      write(this.#cancelFailed, this.#texts?.cancelFailed ?? '')
    } finally {
      this.#yes.disabled = false
    }
  }

  #focused(): Element | null {
    const root = this.root.getRootNode()
    return root instanceof ShadowRoot ? root.activeElement : null
  }
}
