//! The merchant changes its key while orders are paid and refunds are under way: by the book
//! nothing is missed, and otherwise nothing is ended before the server has the key.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_core::sign::{ApiKey, SignType};
use saoma_sandbox::sign::Key;
use saoma_sandbox::{SettingsChange, Tender};
use serde_json::{Value, json};
use world::{KEY, Order, World, notice};

const NEW_KEY: &str = "CanaryMerchantKey000000000000043";
const THIRD_KEY: &str = "CanaryMerchantKey000000000000044";
const HMAC: SignType = SignType::HmacSha256;

/// The server is started again with these keys.
async fn restart_with(world: &mut World, key: &str, next_key: Option<&str>) {
    world.crash_server();
    let merchant = &mut world.config.merchants[0];
    merchant.key = ApiKey::new(key).unwrap();
    merchant.next_key = next_key.map(|key| ApiKey::new(key).unwrap());
    world.start_server().await;
}

/// The merchant sets a new key on WeChat's platform.
fn set_key(world: &World, key: &str) {
    let change = SettingsChange { key: Key::new(key), ..SettingsChange::default() };
    world.sandbox.change_settings(None, &change).unwrap();
}

/// Waits, with time going by, until the customer sees this phase.
async fn until(world: &World, order: &Order, phase: &str) {
    world.pass(4_000, 10, async || world.view(&order.id).await["phase"] == phase).await;
}

async fn refund(world: &World, order: &Order, refund_no: &str) {
    let (status, told) = world.refund(&order.id, refund_no, 100).await;
    assert_eq!(status, 201, "{told}");
}

async fn refund_is_done(world: &World, order: &Order, refund_no: &str) {
    let is_done = async || {
        let refunds = world.refunds(&order.id).await;
        let refund = refunds.into_iter().find(|it| it["refund_no"] == refund_no).unwrap();
        assert_ne!(refund["state"], "failed", "{refund}");
        refund["state"] == "done"
    };
    world.pass(4_000, 10, is_done).await;
}

/// How often the gateway has refused a signature.
fn signatures_refused(world: &World) -> usize {
    world.sandbox.messages().iter().filter(|it| it.code == Some("SIGNERROR")).count()
}

async fn paid(world: &World, order_no: &str) -> Order {
    let order = world.order(order_no).await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
    order
}

#[tokio::test]
async fn by_the_book_nothing_is_missed() {
    let mut world = World::with_certificate("").await;
    let before = paid(&world, "A-1").await;
    let untold = world.order("A-2").await;
    restart_with(&mut world, KEY, Some(NEW_KEY)).await;
    // The server listens at another port after each start, and is told of later orders only.
    let told = world.order("A-3").await;
    refund(&world, &before, "R-1").await;
    assert_eq!(signatures_refused(&world), 0);

    set_key(&world, NEW_KEY);
    // Told by a message that the new key signs; and found by a query that it has to sign.
    world.pay(&told);
    world.until(&told.id, "shipped").await;
    world.pay_as(&untold, Tender { notify: false, ..Tender::default() });
    until(&world, &untold, "shipped").await;
    refund_is_done(&world, &before, "R-1").await;
    let after = paid(&world, "A-4").await;
    refund(&world, &after, "R-2").await;
    refund_is_done(&world, &after, "R-2").await;
    assert!(signatures_refused(&world) > 0, "the old key was tried");
    // What was signed before is under way for a day.
    let late = world.order("A-5").await;
    assert!(world.notify(notice(&late.number, THIRD_KEY, HMAC, &[])).await.contains("FAIL"));
    world.stays(&late.id, "open").await;
    assert!(world.notify(notice(&late.number, KEY, HMAC, &[])).await.contains("SUCCESS"));
    world.until(&late.id, "shipped").await;

    restart_with(&mut world, NEW_KEY, None).await;
    let refused = signatures_refused(&world);
    let last = world.order("A-6").await;
    assert!(world.notify(notice(&last.number, KEY, HMAC, &[])).await.contains("FAIL"));
    world.pay(&last);
    world.until(&last.id, "shipped").await;
    assert_eq!(signatures_refused(&world), refused);
    assert_eq!(world.anomalies().await, Vec::<Value>::new());
    let shipped: std::collections::BTreeSet<String> =
        world.shop.calls().iter().map(|call| call["order_id"].to_string()).collect();
    assert_eq!((shipped.len(), world.shop.calls().len()), (6, 6), "each once");
}

#[tokio::test]
async fn without_the_new_key_nothing_is_ended_and_with_it_everything_comes_right() {
    let mut world = World::with_certificate("").await;
    let before = paid(&world, "A-1").await;
    let open = world.order("A-2").await;
    let given_up = world.order("A-3").await;
    set_key(&world, NEW_KEY);

    // A notification that cannot be verified, a refund, a close and an order that are refused.
    world.pay(&open);
    refund(&world, &before, "R-1").await;
    assert_eq!(world.cancel(&given_up.id).await.0, 200);
    let body = json!({ "order_no": "A-4", "amount_fen": 1800, "description": "拿铁" });
    let (status, placing) = world.create(&body).await;
    assert_eq!((status, &placing["view"]["phase"]), (201, &json!("placing")), "{placing}");
    let placing = placing["order_id"].as_str().unwrap().to_owned();
    let is_told = async || {
        let refund = world.refunds(&before.id).await.remove(0);
        assert_ne!(refund["state"], "failed", "{refund}");
        refund["trouble"].as_str().is_some_and(|it| it.contains("merchant platform"))
    };
    world.pass(300, 10, is_told).await;
    assert_eq!(world.view(&open.id).await["phase"], "open");
    assert_eq!(world.view(&placing).await["phase"], "placing");
    assert_eq!(world.view(&given_up.id).await["phase"], "closing");
    let metrics = world.metrics().await;
    assert!(metrics.contains("call=\"refundquery\",code=\"SIGNERROR\""), "{metrics}");
    assert!(!metrics.contains("refusals_total{reason=\"sign_mismatch\"} 0"), "{metrics}");

    restart_with(&mut world, NEW_KEY, None).await;
    until(&world, &open, "shipped").await;
    refund_is_done(&world, &before, "R-1").await;
    assert_eq!(world.refunds(&before.id).await[0]["trouble"], Value::Null);
    until(&world, &given_up, "cancelled").await;
    let number = format!("{placing}-1");
    let placing = Order { id: placing, number };
    until(&world, &placing, "open").await;
    // Its notification goes to the port of before, so it is found by a query.
    world.pay(&placing);
    until(&world, &placing, "shipped").await;
    assert_eq!(world.anomalies().await, Vec::<Value>::new());
}
