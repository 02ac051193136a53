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
    /// Makes a refund by hand in the merchant's console, of the order's first payment. Its end is
    /// told to the address that the merchant has set there.
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
        let payment = self.payment(&key, None).cloned();
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
