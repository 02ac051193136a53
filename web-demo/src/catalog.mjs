// What the shop sells. The prices here are the only ones that count: a page may say what and how
// many, never for how much.

/** Something the customer asked for cannot be ordered; the message may be shown. */
export class BadOrder extends Error {}

/** `goods[i].id` is also the name of its picture. Prices in fen. */
export const goods = [
  {
    id: 'latte',
    price_fen: 1800,
    name: { 'zh-CN': '燕麦拿铁', en: 'Oat latte' },
    note: { 'zh-CN': '双份浓缩，燕麦奶', en: 'Double shot, oat milk' },
  },
  {
    id: 'pour-over',
    price_fen: 2600,
    name: { 'zh-CN': '云南手冲', en: 'Yunnan pour-over' },
    note: { 'zh-CN': '保山日晒，莓果与可可', en: 'Baoshan natural, berries and cocoa' },
  },
  {
    id: 'jasmine',
    price_fen: 1250,
    name: { 'zh-CN': '茉莉绿茶', en: 'Jasmine green tea' },
    note: { 'zh-CN': '七窨茉莉，盖碗冲泡', en: 'Seven times scented, in a gaiwan' },
  },
  {
    id: 'egg-tart',
    price_fen: 900,
    name: { 'zh-CN': '葡式蛋挞', en: 'Egg tart' },
    note: { 'zh-CN': '每日现烤', en: 'Baked this morning' },
  },
]

const QUANTITY_MAX = 20
/** Bytes of WeChat's `body`, which the customer sees in WeChat. */
const DESCRIPTION_MAX = 127

/**
 * Reads and prices what a page asks for: `{lang, items: [{id, quantity}]}`. Throws
 * {@link BadOrder}.
 */
export function priceOrder(request) {
  if (typeof request !== 'object' || request === null) throw new BadOrder('an order is an object')
  const lang = request.lang === 'zh-CN' ? 'zh-CN' : 'en'
  if (!Array.isArray(request.items) || request.items.length === 0) {
    throw new BadOrder('an order has at least one item')
  }
  if (request.items.length > goods.length) throw new BadOrder('an order names each good once')
  const lines = request.items.map(priceLine)
  if (new Set(lines.map((line) => line.id)).size < lines.length) {
    throw new BadOrder('an order names each good once')
  }
  return {
    lang,
    lines,
    amount_fen: lines.reduce((sum, line) => sum + line.price_fen * line.quantity, 0),
    description: describe(lines, lang),
  }
}

function priceLine(item) {
  const good = goods.find(({ id }) => id === item?.id)
  if (good === undefined) throw new BadOrder('there is no such good')
  const { quantity } = item
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > QUANTITY_MAX) {
    throw new BadOrder(`a quantity is 1 to ${QUANTITY_MAX}`)
  }
  return { id: good.id, quantity, price_fen: good.price_fen }
}

/** Names every good, or as many as fit, in whole words. WeChat adds the merchant's name. */
function describe(lines, lang) {
  const named = lines.map(({ id, quantity }) => {
    const name = goods.find((good) => good.id === id).name[lang]
    return quantity > 1 ? `${name} ×${quantity}` : name
  })
  const [comma, more] = lang === 'zh-CN' ? ['、', '等'] : [', ', ', ...']
  const fits = (text) => Buffer.byteLength(text) <= DESCRIPTION_MAX
  let text = named[0]
  for (const [at, name] of named.entries()) {
    if (at === 0) continue
    if (!fits(text + comma + name + more)) return text + more
    text += comma + name
  }
  return text
}
