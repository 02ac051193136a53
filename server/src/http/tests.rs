//! The whole server over real HTTP, but for WeChat, whose gateway is out of reach here: orders stay
//! `placing` until a signed notification pays them. (`tests/` runs it against the sandbox.)

mod devices;
mod doors;
mod look;
mod metrics;
mod observe;
mod openapi;
mod operator;

use crate::testing::{KEY, PRICE, START, merchant, notice_fields, signed};
use crate::{Clock, Config, Database, Env, ManualClock, Random, Server};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use saoma_core::api::{ACK_FAIL, ACK_SUCCESS};
use saoma_core::sign::SignType;
use saoma_core::time::UnixTime;
use serde_json::{Value, json};
use sha2::Sha256;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const SHOP_KEY: &str = "shop-key-0123456789";
const WEBHOOK_SECRET: &str = "webhook-secret-0123";
const PATIENCE: Duration = Duration::from_secs(10);
const T1: &str = "4200009999202611230000000001";

/// A shop that takes webhooks and answers with any status: 302 leads back to itself, and 0 lets the
/// caller wait.
#[derive(Clone, Default)]
struct Receiver {
    calls: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    async fn start(status: u16) -> (Self, String) {
        let receiver = Self::default();
        receiver.answer(status);
        let app = axum::Router::new().fallback(Self::take).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (receiver, url)
    }

    async fn take(State(receiver): State<Self>, headers: HeaderMap, body: Bytes) -> Response {
        receiver.calls.lock().unwrap().push((headers, body));
        match receiver.status.load(Ordering::SeqCst) {
            0 => std::future::pending().await,
            302 => Redirect::temporary("/elsewhere").into_response(),
            status => StatusCode::from_u16(status).unwrap().into_response(),
        }
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn calls(&self) -> Vec<(HeaderMap, Bytes)> {
        self.calls.lock().unwrap().clone()
    }

    async fn wait_for(&self, calls: usize) {
        let all = async {
            while self.calls.lock().unwrap().len() < calls {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, all).await.expect("the webhook is called");
    }
}

/// A running server and somebody to call it.
struct Desk {
    server: Server,
    receiver: Receiver,
    clock: ManualClock,
    http: reqwest::Client,
    config: Config,
    folder: TempDir,
}

/// An order that was made over HTTP.
struct Made {
    id: String,
    token: String,
    number: String,
}

impl Desk {
    async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more in its configuration.
    async fn start_with(more: &str) -> Self {
        let (receiver, webhook_url) = Receiver::start(200).await;
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &webhook_url, more);
        let clock = ManualClock::new(UnixTime::new(START).unwrap());
        let server = start(&config, &clock).await;
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { server, receiver, clock, http, config, folder }
    }

    /// The process dies at once, and another one starts on the same file.
    async fn crash(self) -> Self {
        self.crash_into(|_| {}).await
    }

    /// The same with another configuration.
    async fn crash_into(self, change: impl FnOnce(&mut Config)) -> Self {
        let Self { server, receiver, clock, http, mut config, folder } = self;
        drop(server);
        change(&mut config);
        let server = start(&config, &clock).await;
        Self { server, receiver, clock, http, config, folder }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url())
    }

    async fn get(&self, path: &str, bearer: &str) -> (u16, Value) {
        answer(self.http.get(self.url(path)).bearer_auth(bearer)).await
    }

    async fn post(&self, path: &str, bearer: &str, body: impl ToString) -> (u16, Value) {
        let request = self.http.post(self.url(path)).bearer_auth(bearer);
        answer(request.body(body.to_string())).await
    }

    async fn order(&self, order_no: &str) -> Made {
        let body = json!({
            "order_no": order_no, "amount_fen": PRICE, "description": "Saoma Cafe - Latte",
        });
        let (status, answer) = self.post("/v1/orders", SHOP_KEY, &body).await;
        assert_eq!((status, &answer["view"]["phase"]), (201, &json!("placing")), "{answer}");
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let (id, token) = (text("order_id"), text("token"));
        Made { number: format!("{id}-1"), id, token }
    }

