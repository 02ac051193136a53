// Saoma's core, compiled to WebAssembly: loaded once, on demand.

import init, { Checkout, Qr } from './saoma_wasm.js'

/** Where the wasm can come from other than from beside this module. */
export type WasmSource = BufferSource | WebAssembly.Module | Response | URL | string

let loading: Promise<void> | undefined
let loaded = false

/**
 * Loads the core, once for the page; every later call gives the same promise. After a failure the
 * next call tries again.
 *
 * `source` is only needed where the file beside this module cannot be fetched, as in Node:
 * its bytes, for example.
 */
export function load(source?: WasmSource): Promise<void> {
  return (loading ??= begin(source))
}

async function begin(source: WasmSource | undefined): Promise<void> {
  try {
    // Written in one piece, as bundlers look for it.
    const beside = () => new URL('./saoma_wasm_bg.wasm', import.meta.url)
    await init({ module_or_path: source ?? beside() })
    loaded = true
  } catch (cause) {
    loading = undefined
    throw new Error(
      '@saoma/checkout could not load its WebAssembly core; is the .wasm file reachable, and ' +
        "does the Content-Security-Policy allow 'wasm-unsafe-eval' in script-src?",
      { cause },
    )
  }
}

/**
 * The core's classes. Throws when the core is not there yet.
 *
 * @internal (the declarations of the glue ask for newer libraries than users may have)
 */
export function core(): { Checkout: typeof Checkout; Qr: typeof Qr } {
  if (!loaded) throw new Error('@saoma/checkout is not loaded yet; await load() first')
  return { Checkout, Qr }
}
