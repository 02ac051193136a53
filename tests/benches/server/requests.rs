//! What is sent: notifications signed as WeChat signs them, orders of a shop, unified orders.

use crate::load::{Requests, post};
use crate::place::{APP_ID, MCH_ID, Place};
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::xml::{Draft, Text};

/// What every order costs.
pub(crate) const PRICE: &str = "1800";

/// The transaction that pays the order of this number.
pub(crate) fn transaction_id(number: u64) -> String {
    format!("420000{number:022}")
}

/// A notification of a payment: about 800 bytes.
pub(crate) fn notice(key: &ApiKey, order_id: &str, transaction_id: &str) -> String {
    let number = format!("{order_id}-1");
    let fields = [
        ("appid", APP_ID),
        ("bank_type", "OTHERS"),
        ("cash_fee", PRICE),
        ("fee_type", "CNY"),
        ("is_subscribe", "N"),
        ("mch_id", MCH_ID),
        ("nonce_str", transaction_id),
        ("openid", "oMadeUpOpenIdForTests000001"),
        ("out_trade_no", &number),
        ("result_code", "SUCCESS"),
        ("return_code", "SUCCESS"),
        ("time_end", "20261123192731"),
        ("total_fee", PRICE),
        ("trade_type", "NATIVE"),
        ("transaction_id", transaction_id),
    ];
    signed(key, &fields)
}

fn signed(key: &ApiKey, fields: &[(&'static str, &str)]) -> String {
    let mut doc: Draft<'_, 64> = Draft::new();
    for (name, value) in fields {
        doc.push(name, Text::new(value)).expect("room");
    }
    let signature = key.sign(&doc, SignType::HmacSha256);
    let mut doc: Draft<'_, 64> = doc;
    doc.push("sign", Text::new(signature.as_str())).expect("room");
    let mut xml = String::new();
    doc.write(&mut xml).expect("a string takes all");
    xml
}

/// One notification for each of the orders, in an order that is not theirs: customers do not pay
/// in turn.
pub(crate) fn notices(place: &Place, orders: &[(String, u64)]) -> Requests {
    let key = ApiKey::new(&place.merchant_key).expect("a key");
    let mut requests = Requests::new("SUCCESS");
    for at in shuffled(orders.len()) {
        let (order_id, number) = &orders[at];
        let xml = notice(&key, order_id, &transaction_id(*number));
        let headers = "content-type: text/xml\r\n";
        requests.push(post("/wx/v2/notify", headers, &xml).as_bytes());
    }
    requests
}

/// Every number below `len` once, spread out.
fn shuffled(len: usize) -> impl Iterator<Item = usize> {
    // A prime that is larger than any `len` here divides none of them.
    const PRIME: usize = 15_485_863;
    (0..len).map(move |at| at * PRIME % len)
}

/// What a shop asks for.
pub(crate) fn order(order_no: &str) -> String {
    format!(
        "{{\"order_no\":\"{order_no}\",\"amount_fen\":{PRICE},\
         \"description\":\"扫码咖啡 - 拿铁\",\"expires_in_s\":7200}}"
    )
}

/// So many new orders.
pub(crate) fn orders(place: &Place, prefix: &str, count: u64) -> Requests {
    let mut requests = Requests::new("\"code_url\":\"weixin");
    for number in 0..count {
        let body = order(&format!("{prefix}-{number:08}"));
        requests.push(place.shop_post("/v1/orders", &body).as_bytes());
    }
    requests
}

/// So many unified orders, straight to the gateway.
pub(crate) fn unified_orders(place: &Place, prefix: &str, count: u64) -> Requests {
    let key = ApiKey::new(&place.merchant_key).expect("a key");
    let mut requests = Requests::new("code_url");
    for number in 0..count {
        let fields = [
            ("appid", APP_ID),
            ("body", "扫码咖啡 - 拿铁"),
            ("mch_id", MCH_ID),
            ("nonce_str", "a3f0c1d2e4b596877869504132435465"),
            ("notify_url", "http://127.0.0.1:9/wx/v2/notify"),
            ("out_trade_no", &format!("SANDBOX-{prefix}-{number:08}")),
            ("sign_type", "HMAC-SHA256"),
            ("spbill_create_ip", "127.0.0.1"),
            ("total_fee", PRICE),
            ("trade_type", "NATIVE"),
        ];
        requests.push(post("/pay/unifiedorder", "", &signed(&key, &fields)).as_bytes());
    }
    requests
}
