//! What a person does with a phone: scan, pay, give up. And what a test does that no person can:
//! pay another amount, pay what is closed, keep the notification back.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fault::PaymentFaults;
use super::fields::TOTAL_FEN_MAX;
use super::order::{Coupon, OTHER_CURRENCY, Order, OrderKey, Payment, TradeState, sum};
use super::people::{Method, Person};
use super::slow::{AFTER_S_MAX, Slow, Tell};
use super::{Gateway, numbers};
use crate::time::UnixTime;

/// Why a code cannot be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanRefusal {
    /// The gateway has never given this code out.
    UnknownCode,
    /// A newer code of the same order has replaced it.
    CodeReplaced,
    /// The code is older than two hours.
    CodeExpired,
    /// The order's `time_expire` is over.
    OrderExpired,
    /// The order is closed.
    OrderClosed,
    /// The order is paid.
    OrderPaid,
    /// Somebody else has scanned the order first.
    ScannedByOther,
}

impl ScanRefusal {
    /// One word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownCode => "unknown_code",
            Self::CodeReplaced => "code_replaced",
            Self::CodeExpired => "code_expired",
            Self::OrderExpired => "order_expired",
            Self::OrderClosed => "order_closed",
            Self::OrderPaid => "order_paid",
            Self::ScannedByOther => "scanned_by_other",
        }
    }
}

impl fmt::Display for ScanRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownCode => "this gateway never gave out such a code",
            Self::CodeReplaced => "a newer code of the order has replaced this one",
            Self::CodeExpired => "the code is older than two hours",
            Self::OrderExpired => "the order's time_expire is over",
            Self::OrderClosed => "the order is closed",
            Self::OrderPaid => "the order is paid",
            Self::ScannedByOther => "another person has scanned the order first",
        })
    }
}

/// What the phone shows before it pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The merchant.
    pub mch_id: String,
    /// Its order.
    pub out_trade_no: String,
    /// The shop's name.
    pub shop: String,
    /// What is bought.
    pub body: String,
    /// What it costs, in fen.
    pub total_fen: u64,
    /// Whether it takes no credit card.
    pub no_credit: bool,
    /// The code to pay it by. Of a product's code, and of a short link, it is another one than was
    /// scanned.
    pub code_url: String,
}

/// The order that is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// By a code, as a phone means it.
    Code(String),
    /// By its number, as a test means it; its newest code counts.
    Number {
        /// The merchant; may be left out while only one has such an order.
        mch_id: Option<String>,
        /// The merchant's number of the order.
        out_trade_no: String,
    },
}

impl Target {
    /// The order that this code belongs to.
    pub fn of_code(code_url: impl Into<String>) -> Self {
        Self::Code(code_url.into())
    }

    /// The order with this number, whoever's it is.
    pub fn of_number(out_trade_no: impl Into<String>) -> Self {
        Self::Number { mch_id: None, out_trade_no: out_trade_no.into() }
    }
}

/// How it is paid. The default is what a person does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tender {
    /// Another amount than the order's, in fen.
    pub total_fen: Option<u64>,
    /// Coupons that pay a part.
    pub coupons: Vec<Coupon>,
    /// Whether the merchant is notified. If not, a notification can be sent by hand later.
    pub notify: bool,
    /// Whether to pay what cannot be paid: an order that is closed, expired, paid already or
    /// another person's.
    pub force: bool,
    /// Who pays: `None` for whoever scanned the order first, else [`Person::default`].
    pub person: Option<Person>,
    /// Where the money comes from.
    pub method: Method,
    /// How many seconds pass between the password and the result, at most [`AFTER_S_MAX`]. Until
    /// then the order is not paid, and it may still come to nothing.
    pub after_s: u32,
}

impl Default for Tender {
    fn default() -> Self {
        Self {
            total_fen: None,
            coupons: Vec::new(),
            notify: true,
            force: false,
            person: None,
            method: Method::default(),
            after_s: 0,
        }
    }
}

