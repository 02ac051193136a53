// The call by which saoma-server says that an order is paid (docs/api.md, section 5).

import { createHmac, timingSafeEqual } from 'node:crypto'

/** How far away the signature's time may be. */
const WINDOW_S = 300
const SIGNATURE = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/

/** The call is refused; `status` is the answer. */
export class Refused extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/**
 * Verifies a call and reads its event. `body` is the bytes as they came; `nowS` is Unix seconds.
 * Throws {@link Refused}: 401 for whoever does not know the secret, 400 for what is not an event.
 */
export function readWebhook({ secret, signature, body, nowS }) {
  const [, t, v1] = SIGNATURE.exec(signature ?? '') ?? []
  if (t === undefined) throw new Refused(401, 'there is no signature')
  const expected = createHmac('sha256', secret).update(`${t}.`).update(body).digest()
  if (!timingSafeEqual(expected, Buffer.from(v1, 'hex'))) {
    throw new Refused(401, 'the signature is wrong')
  }
  if (Math.abs(nowS - Number(t)) > WINDOW_S) throw new Refused(401, 'the signature is too old')
  return readEvent(body)
}

function readEvent(body) {
  let event
  try {
    event = JSON.parse(body.toString('utf8'))
  } catch {
    throw new Refused(400, 'the body is not JSON')
  }
  if (event?.type !== 'order.paid') throw new Refused(400, 'the type is not order.paid')
  for (const name of ['ship_id', 'order_no', 'transaction_id']) {
    if (typeof event[name] !== 'string' || event[name] === '') {
      throw new Refused(400, `${name} is missing`)
    }
  }
  if (!Number.isSafeInteger(event.amount_fen)) throw new Refused(400, 'amount_fen is missing')
  return event
}

/** Ships what an event says, once. Throws {@link Refused} when it is not an order of this shop. */
export function shipOrder(ledger, event, nowS) {
  const order = ledger.order(event.order_no)
  if (order === undefined) throw new Refused(404, 'this shop has no such order')
  if (order.amount_fen !== event.amount_fen) {
    throw new Refused(409, 'the order has another amount')
  }
  const { ship_id, order_no, amount_fen, transaction_id } = event
  return ledger.ship({ ship_id, order_no, amount_fen, transaction_id, at: nowS })
}
