// What the customer has chosen: quantities by good, kept for this tab.

const KEY = 'saoma-shop-basket'
const QUANTITY_MAX = 20

export class Basket {
  #quantities

  constructor() {
    this.#quantities = new Map(read())
  }

  quantity(id) {
    return this.#quantities.get(id) ?? 0
  }

  /** Adds one or takes one away; stays within 0 to 20. */
  change(id, by) {
    const quantity = Math.min(QUANTITY_MAX, Math.max(0, this.quantity(id) + by))
    if (quantity === 0) this.#quantities.delete(id)
    else this.#quantities.set(id, quantity)
    this.#keep()
  }

  clear() {
    this.#quantities.clear()
    this.#keep()
  }

  /** `{id, quantity}` of what is in it, in the order of the goods. */
  items(goods) {
    return goods
      .map(({ id }) => ({ id, quantity: this.quantity(id) }))
      .filter(({ quantity }) => quantity > 0)
  }

  #keep() {
    sessionStorage.setItem(KEY, JSON.stringify([...this.#quantities]))
  }
}

/** What was kept, as far as it makes sense. */
function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '[]').filter(
      ([id, quantity]) =>
        typeof id === 'string' &&
        Number.isInteger(quantity) &&
        quantity > 0 &&
        quantity <= QUANTITY_MAX,
    )
  } catch {
    return []
  }
}
