//! 查询退款, refund query (protocol §8).

use super::answer::{Opened, open};
use super::coupon::Coupons;
use super::fields::{FieldError, Fields, Name, count, invalid, other};
use super::refund::{REFUNDS_MAX, RefundAccount};
use super::request::{document, who};
use super::{AnswerError, Merchant, PaymentNo, Refusal, RequestError};
use crate::ids::{OutRefundNo, OutTradeNo, RefundId, TransactionId};
use crate::money::Fen;
use crate::sign::SignType;
use crate::time::UnixTime;
use crate::xml::{Doc, Draft, FIELDS_MAX, Text};
use core::fmt::Write;
use heapless::String;

/// What to ask for. WeChat looks at one number only, the first it finds of `refund_id`,
/// `out_refund_no`, `transaction_id` and `out_trade_no`; so one is sent. An example is at
/// [`RefundQuery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundNo<'a> {
    /// One refund, by WeChat's number.
    Refund(&'a RefundId),
    /// One refund, by ours.
    OutRefund(&'a OutRefundNo),
    /// All refunds of a payment, ten at a time.
    Payment(PaymentNo<'a>),
}

/// A request for the state of refunds.
///
/// ```
/// use saoma_core::api::{Merchant, PaymentNo, RefundNo, RefundQuery};
/// use saoma_core::ids::{AppId, MchId, OutTradeNo};
/// use saoma_core::sign::{ApiKey, SignType};
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let payment = OutTradeNo::new("SM20261123192600000001")?;
/// let second_page =
///     RefundQuery::new(RefundNo::Payment(PaymentNo::OutTrade(&payment))).offset(10)?;
/// let doc = second_page.draft(&merchant, SignType::Md5);
/// assert!(doc.get("offset").is_some_and(|offset| offset == "10"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RefundQuery<'a> {
    number: RefundNo<'a>,
    transaction_id: &'a str,
    offset: String<3>,
}

impl<'a> RefundQuery<'a> {
    /// Asks by this number.
    #[must_use]
    pub const fn new(number: RefundNo<'a>) -> Self {
        Self { number, transaction_id: "", offset: String::new() }
    }

    /// What it asks for.
    #[must_use]
    pub const fn number(&self) -> RefundNo<'a> {
        self.number
    }

    /// Skips the first `offset` refunds of a payment. One beyond the last is an error at WeChat,
    /// `PARAM_ERROR`.
    ///
    /// # Errors
    /// [`RequestError`] when one refund is asked for, or for 50 and more.
    pub fn offset(mut self, offset: u8) -> Result<Self, RequestError> {
        let of_payment = matches!(self.number, RefundNo::Payment(_));
        if !of_payment || usize::from(offset) >= REFUNDS_MAX {
            let rule = "must be 0 to 49, and only for all refunds of a payment";
            return Err(RequestError { field: "offset", rule });
        }
        self.offset.clear();
        // Two digits fit.
        let _ = write!(self.offset, "{offset}");
        Ok(self)
    }

    /// Adds the payment's number to a query by [`RefundNo::Refund`]: for payments older than a year
    /// and a half WeChat wants both, or the payment's alone.
    ///
    /// # Errors
    /// [`RequestError`] for a query by another number.
    pub fn of_old_payment(mut self, payment: &'a TransactionId) -> Result<Self, RequestError> {
        match self.number {
            RefundNo::Refund(_) => {
                self.transaction_id = payment.as_str();
                Ok(self)
            }
            RefundNo::OutRefund(_) | RefundNo::Payment(_) => Err(RequestError {
                field: "transaction_id",
                rule: "is added to a query by refund_id only",
            }),
        }
    }

    /// The request without nonce and signature.
    #[must_use]
    pub fn draft<'b>(&'b self, merchant: &'b Merchant, algorithm: SignType) -> Draft<'b> {
        let number = match self.number {
            RefundNo::Refund(id) => ("refund_id", id.as_str()),
            RefundNo::OutRefund(number) => ("out_refund_no", number.as_str()),
            RefundNo::Payment(payment) => payment.field(),
        };
        document(who(merchant, algorithm).into_iter().chain([
            number,
            ("transaction_id", self.transaction_id),
            ("offset", &self.offset),
        ]))
    }
}

/// Where a refund is; an example is at [`RefundQueryAnswer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// `PROCESSING`: taken on, not done.
    Processing,
    /// `SUCCESS`: the money is back.
    Success,
    /// `REFUNDCLOSE`: it failed for good; the same money may go back under a new number.
    Closed,
    /// `CHANGE`: the customer's card is void or frozen and the money came back to the merchant:
    /// a person must pay it back by hand.
    Change,
}

impl RefundState {
    pub(super) fn from_name(name: &str) -> Result<Self, ()> {
        match name {
            "PROCESSING" => Ok(Self::Processing),
            "SUCCESS" => Ok(Self::Success),
            "REFUNDCLOSE" => Ok(Self::Closed),
            "CHANGE" => Ok(Self::Change),
            _ => Err(()),
        }
    }
}

