//! Slow payments: the password is typed, and the result comes seconds later. Until then the order
//! is not paid, and what happens meanwhile (its time runs out, the shop closes it, somebody else
//! pays) decides what becomes of it.

use std::collections::BTreeMap;

use super::notice::{NewNotice, NoticeKind};
use super::order::{OrderKey, Payment};
use super::people::Method;
use super::phone::not_payable;
use super::{Gateway, ScanRefusal, notice};
use crate::time::UnixTime;

/// The most seconds a payment may take: a day.
pub const AFTER_S_MAX: u32 = 86_400;

/// A payment under way.
#[derive(Clone, Debug)]
pub(super) struct Slow {
    /// What it will be; its time is when it ends.
    pub(super) payment: Payment,
    pub(super) tell: Tell,
    /// Whether it counts whatever has happened meanwhile.
    pub(super) force: bool,
}

/// How the merchant is told of a payment.
#[derive(Clone, Debug)]
pub(super) struct Tell {
    pub(super) notify: bool,
    pub(super) nonce: String,
}

/// A payment that came to nothing.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) transaction_id: String,
    pub(super) at: UnixTime,
    pub(super) reason: &'static str,
}

/// All payments under way, by when they end.
#[derive(Debug, Default)]
pub(super) struct SlowQueue {
    next: u64,
    ends: BTreeMap<(UnixTime, u64), (OrderKey, String)>,
}

impl SlowQueue {
    pub(super) fn push(&mut self, key: OrderKey, payment: &Payment) {
        self.next += 1;
        let transaction_id = payment.transaction_id.clone();
        self.ends.insert((payment.paid_at, self.next), (key, transaction_id));
    }

    /// When the next one ends.
    pub(super) fn next_end(&self) -> Option<UnixTime> {
        self.ends.first_key_value().map(|((end, _), _)| *end)
    }

    fn pop(&mut self, now: UnixTime) -> Option<(OrderKey, String)> {
        let first = self.ends.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

impl Gateway {
    /// How many payments are under way: the password is typed, the result is not there yet.
    pub fn paying(&self) -> usize {
        self.slow.ends.len()
    }

    /// When the next payment or refund ends by itself.
    pub(super) fn next_end(&self) -> Option<UnixTime> {
        let ends = [self.slow.next_end(), self.refunds.next_end(), self.next_late_payment()];
        ends.into_iter().flatten().min()
    }

    /// Ends the payments and refunds whose time has come, one after the other, each at its time.
    /// Whoever changes something asks this first, so that nothing overtakes them.
    pub(super) fn settle(&mut self, now: UnixTime) {
        while let Some(at) = self.next_end().filter(|end| *end <= now) {
            if self.slow.next_end() == Some(at) {
                self.end_slow_payment(at);
            } else if self.refunds.next_end() == Some(at) {
                self.end_due_refund(at);
            } else {
                self.pay_late(at);
            }
        }
    }

    fn end_slow_payment(&mut self, now: UnixTime) {
        let Some((key, transaction_id)) = self.slow.pop(now) else { return };
        let Some(order) = self.orders.get_mut(&key) else { return };
        let is_meant = |slow: &Slow| slow.payment.transaction_id == transaction_id;
        let Some(at) = order.paying.iter().position(is_meant) else { return };
        let slow = order.paying.remove(at);
        let end = slow.payment.paid_at;
        let refusal = not_payable(order, None, end).map(ScanRefusal::as_str);
        let refusal = refusal.or_else(|| self.purse_refuses(&slow.payment));
        match refusal {
            Some(reason) if !slow.force => {
                if let Some(order) = self.orders.get_mut(&key) {
                    order.failed.push(Failed { transaction_id, at: end, reason });
                }
                self.log_phone(&key, "pay", Some(reason), end);
            }
            _ => self.complete(&key, slow.payment, slow.tell),
        }
    }

    fn purse_refuses(&self, payment: &Payment) -> Option<&'static str> {
        let from_purse = payment.method == Method::Balance;
        let is_short = from_purse && !self.people.has(&payment.person, payment.cash_fen());
        is_short.then_some("balance_too_low")
    }

    /// The payment is made: from now on the order is paid, and the merchant is told.
    pub(super) fn complete(&mut self, key: &OrderKey, payment: Payment, tell: Tell) {
        let Some(order) = self.orders.get_mut(key) else { return };
        let Some(merchant) = self.merchants.get(&key.mch_id) else { return };
        if payment.method == Method::Balance {
            self.people.spend(&payment.person, payment.cash_fen());
        }
        let body = notice::body(order, &payment, merchant, tell.nonce);
        let new = NewNotice {
            kind: NoticeKind::Payment,
            order: key.clone(),
            subject: payment.transaction_id.clone(),
            url: order.notify_url.clone(),
            body,
            due: tell.notify.then_some(payment.paid_at),
        };
        self.ledger.paid(merchant, key, &payment);
        self.funds.paid(&key.mch_id, &payment);
        let paid_at = payment.paid_at;
        order.payments.push(payment);
        self.announce(new, paid_at);
        self.log_phone(key, "pay", None, paid_at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, Shop};
    use super::super::{PayError, Person, Target, Tender};
    use super::*;

    const NO: &str = "SM20261123000001";

    fn slowly(after_s: u32) -> Tender {
        Tender { after_s, ..Tender::default() }
    }

    fn state(shop: &mut Shop) -> String {
        shop.query(NO).get("trade_state").unwrap().to_owned()
    }

    fn failure(shop: &mut Shop) -> &'static str {
        shop.gateway.poll(shop.now);
        let order = shop.gateway.orders(shop.now).pop().unwrap();
        assert!(order.paying.is_empty());
        order.failed[0].reason
    }

    #[test]
    fn a_slow_payment_is_not_paid_until_its_time_has_come() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let paid = shop.pay(NO, slowly(30)).unwrap();
        assert_eq!(paid.paid_at, NOW.plus(30));
        assert_eq!(shop.gateway.orders(NOW)[0].paying[0].transaction_id, paid.transaction_id);
        let poll = shop.gateway.poll(NOW);
        assert!(poll.send.is_empty());
        assert_eq!(poll.wake_at, Some(NOW.plus(30)));
        shop.now = NOW.plus(29);
        assert_eq!(state(&mut shop), "NOTPAY");
        assert!(shop.query_with(&[("transaction_id", &paid.transaction_id)]).is_err());
        shop.now = NOW.plus(31);
        assert!(!shop.gateway.is_quiet(shop.now));
        assert_eq!(state(&mut shop), "SUCCESS", "a query does not wait for the notification");
        assert_eq!(shop.query(NO).get("time_end"), Some(NOW.plus(30).beijing().as_str()));
        assert_eq!(shop.query(NO).get("transaction_id"), Some(paid.transaction_id.as_str()));
        assert_eq!(shop.gateway.poll(shop.now).send.len(), 1);
        assert_eq!(shop.gateway.paying(), 0);
    }

