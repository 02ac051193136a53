//! What those see who run the server: health, who may read metrics, names of requests, the end.

use super::*;
use crate::Secret;

impl Desk {
    async fn ask(&self, url: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
        let mut request = self.http.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.text().await.unwrap())
    }
}

#[tokio::test]
async fn metrics_are_for_those_who_run_the_server() {
    const TOKEN: &str = "metrics-token-012345";
    let desk = Desk::start().await;
    let url = desk.url("/metrics");
    assert_eq!(desk.ask(&url, &[]).await.0, 200, "without a public URL only this machine calls");
    let mut desk = desk;
    desk.config.public_url = Some("https://pay.example.com".to_owned());
    desk.config.watched.metrics_listen = Some(([127, 0, 0, 1], 0).into());
    let desk = desk.crash().await;
    assert_eq!(desk.ask(&desk.url("/metrics"), &[]).await.0, 404);
    let own = desk.server.metrics_url().unwrap();
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(desk.ask(&format!("{own}{path}"), &[]).await.0, 200, "{path}");
    }
    assert_eq!(desk.ask(&format!("{own}/v1/anomalies"), &[]).await.0, 404);
    let mut desk = desk;
    desk.config.watched.metrics_listen = None;
    desk.config.watched.metrics_token = Some(Secret::new(TOKEN.to_owned()));
    let desk = desk.crash().await;
    let url = desk.url("/metrics");
    let with = |token: &str| format!("Bearer {token}");
    assert_eq!(desk.ask(&url, &[]).await.0, 401);
    assert_eq!(desk.ask(&url, &[("authorization", &with("metrics-token-012346"))]).await.0, 401);
    assert_eq!(desk.ask(&url, &[("authorization", &with(SHOP_KEY))]).await.0, 401);
    assert_eq!(desk.ask(&url, &[("authorization", &with(TOKEN))]).await.0, 200);
    drop(desk);
}

#[tokio::test]
async fn every_answer_names_its_request() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let desk = Desk::start().await;
    let url = desk.url("/v1/orders/20261123192600K7Q2M9XB");
    let ask = async |headers: &[(&str, &str)]| {
        let (status, answered, body) = desk.ask(&url, headers).await;
        assert_eq!(status, 401);
        let id = answered["x-request-id"].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["error"]["trace_id"], id.as_str());
        id
    };
    assert_eq!(ask(&[("x-request-id", "from-the-proxy.1")]).await, "from-the-proxy.1");
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    assert_eq!(ask(&[("traceparent", &parent)]).await, TRACE);
    let made_up = ask(&[("x-request-id", "two words"), ("traceparent", "00-0-0-00")]).await;
    assert_eq!(made_up.len(), 32);
    assert_ne!(ask(&[]).await, made_up);
    let (_, answered, _) = desk.ask(&desk.url("/no/such/path"), &[]).await;
    assert_eq!(answered["x-request-id"].len(), 32);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_server_without_its_database_lives_but_is_not_ready() {
    let desk = Desk::start().await;
    assert_eq!(desk.get("/readyz", "").await, (200, json!({ "status": "ready" })));
    desk.server.store.close().await;
    sleep(Duration::from_millis(600)).await;
    assert_eq!(desk.get("/healthz", "").await.0, 200);
    let reason = "the database cannot be read";
    let not_ready = json!({ "status": "not_ready", "reason": reason });
    assert_eq!(desk.get("/readyz", "").await, (503, not_ready));
    let seen = desk.metrics().await;
    assert_eq!(seen["saoma_database_up"], "0");
    assert!(!seen.contains_key("saoma_orders{state=\"open\"}"));
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_not_ready() {
    let desk = Desk::start().await;
    // Somebody holds the writer for longer than a second.
    let held = desk.server.store.begin().await.unwrap();
    let not_ready =
        json!({ "status": "not_ready", "reason": "the database did not answer within 1 s" });
    assert_eq!(desk.get("/readyz", "").await, (503, not_ready));
    drop(held);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(desk.get("/readyz", "").await.0, 200);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_stopping_server_says_so_at_once_and_goes_on_for_a_while() {
    let mut desk = Desk::start().await;
    desk.config.watched.drain = Duration::from_secs(2);
    let desk = desk.crash().await;
    let made = desk.order("A-1").await;
    let mut events = desk.events(&made).await;
    let (ready, health) = (desk.url("/readyz"), desk.url("/healthz"));
    let view = format!("{}?token={}", desk.url(&format!("/v1/orders/{}", made.id)), made.token);
    let Desk { server, http, .. } = desk;
    let stopping = tokio::spawn(server.stop());
    let get = async |url: &str| {
        let response = http.get(url).send().await.unwrap();
        let close = response.headers().get("connection").is_some_and(|value| value == "close");
        (response.status().as_u16(), close, response.text().await.unwrap())
    };
    let told = async {
        loop {
            let (status, _, body) = get(&ready).await;
            if status == 503 {
                return body;
            }
        }
    };
    let body = timeout(PATIENCE, told).await.unwrap();
    assert!(body.contains("the server is stopping"), "{body}");
    assert_eq!(get(&health).await.0, 200);
    let (status, is_closed, _) = get(&view).await;
    assert_eq!((status, is_closed), (200, true));
    timeout(PATIENCE, stopping).await.unwrap().unwrap();
    let mut stream = String::new();
    while let Some(chunk) = events.chunk().await.unwrap() {
        stream += std::str::from_utf8(&chunk).unwrap();
    }
    let retry = stream.lines().find_map(|line| line.strip_prefix("retry: "));
    let retry: u64 = retry.unwrap_or_else(|| panic!("{stream}")).parse().unwrap();
    assert!((500..2_500).contains(&retry), "{retry}");
    assert!(http.get(&health).send().await.is_err(), "nobody is there any more");
}
