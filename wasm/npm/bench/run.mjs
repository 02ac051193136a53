// node run.mjs PACKAGE_DIR: sizes and speeds of the built package beside published ones, as tables
// for docs/benchmarks.md. All rows of a table take turns in every round.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import esbuild from 'esbuild'
import { inChromium } from './chromium.mjs'
import { ENCODERS } from './encoders.mjs'
import { place } from './place.mjs'

const TEXT = 'weixin://wxpay/bizpayurl?pr=a1B2c3Dzz'
const NODE_ROUNDS = 21
const BROWSER_ROUNDS = 9

const packageDir = path.resolve(process.argv[2])
const names = Object.keys(ENCODERS)
const OURS = names[0]
const WASM = names[1]

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** What a bundler makes of modules, with what is used of each. */
async function bundle(modules, without = []) {
  // A bundler chooses a package's modules for browsers.
  const from = (module) =>
    JSON.stringify(module.startsWith('SAOMA/') ? fileURLToPath(place(module, packageDir)) : module)
  const lines = Object.entries(modules).map(
    ([module, used], at) =>
      `import { ${used.map((name) => `${name} as ${name}_${at}`)} } from ${from(module)}\n` +
      `export const m${at} = { ${used.map((name) => `${name}: ${name}_${at}`)} }\n`,
  )
  const { outputFiles } = await esbuild.build({
    stdin: { contents: lines.join(''), resolveDir: path.dirname(fileURLToPath(import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: without,
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0].contents
}

function print(title, head, rows) {
  console.log(`\n### ${title}\n`)
  console.log(`| | ${head.join(' | ')} |`)
  console.log(`| --- |${' --: |'.repeat(head.length)}`)
  for (const [name, ...cells] of rows) console.log(`| ${name} | ${cells.join(' | ')} |`)
}

const sizes = (...parts) => [
  parts.reduce((sum, part) => sum + part.length, 0),
  parts.reduce((sum, part) => sum + gzipSync(part, { level: 9 }).length, 0),
  parts.reduce((sum, part) => sum + brotliCompressSync(part).length, 0),
]

async function bytes() {
  const ours = (file) => fs.readFileSync(path.join(packageDir, 'dist', file))
  const whole = async (name, without = []) => {
    const { outputFiles } = await esbuild.build({
      entryPoints: [path.join(packageDir, 'dist', `${name}.js`)],
      bundle: true,
      minify: true,
      format: 'esm',
      external: ['react', 'react-dom', 'react/jsx-runtime', ...without],
      write: false,
    })
    return outputFiles[0].contents
  }
  const rows = [
    ['QR wasm alone', ...sizes(ours('qr.wasm'))],
    ['QR glue alone', ...sizes(await whole('qr', ['./core-qr.js']))],
    ['QR entry, plain JavaScript', ...sizes(await whole('qr'))],
    ['following an order', ...sizes(await whole('follow'))],
    ['all: element, QR, client, texts', ...sizes(await whole('index'))],
  ]
  if (fs.existsSync(path.join(packageDir, 'dist/react.js'))) {
    rows.push(['React wrapper, all of it', ...sizes(await whole('react'))])
  }
  print('Bytes of the package, minified', ['raw', 'gzip', 'brotli'], rows)

  const compared = []
  for (const name of names) {
    const { modules, wasm, without } = ENCODERS[name]
    const parts = [await bundle(modules, without)]
    if (wasm !== undefined) parts.push(fs.readFileSync(new URL(place(wasm, packageDir))))
    compared.push([name, ...sizes(...parts)])
  }
  print('Bytes of a text to SVG, minified', ['raw', 'gzip', 'brotli'], compared)
}

/** Microseconds for one code, each encoder in a process of its own that takes turns. */
function inNode() {
  const times = Object.fromEntries(names.map((name) => [name, []]))
  const firsts = Object.fromEntries(names.map((name) => [name, []]))
  const run = (script, ...rest) =>
    Number(
      execFileSync(process.execPath, [
        fileURLToPath(new URL(script, import.meta.url)), ...rest, packageDir, TEXT,
      ]),
    )
  for (let round = 0; round < NODE_ROUNDS; round += 1) {
    for (const name of names) {
      firsts[name].push(run('cold.mjs', name))
      times[name].push(run('warm.mjs', name))
    }
  }
  return { times, firsts }
}

const cell = (number) => (number < 10 ? number.toFixed(2) : number.toFixed(1))

/** Each row's median, and the median of its ratio to ours within a round. */
function compare(measured, scale) {
  return names.map((name) => {
    const ratios = (other) => measured[name].map((time, at) => time / measured[other][at])
    return [
      name,
      cell(median(measured[name]) * scale),
      cell(median(ratios(OURS))),
      cell(median(ratios(WASM))),
    ]
  })
}

await bytes()
const head = (unit) => [unit, 'times plain JavaScript', 'times wasm']
const { times, firsts } = inNode()
print('A code of 37 bytes in Node, text to SVG', head('µs'), compare(times, 1))
print('Load and first code in a fresh Node process', head('ms'), compare(firsts, 1))
const bundles = {}
for (const name of names) bundles[name] = await bundle(ENCODERS[name].modules)
const browser = await inChromium({ bundles, packageDir, text: TEXT, rounds: BROWSER_ROUNDS })
const pick = (key) => Object.fromEntries(names.map((name) => [name, browser[name][key]]))
print('A code of 37 bytes in Chromium', head('µs'), compare(pick('bests'), 1000))
const throttled = 'Load to first code in Chromium, CPU throttled 4 times'
print(throttled, head('ms'), compare(pick('firsts'), 1))
