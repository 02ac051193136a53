// A list of what was chosen, as the basket and the order show it.

import { formatFen } from '/saoma/dist/index.js'

/** Fills a list with what was chosen; returns the sum, to show. The shop's server has its own. */
export function writeLines(list, items, goods, lang) {
  let sum_fen = 0
  const lines = items.map(({ id, quantity }) => {
    const good = goods.find((good) => good.id === id)
    if (good === undefined) return ''
    sum_fen += good.price_fen * quantity
    return make(
      'li',
      {},
      make('span', { class: 'line-name' }, good.name[lang]),
      make('span', { class: 'line-quantity' }, `×${quantity}`),
      make('span', { class: 'line-price' }, formatFen(good.price_fen * quantity)),
    )
  })
  list.replaceChildren(...lines)
  return formatFen(sum_fen)
}

/** An element with attributes and children. */
export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}
