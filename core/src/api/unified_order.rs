//! 统一下单, the unified order (protocol §4).

use super::answer::{Opened, open};
use super::fields::invalid;
use super::goods::{DETAIL_MAX, SCENE_INFO_MAX, is_json};
use super::request::{document, is_echoed, is_text, notify_url};
use super::{AnswerError, Merchant, Refusal, RequestError};
use crate::ids::{OutTradeNo, PrepayId, ProductId};
use crate::money::Fen;
use crate::sign::SignType;
use crate::time::UnixTime;
use crate::watch::{CODE_URL_MAX, DESCRIPTION_MAX};
use crate::xml::{Doc, Draft};
use core::fmt::{self, Write};
use core::net::IpAddr;
use heapless::{String, Vec};

/// Longest `attach` in bytes.
const ATTACH_MAX: usize = 127;
/// Shortest time between order and expiry in seconds.
const EXPIRY_MIN_S: u64 = 60;
/// Optional fields that there are.
const EXTRAS_MAX: usize = 16;

/// A request for a `code_url`: trade type `NATIVE`.
///
/// What every order has is given to [`new`](Self::new); the other methods add one optional field
/// each, and refuse at once what WeChat would refuse later. A method called twice replaces the
/// field. `openid` is not for `NATIVE` and is left out.
///
/// ```
/// use saoma_core::api::{Merchant, UnifiedOrder};
/// use saoma_core::ids::{AppId, MchId, OutTradeNo};
/// use saoma_core::sign::{ApiKey, SignType};
/// use saoma_core::{money::Fen, time::UnixTime};
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::HmacSha256,
/// # };
/// let number = OutTradeNo::new("SM20261123192600000001")?;
/// let start = UnixTime::parse_beijing("20261123192600")?;
/// let order = UnifiedOrder::new(
///     &number,
///     "扫码示例店-拿铁",
///     Fen::parse("2599")?,
///     "https://pay.example.com/wx/v2/notify",
///     "203.0.113.7".parse()?,
///     (start, start.plus(900)),
/// )?
/// .device_info("till-7")?
/// .no_credit();
/// // To be stored before the first send, and replayed on each retry.
/// let request = order.draft(&merchant, SignType::HmacSha256);
/// assert!(request.get("time_expire").is_some_and(|time| time == "20261123194100"));
/// assert!(request.get("limit_pay").is_some_and(|limit| limit == "no_credit"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct UnifiedOrder<'a> {
    out_trade_no: &'a OutTradeNo,
    body: &'a str,
    notify_url: &'a str,
    total_fee: String<16>,
    time_start: String<14>,
    time_expire: String<14>,
    spbill_create_ip: String<40>,
    /// The optional fields, by WeChat's name.
    extras: Vec<(&'static str, &'a str), EXTRAS_MAX>,
}

impl<'a> UnifiedOrder<'a> {
    /// Checks what WeChat would check.
    ///
    /// `body` names the goods (1 to 127 bytes; [`cut`](super::cut) makes a longer name fit),
    /// `notify_url` is absolute and has no query (at most 256 bytes), `ip` is the machine that
    /// calls, `start` is when the order was made and `expire` when it ends, at least one minute
    /// later.
    ///
    /// # Errors
    /// [`RequestError`] names field and rule.
    pub fn new(
        out_trade_no: &'a OutTradeNo,
        body: &'a str,
        total_fee: Fen,
        notify_url: &'a str,
        ip: IpAddr,
        (start, expire): (UnixTime, UnixTime),
    ) -> Result<Self, RequestError> {
        let refuse = |field, rule| Err(RequestError { field, rule });
        if !is_text(body, DESCRIPTION_MAX) {
            return refuse("body", "must be 1 to 127 bytes without control characters");
        }
        if out_trade_no.as_str().contains('@') {
            return refuse("out_trade_no", "of a new order must not hold `@`");
        }
        if total_fee == Fen::ZERO || total_fee > Fen::ORDER_MAX {
            return refuse("total_fee", "must be 1 to 2147483647 fen");
        }
        let notify_url = self::notify_url(notify_url)?;
        if expire.since(start) < EXPIRY_MIN_S {
            return refuse("time_expire", "must be at least 60 seconds after the order");
        }
        let mut texts = (String::new(), String::new());
        // Ten digits and an IPv6 address fit.
        let _ = write!(texts.0, "{total_fee}");
        let _ = write!(texts.1, "{ip}");
        Ok(Self {
            out_trade_no,
            body,
            notify_url,
            total_fee: texts.0,
            time_start: start.beijing(),
            time_expire: expire.beijing(),
            spbill_create_ip: texts.1,
            extras: Vec::new(),
        })
    }

