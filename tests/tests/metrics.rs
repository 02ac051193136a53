//! What `/metrics` tells of WeChat: each count is compared with what the sandbox has seen or was
//! told to do. What needs no gateway that answers is in `server/src/http/tests/metrics.rs`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_sandbox::gateway::{Call, Direction};
use saoma_sandbox::{Ending, FaultRule, Often, RefundEnd, RefundTarget, Tender};
use std::collections::BTreeMap;
use std::time::Duration;
use world::{Order, World};

const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds until the first day's bill is there.
const UNTIL_BILL: u32 = 110_040;

/// The sandbox spoils the next calls of this kind.
fn fault(world: &World, call: Call, word: &str, times: u32) {
    let rule = FaultRule::next(word.parse().unwrap()).of_call(call).often(Often::Next(times));
    world.sandbox.add_fault(rule).unwrap();
}

/// Samples by name and labels.
async fn metrics(world: &World) -> BTreeMap<String, String> {
    let page = world.metrics().await;
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.map(|line| line.rsplit_once(' ').unwrap());
    samples.map(|(sample, value)| (sample.to_owned(), value.to_owned())).collect()
}

/// Waits until each of these samples has this value: some are two seconds old.
async fn until_metrics(world: &World, wanted: &[(&str, &str)]) {
    let mut seen = BTreeMap::new();
    let reached = async {
        loop {
            seen = metrics(world).await;
            let is = |(name, value): &(&str, &str)| seen.get(*name).is_some_and(|is| is == value);
            if wanted.iter().all(is) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let is_reached = tokio::time::timeout(PATIENCE, reached).await.is_ok();
    let values: Vec<_> = wanted.iter().map(|(name, _)| (name, seen.get(*name))).collect();
    assert!(is_reached, "{values:?} instead of {wanted:?}");
}

async fn paid(world: &World, order_no: &str) -> Order {
    let order = world.order(order_no).await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
    order
}

async fn refund_is(world: &World, order: &Order, state: &str) {
    let is = async || world.refunds(&order.id).await.iter().any(|it| it["state"] == state);
    world.pass(4_000, 10, is).await;
}

#[tokio::test]
async fn every_call_is_counted_by_its_answer() {
    let world = World::with_certificate("").await;
    fault(&world, Call::UnifiedOrder, "system_error_before", 1);
    let body = serde_json::json!({ "order_no": "A-1", "amount_fen": 1800, "description": "拿铁" });
    let (status, created) = world.create(&body).await;
    assert_eq!(status, 201, "{created}");
    let id = created["order_id"].as_str().unwrap().to_owned();
    world.pass(60, 1, async || world.view(&id).await["phase"] == "open").await;
    let order = Order { number: format!("{id}-1"), id };
    world.pay(&order);
    world.until(&order.id, "shipped").await;

    fault(&world, Call::Refund, "error; NOTENOUGH", 2);
    assert_eq!(world.refund(&order.id, "R-1", 300).await.0, 201);
    refund_is(&world, &order, "done").await;
    let given_up = world.order("A-2").await;
    fault(&world, Call::CloseOrder, "system_error_before", 1);
    assert_eq!(world.cancel(&given_up.id).await.0, 200);
    world.pass(900, 10, async || world.view(&given_up.id).await["phase"] == "cancelled").await;

    // The sandbox has its own list.
    let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut calls: BTreeMap<String, u64> = BTreeMap::new();
    for message in world.sandbox.messages() {
        if message.direction == Direction::In {
            let call = message.name.rsplit('/').next().unwrap().to_owned();
            let code = message.code.unwrap_or("OK").to_owned();
            *calls.entry(call.clone()).or_default() += 1;
            *expected.entry((call, code)).or_default() += 1;
        }
    }
    for (call, code, least) in [
        ("unifiedorder", "SYSTEMERROR", 1),
        ("unifiedorder", "OK", 2),
        ("refund", "NOTENOUGH", 2),
        ("refund", "OK", 1),
        ("refundquery", "OK", 1),
        ("closeorder", "SYSTEMERROR", 1),
        ("closeorder", "OK", 1),
    ] {
        let count = expected.get(&(call.to_owned(), code.to_owned()));
        assert!(count.is_some_and(|count| *count >= least), "{call} {code}: {expected:?}");
    }
    let mut wanted = Vec::new();
    for ((call, code), count) in &expected {
        let name = "saoma_gateway_answers_total";
        wanted.push((format!("{name}{{call=\"{call}\",code=\"{code}\"}}"), count.to_string()));
    }
    for (call, count) in &calls {
        let name = "saoma_gateway_call_duration_seconds";
        wanted.push((format!("{name}_count{{call=\"{call}\"}}"), count.to_string()));
        wanted.push((format!("{name}_bucket{{call=\"{call}\",le=\"+Inf\"}}"), count.to_string()));
    }
    let wanted: Vec<_> = wanted.iter().map(|(name, count)| (&**name, &**count)).collect();
    until_metrics(&world, &wanted).await;
    // Nothing else was counted.
    let seen = metrics(&world).await;
    let answers = seen.iter().filter(|(name, _)| name.starts_with("saoma_gateway_answers_total"));
    let sum: u64 = answers.map(|(_, count)| count.parse::<u64>().unwrap()).sum();
    assert_eq!(sum, calls.values().sum::<u64>());
}

#[tokio::test]
async fn answers_that_cannot_be_believed_are_counted_by_what_is_wrong_with_them() {
    let world = World::start().await;
    for (n, (word, code)) in [
        ("cut_before", "broken"),
        ("html_page", "bad_answer"),
        ("garbage", "bad_answer"),
        ("http_error_before", "http_status"),
        ("error; SIGNERROR", "SIGNERROR"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("saoma_gateway_answers_total{{call=\"unifiedorder\",code=\"{code}\"}}");
        let count = metrics(&world).await.get(&name).map_or(0, |count| count.parse().unwrap());
        world.sandbox.remove_faults();
        fault(&world, Call::UnifiedOrder, word, 1);
        let order_no = format!("A-{n}");
        let body =
            serde_json::json!({ "order_no": order_no, "amount_fen": 1800, "description": "拿铁" });
        assert_eq!(world.create(&body).await.0, 201, "{word}");
        until_metrics(&world, &[(&name, &(count + 1_u64).to_string())]).await;
    }
}

#[tokio::test]
async fn refunds_are_counted_by_their_state_until_they_are_over() {
    let world = World::with_certificate("").await;
    let order = paid(&world, "A-1").await;
    // Nobody knows what became of it.
    fault(&world, Call::Refund, "cut_after", 1);
    assert_eq!(world.refund(&order.id, "R-1", 500).await.0, 201);
    let states = |unsure, accepted, failed| {
        [
            ("saoma_refunds{state=\"unsure\"}", unsure),
            ("saoma_refunds{state=\"accepted\"}", accepted),
            ("saoma_refunds{state=\"failed\"}", failed),
            ("saoma_refunds{state=\"held\"}", "0"),
            ("saoma_refunds{state=\"asked\"}", "0"),
        ]
    };
    until_metrics(&world, &states("1", "0", "0")).await;
    // Only our clock goes on: WeChat is at it.
    world.clock.advance(90);
    until_metrics(&world, &states("0", "1", "0")).await;
    until_metrics(&world, &[("saoma_refund_oldest_unfinished_seconds", "90")]).await;
    refund_is(&world, &order, "done").await;
    until_metrics(&world, &states("0", "0", "0")).await;

    let stuck = paid(&world, "A-2").await;
    // The digits are those of the shop's own number: printf R-1 | sha256sum
    let out_refund_no = format!("{}-Saee554ed", stuck.id);
    let target = RefundTarget::Number { mch_id: None, out_refund_no };
    let change = Ending { end: RefundEnd::Change, ..Ending::default() };
    world.sandbox.plan_refund(&target, change).unwrap();
    assert_eq!(world.refund(&stuck.id, "R-1", 500).await.0, 201);
    refund_is(&world, &stuck, "failed").await;
    until_metrics(&world, &states("0", "0", "1")).await;
    // What waits for a person does not grow old.
    until_metrics(&world, &[("saoma_refund_oldest_unfinished_seconds", "0")]).await;
}

#[tokio::test]
async fn a_payment_that_is_held_is_seen_as_one() {
    let world = World::with_certificate("anomalies = \"hold\"").await;
    let order = world.order("A-1").await;
    assert_eq!(world.cancel(&order.id).await.0, 200);
    world.pay(&order);
    world.until(&order.id, "refunding").await;
    until_metrics(
        &world,
        &[
            ("saoma_anomalies_total{kind=\"paid_after_cancel\"}", "1"),
            ("saoma_notifications_total{outcome=\"anomaly\"}", "1"),
            ("saoma_refunds{state=\"held\"}", "1"),
            ("saoma_outbox_entries{lane=\"gateway\",state=\"held\"}", "1"),
            ("saoma_orders{state=\"refunding\"}", "1"),
            ("saoma_refund_oldest_unfinished_seconds", "0"),
        ],
    )
    .await;
}

#[tokio::test]
async fn differences_of_the_bill_are_counted_until_they_are_settled() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    for call in [Call::OrderQuery, Call::CloseOrder] {
        let rule = FaultRule::next("system_error_before".parse().unwrap()).of_call(call);
        world.sandbox.add_fault(rule.often(Often::Always)).unwrap();
    }
    world.pay_as(&order, Tender { notify: false, ..Tender::default() });
    world.advance(UNTIL_BILL);
    let missing = "saoma_bill_differences{kind=\"missing_here\"}";
    let downloads = "saoma_gateway_answers_total{call=\"downloadbill\",code=\"OK\"}";
    until_metrics(&world, &[(missing, "1"), (downloads, "1")]).await;
    world.sandbox.remove_faults();
    world.advance(3_600);
    world.until(&order.id, "shipped").await;
    let settled = async {
        while metrics(&world).await.keys().any(|name| name.starts_with("saoma_bill_differences")) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.unwrap();
}