    #[test]
    fn time_can_run_out_meanwhile() {
        let mut shop = Shop::new();
        shop.order(NO, &[("time_expire", &NOW.plus(60).beijing())]);
        shop.pay(NO, slowly(60)).unwrap();
        shop.now = NOW.plus(100);
        assert_eq!(failure(&mut shop), "order_expired");
        assert_eq!(state(&mut shop), "NOTPAY");
        assert!(shop.gateway.poll(shop.now).send.is_empty(), "nobody is told");
    }

    #[test]
    fn an_order_that_is_closed_meanwhile_is_not_paid() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.pay(NO, slowly(400)).unwrap();
        shop.now = NOW.plus(300);
        shop.close(NO);
        shop.now = NOW.plus(400);
        assert_eq!(failure(&mut shop), "order_closed");
        assert_eq!(state(&mut shop), "CLOSED");
    }

    #[test]
    fn what_was_paid_a_moment_before_cannot_be_closed() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.pay(NO, slowly(299)).unwrap();
        shop.now = NOW.plus(300);
        shop.close_refused(NO);
        assert_eq!(state(&mut shop), "SUCCESS");
    }

    #[test]
    fn of_two_payments_the_first_that_ends_counts() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.pay(NO, slowly(30)).unwrap();
        let quick = shop.pay(NO, slowly(10)).unwrap();
        shop.now = NOW.plus(30);
        assert_eq!(failure(&mut shop), "order_paid");
        assert_eq!(shop.query(NO).get("transaction_id"), Some(quick.transaction_id.as_str()));
    }

    #[test]
    fn a_purse_that_was_emptied_meanwhile_does_not_pay() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.pay(NO, slowly(30)).unwrap();
        shop.gateway.set_balance(&Person::default(), Some(1));
        shop.now = NOW.plus(30);
        assert_eq!(failure(&mut shop), "balance_too_low");
        assert_eq!(shop.gateway.balance_fen(&Person::default()), Some(1));
    }

    #[test]
    fn a_forced_payment_counts_whatever_happens_meanwhile() {
        let mut shop = Shop::new();
        shop.order(NO, &[("time_expire", &NOW.plus(60).beijing())]);
        shop.pay(NO, Tender { force: true, ..slowly(90) }).unwrap();
        shop.now = NOW.plus(90);
        assert_eq!(state(&mut shop), "SUCCESS");
    }

    #[test]
    fn a_payment_takes_at_most_a_day() {
        let mut shop = Shop::new();
        let code = Target::of_code(shop.code(NO));
        let pay = |shop: &mut Shop, s| shop.gateway.pay(&code, slowly(s), NOW).map(drop);
        assert_eq!(pay(&mut shop, AFTER_S_MAX + 1), Err(PayError::TooSlow));
        assert_eq!(pay(&mut shop, AFTER_S_MAX), Ok(()));
    }
}
