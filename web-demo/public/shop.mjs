// The shop's page: choose, then pay.

import { formatFen } from '/saoma/dist/index.js'
import { Basket } from './basket.mjs'
import { CheckoutPage } from './checkout.mjs'
import { firstLanguage, rememberLanguage, writeTexts } from './language.mjs'
import { make, writeLines } from './lines.mjs'
import { currentOrder, forgetOrder, keepOrder } from './session.mjs'
import { texts } from './texts.mjs'

const $ = (id) => document.getElementById(id)
const basket = new Basket()
let lang = firstLanguage()
/** An order is being made. */
let placing = false

const [config, { goods }] = await Promise.all([getJson('/config.json'), getJson('/api/goods')])
const checkout = new CheckoutPage(config, goods, {
  onAgain: leave,
  onNewOrder: leave,
  onOver,
  onPaid,
})

buildGoods()
$('pay').addEventListener('click', placeOrder)
$('resume').addEventListener('click', () => enter(currentOrder()))
$('lang-zh').addEventListener('click', () => speak('zh-CN'))
$('lang-en').addEventListener('click', () => speak('en'))
addEventListener('popstate', route)
speak(lang)
if (currentOrder() !== null && history.state === null) history.replaceState({ pay: true }, '')
route()

/** Shows what the address and the session ask for. */
function route() {
  const order = currentOrder()
  const paying = order !== null && history.state?.pay === true
  $('shop').hidden = paying
  $('checkout').hidden = !paying
  if (paying) checkout.show(order, lang)
  else renderBasket()
}

function enter(order) {
  if (order === null) return
  history.pushState({ pay: true }, '')
  route()
  scrollTo(0, 0)
}

/** Back to the goods; the order is over. */
function leave() {
  forgetOrder()
  checkout.hide()
  history.replaceState({ pay: false }, '')
  route()
  scrollTo(0, 0)
}

function onPaid() {
  basket.clear()
}

/** Kept for a reload, but not to be continued. */
function onOver(order) {
  keepOrder({ ...order, over: true })
}

async function placeOrder() {
  if (placing) return
  placing = true
  $('trouble').hidden = true
  writePay()
  try {
    // One order at a time: the one before this shall not be paid as well, and is shown if it is.
    const open = currentOrder()
    if (open === null || open.over === true || (await checkout.giveUp(open))) {
      const items = basket.items(goods)
      const order = await getJson('/api/orders', { lang, items })
      keepOrder({ ...order, items })
    }
    enter(currentOrder())
  } catch (error) {
    console.error(error)
    $('trouble').textContent = texts[lang].trouble
    $('trouble').hidden = false
  } finally {
    placing = false
    writePay()
  }
}

function writePay() {
  $('pay').disabled = placing || basket.items(goods).length === 0
  $('pay').firstElementChild.textContent = texts[lang][placing ? 'paying' : 'pay']
}

function speak(choice) {
  if (choice !== lang) rememberLanguage(choice)
  lang = choice
  document.documentElement.lang = lang
  document.title = texts[lang].shop
  $('lang-zh').setAttribute('aria-pressed', lang === 'zh-CN')
  $('lang-en').setAttribute('aria-pressed', lang === 'en')
  writeTexts(lang, document)
  for (const good of goods) writeGood(good)
  renderBasket()
  checkout.speak(lang)
}

function buildGoods() {
  for (const good of goods) {
    const src = `/pictures/${good.id}.svg`
    const picture = make('img', { src, alt: '', width: 240, height: 120 })
    const remove = make('button', { id: `remove-${good.id}`, type: 'button', class: 'step' }, '−')
    const quantity = make('output', { id: `quantity-${good.id}`, class: 'quantity' })
    const add = make('button', { id: `add-${good.id}`, type: 'button', class: 'step add' }, '+')
    remove.addEventListener('click', () => change(good.id, -1))
    add.addEventListener('click', () => change(good.id, 1))
    const words = make('div', { class: 'words' }, make('h3'), make('p', { class: 'note' }))
    const price = make('p', { class: 'price' }, formatFen(good.price_fen))
    const steps = make('div', { class: 'steps' }, remove, quantity, add)
    const card = make('li', { id: `good-${good.id}`, class: 'good' }, picture, words, price, steps)
    $('goods').append(card)
  }
}

function writeGood({ id, name, note }) {
  const card = $(`good-${id}`)
  card.querySelector('h3').textContent = name[lang]
  card.querySelector('.note').textContent = note[lang]
  $(`add-${id}`).setAttribute('aria-label', texts[lang].add(name[lang]))
  $(`remove-${id}`).setAttribute('aria-label', texts[lang].remove(name[lang]))
}

function change(id, by) {
  basket.change(id, by)
  renderBasket()
}

function renderBasket() {
  const items = basket.items(goods)
  for (const { id } of goods) {
    const quantity = basket.quantity(id)
    $(`quantity-${id}`).textContent = quantity
    $(`good-${id}`).toggleAttribute('data-chosen', quantity > 0)
  }
  $('total').textContent = writeLines($('basket-lines'), items, goods, lang)
  $('basket-empty').hidden = items.length > 0
  writePay()
  const open = currentOrder()
  $('resume').hidden = open === null || open.over === true
  if (open !== null) $('resume').textContent = texts[lang].resume(formatFen(open.amount_fen))
}

async function getJson(path, body) {
  const post = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  }
  const response = await fetch(path, body === undefined ? {} : post)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}
