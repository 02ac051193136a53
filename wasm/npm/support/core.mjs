// Makes the package's core out of what wasm-bindgen left of the crate saoma-wasm:
//
//   node core.mjs NARROW.wasm WIDE.wasm OUT_DIR
//
//   qr.wasm           QR codes
//   core-qr.js        the same as plain JavaScript
//   core-checkout.js  the checkout's machine as plain JavaScript
//
// Only numbers cross the border, so that no glue is needed. JavaScript is made of the code in words
// of 32 bits, its own; WebAssembly has words of 64, with which it is a third faster. Both are cut
// to what is exported, optimised and translated by binaryen.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import binaryen from 'binaryen'
import esbuild from 'esbuild'

const QR = ['memory', 'qrText', 'qrRows', 'qrPath', 'qrEncode', 'qrDraw']
const CHECKOUT = ['View', 'Lost', 'Offline', 'Screen', 'Left', 'Poll'].map((it) => `checkout${it}`)

/** What the compiler uses of WebAssembly beyond its first version; all of it can be lowered. */
const FEATURES = [
  '--enable-bulk-memory',
  '--enable-bulk-memory-opt',
  '--enable-multivalue',
  '--enable-mutable-globals',
  '--enable-nontrapping-float-to-int',
  '--enable-reference-types',
  '--enable-sign-ext',
]
const LOWER = [
  '--llvm-memory-copy-fill-lowering',
  '--llvm-nontrapping-fptoint-lowering',
  '--signext-lowering',
]

const [narrow, wide, outDir] = process.argv.slice(2)

/** A program of binaryen. */
function run(name, ...options) {
  const program = fileURLToPath(new URL(`../node_modules/binaryen/bin/${name}`, import.meta.url))
  execFileSync(process.execPath, [program, ...FEATURES, ...options], { stdio: 'inherit' })
}

/** The module with these exports only. Where it would panic it stops without a word. */
function cut(input, names, output) {
  const module = binaryen.readBinary(fs.readFileSync(input))
  const exported = Array.from({ length: module.getNumExports() }, (_, at) =>
    binaryen.getExportInfo(module.getExportByIndex(at)).name,
  )
  for (const name of names) {
    if (!exported.includes(name)) throw new Error(`${input} does not export ${name}`)
  }
  for (const name of exported) if (!names.includes(name)) module.removeExport(name)
  for (let at = 0; at < module.getNumFunctions(); at += 1) {
    const made = module.getFunctionByIndex(at)
    if (/panicking|slice_index_fail/.test(binaryen.getFunctionInfo(made).name)) {
      binaryen.Function.setBody(made, module.unreachable())
    }
  }
  fs.writeFileSync(output, module.emitBinary())
  module.dispose()
}

/** The module as JavaScript: `create()` gives an instance. Its types stand in `src/core.ts`. */
function translate(wasm, output) {
  const lowered = wasm.replace(/wasm$/, 'lowered.wasm')
  run('wasm-opt', wasm, ...LOWER, '-Oz', '--converge', '-o', lowered)
  run('wasm2js', lowered, '-Oz', '-o', output)
  const code = fs.readFileSync(output, 'utf8')
  // It would make one instance as soon as it is imported.
  const at = code.indexOf('var retasmFunc')
  if (at < 0 || !code.includes('function asmFunc(imports)')) throw new Error('not by wasm2js')
  const { code: small } = esbuild.transformSync(
    `${code.slice(0, at)}export const create = () => asmFunc({})\n`,
    { minify: true, target: 'es2022' },
  )
  fs.writeFileSync(output, small)
  fs.writeFileSync(
    output.replace(/js$/, 'd.ts'),
    '/** An instance of the core; `core.ts` knows what it exports. */\n' +
      'export declare function create(): unknown\n',
  )
  fs.rmSync(lowered)
}

for (const [name, names] of [
  ['qr', QR],
  ['checkout', CHECKOUT],
]) {
  const wasm = path.join(outDir, `${name}.wasm`)
  cut(narrow, names, wasm)
  translate(wasm, path.join(outDir, `core-${name}.js`))
  fs.rmSync(wasm)
}
const wasm = path.join(outDir, 'qr.wasm')
cut(wide, QR, wasm)
run('wasm-opt', wasm, '-O3', '--converge', '-o', wasm)
