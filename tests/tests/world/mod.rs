//! Sandbox and server in this process, on one clock that stands until a test moves it, and a shop
//! that takes the webhook. With `SAOMA_TEST_DATABASE=postgres` the server is on PostgreSQL.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::xml::{Draft, Text};
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::{Merchant, Sandbox, Target, Tender};
use saoma_server::{Clock, Config, Database, ManualClock, Random, Secret, Server};
use serde_json::{Value, json};
use sha2::Sha256;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const MCH_ID: &str = "1900000109";
pub(crate) const APP_ID: &str = "wx5a0mademeup0001";
pub(crate) const KEY: &str = "CanaryMerchantKey000000000000042";
pub(crate) const SHOP_KEY: &str = "canary-shop-key-0001";
pub(crate) const WEBHOOK_SECRET: &str = "canary-webhook-secret-01";
/// Where both clocks start: 2026-11-24 03:26:00 in Beijing.
const START: u64 = 1_795_461_960;
/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to watch that something does **not** happen.
const STILL: Duration = Duration::from_millis(300);

/// What the shop was told: each verified webhook call, in order.
#[derive(Clone, Default)]
pub(crate) struct Shop {
    secret: Arc<Mutex<String>>,
    calls: Arc<Mutex<Vec<Value>>>,
    /// How many calls to answer with an error first.
    failures: Arc<Mutex<u32>>,
}

impl Shop {
    /// Everything told so far.
    pub(crate) fn calls(&self) -> Vec<Value> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers the next calls with an error.
    pub(crate) fn fail_next(&self, calls: u32) {
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner) = calls;
    }

    /// The secret that the webhook is signed with.
    pub(crate) fn share_secret(&self, secret: &str) {
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = secret.to_string();
    }

    /// Listens on a free port and gives the webhook's address.
    pub(crate) async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hook = axum::routing::post(hook);
        let app = axum::Router::new().route("/webhook", hook).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}/webhook")
    }
}

/// The shop's side of docs/api.md §5, written from that page alone.
async fn hook(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_string();
    let signature = header("saoma-signature");
    let (time, digits) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let secret = shop.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(format!("{time}.")).chain_update(&body).finalize();
    let expected: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digits, expected, "the webhook's signature");
    let call: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(header("idempotency-key"), call["ship_id"].as_str().unwrap());
    let mut failures = shop.failures.lock().unwrap_or_else(PoisonError::into_inner);
    shop.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    if *failures == 0 {
        return StatusCode::OK;
    }
    *failures -= 1;
    StatusCode::INTERNAL_SERVER_ERROR
}

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) shop: Shop,
    server: Option<Server>,
    pub(crate) config: Config,
    pub(crate) clock: ManualClock,
    seed: u64,
    http: reqwest::Client,
    folder: TempDir,
    /// Where PostgreSQL is, if the server is on it.
    postgres: Option<String>,
}

impl World {
    /// A world whose merchant signs with HMAC-SHA256.
    pub(crate) async fn start() -> Self {
        Self::with(SignType::HmacSha256, "").await
    }

    /// A world whose merchant calls over TLS and shows its certificate, so that it can give money
    /// back; `lines` stand in its section.
    pub(crate) async fn with_certificate(lines: &str) -> Self {
        let database = saoma_postgres::chosen().unwrap();
        Self::build(database, SignType::HmacSha256, |sandbox, folder| {
            let ours = sandbox.client_certificate(MCH_ID).unwrap();
            std::fs::write(folder.join("ca.pem"), sandbox.ca_pem()).unwrap();
            std::fs::write(folder.join("apiclient_cert.p12"), &ours.p12).unwrap();
            let url = sandbox.https_url();
            format!(
                "gateway = \"{url}\"\nroot_certificate_file = \"ca.pem\"\n\
                 certificate_file = \"apiclient_cert.p12\"\n{lines}"
            )
        })
        .await
    }

