// How much a page has to fetch: bundled and minified as bundlers do it, compressed by brotli. The
// sizes are the same on every machine with the same tools.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { brotliCompressSync } from 'node:zlib'
import esbuild from 'esbuild'
import { packageDir, wasm } from '../support/package.mjs'

/** Bytes of an entry point and all that it imports; `without` these modules. */
async function size(entry, without = []) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(packageDir, 'dist', `${entry}.js`)],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: without,
    write: false,
  })
  return brotliCompressSync(outputFiles[0].contents).length
}

test('all of the element is at most 24 KB', async (t) => {
  const bytes = await size('index')
  t.diagnostic(`${bytes} bytes`)
  assert.ok(bytes <= 24 * 1024, `${bytes} bytes`)
})

test('QR codes by wasm, glue included, are at most 7 KB', async (t) => {
  const bytes = brotliCompressSync(wasm()).length + (await size('qr', ['./core-qr.js']))
  t.diagnostic(`${bytes} bytes`)
  assert.ok(bytes <= 7 * 1024, `${bytes} bytes`)
})

test('QR codes by plain JavaScript are at most 9.5 KB', async (t) => {
  const bytes = await size('qr')
  t.diagnostic(`${bytes} bytes`)
  assert.ok(bytes <= 9.5 * 1024, `${bytes} bytes`)
})
