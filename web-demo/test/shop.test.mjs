// The whole shop as one program, asked over HTTP.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import {
  SECRET,
  SHOP_KEY,
  now,
  paidEvent,
  postJson,
  runToEnd,
  sign,
  startListener,
  startShop,
  temporaryFolder,
} from '../support/shop.mjs'

const ITEMS = { lang: 'en', items: [{ id: 'latte', quantity: 2 }, { id: 'egg-tart', quantity: 1 }] }

async function start(t, more = {}) {
  const listener = await startListener(t)
  const env = { SAOMA_SERVER_URL: listener.url, SHOP_DATA_DIR: temporaryFolder(t), ...more }
  const shop = await startShop(t, env)
  return { listener, shop, env }
}

async function placeOrder(shop) {
  const response = await postJson(`${shop.url}/api/orders`, ITEMS)
  assert.equal(response.status, 201)
  return response.json()
}

const sendWebhook = (shop, body, signature = sign(body)) =>
  postJson(`${shop.url}/webhook`, body, { 'Saoma-Signature': signature })

const isShipped = async (shop, orderNo) =>
  (await (await fetch(`${shop.url}/api/orders/${orderNo}`)).json()).shipped

test('an order is priced here and placed with the shop’s key, which no page sees', async (t) => {
  const { listener, shop } = await start(t)
  const answer = await placeOrder(shop)
  const [{ method, url, headers, body }] = listener.asked
  assert.equal(`${method} ${url}`, 'POST /v1/orders')
  assert.equal(headers.authorization, `Bearer ${SHOP_KEY}`)
  assert.equal(body.amount_fen, 2 * 1800 + 900)
  assert.equal(body.description, 'Oat latte ×2, Egg tart')
  assert.match(body.order_no, /^\d{6}-[2-9A-HJ-NP-Z]{8}$/)
  assert.deepEqual(answer, {
    order_id: 'O1',
    token: 'T1',
    order_no: body.order_no,
    amount_fen: 4500,
  })
})

test('two orders never have the same number', async (t) => {
  const { shop } = await start(t)
  const orders = await Promise.all(Array.from({ length: 20 }, () => placeOrder(shop)))
  assert.equal(new Set(orders.map(({ order_no }) => order_no)).size, 20)
})

test('a bad order never reaches the server', async (t) => {
  const { listener, shop } = await start(t)
  const bad = ['', '{', 'null', '{"items":[]}', '{"items":[{"id":"latte","quantity":-1}]}']
  for (const body of bad) {
    const response = await postJson(`${shop.url}/api/orders`, body)
    assert.equal(response.status, 400, body)
    assert.equal((await response.json()).error.code, 'bad_order')
  }
  const form = { method: 'POST', body: new URLSearchParams('items=latte') }
  assert.equal((await fetch(`${shop.url}/api/orders`, form)).status, 415)
  const huge = await postJson(`${shop.url}/api/orders`, `"${'x'.repeat(100_000)}"`)
  assert.equal(huge.status, 413)
  assert.deepEqual(listener.asked, [])
})

test('a server that is down is said in plain words, without the key', async (t) => {
  const { listener, shop } = await start(t)
  listener.stop()
  const response = await postJson(`${shop.url}/api/orders`, ITEMS)
  assert.equal(response.status, 502)
  assert.match((await response.json()).error.message, /not available right now/)
  assert.match(shop.errors, /no sensible answer from http:/)
  assert.ok(!shop.errors.includes(SHOP_KEY))
})

test('a server that refuses is told to the operator, not to the customer', async (t) => {
  const { listener, shop } = await start(t)
  listener.answer = () => [401, { error: { code: 'unauthorized', message: 'unknown key' } }]
  const response = await postJson(`${shop.url}/api/orders`, ITEMS)
  assert.equal(response.status, 502)
  assert.ok(!(await response.text()).includes('unauthorized'))
  assert.match(shop.errors, /401 unauthorized: unknown key/)
})

test('a paid order is shipped once, however often it is told', async (t) => {
  const { shop, env } = await start(t)
  const order = await placeOrder(shop)
  assert.equal(await isShipped(shop, order.order_no), false)
  const body = JSON.stringify(paidEvent(order))
  const answers = await Promise.all([1, 2, 3].map(() => sendWebhook(shop, body)))
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200])
  const firsts = await Promise.all(answers.map(async (answer) => (await answer.json()).first))
  assert.equal(firsts.filter(Boolean).length, 1)
  assert.equal(await isShipped(shop, order.order_no), true)

  assert.equal(await shop.stop('SIGTERM'), 0)
  const restarted = await startShop(t, env)
  const again = await sendWebhook(restarted, body)
  assert.deepEqual(await again.json(), { ship_id: 'ship-O1', first: false })
  assert.equal(await isShipped(restarted, order.order_no), true)
  const ledger = fs.readFileSync(path.join(env.SHOP_DATA_DIR, 'ledger.jsonl'), 'utf8')
  assert.equal(ledger.match(/"fact":"shipped"/g).length, 1)
})

