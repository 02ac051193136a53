//! 关闭订单, close order (protocol §6). Not within five minutes after the order was made.

use super::answer::{Opened, open};
use super::request::{document, who};
use super::{AnswerError, ErrCode, Merchant};
use crate::ids::OutTradeNo;
use crate::sign::SignType;
use crate::xml::Doc;

/// The request without nonce and signature.
#[must_use]
pub fn close_order<'a>(
    merchant: &'a Merchant,
    algorithm: SignType,
    out_trade_no: &'a OutTradeNo,
) -> Doc<'a> {
    document(who(merchant, algorithm).into_iter().chain([("out_trade_no", out_trade_no.as_str())]))
}

/// What WeChat says to a close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseOrderAnswer {
    /// The number is closed.
    Closed,
    /// A signed refusal; some of them mean success (`ErrCode::class`).
    Refused(ErrCode),
}

impl CloseOrderAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`AnswerError`]: the outcome is unknown.
    pub fn read(
        doc: &Doc<'_>,
        merchant: &Merchant,
        algorithm: SignType,
    ) -> Result<Self, AnswerError> {
        Ok(match open(doc, merchant, algorithm)? {
            Opened::Success(_) => Self::Closed,
            Opened::Fail(code) => Self::Refused(code),
        })
    }
}
