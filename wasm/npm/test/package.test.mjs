import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import esbuild from 'esbuild'
import { dist, packageDir, wasm } from '../support/package.mjs'

const manifest = JSON.parse(fs.readFileSync(path.join(packageDir, 'package.json'), 'utf8'))
const files = fs.readdirSync(path.join(packageDir, 'dist'))

test('every entry point has its module and its types', () => {
  const targets = Object.values(manifest.exports).flatMap((to) =>
    typeof to === 'string' ? to : Object.values(to),
  )
  assert.ok(targets.length > 10)
  for (const file of targets) assert.ok(fs.existsSync(path.join(packageDir, file)), file)
})

test('nothing is needed at run time', () => {
  assert.equal(manifest.dependencies, undefined)
  for (const name of Object.keys(manifest.peerDependencies)) {
    assert.equal(manifest.peerDependenciesMeta[name].optional, true, name)
  }
})

test('modules import each other and nobody else', () => {
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const code = fs.readFileSync(path.join(packageDir, 'dist', file), 'utf8')
    const imports = code.matchAll(/^(?:import|export)\b[^'"]*?\bfrom ['"](.+)['"]/gm)
    for (const [, from] of imports) {
      if (file === 'react.js' && from === 'react') continue
      assert.ok(files.includes(path.basename(from)) && from.startsWith('./'), `${file}: ${from}`)
    }
  }
})

test('a server without a window may import all of it', async () => {
  const { SaomaCheckout, define, formatFen } = await dist('index')
  assert.equal(typeof SaomaCheckout, 'function')
  define()
  assert.equal(formatFen(1800), '¥18.00')
})

test('the core cannot sign: no word of the merchant side is in it', () => {
  const code = ['core-qr.js', 'core-checkout.js'].map((file) =>
    fs.readFileSync(path.join(packageDir, 'dist', file), 'latin1'),
  )
  const text = [wasm().toString('latin1'), ...code].join('')
  for (const word of ['&key=', 'out_trade_no', 'HMAC', 'mch_id', 'weixin.qq.com']) {
    assert.ok(!text.includes(word), word)
  }
})

test('the browsers that it names can read all of it', async () => {
  const readme = fs.readFileSync(path.join(packageDir, 'README.md'), 'utf8')
  const named = /Chrome ([\d.]+), Firefox ([\d.]+), Safari ([\d.]+)/.exec(readme)
  const target = ['chrome', 'firefox', 'safari'].map((name, at) => name + named[at + 1])
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const code = fs.readFileSync(path.join(packageDir, 'dist', file), 'utf8')
    const older = await esbuild.transform(code, { target })
    const newest = await esbuild.transform(code, { target: 'esnext' })
    assert.equal(older.code, newest.code, `${file} holds what ${target} do not know`)
  }
})

test('nothing in it needs an inline style, an inline script or eval', () => {
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const code = fs.readFileSync(path.join(packageDir, 'dist', file), 'utf8')
    for (const word of ['innerHTML', 'eval(', 'new Function', "'style'", 'document.write']) {
      assert.ok(!code.includes(word), `${file}: ${word}`)
    }
  }
})
