//! What is counted: each metric moves by what has happened, and the documents name those that there
//! are and no others. (`tests/tests/metrics.rs` has those that need a gateway that answers.)

use super::*;
use std::collections::{BTreeMap, BTreeSet};

impl Desk {
    pub(super) async fn metrics(&self) -> BTreeMap<String, String> {
        let response = self.http.get(self.url("/metrics")).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let content_type = response.headers()["content-type"].to_str().unwrap();
        assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
        samples(&response.text().await.unwrap())
    }

    /// Waits until the shop was told so often, did not confirm, and is to be told again.
    async fn until_told_again(&self, tries: &str) {
        let sql = "select tries from outbox where kind = 'ship' and state = 'pending'";
        let waits = async {
            while crate::testing::rows(&self.server.store, sql).await != [tries] {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waits).await.unwrap();
    }

    /// Waits until each of these samples has this value: some are read from the database, and kept
    /// for two seconds.
    async fn until_metrics(&self, wanted: &[(&str, &str)]) {
        let mut seen = BTreeMap::new();
        let reached = async {
            loop {
                seen = self.metrics().await;
                let is = |(sample, value): &(&str, &str)| {
                    seen.get(*sample).is_some_and(|is| is == value)
                };
                if wanted.iter().all(is) {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let is_reached = timeout(PATIENCE, reached).await.is_ok();
        let values: Vec<_> = wanted.iter().map(|(sample, _)| (sample, seen.get(*sample))).collect();
        assert!(is_reached, "{values:?} instead of {wanted:?}");
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
async fn refused_notifications_are_counted_by_what_is_wrong() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    let fields = notice_fields(&made.number, T1, "1800");
    let with = |name: &str, value: &'static str| {
        let mut fields = fields.clone();
        fields.iter_mut().find(|field| field.0 == name).unwrap().1 = value;
        signed(&fields, KEY, SignType::HmacSha256)
    };
    let unsigned = String::from_utf8(signed(&fields, KEY, SignType::HmacSha256)).unwrap();
    let unsigned = unsigned.split("<sign>").next().unwrap().to_owned() + "</xml>";
    for body in [
        vec![b'x'; 16 * 1024 + 1],
        b"{}".to_vec(),
        with("mch_id", "1900000110"),
        unsigned.into_bytes(),
        signed(&fields, KEY, SignType::Md5),
        signed(&fields, &"k".repeat(32), SignType::HmacSha256),
        with("appid", "wx5a0mademeup0002"),
    ] {
        assert_eq!(desk.notify(body).await.1, ACK_FAIL);
    }
    let sealed = "<xml><return_code>SUCCESS</return_code><appid>wx5a0mademeup0001</appid>\
                  <mch_id>1900000109</mch_id><nonce_str>n</nonce_str><req_info>AAAA</req_info></xml>";
    let about_refund = desk.http.post(desk.url("/wx/v2/refund-notify")).body(sealed);
    assert_eq!(about_refund.send().await.unwrap().text().await.unwrap(), ACK_FAIL);
    let seen = desk.metrics().await;
    for reason in crate::metrics::REFUSAL_REASONS {
        let sample = format!("saoma_notification_refusals_total{{reason=\"{reason}\"}}");
        assert_eq!(seen[&sample], "1", "{reason}");
    }
    let of = |outcome: &str| format!("saoma_notifications_total{{outcome=\"{outcome}\"}}");
    assert_eq!(seen[&of("refused")], crate::metrics::REFUSAL_REASONS.len().to_string());
    assert_eq!((&*seen[&of("ship")], &*seen[&of("failed")]), ("0", "0"));
    // Good ones that cannot be kept.
    desk.server.store.close().await;
    for failed in ["1", "2"] {
        let good = signed(&fields, KEY, SignType::HmacSha256);
        assert_eq!(desk.notify(good).await.0, 500);
        assert_eq!(desk.metrics().await[&of("failed")], failed);
    }
}

#[tokio::test]
async fn what_may_not_ship_is_counted_by_its_kind_and_its_refunds_by_their_state() {
    let desk = Desk::start().await;
    let late = desk.order("A-1").await;
    assert_eq!(desk.post(&format!("/v1/orders/{}/cancel", late.id), SHOP_KEY, "").await.0, 200);
    let (wrong, foreign) = (desk.order("A-2").await, desk.order("A-3").await);
    let good = desk.order("A-4").await;
    let payment = |n: u32| format!("420000999920261123000000000{n}");
    let notify = async |number: &str, n: u32, changes: &[(&'static str, &'static str)]| {
        let payment = payment(n);
        let mut fields = notice_fields(number, &payment, "1800");
        for (name, value) in changes {
            fields.retain(|field| field.0 != *name);
            fields.push((name, value));
        }
        let answer = desk.notify(signed(&fields, KEY, SignType::HmacSha256)).await;
        assert_eq!(answer, (200, ACK_SUCCESS.to_owned()));
    };
    notify(&late.number, 1, &[]).await;
    notify(&wrong.number, 2, &[("total_fee", "1799"), ("cash_fee", "1799")]).await;
    notify(&foreign.number, 3, &[("fee_type", "USD")]).await;
    notify("NOBODYS-0001", 4, &[]).await;
    notify("NOBODYS-0002", 5, &[]).await;
    notify(&good.number, 6, &[]).await;
    // The same transaction for another number: that cannot be.
    notify("NOBODYS-0003", 6, &[]).await;
    desk.until_metrics(&[
        ("saoma_anomalies_total{kind=\"paid_after_cancel\"}", "1"),
        ("saoma_anomalies_total{kind=\"amount_mismatch\"}", "1"),
        ("saoma_anomalies_total{kind=\"currency_mismatch\"}", "1"),
        ("saoma_anomalies_total{kind=\"unknown_order\"}", "2"),
        ("saoma_anomalies_total{kind=\"conflict\"}", "1"),
        ("saoma_anomalies_total{kind=\"paid_twice\"}", "0"),
        ("saoma_notifications_total{outcome=\"anomaly\"}", "6"),
        ("saoma_notifications_total{outcome=\"ship\"}", "1"),
        // There is no certificate to ask with.
        ("saoma_gateway_answers_total{call=\"refund\",code=\"unsent\"}", "5"),
        ("saoma_gateway_call_duration_seconds_count{call=\"refund\"}", "5"),
        ("saoma_refunds{state=\"asked\"}", "5"),
        ("saoma_refunds{state=\"failed\"}", "0"),
        ("saoma_refund_oldest_unfinished_seconds", "0"),
    ])
    .await;
    desk.clock.advance(90);
    desk.until_metrics(&[
        ("saoma_refund_oldest_unfinished_seconds", "90"),
        ("saoma_outbox_oldest_seconds{lane=\"gateway\"}", "90"),
    ])
    .await;
    desk.server.stop().await;
}

#[tokio::test]
async fn how_long_a_shop_takes_to_confirm_is_measured_from_the_payment_on() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    desk.receiver.answer(500);
    desk.pay(&made).await;
    desk.until_told_again("1").await;
    desk.clock.advance(7);
    desk.until_told_again("2").await;
    desk.until_metrics(&[
        ("saoma_outbox_oldest_seconds{lane=\"shop\"}", "7"),
        ("saoma_webhook_answers_total{result=\"500\"}", "2"),
        ("saoma_webhook_duration_seconds_count", "2"),
    ])
    .await;
    assert!(!desk.metrics().await.contains_key("saoma_notify_to_ship_seconds_count"));
    desk.receiver.answer(200);
    desk.clock.advance(5);
    desk.wait_for_phase(&made, "shipped").await;
    desk.until_metrics(&[
        ("saoma_notify_to_ship_seconds_count", "1"),
        ("saoma_notify_to_ship_seconds_sum", "12"),
        ("saoma_notify_to_ship_seconds_bucket{le=\"10\"}", "0"),
        ("saoma_notify_to_ship_seconds_bucket{le=\"30\"}", "1"),
        ("saoma_webhook_answers_total{result=\"OK\"}", "1"),
        ("saoma_webhook_duration_seconds_count", "3"),
        ("saoma_outbox_oldest_seconds{lane=\"shop\"}", "0"),
        ("saoma_order_changes_total{state=\"shipped\"}", "1"),
        ("saoma_start_time_seconds", "1795433160"),
    ])
    .await;
    desk.server.stop().await;
}

#[tokio::test]
async fn the_gateways_clock_is_compared_with_ours() {
    let mut desk = Desk::start().await;
    let offset = "saoma_gateway_clock_offset_seconds";
    assert!(!desk.metrics().await.contains_key(offset), "nobody has answered yet");
    // 42 seconds after the time at which ours stands.
    let date = || async { [("date", "Mon, 23 Nov 2026 11:26:42 GMT")] };
    let gateway = axum::Router::new().fallback(date);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, gateway).await });
    desk.config.merchants[0].gateway = vec![url];
    let desk = desk.crash().await;
    desk.until_metrics(&[(offset, "42")]).await;
    desk.clock.advance(50);
    let desk = desk.crash().await;
    desk.until_metrics(&[(offset, "-8")]).await;
    desk.server.stop().await;
}

