// Which language the page speaks: `?lang=`, else the last choice, else the browser's.

import { texts } from './texts.mjs'

const KEY = 'saoma-shop-lang'

export function firstLanguage() {
  const asked = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem(KEY)
  return known(asked ?? navigator.language)
}

/** Remembers a choice here and in the address. */
export function rememberLanguage(lang) {
  localStorage.setItem(KEY, lang)
  const address = new URL(location.href)
  address.searchParams.set('lang', lang)
  history.replaceState(history.state, '', address)
}

/** Writes the words of a language into everything that asks for them. */
export function writeTexts(lang, root) {
  for (const node of root.querySelectorAll('[data-text]')) {
    node.textContent = texts[lang][node.dataset.text]
  }
}

function known(tag) {
  return tag.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}
