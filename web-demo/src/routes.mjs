// Who is asked for what. Each handler answers `[status, body]`, or throws.

import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { BadOrder, goods, priceOrder } from './catalog.mjs'
import { ServerTrouble } from './saoma.mjs'
import { contentSecurityPolicy } from './static.mjs'
import { Refused, readWebhook, shipOrder } from './webhook.mjs'

/** Longest body of a request in bytes; ours are a few hundred. */
const BODY_MAX = 16_384

/** The shop's request handler; `nowS` tells the time in Unix seconds. */
export function makeHandler(shop, nowS = () => Math.floor(Date.now() / 1000)) {
  const routes = {
    'GET /config.json': () => config(shop),
    'GET /api/goods': () => [200, { goods }],
    'POST /api/orders': (request) => placeOrder(shop, request, nowS),
    'GET /api/orders/': (request, orderNo) => showOrder(shop, orderNo),
    'POST /webhook': (request) => takeWebhook(shop, request, nowS),
  }
  const policy = contentSecurityPolicy(shop.config.serverUrl)
  return (request, response) => {
    response.setHeader('X-Content-Type-Options', 'nosniff')
    response.setHeader('Referrer-Policy', 'no-referrer')
    response.setHeader('Content-Security-Policy', policy)
    const pathname = request.url.split('?', 1)[0]
    if (['GET', 'HEAD'].includes(request.method) && shop.files.has(pathname)) {
      sendFile(response, shop.files.get(pathname))
      return
    }
    const [route, argument] = find(routes, request.method, pathname)
    answer(request, response, route, argument)
  }
}

/** The route of an address: exact, or with one more step after the last `/`. */
function find(routes, method, pathname) {
  const exact = routes[`${method} ${pathname}`]
  if (exact !== undefined && !pathname.endsWith('/')) return [exact]
  const cut = pathname.lastIndexOf('/') + 1
  return [routes[`${method} ${pathname.slice(0, cut)}`], pathname.slice(cut)]
}

async function answer(request, response, route, argument) {
  try {
    if (route === undefined) throw new Refused(404, 'there is nothing here')
    const [status, body] = await route(request, argument)
    sendJson(response, status, body)
  } catch (error) {
    const [status, code, message] = explain(error)
    // The customer's side of the connection may be gone; that is nobody's error.
    if (!response.destroyed) sendJson(response, status, { error: { code, message } })
  }
}

function explain(error) {
  if (error instanceof BadOrder) return [400, 'bad_order', error.message]
  if (error instanceof Refused) return [error.status, 'refused', error.message]
  console.error(`saoma-web-demo: ${error instanceof ServerTrouble ? error.message : error.stack}`)
  if (error instanceof ServerTrouble) {
    return [502, 'payment_unavailable', 'payment is not available right now, please try again']
  }
  return [500, 'internal', 'something went wrong in the shop']
}

function config({ config }) {
  return [200, { server_url: config.serverUrl, phone_url: config.phoneUrl }]
}

async function placeOrder({ ledger, saoma }, request, nowS) {
  const { lines, amount_fen, description } = priceOrder(await readJson(request))
  const at = nowS()
  const order_no = makeOrderNo(at)
  ledger.place({ order_no, amount_fen, lines, at })
  const { order_id, token } = await saoma.createOrder({ order_no, amount_fen, description })
  return [201, { order_id, token, order_no, amount_fen }]
}

function showOrder({ ledger }, orderNo) {
  const order = ledger.order(orderNo)
  if (order === undefined) throw new Refused(404, 'this shop has no such order')
  const { order_no, amount_fen, lines, shipped_at } = order
  return [200, { order_no, amount_fen, lines, shipped: shipped_at !== null, shipped_at }]
}

async function takeWebhook({ config, ledger }, request, nowS) {
  const body = await readBody(request)
  const signature = request.headers['saoma-signature']
  const event = readWebhook({ secret: config.webhookSecret, signature, body, nowS: nowS() })
  const first = shipOrder(ledger, event, nowS())
  return [200, { ship_id: event.ship_id, first }]
}

/** `261123-K7Q2M9XB`: the day in Beijing and 40 random bits, without letters that look alike. */
function makeOrderNo(nowS) {
  const letters = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
  const day = new Date((nowS + 8 * 3600) * 1000).toISOString().slice(2, 10).replaceAll('-', '')
  return `${day}-${Array.from(randomBytes(8), (byte) => letters[byte % 32]).join('')}`
}

async function readBody(request) {
  const chunks = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > BODY_MAX) throw new Refused(413, 'the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Asking for this type keeps forms of other sites out. */
async function readJson(request) {
  const type = request.headers['content-type'] ?? ''
  if (!type.startsWith('application/json')) throw new Refused(415, 'the body must be JSON')
  const body = await readBody(request)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new BadOrder('the body is not JSON')
  }
}

function sendJson(response, status, body) {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    // A body that was refused half-read must not be taken for the next request.
    ...(status === 413 && { Connection: 'close' }),
  })
  response.end(JSON.stringify(body))
}

function sendFile(response, { file, type }) {
  const stream = fs.createReadStream(file)
  stream.on('open', () => {
    response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-cache' })
  })
  stream.on('error', (error) => {
    console.error(`saoma-web-demo: ${error.message}`)
    response.destroy()
  })
  stream.pipe(response)
}
