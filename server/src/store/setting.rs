//! The database as such: what was decided once, and whether it can be read and written.

use super::{Conn, OpenError, Row, StoreError};
use saoma_core::time::UnixTime;

/// A decision of the first start: kept when there is none yet, and what is kept is returned.
pub(crate) async fn setting(
    conn: &mut Conn,
    name: &str,
    value: &str,
) -> Result<String, StoreError> {
    let insert = "insert into setting (name, value) values ($1, $2) on conflict (name) do nothing";
    conn.execute(insert, vec![name.into(), value.into()]).await?;
    let select = "select value from setting where name = $1";
    let row = conn.fetch_one(select, vec![name.into()]).await?;
    row.ok_or(StoreError::Corrupt("setting"))?.text("value")
}

/// Whether the database can be read.
pub(crate) async fn ping(conn: &mut Conn) -> Result<(), StoreError> {
    conn.fetch("select count(*) as settings from setting", vec![]).await?;
    Ok(())
}

/// Whether the database can be written: this writes a row, and its value says when.
pub(crate) async fn touch(conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
    let sql = "insert into setting (name, value) values ('written_at', $1)
               on conflict (name) do update set value = excluded.value";
    conn.execute(sql, vec![now.get().to_string().into()]).await?;
    Ok(())
}

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
