// What a customer can press: to give the order up, to get a new code, to copy the address.

import { html, write } from './dom.js'
import type { Texts } from './texts.js'

/** A button that asks before it gives the order up. */
export class CancelAction {
  readonly #cancel = html('button', { part: 'cancel', type: 'button' })
  readonly #question = html('span', { part: 'cancel-question' })
  readonly #yes = html('button', { part: 'cancel-yes', type: 'button' })
  readonly #no = html('button', { part: 'cancel-no', type: 'button' })
  readonly #confirm = html(
    'div',
    { part: 'cancel-confirm', role: 'group' },
    this.#question,
    this.#no,
    this.#yes,
  )
  readonly #failed = html('p', { part: 'cancel-failed', role: 'alert' })
  readonly root = html('div', { part: 'give-up' }, this.#cancel, this.#confirm, this.#failed)
  readonly #onCancel: () => Promise<void>
  #texts: Texts | undefined

  constructor(onCancel: () => Promise<void>) {
    this.#onCancel = onCancel
    this.#cancel.addEventListener('click', () => this.#ask(true))
    this.#no.addEventListener('click', () => this.#ask(false))
    this.#yes.addEventListener('click', () => void this.#giveUp())
    this.#confirm.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#ask(false)
    })
    this.#ask(false)
  }

  render(shown: boolean, texts: Texts): void {
    this.#texts = texts
    if (!shown && !this.root.hidden) this.#ask(false)
    this.root.hidden = !shown
    write(this.#cancel, texts.cancel)
    write(this.#question, texts.cancelQuestion)
    this.#confirm.setAttribute('aria-label', texts.cancelQuestion)
    write(this.#yes, texts.cancelYes)
    write(this.#no, texts.cancelNo)
  }

  /** Shows the question, or the button that leads to it; the focus goes along. */
  #ask(asking: boolean): void {
    const hadFocus = this.#confirm.contains(focused(this.root))
    this.#cancel.hidden = asking
    this.#confirm.hidden = !asking
    write(this.#failed, '')
    if (asking) this.#no.focus()
    else if (hadFocus) this.#cancel.focus()
  }

  async #giveUp(): Promise<void> {
    if (isBusy(this.#yes)) return
    setBusy(this.#yes, true)
    write(this.#failed, '')
    try {
      await this.#onCancel()
      this.#ask(false)
    } catch {
      write(this.#failed, this.#texts?.cancelFailed ?? '')
    } finally {
      setBusy(this.#yes, false)
    }
  }
}

/** The button for a new code; there is one when the page has said how to order again. */
export class RefreshAction {
  readonly #button = html('button', { part: 'refresh', type: 'button' })
  readonly #failed = html('p', { part: 'refresh-failed', role: 'alert' })
  readonly #onRefresh: () => Promise<void>
  /** In a slot, so that a page may put its own way back to the shop here. */
  readonly root = html('slot', { name: 'again' }, this.#button, this.#failed)
  #texts: Texts | undefined
  #wanted = false

  constructor(onRefresh: () => Promise<void>) {
    this.#onRefresh = onRefresh
    this.root.addEventListener('slotchange', () => this.#show())
    this.#button.addEventListener('click', () => void this.#refresh())
  }

  render(shown: boolean, possible: boolean, texts: Texts): void {
    this.#texts = texts
    if (!shown) write(this.#failed, '')
    this.#wanted = shown
    this.#button.hidden = !possible
    write(this.#button, texts.refresh)
    this.#show()
  }

  /** It takes room only when there is something in it. */
  #show(): void {
    const filled = !this.#button.hidden || this.root.assignedElements().length > 0
    this.root.hidden = !(this.#wanted && filled)
  }

  async #refresh(): Promise<void> {
    if (isBusy(this.#button)) return
    setBusy(this.#button, true)
    write(this.#failed, '')
    try {
      await this.#onRefresh()
    } catch (error) {
      console.error(error)
      write(this.#failed, this.#texts?.refreshFailed ?? '')
    } finally {
      setBusy(this.#button, false)
    }
  }
}

/** Copies the address under which another device can pay this order. */
export class CopyAction {
  readonly #button = html('button', { part: 'copy', type: 'button' })
  /** Shown where the browser does not copy: it can be marked by hand. */
  readonly #address = html('span', { part: 'link' })
  readonly root = html('div', { part: 'share' }, this.#button, this.#address)
  readonly #onCopied: (text: string) => void
  #copied = ''

  constructor(onCopied: (text: string) => void) {
    this.#onCopied = onCopied
    this.#button.addEventListener('click', () => void this.#copy())
  }

  render(link: string | null, texts: Texts): void {
    this.root.hidden = link === null
    if (link !== this.#button.value) this.#address.hidden = true
    this.#button.value = link ?? ''
    this.#copied = texts.linkCopied
    write(this.#button, texts.copyLink)
  }

  async #copy(): Promise<void> {
    const link = this.#button.value
    try {
      await navigator.clipboard.writeText(link)
      write(this.#button, this.#copied)
      this.#onCopied(this.#copied)
    } catch {
      write(this.#address, link)
      this.#address.hidden = false
    }
  }
}

/** The element that has the focus in the shadow tree of `node`. */
export function focused(node: Node): Element | null {
  const root = node.getRootNode()
  return root instanceof ShadowRoot ? root.activeElement : null
}

/** Not `disabled`: that would take the focus away from whoever pressed it. */
function setBusy(button: HTMLButtonElement, busy: boolean): void {
  button.setAttribute('aria-disabled', String(busy))
}

function isBusy(button: HTMLButtonElement): boolean {
  return button.getAttribute('aria-disabled') === 'true'
}
