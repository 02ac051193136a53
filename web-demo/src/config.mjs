// What the shop is told by its environment. Everything is checked before anything starts.

import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Something the operator has to set right; the message says what, in plain words. */
export class ConfigError extends Error {}

const HERE = path.dirname(fileURLToPath(import.meta.url))

/**
 * | variable                | meaning                                                            |
 * | ----------------------- | ------------------------------------------------------------------ |
 * | `SAOMA_SERVER_URL`      | where saoma-server is, for this shop and for its customers' browsers |
 * | `SAOMA_SHOP_KEY`        | the shop's key there; it never leaves this process                 |
 * | `SAOMA_WEBHOOK_SECRET`  | what saoma-server signs its webhook with                           |
 * | `SHOP_DATA_DIR`         | folder for the ledger of orders and shipments                      |
 * | `SAOMA_PACKAGE_DIR`     | the built npm package; default `target/npm/package`                |
 * | `SAOMA_PHONE_URL`       | optional: the sandbox's phone page, for trying things out          |
 * | `HOST`, `PORT`          | default `127.0.0.1` and `0` (any free port)                        |
 */
export function readConfig(env) {
  return {
    host: env.HOST || '127.0.0.1',
    port: port(env.PORT),
    serverUrl: url(env, 'SAOMA_SERVER_URL'),
    shopKey: key(env, 'SAOMA_SHOP_KEY'),
    webhookSecret: required(env, 'SAOMA_WEBHOOK_SECRET'),
    dataDir: path.resolve(required(env, 'SHOP_DATA_DIR')),
    packageDir: path.resolve(env.SAOMA_PACKAGE_DIR || path.join(HERE, '../../target/npm/package')),
    publicDir: path.join(HERE, '../public'),
    phoneUrl: env.SAOMA_PHONE_URL ? url(env, 'SAOMA_PHONE_URL') : null,
  }
}

function required(env, name) {
  const value = env[name]
  if (!value) throw new ConfigError(`${name} is not set`)
  return value
}

/** A key goes into a header. The message must not repeat it. */
function key(env, name) {
  const value = required(env, name)
  if (!/^[\x21-\x7e]+$/.test(value)) throw new ConfigError(`${name} has characters no key has`)
  return value
}

function url(env, name) {
  const value = required(env, name)
  const parsed = URL.canParse(value) ? new URL(value) : null
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new ConfigError(`${name} must be an http or https address, not "${value}"`)
  }
  return parsed.href.replace(/\/+$/, '')
}

function port(value) {
  if (value === undefined || value === '') return 0
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new ConfigError(`PORT must be 0 to 65535, not "${value}"`)
  }
  return Number(value)
}
