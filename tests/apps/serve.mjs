// Serves an app as it was built: `node serve.mjs APP [CONTENT-SECURITY-POLICY]`. An app of Next is
// rendered by Next, page by page; of any other the files are sent as they are.

import { createReadStream, existsSync, statSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
}

const [app, policy] = process.argv.slice(2)
const home = path.join(path.dirname(fileURLToPath(import.meta.url)), app)

function files(folder) {
  return (request, response) => {
    const { pathname } = new URL(request.url, 'http://127.0.0.1')
    const file = path.join(folder, pathname.endsWith('/') ? `${pathname}index.html` : pathname)
    const type = TYPES[path.extname(file)]
    if (pathname === '/favicon.ico') return response.writeHead(204).end()
    if (type === undefined || !existsSync(file) || !statSync(file).isFile()) {
      return response.writeHead(404).end()
    }
    if (policy !== undefined) response.setHeader('Content-Security-Policy', policy)
    response.writeHead(200, { 'Content-Type': type })
    createReadStream(file).pipe(response)
  }
}

async function next() {
  const entry = createRequire(path.join(home, 'package.json')).resolve('next')
  const { default: make } = await import(pathToFileURL(entry))
  const rendered = make({ dev: false, dir: home })
  await rendered.prepare()
  return rendered.getRequestHandler()
}

/** The folder of the files: what the build left, or the app itself where nothing is built. */
function built() {
  const dist = path.join(home, 'dist')
  return existsSync(dist) ? dist : home
}

const server = http.createServer(app === 'next' ? await next() : files(built()))
server.listen(0, '127.0.0.1', () => {
  console.log(`ready on http://127.0.0.1:${server.address().port}`)
})
process.on('SIGTERM', () => process.exit(0))
