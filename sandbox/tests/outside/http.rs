//! The whole sandbox over HTTP, with a shop that orders and listens.

use std::sync::Arc;
use std::time::Duration;

use crate::shop::{self, KEY, Listener, Reply, call, merchant, order, reqwest_client};
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::sign::{self, Algorithm, Key};
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::xml::Document;
use saoma_sandbox::{Config, ConsoleRefund, OrderView, Sandbox, StartError, Target, Tender};
use serde_json::{Value, json};

const NO: &str = "SM20261123000001";

/// 2026-11-23 19:26:00 in Beijing.
const NOW: UnixTime = UnixTime(1_795_433_160);

/// A sandbox whose clock stands, and that waits for answers only a moment.
async fn standing() -> Sandbox {
    let clock = ClockKind::Standing(NOW);
    let notify_deadline = Duration::from_millis(300);
    Sandbox::start(Config { clock, notify_deadline, ..Config::new([merchant()]) }).await.unwrap()
}

fn outcomes(order: &OrderView) -> Vec<&'static str> {
    let attempts = &order.payments[0].notification.attempts;
    attempts.iter().map(|attempt| attempt.outcome.unwrap_or("under way")).collect()
}

async fn post(url: String, body: Value) -> (u16, Value) {
    let answer = reqwest_client().post(url).body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

async fn get(url: String) -> Value {
    let answer = reqwest_client().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_payment_is_notified_until_the_shop_acknowledges_it() {
    let sandbox = standing().await;
    let listener = Listener::start([
        Reply::With(500, "error"),
        Reply::With(200, "{\"code\":\"SUCCESS\"}"),
        Reply::Redirect,
        Reply::Late(Duration::from_secs(30)),
        Reply::Right,
    ])
    .await;
    let code_url = order(&sandbox.base_url(), NO, &listener.url()).await;
    let paid = sandbox.pay(&Target::of_code(code_url), Tender::default()).unwrap();

    sandbox.quiet().await;
    for gap_s in [15, 15, 30, 180] {
        let sent = listener.bodies().len();
        sandbox.advance(gap_s - 1).unwrap();
        sandbox.quiet().await;
        assert_eq!(listener.bodies().len(), sent, "not a second too early");
        sandbox.advance(1).unwrap();
        sandbox.quiet().await;
        assert_eq!(listener.bodies().len(), sent + 1);
    }
    sandbox.advance(90_000).unwrap();
    sandbox.quiet().await;

    let order = sandbox.order(NO).unwrap();
    assert_eq!(
        outcomes(&order),
        ["refused", "refused", "refused", "timed_out", "acknowledged"],
        "{order:?}"
    );
    let bodies = listener.bodies();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "each time the same bytes");
    let notice = Document::read(bodies[0].as_bytes()).unwrap();
    let key = Key::new(KEY).unwrap();
    assert!(sign::verify(notice.iter(), &key, Algorithm::Md5, notice.get("sign").unwrap()));
    assert_eq!(notice.get("transaction_id"), Some(&*paid.transaction_id));
    let query = call(&sandbox.base_url(), "/pay/orderquery", &[("out_trade_no", NO)]).await;
    assert_eq!(query.get("transaction_id"), Some(&*paid.transaction_id));
    assert_eq!(query.get("trade_state"), Some("SUCCESS"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_shop_that_is_away_is_tried_again() {
    let sandbox = standing().await;
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    order(&sandbox.base_url(), NO, &format!("http://{gone}/notify")).await;
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();
    sandbox.quiet().await;
    let order = sandbox.order(NO).unwrap();
    assert_eq!(outcomes(&order), ["unreachable"]);
    let notification = &order.payments[0].notification;
    assert_eq!((notification.state, notification.next_at), ("pending", Some(NOW.plus(15).0)));
    sandbox.stop().await;
}

#[tokio::test]
async fn copies_by_hand_arrive_at_the_same_time() {
    let sandbox = standing().await;
    let together = Arc::new(tokio::sync::Barrier::new(5));
    let listener = Listener::start([Reply::Right, Reply::Together(together)]).await;
    order(&sandbox.base_url(), NO, &listener.url()).await;
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();
    sandbox.quiet().await;

    let body = json!({ "out_trade_no": NO, "times": 5 });
    let (status, answer) = post(format!("{}/control/notify", sandbox.base_url()), body).await;
    assert_eq!((status, answer), (200, json!({ "sending": 5 })));
    sandbox.quiet().await;
    assert_eq!(outcomes(&sandbox.order(NO).unwrap()), ["acknowledged"; 6]);
    sandbox.stop().await;
}

#[tokio::test]
async fn with_the_machines_clock_a_notification_goes_out_at_once_and_again_by_the_clock() {
    let sandbox = Sandbox::start(Config::new([merchant()])).await.unwrap();
    let listener = Listener::start([Reply::With(503, ""), Reply::Right]).await;
    order(&sandbox.base_url(), NO, &listener.url()).await;
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();
    sandbox.quiet().await;
    assert_eq!(outcomes(&sandbox.order(NO).unwrap()), ["refused"]);
    // One second before the repetition the sender is left to wait for the real clock.
    sandbox.advance(14).unwrap();
    let acknowledged = async {
        while outcomes(&sandbox.order(NO).unwrap()) != ["refused", "acknowledged"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), acknowledged).await.unwrap();
    sandbox.stop().await;
}

#[tokio::test]
async fn it_grows_quiet_when_a_refund_ends_of_which_nobody_is_told() {
    let sandbox = standing().await;
    order(&sandbox.base_url(), NO, "http://127.0.0.1:9/notify").await;
    let target = Target::of_number(NO);
    sandbox.pay(&target, Tender { notify: false, ..Tender::default() }).unwrap();
    let refund = ConsoleRefund { refund_fen: Some(1), ..ConsoleRefund::default() };
    let refund = sandbox.refund_by_hand(&target, refund).unwrap();
    sandbox.advance(20 * 60).unwrap();
    let quiet = tokio::time::timeout(Duration::from_secs(5), sandbox.quiet()).await;
    assert!(quiet.is_ok(), "it waits for nothing");
    sandbox.end_refund(None, &refund.out_refund_no, None).expect_err("it has ended");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_control_interface_scans_pays_and_shows() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    let listener = Listener::start([Reply::Right]).await;
    let code_url = order(&base, NO, &listener.url()).await;

    let (status, scanned) =
        post(format!("{base}/control/scan"), json!({ "code_url": code_url })).await;
    assert_eq!(status, 200);
    assert_eq!(
        scanned,
        json!({ "mch_id": shop::MCH_ID, "out_trade_no": NO, "shop": "扫码示例店",
                "body": "扫码示例店-美式咖啡", "total_fee": 1800, "no_credit": false,
                "code_url": code_url })
    );
    let (status, _) = post(format!("{base}/control/cancel"), json!({ "code_url": code_url })).await;
    assert_eq!(status, 200);
    let tender = json!({
        "code_url": code_url, "total_fee": 1700,
        "coupons": [{ "id": "10001", "fee": 500, "type": "NO_CASH" }],
    });
    let (status, paid) = post(format!("{base}/control/pay"), tender).await;
    assert_eq!((status, &paid["total_fee"], &paid["cash_fee"]), (200, &json!(1700), &json!(1200)));
    sandbox.quiet().await;

    let orders = get(format!("{base}/control/orders?out_trade_no={NO}")).await;
    assert_eq!(orders["now"], NOW.0);
    let order = &orders["orders"][0];
    assert_eq!((&order["trade_state"], &order["cancels"]), (&json!("SUCCESS"), &json!(1)));
    let payment = &order["payments"][0];
    assert_eq!(payment["transaction_id"], paid["transaction_id"]);
    assert_eq!(payment["notification"]["state"], "acknowledged");
    assert_eq!(get(format!("{base}/control/orders?out_trade_no=x")).await["orders"], json!([]));

    let messages = get(format!("{base}/control/messages")).await;
    let messages = messages["messages"].as_array().unwrap();
    let directions: Vec<_> = messages.iter().map(|message| &message["direction"]).collect();
    assert_eq!(directions, ["in", "phone", "phone", "phone", "out"]);
    assert!(!format!("{messages:?}").contains(KEY));
    sandbox.stop().await;
}

#[tokio::test]
async fn the_control_interface_forces_what_no_phone_can_do() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    order(&base, NO, "http://127.0.0.1:9/notify").await;
    let (status, time) = post(format!("{base}/control/time"), json!({ "advance_s": 300 })).await;
    assert_eq!(status, 200);
    assert_eq!(time["beijing"], "20261123193100");
    call(&base, "/pay/closeorder", &[("out_trade_no", NO)]).await;

    let pay = |force: bool| json!({ "out_trade_no": NO, "notify": false, "force": force });
    let (status, refused) = post(format!("{base}/control/pay"), pay(false)).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("order_closed")));
    let (status, _) = post(format!("{base}/control/pay"), pay(true)).await;
    assert_eq!(status, 200);
    assert_eq!(sandbox.order(NO).unwrap().payments[0].notification.state, "held");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_control_interface_refuses_what_it_does_not_understand() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    order(&base, NO, "http://127.0.0.1:9/notify").await;
    for (path, body, status, code) in [
        ("pay", json!({}), 400, "invalid_target"),
        ("pay", json!({ "code_url": "a", "out_trade_no": "b" }), 400, "invalid_target"),
        ("pay", json!({ "out_trade_no": "unknown" }), 404, "unknown_order"),
        ("pay", json!({ "code_url": "unknown" }), 404, "unknown_code"),
        ("pay", json!({ "out_trade_no": NO, "total_fee": 0 }), 400, "invalid_total_fee"),
        ("pay", json!({ "out_trade_no": NO, "total_fee": 1.5 }), 400, "invalid_json"),
        ("pay", json!({ "out_trade_no": NO, "amount": 1 }), 400, "invalid_json"),
        (
            "pay",
            json!({ "out_trade_no": NO, "coupons": [{ "id": "1", "fee": 1801 }] }),
            400,
            "invalid_coupons",
        ),
        ("pay", json!("x"), 400, "invalid_json"),
        ("scan", json!({ "code_url": "unknown" }), 404, "unknown_code"),
        ("cancel", json!({ "out_trade_no": "unknown" }), 404, "unknown_order"),
        ("notify", json!({ "out_trade_no": NO }), 409, "not_paid"),
        ("notify", json!({ "out_trade_no": NO, "times": 0 }), 400, "invalid_times"),
        ("notify", json!({ "out_trade_no": NO, "times": 101 }), 400, "invalid_times"),
        ("time", json!({ "advance_s": -1 }), 400, "invalid_advance_s"),
    ] {
        let (got, answer) = post(format!("{base}/control/{path}"), body.clone()).await;
        assert_eq!((got, &answer["error"]["code"]), (status, &json!(code)), "{path} {body}");
    }
    let order = sandbox.order(NO).unwrap();
    assert!(order.payments.is_empty(), "nothing has changed");
    assert_eq!(sandbox.now(), NOW);

    let foreign = reqwest_client()
        .post(format!("{base}/control/pay"))
        .header("origin", "https://elsewhere.example")
        .body(json!({ "out_trade_no": NO }).to_string());
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    assert!(sandbox.order(NO).unwrap().payments.is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn a_refused_call_has_status_200_and_says_its_code_in_a_header() {
    let sandbox = standing().await;
    let url = format!("{}/pay/unifiedorder", sandbox.base_url());
    let client = reqwest_client();
    let too_long = "x".repeat(100_000);
    for (request, code) in [
        (client.get(&url), "REQUIRE_POST_METHOD"),
        (client.post(&url), "POST_DATA_EMPTY"),
        (client.post(&url).body("{}"), "XML_FORMAT_ERROR"),
        (client.post(&url).body(too_long), "XML_FORMAT_ERROR"),
        (client.post(&url).body(&b"<xml>\xff</xml>"[..]), "NOT_UTF8"),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["saoma-sandbox-code"], code);
        let document = Document::read(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(document.get("return_code"), Some("FAIL"));
        assert_eq!(document.get("sign"), None);
    }
    let unknown = client.post(format!("{}/pay/nothing", sandbox.base_url())).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_phone_page_is_strict_and_speaks_two_languages() {
    let sandbox = standing().await;
    let client = reqwest_client();
    let page = client.get(sandbox.phone_url()).header("accept-language", "en-GB,en;q=0.9");
    let page = page.send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(page.text().await.unwrap().contains("<html lang=\"en\">"));
    let chinese = client.get(format!("{}?lang=zh", sandbox.phone_url())).send().await.unwrap();
    let chinese = chinese.text().await.unwrap();
    assert!(chinese.contains("<html lang=\"zh-CN\">"));
    // Whatever the page names is there.
    for part in chinese.split('"').filter(|part| part.starts_with("/phone/")) {
        let url = format!("{}{part}", sandbox.base_url());
        assert_eq!(client.get(&url).send().await.unwrap().status(), 200, "{url}");
    }
    let code = format!("{}/code.svg?code_url=weixin%3A%2F%2Fx%3Fpr%3Da", sandbox.phone_url());
    let code = client.get(code).send().await.unwrap();
    assert_eq!(code.headers()["content-type"], "image/svg+xml");
    assert!(code.text().await.unwrap().contains("<svg"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_seed_and_a_standing_clock_repeat_a_run_exactly() {
    let run = async || {
        let sandbox = standing().await;
        let code_url = order(&sandbox.base_url(), NO, "http://127.0.0.1:9/notify").await;
        let paid = sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();
        sandbox.stop().await;
        (code_url, paid)
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn a_stopped_sandbox_answers_nobody() {
    let sandbox = standing().await;
    let url = sandbox.phone_url();
    assert_eq!(reqwest_client().get(&url).send().await.unwrap().status(), 200);
    sandbox.stop().await;
    assert!(reqwest_client().get(&url).send().await.is_err());
}

#[tokio::test]
async fn a_sandbox_that_cannot_be_is_not_started() {
    let none = Sandbox::start(Config::new([])).await;
    assert!(matches!(none, Err(StartError::NoMerchant)));
    let twice = Sandbox::start(Config::new([merchant(), merchant()])).await;
    assert!(matches!(twice, Err(StartError::MerchantTwice { .. })));
    let sandbox = standing().await;
    let taken = Config { listen: sandbox.address(), ..Config::new([merchant()]) };
    assert!(matches!(Sandbox::start(taken).await, Err(StartError::Listen { .. })));
    sandbox.stop().await;
}
