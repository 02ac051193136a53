//! What happened to the merchants' money, in order, each merchant and day apart: the one source of
//! both bills, and what a simulation counts against.
//!
//! An entry says what was so when it was made and is never changed, as a bill is not
//! (`docs/protocol.md` §11). Whoever moves money tells it here, in the same step.

use std::collections::BTreeMap;

use super::Gateway;
use super::order::{OrderKey, Payment};
use crate::merchant::Merchant;
use crate::time::UnixTime;

/// Something that moved a merchant's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: UnixTime,
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// WeChat's number of the payment.
    pub transaction_id: String,
    /// What happened.
    pub event: Event,
    /// The rate of the payment's fee, in hundredths of a percent.
    pub fee_bp: u16,
    /// What the merchant's account held afterwards, in fen. Below zero when more was given back
    /// than had come.
    pub balance_fen: i64,
    /// The number of its first movement in the account, from 0. A payment makes two, itself and
    /// the fee, anything else one.
    pub(super) flow: u64,
}

/// What happened. Amounts are in fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An order was paid.
    Paid {
        /// With coupons.
        total_fen: u64,
        /// Without the coupons that were given away: what the merchant gets before the fee.
        settlement_fen: u64,
        /// All coupons.
        coupon_fen: u64,
        /// WeChat's fee, of the settlement, rounded to whole fen.
        fee_fen: u64,
    },
    /// A refund was accepted: the merchant's money is gone.
    RefundAccepted(LedgerRefund),
    /// A refund came to nothing: the merchant has the money back.
    RefundClosed(LedgerRefund),
}

/// A refund in the ledger. Amounts are in fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRefund {
    /// WeChat's number.
    pub refund_id: String,
    /// The merchant's.
    pub out_refund_no: String,
    /// What goes back, with coupons.
    pub refund_fen: u64,
    /// Without the coupons that were given away: what the merchant pays before the fee.
    pub settlement_fen: u64,
    /// All coupons.
    pub coupon_fen: u64,
    /// What the merchant gets back of the payment's fee.
    pub fee_fen: u64,
}

/// A refund before the ledger has found out its part of the fee.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefundParts<'a> {
    pub(super) refund_id: &'a str,
    pub(super) out_refund_no: &'a str,
    pub(super) refund_fen: u64,
    pub(super) settlement_fen: u64,
    pub(super) coupon_fen: u64,
}

impl LedgerRefund {
    /// What goes back as coupons that had been bought (充值券).
    pub const fn recharge_fen(&self) -> u64 {
        let given_fen = self.refund_fen.saturating_sub(self.settlement_fen);
        self.coupon_fen.saturating_sub(given_fen)
    }

    /// What leaves the merchant's account: the settlement without the fee that comes back.
    pub const fn paid_fen(&self) -> u64 {
        self.settlement_fen.saturating_sub(self.fee_fen)
    }
}

impl Event {
    /// By how much the merchant's account grows, in fen.
    pub fn change_fen(&self) -> i64 {
        match self {
            Self::Paid { settlement_fen, fee_fen, .. } => {
                signed(*settlement_fen) - signed(*fee_fen)
            }
            Self::RefundAccepted(refund) => -signed(refund.paid_fen()),
            Self::RefundClosed(refund) => signed(refund.paid_fen()),
        }
    }
}

/// Amounts are far below the largest number that has a sign.
fn signed(fen: u64) -> i64 {
    i64::try_from(fen).unwrap_or(i64::MAX)
}

/// All accounts, by merchant number.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<String, Account>,
    /// By the number of the payment.
    shares: BTreeMap<String, Share>,
}

/// How the fee of a payment is shared out among its refunds.
#[derive(Debug)]
struct Share {
    fee_bp: u16,
    fee_fen: u64,
    settlement_fen: u64,
    /// Those that have not come to nothing.
    refunds: Vec<LedgerRefund>,
}

#[derive(Debug, Default)]
struct Account {
    balance_fen: i64,
    flows: u64,
    /// By the day in Beijing.
    days: BTreeMap<i64, Vec<Entry>>,
}

impl Ledger {
    /// An order was paid.
    pub(super) fn paid(&mut self, merchant: &Merchant, order: &OrderKey, payment: &Payment) {
        let settlement_fen = payment.settlement_fen().unwrap_or(payment.total_fen);
        let fee_bp = merchant.bills.fee_bp;
        let fee_fen = fee_fen(settlement_fen, fee_bp);
        let share = Share { fee_bp, fee_fen, settlement_fen, refunds: Vec::new() };
        self.shares.insert(payment.transaction_id.clone(), share);
        let event = Event::Paid {
            total_fen: payment.total_fen,
            settlement_fen,
            coupon_fen: payment.coupon_fen(),
            fee_fen,
        };
        self.add(order, &payment.transaction_id, event, payment.paid_at);
    }

