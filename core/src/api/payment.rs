//! A payment as WeChat reports it, whether by notification or by query.

use super::fields::{FieldError, Fields, invalid};
use crate::ids::{OutTradeNo, TransactionId};
use crate::money::Fen;
use crate::time::UnixTime;

/// The currency of a payment; an example is at [`PayNotice`](super::PayNotice).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Currency {
    /// `CNY`, also meant when the field is left out.
    Cny,
    /// Anything else: never right for a domestic merchant.
    Other,
}

/// Money that a customer has paid; an example is at [`PayNotice`](super::PayNotice).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Payment {
    /// The attempt it was paid for.
    pub out_trade_no: OutTradeNo,
    /// WeChat's number of the payment.
    pub transaction_id: TransactionId,
    /// The order's amount as WeChat knows it; coupons are part of it. **This** is what must equal
    /// the order's amount, never `cash_fee` or `settlement_total_fee` (protocol §9).
    pub total_fee: Fen,
    /// The currency of `total_fee`.
    pub currency: Currency,
    /// `time_end`: when it was paid.
    pub paid_at: UnixTime,
    /// The query's `REFUND`: at least a part has already been given back (protocol §5).
    pub refunded: bool,
}

impl Payment {
    /// Reads the fields that a notification and a query share. All of them are required, so that
    /// no message that only shares a signature can pass (protocol §2.1).
    pub(super) fn read<const N: usize>(fields: Fields<'_, '_, N>) -> Result<Self, FieldError> {
        fields.parsed("trade_type", |word| {
            let valid = word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            if valid { Ok(()) } else { Err(()) }
        })?;
        let currency = match fields.optional("fee_type")? {
            None => Currency::Cny,
            Some(text) if text == "CNY" => Currency::Cny,
            Some(_) => Currency::Other,
        };
        let total_fee = fields.fen("total_fee")?;
        if total_fee == Fen::ZERO {
            // Nothing was paid, so nothing could ship or go back.
            return Err(invalid("total_fee"));
        }
        Ok(Self {
            out_trade_no: fields.parsed("out_trade_no", OutTradeNo::new)?,
            transaction_id: fields.parsed("transaction_id", TransactionId::new)?,
            total_fee,
            currency,
            paid_at: fields.time("time_end")?,
            refunded: false,
        })
    }
}
