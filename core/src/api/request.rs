//! What all requests share: checks that refuse early, and the seal of nonce and signature.

use super::Merchant;
use crate::ids::Nonce;
use crate::sign::SignType;
use crate::xml::{Doc, PushError, Text, WriteError};
use core::fmt;

/// A value that WeChat would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestError {
    /// WeChat's name of the field.
    pub field: &'static str,
    /// The rule it breaks, in words.
    pub rule: &'static str,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)
    }
}

impl core::error::Error for RequestError {}

/// Why a request cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The document has a `nonce_str` or a `sign` already, or no room for them.
    Push(PushError),
    /// The document cannot be written.
    Write(WriteError),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Push(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SealError {}

/// Adds nonce and signature to a request and writes it to `out`.
///
/// The same stored document may be sealed again and again, each time with a new nonce; that is how
/// a call is retried (protocol §4).
///
/// # Errors
/// [`SealError`] when the document is sealed already or cannot be written.
pub fn seal<const N: usize>(
    doc: Doc<'_, N>,
    nonce: &Nonce,
    merchant: &Merchant,
    algorithm: SignType,
    out: &mut impl fmt::Write,
) -> Result<(), SealError> {
    let mut doc: Doc<'_, N> = doc;
    doc.push("nonce_str", Text::new(nonce.as_str())).map_err(SealError::Push)?;
    let signature = merchant.key.sign(&doc, algorithm);
    let mut sealed: Doc<'_, N> = doc;
    sealed.push("sign", Text::new(signature.as_str())).map_err(SealError::Push)?;
    sealed.write(out).map_err(SealError::Write)
}

/// A document of fields whose names are distinct and few enough by construction; empty values are
/// left out.
pub(super) fn document<'a, const N: usize>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Doc<'a, N> {
    let mut doc = Doc::new();
    for (name, value) in fields {
        if !value.is_empty() {
            // The callers' names are constants, fewer than N, and none is there twice.
            let _ = doc.push(name, Text::new(value));
        }
    }
    doc
}

/// The three fields of every request that never change.
pub(super) fn who(merchant: &Merchant, algorithm: SignType) -> [(&str, &str); 3] {
    [
        ("appid", merchant.app_id.as_str()),
        ("mch_id", merchant.mch_id.as_str()),
        ("sign_type", algorithm.as_str()),
    ]
}
