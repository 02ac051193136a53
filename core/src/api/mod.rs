//! The meaning: one typed message for each call and direction.
//!
//! A typed message cannot hold nonsense. Requests are checked when they are made; answers and
//! notifications are read from a document whose signature is good ([`crate::sign::Verified`]), and
//! then field by field against each field's own character set and length, because two different
//! messages can share one signature (protocol §2.1).
//!
//! A call's way: [`UnifiedOrder::new`] and its like -> [`Draft`] without nonce and signature, which
//! is what a server stores before the first send -> [`seal`] -> bytes. Back: bytes -> [`Doc`] ->
//! [`UnifiedOrderAnswer::read`] and its like.

mod answer;
mod close_order;
mod coupon;
mod details;
mod err_code;
mod fields;
mod goods;
mod json;
mod mode_one;
mod order_query;
mod pay_notice;
mod payment;
mod refund;
mod refund_notice;
mod refund_query;
mod refusal;
mod request;
mod short_url;
mod unified_order;

pub use answer::AnswerError;
pub use close_order::{CloseOrderAnswer, close_order};
pub use coupon::{Coupon, CouponKind, Coupons};
pub use details::PayDetails;
pub use err_code::{Call, Class, ErrCode};
pub use fields::{FieldError, FieldFault};
pub use goods::{DETAIL_MAX, Detail, Goods, SCENE_INFO_MAX, SceneInfo, Store};
pub use mode_one::{PRODUCT_URL_MAX, ProductUrl, ScanNotice, scan_reply};
pub use order_query::{OrderQueryAnswer, TradeState, order_query};
pub use pay_notice::{ACK_FAIL, ACK_SUCCESS, PayNotice};
pub use payment::{Currency, Payment};
pub use refund::{
    AcceptedRefund, PaymentNo, REFUND_GAP_S, REFUND_WITHIN_S, REFUNDS_MAX, Refund, RefundAccount,
    RefundAnswer,
};
pub use refund_notice::{RefundHint, RefundNoticeError, RefundSource};
pub use refund_query::{
    RefundChannel, RefundNo, RefundQuery, RefundQueryAnswer, RefundRecord, RefundState, Refunds,
};
pub use refusal::{REFUSAL_TEXT_MAX, Refusal};
pub use request::{RequestError, SealError, cut, seal};
pub(crate) use request::{document, who};
pub use short_url::{SHORT_URL_MAX, ShortUrlAnswer, short_url};
pub use unified_order::{UnifiedOrder, UnifiedOrderAnswer};

use crate::ids::{AppId, MchId};
use crate::sign::{ApiKey, SignType};

#[cfg(doc)]
use crate::xml::{Doc, Draft};

/// Who we are to WeChat.
///
/// ```
/// use saoma_core::api::Merchant;
/// use saoma_core::ids::{AppId, MchId};
/// use saoma_core::sign::{ApiKey, SignType};
///
/// let merchant = Merchant {
///     mch_id: MchId::new("1900000109")?,
///     app_id: AppId::new("wx5a0mademeup0001")?,
///     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
///     sign_type: SignType::HmacSha256,
/// };
/// assert!(!format!("{merchant:?}").contains("1920"), "the key cannot be printed");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The merchant's number.
    pub mch_id: MchId,
    /// The application bound to it.
    pub app_id: AppId,
    /// The API key; it cannot be printed.
    pub key: ApiKey,
    /// The algorithm for new orders; each order keeps the one it was made with.
    pub sign_type: SignType,
}

#[cfg(test)]
mod tests;
