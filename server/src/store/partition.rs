//! PostgreSQL's tables for each month of orders.
//!
//! Big tables are partitioned by the month that an order's id begins with, so that an old month can
//! leave without a row being copied (`archive`). The months are made ahead of time, by whichever
//! server comes first. What has no month of its own, say a payment for a number that is not ours,
//! or an order made when nobody could make the month, lies in the default partition and is moved
//! when its month is made, so that nothing is ever refused for want of a partition.
//!
//! What must be unique beyond a month stays in one table: `payment` (one transaction belongs to one
//! number for ever) and `order_number` (the shop's own numbers).

use super::month::Month;
use super::{Conn, Dialect, Store, StoreError};
use saoma_core::time::UnixTime;
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

/// The tables of months, those first that name others, each with what begins with the month.
pub(crate) const TABLES: [(&str, &str); 5] = [
    ("history", "order_id"),
    ("outbox", "order_id"),
    ("message", "out_trade_no"),
    ("attempt", "out_trade_no"),
    ("orders", "order_id"),
];
/// How many months are there before they are needed.
const AHEAD: u32 = 3;

/// Makes the tables of this month and the next ones, and of the last, whose orders may still be
/// made by a server whose clock is behind. Gives how many tables were made; none on SQLite.
pub(crate) async fn make_months(store: &Store, now: UnixTime) -> Result<usize, StoreError> {
    if store.dialect() == Dialect::Sqlite {
        return Ok(0);
    }
    let mut tx = store.begin().await?;
    // Whoever holds the default tables for a long time, such as a dump, is not waited for, because
    // everybody else would wait behind us. There is time enough to try again.
    tx.execute("set local lock_timeout = '2s'", vec![]).await?;
    // One server at a time; the next one finds the work done.
    tx.fetch("select pg_advisory_xact_lock(hashtext('saoma months'))", vec![]).await?;
    let first = Month::of(now).minus(1);
    let mut made = 0;
    for (table, key) in TABLES {
        let there = months_of(&mut tx, table).await?;
        for month in (0..AHEAD + 2).map(|months| first.plus(months)) {
            if !there.contains(&month) {
                make(&mut tx, table, key, month).await?;
                made += 1;
            }
        }
    }
    tx.commit().await?;
    if made > 0 {
        tracing::info!(tables = made, %first, "tables for months of orders were made");
    }
    Ok(made)
}

/// The months that a table has.
pub(crate) async fn months_of(conn: &mut Conn, table: &str) -> Result<BTreeSet<Month>, StoreError> {
    let sql = "select substr(child.relname, length($1) + 2) as month
               from pg_inherits join pg_class as child on child.oid = inhrelid
               where inhparent = to_regclass($1)";
    let rows = conn.fetch(sql, vec![table.into()]).await?;
    let months = rows.iter().map(|row| row.text("month"));
    // `default` is not a month.
    months.filter_map(|month| month.map(|month| Month::from_digits(&month)).transpose()).collect()
}

async fn make(conn: &mut Conn, table: &str, key: &str, month: Month) -> Result<(), StoreError> {
    let next = month.plus(1);
    for sql in [
        format!("create table {table}_{month} (like {table} including all)"),
        // Nothing may come into the default partition between looking and attaching.
        format!("lock table {table}_default in access exclusive mode"),
        format!(
            "with moved as (delete from {table}_default where {key} >= '{month}' \
             and {key} < '{next}' returning *) insert into {table}_{month} select * from moved"
        ),
        format!(
            "alter table {table} attach partition {table}_{month} \
             for values from ('{month}') to ('{next}')"
        ),
    ] {
        conn.execute(AssertSqlSafe(sql), vec![]).await?;
    }
    Ok(())
}
