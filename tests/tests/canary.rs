//! Secrets that nobody else has, a server that writes everything down, every kind of request and
//! failure; and then none of the secrets is found in anything that came out.
//!
//! With `SAOMA_TEST_DATABASE=postgres` the server is on PostgreSQL, and the password of that is one
//! of the secrets. The programs must be built before: `cargo build --workspace`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "canary/office.rs"]
mod office;
#[expect(dead_code, reason = "each test file uses its own part of the rig")]
mod rig;
#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use rig::{PATIENCE, Rig};
use saoma_core::sign::SignType;
use saoma_sandbox::sign::Key;
use saoma_sandbox::{Fault, FaultName, FaultRule, SettingsChange, Target, Tender};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use world::{KEY, SHOP_KEY, WEBHOOK_SECRET};

const METRICS_TOKEN: &str = "canary-metrics-token-01";
const NEXT_KEY: &str = "CanaryMerchantKey000000000000043";
const DATABASE_PASSWORD: &str = "canary-database-password-01";

/// Everything that the server has said, and who has asked.
struct Ears {
    rig: Rig,
    heard: Mutex<String>,
}

impl Ears {
    fn hear(&self, text: &str) {
        let mut heard = self.heard.lock().unwrap();
        heard.push_str(text);
        heard.push('\n');
    }

    /// Sends a request and keeps the answer, head and body.
    async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        self.listen(request.send().await.unwrap()).await
    }

    async fn listen(&self, response: reqwest::Response) -> (u16, String) {
        let status = response.status().as_u16();
        let head = format!("{status} {:?}", response.headers());
        let body = response.text().await.unwrap();
        self.hear(&head);
        self.hear(&body);
        (status, body)
    }

    async fn get(&self, path: &str, bearer: &str) -> (u16, String) {
        let request = self.rig.http.get(format!("{}{path}", self.rig.url));
        self.ask(if bearer.is_empty() { request } else { request.bearer_auth(bearer) }).await
    }

    async fn post(
        &self,
        path: &str,
        bearer: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, String) {
        let request = self.rig.http.post(format!("{}{path}", self.rig.url)).body(body);
        self.ask(if bearer.is_empty() { request } else { request.bearer_auth(bearer) }).await
    }

    /// Makes an order; its id and its token, which its maker alone is told.
    async fn order(&self, order_no: &str) -> (String, String) {
        let body = json!({ "order_no": order_no, "amount_fen": 1800, "description": "拿铁" });
        let url = format!("{}/v1/orders", self.rig.url);
        let request = self.rig.http.post(url).bearer_auth(SHOP_KEY).json(&body);
        let created: Value = request.send().await.unwrap().json().await.unwrap();
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        (text("order_id"), text("token"))
    }

    async fn until(&self, id: &str, phase: &str) {
        let path = format!("/v1/orders/{id}");
        let seen = async {
            while !self.get(&path, SHOP_KEY).await.1.contains(&format!("\"phase\":\"{phase}\"")) {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("never {phase}"));
    }
}