    /// A world; `gateway` is a host to be called before the sandbox.
    pub(crate) async fn with(sign_type: SignType, gateway: &str) -> Self {
        let database = saoma_postgres::chosen().unwrap();
        Self::build(database, sign_type, |sandbox, _| match gateway {
            "" => format!("gateway = \"{}\"", sandbox.base_url()),
            main => format!("gateway = [\"{main}\", \"{}\"]", sandbox.base_url()),
        })
        .await
    }

    /// A world on PostgreSQL, for more than one server.
    pub(crate) async fn on_postgres() -> Self {
        let url = saoma_postgres::Cluster::shared().unwrap().database().unwrap();
        let lines = |sandbox: &Sandbox, _: &Path| format!("gateway = \"{}\"", sandbox.base_url());
        Self::build(Some(url), SignType::HmacSha256, lines).await
    }

    /// A world; `lines` gives those about the gateway.
    async fn build(
        database: Option<String>,
        sign_type: SignType,
        lines: impl FnOnce(&Sandbox, &Path) -> String,
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let merchant = Merchant::new(MCH_ID, APP_ID, KEY, "扫码咖啡").unwrap();
        let mut desk = saoma_sandbox::Config::new([merchant]);
        desk.clock = ClockKind::Standing(saoma_sandbox::time::UnixTime(START.cast_signed()));
        let sandbox = Sandbox::start(desk).await.unwrap();
        let shop = Shop::default();
        shop.share_secret(WEBHOOK_SECRET);
        let webhook = shop.start().await;
        let folder = tempfile::tempdir().unwrap();
        let hosts = lines(&sandbox, folder.path());
        let text = server_config(sign_type, &hosts, &webhook);
        let config = Config::parse(&text, folder.path(), &saoma_server::Env::default());
        let mut config = config.unwrap();
        if let Some(url) = &database {
            config.database = Database::Postgres(Secret::new(url.clone()));
        }
        let clock = ManualClock::new(saoma_core::time::UnixTime::new(START).unwrap());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (server, seed) = (None, 1);
        let postgres = database;
        let mut world = Self { sandbox, shop, server, config, clock, seed, http, folder, postgres };
        world.start_server().await;
        world
    }

    pub(crate) async fn start_server(&mut self) {
        self.seed += 1;
        let clock = Clock::Manual(self.clock.clone());
        let server = Server::start(self.config.clone(), clock, Random::seeded(self.seed)).await;
        self.server = Some(server.unwrap());
    }

    /// The server is gone in the middle of whatever it did.
    pub(crate) fn crash_server(&mut self) {
        self.server = None;
    }

    /// Another server on the same database, which must be PostgreSQL.
    pub(crate) async fn another_server(&mut self) -> Server {
        self.seed += 1;
        let clock = Clock::Manual(self.clock.clone());
        Server::start(self.config.clone(), clock, Random::seeded(self.seed)).await.unwrap()
    }

