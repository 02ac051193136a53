// Where a browser refuses what several tabs share an order by: in frames without an origin of their
// own, and for visitors who let no page keep anything. Each page then listens for itself.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dist } from '../support/package.mjs'
import { ORDER, OrderServer, TOKEN, view } from '../support/server.mjs'

const { UnknownOrder, follow } = await dist('follow')
const { Share } = await dist('share')

const refused = async () => {
  throw new DOMException('The request was denied.', 'SecurityError')
}
/** Every lock is free. */
const granted = async (name, options, hold) => hold({ name })

/** The browser's own things, until the test ends. */
function replace(t, name, value) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  t.after(() => {
    if (before === undefined) delete globalThis[name]
    else Object.defineProperty(globalThis, name, before)
  })
}

async function isFollowedToItsEnd(t) {
  const server = await OrderServer.start(view('open', 1))
  const states = []
  let look = () => {}
  const where = { server: server.url, order: ORDER, token: TOKEN }
  const following = follow(where, (state) => {
    states.push(state)
    look()
  })
  t.after(async () => {
    following.stop()
    await server.close()
  })
  /** The next state that is no loading; fails when it is another one. */
  const next = async (screen) => {
    while (states.at(-1)?.screen !== screen) {
      assert.notEqual(states.at(-1)?.screen, 'error', String(states.at(-1)?.error))
      await new Promise((resolve) => (look = resolve))
    }
  }
  await next('waiting')
  server.set(view('shipped', 2))
  await next('paid')
  assert.deepEqual(server.requests, [`GET /v1/orders/${ORDER}/events`], 'it listens')
}

test('a page that may take no lock follows its order', async (t) => {
  replace(t, 'navigator', { locks: { request: refused } })
  await isFollowedToItsEnd(t)
})

test('a page that may not hear other pages follows its order', async (t) => {
  replace(t, 'BroadcastChannel', class {
    constructor() {
      throw new DOMException('The operation is insecure.', 'SecurityError')
    }
  })
  // And would wait for ever in line behind one that it does not hear.
  const taken = (name, { ifAvailable, signal }, hold) => {
    if (ifAvailable) return Promise.resolve(hold(name.includes(ORDER) ? null : { name }))
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  replace(t, 'navigator', { locks: { request: taken } })
  await isFollowedToItsEnd(t)
})

test('work that fails is not begun a second time', async (t) => {
  for (const request of [granted, refused]) {
    replace(t, 'navigator', { locks: { request } })
    const share = new Share('https://pay.test', 'order token', () => {}, () => {})
    let begun = 0
    const work = async () => {
      begun += 1
      throw new UnknownOrder('none')
    }
    await assert.rejects(share.stream(work), UnknownOrder)
    assert.equal(begun, 1)
  }
})
