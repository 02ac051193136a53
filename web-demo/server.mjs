// The shop: `node server.mjs`, configured by environment variables (src/config.mjs).

import http from 'node:http'
import { ConfigError, readConfig } from './src/config.mjs'
import { Ledger } from './src/ledger.mjs'
import { makeHandler } from './src/routes.mjs'
import { SaomaServer } from './src/saoma.mjs'
import { collectFiles } from './src/static.mjs'

function main() {
  const config = readConfig(process.env)
  const files = collectFiles(config)
  const ledger = Ledger.open(config.dataDir)
  const saoma = new SaomaServer(config.serverUrl, config.shopKey)
  const server = http.createServer(makeHandler({ config, files, ledger, saoma }))

  server.on('error', (error) => fail(`cannot listen on ${config.host}: ${error.message}`))
  server.listen(config.port, config.host, () => {
    console.log(`saoma-web-demo ready on http://${origin(server.address())}`)
  })

  const stop = () => {
    server.close(() => {
      ledger.close()
      process.exit(0)
    })
    // Browsers keep their connections open; what is being answered at this moment is small.
    server.closeAllConnections()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function origin({ address, family, port }) {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

function fail(message) {
  console.error(`saoma-web-demo: ${message}`)
  process.exit(1)
}

try {
  main()
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  fail(error.message)
}
