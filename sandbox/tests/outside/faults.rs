//! Faults over HTTP: what each does on the socket, and how it is asked for.

use std::net::SocketAddr;
use std::time::Duration;

use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::xml::Document;
use saoma_sandbox::{Config, FaultName, FaultRule, Rules, Sandbox, Target, Tender};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::shop::{self, Listener, Reply, merchant, reqwest_client};

const NO: &str = "SM20261123000001";

async fn sandbox() -> Sandbox {
    let clock = ClockKind::Standing(UnixTime(1_795_433_160));
    Sandbox::start(Config { clock, ..Config::new([merchant()]) }).await.unwrap()
}

/// Everything that comes over the socket for an order with this fault, until it is closed; `None`
/// when nothing has come, and it is still open, after a moment.
async fn answer(sandbox: &Sandbox, fault: &str) -> Option<Vec<u8>> {
    let body = shop::order_body(NO, "http://127.0.0.1:9/notify");
    let mut socket = TcpStream::connect(sandbox.address()).await.unwrap();
    let head = format!(
        "POST /pay/unifiedorder HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\
         saoma-sandbox-fault: {fault}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let moment = Duration::from_millis(400);
    match tokio::time::timeout(moment, socket.read_to_end(&mut bytes)).await {
        Ok(_) => Some(bytes),
        Err(_) => {
            assert_eq!(bytes, b"", "a part of an answer, and nothing more");
            None
        }
    }
}

/// Status, announced length and body of an answer.
fn parts(answer: &[u8]) -> (u16, usize, &[u8]) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    (status, length, &answer[end + 4..])
}

fn exists(sandbox: &Sandbox) -> bool {
    sandbox.order(NO).is_some()
}

