// The packages that are compared: each makes an SVG of a text at level M, as a string.

/** For each the modules with what is used of them, and how a program gets its function. */
export const ENCODERS = {
  'saoma, plain JavaScript': {
    modules: { 'SAOMA/qr.js': ['qrSvg'] },
    make: async (load) => (await load('SAOMA/qr.js')).qrSvg,
  },
  'saoma, wasm': {
    modules: { 'SAOMA/qr.js': ['load', 'qrSvg'] },
    wasm: 'SAOMA/qr.wasm',
    without: ['./core-qr.js'],
    make: async (load, bytes) => {
      const qr = await load('SAOMA/qr.js')
      await qr.load(await bytes('SAOMA/qr.wasm'))
      return qr.qrSvg
    },
  },
  qr: {
    modules: { qr: ['default'] },
    make: async (load) => {
      const { default: encode } = await load('qr')
      return (text) => encode(text, 'svg', { ecc: 'medium' })
    },
  },
  uqr: {
    modules: { uqr: ['renderSVG'] },
    make: async (load) => {
      const { renderSVG } = await load('uqr')
      return (text) => renderSVG(text, { ecc: 'M', border: 4 })
    },
  },
  'lean-qr': {
    modules: { 'lean-qr': ['correction', 'generate'], 'lean-qr/extras/svg': ['toSvgSource'] },
    make: async (load) => {
      const { correction, generate } = await load('lean-qr')
      const { toSvgSource } = await load('lean-qr/extras/svg')
      const levels = { minCorrectionLevel: correction.M, maxCorrectionLevel: correction.M }
      return (text) => toSvgSource(generate(text, levels))
    },
  },
  'qrcode-generator': {
    modules: { 'qrcode-generator': ['default'] },
    make: async (load) => {
      const { default: qrcode } = await load('qrcode-generator')
      return (text) => {
        const code = qrcode(0, 'M')
        code.addData(text)
        code.make()
        return code.createSvgTag()
      }
    },
  },
  qrcode: {
    modules: { qrcode: ['default'] },
    make: async (load) => {
      const { default: qrcode } = await load('qrcode')
      return (text) => {
        let svg = ''
        qrcode.toString(text, { type: 'svg', errorCorrectionLevel: 'M' }, (_, made) => (svg = made))
        return svg
      }
    },
  },
  fast_qr: {
    modules: { 'fast_qr/fast_qr.js': ['SvgOptions', 'default', 'qr_svg'] },
    wasm: 'fast_qr/fast_qr_bg.wasm',
    make: async (load, bytes) => {
      const { SvgOptions, default: init, qr_svg } = await load('fast_qr/fast_qr.js')
      await init(await bytes('fast_qr/fast_qr_bg.wasm'))
      // It chooses level and margin by itself.
      return (text) => qr_svg(text, new SvgOptions())
    },
  },
}