/// A payment was made, or is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The merchant.
    pub mch_id: String,
    /// Its order.
    pub out_trade_no: String,
    /// WeChat's number of the payment.
    pub transaction_id: String,
    /// What was paid with coupons, in fen.
    pub total_fen: u64,
    /// What was paid without them, in fen.
    pub cash_fen: u64,
    /// When it is paid: later than now when it takes its time.
    pub paid_at: UnixTime,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayError {
    /// No order has this number.
    UnknownOrder,
    /// Orders of several merchants have this number.
    AmbiguousOrder,
    /// The code or its order cannot be paid.
    Refused(ScanRefusal),
    /// The amount is not 1 to [`TOTAL_FEN_MAX`] fen.
    Amount,
    /// The coupons pay more than the amount, one pays nothing, one has no number of 1 to 20 digits,
    /// or there are more than 20.
    Coupons,
    /// The order has no payment of which to notify anybody.
    NotPaid,
    /// The person's purse does not hold as much.
    BalanceTooLow,
    /// The order takes no credit card.
    NoCredit,
    /// The payment would take more than [`AFTER_S_MAX`] seconds.
    TooSlow,
}

impl fmt::Display for PayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOrder => f.write_str("no order has this number"),
            Self::AmbiguousOrder => {
                f.write_str("several merchants have such an order: give mch_id")
            }
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Amount => write!(f, "total_fee must be 1 to {TOTAL_FEN_MAX}"),
            Self::Coupons => f.write_str(
                "at most 20 coupons, each with an id of 1 to 20 digits and a fee of at least 1, \
                 together at most the total",
            ),
            Self::NotPaid => f.write_str("the order is not paid"),
            Self::BalanceTooLow => f.write_str("the balance is too low: pay with a card"),
            Self::NoCredit => f.write_str("the order takes no credit card"),
            Self::TooSlow => write!(f, "after_s must be 0 to {AFTER_S_MAX}"),
        }
    }
}

impl std::error::Error for PayError {}

/// The most coupons of one payment.
const COUPONS_MAX: usize = 20;

impl Gateway {
    /// What a phone sees when it scans this code: the phone of whoever scanned the order first,
    /// else of [`Person::default`].
    ///
    /// # Errors
    ///
    /// Why the code cannot be paid.
    pub fn scan(&mut self, code_url: &str, now: UnixTime) -> Result<Scanned, ScanRefusal> {
        let order = self.codes.get(self.links.meaning(code_url));
        let order = order.and_then(|key| self.orders.get(key));
        let person = order.and_then(|order| order.scanned_by.clone()).unwrap_or_default();
        self.scan_as(&person, code_url, now)
    }

    /// What this person's phone sees when it scans this code. Whoever scans an order first binds
    /// it: nobody else can pay it (`docs/protocol.md` §4).
    ///
    /// # Errors
    ///
    /// Why the code cannot be paid.
    pub fn scan_as(
        &mut self,
        person: &Person,
        code_url: &str,
        now: UnixTime,
    ) -> Result<Scanned, ScanRefusal> {
        self.settle(now);
        let code_url = self.links.meaning(code_url);
        let key = self.codes.get(code_url).cloned().ok_or(ScanRefusal::UnknownCode)?;
        let order = self.orders.get_mut(&key).ok_or(ScanRefusal::UnknownCode)?;
        let bound = order.scanned_by.as_ref().is_some_and(|first| first != person);
        let refusal = not_payable(order, Some(code_url), now);
        let refusal = refusal.or_else(|| bound.then_some(ScanRefusal::ScannedByOther));
        if refusal.is_none() {
            order.scanned_by = Some(person.clone());
        }
        let merchant = self.merchants.get(&key.mch_id);
        let scanned = Scanned {
            mch_id: key.mch_id.clone(),
            out_trade_no: key.out_trade_no.clone(),
            shop: merchant.map(|merchant| merchant.shop.clone()).unwrap_or_default(),
            body: order.body.clone(),
            total_fen: order.total_fen,
            no_credit: order.no_credit(),
            code_url: code_url.to_owned(),
        };
        self.log_phone(&key, "scan", refusal.map(ScanRefusal::as_str), now);
        refusal.map_or(Ok(scanned), Err)
    }

