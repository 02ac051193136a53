//! `<saoma-checkout>` in a page that moves it, takes it away and brings it back, or was ready
//! before it: in a real Chromium, with orders that are told by a script on the page.
//!
//! Ignored by default, because it needs Node, Chromium and the built npm package:
//! `cargo xtask test --only browser` sees to all of them.

use saoma_tests::{Browser, Desk, Options, Screen};
use serde_json::{Value, json};

const SCREEN: Screen =
    Screen { width: 1024, height: 768, scale: 1, is_phone: false, locale: "en-GB" };

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A server of one order in the page: `orders.tell('open')` tells all who listen, `orders.asked`
/// counts. `until(fits)` waits, `turn()` lets everything that is due happen.
const ORDERS: &str = "
const bytes = new TextEncoder()
const view = (phase) => {
  const now = Math.floor(Date.now() / 1000)
  orders.version += 1
  const code_url = phase === 'open' ? 'weixin://wxpay/bizpayurl?pr=element00' : null
  return { order_id: 'A', version: orders.version, phase, amount_fen: 1800, merchant: 'Saoma',
           description: 'Latte', code_url, expires_at: now + 900, server_time: now }
}
const event = () => bytes.encode(`data: ${JSON.stringify(orders.view)}\\n\\n`)
const orders = {
  version: 0,
  asked: 0,
  streams: new Set(),
  tell(phase) {
    orders.view = view(phase)
    for (const stream of orders.streams) stream.enqueue(event())
  },
  fetch: async (address, { signal }) => {
    orders.asked += 1
    if (!String(address).endsWith('/events')) return Response.json(orders.view)
    const body = new ReadableStream({
      start(stream) {
        stream.enqueue(event())
        orders.streams.add(stream)
        signal.addEventListener('abort', () => {
          orders.streams.delete(stream)
          stream.error(signal.reason)
        })
      },
    })
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
  },
}
const element = document.createElement('saoma-checkout')
const heard = []
addEventListener('saoma:change', ({ detail }) => heard.push(detail.screen))
element.setAttribute('server', `https://pay.test/${Math.random()}`)
element.setAttribute('order', 'A')
element.setAttribute('token', 'T')
const turn = () => new Promise((resolve) => setTimeout(resolve, 50))
const until = async (fits) => { while (!fits()) await turn() }
";

/// What a script with [`ORDERS`] gives on this page of the shop.
async fn run(page: &str, script: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let desk = Desk::start(Options::default()).await?;
    let mut browser = Browser::start(SCREEN).await?;
    browser.open(&format!("{}{page}", desk.shop_url())).await?;
    let value = browser.evaluate(&format!("(async () => {{ {ORDERS} {script} }})()")).await?;
    browser.close().await?;
    desk.stop().await?;
    Ok(value)
}

/// Shows one state only, so that the element is registered and little else is there.
const REGISTERED: &str = "/gallery?lang=en&theme=light&state=connecting";

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn what_was_set_before_it_was_registered_counts() -> Outcome {
    let script = "
orders.tell('expired')
element.fetch = orders.fetch
element.refresh = async () => ({ order: 'B', token: 'T' })
document.body.append(element)
await import('/saoma/dist/index.js')
await until(() => element.state?.screen === 'expired' || element.state?.offline)
const button = element.shadowRoot.querySelector('[part=refresh]')
const isOffered = button.checkVisibility()
button.click()
await until(() => element.getAttribute('order') === 'B')
return [orders.asked > 0, element.fetch === orders.fetch, isOffered]";
    assert_eq!(run("/config.json", script).await?, json!([true, true, true]));
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn a_page_may_move_it_when_it_is_paid() -> Outcome {
    let script = "
orders.tell('open')
element.fetch = orders.fetch
const receipt = document.createElement('div')
document.body.append(receipt, element)
let paid = 0
element.addEventListener('saoma:paid', () => {
  paid += 1
  if (paid < 9) receipt.append(element)
})
await until(() => element.state.screen === 'waiting')
orders.tell('paid')
await until(() => element.state.screen === 'paid' && element.parentNode === receipt)
await turn()
orders.tell('shipped')
await until(() => element.state.view?.phase === 'shipped')
const { asked } = orders
element.remove()
await turn()
document.body.append(element)
await turn()
return [paid, heard.join(' '), asked, orders.asked, element.dataset.phase]";
    let expected = json!([1, "loading waiting paid", 1, 1, "paid"]);
    assert_eq!(run(REGISTERED, script).await?, expected);
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn what_came_of_an_order_is_told_once_and_followed_on() -> Outcome {
    let script = "
orders.tell('refunding')
element.fetch = orders.fetch
document.body.append(element)
await until(() => element.state.screen === 'refunding')
element.remove()
await until(() => orders.streams.size === 0)
document.body.append(element)
await until(() => orders.streams.size === 1)
orders.tell('refunded')
await until(() => element.state.screen === 'refunded')
return heard.join(' ')";
    assert_eq!(run(REGISTERED, script).await?, "loading refunding refunded");
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn a_code_that_was_away_is_not_shown_before_it_is_known_again() -> Outcome {
    let script = "
orders.tell('open')
element.fetch = orders.fetch
document.body.append(element)
await until(() => element.state.screen === 'waiting')
document.body.append(element)
const moved = [orders.asked, element.state.screen]
element.remove()
await until(() => orders.streams.size === 0)
document.body.append(element)
const brought = element.state.screen
await until(() => element.state.screen === 'waiting')
element.setAttribute('order', 'B')
const other = element.state.screen
await until(() => element.state.screen === 'waiting')
return [...moved, brought, other, orders.asked]";
    let expected = json!([1, "waiting", "loading", "loading", 3]);
    assert_eq!(run(REGISTERED, script).await?, expected);
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn an_order_that_cannot_be_shown_may_be_paid_and_is_not_made_again() -> Outcome {
    let script = "
element.fetch = async () => Response.json({ error: { code: 'not_found' } }, { status: 404 })
element.refresh = async () => ({ order: 'B', token: 'T' })
const back = document.createElement('a')
back.slot = 'again'
back.href = '/'
back.append('Back to the shop')
const isOffered = () => element.shadowRoot.querySelector('[part=refresh]').checkVisibility()
document.body.append(element)
await until(() => element.state.screen === 'error')
const offered = isOffered()
element.append(back)
await turn()
return [offered, isOffered(), back.checkVisibility()]";
    assert_eq!(run(REGISTERED, script).await?, json!([false, false, true]));
    Ok(())
}
