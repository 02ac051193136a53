//! WeChat's error codes and what to do about each (protocol §15).

use core::fmt;
use heapless::String;

/// A call to the gateway.
///
/// ```
/// use saoma_core::api::Call;
///
/// assert_eq!(Call::Refund.path(), "/secapi/pay/refund");
/// assert!(Call::Refund.needs_certificate());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `/pay/unifiedorder`
    UnifiedOrder,
    /// `/pay/orderquery`
    OrderQuery,
    /// `/pay/closeorder`
    CloseOrder,
    /// `/secapi/pay/refund`
    Refund,
    /// `/pay/refundquery`
    RefundQuery,
    /// `/tools/shorturl`
    ShortUrl,
    /// `/pay/downloadbill`
    TradeBill,
    /// `/pay/downloadfundflow`
    FundBill,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 8] = [
        Self::UnifiedOrder,
        Self::OrderQuery,
        Self::CloseOrder,
        Self::Refund,
        Self::RefundQuery,
        Self::ShortUrl,
        Self::TradeBill,
        Self::FundBill,
    ];

    /// The path on the gateway's host (protocol §1).
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::UnifiedOrder => "/pay/unifiedorder",
            Self::OrderQuery => "/pay/orderquery",
            Self::CloseOrder => "/pay/closeorder",
            Self::Refund => "/secapi/pay/refund",
            Self::RefundQuery => "/pay/refundquery",
            Self::ShortUrl => "/tools/shorturl",
            Self::TradeBill => "/pay/downloadbill",
            Self::FundBill => "/pay/downloadfundflow",
        }
    }

    /// Whether the gateway wants the merchant's client certificate (protocol §1).
    #[must_use]
    pub const fn needs_certificate(self) -> bool {
        match self {
            Self::Refund | Self::FundBill => true,
            Self::UnifiedOrder
            | Self::OrderQuery
            | Self::CloseOrder
            | Self::RefundQuery
            | Self::ShortUrl
            | Self::TradeBill => false,
        }
    }
}

/// What an error code asks of us.
///
/// ```
/// use saoma_core::api::{Call, Class, ErrCode};
///
/// let code = ErrCode::from_name("ORDERCLOSED");
/// assert_eq!(code.class(Call::CloseOrder), Class::Done);
/// assert_eq!(code.class(Call::UnifiedOrder), Class::NewNumber);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Send the same again after a while; the outcome is unknown until then.
    RetrySame,
    /// Send the same again, but later and more slowly: a minute at least, then longer.
    RetrySlower,
    /// Ask for the number's state before anything else.
    QueryFirst,
    /// The number has been paid: ask for the payment.
    Paid,
    /// What was asked for is so already: success in disguise.
    Done,
    /// WeChat does not know the number.
    NotFound,
    /// The number cannot be used (any more): take a new one.
    NewNumber,
    /// A mistake in program or configuration: stop and tell a person.
    Stop,
    /// WeChat cannot do it as things are; only a person can help: top up the balance, or pay back
    /// by hand.
    TellPerson,
    /// Nobody knows what happened: query, never assume failure.
    Unknown,
}

