// The order that this tab is paying for: a reload, or a way back, finds it again. The token opens
// this one order only, and ends with the tab.

const KEY = 'saoma-shop-order'

/** `{order_id, token, order_no, amount_fen, items, over?}` or `null`. */
export function currentOrder() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null')
  } catch {
    return null
  }
}

export function keepOrder(order) {
  sessionStorage.setItem(KEY, JSON.stringify(order))
}

export function forgetOrder() {
  sessionStorage.removeItem(KEY)
}
