import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadOrder, goods, priceOrder } from '../src/catalog.mjs'

const order = (...items) => {
  return { lang: 'en', items: items.map(([id, quantity]) => ({ id, quantity })) }
}

test('the sum is made of the shop’s own prices', () => {
  const { amount_fen, lines } = priceOrder(order(['latte', 2], ['jasmine', 1]))
  assert.equal(amount_fen, 2 * 1800 + 1250)
  assert.deepEqual(lines[0], { id: 'latte', quantity: 2, price_fen: 1800 })
})

test('a price that a page sends is not looked at', () => {
  const items = [{ id: 'latte', quantity: 1, price_fen: 1 }]
  assert.equal(priceOrder({ lang: 'en', items, amount_fen: 1 }).amount_fen, 1800)
})

test('the description names the goods in the customer’s language', () => {
  const items = order(['latte', 2], ['egg-tart', 1]).items
  assert.equal(priceOrder({ lang: 'en', items }).description, 'Oat latte ×2, Egg tart')
  assert.equal(priceOrder({ lang: 'zh-CN', items }).description, '燕麦拿铁 ×2、葡式蛋挞')
  assert.equal(priceOrder({ lang: 'tlh', items }).description, 'Oat latte ×2, Egg tart')
})

test('the description of everything at once fits into what WeChat shows', () => {
  for (const lang of ['zh-CN', 'en']) {
    const items = goods.map(({ id }) => ({ id, quantity: 20 }))
    assert.ok(Buffer.byteLength(priceOrder({ lang, items }).description) <= 127)
  }
})

test('every good has what both pages need', () => {
  for (const { id, price_fen, name, note } of goods) {
    assert.ok(Number.isSafeInteger(price_fen) && price_fen > 0, id)
    for (const lang of ['zh-CN', 'en']) assert.ok(name[lang] && note[lang], `${id} ${lang}`)
  }
})

test('what makes no sense is refused', () => {
  const bad = [
    null,
    'latte',
    {},
    { items: [] },
    { items: 'latte' },
    { items: [null] },
    { items: [{ quantity: 1 }] },
    order(['mocha', 1]),
    order(['__proto__', 1]),
    order(['latte', 0]),
    order(['latte', -1]),
    order(['latte', 1.5]),
    order(['latte', '2']),
    order(['latte', 21]),
    order(['latte', NaN]),
    order(['latte', 1], ['latte', 1]),
    order(...Array(100).fill(['latte', 1])),
  ]
  for (const request of bad) {
    assert.throws(() => priceOrder(request), BadOrder, JSON.stringify(request))
  }
})
