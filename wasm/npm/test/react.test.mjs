import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { importFrom, install } from '../support/installed.mjs'

test('a server renders the empty element: no order, no token, no script', async (t) => {
  const errors = t.mock.method(console, 'error')
  const { Checkout } = await importFrom(install(t), '@saoma/checkout/react')
  const html = renderToString(
    createElement(
      Checkout,
      {
        order: '20261123192600K7Q2M9XB',
        token: 'the-token-of-this-order',
        server: 'https://pay.example.com',
        theme: 'dark',
        lang: 'zh-CN',
        className: 'till',
        id: 'till',
        fetch: globalThis.fetch,
        onPaid: () => {},
        onChange: () => {},
      },
      createElement('b', { slot: 'brand' }, 'Saoma'),
    ),
  )
  assert.equal(
    html,
    '<saoma-checkout lang="zh-CN" id="till" class="till"><b slot="brand">Saoma</b></saoma-checkout>',
  )
  assert.equal(errors.mock.callCount(), 0)
})

test('importing it needs no window and registers nothing', async (t) => {
  const defined = t.mock.fn()
  globalThis.customElements = { get: () => undefined, define: defined }
  t.after(() => delete globalThis.customElements)
  await importFrom(install(t), '@saoma/checkout/react')
  assert.equal(defined.mock.callCount(), 0)
})
