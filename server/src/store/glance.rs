//! How much waits, for those who watch the server. Each query reads only what is not over, by an
//! index of that alone (`migrations/*/0009_fewer_pages.sql`).

use super::figures::{NOT_YET, UNDER_WAY};
use super::{BillDay, Conn, StoreError};
use crate::metrics::{Glance, Waiting};

/// Looks at what is not over.
pub(crate) async fn glance(conn: &mut Conn) -> Result<Glance, StoreError> {
    let mut seen = Glance::default();
    // Two halves, each with an index of its own: what time has something to do with, and the rest.
    let sql = "select phase, count(*) as orders from (
                   select phase from orders where due_at is not null
                   union all
                   select phase from orders where due_at is null
                       and phase in ('placing', 'open', 'closing', 'paid', 'refunding')
               ) as unfinished
               where phase in ('placing', 'open', 'closing', 'paid', 'refunding') group by phase";
    for row in conn.fetch(sql, vec![]).await? {
        seen.orders.push((row.text("phase")?, row.int("orders")?));
    }
    // Where WeChat is at a refund, or another one comes first, waiting is no trouble.
    let sql = "select lane, state, count(*) as entries,
                   min(case when last_error in ($1, $2) then null else created_at end) as oldest
               from (
                   select lane, state, created_at, last_error from outbox
                   where state in ('pending', 'leased')
                   union all
                   select lane, state, created_at, last_error from outbox
                   where state not in ('pending', 'leased', 'done')
               ) as unfinished group by lane, state";
    for row in conn.fetch(sql, vec![UNDER_WAY.into(), NOT_YET.into()]).await? {
        seen.outbox.push(Waiting {
            lane: row.text("lane")?,
            state: row.text("state")?,
            count: row.int("entries")?,
            oldest: row.optional_time("oldest")?,
        });
    }
    let sql = "select state, count(*) as refunds, min(created_at) as oldest from refund
               where state in ('held', 'asked', 'unsure', 'accepted', 'failed') group by state";
    for row in conn.fetch(sql, vec![]).await? {
        let state = row.text("state")?;
        seen.refunds.push((state, row.int("refunds")?, row.time("oldest")?));
    }
    let sql = "select kind, count(*) as differences from bill_difference
               where state = 'open' group by kind order by kind";
    for row in conn.fetch(sql, vec![]).await? {
        seen.differences.push((row.text("kind")?, row.number("differences")?));
    }
    seen.failing_bills = BillDay::failing(conn).await?;
    Ok(seen)
}
