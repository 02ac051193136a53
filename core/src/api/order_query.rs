//! 查询订单, order query (protocol §5).

use super::answer::{Opened, open};
use super::fields::{FieldError, Fields};
use super::request::{document, who};
use super::{AnswerError, ErrCode, Merchant, Payment};
use crate::ids::OutTradeNo;
use crate::sign::SignType;
use crate::xml::Doc;

/// The request without nonce and signature.
#[must_use]
pub fn order_query<'a>(
    merchant: &'a Merchant,
    algorithm: SignType,
    out_trade_no: &'a OutTradeNo,
) -> Doc<'a> {
    document(who(merchant, algorithm).into_iter().chain([("out_trade_no", out_trade_no.as_str())]))
}

/// What WeChat says to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderQueryAnswer {
    /// The number's state.
    State(TradeState),
    /// A signed refusal.
    Refused(ErrCode),
}

/// A number's state, `trade_state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TradeState {
    /// `SUCCESS`, or `REFUND`: it was paid.
    Paid(Payment),
    /// `NOTPAY`, `USERPAYING`, `ACCEPT`: not paid yet. Never final, not even after the expiry.
    NotPaid,
    /// `CLOSED`, `REVOKED`, `PAYERROR`: it will not be paid any more.
    Closed,
}

impl OrderQueryAnswer {
    /// Reads the answer to a query for `out_trade_no`.
    ///
    /// # Errors
    /// [`AnswerError`]: the outcome is unknown.
    pub fn read(
        doc: &Doc<'_>,
        merchant: &Merchant,
        algorithm: SignType,
        out_trade_no: &OutTradeNo,
    ) -> Result<Self, AnswerError> {
        let fields = match open(doc, merchant, algorithm)? {
            Opened::Success(fields) => fields,
            Opened::Fail(code) => return Ok(Self::Refused(code)),
        };
        fields.exactly("out_trade_no", out_trade_no.as_str())?;
        Ok(Self::State(read_state(fields)?))
    }
}

fn read_state<const N: usize>(fields: Fields<'_, '_, N>) -> Result<TradeState, FieldError> {
    let state: heapless::String<32> = fields.required("trade_state")?.head();
    match state.as_str() {
        "SUCCESS" => Ok(TradeState::Paid(Payment::read(fields)?)),
        "REFUND" => Ok(TradeState::Paid(Payment { refunded: true, ..Payment::read(fields)? })),
        "NOTPAY" | "USERPAYING" | "ACCEPT" => Ok(TradeState::NotPaid),
        // A wholly refunded order has been seen as closed: with a transaction it was paid.
        "CLOSED" if fields.optional("transaction_id")?.is_some() => {
            Ok(TradeState::Paid(Payment { refunded: true, ..Payment::read(fields)? }))
        }
        "CLOSED" | "REVOKED" | "PAYERROR" => Ok(TradeState::Closed),
        _ => Err(super::fields::invalid("trade_state")),
    }
}
