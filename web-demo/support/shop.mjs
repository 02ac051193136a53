// Starts the shop as its operator does, and stands in for what it talks to: a listener in the
// place of saoma-server that keeps what it was asked, and the sender of signed webhook calls.

import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../server.mjs', import.meta.url))
export const SHOP_KEY = 'shop-key-that-no-page-may-see'
export const SECRET = 'webhook-secret'

export const now = () => Math.floor(Date.now() / 1000)

/** A folder that ends with the test. */
export function temporaryFolder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'saoma-web-demo-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return folder
}

/** Listens where saoma-server would; `asked` is what came, `answer` what it says. */
export async function startListener(t) {
  const listener = {
    asked: [],
    answer: () => [201, { order_id: 'O1', token: 'T1', view: {} }],
  }
  const server = http.createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method, url, headers } = request
    listener.asked.push({ method, url, headers, body: JSON.parse(body) })
    const [status, answer] = listener.answer()
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  listener.url = `http://127.0.0.1:${server.address().port}`
  listener.stop = () => {
    server.closeAllConnections()
    server.close()
  }
  t.after(listener.stop)
  return listener
}

/** Runs the shop until it is ready; `stop` ends it as a terminal would. */
export async function startShop(t, env) {
  const shop = run(env)
  t.after(() => shop.process.kill('SIGKILL'))
  while (!shop.output.includes('\n') && shop.process.exitCode === null) {
    await Promise.race([once(shop.process.stdout, 'data'), once(shop.process, 'exit')])
  }
  const [, url] = /^saoma-web-demo ready on (http:\S+)\n$/.exec(shop.output) ?? []
  if (url === undefined) throw new Error(`the shop did not start: ${shop.output}${shop.errors}`)
  return Object.assign(shop, {
    url,
    async stop(signal) {
      shop.process.kill(signal)
      const [code] = await once(shop.process, 'exit')
      return code
    },
  })
}

/** Runs the shop until it gives up. */
export async function runToEnd(env) {
  const shop = run(env)
  const [code] = await once(shop.process, 'close')
  return { code, output: shop.output, errors: shop.errors }
}

function run(env) {
  const shop = { output: '', errors: '' }
  shop.process = spawn(process.execPath, [PROGRAM], {
    env: {
      PATH: process.env.PATH,
      SAOMA_PACKAGE_DIR: process.env.SAOMA_PACKAGE_DIR,
      SAOMA_SERVER_URL: 'http://127.0.0.1:9',
      SAOMA_SHOP_KEY: SHOP_KEY,
      SAOMA_WEBHOOK_SECRET: SECRET,
      ...env,
    },
  })
  shop.process.stdout.on('data', (data) => (shop.output += data))
  shop.process.stderr.on('data', (data) => (shop.errors += data))
  return shop
}

/** The event of a paid order, as docs/api.md section 5 has it. */
export function paidEvent(order, more = {}) {
  return {
    type: 'order.paid',
    ship_id: `ship-${order.order_id}`,
    order_id: order.order_id,
    order_no: order.order_no,
    amount_fen: order.amount_fen,
    transaction_id: '4200001234202611230000000001',
    paid_at: now(),
    ...more,
  }
}

/** `Saoma-Signature` over a body. */
export function sign(body, { secret = SECRET, t = now() } = {}) {
  const v1 = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')
  return `t=${t},v1=${v1}`
}

export function postJson(url, value, headers = {}) {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof value === 'string' ? value : JSON.stringify(value),
  })
}
