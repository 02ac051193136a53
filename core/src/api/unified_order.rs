//! 统一下单, the unified order (protocol §4).

use super::answer::{Opened, open};
use super::fields::invalid;
use super::request::{document, who};
use super::{AnswerError, ErrCode, Merchant, RequestError};
use crate::ids::OutTradeNo;
use crate::money::Fen;
use crate::sign::SignType;
use crate::time::UnixTime;
use crate::watch::{CODE_URL_MAX, DESCRIPTION_MAX};
use crate::xml::Doc;
use core::fmt::Write;
use core::net::IpAddr;
use heapless::String;

/// Longest `notify_url` in bytes.
const NOTIFY_URL_MAX: usize = 256;
/// Longest `attach` in bytes.
const ATTACH_MAX: usize = 127;
/// Shortest time between order and expiry in seconds.
const EXPIRY_MIN_S: u64 = 60;

/// A request for a `code_url`: trade type `NATIVE`.
#[derive(Clone, Debug)]
pub struct UnifiedOrder<'a> {
    out_trade_no: &'a OutTradeNo,
    body: &'a str,
    attach: &'a str,
    notify_url: &'a str,
    total_fee: String<16>,
    time_start: String<14>,
    time_expire: String<14>,
    spbill_create_ip: String<40>,
}

impl<'a> UnifiedOrder<'a> {
    /// Checks what WeChat would check.
    ///
    /// `body` names the goods (1 to 127 bytes), `notify_url` is absolute and has no query
    /// (at most 256 bytes), `ip` is the machine that calls, `start` is when the order was made and
    /// `expire` when it ends, at least one minute later.
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
        if body.is_empty() || body.len() > DESCRIPTION_MAX || body.chars().any(char::is_control) {
            return refuse("body", "must be 1 to 127 bytes without control characters");
        }
        if out_trade_no.as_str().contains('@') {
            return refuse("out_trade_no", "of a new order must not hold `@`");
        }
        if total_fee == Fen::ZERO || total_fee > Fen::ORDER_MAX {
            return refuse("total_fee", "must be 1 to 2147483647 fen");
        }
        if !is_notify_url(notify_url) {
            return refuse(
                "notify_url",
                "must be http(s)://host/path of at most 256 visible ASCII bytes, without query",
            );
        }
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
            attach: "",
            notify_url,
            total_fee: texts.0,
            time_start: start.beijing(),
            time_expire: expire.beijing(),
            spbill_create_ip: texts.1,
        })
    }

    /// Adds a text of the shop's own that comes back in notifications, queries and bills.
    ///
    /// # Errors
    /// [`RequestError`] above 127 bytes, and for `&` and `=`: with those, whoever chooses the text
    /// could make a second meaning of a signed message (protocol §2.1). Never let buyers choose it.
    pub fn attach(mut self, attach: &'a str) -> Result<Self, RequestError> {
        let clean = !attach.chars().any(|c| c.is_control() || matches!(c, '&' | '='));
        if attach.len() > ATTACH_MAX || !clean {
            let rule = "must be at most 127 bytes without control characters, `&` and `=`";
            return Err(RequestError { field: "attach", rule });
        }
        self.attach = attach;
        Ok(self)
    }

    /// The request without nonce and signature: what to store before the first send.
    #[must_use]
    pub fn doc<'b>(&'b self, merchant: &'b Merchant, algorithm: SignType) -> Doc<'b> {
        document(who(merchant, algorithm).into_iter().chain([
            ("body", self.body),
            ("attach", self.attach),
            ("out_trade_no", self.out_trade_no.as_str()),
            ("fee_type", "CNY"),
            ("total_fee", &self.total_fee),
            ("spbill_create_ip", &self.spbill_create_ip),
            ("time_start", &self.time_start),
            ("time_expire", &self.time_expire),
            ("notify_url", self.notify_url),
            ("trade_type", "NATIVE"),
            ("product_id", self.out_trade_no.as_str()),
        ]))
    }
}

fn is_notify_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split_once('/')).map(|(host, _)| host);
    host.is_some_and(|host| !host.is_empty())
        && url.len() <= NOTIFY_URL_MAX
        && url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#'))
}

/// What WeChat says to a unified order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "without heap the code is held in place")]
pub enum UnifiedOrderAnswer {
    /// The order stands; this is the text of its QR code, good for two hours.
    Placed {
        /// To be shown as it is.
        code_url: String<CODE_URL_MAX>,
    },
    /// A signed refusal.
    Refused(ErrCode),
}

impl UnifiedOrderAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`AnswerError`]: the outcome is unknown.
    pub fn read(
        doc: &Doc<'_>,
        merchant: &Merchant,
        algorithm: SignType,
    ) -> Result<Self, AnswerError> {
        let fields = match open(doc, merchant, algorithm)? {
            Opened::Success(fields) => fields,
            Opened::Fail(code) => return Ok(Self::Refused(code)),
        };
        fields.exactly("trade_type", "NATIVE")?;
        let code_url: String<CODE_URL_MAX> =
            fields.required("code_url")?.copied().ok_or(invalid("code_url"))?;
        if !code_url.starts_with("weixin://") || !code_url.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(invalid("code_url").into());
        }
        Ok(Self::Placed { code_url })
    }
}
