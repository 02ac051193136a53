import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dist } from '../support/package.mjs'

const { AMOUNT_FEN_MAX, formatFen } = await dist('money')

test('fen are shown as yuan with two digits', () => {
  const shown = { 0: '¥0.00', 1: '¥0.01', 10: '¥0.10', 99: '¥0.99', 100: '¥1.00', 1800: '¥18.00' }
  for (const [fen, text] of Object.entries(shown)) assert.equal(formatFen(Number(fen)), text)
})

test('thousands are set apart', () => {
  assert.equal(formatFen(99_999), '¥999.99')
  assert.equal(formatFen(100_000), '¥1,000.00')
  assert.equal(formatFen(123_456_789), '¥1,234,567.89')
  assert.equal(formatFen(AMOUNT_FEN_MAX), '¥21,474,836.47')
})

test('the largest numbers lose nothing', () => {
  assert.equal(formatFen(Number.MAX_SAFE_INTEGER), '¥90,071,992,547,409.91')
})

test('what is not an amount is refused', () => {
  for (const bad of [-1, 0.5, NaN, Infinity, 2 ** 53, '1800', null, undefined, 1800n]) {
    assert.throws(() => formatFen(bad), RangeError, String(bad))
  }
})
