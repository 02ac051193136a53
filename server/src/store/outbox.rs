//! The outbox: what must be done outside, at least once.

use super::order::all;
use super::{Conn, Dialect, Row, StoreError, Value};
use saoma_core::ids::{MchId, OrderId};
use saoma_core::order::Effect;
use saoma_core::time::UnixTime;
use sqlx::AssertSqlSafe;

/// An entry that somebody is at.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Names the thing to be done, for ever.
    pub(crate) key: String,
    /// `None` only for refunds of a payment for an unknown number.
    pub(crate) order_id: Option<OrderId>,
    pub(crate) effect: Effect,
    /// How often it was begun, this time included. It also tells this lease from later ones.
    pub(crate) tries: u32,
    /// When it was written down.
    pub(crate) since: UnixTime,
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewEntry {
    pub(crate) key: String,
    pub(crate) order_id: Option<OrderId>,
    pub(crate) mch_id: MchId,
    pub(crate) effect: Effect,
    pub(crate) state: EntryState,
}

/// How an entry begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryState {
    /// To be claimed from then on.
    PendingFrom(UnixTime),
    /// Its writer performs it and has the lease until then.
    LeasedUntil(UnixTime),
    /// Recorded, waiting for a person.
    Held,
    /// Goods that are to be fetched, and somebody is told when nobody has come by then.
    WaitingUntil(UnixTime),
}

/// What became of an entry that was begun.
#[derive(Clone, Debug)]
pub(crate) struct EntryEnd {
    pub(crate) entry: Entry,
    /// `None`: it is done. Otherwise it is to be tried again then, for this reason, unless the
    /// lease ran out and somebody else is at it.
    pub(crate) again: Option<(UnixTime, String)>,
    /// It is not tried again by itself: a dead letter, which waits for a person.
    pub(crate) dead: bool,
    /// Whether it was begun at all; if not, this was none of its tries.
    pub(crate) begun: bool,
}

/// Who is called. Each lane is worked off by itself, so that a shop that hangs cannot hold up what
/// WeChat is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// WeChat.
    Gateway,
    /// The shop.
    Shop,
}

impl Lane {
    /// The lane that performs an effect.
    pub(crate) const fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Place { .. }
            | Effect::Renew { .. }
            | Effect::Query { .. }
            | Effect::Close { .. }
            | Effect::Refund { .. }
            | Effect::RefundQuery { .. }
            | Effect::Report { .. } => Self::Gateway,
            Effect::Ship { .. } => Self::Shop,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Shop => "shop",
        }
    }
}

/// The name of an effect's kind.
const fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Place { .. } => "place",
        Effect::Renew { .. } => "renew",
        Effect::Query { .. } => "query",
        Effect::Close { .. } => "close",
        Effect::Ship { .. } => "ship",
        Effect::Refund { .. } => "refund",
        Effect::RefundQuery { .. } => "refund_query",
        Effect::Report { .. } => "report",
    }
}

impl NewEntry {
    /// Writes entries; one whose key is there already stays as it is.
    pub(crate) async fn insert_all(
        conn: &mut Conn,
        rows: &[Self],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let values = |row: &Self| -> Result<Vec<Value>, StoreError> {
            let (state, due_at, tries) = match row.state {
                EntryState::PendingFrom(from) => ("pending", from, 0_i64),
                EntryState::LeasedUntil(until) => ("leased", until, 1),
                EntryState::Held => ("held", now, 0),
                EntryState::WaitingUntil(until) => ("waiting", until, 0),
            };
            let effect = serde_json::to_string(&row.effect);
            Ok(vec![
                row.order_id.as_ref().map_or("", OrderId::as_str).into(),
                row.key.as_str().into(),
                row.mch_id.as_str().into(),
                kind(&row.effect).into(),
                Lane::of(&row.effect).as_str().into(),
                effect.map_err(|_| StoreError::Corrupt("effect"))?.into(),
                state.into(),
                due_at.into(),
                tries.into(),
                now.into(),
                now.into(),
            ])
        };
        let head = "insert into outbox (order_id, key, mch_id, kind, lane, effect, state, due_at, \
                    tries, created_at, updated_at) values";
        let values = rows.iter().map(values).collect::<Result<_, _>>()?;
        conn.execute_rows(head, values, "on conflict do nothing").await?;
        Ok(())
    }
}

/// How far the goods of an order are that are fetched and not told to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// Nobody has come yet.
    Waiting,
    /// Nobody has come in time, and somebody was told.
    Unfetched,
    /// Somebody has begun to hand them over.
    Dispensing,
    /// That was not confirmed in time, and somebody was told.
    Unconfirmed,
    /// They are out.
    Done,
}

impl Fetch {
    const ALL: [Self; 5] =
        [Self::Waiting, Self::Unfetched, Self::Dispensing, Self::Unconfirmed, Self::Done];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Unfetched => "unfetched",
            Self::Dispensing => "dispensing",
            Self::Unconfirmed => "unconfirmed",
            Self::Done => "done",
        }
    }
}

