//! Payments, the messages that told of them, and what is wrong with some.

use super::order::fen;
use super::{Conn, StoreError, parsed, seconds, time};
use saoma_core::api::Payment;
use saoma_core::ids::{OrderId, OutTradeNo, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::Anomaly;
use saoma_core::time::UnixTime;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// The number that a transaction belongs to, if it is known.
pub(crate) async fn number_of(
    conn: &mut Conn,
    transaction_id: &TransactionId,
) -> Result<Option<OutTradeNo>, StoreError> {
    let sql = "select out_trade_no from payment where transaction_id = $1";
    let query = sqlx::query_scalar(sql).bind(transaction_id.as_str());
    let number: Option<String> = query.fetch_optional(conn).await?;
    number.map(|number| parsed("out_trade_no", &number)).transpose()
}

/// Records a payment that is not recorded yet.
pub(crate) async fn insert_payment(
    conn: &mut Conn,
    payment: &Payment,
    verdict: &str,
    now: UnixTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into payment
             (transaction_id, out_trade_no, total_fee_fen, paid_at, verdict, recorded_at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(payment.transaction_id.as_str())
    .bind(payment.out_trade_no.as_str())
    .bind(fen(payment.total_fee.get()))
    .bind(seconds(payment.paid_at))
    .bind(verdict)
    .bind(seconds(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Records a verified notification. `false`: these very bytes are recorded already.
pub(crate) async fn insert_message(
    conn: &mut Conn,
    digest: &str,
    body: &str,
    payment: &Payment,
    now: UnixTime,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "insert into message (digest, out_trade_no, transaction_id, body, outcome, received_at)
         values ($1, $2, $3, $4, '', $5)
         on conflict (digest) do nothing",
    )
    .bind(digest)
    .bind(payment.out_trade_no.as_str())
    .bind(payment.transaction_id.as_str())
    .bind(body)
    .bind(seconds(now))
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Says what became of a recorded notification.
pub(crate) async fn set_message_outcome(
    conn: &mut Conn,
    digest: &str,
    outcome: &str,
) -> Result<(), StoreError> {
    let sql = "update message set outcome = $2 where digest = $1";
    sqlx::query(sql).bind(digest).bind(outcome).execute(conn).await?;
    Ok(())
}

/// A payment that may not ship, to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct NewAnomaly {
    pub(crate) kind: Anomaly,
    pub(crate) transaction_id: TransactionId,
    pub(crate) out_trade_no: OutTradeNo,
    /// `None`: the number is unknown.
    pub(crate) order_id: Option<OrderId>,
    pub(crate) paid: Fen,
}

impl NewAnomaly {
    /// Records it. `false`: it is recorded already.
    pub(crate) async fn insert(&self, conn: &mut Conn, now: UnixTime) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "insert into anomaly (kind, transaction_id, out_trade_no, order_id, paid_fen, refund,
                 noticed_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (kind, transaction_id) do nothing",
        )
        .bind(self.kind.as_str())
        .bind(self.transaction_id.as_str())
        .bind(self.out_trade_no.as_str())
        .bind(self.order_id.as_ref().map(OrderId::as_str))
        .bind(fen(self.paid.get()))
        .bind(if self.kind.is_refund_due() { "due" } else { "none" })
        .bind(seconds(now))
        .execute(conn)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// A recorded anomaly, with what the order says (docs/api.md §2.5).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct AnomalyRow {
    pub(crate) order_id: Option<String>,
    pub(crate) order_no: Option<String>,
    pub(crate) kind: String,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    pub(crate) expected_fen: Option<i64>,
    pub(crate) paid_fen: i64,
    pub(crate) noticed_at: UnixTime,
    pub(crate) refund: String,
}

impl AnomalyRow {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: row.try_get("order_id")?,
            order_no: row.try_get("order_no")?,
            kind: row.try_get("kind")?,
            out_trade_no: row.try_get("out_trade_no")?,
            transaction_id: row.try_get("transaction_id")?,
            expected_fen: row.try_get("amount_fen")?,
            paid_fen: row.try_get("paid_fen")?,
            noticed_at: time("noticed_at", row.try_get("noticed_at")?)?,
            refund: row.try_get("refund")?,
        })
    }

    /// The newest `limit` anomalies, newest first.
    pub(crate) async fn newest(conn: &mut Conn, limit: u32) -> Result<Vec<Self>, StoreError> {
        let rows = sqlx::query(
            "select anomaly.*, orders.order_no, orders.amount_fen
             from anomaly left join orders on orders.order_id = anomaly.order_id
             order by anomaly.noticed_at desc, anomaly.transaction_id, anomaly.kind limit $1",
        )
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
        rows.iter().map(Self::read).collect()
    }
}
