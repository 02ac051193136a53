//! What all requests share: checks that refuse early, and the seal of nonce and signature.

use super::Merchant;
#[cfg(doc)]
use super::UnifiedOrder;
use crate::ids::Nonce;
use crate::sign::{SIGN, SignType};
use crate::xml::{Draft, Field, PushError, Text, WriteError};
use core::fmt;

/// A value that WeChat would refuse: it names the field, the rule and its limit.
///
/// ```
/// use saoma_core::api::{Store, SceneInfo};
///
/// let store = Store { id: "SZTX001", name: "", area_code: "44030", address: "" };
/// let error = SceneInfo::new(&store).unwrap_err();
/// assert_eq!(error.to_string(), "area_code must be 6 digits");
/// ```
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

/// Why a request cannot be sealed; an example is at [`seal`].
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
/// ```
/// use saoma_core::api::{Merchant, order_query, seal};
/// use saoma_core::ids::{AppId, MchId, Nonce, OutTradeNo};
/// use saoma_core::sign::{ApiKey, SignType};
///
/// let merchant = Merchant {
///     mch_id: MchId::new("1900000109")?,
///     app_id: AppId::new("wx5a0mademeup0001")?,
///     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
///     sign_type: SignType::Md5,
/// };
/// let number = OutTradeNo::new("SM20261123192600000001")?;
/// let nonce = Nonce::new("ec2316275641faa3aacf3cc599e8730f")?;
/// let request = order_query(&merchant, SignType::Md5, &number);
/// let mut xml = String::new();
/// seal(request, &nonce, &merchant, SignType::Md5, &mut xml)?;
/// assert!(xml.ends_with("<sign>3D0374C97735ECA55F952556B1D8211A</sign></xml>"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// The same stored document may be sealed again and again, each time with a new nonce; that is how
/// a call is retried (protocol §4).
///
/// # Errors
/// [`SealError`] when the document is sealed already or cannot be written.
pub fn seal<'a, const N: usize>(
    mut draft: Draft<'a, N>,
    nonce: &'a Nonce,
    merchant: &Merchant,
    algorithm: SignType,
    out: &mut impl fmt::Write,
) -> Result<(), SealError> {
    draft.push("nonce_str", Text::new(nonce.as_str())).map_err(SealError::Push)?;
    let signature = merchant.key.sign(&draft, algorithm);
    if draft.fields().iter().any(|field| field.name == SIGN) {
        return Err(SealError::Push(PushError::Duplicate));
    }
    let sign = Field { name: SIGN, value: Text::new(signature.as_str()) };
    draft.write_with(Some(sign), out).map_err(SealError::Write)
}

/// The beginning of a text: as many whole characters as fit `bytes`, to make a name fit
/// [`UnifiedOrder`]'s `body`.
///
/// ```
/// use saoma_core::api::cut;
///
/// assert_eq!(cut("美式咖啡", 10), "美式咖");
/// assert_eq!(cut("latte", 127), "latte");
/// ```
#[must_use]
pub fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// Longest `notify_url` in bytes.
const NOTIFY_URL_MAX: usize = 256;

/// Checks an address that WeChat is to call (protocol §4).
pub(super) fn notify_url(url: &str) -> Result<&str, RequestError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split_once('/')).map(|(host, _)| host);
    let fits = host.is_some_and(|host| !host.is_empty())
        && url.len() <= NOTIFY_URL_MAX
        && url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#'));
    let rule = "must be http(s)://host/path of at most 256 visible ASCII bytes, without query";
    if fits { Ok(url) } else { Err(RequestError { field: "notify_url", rule }) }
}

/// A text of 1 to `max` bytes without control characters.
pub(super) fn is_text(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A text that comes back in signed messages: with `&` and `=` whoever chooses it could make a
/// second meaning of them (protocol §2.1).
pub(super) fn is_echoed(text: &str, max: usize) -> bool {
    is_text(text, max) && !text.contains(['&', '='])
}

/// A document of fields whose names are distinct and few enough by construction; empty values are
/// left out.
pub(crate) fn document<'a, const N: usize>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Draft<'a, N> {
    let mut draft = Draft::new();
    for (name, value) in fields {
        if !value.is_empty() {
            // The callers' names are constants, fewer than N, and none is there twice.
            let added = draft.append(name, Text::new(value));
            debug_assert_eq!(added, Ok(()), "{name}");
        }
    }
    draft
}

/// The three fields of every request that never change.
pub(crate) fn who(merchant: &Merchant, algorithm: SignType) -> [(&str, &str); 3] {
    [
        ("appid", merchant.app_id.as_str()),
        ("mch_id", merchant.mch_id.as_str()),
        ("sign_type", algorithm.as_str()),
    ]
}