    /// Pays. The merchant's notification is due at once, unless the tender says otherwise.
    ///
    /// # Errors
    ///
    /// Why nothing was paid; nothing has changed then.
    pub fn pay(
        &mut self,
        target: &Target,
        tender: Tender,
        now: UnixTime,
    ) -> Result<Paid, PayError> {
        self.settle(now);
        self.pay_now(target, tender, now)
    }

    /// The same, when all that ends before has ended.
    pub(super) fn pay_now(
        &mut self,
        target: &Target,
        tender: Tender,
        now: UnixTime,
    ) -> Result<Paid, PayError> {
        let key = if tender.force { self.find(target)? } else { self.payable(target, now)? };
        let (person, total_fen) = self.check(&key, &tender)?;
        let faults = self.payment_faults(&key, now);
        let again = faults.twice.then(|| Tender { force: true, ..tender.clone() });
        let paid = self.begin_payment(&key, &person, total_fen, tender, &faults, now)?;
        if let Some(tender) = again {
            self.begin_payment(&key, &person, total_fen, tender, &faults, now)?;
        }
        Ok(paid)
    }

    /// The password is typed: the payment is made, at once or when its time has come.
    fn begin_payment(
        &mut self,
        key: &OrderKey,
        person: &Person,
        total_fen: u64,
        tender: Tender,
        faults: &PaymentFaults,
        now: UnixTime,
    ) -> Result<Paid, PayError> {
        let transaction_id = self.new_transaction(key, now);
        let order = self.orders.get_mut(key).ok_or(PayError::UnknownOrder)?;
        order.scanned_by.get_or_insert_with(|| person.clone());
        let openid = self.people.openid(person, &order.appid, &mut self.random);
        let tell = Tell { notify: tender.notify, nonce: numbers::nonce(&mut self.random) };
        let (total_fen, coupons) = match faults.total_fen {
            // Coupons of another amount might pay more than it.
            Some(other_fen) => (other_fen, Vec::new()),
            None => (total_fen, tender.coupons),
        };
        let fee_type = if faults.other_currency { OTHER_CURRENCY } else { "CNY" };
        let paid_at = now.plus(i64::from(tender.after_s));
        let lags_until = faults.lags_s.map(|lags_s| paid_at.plus(lags_s));
        order.lags_until = order.lags_until.max(lags_until);
        let (person, method) = (person.clone(), tender.method);
        let payment = Payment {
            transaction_id,
            total_fen,
            coupons,
            person,
            openid,
            method,
            fee_type,
            paid_at,
        };
        let paid = Paid {
            mch_id: key.mch_id.clone(),
            out_trade_no: key.out_trade_no.clone(),
            transaction_id: payment.transaction_id.clone(),
            total_fen,
            cash_fen: payment.cash_fen(),
            paid_at,
        };
        if tender.after_s == 0 {
            self.complete(key, payment, tell);
        } else {
            self.slow.push(key.clone(), &payment);
            order.paying.push(Slow { payment, tell, force: tender.force });
            self.log_phone(key, "password", None, now);
        }
        Ok(paid)
    }

    /// Who pays how much, if it can be done.
    fn check(&self, key: &OrderKey, tender: &Tender) -> Result<(Person, u64), PayError> {
        let order = self.orders.get(key).ok_or(PayError::UnknownOrder)?;
        let first = order.scanned_by.as_ref();
        let person = tender.person.as_ref().or(first).cloned().unwrap_or_default();
        if !tender.force && first.is_some_and(|first| *first != person) {
            return Err(PayError::Refused(ScanRefusal::ScannedByOther));
        }
        let total_fen = tender.total_fen.unwrap_or(order.total_fen);
        if !(1..=TOTAL_FEN_MAX).contains(&total_fen) {
            return Err(PayError::Amount);
        }
        if !coupons_fit(&tender.coupons, total_fen) {
            return Err(PayError::Coupons);
        }
        if tender.after_s > AFTER_S_MAX {
            return Err(PayError::TooSlow);
        }
        let cash_fen = total_fen.saturating_sub(sum(tender.coupons.iter()));
        match tender.method {
            Method::CreditCard if order.no_credit() => Err(PayError::NoCredit),
            Method::Balance if !self.people.has(&person, cash_fen) => Err(PayError::BalanceTooLow),
            Method::Balance | Method::DebitCard | Method::CreditCard => Ok((person, total_fen)),
        }
    }

