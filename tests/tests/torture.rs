//! The real server program killed at random moments, under load, with faults on the way to the
//! gateway and back, on both databases; and stopped in order in the middle of its work.
//!
//! The programs must be built before: `cargo build --workspace`. A longer run, which begins with a
//! seed and says so: `cargo xtask torture`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the rig")]
mod rig;
#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use rig::{PATIENCE, Rig};
use saoma_postgres::Cluster;
use saoma_sandbox::{OrderView, Target, Tender};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use world::SHOP_KEY;

const PRICE: u64 = 1_800;

/// Numbers that a seed repeats (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// How much of everything.
struct Run {
    seed: u64,
    orders: u64,
    kills: u64,
    faults_per_mille: u16,
}

impl Run {
    fn short() -> Self {
        Self { seed: 20_261_125, orders: 16, kills: 6, faults_per_mille: 40 }
    }

    /// What `cargo xtask torture` asks for.
    fn asked_for() -> Self {
        let number = |name: &str, default| {
            std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
        };
        Self {
            seed: number("SAOMA_TORTURE_SEED", 1),
            orders: number("SAOMA_TORTURE_ORDERS", 300),
            kills: number("SAOMA_TORTURE_KILLS", 60),
            faults_per_mille: 60,
        }
    }
}

/// A request that is sent again until somebody answers it: the server may be dead just now.
async fn insist(rig: &Rig, path: &str, body: Option<Value>) -> Value {
    let ask = async {
        loop {
            let url = format!("{}{path}", rig.url);
            let request = match &body {
                Some(body) => rig.http.post(url).json(body),
                None => rig.http.get(url),
            };
            if let Ok(response) = request.bearer_auth(SHOP_KEY).send().await
                && (response.status().is_success() || response.status() == 409)
                && let Ok(answer) = response.json::<Value>().await
            {
                return answer;
            }
            sleep(Duration::from_millis(30)).await;
        }
    };
    timeout(PATIENCE, ask).await.unwrap_or_else(|_| panic!("{path}: {}", rig.last_words()))
}

