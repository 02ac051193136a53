//! 转换短链接, short link (protocol §12): a short text makes a QR code that is easier to scan.

use super::answer::{Opened, open};
use super::fields::invalid;
use super::request::{document, who};
use super::{AnswerError, Merchant, Refusal, RequestError};
use crate::sign::SignType;
use crate::xml::{Doc, Draft};
use heapless::String;

/// Longest link to shorten in bytes.
const LONG_URL_MAX: usize = 512;
/// Longest short link in bytes.
pub const SHORT_URL_MAX: usize = 64;

/// The request without nonce and signature. `long_url` is signed and sent as it is; the document
/// escapes it.
///
/// ```
/// use saoma_core::api::{Merchant, short_url};
/// use saoma_core::ids::{AppId, MchId};
/// use saoma_core::sign::{ApiKey, SignType};
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let long_url = "weixin://wxpay/bizpayurl?appid=wx5a0mademeup0001&product_id=SKU-0001";
/// let doc = short_url(&merchant, SignType::Md5, long_url)?;
/// assert!(doc.get("long_url").is_some_and(|url| url == long_url));
/// assert!(short_url(&merchant, SignType::Md5, "https://example.com").is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # Errors
/// [`RequestError`] unless it is a `weixin://` link of at most 512 visible ASCII bytes.
pub fn short_url<'a>(
    merchant: &'a Merchant,
    algorithm: SignType,
    long_url: &'a str,
) -> Result<Draft<'a>, RequestError> {
    if !is_link(long_url, LONG_URL_MAX) {
        let rule = "must be a weixin:// link of at most 512 visible ASCII bytes";
        return Err(RequestError { field: "long_url", rule });
    }
    Ok(document(who(merchant, algorithm).into_iter().chain([("long_url", long_url)])))
}

fn is_link(url: &str, max: usize) -> bool {
    url.starts_with("weixin://") && url.len() <= max && url.bytes().all(|b| b.is_ascii_graphic())
}

/// What WeChat says to it.
///
/// ```
/// use saoma_core::api::ShortUrlAnswer;
///
/// fn text_of_code(answer: &ShortUrlAnswer, long_url: &str) -> String {
///     match answer {
///         ShortUrlAnswer::Short { short_url } => short_url.to_string(),
///         // The long link works as well.
///         ShortUrlAnswer::Refused(_) => long_url.to_string(),
///     }
/// }
/// # let short_url = "weixin://wxpay/s/XXXXXX".try_into().unwrap();
/// # let short = ShortUrlAnswer::Short { short_url };
/// # assert_eq!(text_of_code(&short, ""), "weixin://wxpay/s/XXXXXX");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShortUrlAnswer {
    /// The short link.
    Short {
        /// To be shown as it is.
        short_url: String<SHORT_URL_MAX>,
    },
    /// A signed refusal.
    Refused(Refusal),
}

impl ShortUrlAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`AnswerError`]: ask again.
    pub fn read<const N: usize>(
        doc: &Doc<'_, N>,
        merchant: &Merchant,
        algorithm: SignType,
    ) -> Result<Self, AnswerError> {
        let fields = match open(doc, merchant, algorithm)? {
            Opened::Success(fields) => fields,
            Opened::Fail(refusal) => return Ok(Self::Refused(refusal)),
        };
        let short_url: String<SHORT_URL_MAX> =
            fields.required("short_url")?.copied().ok_or(invalid("short_url"))?;
        if is_link(&short_url, SHORT_URL_MAX) {
            Ok(Self::Short { short_url })
        } else {
            Err(invalid("short_url").into())
        }
    }
}
