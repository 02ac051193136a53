// The part of the benchmark that runs in a real Chromium.

import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { ENCODERS } from './encoders.mjs'
import { place } from './place.mjs'

const driver = new URL('../../../tests/browser/driver.mjs', import.meta.url)
const { chromium } = createRequire(driver)('playwright-core')
const decoder = fileURLToPath(import.meta.resolve('jsqr'))

/** As much slower as a phone of the cheapest kind. */
const THROTTLE = 4

/** Runs in the page: loads an encoder and makes its first code; then many, for the time of one. */
async function measure({ name, text, count }) {
  const { ENCODERS } = await import('/encoders.mjs')
  const encoder = ENCODERS[name]
  const at = Object.keys(ENCODERS).indexOf(name)
  const bytes = async () => new Uint8Array(await (await fetch(`/${at}.wasm`)).arrayBuffer())
  const start = performance.now()
  const bundle = await import(`/${at}.js`)
  const load = async (module) => bundle[`m${Object.keys(encoder.modules).indexOf(module)}`]
  const encode = await encoder.make(load, bytes)
  const svg = encode(text)
  const first = performance.now() - start
  let best = Infinity
  for (let round = 0; round < 20 && count > 0; round += 1) {
    const from = performance.now()
    for (let one = 0; one < count; one += 1) encode(text)
    best = Math.min(best, (performance.now() - from) / count)
  }
  return { first, best, svg }
}

/** Runs in the page: what a decoder reads from a drawing. */
async function read(svg) {
  const drawing = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement
  for (const side of ['width', 'height']) drawing.setAttribute(side, '400')
  const image = new Image()
  image.src = `data:image/svg+xml,${encodeURIComponent(drawing.outerHTML)}`
  await image.decode()
  const canvas = Object.assign(document.createElement('canvas'), { width: 480, height: 480 })
  const context = canvas.getContext('2d')
  context.fillStyle = '#fff'
  context.fillRect(0, 0, 480, 480)
  context.drawImage(image, 40, 40, 400, 400)
  return window.jsQR(context.getImageData(0, 0, 480, 480).data, 480, 480)?.data ?? null
}

/** Serves the bundles, gives for each encoder `{first, best}`, or `{error}` when it is wrong. */
export async function inChromium({ bundles, packageDir, text, rounds }) {
  const names = Object.keys(ENCODERS)
  const server = http.createServer((request, response) => {
    const [, at, type] = /^\/(\d+)\.(js|wasm)$/.exec(request.url) ?? []
    if (type === 'js') return send(response, 'text/javascript', bundles[names[at]])
    if (type === 'wasm') {
      const file = new URL(place(ENCODERS[names[at]].wasm, packageDir))
      return send(response, 'application/wasm', fs.readFileSync(file))
    }
    if (request.url === '/encoders.mjs') {
      const file = new URL('encoders.mjs', import.meta.url)
      return send(response, 'text/javascript', fs.readFileSync(file))
    }
    send(response, 'text/html', '<!doctype html><title>bench</title>')
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const executablePath = process.env.SAOMA_CHROMIUM || '/usr/bin/chromium'
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  const results = Object.fromEntries(names.map((name) => [name, { firsts: [], bests: [] }]))
  const address = `http://127.0.0.1:${server.address().port}/`
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const name of names) {
        // A context of its own: nothing is in a cache.
        const context = await browser.newContext()
        const page = await context.newPage()
        await page.goto(address)
        const cdp = await context.newCDPSession(page)
        await cdp.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE })
        await page.evaluate(() => import('/encoders.mjs').then(() => null))
        const { first } = await page.evaluate(measure, { name, text, count: 0 })
        await cdp.send('Emulation.setCPUThrottlingRate', { rate: 1 })
        const { best, svg } = await page.evaluate(measure, { name, text, count: 200 })
        results[name].firsts.push(first)
        results[name].bests.push(best)
        if (round === 0) {
          await page.addScriptTag({ path: decoder })
          const seen = await page.evaluate(read, svg)
          if (seen !== text) throw new Error(`${name} draws a code that reads ${seen}`)
        }
        await context.close()
      }
    }
  } finally {
    await browser.close()
    server.close()
  }
  return results
}

function send(response, type, body) {
  response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body)
}
