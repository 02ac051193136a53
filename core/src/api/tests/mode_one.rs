//! Scan mode one and short links.

use super::{KEY, merchant};
use crate::api::{
    AnswerError, ErrCode, ProductUrl, SHORT_URL_MAX, ScanNotice, ShortUrlAnswer, scan_reply, seal,
    short_url,
};
use crate::ids::{AppId, MchId, Nonce, PrepayId, ProductId};
use crate::sign::{ApiKey, SignType, Unverified};
use crate::time::UnixTime;
use crate::xml::{Doc, Draft, Text};
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec::Vec;

fn url(product: &str, seconds: u64) -> Result<String, String> {
    let merchant = merchant(SignType::Md5);
    let product = ProductId::new(product).map_err(|e| e.to_string())?;
    let made_at = UnixTime::new(seconds).unwrap();
    let nonce = Nonce::new("vYtQ8w").unwrap();
    let url = ProductUrl::new(&merchant, &product, made_at, &nonce).map_err(|e| e.to_string())?;
    Ok(url.as_str().to_string())
}

#[test]
fn the_sample_link() {
    assert_eq!(
        url("SKU-0001", 1_795_461_960).unwrap(),
        "weixin://wxpay/bizpayurl?sign=4F294D39F9D5694CFA902E3E7E7A3F94&appid=wx5a0mademeup0001\
         &mch_id=1900000109&product_id=SKU-0001&time_stamp=1795461960&nonce_str=vYtQ8w"
    );
}

#[test]
fn what_a_link_cannot_carry_is_encoded_and_what_would_lie_is_refused() {
    assert!(url("50%|#1", 0).unwrap().contains("&product_id=50%25%7C%231&time_stamp=0&"));
    assert!(url("a&b", 0).is_err() && url("", 0).is_err() && url(&"a".repeat(33), 0).is_err());
    assert!(url("a", 9_999_999_999).is_ok());
    assert_eq!(url("a", 10_000_000_000).unwrap_err(), "time_stamp must have at most 10 digits");
}

#[test]
fn the_longest_link_is_whole() {
    let mut merchant = merchant(SignType::Md5);
    merchant.mch_id = MchId::new(&"9".repeat(32)).unwrap();
    merchant.app_id = AppId::new(&"w".repeat(32)).unwrap();
    let product = ProductId::new(&"%".repeat(32)).unwrap();
    let nonce = Nonce::new(&"n".repeat(32)).unwrap();
    let late = UnixTime::new(9_999_999_999).unwrap();
    let url = ProductUrl::new(&merchant, &product, late, &nonce).unwrap();
    assert!(url.as_str().ends_with(&"n".repeat(32)));
    assert!(short_url(&merchant, SignType::Md5, url.as_str()).is_ok());
}

/// A signed document of these fields.
fn signed(fields: &[(&str, &str)]) -> String {
    let mut doc: Draft<'_, 64> = Draft::new();
    for (name, value) in fields {
        doc.push(name, Text::new(value)).unwrap();
    }
    let sign = ApiKey::new(KEY).unwrap().sign(&doc, SignType::Md5);
    let mut doc: Draft<'_, 64> = doc;
    doc.push("sign", Text::new(sign.as_str())).unwrap();
    let mut xml = String::new();
    doc.write(&mut xml).unwrap();
    xml
}

const SCAN: [(&str, &str); 6] = [
    ("appid", "wx5a0mademeup0001"),
    ("openid", "oMadeUpOpenIdForTests000001"),
    ("mch_id", "1900000109"),
    ("is_subscribe", "N"),
    ("nonce_str", "vYtQ8w"),
    ("product_id", "SKU-0001"),
];

fn scan(fields: &[(&str, &str)]) -> Result<ScanNotice, String> {
    let xml = signed(fields);
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    let merchant = merchant(SignType::Md5);
    let verified = Unverified::new(&doc).verify(&merchant.key, SignType::Md5).unwrap();
    ScanNotice::read(verified, &merchant).map_err(|e| e.to_string())
}

#[test]
fn a_scan_names_product_and_customer() {
    let notice = scan(&SCAN).unwrap();
    assert_eq!(notice.product_id.as_str(), "SKU-0001");
    assert_eq!(notice.openid.as_str(), "oMadeUpOpenIdForTests000001");
}

