//! What a person does with a phone: scan, pay, give up. And what a test does that no person can:
//! pay another amount, pay what is closed, keep the notification back.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fields::TOTAL_FEN_MAX;
use super::order::{Coupon, Order, OrderKey, Payment, TradeState, sum};
use super::{Gateway, notice, numbers};
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
    /// Whether to pay what cannot be paid: an order that is closed, expired or paid already.
    pub force: bool,
}

impl Default for Tender {
    fn default() -> Self {
        Self { total_fen: None, coupons: Vec::new(), notify: true, force: false }
    }
}

/// A payment was made.
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
        }
    }
}

impl std::error::Error for PayError {}

/// The most coupons of one payment.
const COUPONS_MAX: usize = 20;

impl Gateway {
    /// What a phone sees when it scans this code.
    ///
    /// # Errors
    ///
    /// Why the code cannot be paid.
    pub fn scan(&self, code_url: &str, now: UnixTime) -> Result<Scanned, ScanRefusal> {
        let order = self.codes.get(code_url).and_then(|key| self.orders.get(key));
        let order = order.ok_or(ScanRefusal::UnknownCode)?;
        if let Some(refusal) = not_payable(order, Some(code_url), now) {
            return Err(refusal);
        }
        let merchant = self.merchants.get(&order.key.mch_id);
        Ok(Scanned {
            mch_id: order.key.mch_id.clone(),
            out_trade_no: order.key.out_trade_no.clone(),
            shop: merchant.map(|merchant| merchant.shop.clone()).unwrap_or_default(),
            body: order.body.clone(),
            total_fen: order.total_fen,
        })
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
        let key = if tender.force { self.find(target)? } else { self.payable(target, now)? };
        let order_fen = self.orders.get(&key).ok_or(PayError::UnknownOrder)?.total_fen;
        let total_fen = tender.total_fen.unwrap_or(order_fen);
        if !(1..=TOTAL_FEN_MAX).contains(&total_fen) {
            return Err(PayError::Amount);
        }
        if !coupons_fit(&tender.coupons, total_fen) {
            return Err(PayError::Coupons);
        }
        let transaction_id = self.new_transaction(&key, now);
        let openid = self.openid(&key);
        let nonce = numbers::nonce(&mut self.random);
        let coupons = tender.coupons;
        let payment = Payment { transaction_id, total_fen, coupons, openid, paid_at: now };
        let paid = Paid {
            mch_id: key.mch_id.clone(),
            out_trade_no: key.out_trade_no.clone(),
            transaction_id: payment.transaction_id.clone(),
            total_fen,
            cash_fen: payment.cash_fen(),
        };
        let order = self.orders.get_mut(&key).ok_or(PayError::UnknownOrder)?;
        let merchant = self.merchants.get(&key.mch_id).ok_or(PayError::UnknownOrder)?;
        let body = notice::body(order, &payment, merchant, nonce);
        self.notices.add(order, &payment, body, tender.notify.then_some(now));
        order.payments.push(payment);
        Ok(paid)
    }

    /// Looks at an order that could be paid, and does not pay. The order stays as it is.
    ///
    /// # Errors
    ///
    /// Why the order could not be looked at.
    pub fn cancel(&mut self, target: &Target, now: UnixTime) -> Result<OrderKey, PayError> {
        let key = self.payable(target, now)?;
        if let Some(order) = self.orders.get_mut(&key) {
            order.cancels = order.cancels.saturating_add(1);
        }
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
    fn find(&self, target: &Target) -> Result<OrderKey, PayError> {
        match target {
            Target::Code(code_url) => {
                let key = self.codes.get(code_url).cloned();
                key.ok_or(PayError::Refused(ScanRefusal::UnknownCode))
            }
            Target::Number { mch_id, out_trade_no } => {
                let meant = |key: &&OrderKey| {
                    key.out_trade_no == *out_trade_no
                        && mch_id.as_ref().is_none_or(|mch_id| key.mch_id == *mch_id)
                };
                let mut keys = self.orders.keys().filter(meant);
                match (keys.next(), keys.next()) {
                    (Some(key), None) => Ok(key.clone()),
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
            Target::Code(code_url) => Some(code_url.as_str()),
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

    fn openid(&mut self, key: &OrderKey) -> String {
        let appid = self.orders.get(key).map(|order| order.appid.clone()).unwrap_or_default();
        let random = &mut self.random;
        self.openids.entry(appid).or_insert_with(|| numbers::openid(random)).clone()
    }
}

/// Why an order cannot be paid, by this code or by its newest one.
pub(super) fn not_payable(
    order: &Order,
    code_url: Option<&str>,
    now: UnixTime,
) -> Option<ScanRefusal> {
    match order.state(now) {
        TradeState::Success => return Some(ScanRefusal::OrderPaid),
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
