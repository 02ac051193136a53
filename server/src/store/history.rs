//! What happened to an order, for people.

use super::{Conn, StoreError, Value};
use saoma_core::ids::OrderId;
use saoma_core::time::UnixTime;

/// One line of an order's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HistoryRow {
    pub(crate) order_id: OrderId,
    pub(crate) at: UnixTime,
    /// `event`, `sent`, `received` or `note`.
    pub(crate) kind: String,
    /// The event's or the call's name, or who wrote the note.
    pub(crate) name: String,
    /// JSON, XML without its signature, or words.
    pub(crate) text: String,
}

impl HistoryRow {
    #[cfg(test)]
    fn read(row: &super::Row) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: row.parsed("order_id")?,
            at: row.time("at")?,
            kind: row.text("kind")?,
            name: row.text("name")?,
            text: row.text("text")?,
        })
    }

    /// Adds lines, oldest first.
    pub(crate) async fn insert_all(conn: &mut Conn, rows: Vec<Self>) -> Result<(), StoreError> {
        let values = |row: Self| -> Vec<Value> {
            let Self { order_id, at, kind, name, text } = row;
            vec![order_id.as_str().into(), at.into(), kind.into(), name.into(), text.into()]
        };
        let head = "insert into history (order_id, at, kind, name, text) values";
        conn.execute_rows(head, rows.into_iter().map(values).collect(), "").await?;
        Ok(())
    }

    /// An order's history, oldest first.
    #[cfg(test)]
    pub(crate) async fn of(conn: &mut Conn, id: &OrderId) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from history where order_id = $1 order by id";
        conn.fetch(sql, vec![id.as_str().into()]).await?.iter().map(Self::read).collect()
    }
}
