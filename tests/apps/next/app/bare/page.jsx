// A component of the server that uses the checkout without handlers; order and token come later.
import { Checkout } from '@saoma/checkout/react'

export default function Page() {
  return <Checkout lang="zh-CN" className="bare" />
}
