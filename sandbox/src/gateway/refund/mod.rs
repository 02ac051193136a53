//! Refunds: what they are and where they are found. How one is made stands in [`apply`] (the call)
//! and [`console`] (by hand), how it goes on in [`life`], how it is told in [`query`] and
//! [`notice`] (`docs/protocol.md` §7, §8, §10).

mod apply;
mod console;
mod funds;
mod life;
mod notice;
mod query;
mod share;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use console::{ConsoleRefund, RefundError, RefundTarget};
pub use funds::Funds;
pub(super) use funds::FundsOfAll;
pub use view::RefundView;

use super::order::{Coupon, CouponKind, OrderKey, Payment, sum};
use super::people::Method;
use crate::time::UnixTime;
use share::Before;

/// The most refunds of one payment, those that came to nothing too.
pub const REFUNDS_MAX: usize = 50;

/// For how many seconds after the payment it can be refunded: a year.
pub const REFUND_WITHIN_S: i64 = 365 * 86_400;

/// How a refund ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundEnd {
    /// The money is back.
    #[default]
    #[serde(rename = "SUCCESS")]
    Success,
    /// It failed: the money counts as not refunded, and may go back under a new number.
    #[serde(rename = "REFUNDCLOSE")]
    Closed,
    /// The customer's card is void or frozen: the money is with the merchant again, who pays it
    /// back by hand.
    #[serde(rename = "CHANGE")]
    Change,
}

impl RefundEnd {
    /// The word in `refund_status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Closed => "REFUNDCLOSE",
            Self::Change => "CHANGE",
        }
    }
}

/// The way on which the money goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundChannel {
    /// The way it came.
    #[default]
    Original,
    /// To the customer's change at WeChat.
    Balance,
    /// To another balance, because the customer's account is out of order.
    OtherBalance,
    /// To another card, because the customer's card is out of order.
    OtherBankcard,
}

impl RefundChannel {
    /// The word in `refund_channel_$n`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "ORIGINAL",
            Self::Balance => "BALANCE",
            Self::OtherBalance => "OTHER_BALANCE",
            Self::OtherBankcard => "OTHER_BANKCARD",
        }
    }
}

/// Where the money of a refund comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundAccount {
    /// What customers have paid and WeChat has not paid out yet.
    #[default]
    #[serde(rename = "REFUND_SOURCE_UNSETTLED_FUNDS")]
    Unsettled,
    /// What the merchant has put into its balance.
    #[serde(rename = "REFUND_SOURCE_RECHARGE_FUNDS")]
    Recharge,
}

impl RefundAccount {
    /// The word in `refund_account`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsettled => "REFUND_SOURCE_UNSETTLED_FUNDS",
            Self::Recharge => "REFUND_SOURCE_RECHARGE_FUNDS",
        }
    }
}

/// Who asked for a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The merchant's server, by the call.
    Api,
    /// A person in the merchant's console.
    Console,
}

impl Source {
    /// The word in `refund_request_source`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::Console => "VENDOR_PLATFORM",
        }
    }
}

/// How a refund will end, and on which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// How.
    pub end: RefundEnd,
    /// On which way.
    pub channel: RefundChannel,
}

/// A refund that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) refund_id: String,
    pub(super) order: OrderKey,
    pub(super) transaction_id: String,
    pub(super) out_refund_no: String,
    pub(super) refund_fen: u64,
    /// What goes back of each coupon of the payment, in their order; of some nothing.
    coupons: Vec<Coupon>,
    pub(super) account: RefundAccount,
    pub(super) desc: Option<String>,
    notify_url: Option<String>,
    pub(super) source: Source,
    pub(super) accepted_at: UnixTime,
    /// When it ends, unless somebody ends it before.
    pub(super) due: UnixTime,
    pub(super) ending: Ending,
    /// When it ended as `ending` says; `None` while it is under way.
    pub(super) ended_at: Option<UnixTime>,
    /// The how many-th refund of all it is.
    place: u64,
}

impl Refund {
    /// The word in `refund_status`.
    pub(super) const fn status(&self) -> &'static str {
        if self.ended_at.is_some() { self.ending.end.as_str() } else { "PROCESSING" }
    }

    /// Whether the refund came to nothing, so that its money counts as not refunded.
    fn is_closed(&self) -> bool {
        self.ended_at.is_some() && self.ending.end == RefundEnd::Closed
    }

    /// When the money was back, if it is.
    fn success_at(&self) -> Option<UnixTime> {
        self.ended_at.filter(|_| self.ending.end == RefundEnd::Success)
    }

    /// The coupons of which something goes back.
    pub(super) fn coupons(&self) -> impl Iterator<Item = &Coupon> {
        self.coupons.iter().filter(|coupon| coupon.fee_fen > 0)
    }

    fn coupon_fen(&self) -> u64 {
        sum(self.coupons.iter())
    }

    /// What goes back as money.
    pub(super) fn cash_fen(&self) -> u64 {
        self.refund_fen.saturating_sub(self.coupon_fen())
    }

    /// What goes back without the coupons that were given away: what the merchant pays.
    fn settlement_fen(&self) -> u64 {
        let given = |coupon: &&Coupon| coupon.kind == Some(CouponKind::NoCash);
        self.refund_fen.saturating_sub(sum(self.coupons.iter().filter(given)))
    }

    /// Where the money goes.
    const fn receiver(&self, payment: &Payment) -> Receiver {
        match (self.ending.channel, payment.method) {
            (RefundChannel::Original, Method::DebitCard) => Receiver::Card("招商银行借记卡0403"),
            (RefundChannel::Original, Method::CreditCard) => Receiver::Card("招商银行信用卡0403"),
            (RefundChannel::OtherBankcard, _) => Receiver::Card("招商银行借记卡0508"),
            (RefundChannel::Original | RefundChannel::Balance | RefundChannel::OtherBalance, _) => {
                Receiver::Change
            }
        }
    }
}

