//! The database as such: what was decided once, and whether it can be read and written.

use super::{Conn, StoreError};
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