    async fn notify(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let request = self.http.post(self.url("/wx/v2/notify")).body(body);
        let response = request.send().await.unwrap();
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!(content_type, "text/xml; charset=utf-8");
        let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
        openapi::check("POST", "/wx/v2/notify", status, &content_type, &text);
        (status, text)
    }

    async fn pay(&self, made: &Made) {
        self.pay_by(made, T1).await;
    }

    async fn pay_by(&self, made: &Made, transaction_id: &str) {
        let fields = notice_fields(&made.number, transaction_id, "1800");
        let answer = self.notify(signed(&fields, KEY, SignType::HmacSha256)).await;
        assert_eq!(answer, (200, ACK_SUCCESS.to_owned()));
    }

    async fn wait_for_phase(&self, made: &Made, phase: &str) {
        let path = format!("/v1/orders/{}", made.id);
        let reached = async {
            while self.get(&path, SHOP_KEY).await.1["phase"] != phase {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("never {phase}"));
    }

    /// The stream of an order, with its token in the URL as `EventSource` sends it.
    async fn events(&self, made: &Made) -> reqwest::Response {
        let path = format!("/v1/orders/{}/events?token={}", made.id, made.token);
        let response = self.http.get(self.url(&path)).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        response
    }
}

fn config(folder: &Path, webhook_url: &str, more: &str) -> Config {
    let merchant = merchant(SignType::HmacSha256);
    let text = format!(
        "stop_drain_s = 0\nlisten = \"127.0.0.1:0\"\ndatabase = \"sqlite:saoma.db\"\n\
         [merchant]\nname = \"扫码咖啡\"\nmch_id = \"{}\"\napp_id = \"{}\"\nkey = \"{KEY}\"\n\
         gateway = \"http://127.0.0.1:1\"\n\
         [shop]\nkeys = [\"{SHOP_KEY}\"]\nwebhook_url = \"{webhook_url}\"\n\
         webhook_secret = \"{WEBHOOK_SECRET}\"\n{more}",
        merchant.mch_id, merchant.app_id
    );
    Config::parse(&text, folder, &Env::default()).unwrap()
}

async fn start(config: &Config, clock: &ManualClock) -> Server {
    let clock = Clock::Manual(clock.clone());
    Server::start(config.clone(), clock, Random::System).await.unwrap()
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.unwrap();
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").cloned();
    let content_type = content_type.as_ref().map_or("", |value| value.to_str().unwrap());
    let text = response.text().await.unwrap();
    openapi::check(method.as_str(), &path, status, content_type, &text);
    let mut body: Value =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
        // It is another one each time.
        assert_eq!(error.remove("trace_id").unwrap().as_str().unwrap().len(), 32);
    }
    (status, body)
}

