// The packed package, unpacked where a user of it would have it, so that tests import it by its
// name, beside the React of this folder's lock file.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { packageDir } from './package.mjs'

const own = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(fs.readFileSync(path.join(packageDir, 'package.json'), 'utf8'))

/** What `npm publish` would send. */
export const tarball = path.join(packageDir, '..', `saoma-checkout-${version}.tgz`)

/** The files in the tarball, sorted. */
export function packed() {
  const names = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
  return names.trim().split('\n').map((name) => name.replace(/^package\//, '')).sort()
}

/** Runs a program of node_modules; gives whether it was content, and what it wrote. */
export function tool(name, ...options) {
  try {
    const program = path.join(own, 'node_modules', name)
    const output = execFileSync(process.execPath, [program, ...options], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return { ok: true, output }
  } catch (error) {
    return { ok: false, output: `${error.stdout}${error.stderr}` }
  }
}

/** A folder in which `@saoma/checkout` is installed; it goes when the test ends. */
export function install(t) {
  const folder = fs.mkdtempSync(path.join(own, 'node_modules', '.installed-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const home = path.join(folder, 'node_modules/@saoma/checkout')
  fs.mkdirSync(home, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', home, '--strip-components=1'])
  return folder
}

/** Imports an entry point by the name that users write. */
export async function importFrom(folder, name) {
  const file = path.join(folder, `${name.replaceAll('/', '_')}.mjs`)
  fs.writeFileSync(file, `export * from '${name}'\n`)
  return import(pathToFileURL(file))
}