    /// Looks at an order that could be paid, and does not pay. The order stays as it is.
    ///
    /// # Errors
    ///
    /// Why the order could not be looked at.
    pub fn cancel(&mut self, target: &Target, now: UnixTime) -> Result<OrderKey, PayError> {
        self.settle(now);
        let key = self.payable(target, now)?;
        if let Some(order) = self.orders.get_mut(&key) {
            order.cancels = order.cancels.saturating_add(1);
        }
        self.log_phone(&key, "cancel", None, now);
        Ok(key)
    }

    /// Sends the notification of an order's newest payment `copies` times more, all at once.
    ///
    /// # Errors
    ///
    /// When there is no such order, or no payment of it.
    pub fn send_again(&mut self, target: &Target, copies: u32) -> Result<(), PayError> {
        let key = self.find(target)?;
        let payments = self.orders.get(&key).map(|order| order.payments.as_slice());
        let payment = payments.and_then(<[Payment]>::last).ok_or(PayError::NotPaid)?;
        self.notices.send_now(&payment.transaction_id, copies);
        Ok(())
    }

    /// The order that is meant, in whatever state.
    pub(super) fn find(&self, target: &Target) -> Result<OrderKey, PayError> {
        match target {
            Target::Code(code_url) => {
                let key = self.codes.get(self.links.meaning(code_url)).cloned();
                key.ok_or(PayError::Refused(ScanRefusal::UnknownCode))
            }
            Target::Number { mch_id, out_trade_no } => {
                let meant =
                    |key: &OrderKey| mch_id.as_ref().is_none_or(|mch_id| key.mch_id == *mch_id);
                let mut keys = self.index.numbered(out_trade_no).filter(meant);
                match (keys.next(), keys.next()) {
                    (Some(key), None) => Ok(key),
                    (Some(_), Some(_)) => Err(PayError::AmbiguousOrder),
                    (None, _) => Err(PayError::UnknownOrder),
                }
            }
        }
    }

    /// The order that is meant, when it can be paid.
    fn payable(&self, target: &Target, now: UnixTime) -> Result<OrderKey, PayError> {
        let key = self.find(target)?;
        let order = self.orders.get(&key).ok_or(PayError::UnknownOrder)?;
        let code_url = match target {
            Target::Code(code_url) => Some(self.links.meaning(code_url)),
            Target::Number { .. } => None,
        };
        match not_payable(order, code_url, now) {
            Some(refusal) => Err(PayError::Refused(refusal)),
            None => Ok(key),
        }
    }

    fn new_transaction(&mut self, key: &OrderKey, now: UnixTime) -> String {
        loop {
            let transaction_id = numbers::transaction_id(&mut self.random, now);
            if !self.transactions.contains_key(&transaction_id) {
                self.transactions.insert(transaction_id.clone(), key.clone());
                return transaction_id;
            }
        }
    }
}

/// Why an order cannot be paid, by this code or by its newest one.
pub(super) fn not_payable(
    order: &Order,
    code_url: Option<&str>,
    now: UnixTime,
) -> Option<ScanRefusal> {
    match order.state(now) {
        TradeState::Success | TradeState::Refund => return Some(ScanRefusal::OrderPaid),
        TradeState::Closed => return Some(ScanRefusal::OrderClosed),
        TradeState::NotPay => {}
    }
    if code_url.is_some_and(|code_url| code_url != order.code.url) {
        Some(ScanRefusal::CodeReplaced)
    } else if order.is_expired(now) {
        Some(ScanRefusal::OrderExpired)
    } else if now >= order.code_ends_at() {
        Some(ScanRefusal::CodeExpired)
    } else {
        None
    }
}

