//! An order as the gateway keeps it, and what its state is at a time (`docs/protocol.md` §5).

use serde::{Deserialize, Serialize};

use super::people::{Method, Person};
use super::slow::{Failed, Slow};
use crate::sign::Algorithm;
use crate::time::UnixTime;

/// How long a `code_url` can be scanned, in seconds (`docs/protocol.md` §4).
pub const CODE_LIFE_S: i64 = 2 * 3600;

/// After how many seconds WeChat closes an unpaid order by itself: 7 days (`docs/protocol.md` §4).
pub const ORDER_LIFE_S: i64 = 7 * 86_400;

/// What names an order: the merchant's number and the merchant's own number for the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderKey {
    /// The merchant.
    pub mch_id: String,
    /// The merchant's number of the order, unique under it for ever.
    pub out_trade_no: String,
}

/// The states that an order of Native pay can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeState {
    /// Not paid. Also what is said of an order whose `time_expire` is over and that nobody closed.
    NotPay,
    /// Closed by the merchant, or by WeChat after 7 days.
    Closed,
    /// Paid.
    Success,
    /// Paid, and at least one refund was accepted since; there is no way back from here.
    Refund,
}

impl TradeState {
    /// The word in `trade_state`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPay => "NOTPAY",
            Self::Closed => "CLOSED",
            Self::Success => "SUCCESS",
            Self::Refund => "REFUND",
        }
    }

    /// The text in `trade_state_desc`.
    pub const fn description(self) -> &'static str {
        match self {
            Self::NotPay => "订单未支付",
            Self::Closed => "订单已关闭",
            Self::Success => "支付成功",
            Self::Refund => "订单发生过退款，退款详情请查询退款单",
        }
    }
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) key: OrderKey,
    pub(super) appid: String,
    /// All fields of the first request but `nonce_str`, `sign` and the empty ones, sorted: what a
    /// repeated request must match.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) algorithm: Algorithm,
    pub(super) body: String,
    pub(super) total_fen: u64,
    pub(super) notify_url: String,
    pub(super) attach: Option<String>,
    pub(super) device_info: Option<String>,
    pub(super) time_expire: Option<UnixTime>,
    pub(super) created_at: UnixTime,
    pub(super) closed_at: Option<UnixTime>,
    /// The code that can be scanned now; earlier ones are dead.
    pub(super) code: PayCode,
    /// Usually none or one; more only when a test forces it.
    pub(super) payments: Vec<Payment>,
    /// Until when the order query does not know of the payments: a fault.
    pub(super) lags_until: Option<UnixTime>,
    /// Whether a refund of one of them was ever accepted.
    pub(super) is_refunded: bool,
    /// How often somebody looked at the order on the phone and gave it up.
    pub(super) cancels: u32,
    /// Who scanned it first: nobody else can pay it.
    pub(super) scanned_by: Option<Person>,
    /// Payments under way.
    pub(super) paying: Vec<Slow>,
    /// Payments that came to nothing.
    pub(super) failed: Vec<Failed>,
}

/// A `code_url` and what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct PayCode {
    pub(super) url: String,
    pub(super) prepay_id: String,
    pub(super) made_at: UnixTime,
}

/// In which a fault has a payment made.
pub(super) const OTHER_CURRENCY: &str = "USD";

/// A payment that was made.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) transaction_id: String,
    pub(super) total_fen: u64,
    pub(super) coupons: Vec<Coupon>,
    pub(super) person: Person,
    pub(super) openid: String,
    pub(super) method: Method,
    /// CNY, or [`OTHER_CURRENCY`].
    pub(super) fee_type: &'static str,
    pub(super) paid_at: UnixTime,
}

/// A coupon that paid a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// The coupon's number: 1 to 20 digits.
    pub id: String,
    /// What it paid, in fen, at least 1.
    pub fee_fen: u64,
    /// Its kind; real messages often do not say it.
    pub kind: Option<CouponKind>,
}

/// Whether a coupon was bought (CASH, a recharge coupon) or given away (`NO_CASH`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CouponKind {
    /// Its money reaches the merchant.
    Cash,
    /// Its money does not reach the merchant: `settlement_total_fee` is smaller.
    NoCash,
}

impl CouponKind {
    /// The word in `coupon_type_$n`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "CASH",
            Self::NoCash => "NO_CASH",
        }
    }
}

impl Order {
    pub(super) fn state(&self, now: UnixTime) -> TradeState {
        if self.is_refunded {
            TradeState::Refund
        } else if !self.payments.is_empty() {
            TradeState::Success
        } else if self.closed_at.is_some() || now.since(self.created_at) >= ORDER_LIFE_S {
            TradeState::Closed
        } else {
            TradeState::NotPay
        }
    }

    /// The state as the order query tells it.
    pub(super) fn told_state(&self, now: UnixTime) -> TradeState {
        let state = self.state(now);
        let lags = self.lags_until.is_some_and(|end| now < end);
        if lags && state == TradeState::Success { TradeState::NotPay } else { state }
    }

    /// A field of the first request.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(its, _)| its == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the merchant takes no credit cards for it.
    pub(super) fn no_credit(&self) -> bool {
        self.parameter("limit_pay") == Some("no_credit")
    }

    /// Whether the time to pay that the merchant set is over.
    pub(super) fn is_expired(&self, now: UnixTime) -> bool {
        self.time_expire.is_some_and(|end| now >= end)
    }

    /// Until when the code of now can be scanned.
    pub(super) fn code_ends_at(&self) -> UnixTime {
        self.code.made_at.plus(CODE_LIFE_S)
    }
}

impl Payment {
    /// What the coupons paid.
    pub(super) fn coupon_fen(&self) -> u64 {
        sum(self.coupons.iter())
    }

    /// What the user paid: the total without coupons. Coupons never pay more than the total.
    pub(super) fn cash_fen(&self) -> u64 {
        self.total_fen.saturating_sub(self.coupon_fen())
    }

    /// The total without the coupons that were given away; `None` when there was none of them.
    pub(super) fn settlement_fen(&self) -> Option<u64> {
        let given = |coupon: &&Coupon| coupon.kind == Some(CouponKind::NoCash);
        let given_fen = sum(self.coupons.iter().filter(given));
        (given_fen > 0).then(|| self.total_fen.saturating_sub(given_fen))
    }
}

/// What coupons pay together. Saturates; [`super::Gateway::pay`] takes no sum above the total.
pub(super) fn sum<'a>(coupons: impl Iterator<Item = &'a Coupon>) -> u64 {
    coupons.fold(0, |sum: u64, coupon| sum.saturating_add(coupon.fee_fen))
}
