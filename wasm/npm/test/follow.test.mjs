import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dist } from '../support/package.mjs'
import { ORDER, OrderServer, TOKEN, event, view } from '../support/server.mjs'

const { UnknownOrder, follow } = await dist('follow')

/** Follows the order of a new server; `until` waits for a state that fits. */
async function begin(t, first, options = {}) {
  const server = await OrderServer.start(first)
  const states = []
  let look = () => {}
  const where = { server: server.url, order: ORDER, token: TOKEN, ...options }
  const following = follow(where, (state) => {
    states.push(state)
    look()
  })
  t.after(async () => {
    following.stop()
    await server.close()
  })
  const until = (fits) =>
    new Promise((resolve) => {
      look = () => {
        const found = states.findLast(fits)
        if (found !== undefined) resolve(found)
      }
      look()
    })
  return { server, states, following, until, screen: (name) => until((s) => s.screen === name) }
}

/** Waits for something that comes soon, on a busy machine a little later. */
async function soon(fits) {
  for (let tries = 0; !fits() && tries < 1000; tries += 1) await pause(20)
  assert.ok(fits(), String(fits))
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

describe('following an order', { concurrency: true }, () => {
  test('the first view comes at once, with the time left by the server’s clock', async (t) => {
    const { screen } = await begin(t, view('open', 1))
    const state = await screen('waiting')
    assert.equal(state.leftSeconds, 900, 'whatever the clock of this machine says')
    assert.equal(state.offline, false)
    assert.equal(state.view.code_url, view('open', 1).code_url)
  })

  test('the time left runs down by itself, and at the end the code is gone', async (t) => {
    const server_time = 1_795_462_860 - 2
    const { states, screen, server } = await begin(t, view('open', 1, { server_time }))
    await screen('checking')
    const told = states.map(({ screen, leftSeconds }) => `${screen} ${leftSeconds}`)
    assert.equal(told[0], 'waiting 2')
    assert.equal(told.at(-1), 'checking 0')
    assert.deepEqual(told, told.toSorted((a, b) => b.localeCompare(a)), 'it only runs down')
    assert.equal(server.requests.length, 1)
  })

  test('what happens is told in the moment it happens, and the end ends it', async (t) => {
    const { server, states, screen, until } = await begin(t, view('placing', 1))
    await screen('loading')
    for (const [at, phase] of ['open', 'paid', 'shipped'].entries()) {
      server.set(view(phase, 2 + at))
      await until(({ view }) => view?.phase === phase)
    }
    assert.deepEqual([...new Set(states.map((s) => s.screen))], ['loading', 'waiting', 'paid'])
    await soon(() => server.listeners === 0)
    await pause(2_500)
    assert.deepEqual(server.requests, [`GET /v1/orders/${ORDER}/events`], 'and nobody asks again')
  })

  test('the token is sent as a header and never stands in an address', async (t) => {
    const { server, screen, following } = await begin(t, view('open', 1))
    await screen('waiting')
    await following.cancel()
    assert.equal(server.requests.length, 2)
    assert.ok(server.requests.every((line) => !line.includes(TOKEN)))
    assert.ok(server.authorizations.every((header) => header === `Bearer ${TOKEN}`))
  })

  test('a line that is cut again and again misses nothing', async (t) => {
    const cuts = 3
    const { server, states, screen, until } = await begin(t, view('open', 1))
    await screen('waiting')
    for (let cut = 1; cut <= cuts; cut += 1) {
      const version = 1 + cut
      server.cut()
      // News while nobody listens.
      server.set(view(cut === cuts ? 'paid' : 'open', version))
      await until(({ view }) => view?.version === version)
    }
    await screen('paid')
    assert.ok(states.every(({ offline }) => !offline), 'a server that answers is not offline')
  })

  test('a server that is gone is told, the code stays, and it comes back by itself', async (t) => {
    const { server, until } = await begin(t, view('open', 1))
    await until(({ screen }) => screen === 'waiting')
    await server.close()
    const lost = await until(({ offline }) => offline)
    assert.equal(lost.screen, 'waiting')
    assert.equal(lost.view.code_url, view('open', 1).code_url)
    await server.open()
    server.set(view('paid', 2))
    const back = await until(({ screen }) => screen === 'paid')
    assert.equal(back.offline, false)
  })

  test('a server that is not there yet is waited for', async (t) => {
    const server = await OrderServer.start(view('open', 1))
    await server.close()
    const states = []
    const where = { server: server.url, order: ORDER, token: TOKEN }
    const following = follow(where, (state) => states.push(state))
    t.after(async () => {
      following.stop()
      await server.close()
    })
    await soon(() => states.length > 0)
    assert.deepEqual(states.map(({ screen, offline }) => [screen, offline]), [['loading', true]])
    await server.open()
    while (following.state.screen !== 'waiting') await pause(20)
  })

  test('where events do not come through it asks', async (t) => {
    const { server, screen, until } = await begin(t, view('open', 1))
    server.interfere = (request, response) => {
      if (!request.url.endsWith('/events')) return false
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(':\n\n')
      return true
    }
    const listens = () => server.requests.filter((line) => line.endsWith('/events')).length
    await screen('waiting')
    server.set(view('open', 2))
    await until(({ view }) => view?.version === 2)
    await soon(() => listens() === 2)
    await pause(8_000)
    server.set(view('shipped', 3))
    await screen('paid')
    assert.equal(listens(), 2, 'it does not try that for ever')
  })

  test('a line that breaks before the first view is a bad line, and is listened to', async (t) => {
    const { server, screen } = await begin(t, view('open', 1))
    let breaks = 4
    server.interfere = (request, response) => {
      if (!request.url.endsWith('/events') || breaks === 0) return false
      breaks -= 1
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(':\n\n')
      // To a browser, a line that breaks between the headers looks like a stream that ended.
      setTimeout(() => (breaks % 2 === 0 ? response.end() : response.destroy()), 20)
      return true
    }
    await screen('waiting')
    await soon(() => breaks === 0)
    await soon(() => server.requests.filter((line) => line.endsWith('/events')).length === 5)
    server.set(view('shipped', 2))
    await screen('paid')
    assert.equal(server.requests.at(-1), `GET /v1/orders/${ORDER}/events`, 'it listens again')
  })

  test('a shop may choose to ask only', async (t) => {
    const { server, screen } = await begin(t, view('open', 1), { events: false })
    await screen('waiting')
    server.set(view('expired', 2))
    await screen('expired')
    assert.ok(server.requests.every((line) => line === `GET /v1/orders/${ORDER}`))
  })

  test('older news changes nothing', async (t) => {
    const { server, states, screen } = await begin(t, view('paid', 5))
    await screen('paid')
    server.set(view('open', 4))
    await pause(300)
    assert.deepEqual(states.map(({ screen, view }) => [screen, view.version]), [['paid', 5]])
  })

  test('an order that the server does not know is an error, and is asked for once', async (t) => {
    const { server, screen } = await begin(t, view('open', 1), { token: 'another' })
    const state = await screen('error')
    assert.ok(state.error instanceof UnknownOrder)
    assert.equal(state.view, null)
    await pause(1_500)
    assert.equal(server.requests.length, 1)
  })

  test('an answer that is no view counts as none', async (t) => {
    const bad = ['', 'null', '<html>', JSON.stringify(view('open', 1, { amount_fen: '18' }))]
    for (const body of bad) {
      const { server, until } = await begin(t, view('open', 1))
      server.interfere = (request, response) => {
        response.writeHead(200)
        response.end(request.url.endsWith('/events') ? `data: ${body}\n\n` : body)
        return true
      }
      const state = await until(({ offline }) => offline)
      assert.deepEqual([state.screen, state.view], ['loading', null], body)
    }
  })

  test('giving up tells what the server made of it', async (t) => {
    const { server, screen, following } = await begin(t, view('open', 1), { events: false })
    await screen('waiting')
    server.set(view('closing', 2))
    await following.cancel()
    assert.equal(following.state.screen, 'checking')
    assert.equal(server.requests.at(-1), `POST /v1/orders/${ORDER}/cancel`)
  })

  test('giving up too late is no failure: the news is that it is paid', async (t) => {
    const { server, screen, following } = await begin(t, view('open', 1))
    await screen('waiting')
    server.interfere = (request, response) => {
      if (request.method !== 'POST') return false
      response.writeHead(409).end('{"error":{"code":"already_paid"}}')
      return true
    }
    await following.cancel()
    server.set(view('paid', 2))
    await screen('paid')
  })

  test('giving up too late is asked about, where the stream does not bring it', async (t) => {
    const { server, screen, following } = await begin(t, view('open', 1))
    let alive
    server.interfere = (request, response) => {
      if (request.method === 'POST') {
        server.set(view('paid', 2))
        response.writeHead(409).end('{"error":{"code":"already_paid"}}')
        return true
      }
      if (alive !== undefined) return false
      // A stream that lives and has no news any more.
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(event(view('open', 1)))
      alive = setInterval(() => response.write(':\n\n'), 1_000)
      return true
    }
    t.after(() => clearInterval(alive))
    await screen('waiting')
    await following.cancel()
    await soon(() => following.state.screen === 'paid')
  })

  test('giving up fails aloud when nobody answers, and the order goes on', async (t) => {
    const { server, screen, following } = await begin(t, view('open', 1))
    await screen('waiting')
    server.interfere = (request, response) => {
      if (request.method !== 'POST') return false
      response.writeHead(503).end()
      return true
    }
    await assert.rejects(following.cancel(), /503/)
    assert.equal(following.state.screen, 'waiting')
  })

  test('after stop there is no request and no word', async (t) => {
    const { server, states, screen, following } = await begin(t, view('open', 1))
    await screen('waiting')
    following.stop()
    const told = states.length
    await soon(() => server.listeners === 0)
    server.set(view('paid', 2))
    await pause(1_500)
    assert.equal(states.length, told)
    assert.equal(server.requests.length, 1)
  })

  test('two views in one piece are both taken', async (t) => {
    const { server, states, screen } = await begin(t, view('open', 1))
    await screen('waiting')
    server.cut()
    server.interfere = (request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.end(event(view('paid', 2)) + event(view('shipped', 3)))
      return true
    }
    await screen('paid')
    await soon(() => states.at(-1).view.phase === 'shipped')
  })

  test('a listener that fails does not end the following', async (t) => {
    t.mock.method(console, 'error', () => {})
    const server = await OrderServer.start(view('open', 1))
    let calls = 0
    const following = follow({ server: server.url, order: ORDER, token: TOKEN }, () => {
      calls += 1
      throw new Error('the listener’s own')
    })
    t.after(async () => {
      following.stop()
      await server.close()
    })
    while (following.state.screen !== 'waiting') await pause(20)
    server.set(view('paid', 2))
    while (following.state.screen !== 'paid') await pause(20)
    assert.ok(calls >= 2)
  })
})
