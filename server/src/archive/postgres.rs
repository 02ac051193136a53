//! PostgreSQL: the month's tables leave together, in one short transaction, and become tables of
//! the schema `archive`. No row is copied.
//!
//! `detach partition` needs the tables for itself. Without `concurrently`, because that can detach
//! one table at a time only, and not beside a default partition: here all five leave or none. The
//! transaction only writes catalogues, and it waits for the tables for half a second at most, so
//! nobody else waits longer either; when a long query holds them it gives way and tries again.

use super::{ArchiveError, Archived, OPEN_REFUNDS};
use crate::store::{Conn, Month, Store, StoreError, TABLES, lock, months_of};
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// How often to try to have the tables for oneself.
const TRIES: u32 = 20;
/// How long to wait between tries.
const PAUSE: Duration = Duration::from_secs(1);
/// What PostgreSQL calls a lock that was not to be had in time.
const NOT_NOW: &str = "55P03";

pub(super) async fn archive(store: &Store, before: Month) -> Result<Vec<Archived>, ArchiveError> {
    let months = months_of(&mut store.reader().await?, "orders").await?;
    let mut archived = Vec::new();
    for month in months.into_iter().filter(|month| *month < before) {
        let mut tries = 1;
        let orders = loop {
            match leave(store, month).await {
                Ok(orders) => break orders,
                Err(ArchiveError::Store(error))
                    if error.is(NOT_NOW) || matches!(error, StoreError::Stale) =>
                {
                    if tries == TRIES {
                        return Err(ArchiveError::Busy);
                    }
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        };
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
