//! SQLite: each month becomes a file of its own beside the database.
//!
//! Rows move in batches, so that the server's own writing never waits long. Two files are never
//! committed as one, so a batch is committed in the archive first and deleted here after that; if
//! we die in between, the next run copies it again over itself.

use super::{ArchiveError, Archived, patiently};
use crate::private;
use crate::store::{BUSY_TIMEOUT, Conn, Month, Store, StoreError, TABLES};
use sqlx::AssertSqlSafe;
use std::path::Path;
use std::time::Duration;

/// Orders of one batch; few in tests, so that there are several.
const BATCH: u32 = if cfg!(test) { 2 } else { 200 };
/// The server's turn between batches.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn archive(
    store: &Store,
    database: &Path,
    before: Month,
) -> Result<Vec<Archived>, ArchiveError> {
    let mut conn = store.writer().await?;
    let months = "select distinct substr(order_id, 1, 6) as month from orders
                  where order_id < $1 order by month";
    let rows = conn.fetch(months, vec![before.to_string().into()]).await?;
    let mut archived = Vec::new();
    for row in rows {
        // An id that begins with no month is left where it is.
        let Some(month) = Month::from_digits(&row.text("month")?) else { continue };
        let path = database.with_extension(format!("archive-{month}.db"));
        private::make(&path).map_err(|error| ArchiveError::File(path.clone(), error))?;
        let attach = "attach database $1 as archive";
        conn.execute(attach, vec![path.to_string_lossy().as_ref().into()]).await?;
        let moved = leave(&mut conn, month).await;
        conn.execute("detach database archive", vec![]).await?;
        archived.push(Archived { month, orders: moved?, place: path.display().to_string() });
    }
    Ok(archived)
}

/// One month; gives how many orders were moved.
async fn leave(conn: &mut Conn, month: Month) -> Result<u64, ArchiveError> {
    prepare(conn).await?;
    let mut moved = 0;
    loop {
        let batch =
            patiently(async || in_transaction(conn, async |conn| copy(conn, month).await).await);
        let batch = batch.await?;
        if batch == 0 {
            return Ok(moved);
        }
        patiently(async || in_transaction(conn, async |conn| delete(conn, batch).await).await)
            .await?;
        moved += batch;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes what is not there yet.
async fn prepare(conn: &mut Conn) -> Result<(), StoreError> {
    conn.execute("pragma archive.synchronous = full", vec![]).await?;
    for (table, _) in TABLES {
        make_table(conn, table).await?;
    }
    // The others' keys begin with what a batch is looked up by.
    let index = "create index if not exists archive.history_order on history (order_id)";
    conn.execute(index, vec![]).await?;
    let batch = "create temp table if not exists batch (order_id text primary key)";
    conn.execute(batch, vec![]).await?;
    Ok(())
}

/// The archive's tables are made as ours are now; each file keeps the form of its time.
async fn make_table(conn: &mut Conn, table: &str) -> Result<(), StoreError> {
    let sql = "select sql from main.sqlite_master where type = 'table' and name = $1";
    let row =
        conn.fetch_one(sql, vec![table.into()]).await?.ok_or(StoreError::Corrupt("tables"))?;
    let create = row.text("sql")?;
    // `CREATE TABLE orders (...)`, with the name quoted after a renaming.
    let (_, columns) = create.split_once('(').ok_or(StoreError::Corrupt("tables"))?;
    let create = format!("create table if not exists archive.{table} ({columns}");
    conn.execute(AssertSqlSafe(create), vec![]).await?;
    Ok(())
}

/// One that waits for its turn, and for nobody once it has it: the server waits behind it then.
async fn in_transaction<T>(
    conn: &mut Conn,
    run: impl AsyncFnOnce(&mut Conn) -> Result<T, ArchiveError>,
) -> Result<T, ArchiveError> {
    let patience = |time: Duration| format!("pragma busy_timeout = {}", time.as_millis());
    conn.execute("begin immediate", vec![]).await?;
    conn.execute(AssertSqlSafe(patience(Duration::ZERO)), vec![]).await?;
    let result = match run(conn).await {
        // It is refused while somebody reads the archive's file, and nothing is committed then.
        Ok(done) => conn.execute("commit", vec![]).await.map(|_| done).map_err(Into::into),
        Err(error) => Err(error),
    };
    if result.is_err() {
        // SQLite may have done it by itself.
        let _ = conn.execute("rollback", vec![]).await;
    }
    conn.execute(AssertSqlSafe(patience(BUSY_TIMEOUT)), vec![]).await?;
    result
}

/// Which rows of a table belong to the batch.
fn of_batch(key: &str) -> &'static str {
    match key {
        "order_id" => "order_id in (select batch.order_id from batch)",
        _ => {
            "out_trade_no in (select a.out_trade_no from main.attempt as a
             join batch on batch.order_id = a.order_id)"
        }
    }
}

