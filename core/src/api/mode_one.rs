//! 扫码支付模式一, scan mode one (protocol §12): one printed code for each product.
//!
//! The code holds no order. Whoever scans it makes WeChat call the merchant ([`ScanNotice`]); the
//! merchant makes an order with a unified order, and answers with its `prepay_id`
//! ([`scan_reply`]). The signatures of links, calls and answers are MD5.

use super::fields::Fields;
use super::request::{document, is_text};
use super::{FieldError, Merchant, RequestError};
use crate::ids::{Nonce, OpenId, PrepayId, ProductId};
use crate::sign::{SignType, Verified};
use crate::time::UnixTime;
use crate::xml::Draft;
use core::fmt::{self, Write};
use heapless::String;

/// Longest product link in bytes.
pub const PRODUCT_URL_MAX: usize = 352;

/// The text of a product's QR code. It does not expire.
///
/// ```
/// use saoma_core::api::{Merchant, ProductUrl};
/// use saoma_core::ids::{AppId, MchId, Nonce, ProductId};
/// use saoma_core::sign::{ApiKey, SignType};
/// use saoma_core::time::UnixTime;
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let product = ProductId::new("SKU-0001")?;
/// let made_at = UnixTime::new(1_795_461_960).expect("before the year 9999");
/// let url = ProductUrl::new(&merchant, &product, made_at, &Nonce::new("vYtQ8w")?)?;
/// assert_eq!(
///     url.as_str(),
///     "weixin://wxpay/bizpayurl?sign=4F294D39F9D5694CFA902E3E7E7A3F94&appid=wx5a0mademeup0001\
///      &mch_id=1900000109&product_id=SKU-0001&time_stamp=1795461960&nonce_str=vYtQ8w"
/// );
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductUrl(String<PRODUCT_URL_MAX>);

impl ProductUrl {
    /// Makes and signs the link. Values are signed as they are; what a link cannot carry is
    /// percent-encoded.
    ///
    /// # Errors
    /// [`RequestError`] for a time of more than 10 digits, after the year 2286.
    pub fn new(
        merchant: &Merchant,
        product: &ProductId,
        made_at: UnixTime,
        nonce: &Nonce,
    ) -> Result<Self, RequestError> {
        let mut time_stamp: String<10> = String::new();
        let rule = "must have at most 10 digits";
        write!(time_stamp, "{}", made_at.get())
            .map_err(|_| RequestError { field: "time_stamp", rule })?;
        let fields = [
            ("appid", merchant.app_id.as_str()),
            ("mch_id", merchant.mch_id.as_str()),
            ("product_id", product.as_str()),
            ("time_stamp", &time_stamp),
            ("nonce_str", nonce.as_str()),
        ];
        let draft: Draft<'_, 8> = document(fields);
        let sign = merchant.key.sign(&draft, SignType::Md5);
        let mut url = String::new();
        let mut written = write!(url, "weixin://wxpay/bizpayurl?sign={}", sign.as_str());
        for (name, value) in fields {
            written = written.and_then(|()| write!(url, "&{name}={}", Encoded(value)));
        }
        debug_assert!(written.is_ok(), "the longest fields fit");
        Ok(Self(url))
    }

