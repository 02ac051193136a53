//! Orders and their attempts.

use super::{Conn, StoreError, parsed, seconds, time};
use saoma_core::ids::{AppId, MchId, OrderId, OutTradeNo};
use saoma_core::order::Order;
use saoma_core::sign::SignType;
use saoma_core::time::UnixTime;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// An order as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct OrderRow {
    pub(crate) order_no: String,
    pub(crate) mch_id: MchId,
    pub(crate) app_id: AppId,
    pub(crate) description: String,
    pub(crate) order: Order,
    /// Grows by one with each change.
    pub(crate) version: u64,
    /// When time next has something to do with it.
    pub(crate) due_at: Option<UnixTime>,
}

/// One number at WeChat.
#[derive(Clone, Debug)]
pub(crate) struct AttemptRow {
    pub(crate) out_trade_no: OutTradeNo,
    pub(crate) order_id: OrderId,
    pub(crate) index: u8,
    pub(crate) sign_type: SignType,
    /// The unified order without nonce and signature.
    pub(crate) request: String,
}

impl OrderRow {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let text = |column| row.try_get::<String, _>(column);
        let due_at: Option<i64> = row.try_get("due_at")?;
        let version: i64 = row.try_get("version")?;
        Ok(Self {
            order_no: text("order_no")?,
            mch_id: parsed("mch_id", &text("mch_id")?)?,
            app_id: parsed("app_id", &text("app_id")?)?,
            description: text("description")?,
            order: serde_json::from_str(&text("state")?)
                .map_err(|_| StoreError::Corrupt("state"))?,
            version: u64::try_from(version).map_err(|_| StoreError::Corrupt("version"))?,
            due_at: due_at.map(|due_at| time("due_at", due_at)).transpose()?,
        })
    }

    /// The order of this id.
    pub(crate) async fn get(conn: &mut Conn, id: &OrderId) -> Result<Option<Self>, StoreError> {
        let query = sqlx::query("select * from orders where order_id = $1").bind(id.as_str());
        query.fetch_optional(conn).await?.as_ref().map(Self::read).transpose()
    }

    /// The order with this number of the shop's.
    pub(crate) async fn get_by_no(
        conn: &mut Conn,
        order_no: &str,
    ) -> Result<Option<Self>, StoreError> {
        let query = sqlx::query("select * from orders where order_no = $1").bind(order_no);
        query.fetch_optional(conn).await?.as_ref().map(Self::read).transpose()
    }

    /// Adds a new order.
    pub(crate) async fn insert(&self, conn: &mut Conn) -> Result<(), StoreError> {
        let order = &self.order;
        sqlx::query(
            "insert into orders (order_id, order_no, mch_id, app_id, amount_fen, description,
                 phase, state, version, due_at, created_at, expires_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $11)",
        )
        .bind(order.id().as_str())
        .bind(&self.order_no)
        .bind(self.mch_id.as_str())
        .bind(self.app_id.as_str())
        .bind(fen(order.amount().get()))
        .bind(&self.description)
        .bind(order.watched_phase().as_str())
        .bind(state(order)?)
        .bind(version(self.version))
        .bind(self.due_at.map(seconds))
        .bind(seconds(order.created_at()))
        .bind(seconds(order.expires_at()))
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Replaces the order that was read as version `from`.
    pub(crate) async fn update(
        &self,
        conn: &mut Conn,
        from: u64,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let done = sqlx::query(
            "update orders set phase = $1, state = $2, version = $3, due_at = $4, updated_at = $5
             where order_id = $6 and version = $7",
        )
        .bind(self.order.watched_phase().as_str())
        .bind(state(&self.order)?)
        .bind(version(self.version))
        .bind(self.due_at.map(seconds))
        .bind(seconds(now))
        .bind(self.order.id().as_str())
        .bind(version(from))
        .execute(conn)
        .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    /// At most `limit` orders for which time has something to do.
    pub(crate) async fn due(
        conn: &mut Conn,
        now: UnixTime,
        limit: u32,
    ) -> Result<Vec<OrderId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "select order_id from orders where due_at is not null and due_at <= $1
             order by due_at limit $2",
        )
        .bind(seconds(now))
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
        ids.iter().map(|id| parsed("order_id", id)).collect()
    }

    /// When time next has something to do with any order.
    pub(crate) async fn next_due(conn: &mut Conn) -> Result<Option<UnixTime>, StoreError> {
        let sql = "select min(due_at) from orders where due_at is not null";
        let due_at: Option<i64> = sqlx::query_scalar(sql).fetch_one(conn).await?;
        due_at.map(|due_at| time("due_at", due_at)).transpose()
    }
}

impl AttemptRow {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let text = |column| row.try_get::<String, _>(column);
        let index: i64 = row.try_get("attempt_index")?;
        Ok(Self {
            out_trade_no: parsed("out_trade_no", &text("out_trade_no")?)?,
            order_id: parsed("order_id", &text("order_id")?)?,
            index: u8::try_from(index).map_err(|_| StoreError::Corrupt("attempt_index"))?,
            sign_type: SignType::from_name(&text("sign_type")?)
                .ok_or(StoreError::Corrupt("sign_type"))?,
            request: text("request")?,
        })
    }

    /// The attempt of this number.
    pub(crate) async fn get(
        conn: &mut Conn,
        out_trade_no: &OutTradeNo,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from attempt where out_trade_no = $1";
        let query = sqlx::query(sql).bind(out_trade_no.as_str());
        query.fetch_optional(conn).await?.as_ref().map(Self::read).transpose()
    }

    /// Adds an attempt, before its number is ever sent.
    pub(crate) async fn insert(&self, conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
        sqlx::query(
            "insert into attempt
                 (out_trade_no, order_id, attempt_index, sign_type, request, created_at)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.out_trade_no.as_str())
        .bind(self.order_id.as_str())
        .bind(i64::from(self.index))
        .bind(self.sign_type.as_str())
        .bind(&self.request)
        .bind(seconds(now))
        .execute(conn)
        .await?;
        Ok(())
    }
}

fn state(order: &Order) -> Result<String, StoreError> {
    serde_json::to_string(order).map_err(|_| StoreError::Corrupt("state"))
}

/// Versions count changes of one order: far below 2^63.
fn version(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// An amount as it is stored: at most 2^53 (`Fen::MAX`).
pub(super) fn fen(fen: u64) -> i64 {
    i64::try_from(fen).unwrap_or(i64::MAX)
}