#[test]
fn a_scan_is_checked_field_by_field() {
    for (index, value, error) in [
        (0, "wx0", "appid is not ours"),
        (1, "", "openid is missing"),
        (1, "o x", "openid has an invalid value"),
        (2, "1900000108", "mch_id is not ours"),
        (4, "", "nonce_str is missing"),
        (5, "", "product_id is missing"),
        (5, "a&b=c", "product_id has an invalid value"),
    ] {
        let mut fields = SCAN;
        fields[index].1 = value;
        assert_eq!(scan(&fields).unwrap_err(), error);
    }
}

#[test]
fn the_reply_is_signed_and_holds_the_order_or_the_reason() {
    let merchant = merchant(SignType::HmacSha256);
    let prepay = PrepayId::new("wx231926001234567890abcdef0123450000").unwrap();
    let sealed = |order| {
        let mut xml = String::new();
        let reply = scan_reply(&merchant, order).unwrap();
        seal(reply, &Nonce::from_random([7; 16]), &merchant, SignType::Md5, &mut xml).unwrap();
        xml
    };
    for (xml, result, name, value) in [
        (sealed(Ok(&prepay)), "SUCCESS", "prepay_id", prepay.as_str()),
        (sealed(Err("今日售罄")), "FAIL", "err_code_des", "今日售罄"),
    ] {
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
        assert!(Unverified::new(&doc).verify(&merchant.key, SignType::Md5).is_ok());
        assert!(doc.get("result_code").is_some_and(|code| code == result));
        assert!(doc.get(name).is_some_and(|text| text == value));
        assert_eq!(doc.fields().len(), 7);
    }
    for reason in ["", "a\nb", &"咖".repeat(43)] {
        assert_eq!(scan_reply(&merchant, Err(reason)).unwrap_err().field, "err_code_des");
    }
}

#[test]
fn a_short_link_is_asked_for_and_read() {
    let merchant = merchant(SignType::Md5);
    let long = std::format!("weixin://{}", "x".repeat(503));
    assert!(short_url(&merchant, SignType::Md5, &long).is_ok());
    for url in ["", "https://a", "weixin://咖啡", "weixin://a b", &(long + "x")] {
        assert_eq!(short_url(&merchant, SignType::Md5, url).unwrap_err().field, "long_url");
    }
    let answer = |last: (&str, &str), result: &str| {
        let xml = signed(&[
            ("return_code", "SUCCESS"),
            ("appid", "wx5a0mademeup0001"),
            ("mch_id", "1900000109"),
            ("nonce_str", "vYtQ8w"),
            ("result_code", result),
            last,
        ]);
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
        ShortUrlAnswer::read(&doc, &merchant, SignType::Md5)
    };
    let short_url = "weixin://wxpay/s/XXXXXX".try_into().unwrap();
    assert_eq!(
        answer(("short_url", "weixin://wxpay/s/XXXXXX"), "SUCCESS"),
        Ok(ShortUrlAnswer::Short { short_url })
    );
    let refused = answer(("err_code", "LACK_PARAMS"), "FAIL");
    assert_eq!(refused, Ok(ShortUrlAnswer::Refused(ErrCode::LackParams.into())));
    let long = std::format!("weixin://{}", "x".repeat(SHORT_URL_MAX));
    for url in ["https://a", "weixin://a b", &long] {
        let error = answer(("short_url", url), "SUCCESS").unwrap_err();
        assert!(matches!(error, AnswerError::Field(field) if field.field == "short_url"), "{url}");
    }
}

/// A value of a link, decoded (RFC 3986).
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if let (b'%', Some((digits, after))) = (first, after.split_at_checked(2)) {
            let digits = core::str::from_utf8(digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn a_link_says_what_was_signed(product in "[!-~]{1,32}", seconds in 0..=9_999_999_999_u64) {
        let Ok(link) = url(&product, seconds) else {
            prop_assert!(product.contains(['&', '=']));
            return Ok(());
        };
        let query = link.strip_prefix("weixin://wxpay/bizpayurl?").unwrap();
        let pairs: Vec<(&str, String)> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name, decoded(value)))
            .collect();
        let mut doc: Draft<'_, 64> = Draft::new();
        for (name, value) in &pairs {
            doc.push(name, Text::new(value)).unwrap();
        }
        let mut xml = String::new();
        doc.write(&mut xml).unwrap();
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
        prop_assert!(doc.get("product_id").is_some_and(|value| value == product.as_str()));
        prop_assert!(doc.get("time_stamp").is_some_and(|t| t == seconds.to_string().as_str()));
        let key = ApiKey::new(KEY).unwrap();
        prop_assert!(Unverified::new(&doc).verify(&key, SignType::Md5).is_ok());
    }
}
