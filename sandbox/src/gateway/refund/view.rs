//! What a test or a page may see of refunds.

use serde::Serialize;

use super::super::Gateway;
use super::super::view::{CouponView, NoticeView, coupon_view, notice_view};
use super::Refund;

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefundView {
    /// WeChat's number of it.
    pub refund_id: String,
    /// The merchant's; of one made by hand in the console, the console's.
    pub out_refund_no: String,
    /// PROCESSING, SUCCESS, REFUNDCLOSE or CHANGE.
    pub refund_status: &'static str,
    /// What goes back, with coupons.
    pub refund_fee: u64,
    /// What of it goes back as money.
    pub cash_refund_fee: u64,
    /// The coupons that go back, whole or in part.
    pub coupons: Vec<CouponView>,
    /// Where the money comes from: `REFUND_SOURCE_UNSETTLED_FUNDS` or
    /// `REFUND_SOURCE_RECHARGE_FUNDS`.
    pub refund_account: &'static str,
    /// Why.
    pub refund_desc: Option<String>,
    /// API, or `VENDOR_PLATFORM` for one made by hand.
    pub refund_request_source: &'static str,
    /// When it was accepted.
    pub accepted_at: i64,
    /// When it ended or will end.
    pub ends_at: i64,
    /// How the merchant was told of its end; `null` while it is under way, and when the merchant
    /// has not said where to.
    pub notification: Option<NoticeView>,
}

impl Gateway {
    pub(super) fn refund_view(&self, refund_id: &str) -> Option<RefundView> {
        self.refunds.all.get(refund_id).map(|refund| self.view_of_refund(refund))
    }

    /// The refunds of a payment, oldest first.
    pub(in crate::gateway) fn refund_views(&self, transaction_id: &str) -> Vec<RefundView> {
        let refunds = self.refunds.of_payment(transaction_id);
        refunds.map(|refund| self.view_of_refund(refund)).collect()
    }

    fn view_of_refund(&self, refund: &Refund) -> RefundView {
        let notice = self.notices.of(&refund.refund_id);
        RefundView {
            refund_id: refund.refund_id.clone(),
            out_refund_no: refund.out_refund_no.clone(),
            refund_status: refund.status(),
            refund_fee: refund.refund_fen,
            cash_refund_fee: refund.cash_fen(),
            coupons: refund.coupons().map(coupon_view).collect(),
            refund_account: refund.account.as_str(),
            refund_desc: refund.desc.clone(),
            refund_request_source: refund.source.as_str(),
            accepted_at: refund.accepted_at.0,
            ends_at: refund.ended_at.unwrap_or(refund.due).0,
            notification: notice.map(|notice| notice_view(Some(notice))),
        }
    }
}
