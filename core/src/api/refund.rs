//! 申请退款, refund (protocol §7). The gateway wants the merchant's client certificate.
//!
//! An answer means *accepted*, not *done*: ask with a refund query, or wait for the notification.

use super::answer::{Opened, open};
use super::coupon::Coupons;
use super::fields::{FieldError, Fields, count, invalid};
use super::request::{document, is_text, notify_url, who};
use super::{AnswerError, Currency, Merchant, Refusal, RequestError};
use crate::ids::{OutRefundNo, OutTradeNo, RefundId, TransactionId};
use crate::money::Fen;
use crate::sign::SignType;
use crate::time::UnixTime;
use crate::xml::{Doc, Draft, FIELDS_MAX};
use core::fmt::Write;
use heapless::String;

/// Most refunds of one payment.
pub const REFUNDS_MAX: usize = 50;
/// A payment can be refunded for a year, in seconds.
pub const REFUND_WITHIN_S: u64 = 365 * 86_400;
/// Two refunds of one payment are at least a minute apart, in seconds.
pub const REFUND_GAP_S: u64 = 60;

/// Which payment: by WeChat's number, or by ours; an example is at [`Refund`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentNo<'a> {
    /// WeChat's number; it would win over ours.
    Transaction(&'a TransactionId),
    /// Ours.
    OutTrade(&'a OutTradeNo),
}

impl<'a> PaymentNo<'a> {
    pub(super) fn field(self) -> (&'static str, &'a str) {
        match self {
            Self::Transaction(id) => ("transaction_id", id.as_str()),
            Self::OutTrade(number) => ("out_trade_no", number.as_str()),
        }
    }
}

/// Where the money of a refund comes from; only merchants of an old kind may choose.
///
/// ```
/// use saoma_core::api::{PaymentNo, Refund, RefundAccount};
/// use saoma_core::{ids::{OutRefundNo, OutTradeNo}, money::Fen};
///
/// let payment = OutTradeNo::new("SM20261123192600000001")?;
/// let number = OutRefundNo::new("R-SM20261123-0001")?;
/// let amount = Fen::parse("599")?;
/// let refund = Refund::new(PaymentNo::OutTrade(&payment), &number, amount, amount)?
///     .account(RefundAccount::Recharge);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefundAccount {
    /// `REFUND_SOURCE_UNSETTLED_FUNDS`: what has not been paid out yet; WeChat's default.
    Unsettled,
    /// `REFUND_SOURCE_RECHARGE_FUNDS`: the merchant's balance.
    Recharge,
    /// A source that this version does not know; it comes in answers only.
    Other,
}

impl RefundAccount {
    const UNSETTLED: &'static str = "REFUND_SOURCE_UNSETTLED_FUNDS";
    const RECHARGE: &'static str = "REFUND_SOURCE_RECHARGE_FUNDS";

    pub(super) fn from_name(name: &str) -> Self {
        match name {
            Self::UNSETTLED => Self::Unsettled,
            Self::RECHARGE => Self::Recharge,
            _ => Self::Other,
        }
    }
}

/// A request to give a payment back, whole or in part.
///
/// The same number is the same refund: when the outcome is unknown, the same stored request is
/// sent again. A new number for the same money pays twice.
///
/// ```
/// use saoma_core::api::{Merchant, PaymentNo, Refund, seal};
/// use saoma_core::ids::{AppId, MchId, Nonce, OutRefundNo, TransactionId};
/// use saoma_core::money::Fen;
/// use saoma_core::sign::{ApiKey, SignType};
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::HmacSha256,
/// # };
/// let payment = TransactionId::new("4200009999202611230000000001")?;
/// let number = OutRefundNo::new("R-SM20261123-0001@a")?;
/// let (total, part) = (Fen::parse("2599")?, Fen::parse("599")?);
/// let refund = Refund::new(PaymentNo::Transaction(&payment), &number, total, part)?
///     .reason("部分退款：少一杯")?
///     .notify_url("https://pay.example.com/wx/v2/refund-notify")?;
///
/// let nonce = Nonce::new("6cefdb308e1e2e8aabd48cf79e546a02")?;
/// let mut xml = String::new();
/// let algorithm = SignType::HmacSha256;
/// seal(refund.draft(&merchant, algorithm), &nonce, &merchant, algorithm, &mut xml)?;
/// assert!(xml.contains("<refund_fee>599</refund_fee>"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Refund<'a> {
    payment: PaymentNo<'a>,
    out_refund_no: &'a OutRefundNo,
    total_fee: String<16>,
    refund_fee: String<16>,
    reason: &'a str,
    account: &'static str,
    notify_url: &'a str,
    currency: Currency,
}

