// The files of the shop's pages and of the npm package. They are listed once at the start, so a
// path can only ever lead to one of them.

import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from './config.mjs'

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
}

/** Every file that may be fetched: path of the address -> `{file, type}`. */
export function collectFiles({ publicDir, packageDir }) {
  const files = new Map()
  list(publicDir, '/', files)
  for (const [address, name] of [['/', '/index.html'], ['/gallery', '/gallery.html']]) {
    const page = files.get(name)
    if (page !== undefined) files.set(address, page)
  }
  const dist = path.join(packageDir, 'dist')
  if (!fs.existsSync(path.join(dist, 'index.js'))) {
    throw new ConfigError(
      `SAOMA_PACKAGE_DIR (${packageDir}) does not hold the built package; cargo xtask npm makes it`,
    )
  }
  list(dist, '/saoma/dist/', files)
  return files
}

function list(dir, prefix, files) {
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name)
    const type = TYPES[path.extname(entry.name)]
    if (entry.isDirectory()) list(file, `${prefix}${entry.name}/`, files)
    else if (entry.isFile() && type !== undefined) files.set(prefix + entry.name, { file, type })
  }
}

/**
 * What a page of this shop may load and do: its own scripts and styles, and
 * calls to saoma-server. Nothing inline, nothing from anybody else.
 */
export function contentSecurityPolicy(serverUrl) {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${new URL(serverUrl).origin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}
