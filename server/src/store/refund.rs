//! Money that goes back.

use super::{Conn, Row, StoreError, Value};
use saoma_core::api::Currency;
use saoma_core::ids::{AppId, MchId, OrderId, OutRefundNo, OutTradeNo, RefundId, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::RefundEnd;
use saoma_core::sign::SignType;
use saoma_core::time::UnixTime;
use saoma_core::xml::Doc;

/// A refund as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefundRow {
    pub(crate) out_refund_no: OutRefundNo,
    pub(crate) mch_id: MchId,
    pub(crate) app_id: AppId,
    /// `None`: the payment's number is unknown.
    pub(crate) order_id: Option<OrderId>,
    /// Which refund of the order; of the payment when no order is known.
    pub(crate) index: u8,
    pub(crate) transaction_id: TransactionId,
    pub(crate) out_trade_no: OutTradeNo,
    /// What was paid, and what goes back.
    pub(crate) total: Fen,
    pub(crate) part: Fen,
    pub(crate) by: AskedBy,
    /// The shop's own number of it.
    pub(crate) refund_no: Option<String>,
    pub(crate) reason: String,
    pub(crate) sign_type: SignType,
    /// Without nonce and signature; empty when there is none that could be sent.
    pub(crate) request: String,
    pub(crate) state: RefundState,
    pub(crate) refund_id: Option<RefundId>,
    /// What a person has to see to.
    pub(crate) trouble: Option<String>,
    pub(crate) sent_at: Option<UnixTime>,
    pub(crate) accepted_at: Option<UnixTime>,
    pub(crate) ended_at: Option<UnixTime>,
    pub(crate) created_at: UnixTime,
}

/// Who wants a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AskedBy {
    /// The rule for payments that may not be kept.
    Rule,
    Shop,
    /// Somebody in WeChat's console.
    Elsewhere,
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundState {
    /// Waits for a person.
    Held,
    /// To be sent.
    Asked,
    /// Sent; nobody knows what became of it.
    Unsure,
    /// WeChat is at it.
    Accepted,
    Done,
    Failed,
    /// At WeChat; the same money may go back under another number.
    Closed,
    /// A person has decided against it.
    Dismissed,
}

impl AskedBy {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Shop => "shop",
            Self::Elsewhere => "elsewhere",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Rule, Self::Shop, Self::Elsewhere].into_iter().find(|by| by.as_str() == name)
    }
}

impl RefundState {
    const ALL: [Self; 8] = [
        Self::Held,
        Self::Asked,
        Self::Unsure,
        Self::Accepted,
        Self::Done,
        Self::Failed,
        Self::Closed,
        Self::Dismissed,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Asked => "asked",
            Self::Unsure => "unsure",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Closed => "closed",
            Self::Dismissed => "dismissed",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    pub(crate) const fn is_over(self) -> bool {
        match self {
            Self::Held | Self::Asked | Self::Unsure | Self::Accepted => false,
            Self::Done | Self::Failed | Self::Closed | Self::Dismissed => true,
        }
    }

    pub(crate) const fn of(end: RefundEnd) -> Self {
        match end {
            RefundEnd::Done => Self::Done,
            RefundEnd::Failed => Self::Failed,
            RefundEnd::Closed => Self::Closed,
            RefundEnd::Dropped => Self::Dismissed,
        }
    }
}

impl RefundRow {
    /// Whether it may be released: there is something that can be sent.
    pub(crate) const fn is_sendable(&self) -> bool {
        !self.request.is_empty()
    }

    /// In which it goes back, as its request says.
    pub(crate) fn currency(&self) -> Currency {
        let doc: Option<Doc<'_>> = Doc::read(self.request.as_bytes()).ok();
        let named = doc.and_then(|doc| Currency::new(&doc.get("refund_fee_type")?.to_string()));
        named.unwrap_or_default()
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let order_id = row.text("order_id")?;
        let optional = |column| row.optional_text(column);
        Ok(Self {
            out_refund_no: row.parsed("out_refund_no")?,
            mch_id: row.parsed("mch_id")?,
            app_id: row.parsed("app_id")?,
            order_id: if order_id.is_empty() { None } else { Some(row.parsed("order_id")?) },
            index: row.number("refund_index")?,
            transaction_id: row.parsed("transaction_id")?,
            out_trade_no: row.parsed("out_trade_no")?,
            total: fen(row, "total_fen")?,
            part: fen(row, "part_fen")?,
            by: AskedBy::from_name(&row.text("asked_by")?)
                .ok_or(StoreError::Corrupt("asked_by"))?,
            refund_no: optional("refund_no")?,
            reason: row.text("reason")?,
            sign_type: SignType::from_name(&row.text("sign_type")?)
                .ok_or(StoreError::Corrupt("sign_type"))?,
            request: row.text("request")?,
            state: RefundState::from_name(&row.text("state")?)
                .ok_or(StoreError::Corrupt("state"))?,
            refund_id: match optional("refund_id")? {
                Some(id) => Some(RefundId::new(&id).map_err(|_| StoreError::Corrupt("refund_id"))?),
                None => None,
            },
            trouble: optional("trouble")?,
            sent_at: row.optional_time("sent_at")?,
            accepted_at: row.optional_time("accepted_at")?,
            ended_at: row.optional_time("ended_at")?,
            created_at: row.time("created_at")?,
        })
    }

