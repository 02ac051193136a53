// Server-sent events over fetch.
//
// The browser's own EventSource cannot send an Authorization header (the token would stand in the
// address, and so in logs), hides the comment lines that prove that the line is alive, and does
// not tell why it failed. The format is small, so it is read here.

/** Longest event in characters; a view is far below it. */
const EVENT_MAX = 65_536

/**
 * The `data` of each event, as soon as it is complete. `onAlive` is called for whatever comes in,
 * comments too. Ends when the server ends the stream, throws when the stream breaks.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  onAlive: () => void,
): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let data = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      onAlive()
      rest += decoder.decode(value, { stream: true })
      const lines = rest.split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line.startsWith('data:')) {
          data += `${line.slice(line[5] === ' ' ? 6 : 5)}\n`
        } else if (line === '' && data !== '') {
          yield data.slice(0, -1)
          data = ''
        }
      }
      if (rest.length + data.length > EVENT_MAX) throw new Error('an event is too long')
    }
  } finally {
    // Also when the caller stops listening: the connection must not stay open.
    await reader.cancel().catch(() => {})
  }
}
