//! Whoever guesses ids, tokens and keys learns nothing.

use crate::prey::Prey;
use crate::world::SHOP_KEY;
use serde_json::Value;
use std::collections::BTreeSet;

/// Status and body, without the name of the request.
async fn answer(prey: &Prey, method: &str, path: &str, bearer: Option<&str>) -> (u16, Value) {
    let mut request = prey.rig.http.request(method.parse().unwrap(), prey.url(path));
    if let Some(bearer) = bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let mut body: Value = response.json().await.unwrap_or_default();
    if let Some(error) = body["error"].as_object_mut() {
        error.remove("trace_id");
    }
    (status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_there_and_one_that_is_not_look_the_same_to_a_stranger() {
    let prey = Prey::start().await;
    let other = prey.order("A-2").await;
    let books = prey.books();
    let id = &prey.order.id;
    // One letter changed, so that no such order is there.
    let flip = |at: usize, text: &str| -> String {
        let with = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        format!("{}{with}{}", &text[..at], &text[at + 1..])
    };
    let guesses: Vec<String> = (id.len() - 8..id.len()).map(|at| flip(at, id)).collect();
    let forged = flip(prey.order.token.len() - 1, &prey.order.token);
    let longer = format!("{}A", prey.order.token);
    let strangers: [Option<&str>; 7] = [
        None,
        Some(""),
        Some("x"),
        Some(&other.token),
        Some(&forged),
        Some(&prey.order.token[1..]),
        Some(&longer),
    ];
    for (method, end) in [
        ("GET", ""),
        ("GET", "/events"),
        ("POST", "/cancel"),
        ("POST", "/dispense"),
        ("POST", "/shipped"),
        ("GET", "/refunds"),
        ("POST", "/refunds"),
        ("GET", "/refunds/R-1"),
    ] {
        for stranger in strangers {
            let there = answer(&prey, method, &format!("/v1/orders/{id}{end}"), stranger).await;
            assert!(matches!(there.0, 401 | 404), "{method} {end} {stranger:?}: {there:?}");
            for guess in &guesses {
                let path = format!("/v1/orders/{guess}{end}");
                let not_there = answer(&prey, method, &path, stranger).await;
                assert_eq!(there, not_there, "{method} {end} {stranger:?}");
            }
        }
    }
    assert_eq!(prey.books(), books);
    prey.takes_the_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none_are_answered_like_unknown_ones() {
    let prey = Prey::start().await;
    let books = prey.books();
    let mut answers = BTreeSet::new();
    let long = "9".repeat(7_000);
    for id in [
        "x",
        "..",
        "%00",
        "%2e%2e%2f",
        "%27%20or%201=1--",
        "%F0%9F%92%A9",
        "%FF%FE",
        "0",
        "-1",
        "20261123192600K7Q2M9XB",
        "null",
        "%3Cscript%3E",
        &long,
    ] {
        let (status, body) =
            answer(&prey, "GET", &format!("/v1/orders/{id}"), Some(SHOP_KEY)).await;
        // `..` is taken out of the path by whoever sends it.
        if id != ".." {
            answers.insert((status, body.to_string()));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers.first().unwrap().0, 404);
    assert_eq!(prey.books(), books);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_order_and_nothing_else() {
    let prey = Prey::start().await;
    let other = prey.order("A-2").await;
    let books = prey.books();
    let token = Some(&*prey.order.token);
    let own = answer(&prey, "GET", &format!("/v1/orders/{}", prey.order.id), token).await;
    assert_eq!(own.0, 200, "{own:?}");
    for (method, path) in [
        ("GET", format!("/v1/orders/{}", other.id)),
        ("POST", format!("/v1/orders/{}/cancel", other.id)),
        ("POST", "/v1/orders".to_owned()),
        ("GET", "/v1/anomalies".to_owned()),
        ("GET", "/v1/bills".to_owned()),
        ("POST", "/v1/bills/20261124".to_owned()),
        ("POST", format!("/v1/orders/{}/dispense", prey.order.id)),
        ("POST", format!("/v1/orders/{}/shipped", prey.order.id)),
        ("POST", format!("/v1/orders/{}/refunds", prey.order.id)),
    ] {
        let (status, body) = answer(&prey, method, &path, token).await;
        assert!(matches!(status, 401 | 403 | 404), "{method} {path}: {status} {body}");
    }
    // A shop's key opens nothing from a URL, where logs and histories keep it.
    let path = format!("/v1/orders/{}?token={SHOP_KEY}", prey.order.id);
    assert!(matches!(answer(&prey, "GET", &path, None).await.0, 401 | 404));
    assert_eq!(prey.books(), books);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_keys_is_slowed_down_and_shops_are_not() {
    let prey = Prey::start_with("[limits]\naddress_per_s = 1\naddress_burst = 20\n").await;
    let books = prey.books();
    let mut statuses = BTreeSet::new();
    for guess in 0..60 {
        let key = format!("guessed-key-{guess:08}");
        statuses.insert(answer(&prey, "GET", "/v1/anomalies", Some(&key)).await.0);
    }
    assert_eq!(statuses, BTreeSet::from([401, 429]));
    assert_eq!(answer(&prey, "GET", "/v1/anomalies", Some(SHOP_KEY)).await.0, 200);
    let limited = prey.metric("saoma_rate_limited_requests_total{limit=\"address\"}").await;
    assert!(limited >= 30, "{limited}");
    assert_eq!(prey.books(), books);
    prey.takes_the_good_one().await;
}
