//! What a test or a page may see of the gateway. WeChat's words where WeChat has a word; times in
//! Unix seconds, amounts in fen.

use serde::Serialize;

use super::notice::{Notice, Outcome};
use super::order::{Coupon, CouponKind, Order, Payment};
use super::phone::not_payable;
use super::slow::{Failed, Slow};
use super::{Gateway, RefundView, ScanRefusal};
use crate::time::UnixTime;

/// How many orders are shown when nobody says how many.
pub const ORDERS_SHOWN: usize = 100;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderView {
    /// The merchant.
    pub mch_id: String,
    /// Its appid.
    pub appid: String,
    /// Its name.
    pub shop: String,
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// NOTPAY, SUCCESS, REFUND or CLOSED.
    pub trade_state: &'static str,
    /// Why a phone cannot pay it now; `null` when it can.
    pub not_payable: Option<&'static str>,
    /// What is bought.
    pub body: String,
    /// What it costs.
    pub total_fee: u64,
    /// The merchant's own words.
    pub attach: Option<String>,
    /// Where payments are notified.
    pub notify_url: String,
    /// The newest code.
    pub code_url: String,
    /// Until when that code lives.
    pub code_ends_at: i64,
    /// When the order was made.
    pub created_at: i64,
    /// Until when it can be paid, if the merchant said so.
    pub time_expire: Option<i64>,
    /// When the merchant closed it.
    pub closed_at: Option<i64>,
    /// How often somebody gave it up on the phone.
    pub cancels: u32,
    /// Who scanned it first; nobody else can pay it.
    pub scanned_by: Option<String>,
    /// Payments under way: the password is typed, the result is not there yet.
    pub paying: Vec<PayingView>,
    /// Payments that came to nothing.
    pub failed: Vec<FailedView>,
    /// Its payments, oldest first.
    pub payments: Vec<PaymentView>,
}

/// A payment under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PayingView {
    /// The number that it will have.
    pub transaction_id: String,
    /// Who pays.
    pub person: String,
    /// When its result is there.
    pub ends_at: i64,
}

/// A payment that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedView {
    /// The number that it would have had.
    pub transaction_id: String,
    /// When it failed.
    pub at: i64,
    /// Why: a word as in `not_payable`, or `balance_too_low`.
    pub reason: &'static str,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentView {
    /// WeChat's number of it.
    pub transaction_id: String,
    /// What was paid.
    pub total_fee: u64,
    /// What of it was not paid by coupons.
    pub cash_fee: u64,
    /// The coupons.
    pub coupons: Vec<CouponView>,
    /// When it was paid.
    pub paid_at: i64,
    /// Who paid.
    pub person: String,
    /// What the merchant calls that person.
    pub openid: String,
    /// `balance`, `debit_card` or `credit_card`.
    pub method: &'static str,
    /// How the merchant was told.
    pub notification: NoticeView,
    /// Its refunds, oldest first.
    pub refunds: Vec<RefundView>,
}

/// A coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CouponView {
    /// Its number.
    pub id: String,
    /// What it paid, or what of it goes back.
    pub fee: u64,
    /// CASH, `NO_CASH` or not said.
    #[serde(rename = "type")]
    pub kind: Option<&'static str>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    /// `pending`, `acknowledged`, `given_up` or `held`.
    pub state: &'static str,
    /// When it is sent next.
    pub next_at: Option<i64>,
    /// When it was sent, and what came of it.
    pub attempts: Vec<AttemptView>,
}

/// One sending of a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    /// When.
    pub at: i64,
    /// Whether the schedule sent it, or somebody by hand.
    pub scheduled: bool,
    /// `acknowledged`, `refused`, `timed_out`, `unreachable`, `lost`, or `null` while it is on its
    /// way.
    pub outcome: Option<&'static str>,
    /// What more there is to say.
    pub detail: Option<String>,
    /// The fault that made it, when WeChat would never have sent it.
    pub fault: Option<&'static str>,
}

impl Gateway {
    /// The [`ORDERS_SHOWN`] newest orders, newest first.
    pub fn orders(&self, now: UnixTime) -> Vec<OrderView> {
        self.newest_orders(ORDERS_SHOWN, now)
    }

    /// The `limit` newest orders, newest first.
    pub fn newest_orders(&self, limit: usize, now: UnixTime) -> Vec<OrderView> {
        let keys = self.index.newest().take(limit);
        keys.filter_map(|key| self.orders.get(key)).map(|o| self.order_view(o, now)).collect()
    }

    /// The orders with this number: one of each merchant that uses it.
    pub fn orders_numbered(&self, out_trade_no: &str, now: UnixTime) -> Vec<OrderView> {
        let keys = self.index.numbered(out_trade_no);
        keys.filter_map(|key| self.orders.get(&key)).map(|o| self.order_view(o, now)).collect()
    }

