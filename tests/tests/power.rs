//! The power fails: everything that the real server writes into its SQLite database, and when it
//! has it written through to the disk, is recorded by `strace`. Then prefixes of that record are
//! replayed, with what was not written through kept, lost, kept in part, or torn; and each database
//! that could have been left behind must hold whatever was acknowledged by then.
//!
//! Ignored by default, because it needs strace: `cargo xtask torture` sees to it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "power/disk.rs"]
mod disk;
#[path = "crash/never.rs"]
mod never;
#[expect(dead_code, reason = "each test file uses its own part of the rig")]
mod rig;
#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use disk::{Disk, Fate, Op};
use rig::Rig;
use rusqlite::Connection;
use saoma_core::sign::SignType;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use world::{KEY, SHOP_KEY, notice};

/// Orders of one run, and who buys at once.
const ORDERS: u64 = 24;
const CUSTOMERS: u64 = 4;

/// Numbers that a seed repeats (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// Something that the server has said yes to, and when that was heard, in microseconds.
struct Yes {
    at: u128,
    order_id: String,
    /// `None`: the order was made. Otherwise it was paid by this transaction.
    transaction: Option<String>,
}

fn now() -> u128 {
    #[expect(clippy::disallowed_methods, reason = "strace tells the time of the machine's clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap().as_micros()
}

/// Customers who make orders and pay them, one after the other.
async fn buy(rig: Arc<Rig>, numbers: Vec<u64>) -> Vec<Yes> {
    let mut heard = Vec::new();
    for number in numbers {
        let order_no = format!("P-{number}");
        let body = json!({ "order_no": order_no, "amount_fen": 1_800, "description": "拿铁" });
        let request = rig.http.post(format!("{}/v1/orders", rig.url)).json(&body);
        let made = request.bearer_auth(SHOP_KEY).send().await.unwrap();
        let made: Value = made.error_for_status().unwrap().json().await.unwrap();
        let order_id = made["order_id"].as_str().unwrap().to_owned();
        heard.push(Yes { at: now(), order_id: order_id.clone(), transaction: None });
        let transaction = format!("42000099992026{number:014}");
        let paid = [("transaction_id", &*transaction)];
        let body = notice(&format!("{order_id}-1"), KEY, SignType::HmacSha256, &paid);
        let request = rig.http.post(format!("{}/wx/v2/notify", rig.url)).body(body);
        let answer = request.send().await.unwrap().text().await.unwrap();
        assert!(answer.contains("SUCCESS"), "{answer}");
        heard.push(Yes { at: now(), order_id, transaction: Some(transaction) });
    }
    heard
}

/// A server under strace, started and stopped twice; gives the disk as it was before, what was
/// written, and what was said.
async fn record(rig: &Arc<Rig>) -> (Disk, Vec<Op>, Vec<Yes>) {
    // The tables are made; a stop in order leaves one file.
    rig.ask_to_stop().await;
    rig.ended().await;
    let disk = Disk::of(rig.folder());
    let (mut ops, mut heard) = (Vec::new(), Vec::new());
    for run in 0..2 {
        let trace = rig.folder().join(format!("trace-{run}"));
        std::fs::create_dir(&trace).unwrap();
        rig.start_server_traced(&trace).await;
        let mut customers = JoinSet::new();
        for customer in 0..CUSTOMERS {
            let numbers = (0..ORDERS).filter(|number| number % CUSTOMERS == customer);
            let numbers = numbers.map(|number| run * ORDERS + number).collect();
            customers.spawn(buy(rig.clone(), numbers));
        }
        heard.extend(customers.join_all().await.into_iter().flatten());
        rig.ask_to_stop().await;
        rig.ended().await;
        ops.extend(disk::read_trace(&trace).await);
    }
    heard.sort_by_key(|yes| yes.at);
    (disk, ops, heard)
}

/// What was said before the power failed and is not in the database.
fn forgotten(file: &Path, heard: &[Yes], failed_at: u128) -> Vec<String> {
    let mut wrongs = Vec::new();
    let database = Connection::open(file).unwrap();
    let one = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0));
    let check = one("pragma quick_check");
    if check.as_deref() != Ok("ok") {
        return vec![format!("the file is damaged: {check:?}")];
    }
    for (what, sql) in never::NEVER {
        if let Ok(row) = one(sql) {
            wrongs.push(format!("{what}: {row}"));
        }
    }
    let count =
        |sql: &str, value: &str| database.query_row(sql, [value], |row| row.get::<_, i64>(0));
    for yes in heard.iter().filter(|yes| yes.at < failed_at) {
        let (sql, value) = match &yes.transaction {
            None => ("select count(*) from orders where order_id = ?1", &yes.order_id),
            Some(id) => {
                ("select count(*) from payment where transaction_id = ?1 and verdict = 'ship'", id)
            }
        };
        if count(sql, value) != Ok(1) {
            wrongs.push(format!("{value} was acknowledged"));
        }
    }
    wrongs
}