/// How the money goes back; it stands in a [`RefundRecord`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefundChannel {
    /// `ORIGINAL`: the way it came.
    Original,
    /// `BALANCE`: to the customer's balance at WeChat.
    Balance,
    /// `OTHER_BALANCE`: to another balance, because the account is out of order.
    OtherBalance,
    /// `OTHER_BANKCARD`: to another card, because the card is out of order.
    OtherBankcard,
    /// A way that this version does not know.
    Other,
}

impl RefundChannel {
    fn from_name(name: &str) -> Self {
        match name {
            "ORIGINAL" => Self::Original,
            "BALANCE" => Self::Balance,
            "OTHER_BALANCE" => Self::OtherBalance,
            "OTHER_BANKCARD" => Self::OtherBankcard,
            _ => Self::Other,
        }
    }
}

/// What WeChat says to a refund query.
///
/// Read it into a `Doc<'_, 256>`: ten refunds with their coupons are more fields than the usual
/// message has.
///
/// ```
/// use saoma_core::api::{Merchant, RefundNo, RefundQueryAnswer, RefundState};
/// use saoma_core::ids::{AppId, MchId, OutRefundNo};
/// use saoma_core::sign::{ApiKey, SignType};
/// use saoma_core::xml::{Doc, Draft, Text};
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// # let mut message: Draft<'_, 256> = Draft::new();
/// # for (name, value) in [("return_code", "SUCCESS"), ("result_code", "SUCCESS"),
/// #     ("appid", "wx5a0mademeup0001"), ("mch_id", "1900000109"), ("nonce_str", "TeqClE3i0mvn3"),
/// #     ("transaction_id", "4200009999202611230000000001"), ("out_trade_no", "SM20261123-1"),
/// #     ("total_fee", "2599"), ("refund_count", "1"), ("out_refund_no_0", "R-SM20261123-0001"),
/// #     ("refund_id_0", "50300000000000000000000000001"), ("refund_fee_0", "599"),
/// #     ("refund_status_0", "PROCESSING")] {
/// #     message.push(name, Text::new(value))?;
/// # }
/// # let sign = merchant.key.sign(&message, SignType::Md5);
/// # let mut message = message;
/// # message.push("sign", Text::new(sign.as_str()))?;
/// # let mut answer = String::new();
/// # message.write(&mut answer)?;
/// let doc: Doc<'_, 256> = Doc::read(answer.as_bytes())?;
/// let number = OutRefundNo::new("R-SM20261123-0001")?;
/// let asked = RefundNo::OutRefund(&number);
/// match RefundQueryAnswer::read(&doc, &merchant, SignType::Md5, asked)? {
///     RefundQueryAnswer::Found(refunds) => {
///         for refund in refunds.iter() {
///             assert_eq!(refund.state, RefundState::Processing);
///         }
///     }
///     RefundQueryAnswer::Refused(refusal) => println!("{refusal}"),
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub enum RefundQueryAnswer<'d, 'a, const N: usize = FIELDS_MAX> {
    /// The payment and its refunds.
    Found(Refunds<'d, 'a, N>),
    /// A signed refusal.
    Refused(Refusal),
}

impl<'d, 'a, const N: usize> RefundQueryAnswer<'d, 'a, N> {
    /// Reads the answer to a query by `asked`.
    ///
    /// # Errors
    /// [`AnswerError`]: nothing is known.
    pub fn read(
        doc: &'d Doc<'a, N>,
        merchant: &Merchant,
        algorithm: SignType,
        asked: RefundNo<'_>,
    ) -> Result<Self, AnswerError> {
        match open(doc, merchant, algorithm)? {
            Opened::Success(fields) => Ok(Self::Found(Refunds::read(fields, asked)?)),
            Opened::Fail(refusal) => Ok(Self::Refused(refusal)),
        }
    }
}

/// A payment and some of its refunds. Amounts are in fen; an example is at [`RefundQueryAnswer`].
#[derive(Clone, Debug)]
pub struct Refunds<'d, 'a, const N: usize = FIELDS_MAX> {
    /// WeChat's number of the payment.
    pub transaction_id: TransactionId,
    /// Ours.
    pub out_trade_no: OutTradeNo,
    /// The payment's whole amount.
    pub total_fee: Fen,
    /// The payment's amount without the coupons that the merchant bore.
    pub settlement_total_fee: Option<Fen>,
    /// What had been paid in money.
    pub cash_fee: Option<Fen>,
    /// How many refunds the payment has in all, told when this answer does not hold them all.
    pub total_refund_count: Option<u8>,
    count: u8,
    fields: Fields<'d, 'a, N>,
}

