//! What the operator's pages read, on the replica where there is one.
//!
//! However many orders there are, a page stays fast: lists go by keys and never count, a filter
//! looks at a limited stretch of orders at a time, and a search uses the keys that are there.

use super::{Conn, OTHER_CURRENCY, Row, StoreError, Value};
use saoma_core::money::Fen;
use saoma_core::order::Order;
use saoma_core::time::UnixTime;
use sqlx::AssertSqlSafe;

/// Orders that one list looks at.
const STRETCH: u32 = 5_000;
/// Most entries of an order's history on its page.
const HISTORY_MAX: u32 = 300;

/// An order in a list.
#[derive(Clone, Debug)]
pub(crate) struct ListedOrder {
    pub(crate) order_id: String,
    pub(crate) shop: String,
    pub(crate) order_no: String,
    pub(crate) description: String,
    pub(crate) amount: Fen,
    pub(crate) phase: String,
    pub(crate) created_at: UnixTime,
}

/// Which orders are listed. Empty texts: not narrowed.
#[derive(Clone, Debug)]
pub(crate) struct OrderFilter<'a> {
    /// Only ids below this one.
    pub(crate) below: &'a str,
    /// Only ids from this one on.
    pub(crate) from: &'a str,
    pub(crate) phase: &'a str,
    pub(crate) shop: &'a str,
    pub(crate) mch_id: &'a str,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub(crate) struct Part<T> {
    pub(crate) rows: Vec<T>,
    /// Where the next part begins; `None`: this was the last.
    pub(crate) next: Option<String>,
}

impl ListedOrder {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: row.text("order_id")?,
            shop: row.text("shop")?,
            order_no: row.text("order_no")?,
            description: row.text("description")?,
            amount: fen(row, "amount_fen")?,
            phase: row.text("phase")?,
            created_at: row.time("created_at")?,
        })
    }

    /// The newest orders of a filter: as many as `limit`, out of the next few thousand. So there
    /// may be a next part after one that is empty.
    pub(crate) async fn newest(
        conn: &mut Conn,
        filter: &OrderFilter<'_>,
        limit: u32,
    ) -> Result<Part<Self>, StoreError> {
        let sql = "select order_id, shop, order_no, description, amount_fen, phase, created_at
                   from (select * from orders where order_id < $1 and order_id >= $2
                         order by order_id desc limit $3) as stretch
                   where (phase = $4 or $4 = '') and (shop = $5 or $5 = '')
                     and (mch_id = $6 or $6 = '')
                   order by order_id desc limit $7";
        let values: Vec<Value> = vec![
            filter.below.into(),
            filter.from.into(),
            STRETCH.into(),
            filter.phase.into(),
            filter.shop.into(),
            filter.mch_id.into(),
            limit.into(),
        ];
        let rows = conn.fetch(sql, values).await?;
        let rows: Vec<Self> = rows.iter().map(Self::read).collect::<Result<_, _>>()?;
        let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
        let next = match rows.last() {
            Some(last) if is_full => Some(last.order_id.clone()),
            _ => end_of_stretch(conn, filter).await?,
        };
        Ok(Part { rows, next })
    }

    /// The orders that a number may name: the shop's own, ours, one at WeChat, or a payment's.
    pub(crate) async fn search(
        conn: &mut Conn,
        number: &str,
        shops: &[String],
    ) -> Result<Vec<Self>, StoreError> {
        // A refund's number is its order's with an end.
        let of_refund = number.rsplit_once("-R").or_else(|| number.rsplit_once("-S"));
        let of_refund = of_refund.map_or(number, |(order_id, _)| order_id);
        let mut found = Vec::new();
        for (sql, key) in [
            ("select * from orders where order_id = $1", of_refund),
            (
                "select orders.* from orders join attempt on attempt.order_id = orders.order_id
                 where attempt.out_trade_no = $1",
                number,
            ),
            (
                "select orders.* from orders join payment on payment.order_id = orders.order_id
                 where payment.transaction_id = $1",
                number,
            ),
        ] {
            found.extend(conn.fetch(sql, vec![key.into()]).await?);
        }
        for shop in shops {
            let sql = "select orders.* from order_number as known
                       join orders on orders.order_id = known.order_id
                       where known.shop = $1 and known.order_no = $2";
            found.extend(conn.fetch(sql, vec![shop.as_str().into(), number.into()]).await?);
        }
        let mut found: Vec<Self> = found.iter().map(Self::read).collect::<Result<_, _>>()?;
        found.sort_by(|a, b| b.order_id.cmp(&a.order_id));
        found.dedup_by(|a, b| a.order_id == b.order_id);
        Ok(found)
    }
}

