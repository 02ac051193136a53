// node warm.mjs NAME PACKAGE_DIR TEXT: microseconds for one code, once the engine has warmed up.

import fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { ENCODERS } from './encoders.mjs'
import { place } from './place.mjs'

/** Long enough for the engine to compile everything. */
const WARM_MS = 150
const TURNS = 20
const TURN_MS = 5

const [name, packageDir, text] = process.argv.slice(2)
const load = (module) => import(place(module, packageDir))
const bytes = async (file) => fs.readFileSync(new URL(place(file, packageDir)))
const encode = await ENCODERS[name].make(load, bytes)

/** Makes codes for a while and gives the milliseconds of one. */
function turn(ms) {
  const start = performance.now()
  let count = 0
  let took = 0
  while (took < ms) {
    for (let one = 0; one < 10; one += 1) encode(text)
    count += 10
    took = performance.now() - start
  }
  return took / count
}

turn(WARM_MS)
const turns = Array.from({ length: TURNS }, () => turn(TURN_MS))
console.log(1000 * Math.min(...turns))
