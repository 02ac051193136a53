// The order and its token come in this page's address; a real shop's server would give them.
import { StrictMode, Suspense, use, useEffect, useRef, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Checkout } from '@saoma/checkout/react'

function Shop({ server, order, token }) {
  const [told, setTold] = useState('')
  const [screens, setScreens] = useState([])
  const element = useRef(null)
  const renders = useRef(0)
  renders.current += 1
  useEffect(() => {
    document.body.dataset.renders = renders.current
    document.body.dataset.ref = element.current.localName
  })
  return (
    <>
      <Checkout
        ref={element}
        server={server}
        order={order}
        token={token}
        fetch={(...request) => fetch(...request)}
        className="till"
        onChange={({ screen }) => setScreens((before) => [...before, screen])}
        onPaid={({ view }) => setTold(`paid ${view.amount_fen}`)}
      >
        <b slot="brand">A shop</b>
      </Checkout>
      <output id="told">{told}</output>
      <output id="screens">{screens.join(' ')}</output>
    </>
  )
}

/** Something beside the checkout that loads again, as long as the test says: React hides both. */
function Sibling() {
  const [loading, setLoading] = useState(null)
  window.load = () => setLoading(new Promise((resolve) => (window.loaded = resolve)))
  return <p id="sibling">{loading === null ? 'fresh' : use(loading)}</p>
}

const given = Object.fromEntries(new URLSearchParams(location.search))
createRoot(document.querySelector('#root')).render(
  <StrictMode>
    <Suspense fallback={<p id="loads">One moment</p>}>
      <Shop {...given} />
      <Sibling />
    </Suspense>
  </StrictMode>,
)