    /// The link.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A value as a link carries it (RFC 3986).
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// Somebody has scanned a product's code: an order is wanted, at once.
///
/// ```
/// use saoma_core::api::{Merchant, ScanNotice};
/// use saoma_core::sign::{SignType, Unverified};
/// use saoma_core::xml::Doc;
///
/// # use saoma_core::{ids::{AppId, MchId}, sign::ApiKey};
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let body = b"<xml><appid>wx5a0mademeup0001</appid><is_subscribe>N</is_subscribe>
/// <mch_id>1900000109</mch_id><nonce_str>vYtQ8w</nonce_str><openid>oMadeUpOpenId1</openid>
/// <product_id>SKU-0001</product_id><sign>0C1EEE9F1E1C3D9D3E8D2E6E3D8F6E0B</sign></xml>";
/// let doc: Doc<'_> = Doc::read(body)?;
/// // This one was made up, so its signature is not WeChat's.
/// assert!(Unverified::new(&doc).verify(&merchant.key, SignType::Md5).is_err());
/// # use saoma_core::xml::{Draft, Text};
/// # let mut good: Draft<'_, 64> = Draft::new();
/// # for field in doc.fields().filter(|field| field.name != "sign") {
/// #     good.push(field.name, field.value)?;
/// # }
/// # let sign = merchant.key.sign(&good, SignType::Md5);
/// # let mut good = good;
/// # good.push("sign", Text::new(sign.as_str()))?;
/// # let mut xml = String::new();
/// # good.write(&mut xml)?;
/// # let doc: Doc<'_> = Doc::read(xml.as_bytes())?;
/// // With WeChat's:
/// let verified = Unverified::new(&doc).verify(&merchant.key, SignType::Md5)?;
/// let notice = ScanNotice::read(verified, &merchant)?;
/// assert_eq!(notice.product_id.as_str(), "SKU-0001");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanNotice {
    /// What is to be sold.
    pub product_id: ProductId,
    /// Who wants it.
    pub openid: OpenId,
}

impl ScanNotice {
    /// Reads a verified call.
    ///
    /// # Errors
    /// [`FieldError`] names the field that is missing, breaks its rule or is not ours.
    pub fn read<const N: usize>(
        verified: Verified<'_, '_, N>,
        merchant: &Merchant,
    ) -> Result<Self, FieldError> {
        let fields = Fields(verified);
        fields.exactly("appid", merchant.app_id.as_str())?;
        fields.exactly("mch_id", merchant.mch_id.as_str())?;
        fields.required("nonce_str")?;
        Ok(Self {
            product_id: fields.parsed("product_id", ProductId::new)?,
            openid: fields.parsed("openid", OpenId::new)?,
        })
    }
}

/// The answer to a [`ScanNotice`]: the order's `prepay_id`, or `Err` with a text of 1 to 128 bytes
/// that the customer is shown.
///
/// The document is to be [sealed](super::seal) with [`SignType::Md5`] and sent with status 200,
/// quickly: otherwise the customer reads that the shop does not answer.
///
/// ```
/// use saoma_core::api::{Merchant, scan_reply, seal};
/// use saoma_core::ids::{AppId, MchId, Nonce, PrepayId};
/// use saoma_core::sign::{ApiKey, SignType};
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let prepay_id = PrepayId::new("wx231926001234567890abcdef0123450000")?;
/// let reply = scan_reply(&merchant, Ok(&prepay_id))?;
/// let mut xml = String::new();
/// seal(reply, &Nonce::from_random([7; 16]), &merchant, SignType::Md5, &mut xml)?;
/// assert!(xml.contains("<result_code>SUCCESS</result_code>"));
/// assert!(scan_reply(&merchant, Err("今日售罄")).is_ok());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # Errors
/// [`RequestError`] when the text is empty, longer than 128 bytes or holds control characters.
pub fn scan_reply<'a>(
    merchant: &'a Merchant,
    order: Result<&'a PrepayId, &'a str>,
) -> Result<Draft<'a>, RequestError> {
    let [result_code, reason] = match order {
        Ok(_) => ["SUCCESS", ""],
        Err(reason) if is_text(reason, 128) => ["FAIL", reason],
        Err(_) => {
            let rule = "must be 1 to 128 bytes without control characters";
            return Err(RequestError { field: "err_code_des", rule });
        }
    };
    Ok(document([
        ("return_code", "SUCCESS"),
        ("appid", merchant.app_id.as_str()),
        ("mch_id", merchant.mch_id.as_str()),
        ("result_code", result_code),
        ("prepay_id", order.map_or("", PrepayId::as_str)),
        ("err_code_des", reason),
    ]))
}
