//! Figures of a stretch of time, for the operator's overview. They cost as much as the stretch has
//! rows, so whoever shows them keeps them for a while.

use super::look::fen;
use super::{Conn, OTHER_CURRENCY, Row, StoreError, Value};
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

/// Most different errors that are told apart.
const ERRORS_MAX: u32 = 8;
/// Orders whose shipping is looked at.
const SHIPPED_MAX: u32 = 100;

/// Why a refund's entry waits that WeChat has accepted: no error.
pub(crate) const UNDER_WAY: &str = "WeChat is at it";
/// Why a refund waits that comes too soon after another one of its payment. No error either.
pub(crate) const NOT_YET: &str = "not before then";

/// How many and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) fen: Fen,
}

/// How many orders whose ids lie from `from` to below `to` are in which phase.
pub(crate) async fn orders_by_phase(
    conn: &mut Conn,
    (from, to): (&str, &str),
) -> Result<Vec<(String, u64)>, StoreError> {
    let sql = "select phase, count(*) as count from orders
               where order_id >= $1 and order_id < $2 group by phase";
    let read = |row: &Row| Ok((row.text("phase")?, row.number("count")?));
    conn.fetch(sql, vec![from.into(), to.into()]).await?.iter().map(read).collect()
}

/// How many orders were made from `from` to below `to`.
pub(crate) async fn orders_made(
    conn: &mut Conn,
    (from, to): (&str, &str),
) -> Result<u64, StoreError> {
    let sql = "select count(*) as count from orders where order_id >= $1 and order_id < $2";
    let row = conn.fetch_one(sql, vec![from.into(), to.into()]).await?;
    row.map_or(Ok(0), |row| row.number("count"))
}

/// What merchants were paid from `from` to below `to`, in yuan.
pub(crate) async fn paid(
    conn: &mut Conn,
    merchants: &[String],
    (from, to): (UnixTime, UnixTime),
) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    for mch_id in merchants {
        // PostgreSQL sums to a type of its own.
        let sql = "select count(*) as count, cast(coalesce(sum(total_fee_fen), 0) as bigint) as fen
                   from payment
                   where mch_id = $1 and paid_at >= $2 and paid_at < $3 and verdict <> $4";
        let values: Vec<Value> =
            vec![mch_id.as_str().into(), from.into(), to.into(), OTHER_CURRENCY.into()];
        if let Some(row) = conn.fetch_one(sql, values).await? {
            sum.count += row.number::<u64>("count")?;
            let total = sum.fen.checked_add(fen(&row, "fen")?);
            sum.fen = total.ok_or(StoreError::Corrupt("total_fee_fen"))?;
        }
    }
    Ok(sum)
}

/// How long the last shops took, in seconds, from the payment known to their yes; the shortest
/// first.
pub(crate) async fn ship_delays_s(conn: &mut Conn, below: &str) -> Result<Vec<u64>, StoreError> {
    // Two servers' clocks differ: a yes may be older than its payment.
    let sql = "select case when outbox.updated_at > outbox.created_at
                           then outbox.updated_at - outbox.created_at else 0 end as delay
               from (select order_id from orders where order_id < $1
                     order by order_id desc limit $2) as latest
               join outbox on outbox.order_id = latest.order_id
               where outbox.kind = 'ship' and outbox.state = 'done' order by 1";
    let values = vec![below.into(), SHIPPED_MAX.into()];
    conn.fetch(sql, values).await?.iter().map(|row| row.number("delay")).collect()
}

/// What went wrong with WeChat about orders from `from` on, the most frequent first.
pub(crate) async fn gateway_errors(
    conn: &mut Conn,
    from: &str,
) -> Result<Vec<(String, u64)>, StoreError> {
    let sql = "select last_error, count(*) as count from outbox
               where order_id >= $1 and lane = 'gateway' and last_error is not null
                 and last_error not in ($3, $4)
               group by last_error order by count(*) desc, last_error limit $2";
    let read = |row: &Row| Ok((row.text("last_error")?, row.number("count")?));
    conn.fetch(sql, vec![from.into(), ERRORS_MAX.into(), UNDER_WAY.into(), NOT_YET.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}
