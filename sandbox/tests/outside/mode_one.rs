//! Mode one and bills over HTTP, as a test in any language would use them.

use std::time::Duration;

use crate::shop::{APPID, KEY, Listener, MCH_ID, Reply, call, merchant, order, reqwest_client};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::sign::{self, Algorithm, Key};
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::xml::{self, Document, Field};
use saoma_sandbox::{Config, Sandbox};
use serde_json::{Value, json};

const NO: &str = "SM20261123000001";

/// 2026-11-23 19:26:00 in Beijing.
const NOW: UnixTime = UnixTime(1_795_433_160);

async fn standing() -> Sandbox {
    let clock = ClockKind::Standing(NOW);
    let notify_deadline = Duration::from_millis(300);
    Sandbox::start(Config { clock, notify_deadline, ..Config::new([merchant()]) }).await.unwrap()
}

async fn control(sandbox: &Sandbox, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/control/{path}", sandbox.base_url());
    let answer = reqwest_client().post(url).body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

fn signed(fields: &[(&str, &str)]) -> String {
    sign::sign(fields.iter().copied(), &Key::new(KEY).unwrap(), Algorithm::Md5)
}

fn product_code() -> String {
    let fields = [
        ("appid", APPID),
        ("mch_id", MCH_ID),
        ("nonce_str", "n"),
        ("product_id", "SKU-0001"),
        ("time_stamp", "1795433160"),
    ];
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("weixin://wxpay/bizpayurl?{}&sign={}", pairs.join("&"), signed(&fields))
}

/// A shop that orders at `base` when it is asked for a product, and answers with the `prepay_id`.
async fn sell(State(base): State<String>, body: String) -> String {
    let question = Document::read(body.as_bytes()).unwrap();
    assert_eq!(question.get("product_id"), Some("SKU-0001"));
    let wanted = [
        ("body", "扫码示例店-美式咖啡"),
        ("out_trade_no", NO),
        ("total_fee", "1800"),
        ("spbill_create_ip", "127.0.0.1"),
        ("notify_url", "http://127.0.0.1:9/notify"),
        ("trade_type", "NATIVE"),
    ];
    let order = call(&base, "/pay/unifiedorder", &wanted).await;
    let fields = [
        ("return_code", "SUCCESS"),
        ("appid", APPID),
        ("mch_id", MCH_ID),
        ("nonce_str", "n"),
        ("prepay_id", order.get("prepay_id").unwrap()),
        ("result_code", "SUCCESS"),
    ];
    let sign = signed(&fields);
    let all = fields.into_iter().chain([("sign", sign.as_str())]);
    let fields: Vec<_> = all.map(|(name, value)| Field::cdata(name.to_owned(), value)).collect();
    xml::write(&fields)
}

#[tokio::test]
async fn a_scan_of_a_product_waits_for_the_shop_and_leads_to_an_order_to_pay() {
    let sandbox = standing().await;
    let router = Router::new().route("/scan", post(sell)).with_state(sandbox.base_url());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/scan", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let scan = json!({ "code_url": product_code() });
    let (status, answer) = control(&sandbox, "scan", scan.clone()).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("no_mode_one_url")));
    let (status, answer) = control(&sandbox, "merchant", json!({ "mode_one_url": url })).await;
    assert_eq!((status, &answer["mode_one_url"]), (200, &json!(url)));

    let (status, scanned) = control(&sandbox, "scan", scan).await;
    assert_eq!((status, &scanned["out_trade_no"]), (200, &json!(NO)), "{scanned}");
    let pay = json!({ "code_url": scanned["code_url"], "notify": false });
    let (status, paid) = control(&sandbox, "pay", pay).await;
    assert_eq!((status, &paid["out_trade_no"]), (200, &json!(NO)), "{paid}");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_shop_that_is_slow_or_wrong_is_shown_to_the_customer() {
    let sandbox = standing().await;
    for (reply, code, text) in [
        (Reply::Late(Duration::from_secs(30)), "shop_silent", "获取商户订单信息超时或商户返回"),
        (Reply::With(500, ""), "shop_silent", "(HTTP status 500)"),
        (Reply::Redirect, "shop_silent", "(HTTP status 307)"),
        (Reply::Right, "invalid_shop_answer", "the signature is wrong"),
    ] {
        let shop = Listener::start([reply]).await;
        control(&sandbox, "merchant", json!({ "mode_one_url": shop.url() })).await;
        let scan = json!({ "code_url": product_code() });
        let (status, answer) = control(&sandbox, "scan", scan).await;
        assert_eq!((status, &answer["error"]["code"]), (502, &json!(code)), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(text), "{answer}");
    }
    let (status, answer) = control(&sandbox, "merchant", json!({ "fee_bp": 10_001 })).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("invalid_fee_bp")));
    let (status, answer) = control(&sandbox, "merchant", json!({ "key": "too short" })).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("invalid_key")));
    assert!(!answer.to_string().contains("too short"), "{answer}");
    let (status, answer) = control(&sandbox, "merchant", json!({ "key": "n".repeat(32) })).await;
    assert_eq!((status, answer.to_string().contains("nnn")), (200, false), "{answer}");
    sandbox.stop().await;
}

#[tokio::test]
async fn tomorrows_bill_is_there_once_the_clock_has_moved() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    order(&base, NO, "http://127.0.0.1:9/notify").await;
    control(&sandbox, "pay", json!({ "out_trade_no": NO, "notify": false })).await;
    let fetch = async || {
        let fields =
            [("appid", APPID), ("bill_date", "20261123"), ("mch_id", MCH_ID), ("nonce_str", "n")];
        let sign = signed(&fields);
        let all = fields.into_iter().chain([("sign", sign.as_str())]);
        let fields: Vec<_> =
            all.map(|(name, value)| Field::cdata(name.to_owned(), value)).collect();
        let url = format!("{base}/pay/downloadbill");
        let answer = reqwest_client().post(url).body(xml::write(&fields)).send().await.unwrap();
        let code = answer.headers().get("saoma-sandbox-code").cloned();
        (code.map(|code| code.to_str().unwrap().to_owned()), answer.text().await.unwrap())
    };
    let (code, text) = fetch().await;
    assert_eq!(code.as_deref(), Some("20002"));
    assert!(text.contains("<return_msg><![CDATA[Bill Creating]]></return_msg>"), "{text}");
    control(&sandbox, "time", json!({ "advance_s": 86_400 })).await;
    let (code, text) = fetch().await;
    assert_eq!(code, None);
    assert!(text.contains(&format!(",`{NO},`")), "{text}");
    sandbox.stop().await;
}
