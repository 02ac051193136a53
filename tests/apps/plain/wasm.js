// As app.js, with the QR encoder compiled to WebAssembly.
import { load, qrMatrix } from '/node_modules/@saoma/checkout/dist/qr.js'
import './app.js'

const told = document.querySelector('#core')
try {
  await load()
  told.textContent = `wasm draws ${qrMatrix('weixin://').size}`
} catch (error) {
  told.textContent = `${error.message} ${qrMatrix('weixin://').size}`
}
