// Every word the element shows, by language. Add a language, or change a word, by writing into
// `texts` before the element is on the page.

/** The words of one language. */
export interface Texts {
  /** Names the code for those who cannot see it. */
  codeLabel: string
  /** Above the code. */
  scanTitle: string
  /** What to do, in order. */
  steps: readonly [string, string, string]
  /** Before the time left. */
  timeLeft: string
  /** On a phone: its own camera cannot see its own screen. */
  phoneNote: string
  offline: string
  offlineWithCode: string
  cancel: string
  cancelQuestion: string
  cancelYes: string
  cancelNo: string
  cancelFailed: string
  /** At the foot: what this page never does. */
  trust: string
  /** A title and a sentence for each screen without a code. */
  loading: string
  checking: Result
  paid: Result
  cancelled: Result
  expired: Result
  refunding: Result
  refunded: Result
  failed: Result
  error: Result
}

export interface Result {
  title: string
  note: string
}

const zhCN: Texts = {
  codeLabel: '微信支付二维码',
  scanTitle: '微信扫码支付',
  steps: ['打开微信', '点“扫一扫”', '确认付款'],
  timeLeft: '剩余支付时间',
  phoneNote: '手机无法扫描自己屏幕上的二维码。请用另一部手机的微信“扫一扫”，或在电脑上打开本页。',
  offline: '网络已断开，正在重新连接…',
  offlineWithCode: '网络已断开，正在重新连接…二维码仍然有效。',
  cancel: '取消订单',
  cancelQuestion: '确定取消这笔订单？',
  cancelYes: '取消订单',
  cancelNo: '继续支付',
  cancelFailed: '暂时无法取消，请稍后再试。',
  trust: '付款在微信中完成，本页不会索要密码或卡号。',
  loading: '正在生成付款码…',
  checking: {
    title: '正在确认付款结果',
    note: '如果您已付款，请不要重复支付，结果会自动显示在这里。',
  },
  paid: { title: '支付成功', note: '商家已收到您的付款。' },
  cancelled: { title: '订单已取消', note: '没有产生任何扣款。' },
  expired: { title: '付款已超时', note: '二维码已失效，没有产生任何扣款。' },
  refunding: { title: '正在退款', note: '这笔付款未能用于该订单，正在原路退回您的微信。' },
  refunded: { title: '已退款', note: '款项正在原路退回，到账情况请留意微信通知。' },
  failed: { title: '订单未能提交', note: '微信支付未受理这笔订单，没有产生任何扣款。' },
  error: { title: '无法显示这笔订单', note: '请返回商店重新下单。如果您已付款，请联系商家。' },
}

const en: Texts = {
  codeLabel: 'WeChat Pay QR code',
  scanTitle: 'Scan to pay with WeChat',
  steps: ['Open WeChat', 'Tap Scan', 'Confirm'],
  timeLeft: 'Time left to pay',
  phoneNote:
    'A phone cannot scan its own screen. Use WeChat Scan on another phone, ' +
    'or open this page on a computer.',
  offline: 'Connection lost. Reconnecting…',
  offlineWithCode: 'Connection lost. Reconnecting… The code is still good.',
  cancel: 'Cancel order',
  cancelQuestion: 'Cancel this order?',
  cancelYes: 'Cancel order',
  cancelNo: 'Keep paying',
  cancelFailed: 'That did not work just now. Please try again.',
  trust: 'You pay inside WeChat, never on this page.',
  loading: 'Preparing your code…',
  checking: {
    title: 'Checking your payment',
    note: 'If you have paid, please do not pay again. The result will appear here.',
  },
  paid: { title: 'Payment received', note: 'The shop has your payment. Thank you.' },
  cancelled: { title: 'Order cancelled', note: 'Nothing was charged.' },
  expired: { title: 'Time ran out', note: 'The code no longer works. Nothing was charged.' },
  refunding: {
    title: 'Refund on its way',
    note: 'This payment could not be used for the order and is going back to your WeChat.',
  },
  refunded: {
    title: 'Refunded',
    note: 'The money is on its way back. WeChat will tell you when it arrives.',
  },
  failed: {
    title: 'Order not accepted',
    note: 'WeChat Pay did not take this order. Nothing was charged.',
  },
  error: {
    title: 'This order cannot be shown',
    note: 'Please go back to the shop and order again. If you have paid, ask the shop.',
  },
}

/** The languages there are, by BCP 47 tag. */
export const texts: Record<string, Texts> & Record<'en' | 'zh-CN', Texts> = { 'zh-CN': zhCN, en }

/** What is spoken where a language is missing. */
export const FALLBACK = 'en'

/**
 * The tag in `texts` that serves `lang` best: the same tag, else the same language (any `zh` gets
 * `zh-CN`), else {@link FALLBACK}.
 */
export function bestLanguage(lang: string): string {
  const wanted = lang.toLowerCase()
  const known = Object.keys(texts)
  const primary = wanted.split('-')[0]
  return (
    known.find((tag) => tag.toLowerCase() === wanted) ??
    known.find((tag) => tag.toLowerCase().split('-')[0] === primary) ??
    FALLBACK
  )
}

/** The words for `lang`. */
export function textsFor(lang: string): Texts {
  return texts[bestLanguage(lang)] ?? en
}
