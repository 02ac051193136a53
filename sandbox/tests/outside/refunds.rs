//! Refunds over HTTP: the control interface and the notification.

use crate::shop::{KEY, Listener, Reply, call, merchant, order, reqwest_client};
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::gateway::Rules;
use saoma_sandbox::sign::Key;
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::xml::Document;
use saoma_sandbox::{Certificates, Config, Sandbox, Target, Tender, seal};
use serde_json::{Value, json};

const NO: &str = "SM20261123000001";

/// 2026-11-23 19:26:00 in Beijing.
const NOW: UnixTime = UnixTime(1_795_433_160);

/// A sandbox for plain HTTP with a paid order.
async fn paid(certificates: Certificates) -> Sandbox {
    let rules = Rules { certificates, ..Rules::default() };
    let clock = ClockKind::Standing(NOW);
    let sandbox = Sandbox::start(Config { clock, rules, ..Config::new([merchant()]) }).await;
    let sandbox = sandbox.unwrap();
    order(&sandbox.base_url(), NO, "http://127.0.0.1:9/notify").await;
    let tender = Tender { notify: false, ..Tender::default() };
    sandbox.pay(&Target::of_number(NO), tender).unwrap();
    sandbox
}

async fn refund(sandbox: &Sandbox, number: &str, more: &[(&str, &str)]) -> Document {
    let fields = [
        ("out_trade_no", NO),
        ("out_refund_no", number),
        ("total_fee", "1800"),
        ("refund_fee", "599"),
    ];
    let fields: Vec<_> = fields.into_iter().chain(more.iter().copied()).collect();
    call(&sandbox.base_url(), "/secapi/pay/refund", &fields).await
}

async fn control(sandbox: &Sandbox, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/control/{path}", sandbox.base_url());
    let request = if body.is_null() {
        reqwest_client().get(url)
    } else {
        reqwest_client().post(url).body(body.to_string())
    };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn plain_http_refunds_only_where_certificates_are_not_asked() {
    let sandbox = paid(Certificates::Demanded).await;
    assert_eq!(refund(&sandbox, "R1", &[]).await.get("err_code"), Some("CERT_ERROR"));
    let sandbox = paid(Certificates::NotAsked).await;
    assert_eq!(refund(&sandbox, "R1", &[]).await.get("result_code"), Some("SUCCESS"));
}

#[tokio::test]
async fn the_end_of_a_refund_is_told_and_seen() {
    let sandbox = paid(Certificates::NotAsked).await;
    let listener = Listener::start([Reply::With(500, "no"), Reply::Right]).await;
    let plan = json!({ "out_refund_no": "R1", "refund_status": "CHANGE" });
    assert_eq!(control(&sandbox, "refund/end", plan).await.0, 200);
    refund(&sandbox, "R1", &[("notify_url", &listener.url())]).await;
    sandbox.advance(5).unwrap();
    sandbox.quiet().await;
    sandbox.advance(15).unwrap();
    sandbox.quiet().await;
    let again = json!({ "out_refund_no": "R1", "times": 2 });
    assert_eq!(control(&sandbox, "notify", again).await, (200, json!({ "sending": 2 })));
    sandbox.quiet().await;

    let bodies = listener.bodies();
    assert_eq!(bodies.len(), 4);
    let outer = Document::read(bodies[0].as_bytes()).unwrap();
    let key = Key::new(KEY).unwrap();
    let content = seal::open(outer.get("req_info").unwrap(), &key).unwrap();
    assert!(content.contains("<refund_status><![CDATA[CHANGE]]></refund_status>"), "{content}");

    let (_, seen) = control(&sandbox, "orders", Value::Null).await;
    assert_eq!(seen["orders"][0]["trade_state"], "REFUND");
    let refund = &seen["orders"][0]["payments"][0]["refunds"][0];
    assert_eq!(refund["out_refund_no"], "R1");
    assert_eq!(refund["refund_status"], "CHANGE");
    assert_eq!(refund["notification"]["state"], "acknowledged");
    assert_eq!(refund["notification"]["attempts"][0]["outcome"], "refused");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_refund_is_made_and_ended_by_hand() {
    let sandbox = paid(Certificates::NotAsked).await;
    let body = json!({ "out_trade_no": NO, "refund_fee": 500, "out_refund_no": "H1" });
    let (status, made) = control(&sandbox, "refund", body).await;
    assert_eq!((status, &made["refund"]["refund_status"]), (200, &json!("PROCESSING")));
    assert_eq!(made["refund"]["refund_request_source"], "VENDOR_PLATFORM");
    let end = json!({
        "out_refund_no": "H1", "refund_status": "REFUNDCLOSE", "now": true,
    });
    let (status, ended) = control(&sandbox, "refund/end", end.clone()).await;
    assert_eq!((status, &ended["refund"]["refund_status"]), (200, &json!("REFUNDCLOSE")));
    let (status, twice) = control(&sandbox, "refund/end", end).await;
    assert_eq!((status, &twice["error"]["code"]), (409, &json!("refund_ended")));
    let (_, rest) = control(&sandbox, "refund", json!({ "out_trade_no": NO })).await;
    assert_eq!(rest["refund"]["refund_fee"], 1800, "the closed one counts no more");
    let (status, refused) = control(&sandbox, "refund", json!({ "out_trade_no": NO })).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("refund_refused")));
}