    fn values(&self, now: UnixTime) -> Vec<Value> {
        vec![
            self.out_refund_no.as_str().into(),
            self.mch_id.as_str().into(),
            self.app_id.as_str().into(),
            self.order_id.as_ref().map_or("", OrderId::as_str).into(),
            u32::from(self.index).into(),
            self.transaction_id.as_str().into(),
            self.out_trade_no.as_str().into(),
            self.total.into(),
            self.part.into(),
            self.by.as_str().into(),
            self.refund_no.as_deref().into(),
            self.reason.as_str().into(),
            self.sign_type.as_str().into(),
            self.request.as_str().into(),
            self.state.as_str().into(),
            self.refund_id.as_ref().map(RefundId::as_str).into(),
            self.trouble.as_deref().into(),
            self.sent_at.into(),
            self.accepted_at.into(),
            self.ended_at.into(),
            self.created_at.into(),
            now.into(),
        ]
    }

    /// Writes refunds down as they are now, new ones and known ones.
    pub(crate) async fn put_all(
        conn: &mut Conn,
        rows: &[&Self],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let head = "insert into refund (out_refund_no, mch_id, app_id, order_id, refund_index, \
                    transaction_id, out_trade_no, total_fen, part_fen, asked_by, refund_no, \
                    reason, sign_type, request, state, refund_id, trouble, sent_at, accepted_at, \
                    ended_at, created_at, updated_at) values";
        // What was asked for, and how it is sent, never changes. An end is never left for what
        // somebody has read before it; that the money is back after all is an end as well.
        let tail = "on conflict (out_refund_no, mch_id) do update set state = excluded.state, \
                    refund_id = excluded.refund_id, trouble = excluded.trouble, \
                    sent_at = excluded.sent_at, accepted_at = excluded.accepted_at, \
                    ended_at = excluded.ended_at, updated_at = excluded.updated_at \
                    where refund.state in (excluded.state, 'held', 'asked', 'unsure', 'accepted') \
                    or refund.state <> 'done' \
                    and excluded.state in ('done', 'failed', 'closed', 'dismissed')";
        let values = rows.iter().map(|row| row.values(now)).collect();
        conn.execute_rows(head, values, tail).await?;
        Ok(())
    }

