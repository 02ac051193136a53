'use client'

import { useState } from 'react'
import { Checkout } from '@saoma/checkout/react'

export function Till({ server, order, token }) {
  const [told, setTold] = useState('')
  const [screens, setScreens] = useState([])
  return (
    <>
      <Checkout
        server={server}
        order={order}
        token={token}
        onChange={({ screen }) => setScreens((before) => [...before, screen])}
        onPaid={({ view }) => setTold(`paid ${view.amount_fen}`)}
      />
      <output id="told">{told}</output>
      <output id="screens">{screens.join(' ')}</output>
    </>
  )
}
