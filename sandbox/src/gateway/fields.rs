//! The rules for single fields of a request: there, not too long, of the right form
//! (`docs/protocol.md` §3 and §4).
//!
//! Lengths are bytes of UTF-8. The pages say String(n) without a unit; bytes is the stricter
//! reading, so what passes here passes there. Fields that no rule names are let through: the real
//! gateway adds fields without asking, and all of them are signed.

use std::net::IpAddr;

use super::nested;
use super::refusal::Refusal;
use crate::time::UnixTime;
use crate::xml::Document;

/// The largest `total_fee`. The pages say Int.
pub const TOTAL_FEN_MAX: u64 = i32::MAX as u64;

/// What a field's value must look like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Goods for coupons, as JSON, or free text. Line breaks are allowed.
    Detail,
    /// Where it is sold, as JSON. Line breaks are allowed.
    Scene,
    /// Any text without control characters.
    Text,
    /// A new order's number: at least 6 of letters, digits, `_`, `-`, `|`, `*`.
    NewOrderNo,
    /// An order's number when it is looked up. The pages of query and close also allow `@`.
    KnownOrderNo,
    /// Letters and digits.
    Alphanumeric,
    /// Fen: 1 to [`TOTAL_FEN_MAX`], without sign, point or leading zero.
    Fen,
    /// An IPv4 or IPv6 address.
    Ip,
    /// 14 digits of Beijing time.
    Time,
    /// An absolute http or https address with a path and without a query string.
    NotifyUrl,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// The rule for one field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    /// The most bytes it may have.
    pub(super) bytes_max: usize,
    pub(super) required: bool,
    pub(super) form: Form,
}

impl Rule {
    pub(super) const fn required(name: &'static str, bytes_max: usize, form: Form) -> Self {
        Self { name, bytes_max, required: true, form }
    }

    pub(super) const fn optional(name: &'static str, bytes_max: usize, form: Form) -> Self {
        Self { name, bytes_max, required: false, form }
    }

    fn check(&self, document: &Document) -> Result<(), Refusal> {
        match document.filled(self.name) {
            None if self.required => Err(Refusal::lacks(self.name)),
            None => Ok(()),
            Some(value) if value.len() > self.bytes_max => Err(Refusal::length(self.name)),
            Some(value) if !self.form.fits(value) => Err(Refusal::format(self.name)),
            Some(_) => Ok(()),
        }
    }
}

/// Checks a request against its rules; the first that does not hold decides. What is missing is
/// said before what is wrong.
pub(super) fn check(document: &Document, rules: &[Rule]) -> Result<(), Refusal> {
    let missing = |rule: &&Rule| rule.required && document.filled(rule.name).is_none();
    if let Some(rule) = rules.iter().find(missing) {
        return Err(Refusal::lacks(rule.name));
    }
    rules.iter().try_for_each(|rule| rule.check(document))
}

impl Form {
    fn fits(self, value: &str) -> bool {
        let all = |each: fn(u8) -> bool| value.bytes().all(each);
        match self {
            Self::Detail => nested::is_detail(value),
            Self::Scene => nested::is_scene(value),
            Self::Text => !value.chars().any(char::is_control),
            Self::NewOrderNo => value.len() >= 6 && all(order_no_byte),
            Self::KnownOrderNo => all(|byte| order_no_byte(byte) || byte == b'@'),
            Self::Alphanumeric => all(|byte| byte.is_ascii_alphanumeric()),
            Self::Fen => read_fen(value).is_some(),
            Self::Ip => value.parse::<IpAddr>().is_ok(),
            Self::Time => UnixTime::from_beijing(value).is_some(),
            Self::NotifyUrl => is_notify_url(value),
            Self::OneOf(words) => words.contains(&value),
        }
    }
}

const fn order_no_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'|' | b'*')
}

/// Reads an amount in fen; `None` when it does not fit [`Form::Fen`].
pub(super) fn read_fen(value: &str) -> Option<u64> {
    if value.starts_with('0') || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    value.parse().ok().filter(|fen| (1..=TOTAL_FEN_MAX).contains(fen))
}

fn is_notify_url(value: &str) -> bool {
    let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"));
    let Some((host, _path)) = rest.and_then(|rest| rest.split_once('/')) else { return false };
    let visible = value.bytes().all(|byte| byte.is_ascii_graphic());
    visible && !host.is_empty() && !value.contains(['?', '#', '@', '"', '<', '>', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_numbers_are_6_to_32_of_the_allowed_characters() {
        for good in ["SM2026", "SM-2026_1123|0002*", "abcDEF"] {
            assert!(Form::NewOrderNo.fits(good), "{good}");
        }
        for bad in ["SM202", "SM 2026", "SM2026@a", "SM2026.1", "SM2026扫", "SM2026&a"] {
            assert!(!Form::NewOrderNo.fits(bad), "{bad}");
        }
        assert!(Form::KnownOrderNo.fits("a@b"));
    }

    #[test]
    fn amounts_are_whole_fen_from_one() {
        for (text, fen) in [("1", Some(1)), ("2147483647", Some(TOTAL_FEN_MAX))] {
            assert_eq!(read_fen(text), fen);
        }
        for text in ["", "0", "00", "01", "-1", "+1", "1.0", "1e3", " 1", "１", "2147483648"] {
            assert_eq!(read_fen(text), None, "{text}");
        }
        assert_eq!(read_fen(&"9".repeat(88)), None);
    }

    #[test]
    fn a_notify_url_is_absolute_with_a_path_and_without_a_query() {
        for good in [
            "https://pay.example.com/wx/v2/notify",
            "http://127.0.0.1:8080/",
            "http://[::1]:8080/notify",
        ] {
            assert!(Form::NotifyUrl.fits(good), "{good}");
        }
        for bad in [
            "https://pay.example.com/notify?order=1",
            "https://pay.example.com/notify#a",
            "https://pay.example.com",
            "https:///notify",
            "ftp://pay.example.com/notify",
            "pay.example.com/notify",
            "/notify",
            "https://pay.example.com/a b",
            "https://pay.example.com/扫码",
            "https://user@pay.example.com/notify",
        ] {
            assert!(!Form::NotifyUrl.fits(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_are_ipv4_or_ipv6() {
        for (text, good) in
            [("203.0.113.7", true), ("2001:db8::1", true), ("localhost", false), ("1.2.3", false)]
        {
            assert_eq!(Form::Ip.fits(text), good, "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_said_before_what_is_wrong() {
        let rules =
            [Rule::optional("a", 3, Form::Fen), Rule::required("b", 3, Form::OneOf(&["x"]))];
        let refusal = |fields: &str| {
            let document = Document::read(format!("<xml>{fields}</xml>").as_bytes()).unwrap();
            check(&document, &rules).map_err(|refusal| refusal.text).err()
        };
        assert_eq!(refusal("<a>x</a>"), Some("缺少参数b".into()));
        assert_eq!(refusal("<a>x</a><b>x</b>"), Some("a参数格式错误".into()));
        assert_eq!(refusal("<a>1234</a><b>x</b>"), Some("a参数长度有误".into()));
        assert_eq!(refusal("<a></a><b>x</b>"), None);
        assert_eq!(refusal("<b>y</b>"), Some("b参数格式错误".into()));
    }
}
