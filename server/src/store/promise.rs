//! What a database must promise before anything is kept in it.

use super::{Conn, OpenError, StoreError};
use crate::store::db::Row;
use sqlx::AssertSqlSafe;

/// What was set when connecting is read back: a payment that was acknowledged must survive a power
/// failure.
pub(super) async fn check_pragmas(conn: &mut Conn) -> Result<(), OpenError> {
    for (name, sql, wanted, is_good) in [
        ("journal_mode", "pragma journal_mode", "wal", &["wal"][..]),
        ("synchronous", "pragma synchronous", "full", &["2", "3"]),
        ("foreign_keys", "pragma foreign_keys", "on", &["1"]),
    ] {
        let row = conn.fetch_one(sql, vec![]).await.map_err(OpenError::Store)?;
        // Some answers are text, some are numbers.
        let read = |row: Row| row.text(name).or_else(|_| row.int(name).map(|n| n.to_string()));
        let got = row.map(read).transpose().map_err(OpenError::Store)?.unwrap_or_default();
        if !is_good.contains(&got.as_str()) {
            return Err(OpenError::Pragma { name, wanted, got });
        }
    }
    Ok(())
}

/// The same for PostgreSQL: what the server as a whole was told.
pub(super) async fn check_settings(conn: &mut Conn) -> Result<(), OpenError> {
    for (name, sql) in [("fsync", "show fsync"), ("synchronous_commit", "show synchronous_commit")]
    {
        let row = conn.fetch_one(sql, vec![]).await.map_err(OpenError::Store)?;
        let got = row.map(|row| row.text(name)).transpose().map_err(OpenError::Store)?;
        let got = got.unwrap_or_default();
        if got != "on" {
            return Err(OpenError::Pragma { name, wanted: "on", got });
        }
    }
    Ok(())
}

/// Forgets what `analyze` has counted. Every statement has an index of its own, which SQLite takes
/// when it knows nothing; told that a table was small once, it would read all of it for ever.
pub(super) async fn forget_statistics(conn: &mut Conn) -> Result<(), StoreError> {
    let sql = "select name from sqlite_schema where name in ('sqlite_stat1', 'sqlite_stat4')";
    for row in conn.fetch(sql, vec![]).await? {
        conn.execute(AssertSqlSafe(format!("delete from {}", row.text("name")?)), vec![]).await?;
    }
    // Has those that are left read again, which are none.
    conn.execute("analyze sqlite_schema", vec![]).await?;
    Ok(())
}
