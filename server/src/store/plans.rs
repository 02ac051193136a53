//! In tests, every statement of the store is planned once by SQLite on empty tables without
//! statistics, as in the server: whoever reads a big table from end to end fails the test that
//! asked for it.

use super::SQLITE_TABLES;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
use std::collections::BTreeSet;
use tokio::sync::Mutex;

/// Tables that grow with the orders.
const BIG: [&str; 9] = [
    "orders",
    "attempt",
    "payment",
    "message",
    "outbox",
    "history",
    "refund",
    "anomaly",
    "order_number",
];

/// What may look at much, with the reason.
const MAY_SCAN: [&str; 1] = [
    // From the newest on, until there are enough of the shop's.
    "from anomaly left join orders",
];

struct Planner {
    conn: SqliteConnection,
    seen: BTreeSet<String>,
}

static PLANNER: Mutex<Option<Planner>> = Mutex::const_new(None);

/// Statements of tests end with it.
pub(crate) const OF_A_TEST: &str = "-- of a test";

/// Panics when the statement reads a big table from end to end.
pub(super) async fn look_at(sql: &str) {
    let is_plain =
        ["select ", "update ", "delete ", "insert "].iter().any(|it| sql.starts_with(it));
    let may = sql.ends_with(OF_A_TEST) || MAY_SCAN.iter().any(|it| sql.contains(it));
    // What is not in this file, such as an archive, cannot be planned here.
    let is_here =
        !["archive.", "main.", "_sqlx_", "pg_", "temp."].iter().any(|it| sql.contains(it));
    if !is_plain || may || !is_here {
        return;
    }
    let steps = steps(sql).await;
    assert!(!steps.iter().any(|step| reads_all(step)), "{sql}\n{}", steps.join("\n"));
}

/// Whether a step reads a big table, or an index of all its rows, from end to end.
fn reads_all(step: &str) -> bool {
    let of_few = |index| {
        let mut tables = SQLITE_TABLES.iter().flat_map(|it| it.sql.as_str().split(';'));
        tables.any(|sql| sql.contains(&format!("index {index} ")) && sql.contains("where "))
    };
    let mut words = step.split(' ');
    words.next() == Some("SCAN")
        && words.next().is_some_and(|table| BIG.contains(&table))
        && !words.next_back().is_some_and(of_few)
}

/// How SQLite would carry it out; nothing when that was told before.
async fn steps(sql: &str) -> Vec<String> {
    let mut planner = PLANNER.lock().await;
    if planner.is_none() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for migration in SQLITE_TABLES.iter() {
            sqlx::raw_sql(migration.sql.clone()).execute(&mut conn).await.unwrap();
        }
        *planner = Some(Planner { conn, seen: BTreeSet::new() });
    }
    let Some(Planner { conn, seen }) = planner.as_mut() else { return Vec::new() };
    if !seen.insert(sql.to_owned()) {
        return Vec::new();
    }
    let explain = AssertSqlSafe(format!("explain query plan {sql}"));
    let rows = sqlx::query(explain).fetch_all(conn).await.unwrap_or_default();
    rows.iter().map(|row| row.get("detail")).collect()
}