fn signature(t: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    mac.update(t.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_page_sees_its_order_paid_and_shipped_and_then_the_stream_ends() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let mut events = desk.events(&made).await;
    let first = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: view\nid: "), "{first:?}");
    desk.pay(&made).await;
    let mut rest = String::new();
    while let Some(chunk) = events.chunk().await.unwrap() {
        rest += std::str::from_utf8(&chunk).unwrap();
    }
    let views: Vec<Value> = rest
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let last = views.last().unwrap();
    assert_eq!(last["phase"], "shipped");
    assert!(rest.contains(&format!("id: {}\n", last["version"])), "{rest}");
    let versions: Vec<u64> = views.iter().map(|view| view["version"].as_u64().unwrap()).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    desk.server.stop().await;
}

#[tokio::test]
async fn the_shop_is_told_once_with_a_key_and_a_signature() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.wait_for_phase(&made, "shipped").await;
    desk.pay(&made).await;
    let calls = desk.receiver.calls();
    assert_eq!(calls.len(), 1);
    let (headers, body) = &calls[0];
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["idempotency-key"], format!("ship-{}", made.id));
    let expected = format!("t={START},v1={}", signature(&START.to_string(), body));
    assert_eq!(headers["saoma-signature"], expected);
    let body = std::str::from_utf8(body).unwrap();
    let expected = format!(
        "{{\"type\":\"order.paid\",\"ship_id\":\"ship-{id}\",\"order_id\":\"{id}\",\
         \"order_no\":\"A-1\",\"amount_fen\":1800,\"transaction_id\":\"{T1}\",\
         \"paid_at\":1795433251}}",
        id = made.id
    );
    assert_eq!(body, expected);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_shop_that_does_not_confirm_is_told_again_with_the_same_words() {
    let desk = Desk::start().await;
    desk.receiver.answer(500);
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.receiver.wait_for(1).await;
    // A redirect is no yes either, and nobody follows it.
    desk.receiver.answer(302);
    for (call, pause) in [(2, 1), (3, 2)] {
        settled(&desk, call - 1).await;
        desk.clock.advance(pause);
        desk.receiver.wait_for(usize::try_from(call).unwrap()).await;
    }
    desk.receiver.answer(204);
    settled(&desk, 3).await;
    desk.clock.advance(4);
    desk.wait_for_phase(&made, "shipped").await;
    let calls = desk.receiver.calls();
    assert_eq!(calls.len(), 4);
    for (headers, body) in &calls {
        assert_eq!(body, &calls[0].1);
        assert_eq!(headers["idempotency-key"], calls[0].0["idempotency-key"]);
    }
    assert_ne!(calls[0].0["saoma-signature"], calls[3].0["saoma-signature"]);
    desk.server.stop().await;
}

/// Waits until the ship entry's try is committed as failed.
async fn settled(desk: &Desk, tries: i64) {
    let committed = async {
        loop {
            let sql = "select state, tries from outbox where kind = 'ship'";
            if crate::testing::rows(&desk.server.store, sql).await == [format!("pending {tries}")] {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, committed).await.expect("the try is committed");
}

#[tokio::test]
async fn a_crash_while_the_shop_is_being_told_is_taken_up_at_the_next_start() {
    let desk = Desk::start().await;
    desk.receiver.answer(0);
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.receiver.wait_for(1).await;
    desk.receiver.answer(200);
    let desk = desk.crash().await;
    desk.wait_for_phase(&made, "shipped").await;
    let calls = desk.receiver.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].1, calls[1].1);
    desk.server.stop().await;
}

