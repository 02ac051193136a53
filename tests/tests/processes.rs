//! The real server program: killed, started again, and watched for secrets.
//!
//! The programs must be built before: `cargo build --workspace`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_core::sign::SignType;
use saoma_sandbox::{Merchant, Sandbox};
use saoma_tests::{Desk, Options, qr_texts};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use world::{APP_ID, KEY, MCH_ID, SHOP_KEY, Shop, WEBHOOK_SECRET};

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

#[tokio::test]
async fn a_kiosk_shows_a_code_that_can_be_scanned_and_ends_well_when_it_is_paid() {
    let (desk, shop) = desk_and_shop().await;
    let folder = tempfile::tempdir().unwrap();
    let (key, screens) = (folder.path().join("kiosk.key"), folder.path().join("screens"));
    std::fs::create_dir(&screens).unwrap();
    std::fs::write(&key, desk.shop_key()).unwrap();
    let mut command = Command::new(saoma_tests::binary("saoma-kiosk").unwrap());
    command.args(["--server", &desk.server_url(), "--once", "--device-key-file"]).arg(&key);
    command.arg("--display").arg(format!("png:{}", screens.display()));
    let mut kiosk = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(kiosk.stdout.take().unwrap()).lines();
    let shown = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the kiosk ended early");
            if line.starts_with("screen qr ") {
                return line;
            }
        }
    };
    let line = tokio::time::timeout(PATIENCE, shown).await.unwrap();
    let after = |word: &str| {
        let mut words = line.split(' ').skip_while(|w| *w != word).skip(1);
        words.next().unwrap().to_string()
    };
    let (code_url, picture) = (after("code_url"), screens.join(after("png")));
    assert_eq!(qr_texts(&picture).unwrap(), [code_url.as_str()]);

    desk.pay(&code_url).await.unwrap();
    let status = tokio::time::timeout(PATIENCE, kiosk.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    until(&desk, &after("order"), "shipped").await;
    assert_eq!(shop.calls().len(), 1);
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_that_the_server_writes_holds_a_secret() {
    let merchant = Merchant::new(MCH_ID, APP_ID, KEY, "扫码咖啡").unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let gateway = Sandbox::start(saoma_sandbox::Config::new([merchant])).await.unwrap();
    let shop = Shop::default();
    shop.share_secret(WEBHOOK_SECRET);
    let hosts = format!("gateway = \"{}\"", gateway.base_url());
    let config = world::server_config(SignType::HmacSha256, &hosts, &shop.start().await);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.toml"), config).unwrap();
    let log = folder.path().join("log");
    let mut command = Command::new(saoma_tests::binary("saoma-server").unwrap());
    command.arg("--config").arg(folder.path().join("server.toml")).env("RUST_LOG", "trace");
    command.stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap()).kill_on_drop(true);
    let mut server = command.spawn().unwrap();
    let mut ready = BufReader::new(server.stdout.take().unwrap()).lines();
    let ready = ready.next_line().await.unwrap().unwrap();
    let url = ready.strip_prefix("saoma-server ready on ").unwrap();

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "order_no": "A-1", "amount_fen": 1800, "description": "拿铁" });
    let request = http.post(format!("{url}/v1/orders")).bearer_auth(SHOP_KEY).json(&body);
    let created: Value = request.send().await.unwrap().json().await.unwrap();
    let token = created["token"].as_str().unwrap();
    let id = created["order_id"].as_str().unwrap();
    let number = format!("{id}-1");
    let forged =
        world::notice(&number, "another-key-of-32-characters-000", SignType::HmacSha256, &[]);
    http.post(format!("{url}/wx/v2/notify")).body(forged).send().await.unwrap();
    http.get(format!("{url}/v1/orders/{id}?token={token}")).send().await.unwrap();
    http.get(format!("{url}/v1/anomalies"))
        .bearer_auth("wrong-shop-key-0001")
        .send()
        .await
        .unwrap();
    let target = saoma_sandbox::Target::of_number(&number);
    gateway.pay(&target, saoma_sandbox::Tender::default()).unwrap();
    gateway.quiet().await;
    while shop.calls().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.kill().await.unwrap();

    let written = std::fs::read_to_string(&log).unwrap();
    assert!(written.contains(id), "the log was written and is about this order");
    let signatures: Vec<String> = gateway
        .messages()
        .iter()
        .filter_map(|message| message.request.split("<sign>").nth(1))
        .map(|rest| rest.replace("<![CDATA[", "").chars().take(32).collect())
        .collect();
    assert!(signatures.len() >= 2, "an order and a notification were signed");
    let secrets = [KEY, SHOP_KEY, WEBHOOK_SECRET, token].map(str::to_string);
    for secret in secrets.iter().chain(&signatures) {
        assert!(!written.contains(secret.as_str()), "a secret was written: {secret}");
    }
}
