import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { ConfigError } from '../src/config.mjs'
import { Ledger } from '../src/ledger.mjs'
import { temporaryFolder } from '../support/shop.mjs'

const ORDER = { order_no: 'A-1', amount_fen: 1800, lines: [], at: 10 }
const SHIPMENT = { ship_id: 'ship-1', order_no: 'A-1', amount_fen: 1800, at: 20 }
const file = (folder) => path.join(folder, 'ledger.jsonl')

function reopen(t, folder) {
  const ledger = Ledger.open(folder)
  t.after(() => ledger.close())
  return ledger
}

test('an order is shipped once for each shipment, also after a restart', (t) => {
  const folder = path.join(temporaryFolder(t), 'made', 'by', 'itself')
  const ledger = reopen(t, folder)
  ledger.place(ORDER)
  assert.equal(ledger.order('A-1').shipped_at, null)
  assert.equal(ledger.ship(SHIPMENT), true)
  assert.equal(ledger.ship(SHIPMENT), false)
  assert.equal(ledger.order('A-1').shipped_at, 20)

  const again = reopen(t, folder)
  assert.equal(again.ship({ ...SHIPMENT, at: 99 }), false)
  assert.equal(again.shipped, 1)
  assert.equal(again.order('A-1').shipped_at, 20)
  assert.equal(fs.readFileSync(file(folder), 'utf8').split('\n').length, 3)
})

test('a line that was cut by a power failure is dropped, and the next one is whole', (t) => {
  const folder = temporaryFolder(t)
  const ledger = reopen(t, folder)
  ledger.place(ORDER)
  ledger.ship(SHIPMENT)
  const written = fs.readFileSync(file(folder))
  const first = written.indexOf('\n') + 1
  for (let length = first; length < written.length; length += 1) {
    fs.writeFileSync(file(folder), written.subarray(0, length))
    const after = reopen(t, folder)
    assert.equal(after.shipped, 0, `cut at byte ${length}`)
    assert.equal(after.ship(SHIPMENT), true)
    assert.deepEqual(fs.readFileSync(file(folder)), written)
  }
})

test('a line that the disk takes only a part of, or does not keep, never was', (t) => {
  const folder = temporaryFolder(t)
  const ledger = reopen(t, folder)
  ledger.place(ORDER)
  const before = fs.readFileSync(file(folder))
  const { writeSync } = fs
  const troubles = [
    ['writeSync', (to, data) => writeSync(to, Buffer.from(data).subarray(0, 20))],
    ['writeSync', () => { throw new Error('ENOSPC') }],
    ['fdatasyncSync', () => { throw new Error('EIO') }],
  ]
  for (const [name, trouble] of troubles) {
    const mock = t.mock.method(fs, name, trouble)
    assert.throws(() => ledger.ship(SHIPMENT), /took 20 bytes|ENOSPC|EIO/)
    mock.mock.restore()
    assert.deepEqual(fs.readFileSync(file(folder)), before)
    assert.equal(ledger.shipped, 0)
  }
  assert.equal(ledger.ship(SHIPMENT), true, 'told again, it is shipped')
  assert.equal(reopen(t, folder).shipped, 1)
})

test('a damaged line stops the shop and is named', (t) => {
  const folder = temporaryFolder(t)
  reopen(t, folder).place(ORDER)
  const written = fs.readFileSync(file(folder), 'utf8')
  for (const bad of ['{"fact":', 'null', '{"fact":"dreamt"}', '7']) {
    fs.writeFileSync(file(folder), `${written}${bad}\n${written}`)
    const opening = () => Ledger.open(folder)
    assert.throws(opening, (error) => error instanceof ConfigError && /line 2/.test(error.message))
  }
})

test('a folder that cannot be written is refused in plain words', (t) => {
  const folder = temporaryFolder(t)
  fs.writeFileSync(path.join(folder, 'file'), '')
  assert.throws(() => Ledger.open(path.join(folder, 'file')), /SHOP_DATA_DIR cannot be used/)
})
