//! Orders and their attempts.

use super::{Conn, Row, StoreError, Value};
use saoma_core::ids::{AppId, MchId, OrderId, OutTradeNo};
use saoma_core::order::Order;
use saoma_core::sign::SignType;
use saoma_core::time::UnixTime;
use std::sync::Arc;

/// An order as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct OrderRow {
    /// Whose it is.
    pub(crate) shop: String,
    /// That shop's number for it.
    pub(crate) order_no: String,
    pub(crate) mch_id: MchId,
    pub(crate) app_id: AppId,
    pub(crate) description: String,
    /// Shared, because it is large and never changed: what happens to it makes a new one.
    pub(crate) order: Arc<Order>,
    /// Grows by one with each change.
    pub(crate) version: u64,
    /// When time next has something to do with it.
    pub(crate) due_at: Option<UnixTime>,
    /// The device that made it and hands its goods over; `None`: the shop itself.
    pub(crate) device: Option<String>,
}

/// What is known of a shop's own number.
#[derive(Clone, Debug)]
pub(crate) enum ByNumber {
    /// Nobody has used it.
    Free,
    /// It is this order's.
    Order(Box<OrderRow>),
    /// Its order is in the archive.
    Archived,
}

/// One number at WeChat.
#[derive(Clone, Debug)]
pub(crate) struct AttemptRow {
    pub(crate) out_trade_no: OutTradeNo,
    pub(crate) order_id: OrderId,
    pub(crate) index: u8,
    pub(crate) mch_id: MchId,
    pub(crate) app_id: AppId,
    pub(crate) sign_type: SignType,
    /// The unified order without nonce and signature.
    pub(crate) request: String,
}

impl OrderRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            shop: row.text("shop")?,
            order_no: row.text("order_no")?,
            mch_id: row.parsed("mch_id")?,
            app_id: row.parsed("app_id")?,
            description: row.text("description")?,
            order: Arc::new(row.json("state")?),
            version: row.number("version")?,
            due_at: row.optional_time("due_at")?,
            device: Some(row.text("device")?).filter(|device| !device.is_empty()),
        })
    }

    /// The order of this id.
    pub(crate) async fn get(conn: &mut Conn, id: &OrderId) -> Result<Option<Self>, StoreError> {
        let sql = "select * from orders where order_id = $1";
        conn.fetch_one(sql, vec![id.as_str().into()]).await?.as_ref().map(Self::read).transpose()
    }

    /// The shop of an order, and the device that made it.
    pub(crate) async fn owner(
        conn: &mut Conn,
        id: &OrderId,
    ) -> Result<Option<(String, Option<String>)>, StoreError> {
        let sql = "select shop, device from orders where order_id = $1";
        let row = conn.fetch_one(sql, vec![id.as_str().into()]).await?;
        row.map(|row| {
            let device = Some(row.text("device")?).filter(|device| !device.is_empty());
            Ok((row.text("shop")?, device))
        })
        .transpose()
    }

    /// The orders of these ids that are there.
    pub(crate) async fn get_all(conn: &mut Conn, ids: &[OrderId]) -> Result<Vec<Self>, StoreError> {
        let keys = ids.iter().map(|id| id.as_str().into()).collect();
        let found = conn.fetch_all("select * from orders", "order_id", keys).await?;
        found.iter().map(Self::read).collect()
    }

    /// The order with this number of the shop's.
    pub(crate) async fn get_by_no(
        conn: &mut Conn,
        shop: &str,
        order_no: &str,
    ) -> Result<ByNumber, StoreError> {
        let sql = "select order_id from order_number where shop = $1 and order_no = $2";
        let Some(row) = conn.fetch_one(sql, vec![shop.into(), order_no.into()]).await? else {
            return Ok(ByNumber::Free);
        };
        let order = Self::get(conn, &row.parsed("order_id")?).await?;
        Ok(order.map_or(ByNumber::Archived, |row| ByNumber::Order(Box::new(row))))
    }

    /// Adds new orders.
    ///
    /// # Errors
    /// [`StoreError::Stale`]: somebody else has added one with the same number meanwhile.
    pub(crate) async fn insert_all(conn: &mut Conn, rows: &[&Self]) -> Result<(), StoreError> {
        let values = |row: &&Self| -> Result<Vec<Value>, StoreError> {
            let order = &row.order;
            Ok(vec![
                order.id().as_str().into(),
                row.shop.as_str().into(),
                row.order_no.as_str().into(),
                row.mch_id.as_str().into(),
                row.app_id.as_str().into(),
                order.amount().into(),
                row.description.as_str().into(),
                order.watched_phase().as_str().into(),
                state(order)?.into(),
                version(row.version).into(),
                row.due_at.into(),
                order.created_at().into(),
                order.expires_at().into(),
                order.created_at().into(),
                row.device.as_deref().unwrap_or("").into(),
            ])
        };
        let head = "insert into orders (order_id, shop, order_no, mch_id, app_id, amount_fen, \
                    description, phase, state, version, due_at, created_at, expires_at, \
                    updated_at, device) values";
        let values = rows.iter().map(values).collect::<Result<_, _>>()?;
        let number = |row: &&Self| -> Vec<Value> {
            let order_id = row.order.id().as_str();
            vec![row.shop.as_str().into(), row.order_no.as_str().into(), order_id.into()]
        };
        let numbers = "insert into order_number (shop, order_no, order_id) values";
        let taken = rows.iter().map(number).collect();
        let taken = conn.execute_rows(numbers, taken, "on conflict do nothing").await?;
        if !saoma_core::planted!("order-no-twice") {
            all(taken, rows.len())?;
        }
        all(conn.execute_rows(head, values, "on conflict do nothing").await?, rows.len())
    }

    /// Replaces orders, each beside the version that it was read as.
    ///
    /// # Errors
    /// [`StoreError::Stale`]: somebody else has changed one meanwhile.
    pub(crate) async fn update_all(
        conn: &mut Conn,
        rows: &[(&Self, u64)],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let values = |(row, from): &(&Self, u64)| -> Result<Vec<Value>, StoreError> {
            Ok(vec![
                row.order.id().as_str().into(),
                version(*from).into(),
                row.order.watched_phase().as_str().into(),
                state(&row.order)?.into(),
                version(row.version).into(),
                row.due_at.into(),
                now.into(),
            ])
        };
        let head = "update orders set phase = v.column3, state = v.column4, version = v.column5, \
                    due_at = v.column6, updated_at = v.column7 from (values";
        let tail = ") as v where orders.order_id = v.column1 and orders.version = v.column2";
        let values = rows.iter().map(values).collect::<Result<_, _>>()?;
        let touched = conn.update_rows(head, values, tail, "orders.order_id").await?;
        let alone = rows.len() == 1 && saoma_core::planted!("lost-update-alone");
        if alone || saoma_core::planted!("lost-update") { Ok(()) } else { all(touched, rows.len()) }
    }

    /// The orders for which time has something to do, most urgent first.
    pub(crate) async fn due(
        conn: &mut Conn,
        now: UnixTime,
        limit: u32,
    ) -> Result<Vec<OrderId>, StoreError> {
        let sql = "select order_id from orders where due_at is not null and due_at <= $1
                   order by due_at limit $2";
        let rows = conn.fetch(sql, vec![now.into(), limit.into()]).await?;
        rows.iter().map(|row| row.parsed("order_id")).collect()
    }

    /// When time next has something to do with any order.
    pub(crate) async fn next_due(conn: &mut Conn) -> Result<Option<UnixTime>, StoreError> {
        let sql = "select due_at from orders where due_at is not null order by due_at limit 1";
        let row = conn.fetch_one(sql, vec![]).await?;
        row.map(|row| row.time("due_at")).transpose()
    }
}

