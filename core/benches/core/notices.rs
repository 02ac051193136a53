//! The notifications that everybody reads, made and signed here by the plainest means.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use saoma_core::sign::SignType;
use sha2::Sha256;
use std::collections::BTreeMap;

pub(crate) const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
pub(crate) const APP_ID: &str = "wx5a0mademeup0001";
pub(crate) const MCH_ID: &str = "1900000109";

/// A notification of a payment.
pub(crate) struct Notice {
    pub(crate) sign_type: SignType,
    /// As WeChat sends it, its fields in order.
    pub(crate) xml: String,
    /// The same fields in disorder.
    pub(crate) shuffled: String,
    /// One byte of it is another one; nobody may take it.
    pub(crate) forged: String,
    pub(crate) string_to_sign: String,
}

impl Notice {
    /// Coupons make it longer: with 8 it has about 2 kB, without any about 850 bytes.
    pub(crate) fn new(sign_type: SignType, coupons: usize) -> Self {
        let mut fields = fields(coupons);
        fields.insert("sign_type".into(), sign_type.as_str().into());
        let string_to_sign = string_to_sign(&fields);
        let sign = signature(&string_to_sign, sign_type);
        let mut lines: Vec<String> = fields
            .iter()
            .chain([(&"sign".to_string(), &sign)])
            .map(|(name, value)| format!("<{name}><![CDATA[{value}]]></{name}>\n"))
            .collect();
        let xml = document(&lines);
        let len = lines.len();
        for at in 0..len {
            lines.swap(at, (at * 7 + 3) % len);
        }
        let forged = xml.replacen("[2599]", "[2598]", 1);
        assert_ne!(forged, xml);
        Self { sign_type, shuffled: document(&lines), forged, string_to_sign, xml }
    }
}

fn document(lines: &[String]) -> String {
    format!("<xml>\n{}</xml>", lines.concat())
}

fn fields(coupons: usize) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = [
        ("appid", APP_ID),
        ("attach", "深圳分店"),
        ("bank_type", "OTHERS"),
        ("cash_fee", "2541"),
        ("fee_type", "CNY"),
        ("is_subscribe", "N"),
        ("mch_id", MCH_ID),
        ("nonce_str", "1497351146318"),
        ("openid", "oMadeUpOpenIdForTests000001"),
        ("out_trade_no", "SM-2026_1123|0002*"),
        ("result_code", "SUCCESS"),
        ("return_code", "SUCCESS"),
        ("time_end", "20261123193142"),
        ("total_fee", "2599"),
        ("trade_type", "NATIVE"),
        ("transaction_id", "4200009999202611230000000001"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect();
    for n in 0..coupons {
        fields.insert(format!("coupon_id_{n}"), "2000000000276621044".into());
        fields.insert(format!("coupon_fee_{n}"), "58".into());
        fields.insert(format!("coupon_type_{n}"), "CASH".into());
    }
    fields
}

/// The fields without `sign`, sorted and joined (protocol §2).
pub(crate) fn string_to_sign(fields: &BTreeMap<String, String>) -> String {
    let full = fields.iter().filter(|(_, value)| !value.is_empty());
    let joined: String = full.map(|(name, value)| format!("{name}={value}&")).collect();
    format!("{joined}key={KEY}")
}

pub(crate) fn signature(text: &str, sign_type: SignType) -> String {
    let digest = match sign_type {
        SignType::Md5 => Md5::digest(text).to_vec(),
        SignType::HmacSha256 => hmac_of_key().chain_update(text).finalize().into_bytes().to_vec(),
    };
    digest.iter().map(|byte| format!("{byte:02X}")).collect()
}

pub(crate) fn hmac_of_key() -> Hmac<Sha256> {
    Hmac::new_from_slice(KEY.as_bytes()).expect("any length will do")
}
