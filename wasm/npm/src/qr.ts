// QR codes: the smallest that holds the text, at the highest error correction that fits into it.

import { encode, isDark, path } from './core.js'

export { type WasmSource, load } from './core.js'

/** Light modules on every side of a code. */
const QUIET = 4
const SVG = 'http://www.w3.org/2000/svg'

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
 * The code of `text` as an SVG path.
 *
 * Throws a `RangeError` when the text has more than 255 bytes of UTF-8.
 */
export function qrSvgPath(text: string): QrPath {
  const size = encode(text)
  const side = size + 2 * QUIET
  return { side, viewBox: `0 0 ${side} ${side}`, path: path(size) }
}

/** The code of `text` as a whole `<svg>`; like {@link qrSvgPath} otherwise. */
export function qrSvg(text: string): string {
  const { side, viewBox, path } = qrSvgPath(text)
  return (
    `<svg xmlns="${SVG}" viewBox="${viewBox}" shape-rendering="crispEdges">` +
    `<path d="M0 0h${side}v${side}h-${side}z" fill="#fff"/><path d="${path}"/></svg>`
  )
}

/** The code of `text` as modules; like {@link qrSvgPath} otherwise. */
export function qrMatrix(text: string): QrMatrix {
  const size = encode(text)
  const modules = new Uint8Array(size * size)
  for (let at = 0; at < modules.length; at += 1) {
    if (isDark(at % size, Math.floor(at / size))) modules[at] = 1
  }
  return { size, modules }
}

/**
 * Draws the code of `text` into an `<svg>` of the page, in place of what it held: dark on light,
 * quiet zone included. Like {@link qrSvgPath} otherwise; then the `<svg>` stays as it was.
 */
export function drawQr(svg: SVGSVGElement, text: string): QrPath {
  const code = qrSvgPath(text)
  const make = (name: string, attributes: Record<string, string>) => {
    const node = svg.ownerDocument.createElementNS(SVG, name)
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

/**
 * Draws the code of `text` into a canvas, in place of what it held: dark on light, quiet zone
 * included. Each module is the same whole number of pixels of the screen: the canvas gets the
 * most that fit into `width` of the page's own, which is as wide as it is laid out unless told,
 * and as many pixels; lay it out no other way than `width / devicePixelRatio` then.
 *
 * Gives the width it should be laid out with, in the page's own pixels. Like {@link qrSvgPath}
 * otherwise; then the canvas stays as it was.
 */
export function drawQrCanvas(
  canvas: HTMLCanvasElement | OffscreenCanvas,
  text: string,
  width: number = 'clientWidth' in canvas ? canvas.clientWidth : canvas.width,
): number {
  const size = encode(text)
  const side = size + 2 * QUIET
  const density = globalThis.devicePixelRatio || 1
  const unit = Math.max(1, Math.floor((width * density) / side))
  canvas.width = canvas.height = unit * side
  const context = canvas.getContext('2d') as CanvasRenderingContext2D | null
  if (context === null) throw new Error('the canvas is in use for something that is not 2d')
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.fillStyle = '#000'
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      if (isDark(x, y)) context.fillRect((x + QUIET) * unit, (y + QUIET) * unit, unit, unit)
    }
  }
  return canvas.width / density
}
