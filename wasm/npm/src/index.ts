// The one line: importing this registers <saoma-checkout>. The other entry points do not.

import { SaomaCheckout, type SaomaEvent, define } from './element.js'

export { SaomaCheckout, type SaomaEvent, define }
export { type FollowOptions, type Following, type Screen, type State, follow } from './follow.js'
export { BadView, type Phase, type View, parseView } from './follow.js'
export { UnknownOrder } from './follow.js'
export { AMOUNT_FEN_MAX, formatFen } from './money.js'
export { type QrMatrix, type QrPath, type WasmSource, drawQr, drawQrCanvas } from './qr.js'
export { load, qrMatrix, qrSvg, qrSvgPath } from './qr.js'
export { type Result, type Texts, bestLanguage, texts, textsFor } from './texts.js'

define()