impl<'a> Refund<'a> {
    /// Checks what WeChat would check: `total` is the payment's whole amount, `part` what goes
    /// back this time, 1 fen at least and `total` at most.
    ///
    /// # Errors
    /// [`RequestError`] names field and rule.
    pub fn new(
        payment: PaymentNo<'a>,
        out_refund_no: &'a OutRefundNo,
        total: Fen,
        part: Fen,
    ) -> Result<Self, RequestError> {
        let refuse = |field, rule| Err(RequestError { field, rule });
        if total == Fen::ZERO || total > Fen::ORDER_MAX {
            return refuse("total_fee", "must be 1 to 2147483647 fen");
        }
        if part == Fen::ZERO || part > total {
            return refuse("refund_fee", "must be 1 fen at least and total_fee at most");
        }
        let mut texts = (String::new(), String::new());
        // Ten digits fit.
        let _ = write!(texts.0, "{total}");
        let _ = write!(texts.1, "{part}");
        Ok(Self {
            payment,
            out_refund_no,
            total_fee: texts.0,
            refund_fee: texts.1,
            reason: "",
            account: "",
            notify_url: "",
            currency: Currency::CNY,
        })
    }

    /// Names the currency of the payment, if it is not yuan: a refund goes back as it was paid.
    #[must_use]
    pub const fn currency(mut self, currency: Currency) -> Self {
        self.currency = currency;
        self
    }

    /// Checks that the payment is not older than a year.
    ///
    /// # Errors
    /// [`RequestError`] when it is: the money must go back by hand.
    pub fn in_time(self, paid_at: UnixTime, now: UnixTime) -> Result<Self, RequestError> {
        if now.since(paid_at) <= REFUND_WITHIN_S {
            return Ok(self);
        }
        let rule = "must be at most a year ago (31536000 seconds) to be refunded";
        Err(RequestError { field: "time_end", rule })
    }

    /// Says why, for the customer's eyes. WeChat does not show it when a part of at most one yuan
    /// goes back.
    ///
    /// # Errors
    /// [`RequestError`] above 80 bytes.
    pub fn reason(mut self, reason: &'a str) -> Result<Self, RequestError> {
        if !is_text(reason, 80) {
            let rule = "must be 1 to 80 bytes without control characters";
            return Err(RequestError { field: "refund_desc", rule });
        }
        self.reason = reason;
        Ok(self)
    }

    /// Chooses where the money comes from.
    #[must_use]
    pub const fn account(mut self, account: RefundAccount) -> Self {
        self.account = match account {
            RefundAccount::Unsettled => RefundAccount::UNSETTLED,
            RefundAccount::Recharge => RefundAccount::RECHARGE,
            // WeChat decides.
            RefundAccount::Other => "",
        };
        self
    }

    /// Names the address to tell of the refund's end, instead of the one in WeChat's console.
    ///
    /// # Errors
    /// [`RequestError`] unless it is `http(s)://host/path` of at most 256 bytes without query.
    pub fn notify_url(mut self, url: &'a str) -> Result<Self, RequestError> {
        self.notify_url = notify_url(url)?;
        Ok(self)
    }

    /// The request without nonce and signature: what to store before the first send.
    #[must_use]
    pub fn draft<'b>(&'b self, merchant: &'b Merchant, algorithm: SignType) -> Draft<'b> {
        document(who(merchant, algorithm).into_iter().chain([
            self.payment.field(),
            ("out_refund_no", self.out_refund_no.as_str()),
            ("total_fee", &self.total_fee),
            ("refund_fee", &self.refund_fee),
            ("refund_fee_type", self.currency.as_str()),
            ("refund_desc", self.reason),
            ("refund_account", self.account),
            ("notify_url", self.notify_url),
        ]))
    }
}

