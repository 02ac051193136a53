//! Payments, the messages that told of them, and what is wrong with some.

use super::order::all;
use super::{Conn, Row, StoreError, Value};
use saoma_core::api::Payment;
use saoma_core::ids::{MchId, OrderId, OutTradeNo, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::Anomaly;
use saoma_core::time::UnixTime;

/// A payment, to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct PaymentRow {
    pub(crate) payment: Payment,
    pub(crate) mch_id: MchId,
    /// `None`: the number is unknown.
    pub(crate) order_id: Option<OrderId>,
    /// `ship`, or the anomaly that keeps it from shipping.
    pub(crate) verdict: &'static str,
}

/// What the verdict is on every payment in another currency, whatever else is wrong with it: the
/// row says nowhere else that its amount is not one of yuan.
pub(crate) const OTHER_CURRENCY: &str = Anomaly::CurrencyMismatch.as_str();

impl PaymentRow {
    /// The numbers that these transactions belong to, as far as they are known.
    pub(crate) async fn numbers_of(
        conn: &mut Conn,
        transactions: &[TransactionId],
    ) -> Result<Vec<(TransactionId, OutTradeNo)>, StoreError> {
        let keys = transactions.iter().map(|id| id.as_str().into()).collect();
        let select = "select transaction_id, out_trade_no from payment";
        let found = conn.fetch_all(select, "transaction_id", keys).await?;
        let read = |row: &Row| Ok((row.parsed("transaction_id")?, row.parsed("out_trade_no")?));
        found.iter().map(read).collect()
    }

    /// Records payments that are not recorded yet.
    ///
    /// # Errors
    /// [`StoreError::Stale`]: somebody else has recorded one meanwhile.
    pub(crate) async fn insert_all(
        conn: &mut Conn,
        rows: &[Self],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let values = |row: &Self| -> Vec<Value> {
            let payment = &row.payment;
            vec![
                payment.transaction_id.as_str().into(),
                row.mch_id.as_str().into(),
                payment.out_trade_no.as_str().into(),
                row.order_id.as_ref().map_or("", OrderId::as_str).into(),
                payment.total_fee.into(),
                payment.paid_at.into(),
                match payment.currency.is_cny() {
                    true => row.verdict.into(),
                    false => OTHER_CURRENCY.into(),
                },
                now.into(),
            ]
        };
        let head = "insert into payment (transaction_id, mch_id, out_trade_no, order_id, \
                    total_fee_fen, paid_at, verdict, recorded_at) values";
        let values = rows.iter().map(values).collect();
        all(conn.execute_rows(head, values, "on conflict do nothing").await?, rows.len())
    }
}

/// A verified notification, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageRow {
    pub(crate) out_trade_no: OutTradeNo,
    /// SHA-256 of the body in hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) transaction_id: TransactionId,
    pub(crate) body: String,
    /// What became of it.
    pub(crate) outcome: &'static str,
}

impl MessageRow {
    /// The outcome of a notification about a refund.
    pub(crate) const OF_REFUND: &str = "refund";

    /// The messages about these numbers that are recorded already: their digests, each with the
    /// payment of which it says that some went back.
    pub(crate) async fn known(
        conn: &mut Conn,
        digests: &[(OutTradeNo, String)],
    ) -> Result<Vec<(String, Option<TransactionId>)>, StoreError> {
        let keys = digests.iter().map(|(number, _)| number.as_str().into()).collect();
        let select = "select digest, transaction_id, outcome from message";
        let read = |row: &Row| {
            let of_refund = row.text("outcome")? == Self::OF_REFUND;
            let payment = of_refund.then(|| row.parsed("transaction_id")).transpose()?;
            Ok((row.text("digest")?, payment))
        };
        conn.fetch_all(select, "out_trade_no", keys).await?.iter().map(read).collect()
    }

    /// Records messages.
    ///
    /// # Errors
    /// [`StoreError::Stale`]: somebody else has recorded one meanwhile.
    pub(crate) async fn insert_all(
        conn: &mut Conn,
        rows: &[Self],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let values = |row: &Self| -> Vec<Value> {
            vec![
                row.out_trade_no.as_str().into(),
                row.digest.as_str().into(),
                row.transaction_id.as_str().into(),
                row.body.as_str().into(),
                row.outcome.into(),
                now.into(),
            ]
        };
        let head = "insert into message (out_trade_no, digest, transaction_id, body, outcome, \
                    received_at) values";
        let values = rows.iter().map(values).collect();
        all(conn.execute_rows(head, values, "on conflict do nothing").await?, rows.len())
    }
}

/// A payment that may not ship, to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct NewAnomaly {
    pub(crate) kind: Anomaly,
    pub(crate) transaction_id: TransactionId,
    pub(crate) mch_id: MchId,
    pub(crate) out_trade_no: OutTradeNo,
    /// `None`: the number is unknown.
    pub(crate) order_id: Option<OrderId>,
    pub(crate) paid: Fen,
}

