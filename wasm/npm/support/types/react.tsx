// What must compile, and what must not, of the React component. Nothing here runs.

import { useRef } from 'react'
import { Checkout, type CheckoutProps, type SaomaCheckout } from '@saoma/checkout/react'

export function Page({ order, token }: { order: string | undefined; token: string | null }) {
  const element = useRef<SaomaCheckout>(null)
  const props: CheckoutProps = { order, token }
  return (
    <>
      <Checkout
        {...props}
        ref={element}
        server="https://pay.example.com"
        lang="zh-CN"
        theme="dark"
        fetch={globalThis.fetch}
        className="till"
        id="till"
        data-mine="1"
        aria-label="Pay"
        onPaid={(state) => console.log(state.view?.order_id)}
        onChange={(state) => console.log(state.screen)}
        onClick={() => void element.current?.cancel()}
      >
        <a slot="again" href="/">
          Again
        </a>
      </Checkout>
      <Checkout />
      <saoma-checkout order="a" token="b" server="c" lang="en" class="d" ref={element} />
      {/* @ts-expect-error: an order has a string for its number */}
      <Checkout order={1} token="b" />
      {/* @ts-expect-error: no such theme */}
      <Checkout theme="blue" />
      {/* @ts-expect-error: handlers get a state, not an event */}
      <Checkout onPaid={(event) => event.preventDefault()} />
      {/* @ts-expect-error: no such prop */}
      <Checkout onPayed={() => {}} />
      {/* @ts-expect-error: no such attribute */}
      <saoma-checkout orderNumber="a" />
    </>
  )
}