test('a call that the server did not sign ships nothing', async (t) => {
  const { shop } = await start(t)
  const order = await placeOrder(shop)
  const body = JSON.stringify(paidEvent(order))
  const signatures = [
    '',
    sign(body, { secret: `${SECRET}x` }),
    sign(`${body} `),
    sign(body, { t: now() - 301 }),
    sign(body, { t: now() + 302 }),
  ]
  for (const signature of signatures) {
    assert.equal((await sendWebhook(shop, body, signature)).status, 401, signature)
  }
  assert.equal(await isShipped(shop, order.order_no), false)
})

test('an order of another shop, or of another amount, ships nothing', async (t) => {
  const { shop } = await start(t)
  const order = await placeOrder(shop)
  const other = JSON.stringify(paidEvent(order, { order_no: '261123-AAAAAAAA' }))
  assert.equal((await sendWebhook(shop, other)).status, 404)
  const cheap = JSON.stringify(paidEvent(order, { amount_fen: 1 }))
  assert.equal((await sendWebhook(shop, cheap)).status, 409)
  assert.equal(await isShipped(shop, order.order_no), false)
})

test('the pages come with a strict policy and without any key', async (t) => {
  const { shop, listener } = await start(t, { SAOMA_PHONE_URL: 'http://127.0.0.1:9/phone' })
  const paths = ['/', '/shop.mjs', '/saoma/dist/index.js', '/config.json', '/api/goods']
  for (const at of paths) {
    const response = await fetch(shop.url + at)
    assert.equal(response.status, 200, at)
    const policy = response.headers.get('content-security-policy')
    assert.match(policy, /default-src 'none'/)
    assert.ok(!policy.includes('unsafe-inline') && !policy.includes("'unsafe-eval'"))
    assert.ok(policy.includes(`connect-src 'self' ${listener.url};`))
    const text = await response.text()
    assert.ok(!text.includes(SHOP_KEY) && !text.includes(SECRET), at)
  }
  const config = await (await fetch(`${shop.url}/config.json`)).json()
  assert.deepEqual(config, { server_url: listener.url, phone_url: 'http://127.0.0.1:9/phone' })
})

test('the gallery of the checkout is served under the same policy', async (t) => {
  const { shop } = await start(t)
  const response = await fetch(`${shop.url}/gallery`)
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-security-policy'), /default-src 'none'/)
  assert.match(await response.text(), /gallery\.mjs/)
})

test('the wasm comes with the type that browsers compile while it loads', async (t) => {
  const { shop } = await start(t)
  const response = await fetch(`${shop.url}/saoma/dist/qr.wasm`)
  assert.equal(response.headers.get('content-type'), 'application/wasm')
})

test('nothing but its own files can be fetched', async (t) => {
  const { shop } = await start(t)
  const paths = [
    '/server.mjs',
    '/src/config.mjs',
    '/package.json',
    '/..%2fserver.mjs',
    '/saoma/package.json',
    '/saoma/dist/..%2fpackage.json',
    '/saoma/dist/%2e%2e/%2e%2e/%2e%2e/Cargo.toml',
    '//',
    '/api/orders/',
    '/api/orders/unknown',
    '/api/orders/a/b',
    '/constructor',
  ]
  for (const at of paths) assert.equal((await fetch(shop.url + at)).status, 404, at)
  assert.equal((await fetch(`${shop.url}/`, { method: 'DELETE' })).status, 404)
})

test('Ctrl-C ends it at once, with a browser still connected', async (t) => {
  const { shop } = await start(t)
  await (await fetch(`${shop.url}/`)).text()
  assert.equal(await shop.stop('SIGINT'), 0)
  assert.equal(shop.output.split('\n').length, 2, 'one line and no more')
})

test('a setting that is missing or wrong is named, and nothing starts', async (t) => {
  const folder = temporaryFolder(t)
  const wrong = {
    SAOMA_SERVER_URL: ['', 'pay.example.com', 'ftp://pay.example.com'],
    SAOMA_SHOP_KEY: ['', 'two words'],
    SAOMA_WEBHOOK_SECRET: [''],
    SHOP_DATA_DIR: [''],
    SAOMA_PACKAGE_DIR: [path.join(folder, 'nothing')],
    SAOMA_PHONE_URL: ['phone'],
    PORT: ['x', '65536', '-1'],
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const { code, output, errors } = await runToEnd({ SHOP_DATA_DIR: folder, [name]: value })
      assert.equal(code, 1, `${name}=${value}`)
      assert.equal(output, '')
      assert.match(errors, new RegExp(`^saoma-web-demo: ${name}[^\n]*\n$`), `${name}=${value}`)
      assert.ok(!errors.includes('two words'))
    }
  }
})

test('a port that is taken is said in plain words', async (t) => {
  const { shop } = await start(t)
  const folder = temporaryFolder(t)
  const { code, errors } = await runToEnd({ SHOP_DATA_DIR: folder, PORT: new URL(shop.url).port })
  assert.equal(code, 1)
  assert.match(errors, /^saoma-web-demo: cannot listen on 127.0.0.1: [^\n]+\n$/)
})