macro_rules! codes {
    ($($variant:ident = $name:literal,)*) => {
        /// A value of `err_code`. Codes that WeChat adds are kept as they are, and their class is
        /// [`Class::Unknown`].
        ///
        /// ```
        /// use saoma_core::api::{Call, Class, ErrCode};
        ///
        /// let code = ErrCode::from_name("NEW_IN_2027");
        /// assert_eq!(code.as_str(), "NEW_IN_2027");
        /// assert_eq!(code.class(Call::Refund), Class::Unknown);
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the names are WeChat's, explained in protocol §4 to §12")]
        pub enum ErrCode {
            $($variant,)*
            /// A code this version does not know; at most 32 bytes of it are kept.
            Other(String<32>),
        }

        impl ErrCode {
            /// The code of a name on the wire.
            #[must_use]
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($name => Self::$variant,)*
                    _ => {
                        let mut kept = String::new();
                        for c in name.chars() {
                            if kept.push(c).is_err() {
                                break;
                            }
                        }
                        Self::Other(kept)
                    }
                }
            }

            /// The name on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

codes! {
    SystemError = "SYSTEMERROR",
    BizErrNeedRetry = "BIZERR_NEED_RETRY",
    FrequencyLimited = "FREQUENCY_LIMITED",
    InvalidReqTooMuch = "INVALID_REQ_TOO_MUCH",
    OrderNotReady = "ORDER_NOT_READY",
    OrderPaid = "ORDERPAID",
    OrderClosed = "ORDERCLOSED",
    OrderNotExist = "ORDERNOTEXIST",
    RefundNotExist = "REFUNDNOTEXIST",
    OutTradeNoUsed = "OUT_TRADE_NO_USED",
    Error = "ERROR",
    InvalidRequest = "INVALID_REQUEST",
    InvalidTransactionId = "INVALID_TRANSACTIONID",
    NotEnough = "NOTENOUGH",
    UserAccountAbnormal = "USER_ACCOUNT_ABNORMAL",
    TradeOverdue = "TRADE_OVERDUE",
    RefundFeeMismatch = "REFUND_FEE_MISMATCH",
    NoAuth = "NOAUTH",
    CertError = "CERT_ERROR",
    AppIdNotExist = "APPID_NOT_EXIST",
    MchIdNotExist = "MCHID_NOT_EXIST",
    AppIdMchIdNotMatch = "APPID_MCHID_NOT_MATCH",
    LackParams = "LACK_PARAMS",
    ParamError = "PARAM_ERROR",
    SignError = "SIGNERROR",
    XmlFormatError = "XML_FORMAT_ERROR",
    RequirePostMethod = "REQUIRE_POST_METHOD",
    PostDataEmpty = "POST_DATA_EMPTY",
    NotUtf8 = "NOT_UTF8",
}

impl ErrCode {
    /// What the code asks of us after this call.
    #[must_use]
    pub fn class(&self, call: Call) -> Class {
        match self {
            Self::OutTradeNoUsed if crate::planted!("used-number-is-the-end") => Class::Stop,
            Self::NoAuth if crate::planted!("no-auth-is-unknown") => Class::Unknown,
            Self::RefundFeeMismatch if crate::planted!("fee-mismatch-is-the-end") => {
                Class::TellPerson
            }
            Self::SystemError | Self::BizErrNeedRetry | Self::OrderNotReady => Class::RetrySame,
            Self::FrequencyLimited | Self::InvalidReqTooMuch => Class::RetrySlower,
            Self::OrderPaid => Class::Paid,
            Self::OrderClosed => match call {
                Call::CloseOrder => Class::Done,
                Call::UnifiedOrder | Call::OrderQuery => Class::NewNumber,
                Call::Refund
                | Call::RefundQuery
                | Call::ShortUrl
                | Call::TradeBill
                | Call::FundBill => Class::Unknown,
            },
            Self::OrderNotExist => match call {
                // A refund is of a payment that we know, so its number must exist.
                Call::Refund => Class::Stop,
                Call::UnifiedOrder
                | Call::OrderQuery
                | Call::CloseOrder
                | Call::RefundQuery
                | Call::ShortUrl
                | Call::TradeBill
                | Call::FundBill => Class::NotFound,
            },
            Self::RefundNotExist => Class::NotFound,
            // `ERROR` says why only in words: perhaps the refund was made already.
            Self::OutTradeNoUsed | Self::Error => Class::QueryFirst,
            // On a call that is replayed unchanged this says that the number was first used with
            // other parameters; on a close it has been seen for "too early".
            Self::InvalidRequest => match call {
                Call::UnifiedOrder if crate::planted!("invalid-request-is-the-end") => Class::Stop,
                Call::UnifiedOrder => Class::QueryFirst,
                Call::CloseOrder => Class::RetrySame,
                Call::OrderQuery
                | Call::Refund
                | Call::RefundQuery
                | Call::ShortUrl
                | Call::TradeBill
                | Call::FundBill => Class::Stop,
            },
            Self::NotEnough | Self::UserAccountAbnormal | Self::TradeOverdue => Class::TellPerson,
            Self::InvalidTransactionId
            | Self::RefundFeeMismatch
            | Self::NoAuth
            | Self::CertError
            | Self::AppIdNotExist
            | Self::MchIdNotExist
            | Self::AppIdMchIdNotMatch
            | Self::LackParams
            | Self::ParamError
            | Self::SignError
            | Self::XmlFormatError
            | Self::RequirePostMethod
            | Self::PostDataEmpty
            | Self::NotUtf8 => Class::Stop,
            Self::Other(_) if crate::planted!("new-code-is-stop") => Class::Stop,
            Self::Other(_) => Class::Unknown,
        }
    }
}

impl fmt::Display for ErrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