/// One refund of a payment. Amounts are in fen; an example is at [`RefundQueryAnswer`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RefundRecord<'d, 'a, const N: usize = FIELDS_MAX> {
    /// Our number of the refund; one that we never gave was made in WeChat's console.
    pub out_refund_no: OutRefundNo,
    /// WeChat's.
    pub refund_id: RefundId,
    /// What goes back, coupons included.
    pub refund_fee: Fen,
    /// What goes back without the coupons that the merchant bore.
    pub settlement_refund_fee: Option<Fen>,
    /// Where it is.
    pub state: RefundState,
    /// How the money goes back.
    pub channel: Option<RefundChannel>,
    /// Where the money comes from.
    pub account: Option<RefundAccount>,
    /// Where the money goes, in words for the customer: 支付用户零钱, 招商银行信用卡0403.
    pub recv_account: Option<Text<'a>>,
    /// When the money was back.
    pub success_time: Option<UnixTime>,
    /// What goes back as coupons.
    pub coupon_refund_fee: Option<Fen>,
    coupon_refund_count: Option<u8>,
    number: u8,
    fields: Fields<'d, 'a, N>,
}

impl<'d, 'a, const N: usize> Refunds<'d, 'a, N> {
    fn read(fields: Fields<'d, 'a, N>, asked: RefundNo<'_>) -> Result<Self, FieldError> {
        let refunds = Self {
            transaction_id: fields.parsed("transaction_id", TransactionId::new)?,
            out_trade_no: fields.parsed("out_trade_no", OutTradeNo::new)?,
            total_fee: fields.fen("total_fee")?,
            settlement_total_fee: fields.optional_parsed("settlement_total_fee", Fen::parse)?,
            cash_fee: fields.optional_parsed("cash_fee", Fen::parse)?,
            total_refund_count: fields.optional_parsed("total_refund_count", count)?,
            count: fields.parsed("refund_count", count)?,
            fields,
        };
        if usize::from(refunds.count) > REFUNDS_MAX {
            return Err(invalid("refund_count"));
        }
        let mut found = false;
        for number in 0..refunds.count {
            let record = RefundRecord::read(fields, number)?;
            if record.refund_fee > refunds.total_fee {
                return Err(invalid("refund_fee_$n"));
            }
            found |= match asked {
                RefundNo::Refund(id) => record.refund_id == *id,
                RefundNo::OutRefund(number) => record.out_refund_no == *number,
                RefundNo::Payment(_) => false,
            };
        }
        // A refund behind the last one that is counted would never be seen.
        if fields.optional(("out_refund_no_$n", [refunds.count; 2]))?.is_some() {
            return Err(invalid("refund_count"));
        }
        match asked {
            RefundNo::Refund(_) if !found => Err(other("refund_id_$n")),
            RefundNo::OutRefund(_) if !found => Err(other("out_refund_no_$n")),
            RefundNo::Payment(PaymentNo::Transaction(id)) if *id != refunds.transaction_id => {
                Err(other("transaction_id"))
            }
            RefundNo::Payment(PaymentNo::OutTrade(number)) if *number != refunds.out_trade_no => {
                Err(other("out_trade_no"))
            }
            RefundNo::Refund(_) | RefundNo::OutRefund(_) | RefundNo::Payment(_) => Ok(refunds),
        }
    }

    /// How many refunds this answer holds: ten at most for a payment.
    #[must_use]
    pub const fn count(&self) -> u8 {
        self.count
    }

    /// The refunds of this answer, in order.
    pub fn iter(&self) -> impl Iterator<Item = RefundRecord<'d, 'a, N>> {
        let fields = self.fields;
        // Each has been read before without an error.
        (0..self.count).filter_map(move |number| RefundRecord::read(fields, number).ok())
    }
}

impl<'d, 'a, const N: usize> RefundRecord<'d, 'a, N> {
    fn read(fields: Fields<'d, 'a, N>, number: u8) -> Result<Self, FieldError> {
        let name = |page| Name::from((page, [number; 2]));
        let word = |page| fields.optional(name(page));
        let account = word("refund_account_$n")?;
        Ok(Self {
            out_refund_no: fields.parsed(name("out_refund_no_$n"), OutRefundNo::new)?,
            refund_id: fields.parsed(name("refund_id_$n"), RefundId::new)?,
            refund_fee: fields.fen(name("refund_fee_$n"))?,
            settlement_refund_fee: fields
                .optional_parsed(name("settlement_refund_fee_$n"), Fen::parse)?,
            state: fields.parsed(name("refund_status_$n"), RefundState::from_name)?,
            channel: word("refund_channel_$n")?
                .map(|channel| RefundChannel::from_name(&channel.head::<32>())),
            account: account.map(|account| RefundAccount::from_name(&account.head::<32>())),
            recv_account: word("refund_recv_accout_$n")?,
            success_time: fields
                .optional_parsed(name("refund_success_time_$n"), UnixTime::parse_date_time)?,
            coupon_refund_fee: fields.optional_parsed(name("coupon_refund_fee_$n"), Fen::parse)?,
            coupon_refund_count: fields.optional_parsed(name("coupon_refund_count_$n"), count)?,
            number,
            fields,
        })
    }

    /// The coupons that go back with this refund, one by one.
    #[must_use]
    pub const fn coupons(&self) -> Coupons<'d, 'a, N> {
        let names = ["coupon_type_$n_$m", "coupon_refund_id_$n_$m", "coupon_refund_fee_$n_$m"];
        Coupons::new(self.fields, names, Some(self.number), self.coupon_refund_count)
    }
}
