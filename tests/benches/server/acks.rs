//! Notifications that are acknowledged after a durable commit.

use crate::bare_postgres;
use crate::database::Database;
use crate::fill::Pattern;
use crate::limits::{BareAxum, bare_sqlite};
use crate::load::Requests;
use crate::place::{Kind, Place};
use crate::requests::{notice, notices, transaction_id};
use crate::shop::Shop;
use crate::table::{Row, judge, print_rows};
use crate::{Scale, say};
use saoma_core::sign::ApiKey;
use std::rc::Rc;

/// At least so many times the bare commits one by one, and at most so long for 99 of 100.
const GOAL_TIMES: u64 = 5;
const GOAL_P99_MS: u64 = 50;

const SAOMA: &str = "Saoma";

/// At least half the rate of a bare batch insert on PostgreSQL.
const GOAL_OF_BARE: u64 = 50;

/// The table of one database.
pub(crate) async fn measure(kind: Kind, scale: &Scale) {
    let shop = Shop::default();
    let mut place = Place::make(kind, &shop.open().await).await;
    let (sets, shipped) = fill(&mut place, scale).await;
    let mut rows = Vec::new();
    let commits = bare_commits(&place, scale);
    let axum = BareAxum::start().await;
    for (lines, set) in scale.lines.into_iter().zip(&sets) {
        let families = [std::process::id(), axum.pid(), 0, 0];
        let row = Row::measure("bare axum", axum.address, families, set, lines, scale);
        rows.push(row.await);
    }
    drop(axum);
    let address = place.start_server().await;
    let families = place.families();
    // The shop takes its time, so that what follows from the notifications comes after them.
    shop.set_slow(true);
    for (lines, set) in scale.lines.into_iter().zip(&sets) {
        rows.push(Row::measure(SAOMA, address, families, set, lines, scale).await);
    }
    place.kill_server().await;
    shop.set_slow(false);
    let address = place.start_server().await;
    let (name, lines) = ("Saoma, and ships", scale.lines[2]);
    rows.push(Row::measure(name, address, place.families(), &sets[3], lines, scale).await);
    println!("\n### Notifications acknowledged, {}\n", kind.name());
    println!("Bare durable commits on SQLite, one by one, one row each: {commits} a second.\n");
    print_rows("bare commits", &rows, &vec![commits; rows.len()]);
    let batches = match place.url() {
        None => None,
        Some(url) => Some(bare_batches(&shipped, &url, scale).await),
    };
    judge_rows(kind, commits, batches, &rows);
    place.close().await;
}

/// Orders that wait for their payment: a set for each number of lines, and one more; and one that
/// is shipped, while nothing else is to be done.
async fn fill(place: &mut Place, scale: &Scale) -> (Vec<Rc<Requests>>, Pattern) {
    place.start_server().await;
    let pattern = Pattern::open(place, "ACK", 0).await;
    let shipped = Pattern::open(place, "ACK-BARE", 1).await;
    shipped.ship(place).await;
    place.stop_server().await;
    let mut database = Database::open(place).await;
    let mut sets = Vec::new();
    let mut from = 0;
    for count in scale.requests.into_iter().chain([scale.requests[2]]) {
        let orders = pattern.copy_open(&mut database, from, count).await;
        sets.push(Rc::new(notices(place, &orders)));
        from += count;
    }
    database.close().await;
    say(&format!("{}: {from} orders wait for their payment", place.kind.name()));
    (sets, shipped)
}

/// The limit of the disk.
fn bare_commits(place: &Place, scale: &Scale) -> u64 {
    let key = ApiKey::new(&place.merchant_key).expect("a key");
    let body = notice(&key, "20261125120000ABCDEFGH", &transaction_id(0));
    bare_sqlite(place.folder(), &body, scale.time)
}

/// The limit of PostgreSQL, from an order that the server itself has taken to the shop.
async fn bare_batches(pattern: &Pattern, url: &str, scale: &Scale) -> u64 {
    let per_s = bare_postgres::measure(url, &pattern.order_id, &pattern.payment, scale.time).await;
    println!("\nA bare batch insert of the same rows: {per_s} notifications a second.");
    per_s
}

fn judge_rows(kind: Kind, commits: u64, batches: Option<u64>, rows: &[Row]) {
    let Some(row) = rows.iter().rfind(|row| row.is(SAOMA)) else { return };
    let lines = row.lines();
    if kind == Kind::Sqlite {
        let goal = format!("at {lines} lines at least {GOAL_TIMES} times the bare commits");
        judge(&goal, row.per_s() >= GOAL_TIMES * commits);
    }
    if let Some(batches) = batches {
        let percent = row.per_s() * 100 / batches.max(1);
        let goal = format!("at least half the bare batch insert; it is {percent} of a hundred");
        judge(&goal, percent >= GOAL_OF_BARE);
    }
    let goal = format!("at {lines} lines p99 below {GOAL_P99_MS} ms");
    judge(&goal, row.p99_ms() < GOAL_P99_MS);
}
