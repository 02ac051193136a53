// All states of <saoma-checkout>, side by side, each told by a `fetch` of its own that answers from
// a script. `?state=waiting&lang=zh-CN&theme=dark&left=60` shows a part, with the seconds left.

import '/saoma/dist/index.js'

const LANGUAGES = ['zh-CN', 'zh-TW', 'en']
const THEMES = ['light', 'dark']
/** As the visitor's system likes it; only when it is asked for. */
const AUTO = 'auto'
const SHOPS = {
  'zh-CN': ['扫码咖啡', '燕麦拿铁 ×1、蛋挞 ×2'],
  'zh-TW': ['掃碼咖啡', '燕麥拿鐵 ×1、蛋塔 ×2'],
  en: ['Saoma Café', 'Oat latte ×1, Egg tart ×2'],
}

/** What each state is told: a phase, or something else that happens; then what the page sets. */
const STATES = {
  connecting: { silent: true, note: 'Nothing is known yet.' },
  loading: { phase: 'placing' },
  waiting: { phase: 'open', left: 875 },
  soon: { phase: 'open', left: 58, note: 'The last minute.' },
  phone: { phase: 'open', left: 540, device: 'phone', link: '/', note: 'On a phone.' },
  wechat: { phase: 'open', left: 540, device: 'wechat', note: "In WeChat's own browser." },
  offline: { phase: 'open', left: 700, lost: true, note: 'The code stays while it is valid.' },
  'long-amount': {
    phase: 'open',
    left: 800,
    amount_fen: 2_147_483_647,
    note: 'The longest amount, and a long name.',
  },
  checking: { phase: 'closing' },
  paid: { phase: 'shipped' },
  expired: { phase: 'expired', refresh: true, note: 'Its button brings a new code.' },
  cancelled: { phase: 'cancelled', refresh: true },
  refunding: { phase: 'refunding' },
  refunded: { phase: 'refunded' },
  failed: { phase: 'failed', refresh: true, closed: true, note: 'Its button is in vain.' },
  error: { status: 404, note: 'No such order, or not with this token.' },
}

const asked = new URLSearchParams(location.search)
const chosen = (name, all, more) => {
  const value = asked.get(name)
  return all.includes(value) || value === more ? [value] : all
}

/** The text of a state's code: each state has its own, so that a test can tell them apart. */
const codeUrl = (state) => `weixin://wxpay/bizpayurl?pr=${state}0000`

function viewOf(state, lang) {
  const { phase, amount_fen = 3600 } = STATES[state]
  const left = Number(asked.get('left') ?? STATES[state].left ?? 0)
  const now = Math.floor(Date.now() / 1000)
  const [merchant, description] = SHOPS[lang]
  const isLong = amount_fen > 1_000_000
  return {
    order_id: state,
    version: 1,
    phase,
    amount_fen,
    merchant: isLong ? merchant.repeat(4) : merchant,
    description: isLong ? `${description} · `.repeat(3) : description,
    code_url: phase === 'open' ? codeUrl(state) : null,
    expires_at: now + left,
    server_time: now,
  }
}

/** One server for one element: it tells its view, then is silent, or gone. */
function script(state, lang) {
  const { status = 200, lost, silent } = STATES[state]
  let calls = 0
  return async (address, { method, signal }) => {
    calls += 1
    const view = viewOf(String(address).includes('/again-') ? 'waiting' : state, lang)
    if (silent) return new Promise(() => {})
    if (status !== 200) return Response.json({ error: { code: 'not_found' } }, { status })
    if (method === 'POST') return Response.json(viewOf('cancelled', lang))
    if (lost && calls > 1) throw new TypeError('there is no network in this state')
    const listens = String(address).endsWith('/events')
    return listens ? stream(view, signal, lost) : Response.json(view)
  }
}

function stream(view, signal, ends) {
  const bytes = new TextEncoder()
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.encode(`event: view\ndata: ${JSON.stringify(view)}\n\n`))
      if (ends) return controller.close()
      const alive = setInterval(() => controller.enqueue(bytes.encode(': alive\n\n')), 10_000)
      signal.addEventListener('abort', () => {
        clearInterval(alive)
        controller.error(signal.reason)
      })
    },
  })
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
}

function checkout(state, lang, theme) {
  const element = document.createElement('saoma-checkout')
  const { device, link, refresh, closed } = STATES[state]
  element.fetch = script(state, lang)
  element.lang = lang
  element.setAttribute('theme', theme)
  // Each has its own order and server: elements share what they hear, and how many may listen.
  const order = [state, lang, theme].join('-')
  element.setAttribute('server', new URL(`/${order}`, location.href).href)
  element.setAttribute('order', order)
  element.setAttribute('token', 'a token of the gallery')
  if (device !== undefined) element.setAttribute('device', device)
  if (link !== undefined) element.setAttribute('link', new URL(link, location.href).href)
  const newOrder = { order: `again-${order}`, token: 'another token' }
  if (refresh) {
    element.refresh = async () => {
      if (closed) throw new Error('the shop is closed in this state')
      return newOrder
    }
  }
  return element
}

function node(name, attributes, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

function section(state) {
  const row = node('div', { class: 'row' })
  for (const lang of chosen('lang', LANGUAGES)) {
    for (const theme of chosen('theme', THEMES, AUTO)) {
      const caption = node('figcaption', {}, `${lang}, ${theme}`)
      row.append(node('figure', { 'data-theme': theme }, caption, checkout(state, lang, theme)))
    }
  }
  const { note } = STATES[state]
  const words = note === undefined ? [] : [node('p', { class: 'note' }, note)]
  return node('section', { 'data-state': state }, node('h2', {}, state), ...words, row)
}

/** The ways to show less. */
function choices(id, name, all) {
  const links = ['all', ...all].map((value) => {
    const search = new URLSearchParams(asked)
    if (value === 'all') search.delete(name)
    else search.set(name, value)
    const current = (asked.get(name) ?? 'all') === value
    return node('a', { href: `/gallery?${search}`, 'aria-current': String(current) }, value)
  })
  document.getElementById(id).replaceChildren(...links)
}

choices('languages', 'lang', LANGUAGES)
choices('themes', 'theme', [...THEMES, AUTO])
choices('states', 'state', Object.keys(STATES))
const sections = chosen('state', Object.keys(STATES)).map(section)
const gallery = document.getElementById('gallery')
// One of each: the states stand side by side themselves.
gallery.classList.toggle('row', asked.has('lang') && asked.has('theme'))
gallery.replaceChildren(...sections)
