//! PostgreSQL: the month's tables leave together, in one short transaction, and become tables of
//! the schema `archive`. No row is copied.
//!
//! `detach partition` needs the tables for itself. Without `concurrently`, because that can detach
//! one table at a time only, and not beside a default partition: here all five leave or none. The
//! transaction only writes catalogues, and it waits for the tables for half a second at most, so
//! nobody else waits longer either; when somebody holds them longer, a long query or one who writes
//! and wants the next of them, it gives way and tries again.

use super::{ArchiveError, Archived, OPEN_REFUNDS, patiently};
use crate::store::{Conn, Month, Store, StoreError, TABLES, lock, months_of};
use sqlx::AssertSqlSafe;

pub(super) async fn archive(store: &Store, before: Month) -> Result<Vec<Archived>, ArchiveError> {
    let months = months_of(&mut store.reader().await?, "orders").await?;
    let mut archived = Vec::new();
    for month in months.into_iter().filter(|month| *month < before) {
        let orders = patiently(async || leave(store, month).await).await?;
        // A month in which nothing was sold leaves as well, without a word.
        if orders > 0 {
            archived.push(Archived { month, orders, place: format!("archive.*_{month}") });
        }
    }
    Ok(archived)
}

/// One month, in one transaction.
async fn leave(store: &Store, month: Month) -> Result<u64, ArchiveError> {
    let mut tx = store.begin().await?.within(None);
    let run = async |tx: &mut Conn, sql: String| tx.execute(AssertSqlSafe(sql), vec![]).await;
    // Five tables are waited for, one after the other, while others wait behind us.
    run(&mut tx, "set local lock_timeout = '100ms'".to_owned()).await?;
    run(&mut tx, "create schema if not exists archive".to_owned()).await?;
    lock(&mut tx, "").await?;
    for (table, _) in TABLES {
        run(&mut tx, format!("alter table {table} detach partition {table}_{month}")).await?;
    }
    let busy = woke_up(&mut tx, month).await?;
    if !busy.is_empty() {
        return Err(ArchiveError::NotAtRest(busy));
    }
    for (table, _) in TABLES {
        run(&mut tx, format!("alter table {table}_{month} set schema archive")).await?;
    }
    tx.commit().await?;
    // Nobody changes it any more, so nobody has to wait for this.
    let count = format!("select count(*) as orders from archive.orders_{month}");
    let mut reader = store.reader().await?.within(None);
    let row = reader.fetch_one(AssertSqlSafe(count), vec![]).await?;
    Ok(row.map_or(Ok(0), |row| row.number("orders"))?)
}

/// What has changed since all was at rest. Whatever wakes an order up gives it a time or an entry
/// of the outbox, and an index finds those at once.
async fn woke_up(tx: &mut Conn, month: Month) -> Result<Vec<String>, StoreError> {
    let next = month.plus(1);
    let sql = format!(
        "select order_id || ' is busy again' as busy from (
             select order_id from orders_{month} where due_at is not null
             union all
             select order_id from outbox_{month} where state in ('pending', 'leased')
             union all
             select order_id from outbox_{month} where state not in ('pending', 'leased', 'done')
                                               and state not in ('unfetched', 'unconfirmed')
             union all
             select order_id from refund
             where order_id >= '{month}' and order_id < '{next}' and state in ({OPEN_REFUNDS})
         ) as found order by order_id limit 10"
    );
    let rows = tx.fetch(AssertSqlSafe(sql), vec![]).await?;
    rows.iter().map(|row| row.text("busy")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_rest, later, run, sell};
    use crate::testing::Shop;
    use std::time::Duration;

    /// Until somebody stands in line to have a table for itself.
    async fn somebody_waits(shop: &Shop) {
        let waiting = "select pid from pg_locks where not granted and locktype = 'relation'
                       and mode = 'AccessExclusiveLock' and database =
                       (select oid from pg_database where datname = current_database())";
        while shop.rows(waiting).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_long_report_makes_the_command_give_way_and_holds_up_nobody() {
        let mut shop = Shop::open_on_postgres().await;
        let (old, _) = at_rest(&mut shop, "A-1", "4200009999202611230000000001").await;
        later(&shop, 14);
        // Somebody who is not a server.
        let mut report = shop.service.store.writer().await.unwrap();
        let long = ["set idle_in_transaction_session_timeout = 0", "begin"];
        for sql in long {
            report.execute(sql, vec![]).await.unwrap();
        }
        let orders = "select order_id from orders where order_id > '2'";
        assert_eq!(report.fetch(orders, vec![]).await.unwrap().len(), 1);
        let trading = async {
            somebody_waits(&shop).await;
            // It waits for the command, whose turn does not come while the report lasts: it comes
            // to its end because the command gives way.
            let first = sell(&shop, 1).await;
            somebody_waits(&shop).await;
            let second = sell(&shop, 2).await;
            let archived = "select to_regclass('archive.orders_202611')::text";
            assert_eq!(shop.rows(archived).await, ["-"]);
            assert_eq!(report.fetch(orders, vec![]).await.unwrap().len(), 3);
            report.execute("commit", vec![]).await.unwrap();
            [first.to_string(), second.to_string()]
        };
        let (moved, mut made) = tokio::join!(run(&shop, "2026-12"), trading);
        assert_eq!(moved.unwrap().len(), 1);
        made.sort_unstable();
        assert_eq!(shop.rows("select order_id from orders order by order_id").await, made);
        assert_eq!(shop.rows("select order_id from archive.orders_202611").await, [old.as_str()]);
    }
}
