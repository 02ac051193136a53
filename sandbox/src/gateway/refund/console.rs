//! What is done to refunds in the merchant's console, and by tests: a refund by hand, and how
//! refunds end.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::fields::TOTAL_FEN_MAX;
use super::super::order::Payment;
use super::super::phone::{PayError, Target};
use super::super::refusal::{Code, Refusal};
use super::super::{Gateway, RefundView, numbers};
use super::life::Asked;
use super::{Ending, RefundAccount, Source};
use crate::time::UnixTime;

/// A refund made by hand in the merchant's console: the merchant's server has never heard of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleRefund {
    /// Which payment goes back; `None` for the order's first.
    pub transaction_id: Option<String>,
    /// How much goes back, in fen; `None` for all that is left.
    pub refund_fen: Option<u64>,
    /// Its number: 1 to 64 letters, digits, `_`, `-`, `|`, `*` and `@`. `None` for one that the
    /// console makes.
    pub out_refund_no: Option<String>,
    /// Where the money comes from.
    pub account: RefundAccount,
    /// Why, for the customer: 1 to 80 bytes.
    pub desc: Option<String>,
}

/// The refunds that are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundTarget {
    /// All refunds of an order, those to come too.
    Order(Target),
    /// The refund with this number, also when it is still to come.
    Number {
        /// The merchant; may be left out while there is one.
        mch_id: Option<String>,
        /// The merchant's number of the refund.
        out_refund_no: String,
    },
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundError {
    /// The order cannot be found.
    Order(PayError),
    /// There is no such merchant.
    UnknownMerchant,
    /// There are several merchants, and none is named.
    AmbiguousMerchant,
    /// No refund has this number.
    UnknownRefund,
    /// The refund has ended already.
    Ended,
    /// The amount is not 1 to [`TOTAL_FEN_MAX`] fen.
    Amount,
    /// The number or the reason does not have its form.
    Field(&'static str),
    /// The number is another refund's.
    NumberUsed,
    /// The gateway refuses it, as it would refuse the call.
    Refused {
        /// With this code.
        code: Code,
        /// With these words.
        text: String,
    },
}

impl fmt::Display for RefundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(error) => error.fmt(f),
            Self::UnknownMerchant => f.write_str("no merchant has this number"),
            Self::AmbiguousMerchant => f.write_str("there are several merchants: give mch_id"),
            Self::UnknownRefund => f.write_str("no refund has this number"),
            Self::Ended => f.write_str("the refund has ended already"),
            Self::Amount => write!(f, "refund_fee must be 1 to {TOTAL_FEN_MAX}"),
            Self::Field(name) => write!(f, "{name} is too long, too short or of another form"),
            Self::NumberUsed => f.write_str("another refund has this number"),
            Self::Refused { code, text } => write!(f, "{}: {text}", code.as_str()),
        }
    }
}

impl std::error::Error for RefundError {}

impl From<PayError> for RefundError {
    fn from(error: PayError) -> Self {
        Self::Order(error)
    }
}

impl From<Refusal> for RefundError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.code, text: refusal.text }
    }
}

impl ConsoleRefund {
    fn check(&self) -> Result<(), RefundError> {
        let no_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte);
        let is_no = |no: &String| (1..=64).contains(&no.len()) && no.bytes().all(no_byte);
        if self.out_refund_no.as_ref().is_some_and(|no| !is_no(no)) {
            return Err(RefundError::Field("out_refund_no"));
        }
        let is_desc =
            |desc: &String| (1..=80).contains(&desc.len()) && !desc.chars().any(char::is_control);
        if self.desc.as_ref().is_some_and(|desc| !is_desc(desc)) {
            return Err(RefundError::Field("refund_desc"));
        }
        Ok(())
    }
}

