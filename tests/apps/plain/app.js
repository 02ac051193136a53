// The order and its token come in this page's address; a real shop's server would write them here.
import '/node_modules/@saoma/checkout/dist/index.js'

const given = new URLSearchParams(location.search)
const checkout = document.querySelector('saoma-checkout')
checkout.addEventListener('saoma:paid', (event) => {
  document.querySelector('#told').textContent = `paid ${event.detail.view.amount_fen}`
})
for (const name of ['server', 'order', 'token']) checkout.setAttribute(name, given.get(name))
