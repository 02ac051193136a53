// Where a module of an encoder is.

import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** As an address; `SAOMA/` is the built package, everything else is installed beside this. */
export function place(module, packageDir) {
  if (!module.startsWith('SAOMA/')) return import.meta.resolve(module)
  return pathToFileURL(path.join(packageDir, 'dist', module.slice('SAOMA/'.length))).href
}