    /// Adds a text of the shop's own that comes back in notifications, queries and bills.
    ///
    /// # Errors
    /// [`RequestError`] above 127 bytes, and for `&` and `=`: with those, whoever chooses the text
    /// could make a second meaning of a signed message (protocol §2.1). Never let buyers choose it.
    pub fn attach(self, attach: &'a str) -> Result<Self, RequestError> {
        let rule = "must be at most 127 bytes without control characters, `&` and `=`";
        let fits = attach.is_empty() || is_echoed(attach, ATTACH_MAX);
        self.with_if(fits, "attach", attach, rule)
    }

    /// Adds the number of the shop or the till; it comes back like `attach`.
    ///
    /// # Errors
    /// [`RequestError`] above 32 bytes, and for `&` and `=`.
    pub fn device_info(self, device: &'a str) -> Result<Self, RequestError> {
        let rule = "must be 1 to 32 bytes without control characters, `&` and `=`";
        self.with_if(is_echoed(device, 32), "device_info", device, rule)
    }

    /// Adds the goods as JSON, for single-item coupons; [`Detail`](super::Detail) writes it.
    ///
    /// # Errors
    /// [`RequestError`] unless it is one JSON object of at most 6144 bytes.
    pub fn detail(self, json: &'a str) -> Result<Self, RequestError> {
        let rule = "must be one JSON object of at most 6144 bytes";
        self.with_if(is_json(json, DETAIL_MAX), "detail", json, rule)
    }

    /// Says that `detail` is about single-item coupons: `version` 1.0. Queries of such an order
    /// are answered with `promotion_detail`.
    #[must_use]
    pub fn item_coupons(self) -> Self {
        self.with("version", "1.0")
    }

    /// Adds the marker that coupons ask for.
    ///
    /// # Errors
    /// [`RequestError`] above 32 bytes.
    pub fn goods_tag(self, tag: &'a str) -> Result<Self, RequestError> {
        let rule = "must be 1 to 32 bytes without control characters";
        self.with_if(is_text(tag, 32), "goods_tag", tag, rule)
    }

    /// Names the product; without this it is the order's own number.
    #[must_use]
    pub fn product_id(self, product: &'a ProductId) -> Self {
        self.with("product_id", product.as_str())
    }

    /// Refuses payment by credit card.
    #[must_use]
    pub fn no_credit(self) -> Self {
        self.with("limit_pay", "no_credit")
    }

    /// Shows the way to an electronic invoice on the payment's page.
    #[must_use]
    pub fn receipt(self) -> Self {
        self.with("receipt", "Y")
    }

    /// Says whether the money is to be split later; until then it is held back.
    #[must_use]
    pub fn profit_sharing(self, split: bool) -> Self {
        self.with("profit_sharing", if split { "Y" } else { "N" })
    }

    /// Adds the shop as JSON; [`SceneInfo`](super::SceneInfo) writes it.
    ///
    /// # Errors
    /// [`RequestError`] unless it is one JSON object of at most 256 bytes.
    pub fn scene_info(self, json: &'a str) -> Result<Self, RequestError> {
        let rule = "must be one JSON object of at most 256 bytes";
        self.with_if(is_json(json, SCENE_INFO_MAX), "scene_info", json, rule)
    }

    /// Names the person who must pay: kind of document, its number and the name on it. Only for
    /// merchants with that product; the values' own rules are WeChat's, here are only the lengths.
    ///
    /// # Errors
    /// [`RequestError`] above 32, 32 and 64 bytes.
    pub fn payer(
        self,
        document: &'a str,
        number: &'a str,
        name: &'a str,
    ) -> Result<Self, RequestError> {
        let rule = "must be 1 to 32 bytes without control characters";
        self.with_if(is_text(document, 32), "user_type", document, rule)?
            .with_if(is_text(number, 32), "user_creid", number, rule)?
            .with_if(
                is_text(name, 64),
                "user_truename",
                name,
                "must be 1 to 64 bytes without control characters",
            )
    }

    fn with_if(
        self,
        fits: bool,
        field: &'static str,
        value: &'a str,
        rule: &'static str,
    ) -> Result<Self, RequestError> {
        if fits { Ok(self.with(field, value)) } else { Err(RequestError { field, rule }) }
    }