    /// The server loses its database and begins with an empty one.
    pub(crate) async fn forget(&mut self) {
        self.crash_server();
        if let Some(url) = saoma_postgres::chosen().unwrap() {
            self.config.database = Database::Postgres(Secret::new(url.clone()));
            self.postgres = Some(url);
        }
        for file in std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap) {
            if file.file_name().to_string_lossy().starts_with("saoma.db") {
                std::fs::remove_file(file.path()).unwrap();
            }
        }
        self.start_server().await;
    }

    pub(crate) fn base_url(&self) -> &str {
        self.server.as_ref().unwrap().base_url()
    }

    /// Moves both clocks.
    pub(crate) fn advance(&self, seconds: u32) {
        self.sandbox.advance(i64::from(seconds)).unwrap();
        self.clock.advance(u64::from(seconds));
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.bearer_auth(SHOP_KEY).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    /// Makes an order of 18.00 yuan that may be paid for a quarter of an hour, and gives its id
    /// once it has a code.
    pub(crate) async fn order(&self, order_no: &str) -> Order {
        self.order_of(order_no, "拿铁").await
    }

    /// The same of goods with this name.
    pub(crate) async fn order_of(&self, order_no: &str, name: &str) -> Order {
        let body = json!({ "order_no": order_no, "amount_fen": 1800, "description": name });
        let (status, created) = self.create(&body).await;
        assert_eq!(status, 201, "{created}");
        let id = created["order_id"].as_str().unwrap().to_string();
        self.until(&id, "open").await;
        Order { number: format!("{id}-1"), id }
    }

    /// Asks for an order.
    pub(crate) async fn create(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}/v1/orders", self.base_url());
        self.call(self.http.post(url).json(body)).await
    }

    /// What the server counts.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.base_url());
        self.http.get(url).send().await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn view(&self, id: &str) -> Value {
        let url = format!("{}/v1/orders/{id}", self.base_url());
        self.call(self.http.get(url)).await.1
    }

    /// Follows an order.
    pub(crate) async fn follow(&self, id: &str) -> Stream {
        let url = format!("{}/v1/orders/{id}/events", self.base_url());
        let response = self.http.get(url).bearer_auth(SHOP_KEY).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Stream { response, text: String::new() }
    }

    pub(crate) async fn cancel(&self, id: &str) -> (u16, Value) {
        let url = format!("{}/v1/orders/{id}/cancel", self.base_url());
        self.call(self.http.post(url)).await
    }

    /// Asks for a refund.
    pub(crate) async fn refund(&self, id: &str, refund_no: &str, fen: u64) -> (u16, Value) {
        let url = format!("{}/v1/orders/{id}/refunds", self.base_url());
        let body = json!({ "refund_no": refund_no, "amount_fen": fen, "reason": "少一杯" });
        self.call(self.http.post(url).json(&body)).await
    }

    /// What `GET /v1/orders/{id}/refunds` tells.
    pub(crate) async fn refunds(&self, id: &str) -> Vec<Value> {
        let url = format!("{}/v1/orders/{id}/refunds", self.base_url());
        let (_, mut told) = self.call(self.http.get(url)).await;
        told["refunds"].as_array_mut().unwrap().drain(..).collect()
    }

    /// An order's history as it is stored: kind, name, text.
    pub(crate) async fn history(&self, id: &str) -> Vec<(String, String, String)> {
        let sql = "select kind, name, text from history where order_id = $1 order by id";
        if let Some(url) = &self.postgres {
            let pool = sqlx::PgPool::connect(url).await.unwrap();
            return sqlx::query_as(sql).bind(id).fetch_all(&pool).await.unwrap();
        }
        let file = self.folder.path().join("saoma.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).read_only(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let lines = sqlx::query_as(sql).bind(id).fetch_all(&pool).await.unwrap();
        pool.close().await;
        lines
    }

    /// Lets time go by, second by second, until `done` says so: whatever is to be asked at some
    /// later time is asked then.
    pub(crate) async fn pass(&self, seconds: u32, step: u32, mut done: impl AsyncFnMut() -> bool) {
        let mut passed = 0;
        while !done().await {
            assert!(passed < seconds, "nothing came of {seconds} seconds");
            self.advance(step);
            passed += step;
            tokio::time::timeout(PATIENCE, self.sandbox.quiet()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// What `GET /v1/anomalies` tells, without the time.
    pub(crate) async fn anomalies(&self) -> Vec<Value> {
        let url = format!("{}/v1/anomalies", self.base_url());
        let (_, mut told) = self.call(self.http.get(url)).await;
        told["anomalies"].as_array_mut().unwrap().drain(..).collect()
    }

    /// Waits until the customer sees this phase.
    pub(crate) async fn until(&self, id: &str, phase: &str) -> Value {
        let mut last = Value::Null;
        let seen = async {
            loop {
                last = self.view(id).await;
                if last["phase"] == phase {
                    return last.clone();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, seen).await {
            Ok(view) => view,
            Err(_) => panic!("{id} never became {phase}: {:?}", self.view(id).await),
        }
    }

    /// Waits for whatever is under way, then checks that the phase is still this one.
    pub(crate) async fn stays(&self, id: &str, phase: &str) {
        tokio::time::timeout(PATIENCE, self.sandbox.quiet()).await.unwrap();
        tokio::time::sleep(STILL).await;
        assert_eq!(self.view(id).await["phase"], phase);
    }

    /// The customer pays what the phone shows.
    pub(crate) fn pay(&self, order: &Order) -> String {
        self.pay_as(order, Tender::default())
    }

    pub(crate) fn pay_as(&self, order: &Order, tender: Tender) -> String {
        self.sandbox.pay(&Target::of_number(&order.number), tender).unwrap().transaction_id
    }

    /// Posts a notification and gives the body of the answer.
    pub(crate) async fn notify(&self, xml: impl Into<reqwest::Body>) -> String {
        self.notify_at(self.base_url(), xml).await
    }

    /// The same at a server of this address.
    pub(crate) async fn notify_at(&self, base: &str, xml: impl Into<reqwest::Body>) -> String {
        let url = format!("{base}/wx/v2/notify");
        self.http.post(url).body(xml).send().await.unwrap().text().await.unwrap()
    }

    /// The same about a refund.
    pub(crate) async fn notify_refund(&self, xml: impl Into<reqwest::Body>) -> String {
        let url = format!("{}/wx/v2/refund-notify", self.base_url());
        self.http.post(url).body(xml).send().await.unwrap().text().await.unwrap()
    }
}

/// The events of an order that is followed.
pub(crate) struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    /// The next view.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                let view = data.map(|data| serde_json::from_str(data).unwrap());
                self.text = rest.to_owned();
                if let Some(view) = view {
                    return view;
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.unwrap();
            let chunk = chunk.unwrap().expect("the stream goes on until the end was told");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    /// Its first `out_trade_no`.
    pub(crate) number: String,
}

/// The configuration of a server with these gateway lines.
pub(crate) fn server_config(sign_type: SignType, hosts: &str, webhook: &str) -> String {
    format!(
        "listen = \"127.0.0.1:0\"\ndatabase = \"sqlite:saoma.db\"\n\
         [merchant]\nname = \"扫码咖啡\"\nmch_id = \"{MCH_ID}\"\napp_id = \"{APP_ID}\"\n\
         key = \"{KEY}\"\nsign_type = \"{}\"\n{hosts}\n\
         [shop]\nkeys = [\"{SHOP_KEY}\"]\nwebhook_url = \"{webhook}\"\n\
         webhook_secret = \"{WEBHOOK_SECRET}\"\n",
        sign_type.as_str()
    )
}

/// A notification signed with `key`: that of a good payment of 18.00 yuan, with changes.
pub(crate) fn notice(
    number: &str,
    key: &str,
    sign_type: SignType,
    changes: &[(&str, &str)],
) -> String {
    let mut fields = std::collections::BTreeMap::from([
        ("appid", APP_ID),
        ("bank_type", "OTHERS"),
        ("cash_fee", "1800"),
        ("fee_type", "CNY"),
        ("mch_id", MCH_ID),
        ("nonce_str", "1497351146318"),
        ("openid", "oMadeUpOpenIdForTests000001"),
        ("out_trade_no", number),
        ("result_code", "SUCCESS"),
        ("return_code", "SUCCESS"),
        ("time_end", "20261124032700"),
        ("total_fee", "1800"),
        ("trade_type", "NATIVE"),
        ("transaction_id", "4200009999202611240000000777"),
    ]);
    fields.extend(changes.iter().copied());
    let mut doc: Draft<'_, 64> = Draft::new();
    for (name, value) in &fields {
        doc.push(name, Text::new(value)).unwrap();
    }
    let sign = ApiKey::new(key).unwrap().sign(&doc, sign_type);
    let mut doc: Draft<'_, 64> = doc;
    doc.push("sign", Text::new(sign.as_str())).unwrap();
    let mut xml = String::new();
    doc.write(&mut xml).unwrap();
    xml
}
