// Every word the element shows, by language. Add a language, or change a word, by writing into
// `texts` before the element is on the page.

/** The words of one language. */
export interface Texts {
  /** Names the whole element for those who cannot see it. */
  label: string
  /** Names the code for those who cannot see it. */
  codeLabel: string
  /** Above the code. */
  scanTitle: string
  /** What to do, in order. */
  steps: readonly [string, string, string]
  /** Before the time left. */
  timeLeft: string
  /** Spoken, not shown, when 5 minutes, 1 minute and 30 seconds are left. */
  spokenLeft: readonly [string, string, string]
  /** On a phone: its own camera cannot see its own screen. */
  phone: Result
  /** On a phone, in WeChat's own browser: it does not take such a code from its own screen. */
  wechat: Result
  /** The button that copies the address for another device, and what it says then. */
  copyLink: string
  linkCopied: string
  offline: string
  offlineWithCode: string
  cancel: string
  cancelQuestion: string
  cancelYes: string
  cancelNo: string
  cancelFailed: string
  /** The button for a new code when this order ended without payment. */
  refresh: string
  refreshFailed: string
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
  label: '微信支付收银台',
  codeLabel: '微信支付二维码',
  scanTitle: '微信扫码支付',
  steps: ['打开微信', '点“扫一扫”', '确认付款'],
  timeLeft: '剩余支付时间',
  spokenLeft: ['剩余支付时间：5 分钟', '剩余支付时间：1 分钟', '剩余支付时间：30 秒'],
  phone: {
    title: '请用另一部设备扫码',
    note: '手机无法扫描自己屏幕上的二维码。请用另一部手机的微信扫描下方二维码，或在电脑上打开本页。',
  },
  wechat: {
    title: '请用另一部设备扫码',
    note: '这种付款码不支持长按识别或从相册识别。请用另一部手机的微信扫描下方二维码，或在电脑上打开本页。',
  },
  copyLink: '复制付款链接',
  linkCopied: '链接已复制',
  offline: '网络已断开，正在重新连接…',
  offlineWithCode: '网络已断开，正在重新连接…二维码仍然有效。',
  cancel: '取消订单',
  cancelQuestion: '确定取消这笔订单？',
  cancelYes: '取消订单',
  cancelNo: '继续支付',
  cancelFailed: '暂时无法取消，请稍后再试。',
  refresh: '获取新的付款码',
  refreshFailed: '暂时无法获取新的付款码，请稍后再试。',
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

const zhTW: Texts = {
  label: '微信支付結帳',
  codeLabel: '微信支付 QR Code',
  scanTitle: '使用微信掃碼付款',
  steps: ['開啟微信', '點選「掃一掃」', '確認付款'],
  timeLeft: '剩餘付款時間',
  spokenLeft: ['剩餘付款時間：5 分鐘', '剩餘付款時間：1 分鐘', '剩餘付款時間：30 秒'],
  phone: {
    title: '請用另一部裝置掃碼',
    note: '手機無法掃描自己螢幕上的 QR Code。請用另一部手機的微信掃描下方 QR Code，或在電腦上開啟本頁。',
  },
  wechat: {
    title: '請用另一部裝置掃碼',
    note:
      '這種付款碼不支援長按辨識或從相簿辨識。請用另一部手機的微信掃描下方 QR Code，' +
      '或在電腦上開啟本頁。',
  },
  copyLink: '複製付款連結',
  linkCopied: '連結已複製',
  offline: '網路已中斷，正在重新連線…',
  offlineWithCode: '網路已中斷，正在重新連線…QR Code 仍然有效。',
  cancel: '取消訂單',
  cancelQuestion: '確定要取消這筆訂單嗎？',
  cancelYes: '取消訂單',
  cancelNo: '繼續付款',
  cancelFailed: '目前無法取消，請稍後再試。',
  refresh: '取得新的付款碼',
  refreshFailed: '目前無法取得新的付款碼，請稍後再試。',
  trust: '付款在微信中完成，本頁不會要求密碼或卡號。',
  loading: '正在產生付款碼…',
  checking: {
    title: '正在確認付款結果',
    note: '如果您已付款，請勿重複付款，結果會自動顯示在這裡。',
  },
  paid: { title: '付款成功', note: '商家已收到您的付款。' },
  cancelled: { title: '訂單已取消', note: '沒有產生任何扣款。' },
  expired: { title: '付款已逾時', note: 'QR Code 已失效，沒有產生任何扣款。' },
  refunding: { title: '正在退款', note: '這筆付款無法用於此訂單，正在原路退回您的微信。' },
  refunded: { title: '已退款', note: '款項正在原路退回，到帳情況請留意微信通知。' },
  failed: { title: '訂單未能送出', note: '微信支付未受理這筆訂單，沒有產生任何扣款。' },
  error: { title: '無法顯示這筆訂單', note: '請返回商店重新下單。如果您已付款，請聯絡商家。' },
}

const en: Texts = {
  label: 'WeChat Pay checkout',
  codeLabel: 'WeChat Pay QR code',
  scanTitle: 'Scan to pay with WeChat',
  steps: ['Open WeChat', 'Tap Scan', 'Confirm'],
  timeLeft: 'Time left to pay',
  spokenLeft: ['5 minutes left to pay', '1 minute left to pay', '30 seconds left to pay'],
  phone: {
    title: 'Scan from another device',
    note:
      'A phone cannot scan its own screen. Scan the code below with WeChat on another phone, ' +
      'or open this page on a computer.',
  },
  wechat: {
    title: 'Scan from another device',
    note:
      'WeChat does not take this kind of code by a long press or from the album. Scan it with ' +
      'WeChat on another phone, or open this page on a computer.',
  },
  copyLink: 'Copy payment link',
  linkCopied: 'Link copied',
  offline: 'Connection lost. Reconnecting…',
  offlineWithCode: 'Connection lost. Reconnecting… The code is still good.',
  cancel: 'Cancel order',
  cancelQuestion: 'Cancel this order?',
  cancelYes: 'Cancel order',
  cancelNo: 'Keep paying',
  cancelFailed: 'That did not work just now. Please try again.',
  refresh: 'Get a new code',
  refreshFailed: 'There is no new code just now. Please try again.',
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
export const texts: Record<string, Texts> & Record<'en' | 'zh-CN' | 'zh-TW', Texts> = {
  'zh-CN': zhCN,
  'zh-TW': zhTW,
  en,
}

/** What is spoken where a language is missing. */
export const FALLBACK = 'en'

/** Chinese in traditional characters: by its script, or where it is written with them. */
const TRADITIONAL = /^zh(-.+)?-(hant|tw|hk|mo)(-|$)/

/**
 * The tag in `texts` that serves `lang` best: the same tag, else the same script of Chinese, else
 * the same language (a plain `zh` gets `zh-CN`), else {@link FALLBACK}.
 */
export function bestLanguage(lang: string): string {
  const wanted = lang.toLowerCase()
  const known = Object.keys(texts)
  const exact = known.find((tag) => tag.toLowerCase() === wanted)
  if (exact !== undefined) return exact
  // `zh-Hans-HK` is written with simplified characters, whatever is usual in Hong Kong.
  if (TRADITIONAL.test(wanted) && !wanted.includes('-hans') && 'zh-TW' in texts) return 'zh-TW'
  const primary = wanted.split('-')[0]
  return known.find((tag) => tag.toLowerCase().split('-')[0] === primary) ?? FALLBACK
}

/** The words for `lang`. */
export function textsFor(lang: string): Texts {
  return texts[bestLanguage(lang)] ?? en
}