#[tokio::test]
async fn funds_are_seen_and_set() {
    let sandbox = paid(Certificates::NotAsked).await;
    let funds = |unsettled, recharge| {
        (200, json!({ "unsettled_fee": unsettled, "recharge_fee": recharge }))
    };
    assert_eq!(control(&sandbox, "funds", Value::Null).await, funds(1800, 0));
    let drained = json!({ "unsettled_fee": 0, "recharge_fee": 600 });
    assert_eq!(control(&sandbox, "funds", drained).await, funds(0, 600));
    assert_eq!(refund(&sandbox, "R1", &[]).await.get("err_code"), Some("NOTENOUGH"));
    let account = [("refund_account", "REFUND_SOURCE_RECHARGE_FUNDS")];
    assert_eq!(refund(&sandbox, "R1", &account).await.get("result_code"), Some("SUCCESS"));
    assert_eq!(control(&sandbox, "funds?mch_id=1900000109", Value::Null).await, funds(0, 1));
}

#[tokio::test]
async fn what_the_control_interface_cannot_do_is_refused() {
    let sandbox = paid(Certificates::NotAsked).await;
    for (path, body, status, code) in [
        ("refund", json!({}), 400, "invalid_target"),
        ("refund", json!({ "out_trade_no": "unknown1" }), 404, "unknown_order"),
        ("refund", json!({ "out_trade_no": NO, "refund_fee": 0 }), 400, "invalid_refund_fee"),
        ("refund", json!({ "out_trade_no": NO, "refund_fee": 1801 }), 409, "refund_refused"),
        ("refund", json!({ "out_trade_no": NO, "fee": 1 }), 400, "invalid_json"),
        ("refund", json!({ "out_trade_no": NO, "out_refund_no": "" }), 400, "invalid_field"),
        ("refund/end", json!({}), 400, "invalid_target"),
        ("refund/end", json!({ "out_refund_no": "R1" }), 400, "invalid_target"),
        ("refund/end", json!({ "refund_status": "SUCCESS" }), 400, "invalid_target"),
        (
            "refund/end",
            json!({ "out_refund_no": "R1", "out_trade_no": NO, "refund_status": "SUCCESS" }),
            400,
            "invalid_target",
        ),
        (
            "refund/end",
            json!({ "out_trade_no": NO, "refund_status": "SUCCESS", "now": true }),
            400,
            "invalid_target",
        ),
        ("refund/end", json!({ "out_refund_no": "R1", "now": true }), 404, "unknown_refund"),
        (
            "refund/end",
            json!({ "out_refund_no": "R1", "refund_status": "PROCESSING" }),
            400,
            "invalid_json",
        ),
        ("funds", json!({ "mch_id": "1" }), 404, "unknown_merchant"),
        ("notify", json!({ "out_refund_no": "R1" }), 404, "unknown_refund"),
        ("notify", json!({}), 400, "invalid_target"),
    ] {
        let (got, answer) = control(&sandbox, path, body.clone()).await;
        assert_eq!((got, &answer["error"]["code"]), (status, &json!(code)), "{path} {body}");
    }
}