/// The number at the gateway under which an order can be paid now.
async fn payable(rig: &Rig, path: &str) -> String {
    let ask = async {
        loop {
            let view = insist(rig, path, None).await;
            let code = view["code_url"].as_str().unwrap_or_default();
            let orders = rig.sandbox.orders();
            if let Some(order) = orders.iter().find(|order| order.code_url == code) {
                return order.out_trade_no.clone();
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, ask).await.unwrap_or_else(|_| panic!("{path}: {}", rig.last_words()))
}

/// Makes an order and does with it what customers do.
async fn buy(rig: Arc<Rig>, order_no: String, fate: u64) {
    let body = json!({ "order_no": order_no, "amount_fen": PRICE, "description": "拿铁" });
    let created = insist(&rig, "/v1/orders", Some(body)).await;
    let path = format!("/v1/orders/{}", created["order_id"].as_str().unwrap());
    let number = payable(&rig, &path).await;
    let cancel = format!("{path}/cancel");
    let target = Target::of_number(&number);
    let forced = || Tender { force: true, ..Tender::default() };
    let pay = |tender| {
        // A fault may have made it impossible.
        let _ = rig.sandbox.pay(&target, tender);
    };
    match fate {
        0..5 => pay(Tender::default()),
        5 => pay(Tender { notify: false, ..Tender::default() }),
        6 => pay(Tender { total_fen: Some(PRICE - 1), ..forced() }),
        7 | 8 => {
            insist(&rig, &cancel, Some(json!({}))).await;
            pay(forced());
        }
        _ => {
            insist(&rig, &cancel, Some(json!({}))).await;
        }
    }
}

/// What is wrong with the money of an order, if anything: each payment is either the one that was
/// shipped for, or it is given back, whole and once, or it is one that cannot be and a person was
/// told.
fn wrong(
    order_id: &str,
    attempts: &[&OrderView],
    ships: usize,
    conflicts: &BTreeSet<String>,
) -> Option<String> {
    let mut kept = Vec::new();
    let payments = attempts.iter().flat_map(|attempt| &attempt.payments);
    for payment in payments.filter(|payment| !conflicts.contains(&payment.transaction_id)) {
        let back: u64 = payment.refunds.iter().map(|refund| refund.refund_fee).sum();
        match back {
            0 => kept.push(payment.total_fee),
            back if back == payment.total_fee => {}
            back => return Some(format!("{order_id}: {back} of {} given back", payment.total_fee)),
        }
    }
    match (kept.as_slice(), ships) {
        ([], 0) | ([PRICE], 1) => None,
        (kept, ships) => Some(format!("{order_id}: kept {kept:?}, shipped for {ships} times")),
    }
}

/// The gateway's ledger against what the shop was told.
async fn all_wrongs(rig: &Rig) -> Vec<String> {
    let anomalies = insist(rig, "/v1/anomalies", None).await;
    let conflicts = anomalies["anomalies"].as_array().unwrap().iter();
    let conflicts = conflicts.filter(|anomaly| anomaly["kind"] == "conflict");
    let conflicts: BTreeSet<String> =
        conflicts.map(|anomaly| anomaly["transaction_id"].as_str().unwrap().to_owned()).collect();
    let orders = rig.sandbox.orders();
    let mut by_id: BTreeMap<&str, Vec<&OrderView>> = BTreeMap::new();
    for order in &orders {
        let (id, _) = order.out_trade_no.rsplit_once('-').unwrap();
        by_id.entry(id).or_default().push(order);
    }
    let mut ships: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for call in rig.shop.calls() {
        let text = |name: &str| call[name].as_str().unwrap().to_owned();
        ships.entry(text("order_id")).or_default().insert(text("ship_id"));
    }
    let told = |id: &str| ships.get(id).map_or(0, BTreeSet::len);
    let all = by_id.iter();
    all.filter_map(|(id, orders)| wrong(id, orders, told(id), &conflicts)).collect()
}

/// Kills the server again and again while customers buy; then everything comes to rest, and stays
/// at rest over one more start.
async fn torture(run: Run, database: &str) {
    let kind = database.split(':').next().unwrap_or_default();
    println!("seed {}, {} orders, {} kills, {kind}", run.seed, run.orders, run.kills);
    let mut dice = Dice(run.seed);
    let rig = Arc::new(Rig::start(database, "", "info", run.faults_per_mille).await);
    rig.shop.fail_next(3);
    let mut customers = JoinSet::new();
    for number in 0..run.orders {
        let (rig, fate, at_ms) = (rig.clone(), dice.below(10), dice.below(run.kills * 1_000));
        customers.spawn(async move {
            sleep(Duration::from_millis(at_ms)).await;
            buy(rig, format!("T-{number}"), fate).await;
        });
    }
    for _ in 0..run.kills {
        sleep(Duration::from_millis(dice.below(1_500))).await;
        rig.kill().await;
        rig.start_server().await;
    }
    while let Some(bought) = customers.join_next().await {
        bought.unwrap();
    }
    let rest = async {
        while !all_wrongs(&rig).await.is_empty() {
            sleep(Duration::from_millis(200)).await;
        }
    };
    if timeout(PATIENCE, rest).await.is_err() {
        panic!("no rest: {:#?}\n{}", all_wrongs(&rig).await, rig.last_words());
    }
    rig.kill().await;
    rig.start_server().await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(all_wrongs(&rig).await, [""; 0]);
    let orders = rig.sandbox.orders();
    let payments = orders.iter().map(|order| order.payments.len()).sum::<usize>();
    let refunds = orders.iter().flat_map(|order| &order.payments).map(|it| it.refunds.len());
    let refunds = refunds.sum::<usize>();
    assert!(payments > 0 && refunds > 0, "{payments} payments, {refunds} refunds");
    let told = rig.shop.calls().len();
    println!("{payments} payments, {refunds} refunds, {told} calls of the webhook");
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_the_server_is_killed_each_fen_is_shipped_for_or_given_back() {
    torture(Run::short(), "sqlite:saoma.db").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo xtask torture"]
async fn for_minutes_on_sqlite() {
    torture(Run::asked_for(), "sqlite:saoma.db").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_the_server_is_killed_on_postgresql_each_fen_is_shipped_for_or_given_back() {
    let database = Cluster::shared().unwrap().database().unwrap();
    torture(Run::short(), &database).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo xtask torture"]
async fn for_minutes_on_postgresql() {
    let database = Cluster::shared().unwrap().database().unwrap();
    torture(Run::asked_for(), &database).await;
}

/// The status that a server's load balancer sees.
async fn readiness(rig: &Rig) -> u16 {
    let response = rig.http.get(format!("{}/readyz", rig.url)).send().await;
    response.map_or(0, |response| response.status().as_u16())
}

/// Shops that send orders as long as the server takes requests, as a load balancer would let them;
/// gives what each was answered.
async fn shops(
    rig: Arc<Rig>,
    is_draining: Arc<AtomicBool>,
) -> Vec<(String, Result<Value, String>)> {
    let sent = Arc::new(AtomicU64::new(0));
    let mut shops = JoinSet::new();
    for _ in 0..8 {
        let (rig, sent, is_draining) = (rig.clone(), sent.clone(), is_draining.clone());
        shops.spawn(async move {
            let mut answers = Vec::new();
            while !is_draining.load(Ordering::SeqCst) {
                let order_no = format!("L-{}", sent.fetch_add(1, Ordering::SeqCst));
                let body = json!({ "order_no": order_no, "amount_fen": 1, "description": "x" });
                let request = rig.http.post(format!("{}/v1/orders", rig.url)).json(&body);
                let answer = async {
                    let response = request.bearer_auth(SHOP_KEY).send().await?;
                    response.error_for_status()?.json::<Value>().await
                };
                let answer = answer.await.map_err(|error| format!("{error:?}"));
                answers.push((order_no, answer));
            }
            answers
        });
    }
    shops.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_answers_whatever_it_has_taken_and_forgets_nothing() {
    let rig = Arc::new(Rig::start("sqlite:saoma.db", "stop_drain_s = 2", "info", 0).await);
    assert_eq!(readiness(&rig).await, 200);
    let is_draining = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(shops(rig.clone(), is_draining.clone()));
    sleep(Duration::from_millis(700)).await;
    rig.ask_to_stop().await;
    // The balancer notices within its interval; until then it goes on sending.
    sleep(Duration::from_millis(300)).await;
    assert_eq!(readiness(&rig).await, 503, "it says so and still answers");
    is_draining.store(true, Ordering::SeqCst);
    let answers = load.await.unwrap();
    assert_eq!(rig.ended().await.code(), Some(0), "{}", rig.last_words());
    assert!(answers.len() > 20, "{} orders", answers.len());
    let lost: Vec<_> = answers.iter().filter(|(_, answer)| answer.is_err()).collect();
    assert!(lost.is_empty(), "{lost:?}");

    rig.start_server().await;
    for (order_no, answer) in &answers {
        let body = json!({ "order_no": order_no, "amount_fen": 1, "description": "x" });
        let again = insist(&rig, "/v1/orders", Some(body)).await;
        assert_eq!(again["order_id"], answer.as_ref().unwrap()["order_id"], "{order_no}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_at_once() {
    let rig = Rig::start("sqlite:saoma.db", "stop_drain_s = 300", "info", 0).await;
    rig.ask_to_stop().await;
    while readiness(&rig).await != 503 {
        sleep(Duration::from_millis(20)).await;
    }
    rig.ask_to_stop().await;
    assert_eq!(rig.ended().await.code(), Some(1));
    assert!(rig.log().contains("a second signal stops at once"));
}