impl Gateway {
    /// Makes a refund by hand in the merchant's console. Its end is told to the address that the
    /// merchant has set there.
    ///
    /// # Errors
    ///
    /// Why there is no refund.
    pub fn refund_by_hand(
        &mut self,
        target: &Target,
        refund: ConsoleRefund,
        now: UnixTime,
    ) -> Result<RefundView, RefundError> {
        self.settle(now);
        refund.check()?;
        let key = self.find(target)?;
        let payment = self.payment(&key, refund.transaction_id.as_deref()).cloned();
        let payment = payment.ok_or(RefundError::Order(PayError::NotPaid))?;
        let refund_fen = refund.refund_fen.unwrap_or_else(|| self.left_fen(&payment));
        if !(1..=TOTAL_FEN_MAX).contains(&refund_fen) {
            return Err(RefundError::Amount);
        }
        let out_refund_no = refund
            .out_refund_no
            .unwrap_or_else(|| numbers::console_refund_no(&mut self.random, now));
        if self.refunds.numbered(&key.mch_id, &out_refund_no).is_some() {
            return Err(RefundError::NumberUsed);
        }
        let asked = Asked {
            out_refund_no,
            refund_fen,
            account: refund.account,
            desc: refund.desc,
            notify_url: None,
            source: Source::Console,
        };
        let refund_id = self.accept(&key, &payment, asked, now)?;
        self.refund_view(&refund_id).ok_or(RefundError::UnknownRefund)
    }

    /// What is left to give back; of a payment that has gone back as a whole all of it, so that
    /// the refusal says so.
    fn left_fen(&self, payment: &Payment) -> u64 {
        match payment.total_fen.saturating_sub(self.refunds.refunded_fen(payment)) {
            0 => payment.total_fen,
            left_fen => left_fen,
        }
    }

    /// Says how refunds will end: those under way, and those to come.
    ///
    /// # Errors
    ///
    /// When the order or the merchant is not found, or the refund with this number has ended.
    pub fn plan_refund(
        &mut self,
        target: &RefundTarget,
        ending: Ending,
        now: UnixTime,
    ) -> Result<(), RefundError> {
        self.settle(now);
        match target {
            RefundTarget::Order(target) => {
                let key = self.find(target)?;
                let payments = self.orders.get(&key).map(|order| order.payments.as_slice());
                for payment in payments.unwrap_or_default() {
                    self.refunds.plan_payment(&payment.transaction_id, ending);
                }
                self.refunds.order_endings.insert(key, ending);
            }
            RefundTarget::Number { mch_id, out_refund_no } => {
                let mch_id = self.merchant_meant(mch_id.as_deref())?;
                self.refunds.plan_number((mch_id, out_refund_no.clone()), ending)?;
            }
        }
        Ok(())
    }

    /// Ends a refund that is under way, now: as was said before, or as is said here.
    ///
    /// # Errors
    ///
    /// When it is not found, or has ended.
    pub fn end_refund(
        &mut self,
        mch_id: Option<&str>,
        out_refund_no: &str,
        ending: Option<Ending>,
        now: UnixTime,
    ) -> Result<RefundView, RefundError> {
        self.settle(now);
        let mch_id = self.merchant_meant(mch_id)?;
        let refund = self.refunds.numbered(&mch_id, out_refund_no);
        let refund = refund.ok_or(RefundError::UnknownRefund)?;
        if refund.ended_at.is_some() {
            return Err(RefundError::Ended);
        }
        let (refund_id, ending) = (refund.refund_id.clone(), ending.unwrap_or(refund.ending));
        self.end(&refund_id, ending, now);
        self.refund_view(&refund_id).ok_or(RefundError::UnknownRefund)
    }

    /// Sends the notification of a refund's end `copies` times more, all at once.
    ///
    /// # Errors
    ///
    /// When the refund is not found, or nobody is told of its end: it has not ended, or there is no
    /// address.
    pub fn send_refund_again(
        &mut self,
        mch_id: Option<&str>,
        out_refund_no: &str,
        copies: u32,
    ) -> Result<(), RefundError> {
        let mch_id = self.merchant_meant(mch_id)?;
        let refund = self.refunds.numbered(&mch_id, out_refund_no);
        let refund_id = refund.ok_or(RefundError::UnknownRefund)?.refund_id.clone();
        self.notices.of(&refund_id).ok_or(RefundError::UnknownRefund)?;
        self.notices.send_now(&refund_id, copies);
        Ok(())
    }

