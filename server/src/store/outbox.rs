//! The outbox: what must be done outside, at least once.

use super::{Conn, StoreError, parsed, seconds, time};
use saoma_core::ids::OrderId;
use saoma_core::order::Effect;
use saoma_core::time::UnixTime;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// An entry that somebody is at.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Names the thing to be done, for ever.
    pub(crate) key: String,
    pub(crate) order_id: OrderId,
    pub(crate) effect: Effect,
    /// How often it was begun, this time included. It also tells this lease from later ones.
    pub(crate) tries: u32,
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewEntry<'a> {
    pub(crate) key: String,
    pub(crate) order_id: Option<&'a OrderId>,
    pub(crate) effect: &'a Effect,
    pub(crate) state: EntryState,
}

/// How an entry begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryState {
    /// To be claimed at once.
    Pending,
    /// Its writer performs it and has the lease until then.
    LeasedUntil(UnixTime),
    /// Recorded, not performed yet.
    Held,
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
    const fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Place { .. }
            | Effect::Query { .. }
            | Effect::Close { .. }
            | Effect::Refund { .. }
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
        Effect::Query { .. } => "query",
        Effect::Close { .. } => "close",
        Effect::Ship { .. } => "ship",
        Effect::Refund { .. } => "refund",
        Effect::Report { .. } => "report",
    }
}

impl NewEntry<'_> {
    /// Writes it, unless an entry of this key is there already.
    pub(crate) async fn insert(&self, conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
        let (state, due_at, tries) = match self.state {
            EntryState::Pending => ("pending", now, 0_i64),
            EntryState::LeasedUntil(until) => ("leased", until, 1),
            EntryState::Held => ("held", now, 0),
        };
        sqlx::query(
            "insert into outbox (key, order_id, kind, lane, effect, state, due_at, tries,
                 created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
             on conflict (key) do nothing",
        )
        .bind(&self.key)
        .bind(self.order_id.map(OrderId::as_str))
        .bind(kind(self.effect))
        .bind(Lane::of(self.effect).as_str())
        .bind(serde_json::to_string(self.effect).map_err(|_| StoreError::Corrupt("effect"))?)
        .bind(state)
        .bind(seconds(due_at))
        .bind(tries)
        .bind(seconds(now))
        .execute(conn)
        .await?;
        Ok(())
    }
}

impl Entry {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let text = |column| row.try_get::<String, _>(column);
        let tries: i64 = row.try_get("tries")?;
        Ok(Self {
            key: text("key")?,
            order_id: parsed("order_id", &text("order_id")?)?,
            effect: serde_json::from_str(&text("effect")?)
                .map_err(|_| StoreError::Corrupt("effect"))?,
            tries: u32::try_from(tries).map_err(|_| StoreError::Corrupt("tries"))?,
        })
    }

    /// Takes the lane's entry that has been due longest, never one of an order at whose entries
    /// somebody of the lane is already. An entry that cannot be read is taken as well, so that it
    /// blocks no other.
    pub(crate) async fn claim(
        conn: &mut Conn,
        lane: Lane,
        now: UnixTime,
        until: UnixTime,
    ) -> Result<Option<Result<Self, StoreError>>, StoreError> {
        let row = sqlx::query(
            "update outbox set state = 'leased', due_at = $2, tries = tries + 1, updated_at = $1
             where key = (
                 select key from outbox as due
                 where lane = $3 and state in ('pending', 'leased') and due_at <= $1
                   and not exists (
                       select 1 from outbox as busy
                       where busy.order_id = due.order_id and busy.lane = due.lane
                         and busy.state = 'leased' and busy.due_at > $1)
                 order by due_at, created_at, key limit 1)
             returning key, order_id, effect, tries",
        )
        .bind(seconds(now))
        .bind(seconds(until))
        .bind(lane.as_str())
        .fetch_optional(conn)
        .await?;
        Ok(row.as_ref().map(Self::read))
    }

    /// It is done, whoever did it.
    pub(crate) async fn done(&self, conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
        let sql = "update outbox set state = 'done', updated_at = $2 where key = $1";
        sqlx::query(sql).bind(&self.key).bind(seconds(now)).execute(conn).await?;
        Ok(())
    }

    /// It is to be tried again at `due_at`, unless the lease ran out and somebody else is at it.
    pub(crate) async fn again(
        &self,
        conn: &mut Conn,
        now: UnixTime,
        due_at: UnixTime,
        why: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update outbox set state = 'pending', due_at = $3, last_error = $4, updated_at = $5
             where key = $1 and tries = $2 and state = 'leased'",
        )
        .bind(&self.key)
        .bind(i64::from(self.tries))
        .bind(seconds(due_at))
        .bind(why)
        .bind(seconds(now))
        .execute(conn)
        .await?;
        Ok(())
    }

    /// When an entry of the lane is next to be claimed.
    pub(crate) async fn next_due(
        conn: &mut Conn,
        lane: Lane,
    ) -> Result<Option<UnixTime>, StoreError> {
        let sql = "select min(due_at) from outbox
                   where lane = $1 and state in ('pending', 'leased')";
        let query = sqlx::query_scalar(sql).bind(lane.as_str());
        let due_at: Option<i64> = query.fetch_one(conn).await?;
        due_at.map(|due_at| time("due_at", due_at)).transpose()
    }

    /// Takes all leases back, at the start of the only process that can hold any.
    pub(crate) async fn release_all(conn: &mut Conn, now: UnixTime) -> Result<u64, StoreError> {
        let sql = "update outbox set state = 'pending', due_at = $1 where state = 'leased'";
        let done = sqlx::query(sql).bind(seconds(now)).execute(conn).await?;
        Ok(done.rows_affected())
    }
}
