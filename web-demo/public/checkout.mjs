// The page on which an order is paid: <saoma-checkout>, and the shop's own words in its slots.

import { formatFen } from '/saoma/dist/index.js'
import { writeTexts } from './language.mjs'
import { writeLines } from './lines.mjs'
import { texts } from './texts.mjs'

const $ = (id) => document.getElementById(id)
/** How often and how long the receipt asks whether the bar has the order. */
const ASK_MS = 700
const ASK_TIMES = 40
/** On these screens nothing is left to pay. */
const OVER = new Set(['paid', 'cancelled', 'expired', 'refunding', 'refunded', 'failed'])

export class CheckoutPage {
  #config
  #goods
  #calls
  #element = null
  #order = null
  #lang = 'en'
  /** The word that the receipt shows. */
  #status = 'telling'

  /** `calls`: `onOver(order)`, `onPaid()`, `onAgain()` and `onNewOrder()`. */
  constructor(config, goods, calls) {
    this.#config = config
    this.#goods = goods
    this.#calls = calls
  }

  /** Shows an order; the same again changes nothing. */
  show(order, lang) {
    this.#lang = lang
    if (this.#order?.order_id !== order.order_id) {
      this.hide()
      this.#order = order
      this.#status = 'telling'
      this.#build()
    }
    this.speak(lang)
  }

  /** Takes the order from the page; nothing follows it any more. */
  hide() {
    this.#element?.remove()
    this.#element = null
    this.#order = null
  }

  speak(lang) {
    this.#lang = lang
    if (this.#order === null) return
    this.#element.lang = lang
    writeTexts(lang, this.#element)
    this.#offerTestPhone()
    $('receipt-status').textContent = texts[lang][this.#status]
    writeLines($('order-lines'), this.#order.items, this.#goods, lang)
    $('order-total').textContent = formatFen(this.#order.amount_fen)
    $('order-no').textContent = this.#order.order_no
  }

  /** Gives an order up, shown or not; `false`: it is paid. Throws when nobody answers for it. */
  async giveUp({ order_id, token }) {
    const address = `${this.#config.server_url}/v1/orders/${order_id}/cancel`
    const headers = { Authorization: `Bearer ${token}` }
    const { ok, status } = await fetch(address, { method: 'POST', headers })
    // What the server does not know, nobody can pay.
    if (!ok && status !== 404 && status !== 409) throw new Error(`cancel: ${status}`)
    return status !== 409
  }

  #build() {
    const element = document.createElement('saoma-checkout')
    element.id = 'pay-here'
    element.setAttribute('server', this.#config.server_url)
    element.setAttribute('order', this.#order.order_id)
    element.setAttribute('token', this.#order.token)
    // The shop's own colours are light ones, whatever the customer's system likes.
    element.setAttribute('theme', 'light')
    element.append($('slots').content.cloneNode(true))
    element.addEventListener('saoma:waiting', () => this.#offerTestPhone())
    element.addEventListener('saoma:change', ({ detail }) => {
      if (OVER.has(detail.screen)) this.#calls.onOver(this.#order)
    })
    element.addEventListener('saoma:paid', () => this.#receipt(this.#order))
    this.#element = element
    $('checkout-place').replaceChildren(element)
    $('receipt-order-no').textContent = this.#order.order_no
    $('new-order').addEventListener('click', this.#calls.onNewOrder)
    $('again').addEventListener('click', this.#calls.onAgain)
  }

  /** Only where the sandbox is there: WeChat itself has no such page. */
  #offerTestPhone() {
    const { phone_url } = this.#config
    const code_url = this.#element.state?.view?.code_url
    if (phone_url === null || !code_url) return
    const address = new URL(phone_url)
    address.searchParams.set('code_url', code_url)
    address.searchParams.set('lang', this.#lang)
    $('test-phone').href = address.href
    $('test-phone').hidden = false
  }

  /** The shop's own word on a paid order: is it with the bar yet? */
  async #receipt(order) {
    this.#calls.onPaid()
    for (let asked = 0; asked < ASK_TIMES && this.#order === order; asked += 1) {
      if (await isShipped(order.order_no)) return this.#say(order, 'preparing')
      await new Promise((resolve) => setTimeout(resolve, ASK_MS))
    }
    this.#say(order, 'ask')
  }

  #say(order, status) {
    if (this.#order !== order) return
    this.#status = status
    this.speak(this.#lang)
  }
}

async function isShipped(orderNo) {
  try {
    const response = await fetch(`/api/orders/${orderNo}`)
    return response.ok && (await response.json()).shipped === true
  } catch {
    return false
  }
}
