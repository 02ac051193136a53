//! The calls that the gateway answers, and their paths.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The calls that the gateway answers. In JSON a call is its path, or the end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Call {
    /// 统一下单: makes an order, or a new code for it.
    UnifiedOrder,
    /// 查询订单: tells an order's state.
    OrderQuery,
    /// 关闭订单: closes an order.
    CloseOrder,
    /// 申请退款: gives money back.
    Refund,
    /// 查询退款: tells where refunds are.
    RefundQuery,
    /// 下载交易账单: what was paid and refunded on a day.
    DownloadBill,
    /// 下载资金账单: what moved in the merchant's account on a day.
    DownloadFundFlow,
    /// 转换短链接: gives a short text for a long one.
    ShortUrl,
    /// Gives the key of the old sandbox.
    SignKey,
    /// The same at the path of now.
    NewSignKey,
    /// [`Self::UnifiedOrder`] in the old sandbox.
    OldUnifiedOrder,
    /// [`Self::OrderQuery`] in the old sandbox.
    OldOrderQuery,
    /// [`Self::CloseOrder`] in the old sandbox.
    OldCloseOrder,
    /// [`Self::Refund`] in the old sandbox.
    OldRefund,
    /// The same at the path that needs a certificate elsewhere.
    OldSecRefund,
    /// [`Self::RefundQuery`] in the old sandbox.
    OldRefundQuery,
    /// [`Self::DownloadBill`] in the old sandbox.
    OldDownloadBill,
}

impl Call {
    /// All calls.
    pub const ALL: [Self; 17] = [
        Self::UnifiedOrder,
        Self::OrderQuery,
        Self::CloseOrder,
        Self::Refund,
        Self::RefundQuery,
        Self::DownloadBill,
        Self::DownloadFundFlow,
        Self::ShortUrl,
        Self::SignKey,
        Self::NewSignKey,
        Self::OldUnifiedOrder,
        Self::OldOrderQuery,
        Self::OldCloseOrder,
        Self::OldRefund,
        Self::OldSecRefund,
        Self::OldRefundQuery,
        Self::OldDownloadBill,
    ];

    /// The path of the call (`docs/protocol.md` §1).
    pub const fn path(self) -> &'static str {
        match self {
            Self::UnifiedOrder => "/pay/unifiedorder",
            Self::OrderQuery => "/pay/orderquery",
            Self::CloseOrder => "/pay/closeorder",
            Self::Refund => "/secapi/pay/refund",
            Self::RefundQuery => "/pay/refundquery",
            Self::DownloadBill => "/pay/downloadbill",
            Self::DownloadFundFlow => "/pay/downloadfundflow",
            Self::ShortUrl => "/tools/shorturl",
            Self::SignKey => "/sandboxnew/pay/getsignkey",
            Self::NewSignKey => "/xdc/apiv2getsignkey/sign/getsignkey",
            Self::OldUnifiedOrder => "/sandboxnew/pay/unifiedorder",
            Self::OldOrderQuery => "/sandboxnew/pay/orderquery",
            Self::OldCloseOrder => "/sandboxnew/pay/closeorder",
            Self::OldRefund => "/sandboxnew/pay/refund",
            Self::OldSecRefund => "/sandboxnew/secapi/pay/refund",
            Self::OldRefundQuery => "/sandboxnew/pay/refundquery",
            Self::OldDownloadBill => "/sandboxnew/pay/downloadbill",
        }
    }

    /// Whether its answer is a bill, and a refusal one of a bill.
    pub(super) const fn is_bill(self) -> bool {
        matches!(self, Self::DownloadBill | Self::DownloadFundFlow | Self::OldDownloadBill)
    }
}

/// There is no such call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCall;

impl fmt::Display for UnknownCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such call: give its path")
    }
}

impl std::error::Error for UnknownCall {}

impl Call {
    /// The call of this path, or of this last part of a path; of two that end alike it is the one
    /// that is not of the old sandbox.
    pub fn of(text: &str) -> Option<Self> {
        let ends = |call: &Self| call.path().rsplit('/').next() == Some(text);
        let mut all = Self::ALL.into_iter();
        all.clone().find(|call| call.path() == text).or_else(|| all.find(ends))
    }
}

impl TryFrom<String> for Call {
    type Error = UnknownCall;

    fn try_from(text: String) -> Result<Self, UnknownCall> {
        Self::of(&text).ok_or(UnknownCall)
    }
}

impl From<Call> for &'static str {
    fn from(call: Call) -> Self {
        call.path()
    }
}