    /// The merchant that is meant: the one that is named, or the only one.
    pub(in crate::gateway) fn merchant_meant(
        &self,
        mch_id: Option<&str>,
    ) -> Result<String, RefundError> {
        let mut known = self.merchants.keys();
        match (mch_id, known.next(), known.next()) {
            (Some(mch_id), _, _) if self.merchants.contains_key(mch_id) => Ok(mch_id.to_owned()),
            (None, Some(only), None) => Ok(only.clone()),
            (None, Some(_), Some(_)) => Err(RefundError::AmbiguousMerchant),
            (Some(_), _, _) | (None, None, _) => Err(RefundError::UnknownMerchant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{APPID, KEY, MCH_ID, NOW, Shop};
    use super::super::super::{RefundEnd, Rules, Tender};
    use super::*;
    use crate::merchant::Merchant;
    use crate::seal;
    use crate::xml::Document;

    const NO: &str = "SM20261123000001";

    fn paid() -> Shop {
        let mut shop = Shop::new();
        shop.paid(NO, Tender { notify: false, ..Tender::default() });
        shop
    }

    fn by_hand(shop: &mut Shop, refund: ConsoleRefund) -> Result<RefundView, RefundError> {
        shop.gateway.refund_by_hand(&Target::of_number(NO), refund, shop.now)
    }

    #[test]
    fn a_refund_by_hand_has_a_number_that_the_shop_never_gave() {
        let merchant = Merchant {
            refund_notify_url: Some("https://pay.example.com/refunds".into()),
            ..Merchant::new(MCH_ID, APPID, KEY, "扫码示例店").unwrap()
        };
        let key = merchant.key.clone();
        let mut shop = Shop::new();
        shop.gateway = Gateway::new(Rules::default(), [merchant], 1);
        shop.paid(NO, Tender { notify: false, ..Tender::default() });
        let view = by_hand(&mut shop, ConsoleRefund::default()).unwrap();
        assert_eq!((view.refund_fee, view.refund_request_source), (1800, "VENDOR_PLATFORM"));
        let number = view.out_refund_no.as_str();
        assert!(number.starts_with("VP20261123192600"), "{number}");
        let query = shop.refund_query(&[("out_trade_no", NO)]).unwrap();
        assert_eq!(query.get("out_refund_no_0"), Some(number));
        assert_eq!(shop.query(NO).get("trade_state"), Some("REFUND"));
        shop.now = NOW.plus(5);
        let told = shop.gateway.poll(shop.now).send.pop().unwrap();
        assert_eq!(told.url, "https://pay.example.com/refunds", "the merchant's address");
        let outer = Document::read(told.body.as_bytes()).unwrap();
        let content = seal::open(outer.get("req_info").unwrap(), &key).unwrap();
        assert!(content.contains("<refund_request_source><![CDATA[VENDOR_PLATFORM]]>"));
    }

    #[test]
    fn a_part_goes_back_by_hand_and_then_what_is_left() {
        let mut shop = paid();
        let part = ConsoleRefund {
            refund_fen: Some(500),
            out_refund_no: Some("H1".into()),
            desc: Some("少一杯".into()),
            ..ConsoleRefund::default()
        };
        let view = by_hand(&mut shop, part.clone()).unwrap();
        assert_eq!((view.refund_fee, view.refund_desc.as_deref()), (500, Some("少一杯")));
        assert_eq!(by_hand(&mut shop, part), Err(RefundError::NumberUsed));
        assert_eq!(by_hand(&mut shop, ConsoleRefund::default()).unwrap().refund_fee, 1300);
        let again = by_hand(&mut shop, ConsoleRefund::default()).unwrap_err();
        assert_eq!(again.to_string(), "ERROR: 订单已全额退款");
    }

    #[test]
    fn of_an_order_that_was_paid_twice_either_payment_goes_back_by_hand() {
        let mut shop = paid();
        let tender = Tender { notify: false, force: true, ..Tender::default() };
        let second = shop.pay(NO, tender).unwrap().transaction_id;
        let of = |id: &str| ConsoleRefund {
            transaction_id: Some(id.to_owned()),
            ..ConsoleRefund::default()
        };
        by_hand(&mut shop, of(&second)).unwrap();
        let refunds = |shop: &Shop| {
            let order = shop.gateway.orders(NOW).remove(0);
            order.payments.iter().map(|payment| payment.refunds.len()).collect::<Vec<_>>()
        };
        assert_eq!(refunds(&shop), [0, 1]);
        let unknown = by_hand(&mut shop, of("4200"));
        assert_eq!(unknown, Err(RefundError::Order(PayError::NotPaid)));
        by_hand(&mut shop, ConsoleRefund::default()).unwrap();
        assert_eq!(refunds(&shop), [1, 1]);
    }

    #[test]
    fn what_cannot_be_refunded_by_hand_is_refused() {
        let mut shop = Shop::new();
        let unknown = by_hand(&mut shop, ConsoleRefund::default());
        assert_eq!(unknown, Err(RefundError::Order(PayError::UnknownOrder)));
        shop.order(NO, &[]);
        let unpaid = by_hand(&mut shop, ConsoleRefund::default());
        assert_eq!(unpaid, Err(RefundError::Order(PayError::NotPaid)));
        let mut shop = paid();
        let no = |no: &str| ConsoleRefund {
            out_refund_no: Some(no.to_owned()),
            ..ConsoleRefund::default()
        };
        for bad in ["", "R 1", "R.1", &"R".repeat(65)] {
            assert_eq!(by_hand(&mut shop, no(bad)), Err(RefundError::Field("out_refund_no")));
        }
        let desc = Some("少".repeat(27));
        let long = ConsoleRefund { desc, ..ConsoleRefund::default() };
        assert_eq!(by_hand(&mut shop, long), Err(RefundError::Field("refund_desc")));
        let nothing = ConsoleRefund { refund_fen: Some(0), ..ConsoleRefund::default() };
        assert_eq!(by_hand(&mut shop, nothing), Err(RefundError::Amount));
        shop.gateway.set_funds(Some(MCH_ID), Some(0), None).unwrap();
        let refused = by_hand(&mut shop, ConsoleRefund::default()).unwrap_err();
        assert!(matches!(refused, RefundError::Refused { code: Code::NotEnough, .. }));
        assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"), "nothing has changed");
    }

    #[test]
    fn of_several_merchants_one_must_be_named() {
        let mut shop = paid();
        assert_eq!(shop.gateway.funds(None), Err(RefundError::AmbiguousMerchant));
        assert_eq!(shop.gateway.funds(Some("1")), Err(RefundError::UnknownMerchant));
        let target = RefundTarget::Number { mch_id: None, out_refund_no: "R1".into() };
        let planned = shop.gateway.plan_refund(&target, Ending::default(), NOW);
        assert_eq!(planned, Err(RefundError::AmbiguousMerchant));
    }

    #[test]
    fn what_is_said_of_a_number_counts_before_what_is_said_of_its_order() {
        let mut shop = paid();
        let order = RefundTarget::Order(Target::of_number(NO));
        let number =
            RefundTarget::Number { mch_id: Some(MCH_ID.into()), out_refund_no: "R2".into() };
        let ends = |end| Ending { end, ..Ending::default() };
        shop.refund(NO, "R1", 1, &[]).unwrap();
        shop.gateway.plan_refund(&order, ends(RefundEnd::Closed), NOW).unwrap();
        shop.gateway.plan_refund(&number, ends(RefundEnd::Change), NOW).unwrap();
        for (number, after_s) in [("R2", 60), ("R3", 120)] {
            shop.now = NOW.plus(after_s);
            shop.refund(NO, number, 1, &[]).unwrap();
        }
        shop.gateway.poll(NOW.plus(1000));
        let refunds = &shop.gateway.orders(shop.now)[0].payments[0].refunds;
        let states: Vec<_> = refunds.iter().map(|refund| refund.refund_status).collect();
        assert_eq!(states, ["REFUNDCLOSE", "CHANGE", "REFUNDCLOSE"], "also what was under way");
    }
}
