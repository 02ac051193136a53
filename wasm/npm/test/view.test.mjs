import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dist } from '../support/package.mjs'
import { view } from '../support/server.mjs'

const { BadView, parseView } = await dist('follow')

test('a view is read as it was written', () => {
  const written = view('open', 3)
  assert.deepEqual(parseView(JSON.stringify(written)), written)
})

test('fields that nobody knows are left out', () => {
  const more = view('paid', 4, { token: 'x', __proto__: { phase: 'open' } })
  assert.deepEqual(parseView(JSON.stringify(more)), view('paid', 4))
})

test('nonsense is refused, and the message names the field', () => {
  const refused = {
    phase: ['OPEN', '', null, 1, 'toString'],
    order_id: [1, null],
    version: ['3', -1, 1.5, 2 ** 53],
    amount_fen: ['1800', -1, 0.5, null],
    merchant: [null],
    description: [7],
    code_url: [7, 'x'.repeat(257)],
    expires_at: ['soon', -1],
    server_time: [null, 1e300],
  }
  for (const [field, values] of Object.entries(refused)) {
    const { [field]: _, ...without } = view('open', 3)
    const bad = values.map((value) => ({ ...without, [field]: value }))
    for (const wrong of [without, ...bad]) {
      const reading = () => parseView(JSON.stringify(wrong))
      assert.throws(reading, (error) => error instanceof BadView && error.message.includes(field))
    }
  }
})

test('what is not an object is refused', () => {
  for (const text of ['', '{', 'null', '1', '[]', '"open"', '<html>']) {
    assert.throws(() => parseView(text), BadView, text)
  }
})
