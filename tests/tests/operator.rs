//! The operator's page in a real Chromium, with a server and the sandbox behind it: log in, look
//! at every page in both languages on a desk and on a phone, give money back, ask for a try. Each
//! page is looked at with axe; the pictures are kept in `target/browser`.
//!
//! Ignored by default, because it needs Node and Chromium: `cargo xtask test --only browser` sees
//! to both.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_sandbox::Tender;
use saoma_server::{OperatorConfig, Random, Secret, hash_password};
use saoma_tests::{Browser, Screen};
use serde_json::json;
use std::path::{Path, PathBuf};
use world::{KEY, SHOP_KEY, WEBHOOK_SECRET, World};

const DESKTOP: Screen =
    Screen { width: 1280, height: 860, scale: 1, is_phone: false, locale: "en-GB" };
const PHONE: Screen = Screen { width: 360, height: 760, scale: 1, is_phone: true, locale: "en-GB" };
const AGENT: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130 Mobile";
const PASSWORD: &str = "correct horse battery";

/// A day at the shop: orders that went well, one that nobody paid, one that was paid too late and
/// is held, and one whose shop does not answer. Gives the first one's id.
async fn day() -> (World, String) {
    let mut world = World::with_certificate("anomalies = \"hold\"").await;
    let hash = hash_password(PASSWORD, &Random::System).unwrap();
    let password_hash = Secret::new(hash);
    world.config.operators.push(OperatorConfig { name: "wang.min".to_owned(), password_hash });
    world.crash_server();
    world.start_server().await;
    let mut first = None;
    for order_no in ["A-1001", "A-1002", "A-1003"] {
        let order = world.order(order_no).await;
        world.pay(&order);
        world.until(&order.id, "shipped").await;
        world.advance(60);
        first = first.or(Some(order.id));
    }
    let late = world.order("A-1004").await;
    world.cancel(&late.id).await;
    world.pay_as(&late, Tender { force: true, ..Tender::default() });
    world.until(&late.id, "refunding").await;
    let open = world.order("A-1005").await;
    world.until(&open.id, "open").await;
    world.shop.fail_next(1_000);
    let stuck = world.order("A-1006").await;
    world.pay(&stuck);
    world.until(&stuck.id, "paid").await;
    (world, first.unwrap())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn an_operator_looks_after_a_day() {
    let (world, order_id) = day().await;
    let mut browser = Browser::start(DESKTOP).await.unwrap();
    log_in(&mut browser, world.base_url()).await;
    let order = format!("/orders/{order_id}");
    refund(&mut browser, &format!("{}/operator{order}", world.base_url())).await;
    for (device, screen, scheme) in
        [("desktop", DESKTOP, "light"), ("phone", PHONE, "light"), ("dark", PHONE, "dark")]
    {
        browser.hold(screen, AGENT).await.unwrap();
        browser.media(json!({ "colorScheme": scheme })).await.unwrap();
        for (lang, page) in ["zh-CN", "en"].into_iter().flat_map(|lang| {
            let pages = ["", "/orders", &order, "/anomalies", "/outbox", "/bills", "/settings"];
            pages.map(|page| (lang, page.to_owned()))
        }) {
            let to = format!("/operator{page}");
            let url = format!("{}/operator/language?lang={lang}&to={to}", world.base_url());
            browser.open(&url).await.unwrap();
            browser.wait_for(&format!("html[lang={lang}] main h1")).await.unwrap();
            // Figures that are counted for the first time come with the next look.
            if page.is_empty() {
                browser.wait_for(".charts").await.unwrap();
            }
            look(&mut browser, screen, &page, &format!("{device}-{lang}")).await;
        }
    }
    let secrets = [KEY, SHOP_KEY, WEBHOOK_SECRET, "argon2id"];
    assert_eq!(browser.seen(&secrets).await.unwrap(), [""; 0]);
    // The login that was refused is an answer that browsers report.
    let mut errors = browser.errors().await.unwrap();
    errors.retain(|error| !error.contains("401 (Unauthorized)"));
    assert_eq!(errors, [""; 0]);
    assert_eq!(browser.hosts().await.unwrap(), ["127.0.0.1"]);
    browser.close().await.unwrap();
}

/// Types into a field.
async fn fill(browser: &mut Browser, name: &str, text: &str) {
    let field = format!("document.querySelector('main [name={name}]:not([type=hidden])')");
    browser.evaluate(&format!("{field}.value = {}", json!(text))).await.unwrap();
}

async fn log_in(browser: &mut Browser, base_url: &str) {
    browser.open(&format!("{base_url}/operator/orders")).await.unwrap();
    look(browser, DESKTOP, "/login", "desktop-en").await;
    for (password, then) in [("wrong", "[role=alert]"), (PASSWORD, ".rows .row")] {
        fill(browser, "name", "wang.min").await;
        fill(browser, "password", password).await;
        browser.click("main form button").await.unwrap();
        browser.wait_for(then).await.unwrap();
    }
}

/// Gives five yuan back, with the amount typed again.
async fn refund(browser: &mut Browser, order: &str) {
    browser.open(order).await.unwrap();
    browser.click("details.confirm > summary").await.unwrap();
    fill(browser, "amount", "5.00").await;
    fill(browser, "reason", "顾客说点错了").await;
    browser.click("details.confirm form button").await.unwrap();
    browser.wait_for("[name=again]").await.unwrap();
    look(browser, DESKTOP, "/refund", "desktop-en").await;
    fill(browser, "again", "5").await;
    browser.click(".button.danger").await.unwrap();
    browser.wait_for(".notice").await.unwrap();
    assert!(browser.text("main").await.unwrap().contains("顾客说点错了"));
}

/// Nothing is wider than the screen, axe finds nothing, and a picture is kept.
async fn look(browser: &mut Browser, screen: Screen, page: &str, name: &str) {
    let parts: Vec<&str> = page.split('/').skip(1).collect();
    let page = match parts[..] {
        [] => "overview",
        ["orders", _] => "order",
        [page, ..] => page,
    };
    let name = format!("operator-{page}-{name}");
    let width = browser.evaluate("document.documentElement.scrollWidth").await.unwrap();
    assert!(width.as_u64().unwrap() <= u64::from(screen.width), "{name} is {width} wide");
    assert_eq!(browser.axe().await.unwrap(), [""; 0], "{name}");
    browser.picture(&picture(&name)).await.unwrap();
}

fn picture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}.png"))
}
