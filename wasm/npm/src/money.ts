// Money is whole fen (1 yuan = 100 fen) until it is read by a person.

/** The largest amount of one order: what WeChat's `total_fee` holds. */
export const AMOUNT_FEN_MAX = 2_147_483_647

/**
 * `1800` becomes `¥18.00`, `123456789` becomes `¥1,234,567.89`: by cutting digits, never by
 * dividing, so that no rounding can happen.
 *
 * Throws a `RangeError` for anything but a whole number from 0 to 2^53 - 1.
 */
export function formatFen(fen: number): string {
  if (!Number.isSafeInteger(fen) || fen < 0) {
    throw new RangeError(`an amount is a whole number of fen, at least 0; this is ${fen}`)
  }
  const digits = String(fen).padStart(3, '0')
  const yuan = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',')
  return `¥${yuan}.${digits.slice(-2)}`
}
