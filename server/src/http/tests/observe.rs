//! What those see who run the server: health, metrics, names of requests, the end.

use super::*;
use crate::Secret;
use std::collections::BTreeMap;

impl Desk {
    pub(super) async fn metrics(&self) -> BTreeMap<String, String> {
        let response = self.http.get(self.url("/metrics")).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let content_type = response.headers()["content-type"].to_str().unwrap();
        assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
        samples(&response.text().await.unwrap())
    }

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

/// Samples by name and labels. Each must belong to the family that was begun last, as Prometheus
/// wants it.
fn samples(page: &str) -> BTreeMap<String, String> {
    let mut samples = BTreeMap::new();
    let mut families = Vec::new();
    let mut kind = "";
    for line in page.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, is) = family.split_once(' ').unwrap();
            assert!(!families.contains(&name), "{name} stands together");
            families.push(name);
            kind = is;
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let family = families.last().copied().unwrap();
        match kind {
            "counter" => assert!(name == family && name.ends_with("_total"), "{line}"),
            "gauge" => assert!(name == family && !name.ends_with("_total"), "{line}"),
            "histogram" => {
                let part = name.strip_prefix(family).unwrap();
                assert!(["_bucket", "_sum", "_count"].contains(&part), "{line}");
            }
            other => panic!("{other}"),
        }
        assert!(name.starts_with("saoma_"), "{line}");
        assert!(value.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-'), "{line}");
        assert!(samples.insert(sample.to_owned(), value.to_owned()).is_none(), "twice: {line}");
    }
    samples
}

#[tokio::test]
async fn a_payment_is_seen_in_the_metrics() {
    let desk = Desk::start().await;
    let before = desk.metrics().await;
    assert_eq!(before["saoma_database_up"], "1");
    assert_eq!(before["saoma_notifications_total{outcome=\"ship\"}"], "0");
    let made = desk.order("A-1").await;
    let events = desk.events(&made).await;
    desk.receiver.answer(500);
    desk.pay(&made).await;
    desk.pay(&made).await;
    desk.receiver.wait_for(1).await;
    desk.notify("not XML").await;
    sleep(Duration::from_millis(2_100)).await;
    let after = desk.metrics().await;
    for (sample, value) in [
        ("saoma_build_info{version=\"0.1.0\"}", "1"),
        ("saoma_order_changes_total{state=\"placing\"}", "1"),
        ("saoma_order_changes_total{state=\"paid\"}", "1"),
        ("saoma_notifications_total{outcome=\"ship\"}", "1"),
        ("saoma_notifications_total{outcome=\"repeated\"}", "1"),
        ("saoma_notifications_total{outcome=\"refused\"}", "1"),
        ("saoma_notification_refusals_total{reason=\"document\"}", "1"),
        ("saoma_notification_refusals_total{reason=\"sign_mismatch\"}", "0"),
        ("saoma_orders{state=\"paid\"}", "1"),
        ("saoma_orders{state=\"open\"}", "0"),
        ("saoma_outbox_entries{lane=\"shop\",state=\"pending\"}", "1"),
        ("saoma_event_streams", "1"),
        ("saoma_webhook_answers_total{result=\"500\"}", "1"),
        ("saoma_http_requests_total{path=\"/v1/orders\",method=\"POST\",status=\"201\"}", "1"),
    ] {
        assert_eq!(after.get(sample).map(String::as_str), Some(value), "{sample}");
    }
    assert!(!after.keys().any(|sample| sample.contains(&made.id)), "no order is named");
    drop(events);
    desk.server.stop().await;
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

/// What Prometheus reads in `docs/alerts.yml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Alerts {
    groups: Vec<Group>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(rename = "for")]
    lasting: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// Words that may be names of metrics.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !is_word(c)).filter(|word| word.starts_with("saoma_"))
}

/// The codes of WeChat's answers whose growth an alert is about, without their ends where those are
/// left open.
fn codes(expr: &str) -> impl Iterator<Item = &str> {
    let codes = expr.strip_prefix("increase(saoma_gateway_answers_total{code=");
    let codes = codes.map_or("", |codes| codes.split('"').nth(1).unwrap());
    codes.split('|').filter(|code| !code.is_empty()).map(|code| code.trim_end_matches(".*"))
}

#[tokio::test]
async fn every_alert_is_about_a_metric_that_exists_and_every_metric_is_explained() {
    const ALERTS: &str = include_str!("../../../../docs/alerts.yml");
    const DOCS: &str = include_str!("../../../../docs/metrics.md");
    let desk = Desk::start().await;
    let page = desk.http.get(desk.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types: BTreeMap<&str, &str> = types.collect();
    for (name, kind) in &types {
        assert!(DOCS.contains(&format!("| `{name}` | {kind} |")), "{name} is not in metrics.md");
    }
    let alerts: Alerts = serde_saphyr::from_str(ALERTS).unwrap();
    let [group] = alerts.groups.as_slice() else { panic!("one group") };
    assert_eq!(group.name, "saoma");
    let mut seen = std::collections::BTreeSet::new();
    for Rule { alert, expr, lasting, labels, annotations } in &group.rules {
        assert!(seen.insert(alert), "{alert} stands twice");
        let severity = labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("page" | "ticket")), "{alert}");
        for text in ["summary", "action"] {
            assert!(annotations.contains_key(text), "{alert} has no {text}");
        }
        if let Some(lasting) = lasting {
            assert!(lasting.ends_with(['m', 'h']), "{alert}: {lasting}");
        }
        assert!(names(expr).count() > 0, "{alert} is about nothing of ours");
        for code in codes(expr) {
            let is_at_zero = |line: &str| {
                line.starts_with("saoma_gateway_answers_total{")
                    && line.contains(&format!(",code=\"{code}"))
                    && line.ends_with(" 0")
            };
            assert!(page.lines().any(is_at_zero), "{alert}: the first {code} is no growth");
        }
        for name in names(expr) {
            let family = name.strip_suffix("_bucket").unwrap_or(name);
            let kind = types.get(family);
            assert!(kind.is_some(), "{alert}: {name} does not exist");
            assert_eq!(family != name, kind == Some(&"histogram"), "{alert}: {name}");
        }
    }
    assert!(seen.len() > 15);
    desk.server.stop().await;
}
