// QR codes: the smallest that holds the text, at the highest error correction that fits into it.

import { core } from './wasm.js'

export { type WasmSource, load } from './wasm.js'

/** A code as one SVG path. */
export interface QrPath {
  /** Modules on each side, the quiet zone of four on every side included. */
  readonly side: number
  /** `0 0 side side` */
  readonly viewBox: string
  /** The dark modules, in whole units. Draw it dark on light. */
  readonly path: string
}

/** A code as a square of modules without its quiet zone. */
export interface QrMatrix {
  readonly size: number
  /** Row by row, `size * size` bytes; 1 is dark. */
  readonly modules: Uint8Array
}

/**
 * The code of `text` as an SVG path. Needs `await load()` before.
 *
 * Throws a `RangeError` when the text does not fit into a QR code.
 */
export function qrSvgPath(text: string): QrPath {
  const code = encode(text)
  try {
    const side = code.side
    return { side, viewBox: `0 0 ${side} ${side}`, path: code.path() }
  } finally {
    code.free()
  }
}

/** The code of `text` as modules; like {@link qrSvgPath} otherwise. */
export function qrMatrix(text: string): QrMatrix {
  const code = encode(text)
  try {
    return { size: code.size, modules: code.modules() }
  } finally {
    code.free()
  }
}

/**
 * Draws the code of `text` into an `<svg>` of the page, in place of what it held: dark on light,
 * quiet zone included. Like {@link qrSvgPath} otherwise; then the `<svg>` stays as it was.
 */
export function drawQr(svg: SVGSVGElement, text: string): QrPath {
  const code = qrSvgPath(text)
  const make = (name: string, attributes: Record<string, string>) => {
    const node = svg.ownerDocument.createElementNS('http://www.w3.org/2000/svg', name)
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
    return node
  }
  const size = String(code.side)
  svg.setAttribute('viewBox', code.viewBox)
  svg.setAttribute('shape-rendering', 'crispEdges')
  svg.replaceChildren(
    make('rect', { width: size, height: size, fill: '#fff' }),
    make('path', { d: code.path, fill: '#000' }),
  )
  return code
}

function encode(text: string) {
  const code = core().Qr.encode(text)
  if (code === undefined) throw new RangeError('the text is too long for a QR code')
  return code
}
