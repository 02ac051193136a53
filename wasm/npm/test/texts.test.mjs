import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dist } from '../support/package.mjs'

const { bestLanguage, texts, textsFor } = await dist('texts')

/** The names of all texts of a language, inner ones too. */
function shape(value) {
  if (typeof value === 'string') return value.trim() === '' ? 'empty' : 'text'
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, shape(value[key])]))
}

test('every language says everything', () => {
  for (const tag of Object.keys(texts)) {
    assert.deepEqual(shape(texts[tag]), shape(texts.en), tag)
    assert.ok(!JSON.stringify(shape(texts[tag])).includes('empty'), tag)
  }
})

test('a language is served by itself, then by its family, then by English', () => {
  const served = {
    'zh-CN': 'zh-CN',
    'zh-cn': 'zh-CN',
    zh: 'zh-CN',
    'zh-SG': 'zh-CN',
    'zh-Hans-HK': 'zh-CN',
    'zh-TW': 'zh-TW',
    'zh-Hant': 'zh-TW',
    'zh-hant-tw': 'zh-TW',
    'zh-HK': 'zh-TW',
    'zh-MO': 'zh-TW',
    'zh-yue-HK': 'zh-TW',
    en: 'en',
    'en-GB': 'en',
    fr: 'en',
    '': 'en',
  }
  for (const [asked, tag] of Object.entries(served)) assert.equal(bestLanguage(asked), tag, asked)
})

test('a shop may add a language', () => {
  texts.fr = { ...texts.en, cancel: 'Annuler' }
  assert.equal(textsFor('fr-CA').cancel, 'Annuler')
  delete texts.fr
})
