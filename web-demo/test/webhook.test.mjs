import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refused, readWebhook } from '../src/webhook.mjs'
import { SECRET, paidEvent, sign } from '../support/shop.mjs'

const T = 1_795_461_999
const BODY = JSON.stringify(paidEvent({ order_id: 'O1', order_no: 'A-1', amount_fen: 1800 }))

const GOOD = { body: BODY, signature: sign(BODY, { t: T }), nowS: T }

function read(changes) {
  const { body, ...call } = { ...GOOD, ...changes }
  return readWebhook({ secret: SECRET, body: Buffer.from(body), ...call })
}

const refused = (status) => (error) => error instanceof Refused && error.status === status

test('a call that is signed and in time is read', () => {
  assert.equal(read().order_no, 'A-1')
  assert.equal(read().amount_fen, 1800)
})

test('a signature made by another program is accepted', () => {
  // printf '1795461999.{}' | openssl dgst -sha256 -hmac webhook-secret
  const v1 = '3671350fc954fcdd938d655fb0ed96f6670f6189accb623ecbdfba6eaf50f679'
  // Verified, and only then read: an empty object is no event.
  assert.throws(() => read({ body: '{}', signature: `t=${T},v1=${v1}` }), refused(400))
})

test('whoever does not know the secret is refused', () => {
  const forged = sign(BODY, { t: T, secret: 'guess' })
  assert.throws(() => read({ signature: forged }), refused(401))
})

test('a body that was changed in any one byte is refused', () => {
  const bytes = Buffer.from(BODY)
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes)
    changed[at] ^= 1
    assert.throws(() => read({ body: changed }), refused(401), `byte ${at}`)
  }
})

test('the time is signed too', () => {
  const moved = sign(BODY, { t: T }).replace(`t=${T}`, `t=${T + 1}`)
  assert.throws(() => read({ signature: moved }), refused(401))
})

test('a call is good for 300 seconds, before and after', () => {
  for (const away of [-300, 0, 300]) assert.equal(read({ nowS: T + away }).order_no, 'A-1')
  for (const away of [-301, 301, 86_400]) {
    assert.throws(() => read({ nowS: T + away }), refused(401), `${away} s`)
  }
})

test('what is not a signature is refused', () => {
  const good = GOOD.signature
  const bad = [
    undefined,
    '',
    good.toUpperCase(),
    good.slice(0, -1),
    `${good}0`,
    good.replace(',', ', '),
    good.replace(/t=\d+/, 't='),
    good.replace(/t=\d+/, 't=1e9'),
    good.replace(/v1=.*/, 'v1='),
    `${good},${good}`,
  ]
  for (const signature of bad) {
    assert.throws(() => read({ signature }), refused(401), String(signature))
  }
})

test('a signed body that is no event is refused', () => {
  const event = JSON.parse(BODY)
  const bad = [
    '',
    '{',
    'null',
    '[]',
    JSON.stringify({ ...event, type: 'order.refunded' }),
    JSON.stringify({ ...event, ship_id: '' }),
    JSON.stringify({ ...event, order_no: 7 }),
    JSON.stringify({ ...event, amount_fen: '1800' }),
    JSON.stringify({ ...event, transaction_id: undefined }),
  ]
  for (const body of bad) {
    assert.throws(() => read({ body, signature: sign(body, { t: T }) }), refused(400), body)
  }
})
