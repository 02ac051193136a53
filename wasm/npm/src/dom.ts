// Making nodes without markup: nothing is ever parsed as HTML.

const SVG = 'http://www.w3.org/2000/svg'

/** An element with attributes and children; texts become text nodes. */
export function html<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

/** An `<svg>` of stroked paths, hidden from screen readers. */
export function drawing(viewBox: string, part: string, ...paths: string[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  for (const [key, value] of Object.entries({ viewBox, part, 'aria-hidden': 'true' })) {
    svg.setAttribute(key, value)
  }
  svg.append(...paths.map(stroke))
  return svg
}

/** One path of a drawing; its looks come from the style sheet. */
export function stroke(d: string): SVGPathElement {
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', d)
  return path
}

/** Writes only what is new, so that nothing is announced or laid out again for nothing. */
export function write(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text
}