#[tokio::test]
async fn who_may_see_what() {
    let desk = Desk::start().await;
    let (one, other) = tokio::join!(desk.order("A-1"), desk.order("A-2"));
    let path = format!("/v1/orders/{}", one.id);
    assert_eq!(desk.get(&path, SHOP_KEY).await.0, 200);
    assert_eq!(desk.get(&path, &one.token).await.0, 200);
    let in_url = desk.http.get(desk.url(&format!("{path}?token={}", one.token)));
    assert_eq!(answer(in_url).await.0, 200);

    let foreign = desk.get(&path, &other.token).await;
    let missing = desk.get("/v1/orders/20261123192600XXXXXXXX", &other.token).await;
    let malformed = desk.get("/v1/orders/x", SHOP_KEY).await;
    let unknown = desk.get("/v1/orders/20261123192600XXXXXXXX", SHOP_KEY).await;
    assert_eq!(foreign.0, 404);
    assert_eq!(foreign.1["error"]["code"], "not_found");
    assert!([&missing, &malformed, &unknown].into_iter().all(|answer| *answer == foreign));
    // A shop's key does not belong into a URL.
    let key_in_url = desk.http.get(desk.url(&format!("{path}?token={SHOP_KEY}")));
    assert_eq!(answer(key_in_url).await, foreign);

    for path in [path.as_str(), &format!("{path}/events"), "/v1/anomalies"] {
        let nobody = answer(desk.http.get(desk.url(path))).await;
        assert_eq!((nobody.0, &nobody.1["error"]["code"]), (401, &json!("unauthorized")), "{path}");
    }
    for path in ["/v1/orders/%ff", "/v1/orders/x?token=%ff", "/v1/orders/x?token"] {
        assert_eq!(desk.get(path, SHOP_KEY).await, foreign, "{path}");
    }
    assert_eq!(desk.get("/v1/anomalies", &one.token).await.0, 401);
    assert_eq!(desk.post("/v1/orders", &one.token, "{}").await.0, 401);
    assert_eq!(desk.post("/v1/orders", "shop-key-012345678", "{}").await.0, 401);
    assert_eq!(desk.post(&format!("{path}/cancel"), &other.token, "").await.0, 404);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_path_that_is_no_text_is_answered_like_any_other_that_names_nothing() {
    let desk = Desk::start().await;
    for path in ["/v1/orders/%ff/refunds", "/v1/orders/%ff/refunds/R-1", "/v1/orders/x/refunds/%ff"]
    {
        let (status, answer) = desk.get(path, SHOP_KEY).await;
        assert_eq!((status, &answer["error"]["code"]), (404, &json!("not_found")), "{path}");
    }
    let refund = json!({ "refund_no": "R-1", "amount_fen": 1, "reason": "x" });
    assert_eq!(desk.post("/v1/orders/%ff/refunds", SHOP_KEY, &refund).await.0, 404);
    let none = desk.get("/v1/bills/yesterday", SHOP_KEY).await;
    assert_eq!((none.0, &none.1["error"]["field"]), (400, &json!("date")));
    assert_eq!(desk.get("/v1/bills/%ff", SHOP_KEY).await, none);
    assert_eq!(desk.post("/v1/bills/%ff", SHOP_KEY, "").await, none);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_page_may_give_its_order_up() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let path = format!("/v1/orders/{}/cancel", made.id);
    let (status, view) = desk.post(&path, &made.token, "").await;
    assert_eq!((status, &view["phase"]), (200, &json!("closing")));
    let (status, again) = desk.post(&path, SHOP_KEY, "").await;
    assert_eq!((status, &again["phase"]), (200, &json!("closing")));
    let paid = desk.order("A-2").await;
    desk.pay(&paid).await;
    let refused = desk.post(&format!("/v1/orders/{}/cancel", paid.id), SHOP_KEY, "").await;
    assert_eq!((refused.0, &refused.1["error"]["code"]), (409, &json!("already_paid")));
    desk.server.stop().await;
}

#[tokio::test]
async fn every_error_has_its_status_and_its_code() {
    let desk = Desk::start().await;
    let order =
        |fen: u64| json!({ "order_no": "A-1", "amount_fen": fen, "description": "x" }).to_string();
    let first = desk.post("/v1/orders", SHOP_KEY, order(1)).await;
    assert_eq!(first.0, 201);
    let repeated = desk.post("/v1/orders", SHOP_KEY, order(1)).await;
    assert_eq!(repeated.0, 200);
    assert_eq!(repeated.1["token"], first.1["token"]);
    for (body, status, code) in [
        (order(2), 409, "order_no_taken"),
        (order(0), 400, "invalid_field"),
        ("{".to_owned(), 400, "invalid_json"),
        (" ".repeat(8 * 1024 + 1), 413, "too_large"),
    ] {
        let (got, answer) = desk.post("/v1/orders", SHOP_KEY, &body).await;
        assert_eq!((got, answer["error"]["code"].as_str()), (status, Some(code)));
    }
    let (_, answer) = desk.post("/v1/orders", SHOP_KEY, order(0)).await;
    assert_eq!(
        answer,
        json!({ "error": { "code": "invalid_field", "field": "amount_fen",
            "message": "amount_fen must be 1 to 2147483647" } })
    );
    assert_eq!(desk.get("/v1/nothing", SHOP_KEY).await.1["error"]["code"], "not_found");
    assert_eq!(desk.get("/v1/orders", SHOP_KEY).await.0, 405);
    assert_eq!(desk.get("/healthz", "").await, (200, json!({ "status": "ok" })));
    desk.server.stop().await;
}

#[tokio::test]
async fn pages_of_any_origin_may_follow_an_order_and_nothing_else() {
    let desk = Desk::start().await;
    let ask = |path: &str| {
        let request = desk.http.request(reqwest::Method::OPTIONS, desk.url(path));
        request.header("origin", "https://shop.example").send()
    };
    for path in ["/v1/orders/x", "/v1/orders/x/events", "/v1/orders/x/cancel"] {
        let response = ask(path).await.unwrap();
        assert_eq!(response.status(), 204, "{path}");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(
            response.headers()["access-control-allow-headers"],
            "authorization, content-type"
        );
    }
    for path in ["/v1/orders", "/v1/anomalies", "/wx/v2/notify"] {
        let response = ask(path).await.unwrap();
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{path}");
    }
    desk.server.stop().await;
}

#[tokio::test]
async fn a_notification_is_answered_byte_for_byte() {
    let desk = Desk::start().await;
    let fields = notice_fields("NUMBER-1", T1, "1800");
    let good = signed(&fields, KEY, SignType::HmacSha256);
    assert_eq!(desk.notify(good.clone()).await, (200, ACK_SUCCESS.to_owned()));
    assert_eq!(desk.notify(good.clone()).await, (200, ACK_SUCCESS.to_owned()));
    let mut altered = good;
    altered[30] ^= 1;
    let refused = (200, ACK_FAIL.to_owned());
    assert_eq!(desk.notify(altered).await, refused);
    assert_eq!(desk.notify("").await, refused);
    assert_eq!(desk.notify(vec![b'x'; 16 * 1024]).await, refused);
    let too_large = (413, ACK_FAIL.to_owned());
    assert_eq!(desk.notify(vec![b'x'; 16 * 1024 + 1]).await, too_large);
    let anomalies = desk.get("/v1/anomalies", SHOP_KEY).await.1;
    assert_eq!(anomalies["anomalies"].as_array().unwrap().len(), 1);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_notification_that_cannot_be_kept_is_to_be_sent_again() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    // The database is gone under the server's feet.
    desk.server.store.close().await;
    let fields = notice_fields(&made.number, T1, "1800");
    let answer = desk.notify(signed(&fields, KEY, SignType::HmacSha256)).await;
    assert_eq!(answer, (500, ACK_FAIL.to_owned()));
    let desk = desk.crash().await;
    desk.pay(&made).await;
    desk.wait_for_phase(&made, "shipped").await;
    desk.server.stop().await;
}

#[tokio::test]
async fn an_open_stream_does_not_hold_the_stop() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let mut events = desk.events(&made).await;
    events.chunk().await.unwrap();
    timeout(Duration::from_secs(3), desk.server.stop()).await.expect("it stops at once");
    while events.chunk().await.unwrap().is_some() {}
}

#[tokio::test]
async fn one_database_serves_one_server() {
    let desk = Desk::start().await;
    let clock = Clock::Manual(desk.clock.clone());
    let second = Server::start(desk.config.clone(), clock, Random::System).await;
    let error = second.unwrap_err().to_string();
    assert!(error.starts_with("database: ") && error.contains("another server uses it"), "{error}");
    let desk = desk.crash().await;
    assert_eq!(desk.get("/healthz", "").await.0, 200);
    desk.server.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_that_names_the_key() {
    let desk = Desk::start().await;
    let mut config = desk.config.clone();
    config.listen = desk.server.base_url().strip_prefix("http://").unwrap().parse().unwrap();
    config.database = Database::Sqlite(desk.folder.path().join("other.db"));
    let clock = Clock::Manual(desk.clock.clone());
    let error = Server::start(config, clock, Random::System).await.unwrap_err();
    assert!(error.to_string().starts_with("listen: "), "{error}");
    desk.server.stop().await;
}