    pub(super) fn order_view(&self, order: &Order, now: UnixTime) -> OrderView {
        let merchant = self.merchants.get(&order.key.mch_id);
        OrderView {
            mch_id: order.key.mch_id.clone(),
            appid: order.appid.clone(),
            shop: merchant.map(|merchant| merchant.shop.clone()).unwrap_or_default(),
            out_trade_no: order.key.out_trade_no.clone(),
            trade_state: order.state(now).as_str(),
            not_payable: not_payable(order, None, now).map(ScanRefusal::as_str),
            body: order.body.clone(),
            total_fee: order.total_fen,
            attach: order.attach.clone(),
            notify_url: order.notify_url.clone(),
            code_url: order.code.url.clone(),
            code_ends_at: order.code_ends_at().0,
            created_at: order.created_at.0,
            time_expire: order.time_expire.map(|time| time.0),
            closed_at: order.closed_at.map(|time| time.0),
            cancels: order.cancels,
            scanned_by: order.scanned_by.as_ref().map(|person| person.as_str().to_owned()),
            paying: order.paying.iter().map(paying_view).collect(),
            failed: order.failed.iter().map(failed_view).collect(),
            payments: order.payments.iter().map(|payment| self.payment_view(payment)).collect(),
        }
    }

    fn payment_view(&self, payment: &Payment) -> PaymentView {
        PaymentView {
            transaction_id: payment.transaction_id.clone(),
            total_fee: payment.total_fen,
            cash_fee: payment.cash_fen(),
            coupons: payment.coupons.iter().map(coupon_view).collect(),
            paid_at: payment.paid_at.0,
            person: payment.person.as_str().to_owned(),
            openid: payment.openid.clone(),
            method: payment.method.as_str(),
            notification: notice_view(self.notices.of(&payment.transaction_id)),
            refunds: self.refund_views(&payment.transaction_id),
        }
    }
}

pub(super) fn coupon_view(coupon: &Coupon) -> CouponView {
    CouponView {
        id: coupon.id.clone(),
        fee: coupon.fee_fen,
        kind: coupon.kind.map(CouponKind::as_str),
    }
}

fn paying_view(slow: &Slow) -> PayingView {
    PayingView {
        transaction_id: slow.payment.transaction_id.clone(),
        person: slow.payment.person.as_str().to_owned(),
        ends_at: slow.payment.paid_at.0,
    }
}

fn failed_view(failed: &Failed) -> FailedView {
    let transaction_id = failed.transaction_id.clone();
    FailedView { transaction_id, at: failed.at.0, reason: failed.reason }
}

pub(super) fn notice_view(notice: Option<&Notice>) -> NoticeView {
    let Some(notice) = notice else {
        return NoticeView { state: "held", next_at: None, attempts: Vec::new() };
    };
    let attempts = notice.attempts.iter().map(|attempt| AttemptView {
        at: attempt.sent_at.0,
        scheduled: attempt.scheduled,
        outcome: attempt.outcome.as_ref().map(Outcome::as_str),
        detail: attempt.outcome.as_ref().and_then(Outcome::detail).map(str::to_owned),
        fault: attempt.fault,
    });
    NoticeView {
        state: notice.state.as_str(),
        next_at: notice.due.map(|due| due.0),
        attempts: attempts.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{KEY, NOW, Shop};
    use super::super::{Coupon, CouponKind, Tender};

    #[test]
    fn a_test_sees_state_payment_and_notification() {
        let mut shop = Shop::new();
        shop.order("SM20261123000001", &[]);
        shop.now = NOW.plus(1);
        shop.order("SM20261123000002", &[]);
        let coupons = vec![Coupon { id: "1".into(), fee_fen: 2, kind: Some(CouponKind::NoCash) }];
        shop.pay("SM20261123000002", Tender { coupons, ..Tender::default() }).unwrap();
        shop.gateway.poll(shop.now);
        let orders = serde_json::to_value(shop.gateway.orders(shop.now)).unwrap();
        assert_eq!(orders[0]["out_trade_no"], "SM20261123000002", "newest first");
        assert_eq!(orders[0]["trade_state"], "SUCCESS");
        assert_eq!(orders[0]["not_payable"], "order_paid");
        let payment = &orders[0]["payments"][0];
        assert_eq!(payment["cash_fee"], 1798);
        assert_eq!(payment["coupons"][0]["type"], "NO_CASH");
        assert_eq!(payment["notification"]["state"], "pending");
        assert_eq!(payment["notification"]["attempts"][0]["at"], NOW.plus(1).0);
        assert!(payment["notification"]["attempts"][0]["outcome"].is_null(), "on its way");
        assert_eq!(orders[1]["trade_state"], "NOTPAY");
        assert!(orders[1]["not_payable"].is_null());
        assert!(!orders.to_string().contains(KEY));
    }
}
