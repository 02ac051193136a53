// Rendered on the server; the order and its token come in this page's address.
import { formatFen } from '@saoma/checkout/money'
import { Till } from './till'

export default async function Page({ searchParams }) {
  const { server, order, token } = await searchParams
  return (
    <main>
      <p id="price">{formatFen(1800)}</p>
      <Till server={server} order={order} token={token} />
    </main>
  )
}
