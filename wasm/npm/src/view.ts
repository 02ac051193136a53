// What the server tells of an order, checked field by field before anything uses it.

/** Where an order is (docs/api.md, section 3). */
export type Phase =
  | 'placing'
  | 'open'
  | 'closing'
  | 'paid'
  | 'shipped'
  | 'cancelled'
  | 'expired'
  | 'refunding'
  | 'refunded'
  | 'failed'

/** An order as its customer may see it (docs/api.md, section 2.2). */
export interface View {
  readonly order_id: string
  /** Grows with each change. */
  readonly version: number
  readonly phase: Phase
  readonly amount_fen: number
  readonly merchant: string
  readonly description: string
  /** The text of the QR code, only while the customer may pay. */
  readonly code_url: string | null
  /** Unix seconds: the customer may pay before this instant. */
  readonly expires_at: number
  /** Unix seconds: the server's clock when it answered. */
  readonly server_time: number
}

/** Longest `code_url`, in bytes of ASCII. */
const CODE_URL_MAX = 255

const PHASES: ReadonlySet<unknown> = new Set<Phase>([
  'placing',
  'open',
  'closing',
  'paid',
  'shipped',
  'cancelled',
  'expired',
  'refunding',
  'refunded',
  'failed',
])

/** After these an order stays as it is (docs/api.md, section 3). */
const FINAL: ReadonlySet<Phase> = new Set<Phase>([
  'shipped',
  'cancelled',
  'expired',
  'refunded',
  'failed',
])

/** Whether nothing more can happen to an order in this phase. */
export function isFinal(phase: Phase): boolean {
  return FINAL.has(phase)
}

/** The server said something that is not a view. */
export class BadView extends Error {
  override readonly name = 'BadView'
}

/** Reads a view from JSON text; throws {@link BadView} naming what is wrong. */
export function parseView(json: string): View {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new BadView('the answer is not JSON')
  }
  if (typeof value !== 'object' || value === null) throw new BadView('the answer is not an object')
  const fields = value as Record<string, unknown>
  if (!PHASES.has(fields['phase'])) throw new BadView('phase is not known')
  return {
    order_id: text(fields, 'order_id'),
    version: whole(fields, 'version'),
    phase: fields['phase'] as Phase,
    amount_fen: whole(fields, 'amount_fen'),
    merchant: text(fields, 'merchant'),
    description: text(fields, 'description'),
    code_url: fields['code_url'] === null ? null : codeUrl(fields),
    expires_at: whole(fields, 'expires_at'),
    server_time: whole(fields, 'server_time'),
  }
}

function codeUrl(fields: Record<string, unknown>): string {
  const value = text(fields, 'code_url')
  if (value.length > CODE_URL_MAX) throw new BadView('code_url is too long')
  return value
}

function text(fields: Record<string, unknown>, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new BadView(`${name} is not a text`)
  return value
}

function whole(fields: Record<string, unknown>, name: string): number {
  const value = fields[name]
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new BadView(`${name} is not a whole number`)
  }
  return value as number
}