impl NewAnomaly {
    /// How far the way back of its money is at first. Where none moves by itself, a person has to
    /// see to it.
    pub(crate) fn refund(&self) -> &'static str {
        let is_closed = self.kind == Anomaly::ElsewhereClosed;
        if is_closed && saoma_core::planted!("by-hand-closed-needs-nobody") {
            return "done";
        }
        if self.kind.is_refund_due() { "due" } else { "open" }
    }

    /// Records anomalies; one that is recorded already stays as it is. But each refund by hand that
    /// comes to nothing is to be seen to.
    pub(crate) async fn insert_all(
        conn: &mut Conn,
        rows: &[Self],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let values = |row: &Self| -> Vec<Value> {
            vec![
                row.kind.as_str().into(),
                row.transaction_id.as_str().into(),
                row.mch_id.as_str().into(),
                row.out_trade_no.as_str().into(),
                row.order_id.as_ref().map_or("", OrderId::as_str).into(),
                row.paid.into(),
                row.refund().into(),
                now.into(),
            ]
        };
        let head = "insert into anomaly (kind, transaction_id, mch_id, out_trade_no, order_id, \
                    paid_fen, refund, noticed_at) values";
        let values = rows.iter().map(values).collect();
        let tail = "on conflict (kind, transaction_id) do update set refund = excluded.refund, \
                    noticed_at = excluded.noticed_at where anomaly.kind = 'elsewhere_closed' \
                    and anomaly.refund in ('done', 'dismissed')";
        conn.execute_rows(head, values, tail).await?;
        Ok(())
    }
}

/// Ends what told of goods that waited: those of these payments are out after all. A refund that
/// failed still says so itself.
pub(crate) async fn end_waits(
    conn: &mut Conn,
    payments: &[&TransactionId],
) -> Result<(), StoreError> {
    let head = "update anomaly set refund = 'done' from (values";
    let tail = ") as v where anomaly.transaction_id = v.column1 \
                and anomaly.kind in ('not_fetched', 'not_confirmed') \
                and anomaly.refund in ('open', 'failed')";
    let values = |id: &&TransactionId| -> Vec<Value> { vec![id.as_str().into()] };
    conn.execute_rows(head, payments.iter().map(values).collect(), tail).await?;
    Ok(())
}

/// What came of a person's word that an anomaly is seen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SeenTo {
    /// It is over now. Its order, unless the number is unknown.
    Now(Option<OrderId>),
    /// It does not wait for that word: it is over already, or a refund decides.
    NotOpen,
    /// There is no such anomaly.
    Unknown,
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
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: Some(row.text("order_id")?).filter(|id| !id.is_empty()),
            order_no: row.optional_text("order_no")?,
            kind: row.text("kind")?,
            out_trade_no: row.text("out_trade_no")?,
            transaction_id: row.text("transaction_id")?,
            expected_fen: row.optional_int("amount_fen")?,
            paid_fen: row.int("paid_fen")?,
            noticed_at: row.time("noticed_at")?,
            refund: row.text("refund")?,
        })
    }

    /// Ends an anomaly of this kind that a person has seen to, of which no money moves by itself.
    pub(crate) async fn see_to(
        conn: &mut Conn,
        (kind, id): (&str, &TransactionId),
    ) -> Result<SeenTo, StoreError> {
        let key = || -> Vec<Value> { vec![kind.into(), id.as_str().into()] };
        let sql = "select order_id from anomaly where kind = $1 and transaction_id = $2";
        let Some(row) = conn.fetch_one(sql, key()).await? else { return Ok(SeenTo::Unknown) };
        let sql = "update anomaly set refund = 'dismissed'
                   where kind = $1 and transaction_id = $2 and refund = 'open'";
        if conn.execute(sql, key()).await? == 0 {
            return Ok(SeenTo::NotOpen);
        }
        let is_known = !row.text("order_id")?.is_empty();
        Ok(SeenTo::Now(if is_known { Some(row.parsed("order_id")?) } else { None }))
    }

    /// The newest `limit` anomalies, newest first, of a shop, and of its merchant's payments that
    /// belong to no order.
    pub(crate) async fn newest(
        conn: &mut Conn,
        (shop, mch_id): (&str, &MchId),
        limit: u32,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = "select anomaly.*, orders.order_no, orders.amount_fen
                   from anomaly left join orders on orders.order_id = anomaly.order_id
                   where orders.shop = $1 or anomaly.order_id = '' and anomaly.mch_id = $2
                   order by anomaly.noticed_at desc, anomaly.transaction_id, anomaly.kind limit $3";
        let values = vec![shop.into(), mch_id.as_str().into(), limit.into()];
        conn.fetch(sql, values).await?.iter().map(Self::read).collect()
    }
}
