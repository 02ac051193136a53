import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { install, importFrom, packed, tarball, tool } from '../support/installed.mjs'
import { packageDir } from '../support/package.mjs'

const types = fileURLToPath(new URL('../support/types', import.meta.url))
const source = fileURLToPath(new URL('../src', import.meta.url))
const manifest = JSON.parse(fs.readFileSync(path.join(packageDir, 'package.json'), 'utf8'))

/** What the core is made of, beside the modules that are compiled from `src`. */
const CORE = [
  'core-checkout.d.ts',
  'core-checkout.js',
  'core-qr.d.ts',
  'core-qr.js',
  'qr.wasm',
]

test('the tarball holds these files and no other', () => {
  const modules = fs.readdirSync(source).map((name) => name.replace(/\.ts$/, ''))
  const dist = [...CORE, ...modules.flatMap((name) => [`${name}.d.ts`, `${name}.js`])]
  const expected = [
    'LICENSE-APACHE',
    'LICENSE-MIT',
    'README.md',
    'package.json',
    ...dist.map((name) => `dist/${name}`),
  ]
  assert.deepEqual(packed(), expected.sort())
})

test('publint has nothing to say', () => {
  const { ok, output } = tool('publint/src/cli.js', tarball, '--strict')
  assert.ok(ok && output.includes('All good!'), output)
})

test('the types are found and right however they are resolved', () => {
  // Only modules: to require() them is to get a module, which Node 20.19 and later can do.
  const options = ['--profile', 'esm-only', '--no-color', '--no-emoji']
  const { ok, output } = tool('@arethetypeswrong/cli/dist/index.js', tarball, ...options)
  assert.ok(ok, output)
})

test('every entry point can be imported by its name', async (t) => {
  const folder = install(t)
  for (const entry of Object.keys(manifest.exports)) {
    if (entry === './package.json') continue
    const module = await importFrom(folder, `@saoma/checkout${entry.slice(1)}`)
    assert.notEqual(Object.keys(module).length, 0, entry)
  }
})

for (const resolution of ['bundler', 'nodenext']) {
  test(`right uses compile and wrong ones do not, resolved as by ${resolution}`, (t) => {
    const folder = path.join(install(t), 'types')
    fs.cpSync(types, folder, { recursive: true })
    fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}')
    const module = resolution === 'nodenext' ? 'nodenext' : 'es2022'
    const options = ['-p', folder, '--moduleResolution', resolution, '--module', module]
    const { ok, output } = tool('typescript/bin/tsc', ...options)
    assert.ok(ok, output)
  })
}
