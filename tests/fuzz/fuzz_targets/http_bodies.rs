//! A body in JSON is an order, a refund or refused; what is taken is what every reader finds in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_server::fuzzing::{takes_as_order, takes_as_refund, takes_order, takes_refund};
use serde_json::Value;

/// Seconds that an order lives when it does not say how many (`docs/api.md` §2.1).
const LIVES_S: u64 = 900;

fuzz_target!(|body: &[u8]| {
    if takes_order(body) {
        let read = whole(body);
        let lives_s = read.get("expires_in_s").and_then(Value::as_u64).unwrap_or(LIVES_S);
        let order = (text(&read, "order_no"), fen(&read), text(&read, "description"), lives_s);
        assert!(takes_as_order(body, order), "{read}");
    }
    if takes_refund(body) {
        let read = whole(body);
        let refund = (text(&read, "refund_no"), fen(&read), text(&read, "reason"));
        assert!(takes_as_refund(body, refund), "{read}");
    }
});

fn whole(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("JSON")
}

fn text<'r>(read: &'r Value, name: &str) -> &'r str {
    read[name].as_str().expect("a text")
}

fn fen(read: &Value) -> u64 {
    let fen = read["amount_fen"].as_u64().expect("a whole number");
    assert!((1..=2_147_483_647).contains(&fen));
    fen
}
