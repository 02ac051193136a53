// Pages that nobody sees, machines that slept, and orders that never end: with a page of our own
// making and a clock that the test moves, where real time would be slow.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dist } from '../support/package.mjs'
import { ORDER, TOKEN, view } from '../support/server.mjs'

const { follow } = await dist('follow')
const { Checkout, parseView } = await dist('machine')

/** The server's clock when a test begins, in seconds. */
const START = 1_795_461_960

/** What a browser has and Node has not, as far as the package looks at it. */
class Page extends EventTarget {
  hidden = false
  defaultView = new EventTarget()

  see(seen) {
    this.hidden = !seen
    this.dispatchEvent(new Event('visibilitychange'))
  }
}

/** Follows an order with questions only; time passes when the test says so. */
function begin(t, first, how = {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: START * 1_000 })
  let passed = 0
  let slept = 0
  t.mock.method(performance, 'now', () => passed)
  const page = new Page()
  page.hidden = how.hidden ?? false
  globalThis.document = page
  const world = { page, states: [], asked: 0, answer: first, status: 200, body: undefined }
  const fetch = async () => {
    world.asked += 1
    if (world.answer === null) throw new TypeError('no connection')
    const server_time = START + Math.floor((passed + slept) / 1_000)
    const answer = { ...world.answer, server_time }
    return new Response(world.body ?? JSON.stringify(answer), { status: world.status })
  }
  const where = { server: 'https://pay.test', order: ORDER, token: TOKEN, events: false, fetch }
  const following = follow(where, (state) => world.states.push(state))
  t.after(() => {
    following.stop()
    delete globalThis.document
  })
  world.screen = () => following.state.screen
  world.settle = async () => {
    for (let turn = 0; turn < 40; turn += 1) await new Promise(setImmediate)
  }
  world.pass = async (seconds) => {
    for (let second = 0; second < seconds; second += 1) {
      passed += 1_000
      t.mock.timers.tick(1_000)
      for (let turn = 0; turn < 8; turn += 1) await new Promise(setImmediate)
    }
  }
  /** Somebody sets the machine's clock. */
  world.setClock = (seconds) => t.mock.timers.setTime(Date.now() + seconds * 1_000)
  /** The machine sleeps: its clock and the world go on, nothing else does. */
  world.sleep = (seconds) => {
    slept += seconds * 1_000
    world.setClock(seconds)
  }
  return world
}

test('a hidden page asks twice a minute, and no more than forty times', async (t) => {
  const world = begin(t, view('open', 1))
  await world.settle()
  world.page.see(false)
  world.asked = 0
  await world.pass(60)
  assert.ok(world.asked >= 1 && world.asked <= 2, `${world.asked} questions in a minute`)
  world.answer = view('open', 1, { expires_at: START + 7_200 })
  await world.pass(3_600)
  assert.ok(world.asked <= 40, `${world.asked} questions`)
  const before = world.asked
  await world.pass(600)
  assert.equal(world.asked, before, 'and then none')
  world.answer = view('paid', 2)
  world.page.see(true)
  await world.settle()
  assert.equal(world.screen(), 'paid', 'whoever looks again sees what is true')
})

test('a page that opens behind others knows its order, and is quiet', async (t) => {
  const world = begin(t, view('open', 1), { hidden: true })
  await world.settle()
  assert.equal(world.screen(), 'waiting')
  await world.pass(20)
  assert.equal(world.asked, 1)
})

test('a stopped page asks nothing, and at once when it goes on', async (t) => {
  for (const [stop, go] of [['pagehide', 'pageshow'], ['freeze', 'resume']]) {
    const world = begin(t, view('open', 1))
    const target = stop === 'freeze' ? world.page : world.page.defaultView
    await world.settle()
    target.dispatchEvent(new Event(stop))
    world.asked = 0
    await world.pass(300)
    assert.equal(world.asked, 0, stop)
    world.answer = view('paid', 2)
    target.dispatchEvent(new Event(go))
    await world.settle()
    assert.equal(world.screen(), 'paid', go)
    t.mock.timers.reset()
    t.mock.restoreAll()
  }
})

