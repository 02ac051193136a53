//! WeChat's error codes and what to do about each (protocol §15).

use core::fmt;
use heapless::String;

/// A call to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `/pay/unifiedorder`
    UnifiedOrder,
    /// `/pay/orderquery`
    OrderQuery,
    /// `/pay/closeorder`
    CloseOrder,
}

impl Call {
    /// The path on the gateway's host (protocol §1).
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::UnifiedOrder => "/pay/unifiedorder",
            Self::OrderQuery => "/pay/orderquery",
            Self::CloseOrder => "/pay/closeorder",
        }
    }
}

/// What an error code asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Send the same again after a while.
    RetrySame,
    /// The number has been paid: ask for the payment.
    Paid,
    /// What was asked for is so already.
    Done,
    /// WeChat does not know the number.
    NotFound,
    /// The number cannot be used (any more): take a new one.
    NewNumber,
    /// A mistake in program or configuration: stop and tell a person.
    Stop,
    /// Nobody knows what happened: query, never assume failure.
    Unknown,
}

macro_rules! codes {
    ($($variant:ident = $name:literal,)*) => {
        /// A value of `err_code`.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the names are WeChat's, explained in protocol §4 to §6")]
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
    FrequencyLimited = "FREQUENCY_LIMITED",
    OrderPaid = "ORDERPAID",
    OrderClosed = "ORDERCLOSED",
    OrderNotExist = "ORDERNOTEXIST",
    OutTradeNoUsed = "OUT_TRADE_NO_USED",
    InvalidRequest = "INVALID_REQUEST",
    NotEnough = "NOTENOUGH",
    NoAuth = "NOAUTH",
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
            Self::SystemError | Self::FrequencyLimited => Class::RetrySame,
            Self::OrderPaid => Class::Paid,
            Self::OrderClosed => match call {
                Call::CloseOrder => Class::Done,
                Call::UnifiedOrder | Call::OrderQuery => Class::NewNumber,
            },
            Self::OrderNotExist => Class::NotFound,
            Self::OutTradeNoUsed => Class::NewNumber,
            // On a call that is replayed unchanged this says that the number was first used with
            // other parameters; on a close it has been seen for "too early".
            Self::InvalidRequest => match call {
                Call::UnifiedOrder => Class::NewNumber,
                Call::OrderQuery => Class::Stop,
                Call::CloseOrder => Class::RetrySame,
            },
            Self::NotEnough
            | Self::NoAuth
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
            Self::Other(_) => Class::Unknown,
        }
    }
}

impl fmt::Display for ErrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