    /// Whether it still is as far as when it was read; it stays so until this transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Stale`]: it is further.
    pub(crate) async fn still(
        conn: &mut Conn,
        (number, mch_id): (&OutRefundNo, &MchId),
        state: RefundState,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let sql = "update refund set updated_at = $1
                   where out_refund_no = $2 and mch_id = $3 and state = $4";
        let key: [Value; 2] = [number.as_str().into(), mch_id.as_str().into()];
        let values = std::iter::once(now.into()).chain(key).chain([state.as_str().into()]);
        let touched = conn.execute(sql, values.collect()).await?;
        if touched == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    /// The refund of this merchant with this number that we did not make. Other programs may use
    /// one number for two merchants.
    pub(crate) async fn theirs(
        conn: &mut Conn,
        (number, mch_id): (&OutRefundNo, &MchId),
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from refund where out_refund_no = $1 and mch_id = $2
                   and asked_by = 'elsewhere'";
        let key = vec![number.as_str().into(), mch_id.as_str().into()];
        let row = conn.fetch_one(sql, key).await?;
        row.as_ref().map(Self::read).transpose()
    }

    /// The refund of ours with this number.
    pub(crate) async fn ours(
        conn: &mut Conn,
        number: &OutRefundNo,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "select * from refund where out_refund_no = $1 and asked_by <> 'elsewhere'";
        let row = conn.fetch_one(sql, vec![number.as_str().into()]).await?;
        row.as_ref().map(Self::read).transpose()
    }

    /// All refunds of a payment, those made elsewhere too.
    pub(crate) async fn of_payment(
        conn: &mut Conn,
        id: &TransactionId,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from refund where transaction_id = $1 order by created_at, \
                   refund_index, out_refund_no";
        conn.fetch(sql, vec![id.as_str().into()]).await?.iter().map(Self::read).collect()
    }

    /// All refunds of an order, oldest first.
    pub(crate) async fn of_order(conn: &mut Conn, id: &OrderId) -> Result<Vec<Self>, StoreError> {
        let sql = "select * from refund where order_id = $1 order by created_at, refund_index, \
                   out_refund_no";
        conn.fetch(sql, vec![id.as_str().into()]).await?.iter().map(Self::read).collect()
    }
}

fn fen(row: &Row, column: &'static str) -> Result<Fen, StoreError> {
    Fen::new(row.number(column)?).ok_or(StoreError::Corrupt(column))
}

/// Says at the anomalies of payments how far their refunds are (docs/api.md §2.5). One that is
/// closed is followed by the next one, if anything is left to give back; unless somebody else's
/// refund stands in its place that WeChat could not give to the customer.
///
/// Where the rule gives nothing back, what is open ends once all of the payment is back, or a
/// person has seen to what was given by hand and is not; until then, what WeChat could not give is
/// his. And of a refund by hand that was closed, one anomaly is enough: it is open whatever was
/// decided about ours before.
pub(crate) async fn tell_anomalies(
    conn: &mut Conn,
    payments: &[&TransactionId],
) -> Result<(), StoreError> {
    let sql = "update anomaly set refund = coalesce((
                   select case when r.state = 'dismissed' and anomaly.kind = 'elsewhere_closed'
                                   then anomaly.refund
                               when r.state in ('held', 'failed', 'dismissed') then r.state
                               when r.state not in ('done', 'closed') then 'due'
                               when exists (
                                   select 1 from refund as o
                                   where o.transaction_id = r.transaction_id
                                       and o.asked_by = 'elsewhere' and o.state = 'failed'
                               ) then 'failed' else 'done' end
                   from refund as r
                   where r.transaction_id = anomaly.transaction_id and r.asked_by = 'rule'
                   order by r.refund_index desc limit 1),
                   case when anomaly.refund not in ('open', 'failed') then anomaly.refund
                        when anomaly.paid_fen <= (
                            select coalesce(sum(o.part_fen), 0) from refund as o
                            where o.transaction_id = anomaly.transaction_id
                                and (o.state = 'done'
                                     or o.state = 'dismissed' and o.asked_by = 'elsewhere')
                        ) then 'done'
                        when exists (
                            select 1 from refund as o
                            where o.transaction_id = anomaly.transaction_id and o.state = 'failed'
                        ) then 'failed'
                        when anomaly.kind = 'refunded_elsewhere' and exists (
                            select 1 from anomaly as a
                            where a.transaction_id = anomaly.transaction_id
                                and a.kind = 'elsewhere_closed'
                        ) then 'done' else 'open' end)
               where transaction_id = $1";
    for id in payments {
        conn.execute(sql, vec![id.as_str().into()]).await?;
    }
    Ok(())
}

/// How a refund of an order ended.
#[derive(Clone, Debug)]
pub(crate) struct RefundEnded {
    pub(crate) order_id: OrderId,
    /// Its place in the order.
    pub(crate) index: u8,
    pub(crate) transaction_id: TransactionId,
    pub(crate) end: RefundEnd,
}

impl RefundEnded {
    /// Writes ends down; why one failed stays as the reason.
    pub(crate) async fn update_all(
        conn: &mut Conn,
        rows: &[Self],
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let values = |row: &Self| -> Vec<Value> {
            let state = RefundState::of(row.end).as_str();
            let place = i64::from(row.index).into();
            vec![row.order_id.as_str().into(), state.into(), now.into(), place]
        };
        let head = "update refund set state = v.column2, ended_at = v.column3, \
                    updated_at = v.column3, \
                    trouble = case when v.column2 = 'failed' then refund.trouble else null end \
                    from (values";
        let tail = ") as v where refund.order_id = v.column1 \
                    and refund.refund_index = v.column4 and refund.asked_by <> 'elsewhere'";
        conn.execute_rows(head, rows.iter().map(values).collect(), tail).await?;
        Ok(())
    }
}