/// Goods to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FetchRow {
    pub(crate) order_id: OrderId,
    /// The ship id.
    pub(crate) key: String,
    pub(crate) fetch: Fetch,
    /// When somebody is told.
    pub(crate) due_at: UnixTime,
}

impl FetchRow {
    fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let state = row.text("state")?;
        // Whatever else it is, it is told to a webhook.
        let Some(fetch) = Fetch::ALL.into_iter().find(|fetch| fetch.as_str() == state) else {
            return Ok(None);
        };
        let (order_id, due_at) = (row.parsed("order_id")?, row.time("due_at")?);
        Ok(Some(Self { order_id, key: row.text("key")?, fetch, due_at }))
    }

    /// The goods of an order, or `None` when they are not to be fetched.
    pub(crate) async fn get(conn: &mut Conn, id: &OrderId) -> Result<Option<Self>, StoreError> {
        let sql = "select order_id, key, state, due_at from outbox
                   where order_id = $1 and kind = 'ship'";
        let row = conn.fetch_one(sql, vec![id.as_str().into()]).await?;
        row.map_or(Ok(None), |row| Self::read(&row))
    }

    /// Goods for which somebody is to be told now.
    pub(crate) async fn late(
        conn: &mut Conn,
        now: UnixTime,
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = "select order_id, key, state, due_at from outbox
                   where state in ('waiting', 'dispensing') and due_at <= $1
                   order by due_at limit $2";
        let rows = conn.fetch(sql, vec![now.into(), limit.into()]).await?;
        rows.iter().filter_map(|row| Self::read(row).transpose()).collect()
    }

    /// When somebody is next to be told.
    pub(crate) async fn next_late(conn: &mut Conn) -> Result<Option<UnixTime>, StoreError> {
        let sql = "select due_at from outbox where state in ('waiting', 'dispensing')
                   order by due_at limit 1";
        let row = conn.fetch_one(sql, vec![]).await?;
        row.map(|row| row.time("due_at")).transpose()
    }

    /// Writes down how far goods are now, each beside how far they were. That somebody was told
    /// never hides that they were claimed meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Stale`]: some are further meanwhile, so what was to be told of them is wrong.
    pub(crate) async fn update_all(
        conn: &mut Conn,
        rows: &[(Self, Fetch)],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let values = |(row, from): &(Self, Fetch)| -> Vec<Value> {
            vec![
                row.order_id.as_str().into(),
                row.key.as_str().into(),
                from.as_str().into(),
                row.fetch.as_str().into(),
                row.due_at.into(),
                now.into(),
            ]
        };
        let head = "update outbox set state = v.column4, due_at = v.column5, \
                    updated_at = v.column6 from (values";
        let tail = ") as v where outbox.order_id = v.column1 and outbox.key = v.column2 \
                    and (outbox.state = v.column3 or v.column4 in ('dispensing', 'done') \
                         and outbox.state in ('waiting', 'unfetched', 'dispensing', \
                                              'unconfirmed'))";
        let values = rows.iter().map(values).collect();
        all(conn.update_rows(head, values, tail, "outbox.order_id").await?, rows.len())
    }
}

impl EntryEnd {
    /// Writes down what became of entries.
    pub(crate) async fn update_all(
        conn: &mut Conn,
        rows: &[Self],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let order_id = |entry: &Entry| entry.order_id.as_ref().map_or("", OrderId::as_str).into();
        let (mut done, mut again) = (Vec::new(), Vec::<Vec<Value>>::new());
        for Self { entry, again: next, dead, begun } in rows {
            let mut values = vec![order_id(entry), entry.key.as_str().into(), now.into()];
            match next {
                None => done.push(values),
                Some((due_at, why)) => {
                    let tries = entry.tries.into();
                    let state = if *dead { "dead" } else { "pending" };
                    values.extend([tries, (*due_at).into(), why.as_str().into(), state.into()]);
                    let not_begun = u32::from(!*begun);
                    values.push(entry.tries.saturating_sub(not_begun).into());
                    again.push(values);
                }
            }
        }
        let head = "update outbox set state = 'done', updated_at = v.column3 from (values";
        let tail = ") as v where outbox.order_id = v.column1 and outbox.key = v.column2";
        conn.update_rows(head, done, tail, "outbox.order_id").await?;
        let head = "update outbox set state = v.column7, updated_at = v.column3, \
                    due_at = v.column5, last_error = v.column6, tries = v.column8 from (values";
        let tail = ") as v where outbox.order_id = v.column1 and outbox.key = v.column2 \
                    and outbox.tries = v.column4 and outbox.state = 'leased'";
        conn.update_rows(head, again, tail, "outbox.order_id").await?;
        Ok(())
    }
}

