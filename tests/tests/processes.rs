//! The real server program: killed and started again.
//!
//! The programs must be built before: `cargo build --workspace`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_tests::{Desk, Options};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use world::Shop;

const PATIENCE: Duration = Duration::from_secs(60);

async fn desk_and_shop() -> (Desk, Shop) {
    let shop = Shop::default();
    let webhook = shop.start().await;
    let options = Options { shop: saoma_tests::Shop::Webhook(webhook), ..Options::default() };
    let desk = Desk::start(options).await.unwrap();
    shop.share_secret(desk.webhook_secret());
    (desk, shop)
}

async fn order(desk: &Desk, order_no: &str) -> (String, String) {
    let body = json!({ "order_no": order_no, "amount_fen": 1800, "description": "拿铁" });
    let created = desk.server_post("/v1/orders", &body).await.unwrap();
    let id = created["order_id"].as_str().unwrap().to_string();
    let view = until(desk, &id, "open").await;
    (id, view["code_url"].as_str().unwrap().to_string())
}

async fn until(desk: &Desk, id: &str, phase: &str) -> Value {
    let seen = async {
        loop {
            let view = desk.server_get(&format!("/v1/orders/{id}")).await.unwrap();
            if view["phase"] == phase {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("never {phase}"))
}

async fn sandbox(desk: &Desk, path: &str, body: &Value) {
    let request = desk.http().post(format!("{}/control/{path}", desk.sandbox_url()));
    let response = request.json(body).send().await.unwrap();
    assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
}

#[tokio::test]
async fn a_server_killed_between_payment_and_notification_settles_after_its_restart() {
    let (mut desk, shop) = desk_and_shop().await;
    let (id, code_url) = order(&desk, "A-1").await;
    sandbox(&desk, "pay", &json!({ "code_url": code_url, "notify": false })).await;
    desk.crash_server().await.unwrap();
    let again = json!({ "out_trade_no": format!("{id}-1"), "times": 8 });
    sandbox(&desk, "notify", &again).await;
    until(&desk, &id, "shipped").await;

    let ships = desk.texts("select order_id from outbox where kind = 'ship'").await.unwrap();
    assert_eq!(ships, [id], "shipped for exactly once");
    let told: BTreeSet<String> = shop.calls().iter().map(|c| c["ship_id"].to_string()).collect();
    assert_eq!(told.len(), 1);
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn whatever_moment_the_server_is_killed_at_every_payment_ships_once() {
    let (mut desk, shop) = desk_and_shop().await;
    let mut paid = Vec::new();
    for delay_ms in [0, 1, 3, 7, 15, 40] {
        let (id, code_url) = order(&desk, &format!("A-{delay_ms}")).await;
        sandbox(&desk, "pay", &json!({ "code_url": code_url })).await;
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        desk.crash_server().await.unwrap();
        paid.push(id);
    }
    // Notifications that met a dead server are due again after fifteen seconds.
    sandbox(&desk, "time", &json!({ "advance_s": 20 })).await;
    for id in &paid {
        until(&desk, id, "shipped").await;
    }
    let told: BTreeSet<String> =
        shop.calls().iter().filter_map(|call| Some(call["order_id"].as_str()?.into())).collect();
    assert_eq!(told, paid.into_iter().collect::<BTreeSet<_>>());
    let anomalies = desk.server_get("/v1/anomalies").await.unwrap();
    assert_eq!(anomalies["anomalies"], json!([]));
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn whatever_moment_the_server_is_killed_at_what_may_not_be_kept_goes_back_once() {
    let (mut desk, shop) = desk_and_shop().await;
    let mut paid = Vec::new();
    for delay_ms in [0, 2, 5, 10, 20, 60] {
        let (id, code_url) = order(&desk, &format!("A-{delay_ms}")).await;
        desk.server_post(&format!("/v1/orders/{id}/cancel"), &json!({})).await.unwrap();
        sandbox(&desk, "pay", &json!({ "code_url": code_url })).await;
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        desk.crash_server().await.unwrap();
        paid.push(id);
    }
    // Notifications that met a dead server are due again after fifteen seconds.
    sandbox(&desk, "time", &json!({ "advance_s": 20 })).await;
    for id in &paid {
        until(&desk, id, "refunded").await;
        let orders = desk.http().get(format!("{}/control/orders", desk.sandbox_url()));
        let orders: Value = orders.send().await.unwrap().json().await.unwrap();
        let is_it = |order: &&Value| order["out_trade_no"] == format!("{id}-1");
        let order = orders["orders"].as_array().unwrap().iter().find(is_it).unwrap();
        let refunds = order["payments"][0]["refunds"].as_array().unwrap();
        assert_eq!(refunds.len(), 1, "{order}");
        assert_eq!(refunds[0]["out_refund_no"], format!("{id}-R1"));
        assert_eq!(refunds[0]["refund_fee"], 1800);
    }
    assert!(shop.calls().is_empty());
    desk.stop().await.unwrap();
}
