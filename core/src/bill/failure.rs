//! What WeChat says instead of a bill: XML without a signature.

use crate::api::Class;
use crate::xml::{Doc, Text};
use core::fmt;
use heapless::String;

/// Why WeChat gives no bill. Nothing here is signed, and nothing needs to be: it moves no money.
///
/// ```
/// use saoma_core::api::Class;
/// use saoma_core::bill::{BillErrorKind, FailureKind, FundBill};
///
/// let mut bill = FundBill::new();
/// let message = b"<xml><return_code>FAIL</return_code>
/// <return_msg>Bill Creating</return_msg></xml>";
/// bill.feed(message, |_| ())?;
/// match bill.finish(|_| ()).unwrap_err().kind {
///     BillErrorKind::Failure(failure) => {
///         assert_eq!(failure.kind, FailureKind::Creating);
///         assert_eq!(failure.kind.class(), Class::RetrySlower);
///     }
///     _ => unreachable!(),
/// }
/// # Ok::<(), saoma_core::bill::BillError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillFailure {
    /// What it means.
    pub kind: FailureKind,
    /// `error_code`; empty when there is none.
    pub code: String<16>,
    /// The beginning of `return_msg`.
    pub message: String<64>,
}

/// What a failure means; an example is at [`BillFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// `No Bill Exist`: no trade on that day. A reader gives an empty day instead.
    NoBill,
    /// `Bill Creating`: too early. From 10 o'clock, then every half hour.
    Creating,
    /// An error inside WeChat.
    System,
    /// WeChat could not compress it: ask without `tar_type`.
    Gzip,
    /// Bills are closed for this merchant.
    Closed,
    /// Our signature is wrong: WeChat has another key by now, or does not have ours yet.
    Sign,
    /// The request was wrong.
    Request,
    /// A failure that this version does not know.
    Unknown,
}

impl FailureKind {
    /// What it asks of us (protocol §15).
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::NoBill => Class::Done,
            Self::Creating | Self::Sign => Class::RetrySlower,
            Self::System | Self::Gzip => Class::RetrySame,
            Self::Closed => Class::TellPerson,
            Self::Request => Class::Stop,
            Self::Unknown => Class::Unknown,
        }
    }

    /// The messages are clearer than the codes, of which one means two things.
    fn of(code: &str, message: &str) -> Self {
        let says = |words: &[&str]| {
            let same = |word: &&str| [code, message].iter().any(|t| t.eq_ignore_ascii_case(word));
            words.iter().any(same)
        };
        if says(&["No Bill Exist", "NO_BILL_EXIST"]) {
            Self::NoBill
        } else if says(&["Bill Creating", "BILL_CREATING"]) {
            Self::Creating
        } else if says(&["CompressGZip Error", "UnCompressGZip Error"]) {
            Self::Gzip
        } else if says(&["100", "20003", "20100", "SYSTEMERROR", "system error"]) {
            Self::System
        } else if says(&["20007"]) {
            Self::Closed
        } else if says(&["sign error", "SIGNERROR", "签名错误"]) {
            Self::Sign
        } else if says(&["20001", "PARAM_ERROR", "INVALID_REQUEST", "NOAUTH"]) {
            Self::Request
        } else {
            Self::Unknown
        }
    }
}

impl BillFailure {
    /// Reads a message; `None` when it is no document, or does not say `FAIL`.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let doc: Doc<'_> = Doc::read(message).ok()?;
        let get = |name| doc.get(name).filter(|text: &Text<'_>| !text.is_empty());
        let failed = |name| get(name).is_some_and(|code| code == "FAIL");
        if !failed("return_code") && !failed("result_code") {
            return None;
        }
        let code = get("error_code").or_else(|| get("err_code"));
        let code: String<16> = code.map(|code| code.head()).unwrap_or_default();
        // The fund bill's failures may be told one level deeper.
        let deeper = get("err_code_des").filter(|_| !failed("return_code"));
        let text = deeper.or_else(|| get("return_msg"));
        let message: String<64> = text.map(|text| text.head()).unwrap_or_default();
        Some(Self { kind: FailureKind::of(&code, message.trim()), code, message })
    }

    pub(super) const fn is_empty_day(&self) -> bool {
        matches!(self.kind, FailureKind::NoBill)
    }
}

impl fmt::Display for BillFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message.escape_debug())?;
        if self.code.is_empty() { Ok(()) } else { write!(f, " ({})", self.code.escape_debug()) }
    }
}
