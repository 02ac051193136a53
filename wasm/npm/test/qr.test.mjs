import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dist, wasm } from '../support/package.mjs'

const { load, qrMatrix, qrSvgPath } = await dist('qr')
const CODE_URL = 'weixin://wxpay/bizpayurl?pr=a1B2c3Dzz'
const QUIET = 4

test('before it is loaded it says what to do', () => {
  assert.throws(() => qrSvgPath(CODE_URL), /await load\(\)/)
})

test('a failed load says why, and can be tried again', async () => {
  await assert.rejects(load(new Uint8Array([1, 2, 3])), /Content-Security-Policy/)
  await load(wasm())
  await load(wasm())
})

test('a code of a payment has 29 modules and a quiet zone of four', () => {
  const { side, viewBox } = qrSvgPath(CODE_URL)
  assert.equal(side, 29 + 2 * QUIET)
  assert.equal(viewBox, '0 0 37 37')
  assert.equal(qrMatrix(CODE_URL).size, 29)
  assert.equal(qrMatrix(CODE_URL).modules.length, 29 * 29)
})

test('the path is the matrix, in whole numbers', () => {
  const { path, side } = qrSvgPath(CODE_URL)
  const { modules, size } = qrMatrix(CODE_URL)
  const painted = new Uint8Array(size * size)
  const rest = path.replace(/M(\d+) (\d+)h(\d+)v1h-(\d+)z/g, (_, x, y, run, back) => {
    assert.equal(run, back)
    assert.ok(x >= QUIET && Number(x) + Number(run) <= side - QUIET)
    for (let at = 0; at < run; at += 1) painted[(y - QUIET) * size + (x - QUIET) + at] = 1
    return ''
  })
  assert.equal(rest, '')
  assert.deepEqual(painted, modules)
})

test('three corners carry the pattern that cameras look for', () => {
  const { modules, size } = qrMatrix(CODE_URL)
  const ring = ['#######', '#.....#', '#.###.#', '#.###.#', '#.###.#', '#.....#', '#######']
  for (const [left, top] of [[0, 0], [size - 7, 0], [0, size - 7]]) {
    const seen = ring.map((_, y) =>
      Array.from(ring, (_, x) => (modules[(top + y) * size + left + x] ? '#' : '.')).join(''),
    )
    assert.deepEqual(seen, ring)
  }
})

test('a text that no code has room for is refused', () => {
  assert.throws(() => qrSvgPath('x'.repeat(3000)), RangeError)
  assert.throws(() => qrMatrix('码'.repeat(3000)), RangeError)
})