/// The ids of orders that a number names, the shop's own or a payment's, and that are here no more:
/// the archive has them, and only their numbers have stayed.
pub(crate) async fn archived(
    conn: &mut Conn,
    number: &str,
    shops: &[String],
) -> Result<Vec<String>, StoreError> {
    let of_payment = "select known.order_id from payment as known
                      left join orders on orders.order_id = known.order_id
                      where known.transaction_id = $1 and known.order_id <> ''
                        and orders.order_id is null";
    let mut found = conn.fetch(of_payment, vec![number.into()]).await?;
    for shop in shops {
        let of_shop = "select known.order_id from order_number as known
                       left join orders on orders.order_id = known.order_id
                       where known.shop = $1 and known.order_no = $2 and orders.order_id is null";
        found.extend(conn.fetch(of_shop, vec![shop.as_str().into(), number.into()]).await?);
    }
    let mut ids: Vec<String> =
        found.iter().map(|row| row.text("order_id")).collect::<Result<_, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The last order that a list has looked at, when there are more behind it.
async fn end_of_stretch(
    conn: &mut Conn,
    filter: &OrderFilter<'_>,
) -> Result<Option<String>, StoreError> {
    let sql = "select order_id from orders where order_id < $1 and order_id >= $2
               order by order_id desc limit 1 offset $3";
    let offset = STRETCH.saturating_sub(1);
    let values = vec![filter.below.into(), filter.from.into(), offset.into()];
    conn.fetch_one(sql, values).await?.map(|row| row.text("order_id")).transpose()
}

/// A number at WeChat.
#[derive(Clone, Debug)]
pub(crate) struct ListedAttempt {
    pub(crate) out_trade_no: String,
    pub(crate) sign_type: String,
    pub(crate) request: String,
    pub(crate) created_at: UnixTime,
}

/// A payment of an order.
#[derive(Clone, Debug)]
pub(crate) struct ListedPayment {
    pub(crate) transaction_id: String,
    pub(crate) out_trade_no: String,
    pub(crate) total_fee: Fen,
    pub(crate) paid_at: UnixTime,
    pub(crate) verdict: String,
    pub(crate) is_cny: bool,
}

/// A line of an order's history, or a message about it.
#[derive(Clone, Debug)]
pub(crate) struct ListedMoment {
    pub(crate) at: UnixTime,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) text: String,
}

impl ListedAttempt {
    /// Of an order, the first one first.
    pub(crate) async fn of(conn: &mut Conn, order_id: &str) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from attempt where order_id = $1 order by attempt_index";
        let read = |row: &Row| {
            Ok(Self {
                out_trade_no: row.text("out_trade_no")?,
                sign_type: row.text("sign_type")?,
                request: row.text("request")?,
                created_at: row.time("created_at")?,
            })
        };
        conn.fetch(sql, vec![order_id.into()]).await?.iter().map(read).collect()
    }
}

impl ListedPayment {
    /// Of an order, the first one first.
    pub(crate) async fn of(conn: &mut Conn, order: &Order) -> Result<Vec<Self>, StoreError> {
        let keys = order.transactions().map(|id| id.as_str().into()).collect();
        let read = |row: &Row| {
            let verdict = row.text("verdict")?;
            Ok(Self {
                transaction_id: row.text("transaction_id")?,
                out_trade_no: row.text("out_trade_no")?,
                total_fee: fen(row, "total_fee_fen")?,
                paid_at: row.time("paid_at")?,
                is_cny: verdict != OTHER_CURRENCY,
                verdict,
            })
        };
        let rows = conn.fetch_all("select * from payment", "transaction_id", keys).await?;
        let mut rows: Vec<Self> = rows.iter().map(read).collect::<Result<_, StoreError>>()?;
        rows.sort_by_key(|row| row.paid_at);
        Ok(rows)
    }
}