/// Copies the next batch; gives how many orders are in it.
async fn copy(conn: &mut Conn, month: Month) -> Result<u64, ArchiveError> {
    conn.execute("delete from batch", vec![]).await?;
    let pick = "insert into batch select order_id from main.orders
                where order_id >= $1 and order_id < $2 order by order_id limit $3";
    let bounds = [month, month.plus(1)].map(|month| month.to_string().into());
    let batch = conn.execute(pick, [bounds.as_slice(), &[BATCH.into()]].concat()).await?;
    for (table, key) in TABLES {
        let rows = of_batch(key);
        let sql = format!(
            "insert or replace into archive.{table} select * from main.{table} where {rows}"
        );
        conn.execute(AssertSqlSafe(sql), vec![]).await?;
    }
    Ok(batch)
}

/// Counts a batch's rows of a table in both places.
fn counts(table: &str, key: &str) -> String {
    let rows = of_batch(key);
    format!(
        "select (select count(*) from main.{table} where {rows}) as here,
                (select count(*) from archive.{table} where {rows}) as there"
    )
}

/// Deletes what was copied, if it is still as it was copied.
async fn delete(conn: &mut Conn, batch: u64) -> Result<(), ArchiveError> {
    let same = "select count(*) as orders from batch
                join main.orders as o on o.order_id = batch.order_id
                join archive.orders as a on a.order_id = o.order_id and a.version = o.version
                where not exists (select 1 from main.outbox as e
                                  where e.order_id = o.order_id
                                    and e.state not in ('done', 'unfetched', 'unconfirmed'))";
    let row = conn.fetch_one(same, vec![]).await?.ok_or(StoreError::Corrupt("orders"))?;
    let mut is_same = row.number::<u64>("orders")? == batch;
    for (table, key) in TABLES {
        // A message that came again changes no order, but is kept.
        let row = conn.fetch_one(AssertSqlSafe(counts(table, key)), vec![]).await?;
        let row = row.ok_or(StoreError::Corrupt(table))?;
        is_same &= row.number::<u64>("here")? <= row.number("there")?;
    }
    if !is_same {
        let changed = "an order was changed meanwhile; run the command again".to_owned();
        return Err(ArchiveError::NotAtRest(vec![changed]));
    }
    for (table, key) in TABLES {
        let sql = format!("delete from main.{table} where {}", of_batch(key));
        conn.execute(AssertSqlSafe(sql), vec![]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::is_not_now;
    use super::super::tests::{at_rest, later, sell};
    use super::*;
    use crate::config::Database;
    use crate::testing::Shop;

    /// A connection with the archive of the tests' month.
    async fn beside(shop: &Shop, path: &Path) -> Conn {
        let mut conn = shop.service.store.writer().await.unwrap();
        let archive = path.with_extension("archive-202611.db");
        private::make(&archive).unwrap();
        let attach = format!("attach '{}' as archive", archive.display());
        conn.execute(AssertSqlSafe(attach), vec![]).await.unwrap();
        prepare(&mut conn).await.unwrap();
        conn
    }

    #[tokio::test]
    async fn nobody_waits_while_an_archive_is_read_from_end_to_end() {
        let shop = Shop::open().await;
        let Database::Sqlite(path) = shop.database.clone() else { return };
        let mut conn = beside(&shop, &path).await;
        for (table, key) in TABLES {
            let explain = format!("explain query plan {}", counts(table, key));
            let steps = conn.fetch(AssertSqlSafe(explain), vec![]).await.unwrap();
            let steps: Vec<String> = steps.iter().map(|row| row.text("detail").unwrap()).collect();
            let scan = format!("SCAN {table}");
            assert!(!steps.iter().any(|step| step.starts_with(&scan)), "{steps:?}");
        }
    }

    #[tokio::test]
    async fn who_has_his_turn_waits_for_nobody() {
        let shop = Shop::open().await;
        let Database::Sqlite(_) = shop.database.clone() else { return };
        let mut conn = shop.service.store.writer().await.unwrap();
        let patience = async |conn: &mut Conn| {
            let row = conn.fetch_one("pragma busy_timeout", vec![]).await?.unwrap();
            Ok::<u64, ArchiveError>(row.number("timeout")?)
        };
        let before = patience(&mut conn).await.unwrap();
        assert_eq!(u128::from(before), BUSY_TIMEOUT.as_millis());
        assert_eq!(in_transaction(&mut conn, patience).await.unwrap(), 0);
        let refused: Result<(), _> =
            in_transaction(&mut conn, async |_| Err(ArchiveError::Busy)).await;
        assert!(refused.is_err());
        assert_eq!(patience(&mut conn).await.unwrap(), before);
    }

    #[tokio::test]
    async fn what_came_after_the_copy_is_not_deleted() {
        let mut shop = Shop::open().await;
        let Database::Sqlite(path) = shop.database.clone() else { return };
        at_rest(&mut shop, "A-1", "4200009999202611230000000001").await;
        let mut conn = beside(&shop, &path).await;
        let month = Month::from_digits("202611").unwrap();
        let batch = in_transaction(&mut conn, async |conn| copy(conn, month).await).await.unwrap();
        assert_eq!(batch, 1);
        let again = "insert into main.message select out_trade_no, digest || 'x', transaction_id,
                     body, 'repeated', received_at from main.message";
        conn.execute(again, vec![]).await.unwrap();
        let delete = async |conn: &mut Conn| {
            in_transaction(conn, async |conn| delete(conn, batch).await).await
        };
        let refused = delete(&mut conn).await;
        assert!(matches!(refused, Err(ArchiveError::NotAtRest(_))), "{refused:?}");
        // The next run takes it along.
        in_transaction(&mut conn, async |conn| copy(conn, month).await).await.unwrap();
        delete(&mut conn).await.unwrap();
        let kept = conn.fetch("select digest from archive.message", vec![]).await.unwrap();
        let left = conn.fetch("select digest from main.message", vec![]).await.unwrap();
        assert_eq!((kept.len(), left.len()), (2, 0));
    }

    #[tokio::test]
    async fn who_finds_a_file_in_use_gives_way_and_goes_on_later() {
        let mut shop = Shop::open().await;
        let Database::Sqlite(path) = shop.database.clone() else { return };
        at_rest(&mut shop, "A-1", "4200009999202611230000000001").await;
        later(&shop, 14);
        // Beside the server, as the command does; but it waits for nobody.
        let ours = Store::open_as_it_is(&shop.database).await.unwrap();
        let mut conn = ours.writer().await.unwrap();
        conn.execute("pragma busy_timeout = 0", vec![]).await.unwrap();
        let archive = path.with_extension("archive-202611.db");
        private::make(&archive).unwrap();
        let attach = format!("attach '{}' as archive", archive.display());
        conn.execute(AssertSqlSafe(attach), vec![]).await.unwrap();
        prepare(&mut conn).await.unwrap();
        let month = Month::from_digits("202611").unwrap();
        let move_some = async |conn: &mut Conn| {
            let batch = in_transaction(conn, async |conn| copy(conn, month).await).await?;
            in_transaction(conn, async |conn| delete(conn, batch).await).await?;
            Ok::<_, ArchiveError>(batch)
        };

        // The server writes.
        let writing = shop.service.store.begin().await.unwrap();
        let refused = move_some(&mut conn).await.unwrap_err();
        assert!(is_not_now(&refused), "{refused}");
        writing.commit().await.unwrap();

        // Somebody reads what was archived before; the server is not kept from its work.
        let reader = rusqlite::Connection::open(&archive).unwrap();
        reader.execute_batch("begin; select count(*) from orders").unwrap();
        let refused = move_some(&mut conn).await.unwrap_err();
        assert!(is_not_now(&refused), "{refused}");
        let sold = sell(&shop, 1).await;
        assert_eq!(shop.phase(&sold).await.0, "paid");
        assert_eq!(shop.rows("select count(*) from orders").await, ["2"]);
        reader.execute_batch("commit").unwrap();

        assert_eq!(move_some(&mut conn).await.unwrap(), 1);
        assert_eq!(move_some(&mut conn).await.unwrap(), 0);
    }
}