    /// A refund of this payment was accepted.
    pub(super) fn refund_accepted(
        &mut self,
        order: &OrderKey,
        transaction_id: &str,
        parts: RefundParts<'_>,
        now: UnixTime,
    ) {
        let Some(share) = self.shares.get_mut(transaction_id) else { return };
        let refund = LedgerRefund {
            refund_id: parts.refund_id.to_owned(),
            out_refund_no: parts.out_refund_no.to_owned(),
            refund_fen: parts.refund_fen,
            settlement_fen: parts.settlement_fen,
            coupon_fen: parts.coupon_fen,
            fee_fen: share.fee_back_fen(parts.settlement_fen),
        };
        share.refunds.push(refund.clone());
        self.add(order, transaction_id, Event::RefundAccepted(refund), now);
    }

    /// An accepted refund of this payment came to nothing.
    pub(super) fn refund_closed(
        &mut self,
        order: &OrderKey,
        transaction_id: &str,
        refund_id: &str,
        now: UnixTime,
    ) {
        let Some(share) = self.shares.get_mut(transaction_id) else { return };
        let live = &mut share.refunds;
        let Some(at) = live.iter().position(|refund| refund.refund_id == refund_id) else { return };
        let refund = live.remove(at);
        self.add(order, transaction_id, Event::RefundClosed(refund), now);
    }

    fn add(&mut self, order: &OrderKey, transaction_id: &str, event: Event, at: UnixTime) {
        if !self.accounts.contains_key(&order.mch_id) {
            self.accounts.insert(order.mch_id.clone(), Account::default());
        }
        let Some(account) = self.accounts.get_mut(&order.mch_id) else { return };
        let fee_bp = self.shares.get(transaction_id).map_or(0, |share| share.fee_bp);
        account.balance_fen = account.balance_fen.saturating_add(event.change_fen());
        let flow = account.flows;
        account.flows += if matches!(event, Event::Paid { .. }) { 2 } else { 1 };
        account.days.entry(at.day()).or_default().push(Entry {
            at,
            out_trade_no: order.out_trade_no.clone(),
            transaction_id: transaction_id.to_owned(),
            event,
            fee_bp,
            balance_fen: account.balance_fen,
            flow,
        });
    }

    pub(super) fn day(&self, mch_id: &str, day: i64) -> &[Entry] {
        let days = self.accounts.get(mch_id).map(|account| &account.days);
        days.and_then(|days| days.get(&day)).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn balance_fen(&self, mch_id: &str) -> i64 {
        self.accounts.get(mch_id).map_or(0, |account| account.balance_fen)
    }
}

impl Gateway {
    /// What happened to a merchant's money on the day in Beijing that this time is in, in order.
    pub fn ledger(&self, mch_id: &str, day_of: UnixTime) -> &[Entry] {
        self.ledger.day(mch_id, day_of.day())
    }

    /// What a merchant's account holds, in fen: all that came, without fees and refunds.
    pub fn account_fen(&self, mch_id: &str) -> i64 {
        self.ledger.balance_fen(mch_id)
    }
}

/// The fee of this amount at a rate in hundredths of a percent, rounded to whole fen: the bill of
/// a payment of one fen at 0.60% that was published shows 0.00000.
fn fee_fen(amount_fen: u64, rate_bp: u16) -> u64 {
    portion(amount_fen, u64::from(rate_bp), 10_000)
}

impl Share {
    /// What comes back of the fee with a refund. All refunds together get back the part of the fee
    /// that they are of the payment, so that a whole refund gives all of it back, in however many
    /// parts.
    fn fee_back_fen(&self, refund_fen: u64) -> u64 {
        let sum = |of: fn(&LedgerRefund) -> u64| self.refunds.iter().map(of).sum::<u64>();
        let paid_fen = self.settlement_fen;
        let refunded_fen = (sum(|refund| refund.settlement_fen) + refund_fen).min(paid_fen);
        portion(self.fee_fen, refunded_fen, paid_fen)
            .saturating_sub(sum(|refund| refund.fee_fen))
            .min(refund_fen)
    }
}

/// `amount * part / whole`, a half rounded up; nothing of nothing.
fn portion(amount: u64, part: u64, whole: u64) -> u64 {
    let (amount, part, whole) = (u128::from(amount), u128::from(part), u128::from(whole));
    let rounded = (amount * part * 2 + whole).checked_div(whole * 2).unwrap_or(0);
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{APPID, KEY, MCH_ID, NOW, OTHER_MCH_ID, Shop};
    use super::super::{Coupon, CouponKind, Method, Person, Tender};
    use super::*;
    use proptest::prelude::*;

    fn merchant() -> Merchant {
        Merchant::new(MCH_ID, APPID, KEY, "扫码示例店").unwrap()
    }

    fn key() -> OrderKey {
        OrderKey { mch_id: MCH_ID.into(), out_trade_no: "SM20261123000001".into() }
    }

    fn payment(total_fen: u64, coupons: Vec<Coupon>) -> Payment {
        let (transaction_id, openid) = ("4200".into(), "o".into());
        let (person, method, fee_type) = (Person::default(), Method::default(), "CNY");
        let paid_at = NOW;
        Payment { transaction_id, total_fen, coupons, person, openid, method, fee_type, paid_at }
    }

    fn parts(refund_id: &str, refund_fen: u64) -> RefundParts<'_> {
        let settlement_fen = refund_fen;
        RefundParts { refund_id, out_refund_no: "R1", refund_fen, settlement_fen, coupon_fen: 0 }
    }

