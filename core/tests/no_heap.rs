//! The core path takes no memory from the heap: a counting allocator sees nothing.

use allocation_counter::measure;
use saoma_core::api::{Merchant, PayNotice, UnifiedOrder, seal};
use saoma_core::ids::{AppId, MchId, Nonce, OrderId, OutTradeNo};
use saoma_core::money::Fen;
use saoma_core::order::{Event, Order};
use saoma_core::qr::{Level, encode};
use saoma_core::sign::{ApiKey, SignType, Unverified};
use saoma_core::time::UnixTime;
use saoma_core::xml::Doc;
use std::hint::black_box;

const MESSAGES: &str = include_str!("../../tests/fixtures/v2-messages.json");

fn merchant(sign_type: SignType) -> Merchant {
    Merchant {
        mch_id: MchId::new("1900000109").expect("an id"),
        app_id: AppId::new("wx5a0mademeup0001").expect("an id"),
        key: ApiKey::new("192006250b4c09247ec02edce69f6a2d").expect("a key"),
        sign_type,
    }
}

fn notice() -> String {
    let messages: Vec<serde_json::Value> = serde_json::from_str(MESSAGES).expect("JSON");
    let is_m6 = |m: &&serde_json::Value| m["title"].as_str().is_some_and(|t| t.starts_with("M6"));
    messages.iter().find(is_m6).and_then(|m| m["xml"].as_str()).expect("M6").to_string()
}

fn assert_no_heap(what: &str, work: impl FnOnce()) {
    let used = measure(work);
    assert_eq!(used.count_total, 0, "{what} allocated {} bytes", used.bytes_total);
}

#[test]
fn the_counter_counts() {
    assert!(measure(|| drop(black_box(vec![1_u8]))).count_total > 0);
}

#[test]
fn reading_verifying_and_understanding_a_notification() {
    let (xml, merchant) = (notice(), merchant(SignType::Md5));
    assert_no_heap("a notification", || {
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).expect("a document");
        let verified = Unverified::new(&doc).verify(&merchant.key, SignType::Md5).expect("signed");
        black_box(PayNotice::read(verified, &merchant).expect("a notice"));
    });
}

#[test]
fn building_signing_and_writing_a_request() {
    let merchant = merchant(SignType::HmacSha256);
    let start = UnixTime::new(1_795_461_960).expect("a time");
    let number = OutTradeNo::new("20261124032600K7Q2M9XB-1").expect("a number");
    let ip = "203.0.113.7".parse().expect("an address");
    assert_no_heap("a request", || {
        let order = UnifiedOrder::new(
            &number,
            "扫码示例店-拿铁",
            Fen::new(1_800).expect("money"),
            "https://pay.example.com/wx/v2/notify",
            ip,
            (start, start.plus(900)),
        )
        .expect("an order");
        let mut out: heapless::String<2048> = heapless::String::new();
        let doc = order.draft(&merchant, SignType::HmacSha256);
        let nonce = Nonce::from_random([7; 16]);
        seal(doc, &nonce, &merchant, SignType::HmacSha256, &mut out).expect("room");
        black_box(out);
    });
}

#[test]
fn driving_the_order_machine() {
    let id = OrderId::new("20261124032600K7Q2M9XB").expect("an id");
    let now = UnixTime::new(1_795_461_960).expect("a time");
    let code_url = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz".try_into().expect("short");
    let placed = Event::Placed { attempt: 0, code_url };
    assert_no_heap("the machine", || {
        let order = Order::begin(id, Fen::new(1_800).expect("money"), now, now.plus(900)).order;
        let order = order.handle(&placed, now).order;
        let order = order.handle(&Event::Tick, now.plus(5)).order;
        let _ = black_box(order.handle(&Event::Cancel, now.plus(6)));
    });
}

#[test]
fn drawing_a_code() {
    assert_no_heap("a code", || {
        black_box(encode("weixin://wxpay/bizpayurl?pr=a1B2c3Dzz", Level::M).expect("short"));
    });
}
