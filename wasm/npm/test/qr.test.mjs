import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dist, wasm } from '../support/package.mjs'

const { drawQrCanvas, load, qrMatrix, qrSvg, qrSvgPath } = await dist('qr')
const CODE_URL = 'weixin://wxpay/bizpayurl?pr=a1B2c3Dzz'
const QUIET = 4

/** Texts of every length, most of them not of ASCII alone. */
const TEXTS = Array.from({ length: 256 }, (_, bytes) => {
  let text = ''
  for (let at = 0; Buffer.byteLength(text) < bytes; at += 1) {
    const next = '码é?x/9'[(at * 7 + bytes) % 6]
    text += Buffer.byteLength(text + next) > bytes ? 'a' : next
  }
  return text
})

// The test of the plain JavaScript runs first: afterwards the functions use the wasm.
test('the wasm gives the codes that the plain JavaScript gives, for every length', async () => {
  const plain = TEXTS.map((text) => [qrSvgPath(text), qrMatrix(text)])
  await assert.rejects(load(new Uint8Array([1, 2, 3])), /Content-Security-Policy/)
  assert.deepEqual(qrSvgPath(CODE_URL).side, 37, 'after a failure it goes on as before')
  await load(wasm())
  await load(wasm())
  TEXTS.forEach((text, at) => {
    assert.equal(Buffer.byteLength(text), at)
    assert.deepEqual([qrSvgPath(text), qrMatrix(text)], plain[at], text)
  })
})

test('a code of a payment has 29 modules and a quiet zone of four', () => {
  const { side, viewBox } = qrSvgPath(CODE_URL)
  assert.equal(side, 29 + 2 * QUIET)
  assert.equal(viewBox, '0 0 37 37')
  assert.equal(qrMatrix(CODE_URL).size, 29)
  assert.equal(qrMatrix(CODE_URL).modules.length, 29 * 29)
})

test('the path is the matrix, in whole numbers', () => {
  for (const text of TEXTS.filter((_, at) => at % 15 === 0)) {
    const { path, side } = qrSvgPath(text)
    const { modules, size } = qrMatrix(text)
    const painted = new Uint8Array(size * size)
    const rest = path.replace(/M(\d+) (\d+)h(\d+)v1h-(\d+)z/g, (_, x, y, run, back) => {
      assert.equal(run, back)
      assert.ok(x >= QUIET && Number(x) + Number(run) <= side - QUIET)
      for (let at = 0; at < run; at += 1) painted[(y - QUIET) * size + (x - QUIET) + at] = 1
      return ''
    })
    assert.equal(rest, '')
    assert.deepEqual(painted, modules)
  }
})

test('a whole svg is white paper with the path on it', () => {
  const svg = qrSvg(CODE_URL)
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 37 37"/)
  assert.ok(svg.includes('<path d="M0 0h37v37h-37z" fill="#fff"/>'))
  assert.ok(svg.endsWith(`<path d="${qrSvgPath(CODE_URL).path}"/></svg>`))
})

/** What a canvas is told, as pixels of `#` and `.`. */
class Canvas {
  clientWidth = 100
  #pixels = []
  set width(width) {
    this.#pixels = Array.from({ length: width }, () => new Array(width).fill(' '))
  }
  get width() {
    return this.#pixels.length
  }
  height = 0
  fillStyle = ''
  getContext = () => this
  fillRect(x, y, width, height) {
    const ink = { '#000': '#', '#fff': '.' }[this.fillStyle]
    for (let row = y; row < y + height; row += 1) this.#pixels[row].fill(ink, x, x + width)
  }
  get rows() {
    return this.#pixels.map((row) => row.join(''))
  }
}

test('a canvas gets whole pixels of the screen for each module, at any density', (t) => {
  t.after(() => delete globalThis.devicePixelRatio)
  const { modules, size } = qrMatrix(CODE_URL)
  for (const [density, width, unit] of [[1, 100, 2], [2, 100, 5], [1.5, 100, 4], [3, 12, 1]]) {
    globalThis.devicePixelRatio = density
    const canvas = new Canvas()
    assert.equal(drawQrCanvas(canvas, CODE_URL, width), (37 * unit) / density)
    assert.deepEqual([canvas.width, canvas.height], [37 * unit, 37 * unit])
    canvas.rows.forEach((row, y) => {
      const expected = Array.from(row, (_, x) => {
        const [column, line] = [x, y].map((at) => Math.floor(at / unit) - QUIET)
        const inside = [column, line].every((at) => at >= 0 && at < size)
        return inside && modules[line * size + column] ? '#' : '.'
      })
      assert.equal(row, expected.join(''))
    })
  }
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

test('a text that is too long is refused', () => {
  assert.throws(() => qrSvgPath('x'.repeat(256)), RangeError)
  assert.throws(() => qrMatrix('码'.repeat(86)), RangeError)
  assert.throws(() => qrSvg('x'.repeat(3000)), RangeError)
})