/// Requests of every kind, good and bad.
async fn everything(ears: &Ears) -> Vec<String> {
    let (id, token) = ears.order("C-1").await;
    let (other, other_token) = ears.order("C-2").await;
    let path = format!("/v1/orders/{id}");
    ears.get(&path, &token).await;
    ears.get(&format!("{path}?token={token}"), "").await;
    ears.get(&format!("{path}?token={SHOP_KEY}"), "").await;
    ears.get(&format!("{path}/events?token={other_token}"), "").await;
    ears.get("/no/such/path", SHOP_KEY).await;
    ears.get(&format!("/{SHOP_KEY}?key={KEY}"), "").await;
    for body in ["{", "[]", "{\"order_no\":7}", "{\"token\":\"x\"}"] {
        ears.post("/v1/orders", SHOP_KEY, body).await;
    }
    ears.post("/v1/orders", SHOP_KEY, "x".repeat(9_000)).await;
    ears.post("/v1/orders", "canary-shop-key-0002", "{}").await;
    for forged in ["another-key-of-32-characters-000", KEY] {
        let notice = world::notice(&format!("{id}-1"), forged, SignType::Md5, &[]);
        ears.post("/wx/v2/notify", "", notice).await;
    }
    ears.post("/wx/v2/notify", "", "not XML").await;
    ears.post("/wx/v2/notify", "", "x".repeat(20_000)).await;
    ears.post("/wx/v2/refund-notify", "", "<xml><req_info>x</req_info></xml>").await;
    for open in ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/page.js"] {
        ears.get(open, "").await;
    }
    ears.get("/metrics", "canary-metrics-token-02").await;
    ears.get("/v1/bills/2026-11-23", SHOP_KEY).await;

    ears.until(&id, "open").await;
    ears.rig.sandbox.pay(&Target::of_number(format!("{id}-1")), Tender::default()).unwrap();
    ears.until(&id, "shipped").await;
    let refund = json!({ "refund_no": "R-1", "amount_fen": 100, "reason": "x" }).to_string();
    ears.post(&format!("{path}/refunds"), SHOP_KEY, refund).await;
    ears.get(&format!("{path}/refunds"), SHOP_KEY).await;
    ears.post(&format!("/v1/orders/{other}/cancel"), &other_token, "").await;
    let other = Target::of_number(format!("{other}-1"));
    let _ = ears.rig.sandbox.pay(&other, Tender { force: true, ..Tender::default() });
    ears.get("/v1/anomalies", SHOP_KEY).await;
    let mut told = office::visit(ears, &id).await;
    told.extend([token, other_token]);
    told
}

/// What goes wrong on the way: a gateway that answers nonsense, a shop that says no, a crash.
async fn failures(ears: &Ears) -> Vec<String> {
    ears.rig.shop.fail_next(2);
    for fault in [FaultName::Garbage, FaultName::HtmlPage, FaultName::AnswerWrongSign] {
        ears.rig.sandbox.add_fault(FaultRule::next(Fault::new(fault))).unwrap();
    }
    let (id, token) = ears.order("C-3").await;
    ears.until(&id, "open").await;
    ears.rig.kill().await;
    let paid = Tender { notify: false, ..Tender::default() };
    ears.rig.sandbox.pay(&Target::of_number(format!("{id}-1")), paid).unwrap();
    // From here on the key changes: first the server has both, then WeChat has the new one, and
    // then one that nobody here has.
    ears.rig.start_server_with(&[("SAOMA_MERCHANT_NEXT_KEY", NEXT_KEY)]).await;
    let set_key = |key: &str| {
        let change = SettingsChange { key: Key::new(key), ..SettingsChange::default() };
        ears.rig.sandbox.change_settings(None, &change).unwrap();
    };
    set_key(NEXT_KEY);
    ears.until(&id, "shipped").await;
    set_key("CanaryMerchantKey000000000000044");
    let (_, other_token) = ears.order("C-4").await;
    vec![token, other_token]
}

