//! A purchase as the customer lives it: a real Chromium, the real shop, server and gateway, and
//! the QR code read from the screen as a phone's camera would. And the sandbox's own pages: paid on
//! the phone page, seen live in the console.
//!
//! Ignored by default, because it needs Node, Chromium and the built npm package:
//! `cargo xtask test --only browser` sees to all of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use saoma_sandbox::sign::{self, Algorithm, Key};
use saoma_sandbox::xml::{self, Field};
use saoma_sandbox::{Config, Merchant, Sandbox};
use saoma_tests::{Browser, Desk, Options, Screen, qr_texts};
use serde_json::Value;

const DESKTOP: Screen =
    Screen { width: 1280, height: 800, scale: 1, is_phone: false, locale: "zh-CN" };
const PHONE: Screen = Screen { width: 390, height: 844, scale: 2, is_phone: true, locale: "zh-CN" };

/// What the shop says in the customer's language.
struct Words {
    pay: &'static str,
    shipped: &'static str,
}

const CHINESE: Words = Words { pay: "去支付", shipped: "正在为您制作" };
const ENGLISH: Words = Words { pay: "Pay", shipped: "We are making it" };

/// How long an order may take from paid to shipped.
const SHIPPED_WITHIN: Duration = Duration::from_secs(15);

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn a_purchase_in_chinese_at_a_desk() -> Outcome {
    purchase("desktop-zh", DESKTOP, &CHINESE).await
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn a_purchase_in_english_at_a_desk() -> Outcome {
    purchase("desktop-en", Screen { locale: "en-GB", ..DESKTOP }, &ENGLISH).await
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn a_purchase_in_chinese_on_a_phone() -> Outcome {
    purchase("phone-zh", PHONE, &CHINESE).await
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn a_purchase_in_english_on_a_phone() -> Outcome {
    purchase("phone-en", Screen { locale: "en-GB", ..PHONE }, &ENGLISH).await
}

/// Chooses, scans, pays; then looks at everything that must be true after it.
async fn purchase(name: &str, screen: Screen, words: &Words) -> Outcome {
    let desk = Desk::start(Options::default()).await?;
    let mut browser = Browser::start(screen).await?;

    browser.open(&desk.shop_url()).await?;
    browser.click("#add-latte").await?;
    browser.click("#add-egg-tart").await?;
    browser.click("#add-egg-tart").await?;
    assert_eq!(browser.text("#pay").await?.trim(), words.pay);
    assert!(browser.text("#total").await?.ends_with("36.00"), "18.00 + 2 * 9.00");
    browser.click("#pay").await?;
    browser.wait_for("saoma-checkout[data-phase=waiting]").await?;

    let order_id = browser.attribute("saoma-checkout", "order").await?.ok_or("no order")?;
    let view = desk.server_get(&format!("/v1/orders/{order_id}")).await?;
    let code_url = view["code_url"].as_str().ok_or("the server has no code")?.to_owned();
    assert_eq!(view["amount_fen"], 3600);
    let picture = screenshot(&mut browser, &format!("{name}-waiting")).await?;
    assert_eq!(qr_texts(&picture)?, [code_url.as_str()], "read from {}", picture.display());

    desk.pay(&code_url).await?;
    browser.wait_for("saoma-checkout[data-phase=paid]").await?;
    browser.wait_for(&format!("#receipt-status:has-text('{}')", words.shipped)).await?;
    assert_eq!(browser.loads().await?, 1, "it turned to paid without being loaded again");
    let picture = screenshot(&mut browser, &format!("{name}-paid")).await?;
    assert_eq!(qr_texts(&picture)?, [""; 0], "nobody shall scan a code that was paid");

    shipped_once(&desk, &order_id).await?;
    assert_eq!(browser.errors().await?, [""; 0]);
    assert_eq!(browser.hosts().await?, ["127.0.0.1"], "nobody else hears of the purchase");
    let secrets = browser.seen(&desk.secrets()).await?;
    assert!(secrets.is_empty(), "{} secrets came to the browser", secrets.len());

    browser.close().await?;
    desk.stop().await?;
    Ok(())
}

/// The shop's answers to orders wait for `release()`; while `mute` nothing is heard of any order.
const SLOW: &str = "
const send = window.fetch
window.mute = true
window.held = []
window.release = () => window.held.splice(0).forEach((go) => go())
window.fetch = async (address, init = {}) => {
  const path = new URL(address, location.href).pathname
  if (path === '/api/orders') await new Promise((go) => window.held.push(go))
  const asks = path.startsWith('/v1/orders/') && init.method !== 'POST'
  if (asks && window.mute) {
    await new Promise((_, no) => init.signal.addEventListener('abort', () => no(new Error('mute'))))
  }
  return send(address, init)
}
";

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn a_basket_has_one_order_that_can_be_paid() -> Outcome {
    let desk = Desk::start(Options::default()).await?;
    let mut browser = Browser::start(Screen { locale: "en-GB", ..DESKTOP }).await?;
    browser.open(&desk.shop_url()).await?;
    browser.click("#add-latte").await?;
    browser.evaluate(&format!("(() => {{ {SLOW} }})()")).await?;

    browser.click("#pay").await?;
    browser.click("#add-latte").await?;
    browser.evaluate("document.querySelector('#pay').click()").await?;
    let first = is_ordered(&mut browser, "").await?;
    assert_eq!(desk.texts("select order_id from orders").await?, [first.as_str()]);

    browser.evaluate("history.back()").await?;
    browser.click("#pay").await?;
    let second = is_ordered(&mut browser, &first).await?;
    let view = desk.server_get(&format!("/v1/orders/{first}")).await?;
    assert!(["closing", "cancelled"].contains(&view["phase"].as_str().unwrap_or("")), "{view}");
    let mut view = desk.server_get(&format!("/v1/orders/{second}")).await?;
    assert_eq!(view["phase"], "open");

    desk.pay(view["code_url"].as_str().ok_or("the server has no code")?).await?;
    while view["phase"] == "open" {
        view = desk.server_get(&format!("/v1/orders/{second}")).await?;
    }
    browser.evaluate("history.back()").await?;
    browser.click("#pay").await?;
    browser.wait_for("#checkout").await?;
    browser.evaluate("window.mute = false").await?;
    browser.wait_for(&format!("[order='{second}'][data-phase=paid]")).await?;
    assert_eq!(desk.texts("select order_id from orders").await?.len(), 2, "nothing is paid twice");
    browser.close().await?;
    desk.stop().await?;
    Ok(())
}

/// Lets the shop answer, and waits for an order that is not `last`.
async fn is_ordered(
    browser: &mut Browser,
    last: &str,
) -> Result<String, Box<dyn std::error::Error>> {
    let held = "(async () => {
  while (window.held.length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
  window.release()
})()";
    browser.evaluate(held).await?;
    let selector = format!("saoma-checkout:not([order='{last}'])");
    browser.wait_for(&selector).await?;
    Ok(browser.attribute(&selector, "order").await?.ok_or("no order")?)
}

/// The order is shipped: the server says so, its database holds one payment and one finished
/// shipment for it and no anomaly, and the shop did the work once.
async fn shipped_once(desk: &Desk, order_id: &str) -> Outcome {
    let path = format!("/v1/orders/{order_id}");
    let shipped = async {
        loop {
            let view = desk.server_get(&path).await?;
            if view["phase"] == "shipped" {
                return Ok::<Value, saoma_tests::DeskError>(view);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let view = tokio::time::timeout(SHIPPED_WITHIN, shipped).await??;
    assert_eq!(view["code_url"], Value::Null, "a paid order has no code any more");

    let orders = "select order_id || ' ' || phase || ' ' || amount_fen from orders";
    assert_eq!(desk.texts(orders).await?, [format!("{order_id} shipped 3600")]);
    let payments = "select total_fee_fen || ' ' || verdict from payment";
    assert_eq!(desk.texts(payments).await?, ["3600 ship"]);
    let shipments = "select key || ' ' || state from outbox where key like 'ship-%'";
    let ship_id = format!("ship-{order_id}");
    assert_eq!(desk.texts(shipments).await?, [format!("{ship_id} done")]);
    assert!(desk.texts("select kind from anomaly").await?.is_empty());

    let ledger = desk.shop_ledger()?;
    let work: Vec<_> = ledger.iter().filter(|fact| fact["fact"] == "shipped").collect();
    assert_eq!(work.len(), 1, "the shop did the work once: {ledger:?}");
    assert_eq!(work[0]["ship_id"], ship_id.as_str());
    Ok(())
}

const MCH_ID: &str = "1900000109";
const APPID: &str = "wx5a0mademeup0001";
const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const NUMBER: &str = "SM20261123000001";

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn what_is_paid_on_the_phone_page_is_seen_live_in_the_console() -> Outcome {
    let merchant = Merchant::new(MCH_ID, APPID, KEY, "扫码示例店")?;
    let sandbox = Sandbox::start(Config::new([merchant])).await?;
    let mut console = Browser::start(Screen { locale: "en-GB", ..DESKTOP }).await?;
    console.open(&sandbox.base_url()).await?;
    console.wait_for("#order-now").await?;
    order(&sandbox, str::to_owned).await?;
    console.wait_for(&format!("[data-number={NUMBER}] [data-state=NOTPAY]")).await?;
    console.click(&format!("[data-number={NUMBER}]")).await?;

    let mut phone = Browser::start(PHONE).await?;
    phone.open(&sandbox.phone_url()).await?;
    phone.click(".code-card").await?;
    phone.wait_for("#confirm").await?;
    assert_eq!(phone.text("#confirm [data-field=amount]").await?, "¥18.00");
    phone.click("#coupons-card summary").await?;
    phone.click("#coupons label").await?;
    screenshot(&mut phone, "sandbox-phone-confirm").await?;
    phone.click("#pay").await?;
    for wrong in ["0", "0", "0", "0", "0", "0"] {
        phone.click(&format!("[data-digit=\"{wrong}\"]")).await?;
    }
    phone.wait_for("#password-hint.wrong").await?;
    for right in ["1", "2", "3", "4", "5", "6"] {
        phone.click(&format!("[data-digit=\"{right}\"]")).await?;
    }
    phone.wait_for("#paid").await?;
    assert_eq!(phone.text("#paid [data-field=due]").await?, "¥13.00", "18.00 without the coupon");
    phone.wait_for("#told:has-text('已确认')").await?;
    assert_eq!(phone.errors().await?, [""; 0]);
    phone.close().await?;

    console.wait_for(".story-amount [data-state=SUCCESS]").await?;
    console.wait_for(".notice-panel .chip.acknowledged").await?;
    console.click(".message.out summary").await?;
    console.wait_for(".message.out [data-verdict=right]").await?;
    screenshot(&mut console, "sandbox-console").await?;
    assert_eq!(console.loads().await?, 1, "it was never loaded again");
    assert_eq!(console.errors().await?, [""; 0]);
    assert_eq!(console.hosts().await?, ["127.0.0.1"]);
    assert!(console.seen(&[KEY]).await?.is_empty(), "the key came to the browser");
    console.close().await?;
    sandbox.stop().await;
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn the_console_says_what_is_wrong_with_a_signature() -> Outcome {
    let merchant = Merchant::new(MCH_ID, APPID, KEY, "扫码示例店")?;
    let sandbox = Sandbox::start(Config::new([merchant])).await?;
    let mut console = Browser::start(DESKTOP).await?;
    console.open(&format!("{}/#/messages", sandbox.base_url())).await?;
    order(&sandbox, str::to_lowercase).await?;
    console.click(".message summary:has-text('SIGNERROR')").await?;
    console.wait_for("[data-verdict=wrong]").await?;
    console.wait_for("[data-mistake=lower_case]").await?;
    screenshot(&mut console, "sandbox-console-wrong").await?;
    assert_eq!(console.errors().await?, [""; 0]);
    assert!(console.seen(&[KEY]).await?.is_empty(), "the key came to the browser");
    console.close().await?;
    sandbox.stop().await;
    Ok(())
}

/// Orders a coffee at the sandbox, with a signature that somebody may have changed, as a shop that
/// acknowledges its notification.
async fn order(sandbox: &Sandbox, change: impl Fn(&str) -> String) -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let notify_url = format!("http://{}/notify", listener.local_addr()?);
    let answer = || async { "<xml><return_code>SUCCESS</return_code></xml>" };
    let shop = Router::new().route("/notify", post(answer));
    tokio::spawn(async move { axum::serve(listener, shop).await });
    let mut fields = vec![
        Field::cdata("appid", APPID),
        Field::cdata("body", "扫码示例店-美式咖啡"),
        Field::cdata("mch_id", MCH_ID),
        Field::cdata("nonce_str", "5K8264ILTKCH16CQ"),
        Field::cdata("notify_url", notify_url),
        Field::cdata("out_trade_no", NUMBER),
        Field::cdata("spbill_create_ip", "127.0.0.1"),
        Field::cdata("total_fee", "1800"),
        Field::cdata("trade_type", "NATIVE"),
    ];
    let key = Key::new(KEY).ok_or("no key")?;
    let signature = sign::sign(fields.iter().map(Field::pair), &key, Algorithm::Md5);
    fields.push(Field::cdata("sign", change(&signature)));
    let url = format!("{}/pay/unifiedorder", sandbox.base_url());
    reqwest::Client::new().post(url).body(xml::write(&fields)).send().await?;
    Ok(())
}

/// Kept in `target/browser`, to look at.
async fn screenshot(
    browser: &mut Browser,
    name: &str,
) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.png"));
    browser.screenshot(&path).await?;
    Ok(path)
}