impl AttemptRow {
    /// Whether the number is this merchant's, in the name of this app.
    pub(crate) fn is_under(&self, mch_id: &MchId, app_id: &AppId) -> bool {
        let same_app = self.app_id == *app_id || saoma_core::planted!("notice-of-any-app");
        self.mch_id == *mch_id && same_app
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            out_trade_no: row.parsed("out_trade_no")?,
            order_id: row.parsed("order_id")?,
            index: row.number("attempt_index")?,
            mch_id: row.parsed("mch_id")?,
            app_id: row.parsed("app_id")?,
            sign_type: SignType::from_name(&row.text("sign_type")?)
                .ok_or(StoreError::Corrupt("sign_type"))?,
            request: row.text("request")?,
        })
    }

    /// The attempt of this number.
    pub(crate) async fn get(
        conn: &mut Conn,
        out_trade_no: &OutTradeNo,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from attempt where out_trade_no = $1";
        let row = conn.fetch_one(sql, vec![out_trade_no.as_str().into()]).await?;
        row.as_ref().map(Self::read).transpose()
    }

    /// The attempts of these numbers that are there.
    pub(crate) async fn get_all(
        conn: &mut Conn,
        numbers: &[OutTradeNo],
    ) -> Result<Vec<Self>, StoreError> {
        let keys = numbers.iter().map(|number| number.as_str().into()).collect();
        let found = conn.fetch_all("select * from attempt", "out_trade_no", keys).await?;
        found.iter().map(Self::read).collect()
    }

    /// Adds attempts, before their numbers are ever sent.
    ///
    /// # Errors
    /// [`StoreError::Stale`]: somebody else has added one meanwhile.
    pub(crate) async fn insert_all(
        conn: &mut Conn,
        rows: &[Self],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let values = |row: &Self| -> Vec<Value> {
            vec![
                row.out_trade_no.as_str().into(),
                row.order_id.as_str().into(),
                i64::from(row.index).into(),
                row.mch_id.as_str().into(),
                row.app_id.as_str().into(),
                row.sign_type.as_str().into(),
                row.request.as_str().into(),
                now.into(),
            ]
        };
        let head = "insert into attempt (out_trade_no, order_id, attempt_index, mch_id, app_id, \
                    sign_type, request, created_at) values";
        let values = rows.iter().map(values).collect();
        all(conn.execute_rows(head, values, "on conflict do nothing").await?, rows.len())
    }
}

/// A statement that had to touch every row.
pub(super) fn all(touched: u64, rows: usize) -> Result<(), StoreError> {
    if usize::try_from(touched) == Ok(rows) { Ok(()) } else { Err(StoreError::Stale) }
}

fn state(order: &Order) -> Result<String, StoreError> {
    serde_json::to_string(order).map_err(|_| StoreError::Corrupt("state"))
}

/// Versions count changes of one order: far below 2^63.
fn version(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
