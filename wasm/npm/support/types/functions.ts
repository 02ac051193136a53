// What must compile, and what must not, of the functions. Nothing here runs.

import { type State, define, drawQr, follow, formatFen, load, qrMatrix } from '@saoma/checkout'
import { SaomaCheckout } from '@saoma/checkout/element'
import { type Following, type Screen, follow as following } from '@saoma/checkout/follow'
import { AMOUNT_FEN_MAX } from '@saoma/checkout/money'
import { type QrPath, qrSvgPath } from '@saoma/checkout/qr'
import { type Texts, texts } from '@saoma/checkout/texts'

const order = { server: 'https://pay.example.com', order: '20261123192600K7Q2M9XB', token: 't' }

const handle: Following = follow(order, (state: State) => {
  const screen: Screen = state.screen
  const paid: boolean = screen === 'paid'
  const fen: number | undefined = state.view?.amount_fen
  console.log(paid, fen, state.leftSeconds.toFixed(), state.offline)
})
const given: Promise<void> = handle.cancel()
handle.stop()
following({ ...order, fetch: globalThis.fetch }, () => {})
// @ts-expect-error: no token, no order
follow({ server: '', order: '' }, () => {})
// @ts-expect-error: somebody must listen
follow(order)
// @ts-expect-error: a state is not to be changed
follow(order, (state) => (state.offline = true))
// @ts-expect-error: no such screen
follow(order, (state) => state.screen === 'payed')

const amount: string = formatFen(1800) + formatFen(AMOUNT_FEN_MAX)
// @ts-expect-error: fen are a number
formatFen('18.00')

const loaded: Promise<void> = load()
void load(new Uint8Array())
const path: QrPath = qrSvgPath('weixin://')
const modules: Uint8Array = qrMatrix('weixin://').modules
declare const svg: SVGSVGElement
declare const div: HTMLDivElement
drawQr(svg, 'weixin://')
// @ts-expect-error: into an <svg> only
drawQr(div, 'weixin://')

texts['fr'] = { ...texts.en }
// @ts-expect-error: a dictionary is whole
const half: Texts = { loading: '' }

define()
const element: SaomaCheckout = document.createElement('saoma-checkout')
const found: SaomaCheckout | null = document.querySelector('saoma-checkout')
element.fetch = globalThis.fetch
const state: State | undefined = found?.state
// @ts-expect-error: the state is read only
element.state = state
element.addEventListener('saoma:paid', (event) => {
  const version: number | undefined = event.detail.view?.version
  console.log(version)
})
// @ts-expect-error: the detail is a State
element.addEventListener('saoma:paid', (event) => event.detail.amount)
document.addEventListener('saoma:change', (event) => console.log(event.detail.screen))

console.log(given, amount, loaded, path, modules, half)
