// What the shop must not forget: which orders it made, and which it has shipped. One line of JSON
// for each fact, only ever appended, on disk before anything is answered.

import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from './config.mjs'

const FILE = 'ledger.jsonl'

export class Ledger {
  #file
  #orders = new Map()
  #shipments = new Map()

  constructor(file) {
    this.#file = file
  }

  /** Opens the ledger of a folder, which is made when it is not there. */
  static open(dir) {
    const name = path.join(dir, FILE)
    let file
    try {
      fs.mkdirSync(dir, { recursive: true })
      // Reads are allowed anywhere, writes only at the end.
      file = fs.openSync(name, 'a+', 0o600)
    } catch (error) {
      throw new ConfigError(`SHOP_DATA_DIR cannot be used: ${error.message}`)
    }
    const ledger = new Ledger(file)
    const text = fs.readFileSync(name, 'utf8')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    // A line without its end was being written when the power went. Nobody was told of it.
    if (whole.length < text.length) fs.ftruncateSync(file, Buffer.byteLength(whole))
    whole.split('\n').forEach((line, at) => {
      if (line === '') return
      try {
        ledger.#take(JSON.parse(line))
      } catch {
        throw new ConfigError(`${name}: line ${at + 1} is damaged`)
      }
    })
    return ledger
  }

  close() {
    fs.closeSync(this.#file)
  }

  /** Remembers an order before anybody can pay it. */
  place(order) {
    this.#append({ fact: 'placed', ...order })
  }

  /** Does the work of one shipment, once. `false`: it was done before. */
  ship(shipment) {
    if (this.#shipments.has(shipment.ship_id)) return false
    // This is where a shop prints the kitchen ticket. Ours is the line itself.
    this.#append({ fact: 'shipped', ...shipment })
    return true
  }

  /** An order by its number, with `shipped_at` once it is shipped. */
  order(orderNo) {
    return this.#orders.get(orderNo)
  }

  /** How many shipments there have been. */
  get shipped() {
    return this.#shipments.size
  }

  #append(record) {
    const line = Buffer.from(`${JSON.stringify(record)}\n`)
    const { size } = fs.fstatSync(this.#file)
    try {
      // A disk that is nearly full takes a part of it.
      const written = fs.writeSync(this.#file, line)
      if (written < line.length) throw new Error(`the ledger took ${written} bytes of a line`)
      fs.fdatasyncSync(this.#file)
    } catch (error) {
      fs.ftruncateSync(this.#file, size)
      throw error
    }
    this.#take(record)
  }

  #take(record) {
    if (record.fact === 'placed') {
      this.#orders.set(record.order_no, { ...record, shipped_at: null })
    } else if (record.fact === 'shipped') {
      this.#shipments.set(record.ship_id, record)
      const order = this.#orders.get(record.order_no)
      if (order !== undefined) order.shipped_at ??= record.at
    } else {
      throw new Error('not a fact')
    }
  }
}