    /// Sets an optional field.
    fn with(mut self, field: &'static str, value: &'a str) -> Self {
        if let Some(extra) = self.extras.iter_mut().find(|(name, _)| *name == field) {
            extra.1 = value;
        } else {
            // There are fewer names than places.
            let full = self.extras.push((field, value)).is_err();
            debug_assert!(!full, "fewer optional fields than places");
        }
        self
    }

    /// The request without nonce and signature: what to store before the first send.
    #[must_use]
    pub fn draft<'b>(&'b self, merchant: &'b Merchant, algorithm: SignType) -> Draft<'b> {
        let own_product = self.extras.iter().any(|(name, _)| *name == "product_id");
        let product = if own_product { "" } else { self.out_trade_no.as_str() };
        // In the order that the signature wants, which saves sorting.
        let fields: [(&str, &str); 13] = [
            ("appid", merchant.app_id.as_str()),
            ("body", self.body),
            ("fee_type", "CNY"),
            ("mch_id", merchant.mch_id.as_str()),
            ("notify_url", self.notify_url),
            ("out_trade_no", self.out_trade_no.as_str()),
            ("product_id", product),
            ("sign_type", algorithm.as_str()),
            ("spbill_create_ip", &self.spbill_create_ip),
            ("time_expire", &self.time_expire),
            ("time_start", &self.time_start),
            ("total_fee", &self.total_fee),
            ("trade_type", "NATIVE"),
        ];
        document(fields.into_iter().chain(self.extras.iter().copied()))
    }
}

impl fmt::Debug for UnifiedOrder<'_> {
    /// The number and the amount; the rest may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnifiedOrder")
            .field("out_trade_no", &self.out_trade_no.as_str())
            .field("total_fee", &self.total_fee)
            .finish_non_exhaustive()
    }
}

/// What WeChat says to a unified order.
///
/// ```
/// use saoma_core::api::{Merchant, UnifiedOrderAnswer};
/// use saoma_core::ids::{AppId, MchId};
/// use saoma_core::sign::{ApiKey, SignType};
/// use saoma_core::xml::Doc;
///
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let answer = b"<xml>
/// <return_code>SUCCESS</return_code><return_msg>OK</return_msg>
/// <appid>wx5a0mademeup0001</appid><mch_id>1900000109</mch_id>
/// <nonce_str>IITRi8Iabbblz1Jc</nonce_str><result_code>SUCCESS</result_code>
/// <prepay_id>wx231926001234567890abcdef0123450000</prepay_id><trade_type>NATIVE</trade_type>
/// <code_url><![CDATA[weixin://wxpay/bizpayurl?pr=a1B2c3Dzz]]></code_url>
/// <sign>1CC0C3DF4C44CE7C8392E6A3C65FAA9C</sign></xml>";
/// let doc: Doc<'_> = Doc::read(answer)?;
/// match UnifiedOrderAnswer::read(&doc, &merchant, SignType::Md5)? {
///     UnifiedOrderAnswer::Placed { code_url, .. } => {
///         assert_eq!(code_url, "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz");
///     }
///     UnifiedOrderAnswer::Refused(refusal) => panic!("{refusal}"),
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnifiedOrderAnswer {
    /// The order stands; this is the text of its QR code, good for two hours.
    Placed {
        /// To be shown as it is.
        code_url: String<CODE_URL_MAX>,
        /// WeChat's number of the order until it is paid; only scan mode one needs it
        /// (protocol §12).
        prepay_id: Option<PrepayId>,
    },
    /// A signed refusal.
    Refused(Refusal),
}

impl UnifiedOrderAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`AnswerError`]: the outcome is unknown.
    pub fn read<const N: usize>(
        doc: &Doc<'_, N>,
        merchant: &Merchant,
        algorithm: SignType,
    ) -> Result<Self, AnswerError> {
        let fields = match open(doc, merchant, algorithm)? {
            Opened::Success(fields) => fields,
            Opened::Fail(refusal) => return Ok(Self::Refused(refusal)),
        };
        fields.exactly("trade_type", "NATIVE")?;
        let code_url: String<CODE_URL_MAX> =
            fields.required("code_url")?.copied().ok_or(invalid("code_url"))?;
        if !code_url.starts_with("weixin://") || !code_url.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(invalid("code_url").into());
        }
        // Native needs the code alone, so an odd number here must not cost the order.
        let prepay_id = fields.optional_parsed("prepay_id", PrepayId::new).unwrap_or(None);
        Ok(Self::Placed { code_url, prepay_id })
    }
}
