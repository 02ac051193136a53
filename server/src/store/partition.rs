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
/// What is logged when they could not be made.
pub(crate) const NO_MONTHS: &str = "the tables of the next months could not be made";

/// Makes the tables of this month and the next ones, and of the last, whose orders may still be
/// made by a server whose clock is behind. Gives how many tables were made; none on SQLite.
pub(crate) async fn make_months(store: &Store, now: UnixTime) -> Result<usize, StoreError> {
    if store.dialect() == Dialect::Sqlite {
        return Ok(0);
    }
    // There may be much to move, and another server may be at it.
    let mut tx = store.begin().await?.within(None);
    tx.execute("set local lock_timeout = 0", vec![]).await?;
    // One server at a time; the next one finds the work done.
    tx.fetch("select pg_advisory_xact_lock(hashtext('saoma months'))", vec![]).await?;
    // Whoever holds the default tables for a long time, such as a dump, is not waited for, because
    // everybody else would wait behind us. There is time enough to try again.
    tx.execute("set local lock_timeout = '2s'", vec![]).await?;
    let first = Month::of(now).minus(1);
    let mut missing = Vec::new();
    for (table, key) in TABLES {
        let there = months_of(&mut tx, table).await?;
        let months = (0..AHEAD + 2).map(|months| first.plus(months));
        missing.extend(months.filter(|it| !there.contains(it)).map(|month| (table, key, month)));
    }
    if missing.is_empty() {
        return Ok(0);
    }
    lock(&mut tx, "_default").await?;
    for (table, key, month) in &missing {
        make(&mut tx, table, key, *month).await?;
    }
    tx.commit().await?;
    tracing::info!(tables = missing.len(), %first, "tables for months of orders were made");
    Ok(missing.len())
}

/// Keeps everybody else from the tables of these names until the transaction ends. They are taken
/// in the order in which those who write take them, so that hardly anybody waits in a circle. A
/// notification may: it reads `attempt` before `orders`. That ends with the caller's short
/// `lock_timeout`.
pub(crate) async fn lock(tx: &mut Conn, ending: &str) -> Result<(), StoreError> {
    for (table, _) in TABLES.into_iter().rev() {
        let sql = format!("lock table {table}{ending} in access exclusive mode");
        tx.execute(AssertSqlSafe(sql), vec![]).await?;
    }
    Ok(())
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
        // Nothing comes into the default partition between looking and attaching: it is locked.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Database, Secret};
    use crate::testing::{START, alter, rows};

    async fn store() -> Store {
        let url = saoma_postgres::Cluster::shared().unwrap().database().unwrap();
        Store::open(&Database::Postgres(Secret::new(url))).await.unwrap()
    }

    #[tokio::test]
    async fn months_are_made_once_and_ahead_of_time_whoever_comes_first() {
        let (store, now) = (store().await, UnixTime::new(START).unwrap());
        let (one, two) = tokio::join!(make_months(&store, now), make_months(&store, now));
        let mut made = [one.unwrap(), two.unwrap()];
        made.sort_unstable();
        assert_eq!(made, [0, 25]);
        let months = months_of(&mut store.reader().await.unwrap(), "orders").await.unwrap();
        let months: Vec<String> = months.iter().map(ToString::to_string).collect();
        assert_eq!(months, ["202610", "202611", "202612", "202701", "202702"]);
        // In the next month one more is due.
        assert_eq!(make_months(&store, now.plus(31 * 86_400)).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn what_came_before_its_month_was_made_moves_there() {
        let store = store().await;
        let number = |id: &str| {
            format!(
                "insert into message (out_trade_no, digest, transaction_id, body, outcome, \
                 received_at) values ('{id}', 'd', 't', 'b', '', 1)"
            )
        };
        for id in ["20261123192600ABCDEFGH-1", "SHOP-OF-BEFORE-1", "20991231235959ABCDEFGH-1"] {
            alter(&store, &number(id)).await;
        }
        let where_from = "select tableoid::regclass::text, out_trade_no from message order by 2";
        let lies = rows(&store, where_from).await;
        assert!(lies.iter().all(|row| row.starts_with("message_default ")), "{lies:?}");
        make_months(&store, UnixTime::new(START).unwrap()).await.unwrap();
        assert_eq!(
            rows(&store, where_from).await,
            [
                "message_202611 20261123192600ABCDEFGH-1",
                "message_default 20991231235959ABCDEFGH-1",
                "message_default SHOP-OF-BEFORE-1",
            ]
        );
    }

    #[tokio::test]
    async fn a_server_starts_although_the_months_cannot_be_made_now() {
        let url = saoma_postgres::Cluster::shared().unwrap().database().unwrap();
        let database = Database::Postgres(Secret::new(url));
        let store = Store::open(&database).await.unwrap();
        // As a dump does.
        let mut dump = store.begin().await.unwrap();
        dump.execute("lock table history_default in access share mode", vec![]).await.unwrap();
        let (service, _at_once) = crate::testing::open_on(&database).await.unwrap();
        assert_eq!(months_of(&mut store.reader().await.unwrap(), "orders").await.unwrap().len(), 0);
        dump.commit().await.unwrap();
        let now = UnixTime::new(START).unwrap();
        assert_eq!(make_months(&service.store, now).await.unwrap(), 25);
    }

    #[tokio::test]
    async fn people_look_at_the_replica_and_at_the_primary_when_it_is_gone() {
        let cluster = saoma_postgres::Cluster::own().unwrap();
        let primary = Database::Postgres(Secret::new(cluster.url("postgres")));
        let store = Store::open(&primary).await.unwrap();
        let copy = cluster.replica().unwrap();
        let store = store.with_replica(&Secret::new(copy.url("postgres"))).unwrap();
        let is_copy = "select pg_is_in_recovery()::text as is_copy";
        let looked_at = async || {
            let mut conn = store.for_people().await.unwrap();
            let row = conn.fetch_one(is_copy, vec![]).await.unwrap().unwrap();
            row.text("is_copy").unwrap()
        };
        assert_eq!(looked_at().await, "true");
        alter(&store, "insert into setting (name, value) values ('a', 'b')").await;
        let arrived = async {
            let sql = "select value from setting where name = 'a'";
            while store.for_people().await.unwrap().fetch(sql, vec![]).await.unwrap().is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), arrived).await.unwrap();
        drop(copy);
        assert_eq!(looked_at().await, "false");
    }
}
