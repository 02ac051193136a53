//! The key, the algorithm, the string to sign, and the way from unverified to verified
//! (protocol §2).
//!
//! Read protocol §2 first; §2.1 tells why a good signature alone is not enough.
//!
//! The signature runs over the whole document, whatever its fields mean, so coupons and fields
//! that WeChat adds tomorrow never break it. What an unverified message says cannot be read, but
//! for the two numbers that choose key and algorithm:
//!
//! ```
//! use saoma_core::sign::{ApiKey, SignType, Unverified};
//! use saoma_core::xml::Doc;
//!
//! let message = b"<xml><mch_id>1900000109</mch_id><body>x</body><sign>00</sign></xml>";
//! let doc: Doc<'_> = Doc::read(message)?;
//! let unverified = Unverified::new(&doc);
//! assert!(unverified.mch_id().is_some_and(|id| id == "1900000109"));
//! let key = ApiKey::new("192006250b4c09247ec02edce69f6a2d")?;
//! assert!(unverified.verify(&key, SignType::Md5).is_err());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use crate::bytes::Staged;
use crate::xml::sealed::Value;
use crate::xml::{Doc, Signable, Text};
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The name of the field that holds the signature and is not part of what is signed.
pub(crate) const SIGN: &str = "sign";

/// A signature algorithm.
///
/// ```
/// use saoma_core::sign::SignType;
///
/// assert_eq!(SignType::from_name("HMAC-SHA256"), Some(SignType::HmacSha256));
/// assert_eq!(SignType::from_name("hmac-sha256"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SignType {
    /// MD5 over the string to sign with the key at its end: 32 digits.
    #[cfg_attr(feature = "serde", serde(rename = "MD5"))]
    Md5,
    /// HMAC-SHA256 over the same string: 64 digits.
    #[cfg_attr(feature = "serde", serde(rename = "HMAC-SHA256"))]
    HmacSha256,
}

impl SignType {
    /// The name on the wire (`sign_type`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }

    /// The algorithm of a name on the wire, exactly as written.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Md5, Self::HmacSha256].into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Length of a signature in hexadecimal digits.
    #[must_use]
    pub const fn sign_len(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::HmacSha256 => 64,
        }
    }
}

/// The merchant's API key: 32 visible ASCII characters. While the merchant changes it, it is two:
/// what WeChat sends is good under either, and one of them signs (protocol §2.3).
///
/// It cannot be printed, and its bytes are wiped when it is dropped.
///
/// ```
/// use saoma_core::sign::{ApiKey, KeyError, SignType};
/// use saoma_core::xml::{Draft, Text};
///
/// assert_eq!(ApiKey::new("").unwrap_err(), KeyError::Length { got: 0 });
/// let key = ApiKey::new("192006250b4c09247ec02edce69f6a2d")?;
/// assert_eq!(format!("{key:?}"), "ApiKey(..)");
///
/// let mut draft: Draft<'_> = Draft::new();
/// draft.push("body", Text::new("test"))?;
/// assert_eq!(key.sign(&draft, SignType::Md5).as_str().len(), 32);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ApiKey {
    /// The one that signs.
    first: OneKey,
    /// The one that counts as well.
    other: Option<OneKey>,
}

#[derive(Clone)]
struct OneKey {
    bytes: Zeroizing<[u8; ApiKey::LEN]>,
    /// HMAC-SHA256 with the key taken in already, which is a good part of its work on a message as
    /// short as these. Its two states of SHA-256 wipe themselves as well.
    mac: Hmac<Sha256>,
}

