//! 关闭订单, close order (protocol §6). Not within five minutes after the order was made.

use super::answer::{Opened, open};
use super::request::{document, who};
use super::{AnswerError, Merchant, Refusal};
use crate::ids::OutTradeNo;
use crate::sign::SignType;
use crate::xml::{Doc, Draft};

/// The request without nonce and signature.
///
/// ```
/// use saoma_core::api::{Merchant, close_order};
/// # use saoma_core::ids::{AppId, MchId};
/// use saoma_core::ids::OutTradeNo;
/// use saoma_core::sign::SignType;
///
/// # use saoma_core::sign::ApiKey;
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let number = OutTradeNo::new("SM20261123192600000001")?;
/// let doc = close_order(&merchant, SignType::Md5, &number);
/// assert_eq!(doc.fields().len(), 4);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[must_use]
pub fn close_order<'a>(
    merchant: &'a Merchant,
    algorithm: SignType,
    out_trade_no: &'a OutTradeNo,
) -> Draft<'a> {
    document(who(merchant, algorithm).into_iter().chain([("out_trade_no", out_trade_no.as_str())]))
}

/// What WeChat says to a close.
///
/// ```
/// use saoma_core::api::{Call, Class, CloseOrderAnswer};
///
/// fn is_over(answer: &CloseOrderAnswer) -> bool {
///     match answer {
///         CloseOrderAnswer::Closed => true,
///         CloseOrderAnswer::Refused(refusal) => refusal.class(Call::CloseOrder) == Class::Done,
///     }
/// }
/// # use saoma_core::api::ErrCode;
/// # assert!(is_over(&CloseOrderAnswer::Refused(ErrCode::OrderClosed.into())));
/// # assert!(!is_over(&CloseOrderAnswer::Refused(ErrCode::OrderPaid.into())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseOrderAnswer {
    /// The number is closed.
    Closed,
    /// A signed refusal; some of them mean success ([`Refusal::class`]).
    Refused(Refusal),
}

impl CloseOrderAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`AnswerError`]: the outcome is unknown.
    pub fn read<const N: usize>(
        doc: &Doc<'_, N>,
        merchant: &Merchant,
        algorithm: SignType,
    ) -> Result<Self, AnswerError> {
        Ok(match open(doc, merchant, algorithm)? {
            Opened::Success(_) => Self::Closed,
            Opened::Fail(refusal) => Self::Refused(refusal),
        })
    }
}
