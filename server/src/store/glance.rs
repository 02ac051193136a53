//! How much waits, for those who watch the server. Each query reads only what is not over.

use super::{Conn, StoreError, time};
use crate::metrics::{Glance, Waiting};
use sqlx::Row as _;

/// Looks at what is not over.
pub(crate) async fn glance(conn: &mut Conn) -> Result<Glance, StoreError> {
    let sql = "select phase, count(*) from orders
               where phase in ('placing', 'open', 'closing', 'paid', 'refunding') group by phase";
    let orders = sqlx::query_as(sql).fetch_all(&mut *conn).await?;
    let sql = "select lane, state, count(*) as entries, min(created_at) as oldest from outbox
               where state in ('pending', 'leased', 'held', 'dead') group by lane, state";
    let rows = sqlx::query(sql).fetch_all(conn).await?;
    let outbox = rows.iter().map(|row| {
        Ok(Waiting {
            lane: row.try_get("lane")?,
            state: row.try_get("state")?,
            count: row.try_get("entries")?,
            oldest: time("created_at", row.try_get("oldest")?)?,
        })
    });
    Ok(Glance { orders, outbox: outbox.collect::<Result<_, StoreError>>()? })
}