/// A device's key, which the command line tells once.
async fn device(ears: &Ears) -> String {
    let mut command = ears.rig.program();
    command.args(["key", "add", "--shop", "shop", "--name", "till-1", "--device"]);
    let output = command.output().await.unwrap();
    ears.hear(&String::from_utf8_lossy(&output.stderr));
    let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(output.status.success() && key.len() > 20, "a key was made");
    let body = json!({ "order_no": "D-1", "amount_fen": 1, "description": "x" }).to_string();
    let made = async {
        // The server learns of it within seconds.
        while ears.post("/v1/orders", &key, body.clone()).await.0 == 401 {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, made).await.expect("the key opens");
    ears.get("/v1/anomalies", &key).await;
    key
}

/// What the command line says, also about a configuration that is wrong.
async fn commands(ears: &Ears) {
    let names = ["SAOMA_MERCHANT_KEY", "SAOMA_MERCHANT_NEXT_KEY", "SAOMA_SHOP_WEBHOOK_SECRET"];
    for wrong in [None].into_iter().chain(names.map(Some)) {
        let mut command = ears.rig.program();
        command.arg("check");
        if let Some(name) = wrong {
            command.env(name, "canary-too-short");
        }
        let output = command.output().await.unwrap();
        ears.hear(&String::from_utf8_lossy(&output.stdout));
        ears.hear(&String::from_utf8_lossy(&output.stderr));
    }
    // Databases that are not there, and one that is no database.
    for wrong in ["postgres://saoma:{}@127.0.0.1:1/saoma", "postgres://saoma:{}@/x?{}", "{}"] {
        let url = wrong.replace("{}", DATABASE_PASSWORD);
        for arguments in [&["check"][..], &[]] {
            let mut command = ears.rig.program();
            let output = command.args(arguments).env("SAOMA_DATABASE", &url).output().await;
            let output = output.unwrap();
            assert!(!output.status.success(), "{wrong} {arguments:?}");
            ears.hear(&String::from_utf8_lossy(&output.stdout));
            ears.hear(&String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// Where the server keeps its orders. PostgreSQL asks nobody for a password here; the server has
/// one all the same.
fn database() -> String {
    let chosen = saoma_postgres::chosen().unwrap();
    chosen.map_or("sqlite:saoma.db".to_owned(), |url| {
        let with_password = url.replacen("postgres@", &format!("postgres:{DATABASE_PASSWORD}@"), 1);
        assert_ne!(with_password, url);
        with_password
    })
}

/// The signatures of what the server has sent: whoever has one can send the message again.
fn signatures(rig: &Rig) -> Vec<String> {
    let messages = rig.sandbox.messages();
    let signed = messages.iter().filter_map(|message| message.request.split("<sign>").nth(1));
    signed.map(|rest| rest.replace("<![CDATA[", "").chars().take(32).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_server_says_holds_a_secret() {
    let (hash, operator) = office::operator();
    let more = format!("metrics_token = \"{METRICS_TOKEN}\"\n{operator}");
    let rig = Rig::start(&database(), &more, "trace", 0).await;
    let ears = Ears { rig, heard: Mutex::default() };
    let mut tokens = everything(&ears).await;
    tokens.push(device(&ears).await);
    tokens.extend(failures(&ears).await);
    commands(&ears).await;
    let (status, _) = ears.get("/metrics", METRICS_TOKEN).await;
    assert_eq!(status, 200);
    ears.rig.ask_to_stop().await;
    assert_eq!(ears.rig.ended().await.code(), Some(0));

    let log = ears.rig.log();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
        if line["message"] == "order" {
            assert!(line["order_id"].is_string(), "{line}");
        }
    }
    assert!(log.contains("\"level\":\"DEBUG\""), "everything was to be written");
    let heard = ears.heard.lock().unwrap().clone();
    for text in [&log, &heard] {
        // What is looked for would be found.
        assert!(text.contains("R-1") || text.contains("202"), "orders were spoken of");
    }
    let said = format!("{log}\n{heard}");
    let fixed = [KEY, NEXT_KEY, SHOP_KEY, WEBHOOK_SECRET, METRICS_TOKEN, DATABASE_PASSWORD, &hash];
    let typed = ["canary-too-short", "canary-shop-key-0002"];
    let mut secrets: Vec<String> = fixed.iter().chain(&typed).map(ToString::to_string).collect();
    let signed = signatures(&ears.rig);
    assert!(signed.len() > 4, "orders, queries and notifications were signed");
    secrets.extend(signed);
    secrets.extend(tokens);
    let around = |at: usize| said.get(at.saturating_sub(300)..at).unwrap_or_default();
    let found = secrets.iter().filter_map(|secret| Some((secret, around(said.find(secret)?))));
    let found: Vec<_> = found.collect();
    assert!(found.is_empty(), "said, each after what stands beside it: {found:#?}");
    println!("{} secrets, none of them in {} bytes", secrets.len(), said.len());
}