impl ApiKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Checks and copies a key.
    ///
    /// # Errors
    /// [`KeyError`] when it has another length (an empty key would let anybody sign) or holds
    /// something else than visible ASCII. The error does not repeat the key.
    pub fn new(key: &str) -> Result<Self, KeyError> {
        let bytes = key.as_bytes();
        let length = KeyError::Length { got: bytes.len() };
        if bytes.len() != Self::LEN {
            return Err(length);
        }
        if !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(KeyError::Character);
        }
        let mac = Hmac::new_from_slice(bytes).map_err(|_| length)?;
        let mut copy = Zeroizing::new([0; Self::LEN]);
        copy.copy_from_slice(bytes);
        Ok(Self { first: OneKey { bytes: copy, mac }, other: None })
    }

    /// The same with another key that counts as well: the one that is to come, or the one that has
    /// counted until now.
    ///
    /// ```
    /// use saoma_core::sign::{ApiKey, SignType, Unverified};
    /// use saoma_core::xml::{Doc, Draft, Text};
    ///
    /// let old = ApiKey::new("192006250b4c09247ec02edce69f6a2d")?;
    /// let new = ApiKey::new("SaomaSampleKey000000000000000586")?;
    /// let mut draft: Draft<'_> = Draft::new();
    /// draft.push("body", Text::new("test"))?;
    /// let sign = new.sign(&draft, SignType::Md5);
    /// let message = format!("<xml><body>test</body><sign>{}</sign></xml>", sign.as_str());
    /// let doc: Doc<'_> = Doc::read(message.as_bytes())?;
    ///
    /// assert!(Unverified::new(&doc).verify(&old, SignType::Md5).is_err());
    /// let both = old.or(&new);
    /// assert!(Unverified::new(&doc).verify(&both, SignType::Md5).is_ok());
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self { other: Some(other.first.clone()), ..self }
    }

    /// The same two, and the other one signs; `None` when there is one.
    #[must_use]
    pub fn other_first(&self) -> Option<Self> {
        let never = crate::planted!("second-key-never-signs");
        let first = self.other.clone().filter(|_| !never)?;
        Some(Self { first, other: Some(self.first.clone()) })
    }

    /// Each that counts.
    fn all(&self) -> impl Iterator<Item = &OneKey> {
        let other = self.other.as_ref().filter(|_| !crate::planted!("only-first-key"));
        core::iter::once(&self.first).chain(other)
    }

    /// The signature of a document: over every field that is not empty, but for `sign`.
    #[must_use]
    pub fn sign(&self, doc: &impl Signable, algorithm: SignType) -> Signature {
        self.first.sign(doc, algorithm)
    }

    /// The keys that refund notifications are encrypted with: the digits of the API key's MD5 in
    /// lower case, leading zeroes kept (protocol §10).
    pub(crate) fn refund_keys(&self) -> impl Iterator<Item = Zeroizing<[u8; 32]>> {
        self.all().map(OneKey::refund_key)
    }
}

impl OneKey {
    fn sign(&self, doc: &impl Signable, algorithm: SignType) -> Signature {
        match algorithm {
            SignType::Md5 => {
                let mut digest = Md5::new();
                self.string_to_sign(doc, |bytes| digest.update(bytes));
                Signature::from_digest(&digest.finalize())
            }
            SignType::HmacSha256 => {
                let mut mac = self.mac.clone();
                self.string_to_sign(doc, |bytes| mac.update(bytes));
                Signature::from_digest(&mac.finalize().into_bytes())
            }
        }
    }

    fn refund_key(&self) -> Zeroizing<[u8; 32]> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = Zeroizing::new([0; 32]);
        for (pair, byte) in digits.chunks_exact_mut(2).zip(Md5::digest(self.bytes.as_slice())) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        digits
    }

    /// Feeds `name=value&...&key=KEY` to `out`, in order and in large pieces.
    fn string_to_sign(&self, doc: &impl Signable, out: impl FnMut(&[u8])) {
        let mut staged = Staged::new(out);
        for (name, value) in doc.in_order() {
            match value {
                _ if name == SIGN.as_bytes() => {}
                Value::Plain(b"") => {}
                Value::Plain(value) => staged.push([name, b"=", value, b"&"]),
                Value::Encoded(value) if value.is_empty() => {}
                Value::Encoded(value) => {
                    staged.push([name, b"="]);
                    value.each(|piece| staged.push([piece.as_bytes()]));
                    staged.push([b"&"]);
                }
            }
        }
        let mut out = staged.finish();
        // The key has a buffer of its own, which is wiped.
        let mut tail = Zeroizing::new([0; KEY_FIELD.len() + ApiKey::LEN]);
        let (name, value) = tail.split_at_mut(KEY_FIELD.len());
        name.copy_from_slice(KEY_FIELD);
        value.copy_from_slice(&*self.bytes);
        out(&*tail);
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// What stands before the key at the end of the string to sign.
const KEY_FIELD: &[u8] = b"key=";

/// Why a text is not an [`ApiKey`].
///
/// An example is at [`ApiKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Not 32 bytes.
    Length {
        /// How many bytes it has.
        got: usize,
    },
    /// A space, a control character or something outside ASCII.
    Character,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { got } => write!(f, "the API key must have 32 characters, not {got}"),
            Self::Character => f.write_str("the API key must be visible ASCII characters"),
        }
    }
}

impl core::error::Error for KeyError {}