test('a machine that slept asks at once, and shows no time that is over', async (t) => {
  const world = begin(t, view('open', 1))
  await world.settle()
  await world.pass(70)
  world.answer = null
  world.asked = 0
  world.sleep(3_600)
  await world.pass(1)
  assert.equal(world.asked, 1)
  assert.equal(world.screen(), 'checking')
  // The net needs longer to wake up than the page.
  await world.pass(20)
  world.answer = view('expired', 2)
  await world.pass(16)
  assert.equal(world.screen(), 'expired')
})

test('a clock that somebody set is no news for long', async (t) => {
  for (const seconds of [-86_400, 86_400]) {
    const world = begin(t, view('open', 1))
    await world.settle()
    await world.pass(10)
    world.setClock(seconds)
    await world.pass(1)
    assert.equal(world.screen(), 'waiting')
    assert.ok(Math.abs(world.states.at(-1).leftSeconds - 889) <= 1)
    t.mock.timers.reset()
    t.mock.restoreAll()
  }
})

test('an order without an end is not asked about for ever', async (t) => {
  const world = begin(t, view('open', 1))
  await world.settle()
  await world.pass(900 + 1_860)
  const before = world.asked
  assert.ok(before < 500, `${before} questions`)
  await world.pass(3_600)
  assert.equal(world.asked, before)
  world.page.defaultView.dispatchEvent(new Event('online'))
  await world.settle()
  assert.equal(world.asked, before + 1, 'one more when something has changed')
})

test('an order is followed as long as it can be paid, be that a day', async (t) => {
  const expires_at = START + 86_400
  const world = begin(t, view('open', 1, { expires_at }))
  await world.settle()
  await world.pass(6.1 * 3_600)
  const left = world.states.at(-1).leftSeconds
  assert.ok(Math.abs(left - 17.9 * 3_600) <= 1, `${left} seconds left`)
  world.answer = view('paid', 2, { expires_at })
  await world.pass(31)
  assert.equal(world.screen(), 'paid')
})

test('a code that can be paid no more is not shown, whatever the server says', async (t) => {
  const world = begin(t, view('open', 1, { expires_at: START + 7 * 3_600 }))
  await world.settle()
  await world.pass(7 * 3_600 + 1)
  assert.equal(world.screen(), 'checking')
})

test('a last word that is not waited for any more is not promised either', async (t) => {
  const world = begin(t, view('open', 1))
  await world.settle()
  await world.pass(900 + 1_795)
  assert.deepEqual([world.screen(), world.states.at(-1).offline], ['checking', false])
  await world.pass(40)
  assert.deepEqual([world.screen(), world.states.at(-1).offline], ['checking', true])
  world.answer = view('shipped', 2)
  world.page.defaultView.dispatchEvent(new Event('online'))
  await world.settle()
  assert.deepEqual([world.screen(), world.states.at(-1).offline], ['paid', false])
})

test('only the server itself can say that there is no such order', async (t) => {
  const world = begin(t, view('open', 1))
  await world.settle()
  const others = [
    [404, '<h1>404 Not Found</h1>'],
    // As Fastify and Spring say it, and two gateways.
    [404, '{"statusCode":404,"error":"Not Found","message":"Route GET:/ not found"}'],
    [404, '{"error":null}'],
    [404, '{"error":{"code":404,"status":"NOT_FOUND"}}'],
    [401, '{"error":{"code":"invalid_token"}}'],
  ]
  for (const [status, body] of others) {
    world.status = status
    world.body = body
    await world.pass(16)
    assert.deepEqual([world.screen(), world.states.at(-1).offline], ['waiting', true], body)
  }
  world.status = 404
  world.body = '{"error":{"code":"not_found","message":"no such order"}}'
  await world.pass(15)
  assert.equal(world.screen(), 'error')
})

test('the machine by itself: views and time in, screens and pauses out', () => {
  const checkout = new Checkout()
  assert.equal(checkout.screen(0), 'loading')
  checkout.onView(parseView(JSON.stringify(view('open', 1))), 5_000)
  assert.deepEqual([checkout.screen(5_000), checkout.leftSeconds(15_000)], ['waiting', 890])
  assert.equal(checkout.nextPollMs(5_000), 2_000)
  checkout.onLost()
  assert.equal(checkout.offline(), true)
  assert.throws(() => checkout.onView({ ...view('open', 2), expires_at: 1e300 }, 6_000), RangeError)
  checkout.onView(view('shipped', 3), 6_000)
  assert.deepEqual([checkout.screen(6_000), checkout.nextPollMs(6_000)], ['paid', undefined])
})