impl ListedMoment {
    /// The latest of an order, the latest first; and whether there are more.
    pub(crate) async fn of(
        conn: &mut Conn,
        order_id: &str,
    ) -> Result<(Vec<Self>, bool), StoreError> {
        let sql = "select at, kind, name, text from history where order_id = $1
                   order by id desc limit $2";
        let values = vec![order_id.into(), HISTORY_MAX.into()];
        let rows = conn.fetch(sql, values).await?;
        let read = |row: &Row| {
            Ok(Self {
                at: row.time("at")?,
                kind: row.text("kind")?,
                name: row.text("name")?,
                text: row.text("text")?,
            })
        };
        let is_cut = u32::try_from(rows.len()).is_ok_and(|count| count == HISTORY_MAX);
        Ok((rows.iter().map(read).collect::<Result<_, StoreError>>()?, is_cut))
    }

    /// The notifications about these numbers, as they came, with what became of them.
    pub(crate) async fn notifications(
        conn: &mut Conn,
        numbers: &[&str],
    ) -> Result<Vec<(Self, String)>, StoreError> {
        let keys = numbers.iter().map(|number| (*number).into()).collect();
        let select = "select received_at, body, outcome from message";
        let read = |row: &Row| {
            let message = Self {
                at: row.time("received_at")?,
                kind: "received".to_owned(),
                name: "notify".to_owned(),
                text: row.text("body")?,
            };
            Ok((message, row.text("outcome")?))
        };
        conn.fetch_all(select, "out_trade_no", keys).await?.iter().map(read).collect()
    }
}

/// An entry of the outbox.
#[derive(Clone, Debug)]
pub(crate) struct ListedEntry {
    pub(crate) order_id: String,
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) due_at: UnixTime,
    pub(crate) tries: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) created_at: UnixTime,
    pub(crate) updated_at: UnixTime,
}

impl ListedEntry {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: row.text("order_id")?,
            key: row.text("key")?,
            kind: row.text("kind")?,
            state: row.text("state")?,
            due_at: row.time("due_at")?,
            tries: row.number("tries")?,
            last_error: row.optional_text("last_error")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }

    /// All of an order.
    pub(crate) async fn of(conn: &mut Conn, order_id: &str) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from outbox where order_id = $1 order by created_at, key";
        conn.fetch(sql, vec![order_id.into()]).await?.iter().map(Self::read).collect()
    }

    /// What is to be done, what is due first before the rest, behind `(due_at, order_id, key)`.
    pub(crate) async fn to_do(
        conn: &mut Conn,
        (due_at, order_id, key): (i64, &str, &str),
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        // The index knows a lane by its times, so each is read by itself as far as it is needed.
        let of_lane = |lane: &str| {
            format!(
                "select * from (
                     select * from outbox where lane = '{lane}' and state in ('pending', 'leased')
                       and due_at >= $1 and (due_at, order_id, key) > ($1, $2, $3)
                     order by due_at, order_id, key limit $4) as {lane}"
            )
        };
        let sql = format!(
            "select * from ({} union all {}) as due order by due_at, order_id, key limit $4",
            of_lane("gateway"),
            of_lane("shop")
        );
        let values = vec![due_at.into(), order_id.into(), key.into(), limit.into()];
        conn.fetch(AssertSqlSafe(sql), values).await?.iter().map(Self::read).collect()
    }

    /// Those that are `held` or `dead`, the latest first, before `(updated_at, order_id, key)`.
    pub(crate) async fn stopped(
        conn: &mut Conn,
        state: &str,
        (updated_at, order_id, key): (i64, &str, &str),
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        // The condition is written as the index has it.
        let sql = "select * from outbox
                   where state in ('held', 'dead') and state = $1
                     and (updated_at, order_id, key) < ($2, $3, $4)
                   order by updated_at desc, order_id desc, key desc limit $5";
        let at = [updated_at.into(), order_id.into(), key.into()];
        let values = std::iter::once(state.into()).chain(at).chain([limit.into()]).collect();
        conn.fetch(sql, values).await?.iter().map(Self::read).collect()
    }

    /// How many are dead; not above `most`.
    pub(crate) async fn count_dead(conn: &mut Conn, most: u32) -> Result<u64, StoreError> {
        let sql = "select count(*) as count from (
                       select 1 from outbox
                       where state in ('held', 'dead') and state = 'dead' limit $1) as dead";
        let row = conn.fetch_one(sql, vec![most.into()]).await?;
        row.map_or(Ok(0), |row| row.number("count"))
    }
}

