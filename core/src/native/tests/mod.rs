//! The client against real hosts on 127.0.0.1, over real TLS where TLS matters.

mod bills;
mod calls;
mod certificates;
mod host;
mod keys;
mod pkcs12;
mod tap;

use super::parse_host;
use crate::api::{Merchant, PaymentNo, Refund};
use crate::ids::{AppId, MchId, Nonce, OutRefundNo, TransactionId};
use crate::money::Fen;
use crate::sign::{ApiKey, SignType};
use md5::{Digest as _, Md5};
use std::string::{String, ToString};
use std::vec::Vec;

const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const MESSAGES: &str = include_str!("../../../../tests/fixtures/v2-messages.json");
const MD5: SignType = SignType::Md5;

fn merchant() -> Merchant {
    Merchant {
        mch_id: MchId::new("1900000109").unwrap(),
        app_id: AppId::new("wx5a0mademeup0001").unwrap(),
        key: ApiKey::new(KEY).unwrap(),
        sign_type: MD5,
    }
}

fn nonce() -> Nonce {
    Nonce::from_random([7; 16])
}

/// The sample whose title begins with `number`.
fn message(number: &str) -> String {
    let messages: Vec<serde_json::Value> = serde_json::from_str(MESSAGES).unwrap();
    let title = |message: &serde_json::Value| message["title"].as_str().unwrap().to_string();
    let found = messages.iter().find(|message| title(message).split(' ').next() == Some(number));
    found.unwrap()["xml"].as_str().unwrap().to_string()
}

/// An answer of these fields, in the order of their names, signed as WeChat would.
fn signed(fields: &[(&str, &str)]) -> String {
    let who = [
        ("appid", "wx5a0mademeup0001"),
        ("mch_id", "1900000109"),
        ("nonce_str", "vYtQ8w"),
        ("return_code", "SUCCESS"),
    ];
    let mut fields: Vec<_> = fields.iter().copied().chain(who).collect();
    fields.sort_unstable();
    let joined: String =
        fields.iter().map(|(name, value)| [name, "=", value, "&"].concat()).collect();
    let sign: String = Md5::digest([&joined, "key=", KEY].concat())
        .iter()
        .map(|byte| std::format!("{byte:02X}"))
        .collect();
    let element = |(name, value): (&str, &str)| std::format!("<{name}>{value}</{name}>");
    let fields: String = fields.into_iter().chain([("sign", sign.as_str())]).map(element).collect();
    ["<xml>", &fields, "</xml>"].concat()
}

/// The order of sample M1, as it is stored.
fn stored_order() -> String {
    let sealed = message("M1");
    let stored = |line: &&str| !line.contains("nonce_str>") && !line.contains("sign>");
    sealed.lines().filter(stored).collect()
}

/// The refund that sample M13 answers, as it is stored.
fn stored_refund() -> String {
    let payment = TransactionId::new("4200009999202611230000000001").unwrap();
    let number = OutRefundNo::new("R-SM20261123-0001@a").unwrap();
    let [total, part] = [2_599, 599].map(|fen| Fen::new(fen).unwrap());
    let refund = Refund::new(PaymentNo::Transaction(&payment), &number, total, part).unwrap();
    let mut request = String::new();
    refund.draft(&merchant(), MD5).write(&mut request).unwrap();
    request
}

#[test]
fn a_host_is_a_bare_origin() {
    assert_eq!(parse_host("http://127.0.0.1:8090/").as_deref(), Some("http://127.0.0.1:8090"));
    assert_eq!(
        parse_host("https://api.mch.weixin.qq.com").as_deref(),
        Some("https://api.mch.weixin.qq.com")
    );
    for host in ["", "api.mch.weixin.qq.com", "ftp://a", "https://a/pay", "https://u:p@a"] {
        assert_eq!(parse_host(host), None, "{host:?}");
    }
}
