// Saoma's QR encoder: plain JavaScript at first, WebAssembly once a page has asked for it. Both are
// made from the same machine code and give the same codes.

import { create } from './core-qr.js'

/** What the encoder exports, in both forms. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  qrText(): number
  qrRows(): number
  qrPath(): number
  qrEncode(bytes: number): number
  qrDraw(size: number): number
}

/** An encoder with its memory laid open. */
interface Core {
  readonly exports: Exports
  readonly text: Uint8Array
  readonly path: Uint8Array
  readonly rows: Uint32Array
}

/** Where the wasm can come from other than from beside this module. */
export type WasmSource = BufferSource | WebAssembly.Module | Response | URL | string

const ROWS = 3 * 85
const TEXT_MAX = 255
const PATH_MAX = 85 * 43 * 16
const writer = new TextEncoder()
const reader = new TextDecoder()

let core: Core | undefined
let loading: Promise<void> | undefined

/**
 * Compiles the encoder to WebAssembly, once for the page: from then on the same functions are
 * several times as fast. Nothing needs it; it is for those who draw thousands of codes. It is not
 * called by itself, because a page cannot ask whether its Content-Security-Policy allows it, and
 * to try is a violation. When it fails, the functions go on as before.
 *
 * `source` is only needed where the file beside this module cannot be fetched, as in Node:
 * its bytes, for example.
 */
export function load(source?: WasmSource): Promise<void> {
  return (loading ??= begin(source))
}

async function begin(source: WasmSource | undefined): Promise<void> {
  try {
    // Written in one piece, as bundlers look for it.
    const from = source ?? new URL('./qr.wasm', import.meta.url)
    core = open((await instantiate(from)).exports as unknown as Exports)
  } catch (cause) {
    loading = undefined
    throw new Error(
      '@saoma/checkout could not compile its WebAssembly, and goes on without; is qr.wasm ' +
        "reachable, and does the Content-Security-Policy allow 'wasm-unsafe-eval' in script-src?",
      { cause },
    )
  }
}

async function instantiate(source: WasmSource): Promise<WebAssembly.Instance> {
  if (source instanceof WebAssembly.Module) return WebAssembly.instantiate(source)
  const isAddress = typeof source === 'string' || source instanceof URL
  const data = isAddress ? await fetch(source) : source
  // Bytes first: Node takes ten milliseconds to find out what a `Response` is.
  const isBytes = data instanceof ArrayBuffer || ArrayBuffer.isView(data)
  if (isBytes) return (await WebAssembly.instantiate(data)).instance
  const response = data as Response
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`)
  return (await WebAssembly.instantiate(await response.arrayBuffer())).instance
}

function open(exports: Exports): Core {
  const { buffer } = exports.memory
  return {
    exports,
    text: new Uint8Array(buffer, exports.qrText(), TEXT_MAX),
    path: new Uint8Array(buffer, exports.qrPath(), PATH_MAX),
    rows: new Uint32Array(buffer, exports.qrRows(), ROWS),
  }
}

/** Makes the code of a text and gives its modules a side; the others below read that code. */
export function encode(text: string): number {
  core ??= open(create() as Exports)
  const { read, written } = writer.encodeInto(text, core.text)
  const size = read < text.length ? 0 : core.exports.qrEncode(written)
  if (size === 0) throw new RangeError(`more than ${TEXT_MAX} bytes are too long for a QR code`)
  return size
}

/** The dark modules of the code that was made last as an SVG path. */
export function path(size: number): string {
  return core === undefined ? '' : reader.decode(core.path.subarray(0, core.exports.qrDraw(size)))
}

/** Whether a module of the code that was made last is dark. */
export function isDark(x: number, y: number): boolean {
  return core !== undefined && (((core.rows[3 * y + (x >> 5)] ?? 0) >>> (x & 31)) & 1) === 1
}