/// A payment that may not ship.
#[derive(Clone, Debug)]
pub(crate) struct ListedAnomaly {
    pub(crate) kind: String,
    /// Empty when the number is nobody's.
    pub(crate) order_id: String,
    pub(crate) order_no: Option<String>,
    pub(crate) expected: Option<Fen>,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    pub(crate) paid: Fen,
    pub(crate) is_cny: bool,
    pub(crate) noticed_at: UnixTime,
    pub(crate) refund: String,
}

/// An anomaly that is not over, as its index has it.
const WAITS: &str = "refund in ('due', 'held', 'failed', 'open')";

impl ListedAnomaly {
    /// Those that wait, or the others; the latest first, those noticed before or at `at`, without
    /// the first `skip` of that very second.
    pub(crate) async fn newest(
        conn: &mut Conn,
        is_waiting: bool,
        (at, skip): (i64, u32),
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let not = if is_waiting { "" } else { "not" };
        let sql = format!(
            "select anomaly.*, orders.order_no, orders.amount_fen, payment.verdict
             from anomaly left join orders on orders.order_id = anomaly.order_id
             left join payment on payment.transaction_id = anomaly.transaction_id
             where anomaly.noticed_at <= $1 and {not} anomaly.{WAITS}
             order by anomaly.noticed_at desc, anomaly.transaction_id, anomaly.kind
             limit $2 offset $3"
        );
        let read = |row: &Row| {
            let expected = row.optional_int("amount_fen")?;
            Ok(Self {
                kind: row.text("kind")?,
                order_id: row.text("order_id")?,
                order_no: row.optional_text("order_no")?,
                expected: expected.map(|_| fen(row, "amount_fen")).transpose()?,
                out_trade_no: row.text("out_trade_no")?,
                transaction_id: row.text("transaction_id")?,
                paid: fen(row, "paid_fen")?,
                is_cny: row.optional_text("verdict")?.is_none_or(|it| it != OTHER_CURRENCY),
                noticed_at: row.time("noticed_at")?,
                refund: row.text("refund")?,
            })
        };
        let values = vec![at.into(), limit.into(), skip.into()];
        conn.fetch(AssertSqlSafe(sql), values).await?.iter().map(read).collect()
    }

    /// The kinds of an order's anomalies.
    pub(crate) async fn kinds_of(
        conn: &mut Conn,
        transactions: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        let mut kinds = Vec::new();
        for transaction_id in transactions {
            let sql = "select kind from anomaly where transaction_id = $1 order by kind";
            let rows = conn.fetch(sql, vec![(*transaction_id).into()]).await?;
            kinds.extend(rows.iter().map(|row| row.text("kind")).collect::<Result<Vec<_>, _>>()?);
        }
        kinds.sort_unstable();
        kinds.dedup();
        Ok(kinds)
    }

    /// How many wait for a person; not above `most`.
    pub(crate) async fn count_waiting(conn: &mut Conn, most: u32) -> Result<u64, StoreError> {
        let sql = format!(
            "select count(*) as count from (
                 select 1 from anomaly where {WAITS} and refund <> 'due' limit $1) as waiting"
        );
        let row = conn.fetch_one(AssertSqlSafe(sql), vec![most.into()]).await?;
        row.map_or(Ok(0), |row| row.number("count"))
    }
}

pub(super) fn fen(row: &Row, column: &'static str) -> Result<Fen, StoreError> {
    Fen::new(row.number(column)?).ok_or(StoreError::Corrupt(column))
}