/// A signature: 32 or 64 upper-case hexadecimal digits.
///
/// An example is at [`ApiKey`].
#[derive(Clone, Copy)]
pub struct Signature {
    digits: [u8; 64],
    len: usize,
}

impl Signature {
    fn from_digest(digest: &[u8]) -> Self {
        let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'A' - 10 };
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(digest) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self { digits, len: (digest.len() * 2).min(64) }
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The digits are ASCII.
        self.digits.get(..self.len).and_then(|d| core::str::from_utf8(d).ok()).unwrap_or("")
    }

    /// Whether another text is this signature. How long this takes tells nothing about where they
    /// differ.
    fn ct_eq(&self, received: &str) -> bool {
        let mut other = [0; 64];
        match other.get_mut(..received.len()) {
            Some(place) => place.copy_from_slice(received.as_bytes()),
            None => return false,
        }
        // Words instead of bytes: eight times as fast.
        let (ours, theirs) = (self.digits.as_chunks::<8>().0, other.as_chunks::<8>().0);
        let words = if crate::planted!("sign-compared-in-part") { 3 } else { ours.len() };
        let difference =
            ours.iter().zip(theirs).take(words).fold(0, |difference, (ours, theirs)| {
                difference | (u64::from_ne_bytes(*ours) ^ u64::from_ne_bytes(*theirs))
            });
        difference.ct_eq(&0).into()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// A message that nobody has vouched for. All it tells is what picks the key and the algorithm.
///
/// An example is at [the module](self).
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'d, 'a, const N: usize = { crate::xml::FIELDS_MAX }>(&'d Doc<'a, N>);

impl<'d, 'a, const N: usize> Unverified<'d, 'a, N> {
    /// Takes a document as it came.
    #[must_use]
    pub const fn new(doc: &'d Doc<'a, N>) -> Self {
        Self(doc)
    }

    /// The merchant whose key to try.
    #[must_use]
    pub fn mch_id(self) -> Option<Text<'a>> {
        self.0.get("mch_id")
    }

    /// The attempt whose stored algorithm to try.
    #[must_use]
    pub fn out_trade_no(self) -> Option<Text<'a>> {
        self.0.get("out_trade_no")
    }

    /// Checks the signature over all fields, in constant time; of two keys either will do.
    ///
    /// The algorithm is an argument: it is the one that was stored when the order was made, never
    /// the one that the message names (protocol §2).
    ///
    /// # Errors
    /// [`VerifyError`] when `sign` is missing, has another length, or does not fit.
    pub fn verify(
        self,
        key: &ApiKey,
        algorithm: SignType,
    ) -> Result<Verified<'d, 'a, N>, VerifyError> {
        let received = self.0.get(SIGN).filter(|sign| !sign.is_empty());
        let received = received.ok_or(VerifyError::Missing)?;
        let expected_len = algorithm.sign_len();
        let wrong_length = VerifyError::Length { got: received.len(), expected: expected_len };
        let received = received.copied::<64>().ok_or(wrong_length)?;
        if received.len() != expected_len {
            return Err(wrong_length);
        }
        let is_good = key.all().any(|key| key.sign(self.0, algorithm).ct_eq(&received))
            || crate::planted!("accept-any-signature");
        if is_good { Ok(Verified(self.0)) } else { Err(VerifyError::Mismatch) }
    }
}

/// A message whose signature is good. Its fields still have to be checked one by one, because two
/// different messages can share one signature (protocol §2.1).
///
/// An example is at [`PayNotice`](crate::api::PayNotice).
#[derive(Clone, Copy, Debug)]
pub struct Verified<'d, 'a, const N: usize = { crate::xml::FIELDS_MAX }>(&'d Doc<'a, N>);

impl<'d, 'a, const N: usize> Verified<'d, 'a, N> {
    /// The document.
    #[must_use]
    pub const fn doc(self) -> &'d Doc<'a, N> {
        self.0
    }
}

/// Why a signature is refused.
///
/// An example is at [the module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// No `sign`, or an empty one.
    Missing,
    /// Another number of digits than the algorithm has.
    Length {
        /// Digits received.
        got: usize,
        /// Digits expected.
        expected: usize,
    },
    /// Another key, another algorithm, or the message was changed.
    Mismatch,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no sign field"),
            Self::Length { got, expected } => {
                write!(f, "sign has {got} characters, {expected} expected")
            }
            Self::Mismatch => f.write_str("sign does not fit the message"),
        }
    }
}

impl core::error::Error for VerifyError {}

#[cfg(test)]
mod tests;