/// Has an order's queries tried now that wait for their next try; gives how many there are.
pub(crate) async fn hurry_queries(
    conn: &mut Conn,
    order_id: &OrderId,
    now: UnixTime,
) -> Result<u64, StoreError> {
    let sql = "update outbox set due_at = $1, updated_at = $1
               where order_id = $2 and kind = 'query' and state = 'pending' and due_at > $1";
    conn.execute(sql, vec![now.into(), order_id.as_str().into()]).await
}

/// Has an entry tried now that was given up or waits for its next try; `order_id` is '' for a
/// payment of an unknown number. `false`: there is no such entry.
pub(crate) async fn retry_entry(
    conn: &mut Conn,
    order_id: &str,
    key: &str,
    now: UnixTime,
) -> Result<bool, StoreError> {
    let sql = "update outbox set state = 'pending', due_at = $1, updated_at = $1
               where order_id = $2 and key = $3
                 and (state = 'dead' or state = 'pending' and due_at > $1)";
    Ok(conn.execute(sql, vec![now.into(), order_id.into(), key.into()]).await? == 1)
}

impl Entry {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let order_id = row.text("order_id")?;
        Ok(Self {
            key: row.text("key")?,
            order_id: match order_id.as_str() {
                "" => None,
                _ => Some(row.parsed("order_id")?),
            },
            effect: row.json("effect")?,
            tries: row.number("tries")?,
            since: row.time("created_at")?,
        })
    }

    /// Takes the lane's entries that have been due longest, at most one of each order, and none of
    /// an order at whose entries somebody of the lane is already. An entry that cannot be read is
    /// taken as well, so that it blocks no other.
    pub(crate) async fn claim(
        conn: &mut Conn,
        lane: Lane,
        (now, until): (UnixTime, UnixTime),
        limit: u32,
    ) -> Result<Vec<Result<Self, StoreError>>, StoreError> {
        // By `due_at` alone, which is the index's own order: however many wait, only as many are
        // read as are taken. Two processes never wait for each other's entries; each takes others.
        let skip = match conn.dialect() {
            Dialect::Sqlite => "",
            Dialect::Postgres => "for update skip locked",
        };
        let sql = format!(
            "with mine as materialized (
                 select due.order_id, due.key from outbox as due
                 where due.lane = $3 and due.state in ('pending', 'leased') and due.due_at <= $1
                   and (due.order_id = '' or not exists (
                       select 1 from outbox as other
                       where other.order_id = due.order_id and other.lane = due.lane
                         and (other.state = 'leased' and other.due_at > $1
                              or other.state in ('pending', 'leased') and other.due_at <= $1
                                 and (other.due_at, other.created_at, other.key)
                                     < (due.due_at, due.created_at, due.key))))
                 order by due.due_at limit $4 {skip})
             update outbox set state = 'leased', due_at = $2, tries = tries + 1, updated_at = $1
             from mine where outbox.order_id = mine.order_id and outbox.key = mine.key
             returning outbox.order_id, outbox.key, outbox.effect, outbox.tries,
                 outbox.created_at"
        );
        let values = vec![now.into(), until.into(), lane.as_str().into(), limit.into()];
        let rows = conn.fetch(AssertSqlSafe(sql), values).await?;
        Ok(rows.iter().map(Self::read).collect())
    }

    /// When an entry of the lane is next to be claimed.
    pub(crate) async fn next_due(
        conn: &mut Conn,
        lane: Lane,
    ) -> Result<Option<UnixTime>, StoreError> {
        let sql = "select due_at from outbox where lane = $1 and state in ('pending', 'leased')
                   order by due_at limit 1";
        let row = conn.fetch_one(sql, vec![lane.as_str().into()]).await?;
        row.map(|row| row.time("due_at")).transpose()
    }

    /// Makes an entry due at once that waits for its time; with `anyhow` also one that waits for a
    /// person or has ended.
    pub(crate) async fn wake(
        conn: &mut Conn,
        order_id: Option<&OrderId>,
        key: &str,
        anyhow: bool,
        now: UnixTime,
    ) -> Result<u64, StoreError> {
        let sql = "update outbox set state = 'pending', due_at = $3, updated_at = $3
                   where order_id = $1 and key = $2
                     and (state = 'pending' or $4 = 'anyhow' and state <> 'leased')";
        let order_id = order_id.map_or("", OrderId::as_str);
        let how = if anyhow { "anyhow" } else { "" };
        conn.execute(sql, vec![order_id.into(), key.into(), now.into(), how.into()]).await
    }

    /// Takes all leases back, at the start of the only process that can hold any.
    pub(crate) async fn release_all(conn: &mut Conn, now: UnixTime) -> Result<u64, StoreError> {
        // The condition is written as the index has it.
        let sql = "update outbox set state = 'pending', due_at = $1
                   where state in ('pending', 'leased') and state = 'leased'";
        conn.execute(sql, vec![now.into()]).await
    }
}
