import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dist } from '../support/package.mjs'

const { readEvents } = await dist('sse')

async function read(...chunks) {
  const body = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
  const events = []
  let alive = 0
  for await (const data of readEvents(body, () => (alive += 1))) events.push(data)
  return { events, alive }
}

const bytes = (text) => new TextEncoder().encode(text)

test('events come through wherever the network cuts them', async () => {
  const all = bytes(': hello\n\nevent: view\nid: 3\ndata: {"merchant":"扫码"}\n\ndata: 2\n\n')
  for (let at = 0; at <= all.length; at += 1) {
    const { events } = await read(all.slice(0, at), all.slice(at))
    assert.deepEqual(events, ['{"merchant":"扫码"}', '2'], `cut at byte ${at}`)
  }
})

test('lines may end in any of the three ways', async () => {
  const ends = ['\n', '\r\n', '\r']
  for (const end of ends) {
    const all = bytes(['data: 1', '', 'data: 2', 'data: 3', '', ': end', ''].join(end))
    for (let at = 0; at <= all.length; at += 1) {
      const { events } = await read(all.slice(0, at), all.slice(at))
      assert.deepEqual(events, ['1', '2\n3'], `${JSON.stringify(end)} cut at ${at}`)
    }
  }
})

test('a comment is a sign of life and no event', async () => {
  const { events, alive } = await read(bytes(':\n\n'), bytes(':\n\n'))
  assert.deepEqual([events, alive], [[], 2])
})

test('an event without its end is not told', async () => {
  assert.deepEqual((await read(bytes('data: half'))).events, [])
  assert.deepEqual((await read(bytes('data: half\n'))).events, [])
})

test('an event without an end does not fill the memory', async () => {
  const chunk = bytes('x'.repeat(10_000))
  await assert.rejects(read(...Array(10).fill(chunk)), /too long/)
  const line = bytes(`data: ${'x'.repeat(10_000)}\n`)
  await assert.rejects(read(...Array(10).fill(line)), /too long/)
})