/// What WeChat says to a refund.
///
/// ```
/// use saoma_core::api::{Class, Call, Merchant, RefundAnswer};
/// use saoma_core::sign::SignType;
/// use saoma_core::{ids::OutRefundNo, xml::Doc};
///
/// # use saoma_core::{ids::{AppId, MchId}, sign::ApiKey};
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let answer = b"<xml>
/// <return_code>SUCCESS</return_code><return_msg>OK</return_msg>
/// <appid>wx5a0mademeup0001</appid><mch_id>1900000109</mch_id>
/// <nonce_str>NfsMFbUFpdbEhPXP</nonce_str><result_code>SUCCESS</result_code>
/// <transaction_id>4200009999202611230000000001</transaction_id>
/// <out_trade_no>SM-2026_1123|0002*</out_trade_no>
/// <out_refund_no>R-SM20261123-0001@a</out_refund_no>
/// <refund_id>50300000000000000000000000001</refund_id><refund_channel></refund_channel>
/// <refund_fee>599</refund_fee><coupon_refund_fee>0</coupon_refund_fee>
/// <total_fee>2599</total_fee><cash_fee>2541</cash_fee>
/// <coupon_refund_count>0</coupon_refund_count><cash_refund_fee>599</cash_refund_fee>
/// <sign>48C61E4FE2F52E7249AA04ACB63248C6</sign></xml>";
/// let doc: Doc<'_> = Doc::read(answer)?;
/// let number = OutRefundNo::new("R-SM20261123-0001@a")?;
/// match RefundAnswer::read(&doc, &merchant, SignType::Md5, &number)? {
///     RefundAnswer::Accepted(refund) => assert_eq!(refund.refund_fee.get(), 599),
///     RefundAnswer::Refused(refusal) => match refusal.class(Call::Refund) {
///         Class::RetrySame => println!("send the same again: {refusal}"),
///         class => println!("{refusal}: {class:?}"),
///     },
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub enum RefundAnswer<'d, 'a, const N: usize = FIELDS_MAX> {
    /// WeChat has taken the refund on; it is not done yet.
    Accepted(AcceptedRefund<'d, 'a, N>),
    /// A signed refusal.
    Refused(Refusal),
}

/// A refund that WeChat has taken on. All amounts are in fen; an example is at [`RefundAnswer`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AcceptedRefund<'d, 'a, const N: usize = FIELDS_MAX> {
    /// WeChat's number of the payment.
    pub transaction_id: TransactionId,
    /// Ours.
    pub out_trade_no: OutTradeNo,
    /// Our number of the refund.
    pub out_refund_no: OutRefundNo,
    /// WeChat's.
    pub refund_id: RefundId,
    /// The payment's whole amount.
    pub total_fee: Fen,
    /// What goes back, coupons included.
    pub refund_fee: Fen,
    /// The payment's amount without the coupons that the merchant bore.
    pub settlement_total_fee: Option<Fen>,
    /// What goes back without those coupons.
    pub settlement_refund_fee: Option<Fen>,
    /// What had been paid in money.
    pub cash_fee: Option<Fen>,
    /// What goes back in money.
    pub cash_refund_fee: Option<Fen>,
    /// What goes back as coupons.
    pub coupon_refund_fee: Option<Fen>,
    coupon_refund_count: Option<u8>,
    fields: Fields<'d, 'a, N>,
}

impl<'d, 'a, const N: usize> RefundAnswer<'d, 'a, N> {
    /// Reads the answer to the refund `out_refund_no`.
    ///
    /// # Errors
    /// [`AnswerError`]: the outcome is unknown.
    pub fn read(
        doc: &'d Doc<'a, N>,
        merchant: &Merchant,
        algorithm: SignType,
        out_refund_no: &OutRefundNo,
    ) -> Result<Self, AnswerError> {
        let fields = match open(doc, merchant, algorithm)? {
            Opened::Success(fields) => fields,
            Opened::Fail(refusal) => return Ok(Self::Refused(refusal)),
        };
        fields.exactly("out_refund_no", out_refund_no.as_str())?;
        Ok(Self::Accepted(AcceptedRefund::read(fields, out_refund_no)?))
    }
}

impl<'d, 'a, const N: usize> AcceptedRefund<'d, 'a, N> {
    fn read(fields: Fields<'d, 'a, N>, out_refund_no: &OutRefundNo) -> Result<Self, FieldError> {
        let amount = |name| fields.optional_parsed(name, Fen::parse);
        let refund = Self {
            transaction_id: fields.parsed("transaction_id", TransactionId::new)?,
            out_trade_no: fields.parsed("out_trade_no", OutTradeNo::new)?,
            out_refund_no: out_refund_no.clone(),
            refund_id: fields.parsed("refund_id", RefundId::new)?,
            total_fee: fields.fen("total_fee")?,
            refund_fee: fields.fen("refund_fee")?,
            settlement_total_fee: amount("settlement_total_fee")?,
            settlement_refund_fee: amount("settlement_refund_fee")?,
            cash_fee: amount("cash_fee")?,
            cash_refund_fee: amount("cash_refund_fee")?,
            coupon_refund_fee: amount("coupon_refund_fee")?,
            coupon_refund_count: fields.optional_parsed("coupon_refund_count", count)?,
            fields,
        };
        if refund.refund_fee > refund.total_fee { Err(invalid("refund_fee")) } else { Ok(refund) }
    }

    /// The coupons that go back, one by one.
    #[must_use]
    pub const fn coupons(&self) -> Coupons<'d, 'a, N> {
        let names = ["coupon_type_$n", "coupon_refund_id_$n", "coupon_refund_fee_$n"];
        Coupons::new(self.fields, names, None, self.coupon_refund_count)
    }
}
