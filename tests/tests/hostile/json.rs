//! Bodies for `/v1/*` that are no orders and no refunds.

use crate::prey::{Prey, sent};
use crate::world::SHOP_KEY;

async fn post(prey: &Prey, path: &str, body: Vec<u8>) -> (u16, String) {
    sent(prey.http.post(prey.url(path)).bearer_auth(SHOP_KEY).body(body)).await
}

/// What is no JSON object, or one that is too much.
fn bodies() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "null",
        "true",
        "1",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{]",
        "{\"",
        "{}{}",
        "{} x",
        "{'order_no':'A'}",
        "{order_no:1}",
        "{\"order_no\":\"A\",}",
        "// c\n{}",
        "\u{FEFF}{}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":1e999999}",
        "{\"a\":-}",
        "{\"a\":01}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\0\"}",
        "{\"a\" 1}",
        "{\"__proto__\":{\"order_no\":\"A\"}}",
        "order_no=A-9&amount_fen=1&description=x",
        "<xml/>",
    ];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push("[".repeat(8_000).into_bytes());
    bodies.push("{\"a\":".repeat(1_600).into_bytes());
    bodies.push(format!("{{\"a\":{}{}}}", "[".repeat(4_000), "]".repeat(4_000)).into_bytes());
    bodies.push(format!("{{\"amount_fen\":{}}}", "9".repeat(8_000)).into_bytes());
    bodies.push(b"{\"a\":\"\xff\"}".to_vec());
    bodies.push("{\"order_no\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect());
    // Gzip of an order: nothing is unpacked that somebody else has packed.
    bodies.push(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x02\x00".to_vec());
    bodies
}

/// Good orders but for one field.
fn orders() -> Vec<String> {
    let order = |order_no: &str, amount: &str, description: &str, more: &str| {
        format!(
            "{{\"order_no\":{order_no},\"amount_fen\":{amount},\"description\":{description}{more}}}"
        )
    };
    let (no, fen, what) = ("\"B-1\"", "1800", "\"x\"");
    let mut all = Vec::new();
    let long = format!("\"{}\"", "n".repeat(65));
    for bad in [
        "null",
        "1",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\" \"",
        "\"a b\"",
        "\"号\"",
        "\"a/../b\"",
        "\"a\\u0000\"",
        &long,
    ] {
        all.push(order(bad, fen, what, ""));
    }
    for bad in [
        "null",
        "\"1800\"",
        "0",
        "-1",
        "1.5",
        "1800.0",
        "1.8e3",
        "2147483648",
        "18446744073709551616",
        "true",
        "[1800]",
        "{}",
        "1e1000",
    ] {
        all.push(order(no, bad, what, ""));
    }
    let long = format!("\"{}\"", "x".repeat(128));
    for bad in ["null", "1", "\"\"", "\"a\\nb\"", "\"\\u0000\"", "\"\\u001b[2J\"", "[]", &long] {
        all.push(order(no, fen, bad, ""));
    }
    for bad in ["119", "86401", "-1", "\"900\"", "900.5", "[]", "1e3", "18446744073709551615"] {
        all.push(order(no, fen, what, &format!(",\"expires_in_s\":{bad}")));
    }
    // Fields that an order does not have, and the same field twice: what a program before us read
    // may be the other one.
    for more in [
        "\"admin\":true",
        "\"Amount_fen\":1",
        "\"amount_fen \":1",
        "\"amount_fen\":1",
        "\"order_no\":\"B-2\"",
        "\"shop\":\"other\"",
        "\"phase\":\"paid\"",
    ] {
        all.push(order(no, fen, what, &format!(",{more}")));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_orders_make_none() {
    let prey = Prey::start().await;
    let books = prey.books();
    let orders = orders().into_iter().map(String::into_bytes);
    let mut count = 0;
    for body in bodies().into_iter().chain(orders) {
        let text = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        let (status, answer) = post(&prey, "/v1/orders", body).await;
        assert_eq!(status, 400, "{text}: {answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect(&text);
        assert!(answer["error"]["message"].is_string(), "{text}: {answer}");
        count += 1;
    }
    let counted = "saoma_http_requests_total{path=\"/v1/orders\",method=\"POST\",status=\"400\"}";
    assert_eq!(prey.metric(counted).await, count);
    let large = format!(
        "{{\"order_no\":\"B-1\",\"amount_fen\":1,\"description\":\"x\"{}}}",
        " ".repeat(8_192)
    );
    assert_eq!(post(&prey, "/v1/orders", large.into_bytes()).await.0, 413);
    assert_eq!(post(&prey, "/v1/orders", vec![b'['; 10_000_000]).await.0, 413);
    assert_eq!(prey.books(), books);
    println!("{} bodies refused", count + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_refunds_give_nothing_back() {
    let prey = Prey::start().await;
    prey.takes_the_good_one().await;
    let books = prey.books();
    let path = format!("/v1/orders/{}/refunds", prey.order.id);
    let refund = |no: &str, fen: &str, why: &str, more: &str| {
        format!("{{\"refund_no\":{no},\"amount_fen\":{fen},\"reason\":{why}{more}}}").into_bytes()
    };
    let mut all = bodies();
    for fen in ["null", "0", "-1", "\"1\"", "1.0", "1e2", "18446744073709551616", "[]"] {
        all.push(refund("\"R-1\"", fen, "\"x\"", ""));
    }
    for no in ["null", "\"\"", "1", "\"a b\"", "\"号\"", "[]"] {
        all.push(refund(no, "1", "\"x\"", ""));
    }
    for more in [",\"amount_fen\":1800", ",\"to\":\"me\"", ",\"reason\":\"y\""] {
        all.push(refund("\"R-1\"", "1", "\"x\"", more));
    }
    for body in all {
        let text = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        let (status, answer) = post(&prey, &path, body).await;
        assert_eq!(status, 400, "{text}: {answer}");
    }
    for fen in ["1801", "2147483647"] {
        let (status, answer) = post(&prey, &path, refund("\"R-1\"", fen, "\"x\"", "")).await;
        assert!(status == 409 && answer.contains("refund_too_much"), "{fen}: {answer}");
    }
    assert_eq!(prey.books(), books);
}