/// Moments at which the power fails: right after each yes, and anywhere.
fn moments(ops: &[Op], heard: &[Yes], count: usize, dice: &mut Dice) -> Vec<usize> {
    let after = |yes: &Yes| ops.iter().position(|op| op.at > yes.at).unwrap_or(ops.len());
    let mut moments: Vec<usize> = heard.iter().map(after).collect();
    while moments.len() < count {
        moments.push(dice.below(ops.len() + 1));
    }
    moments
}

/// Fails the power at many moments, each in every way; gives how often, and what was forgotten.
fn fail(
    disk: &Disk,
    ops: &[Op],
    heard: &[Yes],
    moments: &[usize],
    dice: &mut Dice,
) -> (u64, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut failures, mut wrongs) = (0, Vec::new());
    for &moment in moments {
        let mut left = disk.clone();
        left.replay(&ops[..moment]);
        let failed_at = ops.get(moment).map_or(u128::MAX, |op| op.at);
        for fate in Fate::ALL {
            let file = left.leave(fate, folder.path(), &mut |end| dice.below(end));
            let found = forgotten(&file, heard, failed_at);
            wrongs.extend(found.iter().map(|it| format!("{fate:?} at {moment}: {it}")));
            failures += 1;
        }
    }
    (failures, wrongs)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask torture"]
async fn whenever_the_power_fails_what_was_acknowledged_is_there() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let mut dice = Dice(number("SAOMA_TORTURE_SEED", 20_261_126));
    let count = usize::try_from(number("SAOMA_TORTURE_POWER", 110)).unwrap();
    let rig = Arc::new(Rig::start("sqlite:saoma.db", "", "warn", 0).await);
    let (disk, ops, heard) = record(&rig).await;
    let syncs = ops.iter().filter(|op| op.is_sync()).count();
    assert!(heard.len() == 4 * usize::try_from(ORDERS).unwrap() && syncs > 20, "{syncs} syncs");
    println!("{} writes and {syncs} syncs, {} acknowledged", ops.len() - syncs, heard.len());

    let moments = moments(&ops, &heard, count, &mut dice);
    let (failures, wrongs) = fail(&disk, &ops, &heard, &moments, &mut dice);
    assert!(wrongs.is_empty(), "{} of {failures}: {:#?}", wrongs.len(), &wrongs[..1]);
    println!("{failures} power failures, nothing acknowledged was lost");

    // The same without the syncs, as `synchronous=OFF` would have it: this must be noticed.
    let unsynced: Vec<Op> = ops.iter().filter(|op| !op.is_sync()).cloned().collect();
    let fewer = &moments[..moments.len().min(60)];
    let fewer: Vec<usize> = fewer.iter().map(|at| at * unsynced.len() / ops.len()).collect();
    let (failures, wrongs) = fail(&disk, &unsynced, &heard, &fewer, &mut dice);
    assert!(!wrongs.is_empty(), "{failures} failures without syncs, and nobody noticed");
    println!("without syncs: {} things lost in {failures} power failures", wrongs.len());

    // And the server itself goes on from what is left.
    for fate in Fate::ALL {
        let moment = moments[dice.below(heard.len())];
        let mut left = disk.clone();
        left.replay(&ops[..moment]);
        left.leave(fate, rig.folder(), &mut |end| dice.below(end));
        rig.start_server().await;
        let failed_at = ops.get(moment).map_or(u128::MAX, |op| op.at);
        let said = heard.iter().filter(|yes| yes.at < failed_at && yes.transaction.is_some());
        for yes in said {
            let url = format!("{}/v1/orders/{}", rig.url, yes.order_id);
            let view = rig.http.get(url).bearer_auth(SHOP_KEY).send().await.unwrap();
            let view: Value = view.json().await.unwrap();
            assert!(matches!(view["phase"].as_str(), Some("paid" | "shipped")), "{view}");
        }
        rig.kill().await;
    }
}
