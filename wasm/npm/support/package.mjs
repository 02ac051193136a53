// The built package that the tests look at: SAOMA_PACKAGE_DIR, or where `cargo xtask npm` puts it.

import fs from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import path from 'node:path'

const byDefault = fileURLToPath(new URL('../../../target/npm/package', import.meta.url))

export const packageDir = path.resolve(process.env.SAOMA_PACKAGE_DIR || byDefault)

/** One of the package's modules, such as `qr`. */
export function dist(name) {
  return import(pathToFileURL(path.join(packageDir, 'dist', `${name}.js`)))
}

/** The wasm; Node's fetch cannot read it from the disk. */
export function wasm() {
  return fs.readFileSync(path.join(packageDir, 'dist/qr.wasm'))
}