/// Where the money of a refund goes, in words for the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiver {
    /// The customer's change at WeChat. Queries and notifications have different words for it.
    Change,
    /// A card, by its bank and its last digits.
    Card(&'static str),
}

/// The merchant, and its number of the refund.
type Number = (String, String);

/// All refunds.
#[derive(Debug, Default)]
pub(super) struct Refunds {
    /// By `refund_id`.
    all: BTreeMap<String, Refund>,
    numbers: BTreeMap<Number, String>,
    /// Those of each payment, by `transaction_id`, oldest first.
    payments: BTreeMap<String, Vec<String>>,
    /// Those under way, by the time of their end.
    due: BTreeMap<(UnixTime, u64), String>,
    next_place: u64,
    /// How refunds of these orders will end.
    order_endings: BTreeMap<OrderKey, Ending>,
    /// How the refunds with these numbers will end.
    number_endings: BTreeMap<Number, Ending>,
    /// How many calls for old payments each merchant made in the minute of its last one.
    old_calls: BTreeMap<String, (i64, u32)>,
}

impl Refunds {
    pub(super) fn numbered(&self, mch_id: &str, out_refund_no: &str) -> Option<&Refund> {
        let number = (mch_id.to_owned(), out_refund_no.to_owned());
        self.numbers.get(&number).and_then(|refund_id| self.all.get(refund_id))
    }

    /// The refunds of a payment, oldest first.
    pub(super) fn of_payment(
        &self,
        transaction_id: &str,
    ) -> impl DoubleEndedIterator<Item = &Refund> {
        let ids = self.payments.get(transaction_id).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|refund_id| self.all.get(refund_id))
    }

    fn count(&self, transaction_id: &str) -> usize {
        self.payments.get(transaction_id).map_or(0, Vec::len)
    }

    /// What has gone back of a payment, or is going.
    fn before(&self, payment: &Payment) -> Before {
        let mut before = Before { refund_fen: 0, coupons_fen: vec![0; payment.coupons.len()] };
        let live = self.of_payment(&payment.transaction_id).filter(|refund| !refund.is_closed());
        for refund in live {
            before.refund_fen = before.refund_fen.saturating_add(refund.refund_fen);
            for (sum, coupon) in before.coupons_fen.iter_mut().zip(&refund.coupons) {
                *sum = sum.saturating_add(coupon.fee_fen);
            }
        }
        before
    }

    /// What has gone back of a payment, or is going, in fen.
    pub(super) fn refunded_fen(&self, payment: &Payment) -> u64 {
        self.before(payment).refund_fen
    }

    /// How a new refund will end: what was said of its number counts before what was said of its
    /// order.
    fn ending_of(&self, order: &OrderKey, out_refund_no: &str) -> Ending {
        let number = (order.mch_id.clone(), out_refund_no.to_owned());
        let said = self.number_endings.get(&number).or_else(|| self.order_endings.get(order));
        said.copied().unwrap_or_default()
    }

    /// Says how the refunds of a payment end that are under way.
    fn plan_payment(&mut self, transaction_id: &str, ending: Ending) {
        let ids = self.payments.get(transaction_id).map(Vec::as_slice).unwrap_or_default();
        for refund_id in ids {
            let refund = self.all.get_mut(refund_id).filter(|refund| refund.ended_at.is_none());
            if let Some(refund) = refund {
                refund.ending = ending;
            }
        }
    }

    /// Says how the refund with this number ends, which may be still to come.
    fn plan_number(&mut self, number: Number, ending: Ending) -> Result<(), RefundError> {
        let refund_id = self.numbers.get(&number);
        if let Some(refund) = refund_id.and_then(|refund_id| self.all.get_mut(refund_id)) {
            if refund.ended_at.is_some() {
                return Err(RefundError::Ended);
            }
            refund.ending = ending;
        }
        self.number_endings.insert(number, ending);
        Ok(())
    }

    /// Takes a new refund; its end is due at its time.
    fn insert(&mut self, mut refund: Refund) {
        refund.place = self.next_place;
        self.next_place += 1;
        let refund_id = refund.refund_id.clone();
        let number = (refund.order.mch_id.clone(), refund.out_refund_no.clone());
        self.numbers.insert(number, refund_id.clone());
        let payment = self.payments.entry(refund.transaction_id.clone()).or_default();
        payment.push(refund_id.clone());
        self.due.insert((refund.due, refund.place), refund_id.clone());
        self.all.insert(refund_id, refund);
    }

    /// The next refund that ends until then; it is given once.
    fn next_due(&mut self, now: UnixTime) -> Option<String> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// When the next refund ends.
    pub(super) fn next_end(&self) -> Option<UnixTime> {
        self.due.first_key_value().map(|((time, _), _)| *time)
    }
}