/// A sample as a number.
fn number(samples: &BTreeMap<String, String>, sample: &str) -> u64 {
    samples.get(sample).map_or(0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn requests_and_commits_are_counted_and_measured() {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.wait_for_phase(&made, "shipped").await;
    for _ in 0..3 {
        assert_eq!(desk.get("/healthz", "").await.0, 200);
    }
    desk.until_metrics(&[
        ("saoma_http_requests_total{path=\"/healthz\",method=\"GET\",status=\"200\"}", "3"),
        ("saoma_http_request_duration_seconds_count{path=\"/healthz\"}", "3"),
        ("saoma_http_request_duration_seconds_bucket{path=\"/healthz\",le=\"+Inf\"}", "3"),
    ])
    .await;
    // With the clock standing everything comes to rest; then one message is one commit of one
    // change.
    const COMMITS: [&str; 3] = [
        "saoma_database_commit_duration_seconds_count",
        "saoma_database_batch_size_count",
        "saoma_database_batch_size_sum",
    ];
    let counts = async || {
        let seen = desk.metrics().await;
        COMMITS.map(|sample| number(&seen, sample))
    };
    let mut before = counts().await;
    let at_rest = async {
        loop {
            sleep(Duration::from_millis(300)).await;
            match counts().await {
                now if now == before => return,
                now => before = now,
            }
        }
    };
    timeout(PATIENCE, at_rest).await.unwrap();
    let unknown = notice_fields("NOBODYS-0001", T1, "1800");
    let unknown = signed(&unknown, KEY, SignType::HmacSha256);
    assert_eq!(desk.notify(unknown).await.0, 200);
    assert_eq!(counts().await, before.map(|count| count + 1));
    desk.server.stop().await;
}

const ALERTS: &str = include_str!("../../../../docs/alerts.yml");
const METRICS: &str = include_str!("../../../../docs/metrics.md");
const OPERATIONS: &str = include_str!("../../../../docs/operations.md");
const BENCHMARKS: &str = include_str!("../../../../docs/benchmarks.md");

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

/// A row of the table in `docs/metrics.md`: name, kind, labels.
fn documented(docs: &str) -> BTreeMap<&str, (&str, BTreeSet<&str>)> {
    let mut documented = BTreeMap::new();
    for row in docs.lines().filter(|line| line.starts_with("| `saoma_")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, name, kind, labels, ..] = cells.as_slice() else { panic!("{row}") };
        let labels = labels.split(", ").filter(|label| !label.is_empty());
        let about = (*kind, labels.map(|label| label.trim_matches('`')).collect());
        let is_twice = documented.insert(name.trim_matches('`'), about).is_some();
        assert!(!is_twice, "{name} is explained twice");
    }
    documented
}

/// The labels of a sample by their names, but the bound of a bucket.
fn labels(sample: &str) -> BTreeMap<&str, &str> {
    let Some((_, labels)) = sample.trim_end_matches('}').split_once('{') else {
        return BTreeMap::new();
    };
    // Only the patterns of paths hold braces, and no value here holds a comma.
    let pairs = labels.split(',').map(|pair| pair.split_once('=').unwrap());
    pairs
        .filter(|(name, _)| *name != "le")
        .map(|(name, text)| (name, text.trim_matches('"')))
        .collect()
}

/// What has stood on a page of a server that was used.
async fn used() -> (Desk, String) {
    let desk = Desk::start().await;
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.wait_for_phase(&made, "shipped").await;
    let page = desk.http.get(desk.url("/metrics")).send().await.unwrap().text().await.unwrap();
    (desk, page)
}

#[tokio::test]
async fn the_documents_name_the_metrics_that_there_are_with_their_labels_and_no_others() {
    let (desk, page) = used().await;
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types: BTreeMap<&str, &str> = types.collect();
    let documented = documented(METRICS);
    let kinds: BTreeMap<&str, &str> =
        documented.iter().map(|(name, (kind, _))| (*name, *kind)).collect();
    assert_eq!(kinds, types);
    for (text, document) in [
        (METRICS, "metrics.md"),
        (OPERATIONS, "operations.md"),
        (ALERTS, "alerts.yml"),
        (BENCHMARKS, "benchmarks.md"),
    ] {
        let is_ours = |name: &&str| !["saoma_server", "saoma_restored"].contains(name);
        for name in names(text).filter(is_ours) {
            assert!(types.contains_key(family(name)), "{document}: {name} does not exist");
        }
    }
    let mut have_samples = BTreeSet::new();
    let samples = samples(&page);
    for sample in samples.keys() {
        let name = family(sample.split('{').next().unwrap());
        let named: BTreeSet<&str> = labels(sample).into_keys().collect();
        assert_eq!(named, documented[name].1, "the labels of {sample}");
        have_samples.insert(name);
    }
    assert!(have_samples.len() > 15, "{have_samples:?}");
    desk.server.stop().await;
}

/// The family that a part of a histogram belongs to.
fn family(name: &str) -> &str {
    let mut ends = ["_bucket", "_sum", "_count"].iter();
    ends.find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// The matchers of an expression: metric, label, operator, text.
fn matchers(expr: &str) -> Vec<(&str, &str, &str, &str)> {
    let mut found = Vec::new();
    for (at, _) in expr.match_indices('{') {
        let before = expr[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let metric = before.into_iter().next().unwrap();
        let inside = expr[at + 1..].split('}').next().unwrap();
        for matcher in inside.split(',') {
            let (label, text) = matcher.split_once('"').unwrap();
            let end = label.trim_end_matches(['=', '~', '!']).len();
            found.push((metric, &label[..end], &label[end..], text.trim_end_matches('"')));
        }
    }
    found
}

#[tokio::test]
async fn every_alert_is_about_a_metric_that_exists_and_a_label_that_it_has() {
    let (desk, page) = used().await;
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types: BTreeMap<&str, &str> = types.collect();
    let documented = documented(METRICS);
    let alerts: Alerts = serde_saphyr::from_str(ALERTS).unwrap();
    let [group] = alerts.groups.as_slice() else { panic!("one group") };
    assert_eq!(group.name, "saoma");
    let mut seen = BTreeSet::new();
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
        for (metric, label, operator, text) in matchers(expr).into_iter().filter(|it| it.0 != "up")
        {
            let is_label = documented[family(metric)].1.contains(label);
            assert!(is_label, "{alert}: {metric} has no {label}");
            // What is matched as a whole stands there from the beginning.
            let sample = format!("{metric}{{");
            let wanted = format!("{label}=\"{text}\"");
            let is_there = |line: &str| line.starts_with(&sample) && line.contains(&wanted);
            assert!(operator != "=" || page.lines().any(is_there), "{alert}: {wanted}");
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
