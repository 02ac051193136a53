//! What WeChat says when it will not do what was asked (protocol §3).

use super::{Call, Class, ErrCode};
use core::fmt;
use heapless::String;

/// What is kept of `err_code_des`, in bytes: 42 Chinese characters. WeChat's pages allow 128.
pub const REFUSAL_TEXT_MAX: usize = 128;

/// A signed refusal: a code for programs, and words for whoever operates the shop.
///
/// The words are WeChat's; no program should decide by them, and customers should not be shown
/// them.
///
/// ```
/// use saoma_core::api::{Call, Class, ErrCode, Refusal};
///
/// let refusal = Refusal::new(ErrCode::NotEnough, "基本账户余额不足，请充值后重新发起");
/// assert_eq!(refusal.class(Call::Refund), Class::TellPerson);
/// assert_eq!(refusal.to_string(), "NOTENOUGH (基本账户余额不足，请充值后重新发起)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// `err_code`.
    pub code: ErrCode,
    /// The beginning of `err_code_des`, whole characters, at most [`REFUSAL_TEXT_MAX`] bytes;
    /// empty when WeChat says no more than the code.
    pub description: String<REFUSAL_TEXT_MAX>,
}

impl Refusal {
    /// A refusal with the beginning of these words.
    #[must_use]
    pub fn new(code: ErrCode, description: &str) -> Self {
        let head = super::cut(description, REFUSAL_TEXT_MAX);
        // It has been cut to fit.
        Self { code, description: String::try_from(head).unwrap_or_default() }
    }

    /// What the code asks of us after this call.
    #[must_use]
    pub fn class(&self, call: Call) -> Class {
        self.code.class(call)
    }
}

impl From<ErrCode> for Refusal {
    fn from(code: ErrCode) -> Self {
        Self::new(code, "")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The code may be one that nobody knows, and so hold anything.
        write!(f, "{}", self.code.as_str().escape_debug())?;
        match self.description.as_str() {
            "" => Ok(()),
            words => write!(f, " ({})", words.escape_debug()),
        }
    }
}