#[tokio::test]
async fn a_connection_is_cut_without_a_byte() {
    for (fault, has_effect) in [("cut_before", false), ("cut_after", true)] {
        let sandbox = sandbox().await;
        assert_eq!(answer(&sandbox, fault).await.as_deref(), Some(&b""[..]), "{fault}");
        assert_eq!(exists(&sandbox), has_effect, "{fault}");
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn an_answer_never_comes() {
    for (fault, has_effect) in [("silent_before", false), ("silent_after", true)] {
        let sandbox = sandbox().await;
        assert_eq!(answer(&sandbox, fault).await, None, "{fault}");
        assert_eq!(exists(&sandbox), has_effect, "{fault}");
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn an_answer_breaks_off() {
    let sandbox = sandbox().await;
    let whole = answer(&sandbox, "answer_no_sign_type").await.unwrap();
    let (status, length, body) = parts(&whole);
    assert_eq!((status, length), (200, body.len()));
    let cut = answer(&sandbox, "truncated").await.unwrap();
    let (_, length, body) = parts(&cut);
    assert!(length > 100 && body.len() == length / 2, "{length} {}", body.len());
    let cut = answer(&sandbox, "truncated; 7").await.unwrap();
    assert_eq!(parts(&cut).2, b"<xml><r");
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_is_a_page_or_garbage() {
    let sandbox = sandbox().await;
    for (fault, expected) in [("html_page", 200), ("http_error_after", 502)] {
        let bytes = answer(&sandbox, fault).await.unwrap();
        let (status, _, body) = parts(&bytes);
        assert_eq!(status, expected);
        assert!(body.starts_with(b"<html>"));
        assert!(bytes.windows(9).any(|nine| nine == b"text/html"));
    }
    let bytes = answer(&sandbox, "garbage; 64").await.unwrap();
    let (status, length, body) = parts(&bytes);
    assert_eq!((status, length, body.len()), (200, 64, 64));
    assert!(std::str::from_utf8(body).is_err());
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_is_slow() {
    let sandbox = sandbox().await;
    assert!(answer(&sandbox, "slow; 1").await.is_some());
    assert_eq!(answer(&sandbox, "slow; 60000").await, None, "nothing after a moment");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_header_that_means_nothing_is_refused_and_nothing_is_done() {
    let sandbox = sandbox().await;
    for fault in ["nosuch", "slow; x", "cut_before; 1"] {
        let bytes = answer(&sandbox, fault).await.unwrap();
        let (status, _, body) = parts(&bytes);
        assert_eq!(status, 400);
        assert!(body.starts_with(b"saoma-sandbox-fault: "));
    }
    assert!(!exists(&sandbox) && sandbox.messages().is_empty());
    sandbox.stop().await;
}

/// A merchant that takes one notification, down to the socket.
async fn first_bytes(listener: TcpListener) -> Vec<u8> {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    // Ends with an error or with nothing more, as the other side cuts it.
    let _ = socket.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test]
async fn a_notification_is_cut_in_the_middle_of_its_body() {
    let sandbox = sandbox().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    shop::order(&sandbox.base_url(), NO, &format!("http://{address}/notify")).await;
    let fault = FaultRule::next("notice_cut".parse().unwrap());
    sandbox.add_fault(fault).unwrap();
    let heard = tokio::spawn(first_bytes(listener));
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();
    sandbox.quiet().await;
    let heard = heard.await.unwrap();
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&heard[..end]).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let length: usize = length.parse().unwrap();
    assert_eq!(heard.len() - end - 4, length / 2);
    let order = sandbox.order(NO).unwrap();
    assert_eq!(order.payments[0].notification.attempts[0].outcome, Some("unreachable"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_forgery_arrives_before_the_truth() {
    let sandbox = sandbox().await;
    let listener = Listener::start([Reply::With(400, "no"), Reply::Right]).await;
    shop::order(&sandbox.base_url(), NO, &listener.url()).await;
    sandbox.add_fault(FaultRule::next("notice_forged".parse().unwrap()).of_order(NO)).unwrap();
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();
    sandbox.quiet().await;
    let signed: Vec<_> = listener.bodies().iter().map(|body| shop::is_signed(body)).collect();
    assert_eq!(signed, [false, true]);
    assert_eq!(sandbox.times_struck(FaultName::NoticeForged), 1);
    sandbox.stop().await;
}

async fn send(method: &str, url: String, body: Option<Value>) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = reqwest_client().request(method, url);
    let request = match body {
        Some(body) => request.body(body.to_string()),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn the_control_interface_asks_for_faults_shows_and_forgets_them() {
    let sandbox = sandbox().await;
    let url = format!("{}/control/faults", sandbox.base_url());
    let rule = json!({
        "fault": "system_error_after", "out_trade_no": NO, "call": "unifiedorder",
        "often": { "next": 2 },
    });
    assert_eq!(send("POST", url.clone(), Some(rule)).await, (200, json!({ "id": 1 })));
    let always = json!({ "fault": "notice_late; 30", "often": "always" });
    assert_eq!(send("POST", url.clone(), Some(always)).await, (200, json!({ "id": 2 })));

    let fields = shop::order_fields(NO, "http://127.0.0.1:9/notify");
    let answer = shop::call(&sandbox.base_url(), "/pay/unifiedorder", &fields).await;
    assert_eq!(answer.get("err_code"), Some("SYSTEMERROR"));
    let (_, shown) = send("GET", url.clone(), None).await;
    assert_eq!(shown["struck"], json!({ "system_error_after": 1 }));
    let first = &shown["faults"][0];
    assert_eq!((&first["left"], &first["struck"]), (&json!(1), &json!(1)));
    assert_eq!(first["rule"]["fault"], "system_error_after");
    assert_eq!(shown["faults"][1]["rule"]["often"], "always");

    assert_eq!(send("DELETE", format!("{url}/2"), None).await.0, 200);
    let (status, error) = send("DELETE", format!("{url}/2"), None).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("unknown_fault")));
    assert_eq!(send("DELETE", url.clone(), None).await, (200, json!({ "removed": 1 })));

    for bad in [
        json!({ "fault": "nosuch" }),
        json!({ "fault": "slow", "often": { "per_mille": 1001 } }),
        json!({ "fault": "notice_lost", "call": "closeorder" }),
        json!({ "fault": "slow", "unknown": 1 }),
    ] {
        let (status, error) = send("POST", url.clone(), Some(bad)).await;
        assert_eq!(status, 400, "{error}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn the_catalogue_tells_every_fault() {
    let sandbox = sandbox().await;
    let url = format!("{}/control/faults/catalogue", sandbox.base_url());
    let (status, catalogue) = send("GET", url, None).await;
    assert_eq!(status, 200);
    let lines = catalogue["faults"].as_array().unwrap();
    assert_eq!(lines.len(), saoma_sandbox::gateway::CATALOGUE.len());
    assert_eq!(lines[12]["name"], "slow");
    assert_eq!(lines[12]["strikes"], "call");
    assert_eq!(lines[12]["parameter"], "ms, 3000");
    assert_eq!(lines[12]["magic_total_fee"], 4_040_413);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_magic_amount_asks_for_its_fault() {
    let rules = Rules { magic_amounts: true, ..Rules::default() };
    let sandbox = Sandbox::start(Config { rules, ..Config::new([merchant()]) }).await.unwrap();
    let mut fields = shop::order_fields(NO, "http://127.0.0.1:9/notify");
    let amount = FaultName::AnswerUnknownFields.entry().magic_fen.to_string();
    fields.retain(|(name, _)| *name != "total_fee");
    fields.push(("total_fee", &amount));
    let answer: Document = shop::call(&sandbox.base_url(), "/pay/unifiedorder", &fields).await;
    assert!(answer.get("code_url").is_some() && answer.get("future_field").is_some());
    sandbox.stop().await;
}