    #[test]
    fn a_payment_is_booked_on_its_day_with_its_fee() {
        let mut shop = Shop::new();
        shop.order("SM20261123000001", &[]);
        let paid = shop.pay("SM20261123000001", Tender::default()).unwrap();
        let [entry] = shop.gateway.ledger(MCH_ID, NOW) else { panic!() };
        assert_eq!((entry.at, &entry.transaction_id), (NOW, &paid.transaction_id));
        let event = Event::Paid {
            total_fen: 1800,
            settlement_fen: 1800,
            coupon_fen: 0,
            fee_fen: 11, // 10.8
        };
        assert_eq!(entry.event, event);
        assert_eq!((entry.balance_fen, shop.gateway.account_fen(MCH_ID)), (1789, 1789));
        assert!(shop.gateway.ledger(MCH_ID, NOW.plus(86_400)).is_empty(), "another day");
        assert!(shop.gateway.ledger(OTHER_MCH_ID, NOW).is_empty(), "another merchant");
        assert_eq!(shop.gateway.account_fen(OTHER_MCH_ID), 0);
    }

    #[test]
    fn an_order_that_nobody_pays_is_not_booked() {
        let mut shop = Shop::new();
        shop.order("SM20261123000001", &[]);
        assert!(shop.gateway.ledger(MCH_ID, NOW).is_empty());
    }

    #[test]
    fn coupons_that_were_given_away_bring_the_merchant_nothing() {
        let coupon = |fee_fen, kind| Coupon { id: "1".into(), fee_fen, kind: Some(kind) };
        let coupons = vec![coupon(800, CouponKind::NoCash), coupon(100, CouponKind::Cash)];
        let mut ledger = Ledger::default();
        ledger.paid(&merchant(), &key(), &payment(1800, coupons));
        assert_eq!(ledger.balance_fen(MCH_ID), 1000 - 6);
    }

    #[test]
    fn a_refund_takes_the_money_and_a_closed_one_gives_it_back() {
        let mut ledger = Ledger::default();
        let payment = payment(1800, Vec::new());
        ledger.paid(&merchant(), &key(), &payment);
        ledger.refund_accepted(&key(), "4200", parts("5030", 900), NOW);
        assert_eq!(ledger.balance_fen(MCH_ID), 1789 - 894, "of 11 fen of fee come 6 back");
        ledger.refund_closed(&key(), "4200", "5030", NOW);
        assert_eq!(ledger.balance_fen(MCH_ID), 1789);
        ledger.refund_closed(&key(), "4200", "5030", NOW);
        assert_eq!(ledger.balance_fen(MCH_ID), 1789, "only once");
        let flows: Vec<_> = ledger.day(MCH_ID, NOW.day()).iter().map(|entry| entry.flow).collect();
        assert_eq!(flows, [0, 2, 3]);
    }

    #[test]
    fn a_fee_is_rounded_to_whole_fen() {
        for (amount, fee) in [(0, 0), (1, 0), (83, 0), (84, 1), (1800, 11), (2599, 16)] {
            assert_eq!(fee_fen(amount, 60), fee, "{amount}");
        }
        assert_eq!(fee_fen(2599, 0), 0);
        assert_eq!(fee_fen(u64::MAX, 10_000), u64::MAX);
    }

    proptest! {
        #[test]
        fn a_whole_refund_in_parts_leaves_nothing(
            parts_fen in prop::collection::vec(1..10_000_u64, 1..20),
            rate_bp in 0..=10_000_u16,
        ) {
            let mut merchant = merchant();
            merchant.bills.fee_bp = rate_bp;
            let payment = payment(parts_fen.iter().sum(), Vec::new());
            let mut ledger = Ledger::default();
            ledger.paid(&merchant, &key(), &payment);
            for (n, fen) in parts_fen.iter().enumerate() {
                let id = format!("5030{n}");
                ledger.refund_accepted(&key(), "4200", parts(&id, *fen), NOW);
            }
            prop_assert_eq!(ledger.balance_fen(MCH_ID), 0);
        }
    }
}
