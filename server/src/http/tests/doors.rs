//! Who may do how much.

use super::*;
use crate::http::access::FOLLOWERS_MAX;
use crate::http::{CANCEL_PATH, EVENTS_PATH, ORDER_PATH, patience, too_late};
use axum::http::Method;

const SLOW: &str = "[limits]\nkey_per_s = 1\nkey_burst = 3\naddress_per_s = 1\naddress_burst = 2";

/// Answers' statuses, and what the last one says.
async fn statuses(desk: &Desk, path: &str, bearer: &str, times: usize) -> (Vec<u16>, Value) {
    let mut last = (Vec::new(), Value::Null);
    for _ in 0..times {
        let (status, answer) = desk.get(path, bearer).await;
        last.0.push(status);
        last.1 = answer;
    }
    last
}

#[tokio::test]
async fn a_key_and_a_page_have_limits_of_their_own() {
    let desk = Desk::start_with(SLOW).await;
    let made = desk.order("A-1").await;
    let path = format!("/v1/orders/{}", made.id);
    let (by_key, answer) = statuses(&desk, &path, SHOP_KEY, 4).await;
    assert_eq!(by_key, [200, 200, 429, 429], "the order itself was the first call");
    assert_eq!(answer["error"]["code"], "too_many");
    let (by_page, _) = statuses(&desk, &path, &made.token, 3).await;
    assert_eq!(by_page, [200, 200, 429]);
    let (by_guess, _) = statuses(&desk, "/v1/anomalies", "guessed-key-0123456", 1).await;
    assert_eq!(by_guess, [429], "who guesses keys is counted with the pages of that address");
    let response = desk.http.get(desk.url(&path)).bearer_auth(SHOP_KEY).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    let limited = "saoma_rate_limited_requests_total";
    let seen = desk.metrics().await;
    let counted = |limit: &str| &*seen[&format!("{limited}{{limit=\"{limit}\"}}")];
    assert_eq!(["key", "address", "order"].map(counted), ["3", "2", "0"]);
    desk.clock.advance(1);
    assert_eq!(statuses(&desk, &path, SHOP_KEY, 2).await.0, [200, 429]);
    assert_eq!(desk.get("/healthz", "").await.0, 200);
    desk.server.stop().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_is_counted_by_itself() {
    for (trusted, expected) in [("", [200, 200, 429, 429]), ("127.0.0.1", [200, 200, 200, 200])] {
        let mut desk = Desk::start_with(SLOW).await;
        if !trusted.is_empty() {
            desk.config.trusted_proxies = vec![trusted.parse::<std::net::IpAddr>().unwrap().into()];
            desk = desk.crash().await;
        }
        let made = desk.order("A-1").await;
        let path = format!("/v1/orders/{}", made.id);
        let mut got = Vec::new();
        for client in 1..=4 {
            let request = desk.http.get(desk.url(&path)).bearer_auth(&made.token);
            let request = request.header("x-forwarded-for", format!("203.0.113.{client}"));
            got.push(request.send().await.unwrap().status().as_u16());
        }
        assert_eq!(got, expected, "{trusted}");
        desk.server.stop().await;
    }
}

#[tokio::test]
async fn a_payment_is_taken_among_any_number_of_bad_messages_from_its_address() {
    let desk = Desk::start_with(SLOW).await;
    let made = desk.order("A-1").await;
    for _ in 0..50 {
        let answer = desk.notify("<xml><nonsense/></xml>").await;
        assert_eq!(answer, (200, ACK_FAIL.to_owned()));
    }
    desk.pay(&made).await;
    let (status, view) = desk.get(&format!("/v1/orders/{}", made.id), SHOP_KEY).await;
    assert_eq!(status, 200);
    assert!(view["phase"] == "paid" || view["phase"] == "shipped", "{view}");
    desk.server.stop().await;
}

#[tokio::test]
async fn a_page_cannot_keep_any_number_of_connections_open() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let mut open = Vec::new();
    for _ in 0..FOLLOWERS_MAX {
        open.push(desk.events(&made).await);
    }
    let path = format!("/v1/orders/{}", made.id);
    for more in ["/events", "?wait_s=25&after_version=99"] {
        let (status, answer) = desk.get(&format!("{path}{more}"), &made.token).await;
        assert_eq!((status, &answer["error"]["code"]), (429, &json!("too_many")), "{more}");
    }
    let limited = "saoma_rate_limited_requests_total{limit=\"order\"}";
    assert_eq!(desk.metrics().await[limited], "2");
    assert_eq!(desk.get(&path, &made.token).await.0, 200, "it may look all the same");
    let by_key = desk.http.get(desk.url(&format!("{path}/events"))).bearer_auth(SHOP_KEY);
    assert_eq!(by_key.send().await.unwrap().status(), 200);
    // Who goes makes room, as soon as that is noticed.
    open.clear();
    let room = async {
        while desk.get(&format!("{path}?wait_s=1"), &made.token).await.0 == 429 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, room).await.unwrap();
    desk.server.stop().await;
}

#[test]
fn a_look_may_wait_for_news_in_whatever_way_it_is_asked_for() {
    let of_look = |method: &Method| patience(method, Some(ORDER_PATH));
    assert_eq!(of_look(&Method::HEAD), of_look(&Method::GET));
    for (method, path) in [
        (Method::POST, Some(ORDER_PATH)),
        (Method::GET, Some("/v1/anomalies")),
        (Method::POST, Some(CANCEL_PATH)),
        (Method::GET, None),
    ] {
        assert!(patience(&method, path) < of_look(&Method::GET), "{method} {path:?}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_read_that_it_was_too_late() {
    for (path, is_open) in [
        (Some(ORDER_PATH), true),
        (Some(EVENTS_PATH), true),
        (Some(CANCEL_PATH), true),
        (Some("/v1/orders"), false),
        (Some("/operator"), false),
        (None, false),
    ] {
        let response = too_late(path).await;
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        let origin = response.headers().get("access-control-allow-origin");
        assert_eq!(origin.map(|origin| origin.to_str().unwrap()), is_open.then_some("*"));
    }
}

#[tokio::test]
async fn pages_of_one_address_cannot_keep_any_number_of_connections_open_whatever_they_follow() {
    let desk = Desk::start_with("[limits]\naddress_followers = 2").await;
    let (one, two, three) =
        (desk.order("A-1").await, desk.order("A-2").await, desk.order("A-3").await);
    let open = (desk.events(&one).await, desk.events(&two).await);
    let path = format!("/v1/orders/{}", three.id);
    for more in ["/events", "?wait_s=25&after_version=99"] {
        let (status, answer) = desk.get(&format!("{path}{more}"), &three.token).await;
        assert_eq!((status, &answer["error"]["code"]), (429, &json!("too_many")), "{more}");
    }
    let limited = "saoma_rate_limited_requests_total{limit=\"address\"}";
    assert_eq!(desk.metrics().await[limited], "2");
    assert_eq!(desk.get(&path, &three.token).await.0, 200, "it may look all the same");
    let by_key = desk.http.get(desk.url(&format!("{path}/events"))).bearer_auth(SHOP_KEY);
    assert_eq!(by_key.send().await.unwrap().status(), 200);
    drop(open);
    let room = async {
        while desk.get(&format!("{path}?wait_s=1"), &three.token).await.0 == 429 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, room).await.unwrap();
    desk.server.stop().await;
}
