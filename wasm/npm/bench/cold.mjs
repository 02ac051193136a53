// node cold.mjs NAME PACKAGE_DIR TEXT: milliseconds from nothing to the first code, in a process
// that has done nothing else.

import fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { ENCODERS } from './encoders.mjs'
import { place } from './place.mjs'

const [name, packageDir, text] = process.argv.slice(2)
const start = performance.now()
const load = (module) => import(place(module, packageDir))
const bytes = async (file) => fs.readFileSync(new URL(place(file, packageDir)))
const encode = await ENCODERS[name].make(load, bytes)
encode(text)
console.log(performance.now() - start)
