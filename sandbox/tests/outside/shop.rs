//! A shop for the tests over HTTP: it orders like any merchant, and a listener of its own hears the
//! notifications.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use saoma_sandbox::Merchant;
use saoma_sandbox::sign::{self, Algorithm, Key};
use saoma_sandbox::xml::{self, Document, Field};

pub(crate) const MCH_ID: &str = "1900000109";
pub(crate) const APPID: &str = "wx5a0mademeup0001";
pub(crate) const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

pub(crate) fn merchant() -> Merchant {
    Merchant::new(MCH_ID, APPID, KEY, "扫码示例店").unwrap()
}

/// A signed document with these fields.
pub(crate) fn document(fields: &[(&str, &str)]) -> String {
    let key = Key::new(KEY).unwrap();
    let mut all = vec![("appid", APPID), ("mch_id", MCH_ID), ("nonce_str", "5K8264ILTKCH16CQ")];
    all.extend(fields);
    let signature = sign::sign(all.iter().copied(), &key, Algorithm::Md5);
    all.push(("sign", &signature));
    let fields: Vec<_> =
        all.into_iter().map(|(name, value)| Field::cdata(name.to_owned(), value)).collect();
    xml::write(&fields)
}

/// Whether a notification is signed by the gateway.
pub(crate) fn is_signed(body: &str) -> bool {
    let document = Document::read(body.as_bytes()).unwrap();
    let signature = document.get("sign").unwrap_or_default();
    sign::verify(document.iter(), &Key::new(KEY).unwrap(), Algorithm::Md5, signature)
}

/// The fields of an order.
pub(crate) fn order_fields<'a>(
    out_trade_no: &'a str,
    notify_url: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("body", "扫码示例店-美式咖啡"),
        ("out_trade_no", out_trade_no),
        ("total_fee", "1800"),
        ("spbill_create_ip", "127.0.0.1"),
        ("notify_url", notify_url),
        ("trade_type", "NATIVE"),
    ]
}

/// The document of an order.
pub(crate) fn order_body(out_trade_no: &str, notify_url: &str) -> String {
    document(&order_fields(out_trade_no, notify_url))
}

/// Calls the gateway as this merchant; the answer must be signed.
pub(crate) async fn call(base: &str, path: &str, fields: &[(&str, &str)]) -> Document {
    call_with(&reqwest_client(), base, path, fields).await
}

/// The same with this client.
pub(crate) async fn call_with(
    client: &reqwest::Client,
    base: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Document {
    let request = client.post(format!("{base}{path}")).body(document(fields));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let document = Document::read(&answer.bytes().await.unwrap()).unwrap();
    let signature = document.get("sign").expect("signed");
    let key = Key::new(KEY).unwrap();
    assert!(sign::verify(document.iter(), &key, Algorithm::Md5, signature));
    document
}

/// Orders, and gives the code; `None` when there is no whole answer.
pub(crate) async fn try_order(
    client: &reqwest::Client,
    base: &str,
    out_trade_no: &str,
    notify_url: &str,
) -> Option<String> {
    let request = client.post(format!("{base}/pay/unifiedorder"));
    let answer = request.body(order_body(out_trade_no, notify_url)).send().await.ok()?;
    let document = Document::read(&answer.bytes().await.ok()?).ok()?;
    document.get("code_url").map(str::to_owned)
}

/// Orders, and gives the code.
pub(crate) async fn order(base: &str, out_trade_no: &str, notify_url: &str) -> String {
    order_with(&reqwest_client(), base, out_trade_no, notify_url).await
}

/// The same with this client.
pub(crate) async fn order_with(
    client: &reqwest::Client,
    base: &str,
    out_trade_no: &str,
    notify_url: &str,
) -> String {
    let fields = order_fields(out_trade_no, notify_url);
    let answer = call_with(client, base, "/pay/unifiedorder", &fields).await;
    answer.get("code_url").expect("ordered").to_owned()
}

pub(crate) fn reqwest_client() -> reqwest::Client {
    // Fails when there is one already, which is just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// How the shop answers a notification.
#[derive(Clone)]
pub(crate) enum Reply {
    /// As it must.
    Right,
    /// With this status and body.
    With(u16, &'static str),
    /// With a redirect to a page that would acknowledge.
    Redirect,
    /// Rightly, but after this time.
    Late(Duration),
    /// Rightly, once this many notifications are waiting for their answers.
    Together(Arc<tokio::sync::Barrier>),
}

pub(crate) const RIGHT: &str = "<xml><return_code><![CDATA[SUCCESS]]></return_code>\
                         <return_msg><![CDATA[OK]]></return_msg></xml>";

/// The shop's listener: answers in this order, and with the last one from then on.
pub(crate) struct Listener {
    address: SocketAddr,
    heard: Arc<Heard>,
}

struct Heard {
    bodies: Mutex<Vec<String>>,
    replies: Mutex<VecDeque<Reply>>,
}

impl Listener {
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let heard = Arc::new(Heard {
            bodies: Mutex::default(),
            replies: Mutex::new(replies.into_iter().collect()),
        });
        let router = Router::new()
            .route("/notify", post(hear))
            .route("/elsewhere", post(|| async { RIGHT }).get(|| async { RIGHT }))
            .with_state(Arc::clone(&heard));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/notify", self.address)
    }

    /// The bodies heard so far.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.heard.bodies.lock().unwrap().clone()
    }
}

async fn hear(State(heard): State<Arc<Heard>>, body: String) -> Response {
    heard.bodies.lock().unwrap().push(body);
    let reply = {
        let mut replies = heard.replies.lock().unwrap();
        if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
    };
    match reply {
        Reply::Right => RIGHT.into_response(),
        Reply::With(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reply::Redirect => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Reply::Late(time) => {
            tokio::time::sleep(time).await;
            RIGHT.into_response()
        }
        Reply::Together(barrier) => {
            barrier.wait().await;
            RIGHT.into_response()
        }
    }
}
