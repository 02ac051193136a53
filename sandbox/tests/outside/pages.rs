//! What the pages are made of: their files, and the part of the control interface that they use.

use std::time::Duration;

use crate::shop::{self, KEY, Listener, Reply, merchant, order, reqwest_client};
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::sign::{self, Algorithm, Key};
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::xml::{self, Field};
use saoma_sandbox::{Config, Sandbox};
use serde_json::{Value, json};

const NO: &str = "SM20261123000001";

/// 2026-11-23 19:26:00 in Beijing.
const NOW: UnixTime = UnixTime(1_795_433_160);

async fn standing() -> Sandbox {
    let clock = ClockKind::Standing(NOW);
    Sandbox::start(Config { clock, ..Config::new([merchant()]) }).await.unwrap()
}

async fn post(url: String, body: Value) -> (u16, Value) {
    let answer = reqwest_client().post(url).body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

async fn get(url: String) -> (u16, Value) {
    let answer = reqwest_client().get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn two_people_and_a_purse_over_the_control_interface() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    let listener = Listener::start([Reply::Right]).await;
    let code = order(&base, NO, &listener.url()).await;
    let scan = |person| {
        post(format!("{base}/control/scan"), json!({ "code_url": code, "person": person }))
    };
    assert_eq!(scan("2").await.0, 200);
    let (status, refused) = scan("1").await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("scanned_by_other")));
    assert_eq!(scan("a person").await.0, 400, "no name");

    let purse = post(format!("{base}/control/person"), json!({ "person": "2", "balance": 1799 }));
    assert_eq!(purse.await, (200, json!({ "person": "2", "balance": 1799 })));
    let pay = |tender| post(format!("{base}/control/pay"), tender);
    let (status, refused) = pay(json!({ "out_trade_no": NO })).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("balance_too_low")));
    let slow = json!({ "out_trade_no": NO, "person": "2", "method": "debit_card", "after_s": 30 });
    let (status, paid) = pay(slow).await;
    assert_eq!((status, &paid["paid_at"]), (200, &json!(NOW.0 + 30)));

    let url = format!("{base}/control/orders?out_trade_no={NO}");
    let view = get(url.clone()).await.1["orders"][0].clone();
    assert_eq!((&view["trade_state"], &view["scanned_by"]), (&json!("NOTPAY"), &json!("2")));
    assert_eq!(view["paying"][0]["transaction_id"], paid["transaction_id"]);
    sandbox.advance(30).unwrap();
    sandbox.quiet().await;
    let view = get(url).await.1["orders"][0].clone();
    assert_eq!((&view["trade_state"], &view["paying"]), (&json!("SUCCESS"), &json!([])));
    assert_eq!(view["payments"][0]["method"], "debit_card");
    assert!(listener.bodies()[0].contains("CMB_DEBIT"));
    let purse = get(format!("{base}/control/person?person=2")).await.1;
    assert_eq!(purse["balance"], 1799, "the card paid");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_message_is_explained_and_its_wrong_signature_diagnosed() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    let mut fields = vec![
        Field::cdata("appid", shop::APPID),
        Field::cdata("mch_id", shop::MCH_ID),
        Field::cdata("nonce_str", "5K8264ILTKCH16CQ"),
        Field::cdata("out_trade_no", " SM1 "),
    ];
    let trimmed = fields.iter().map(|field| (&*field.name, field.value.trim()));
    let sign = sign::sign(trimmed, &Key::new(KEY).unwrap(), Algorithm::Md5);
    fields.push(Field::cdata("sign", &sign));
    let url = format!("{base}/pay/orderquery");
    reqwest_client().post(url).body(xml::write(&fields)).send().await.unwrap();

    let (_, list) = get(format!("{base}/control/messages")).await;
    let id = &list["messages"][0]["id"];
    let (status, explained) = get(format!("{base}/control/messages/{id}")).await;
    assert_eq!(status, 200);
    let request = &explained["request_explained"];
    assert_eq!((&request["verdict"], &request["given"]), (&json!("wrong"), &json!(sign)));
    assert_eq!(request["mistakes"][0]["code"], "trimmed");
    assert!(request["string_to_sign"].as_str().unwrap().ends_with("&key=********"));
    assert_eq!(explained["response_explained"]["verdict"], "unsigned");
    assert!(!explained.to_string().contains(KEY));
    for unknown in ["0", "99", "x"] {
        let (status, refused) = get(format!("{base}/control/messages/{unknown}")).await;
        assert_eq!((status, &refused["error"]["code"]), (404, &json!("unknown_message")));
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn messages_and_orders_can_be_asked_for_in_part() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    for number in ["SM20261123000001", "SM20261123000002"] {
        order(&base, number, "http://127.0.0.1:9/").await;
    }
    let count = |url: String| async move {
        let (_, json) = get(url).await;
        json.as_object().unwrap().values().find_map(Value::as_array).unwrap().len()
    };
    assert_eq!(count(format!("{base}/control/messages?out_trade_no={NO}")).await, 1);
    assert_eq!(count(format!("{base}/control/messages?after=1")).await, 1);
    assert_eq!(count(format!("{base}/control/messages?mch_id=1")).await, 0);
    assert_eq!(count(format!("{base}/control/orders?limit=1")).await, 1);
    assert_eq!(count(format!("{base}/control/orders?text=0002&state=NOTPAY")).await, 1);
    assert_eq!(count(format!("{base}/control/orders?state=SUCCESS")).await, 0);
    assert_eq!(get(format!("{base}/control/orders?limit=0")).await.0, 400);
    assert_eq!(get(format!("{base}/control/messages?limits=1")).await.0, 400, "no such question");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_bell_rings_when_something_has_changed() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    let (_, at_first) = get(format!("{base}/control/events")).await;
    let listening =
        tokio::spawn(get(format!("{base}/control/events?after={}", at_first["version"])));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!listening.is_finished(), "nothing has happened");
    order(&base, NO, "http://127.0.0.1:9/").await;
    let (status, after) = listening.await.unwrap();
    assert_eq!(status, 200);
    assert_ne!(after["version"], at_first["version"]);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_example_can_be_sent_as_it_is() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    let (_, merchants) = get(format!("{base}/control/merchants")).await;
    let mch_id = merchants["merchants"][0]["mch_id"].as_str().unwrap();
    let (_, example) = get(format!("{base}/control/example?mch_id={mch_id}")).await;
    let url = format!("{base}{}", example["path"].as_str().unwrap());
    let body = example["body"].as_str().unwrap().to_owned();
    let answer = reqwest_client().post(url).body(body).send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("code_url"), "{answer}");
    assert_eq!(get(format!("{base}/control/example?mch_id=1")).await.0, 404);
    assert!(!merchants.to_string().contains(KEY) && !example.to_string().contains(KEY));
    sandbox.stop().await;
}

#[tokio::test]
async fn the_console_is_at_the_root_in_the_language_of_the_browser() {
    let sandbox = standing().await;
    let base = sandbox.base_url();
    let page = |language: &'static str| {
        let request = reqwest_client().get(format!("{base}/")).header("accept-language", language);
        async { request.send().await.unwrap() }
    };
    let answer = page("en-GB,en;q=0.9").await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let english = answer.text().await.unwrap();
    assert!(english.contains("<html lang=\"en\">"));
    assert!(page("zh-CN").await.text().await.unwrap().contains("<html lang=\"zh-CN\">"));
    for part in english.split('"').filter(|part| part.starts_with("/console/")) {
        let file = reqwest_client().get(format!("{base}{part}")).send().await.unwrap();
        assert_eq!(file.status(), 200, "{part}");
    }
    sandbox.stop().await;
}