fn coupons_fit(coupons: &[Coupon], total_fen: u64) -> bool {
    let fits = |coupon: &Coupon| {
        let digits = coupon.id.bytes().all(|byte| byte.is_ascii_digit());
        digits && (1..=20).contains(&coupon.id.len()) && coupon.fee_fen >= 1
    };
    coupons.len() <= COUPONS_MAX && coupons.iter().all(fits) && sum(coupons.iter()) <= total_fen
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, OTHER_MCH_ID, Shop};
    use super::*;

    const NO: &str = "SM20261123000001";

    fn refused(shop: &mut Shop, target: &Target) -> ScanRefusal {
        match shop.gateway.pay(target, Tender::default(), shop.now) {
            Err(PayError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_phone_sees_shop_goods_and_amount() {
        let mut shop = Shop::new();
        let code = shop.code(NO);
        let scanned = shop.gateway.scan(&code, NOW).unwrap();
        assert_eq!(scanned.shop, "扫码示例店");
        assert_eq!(scanned.body, "扫码示例店-美式咖啡");
        assert_eq!(scanned.total_fen, 1800);
    }

    #[test]
    fn a_code_is_paid_once() {
        let mut shop = Shop::new();
        let code = Target::of_code(shop.code(NO));
        let paid = shop.gateway.pay(&code, Tender::default(), NOW).unwrap();
        assert_eq!((paid.total_fen, paid.cash_fen), (1800, 1800));
        assert!(paid.transaction_id.starts_with("4200"));
        assert_eq!(refused(&mut shop, &code), ScanRefusal::OrderPaid);
        assert_eq!(refused(&mut shop, &Target::of_number(NO)), ScanRefusal::OrderPaid);
    }

    #[test]
    fn an_unknown_code_is_refused() {
        let mut shop = Shop::new();
        let code = Target::of_code("weixin://wxpay/bizpayurl?pr=unknown");
        assert_eq!(refused(&mut shop, &code), ScanRefusal::UnknownCode);
        assert_eq!(
            shop.gateway.pay(&code, Tender { force: true, ..Tender::default() }, NOW),
            Err(PayError::Refused(ScanRefusal::UnknownCode)),
            "nobody can force what was never ordered"
        );
    }

    #[test]
    fn an_old_code_does_not_pay_and_the_newest_does() {
        let mut shop = Shop::new();
        let (old, new) = (shop.code(NO), shop.code(NO));
        assert_eq!(refused(&mut shop, &Target::of_code(old)), ScanRefusal::CodeReplaced);
        shop.gateway.pay(&Target::of_code(new), Tender::default(), NOW).unwrap();
    }

    #[test]
    fn a_code_of_two_hours_does_not_pay() {
        let mut shop = Shop::new();
        let code = Target::of_code(shop.code(NO));
        shop.now = NOW.plus(7200);
        assert_eq!(refused(&mut shop, &code), ScanRefusal::CodeExpired);
    }

    #[test]
    fn time_expire_stops_the_payment_to_the_second() {
        let mut shop = Shop::new();
        let end = NOW.plus(60).beijing();
        shop.order(NO, &[("time_expire", &end)]);
        let target = Target::of_number(NO);
        shop.now = NOW.plus(60);
        assert_eq!(refused(&mut shop, &target), ScanRefusal::OrderExpired);
        shop.now = NOW.plus(59);
        shop.pay(NO, Tender::default()).unwrap();
    }

    #[test]
    fn a_closed_order_does_not_pay_unless_forced() {
        let mut shop = Shop::new();
        let code = Target::of_code(shop.code(NO));
        shop.now = NOW.plus(300);
        shop.close(NO);
        assert_eq!(refused(&mut shop, &code), ScanRefusal::OrderClosed);
        let force = Tender { force: true, ..Tender::default() };
        shop.gateway.pay(&code, force, shop.now).unwrap();
        assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"), "paid after close");
    }

    #[test]
    fn another_amount_is_paid_when_a_test_wants_it() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.pay(NO, Tender { total_fen: Some(1), ..Tender::default() }).unwrap();
        assert_eq!(shop.query(NO).get("total_fee"), Some("1"));
        let body = shop.gateway.poll(NOW).send.pop().unwrap().body;
        assert!(body.contains("<total_fee>1</total_fee>"), "{body}");
    }

    #[test]
    fn amounts_and_coupons_that_cannot_be_are_refused() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        for total_fen in [0, TOTAL_FEN_MAX + 1, u64::MAX] {
            let tender = Tender { total_fen: Some(total_fen), ..Tender::default() };
            assert_eq!(shop.pay(NO, tender), Err(PayError::Amount));
        }
        let coupon = |id: &str, fee_fen| Coupon { id: id.into(), fee_fen, kind: None };
        for coupons in [
            vec![coupon("1", 1801)],
            vec![coupon("1", 900), coupon("2", 901)],
            vec![coupon("1", u64::MAX), coupon("2", u64::MAX)],
            vec![coupon("1", 0)],
            vec![coupon("", 1)],
            vec![coupon("x", 1)],
            vec![coupon("123456789012345678901", 1)],
            vec![coupon("1", 1); 21],
        ] {
            let tender = Tender { coupons, ..Tender::default() };
            assert_eq!(shop.pay(NO, tender), Err(PayError::Coupons));
        }
        assert_eq!(shop.query(NO).get("trade_state"), Some("NOTPAY"), "nothing has changed");
        shop.pay(NO, Tender { coupons: vec![coupon("1", 1800)], ..Tender::default() }).unwrap();
        assert_eq!(shop.query(NO).get("cash_fee"), Some("0"));
    }

    #[test]
    fn giving_up_leaves_the_order_to_be_paid_later() {
        let mut shop = Shop::new();
        let code = Target::of_code(shop.code(NO));
        shop.gateway.cancel(&code, NOW).unwrap();
        assert_eq!(shop.gateway.orders(NOW)[0].cancels, 1);
        assert_eq!(shop.query(NO).get("trade_state"), Some("NOTPAY"));
        shop.gateway.pay(&code, Tender::default(), NOW).unwrap();
        let paid = PayError::Refused(ScanRefusal::OrderPaid);
        assert_eq!(shop.gateway.cancel(&code, NOW), Err(paid));
    }

    #[test]
    fn a_number_that_two_merchants_use_must_come_with_the_merchant() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.other_merchant().order(NO, &[]);
        assert_eq!(shop.pay(NO, Tender::default()), Err(PayError::AmbiguousOrder));
        let target = Target::Number { mch_id: Some(OTHER_MCH_ID.into()), out_trade_no: NO.into() };
        let paid = shop.gateway.pay(&target, Tender::default(), NOW).unwrap();
        assert_eq!(paid.mch_id, OTHER_MCH_ID);
        assert_eq!(shop.pay("unknown", Tender::default()), Err(PayError::UnknownOrder));
    }

    #[test]
    fn one_person_has_one_openid_under_each_appid() {
        let mut shop = Shop::new();
        let openid = |shop: &mut Shop, no| {
            shop.order(no, &[]);
            shop.pay(no, Tender::default()).unwrap();
            shop.query(no).get("openid").unwrap().to_owned()
        };
        let first = openid(&mut shop, "SM20261123000001");
        assert_eq!(openid(&mut shop, "SM20261123000002"), first);
        shop.other_merchant();
        assert_ne!(openid(&mut shop, "SM20261123000003"), first);
    }

    #[test]
    fn what_is_not_paid_is_not_notified() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        let again = shop.gateway.send_again(&Target::of_number(NO), 1);
        assert_eq!(again, Err(PayError::NotPaid));
    }
}
