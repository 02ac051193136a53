use super::*;
use crate::ids::{AppId, MchId};
use crate::sign::{ApiKey, SignType};
use aes::cipher::BlockCipherEncrypt;
use proptest::prelude::*;
use std::format;
use std::string::{String as StdString, ToString};
use std::vec::Vec as StdVec;
use zeroize::Zeroizing;

const NOTICES: &str = include_str!("../../../../tests/fixtures/v2-refund-notices.json");
const K1: &str = "192006250b4c09247ec02edce69f6a2d";
/// The digest of this key begins with `00`.
const K2: &str = "SaomaSampleKey000000000000000586";

fn refund_key(key: &str) -> Zeroizing<[u8; 32]> {
    ApiKey::new(key).unwrap().refund_keys().next().unwrap()
}

fn merchant(key: &str) -> Merchant {
    Merchant {
        mch_id: MchId::new("1900000109").unwrap(),
        app_id: AppId::new("wx5a0mademeup0001").unwrap(),
        key: ApiKey::new(key).unwrap(),
        sign_type: SignType::Md5,
    }
}

/// What WeChat does.
fn seal(plain: &[u8], key: &str) -> StdString {
    let pad = BLOCK - plain.len() % BLOCK;
    let mut text = plain.to_vec();
    text.extend(core::iter::repeat_n(u8::try_from(pad).unwrap(), pad));
    encrypted(text, key)
}

fn base64(bytes: &[u8]) -> StdString {
    let mut digits = std::vec![0; bytes.len().div_ceil(3) * 4];
    Base64::encode(bytes, &mut digits).unwrap().to_string()
}

/// Whole blocks, without padding.
fn encrypted(mut text: StdVec<u8>, key: &str) -> StdString {
    let cipher = Aes256::new(&(*refund_key(key)).into());
    for block in text.as_chunks_mut::<BLOCK>().0 {
        cipher.encrypt_block(block.into());
    }
    base64(&text)
}

fn unsealed(req_info: &str, key: &str) -> Option<StdVec<u8>> {
    let mut buffer = Vec::new();
    unseal(Text::new(req_info), &refund_key(key), &mut buffer).map(<[u8]>::to_vec)
}

fn notice(req_info: &str) -> StdString {
    format!(
        "<xml><return_code>SUCCESS</return_code><appid><![CDATA[wx5a0mademeup0001]]></appid>\
         <mch_id><![CDATA[1900000109]]></mch_id><nonce_str><![CDATA[TeqClE3i0mvn3DrK]]></nonce_str>\
         <req_info><![CDATA[{req_info}]]></req_info></xml>"
    )
}

fn read(xml: &str, key: &str) -> Result<RefundHint, StdString> {
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    RefundHint::read(&doc, &merchant(key)).map_err(|error| error.to_string())
}

#[test]
fn both_samples_are_opened_also_with_a_digest_that_begins_with_zeroes() {
    let fixtures: serde_json::Value = serde_json::from_str(NOTICES).unwrap();
    let notices = fixtures["notices"].as_array().unwrap();
    assert_eq!(notices.len(), 2);
    for sample in notices {
        let text = |name: &str| sample[name].as_str().unwrap();
        assert_eq!(&refund_key(text("key"))[..], text("aes_key").as_bytes());
        let hint = read(text("xml"), text("key")).unwrap();
        assert_eq!(hint.transaction_id.as_str(), "4200009999202611230000000001");
        assert_eq!(hint.out_trade_no.as_str(), "SM-2026_1123|0002*");
        assert_eq!(hint.refund_id.as_str(), "50300000000000000000000000001");
        assert_eq!(hint.out_refund_no.as_str(), "R-SM20261123-0001@a");
        assert_eq!((hint.total_fee.get(), hint.refund_fee.get()), (2599, 599));
        assert_eq!(hint.settlement_total_fee.map(Fen::get), Some(2599));
        assert_eq!(hint.settlement_refund_fee.map(Fen::get), Some(599));
        assert_eq!(hint.cash_refund_fee, None);
        assert_eq!(hint.state, RefundState::Success);
        assert_eq!(hint.success_time, UnixTime::parse_beijing("20261123194501").ok());
        assert_eq!(hint.recv_account, "支付用户零钱");
        assert_eq!(hint.account, Some(RefundAccount::Recharge));
        assert_eq!(hint.source, RefundSource::Api);
        assert!(!hint.is_external());

        // What we would send under the same key is the same, byte for byte.
        let doc: Doc<'_> = Doc::read(text("xml").as_bytes()).unwrap();
        assert!(
            doc.get("req_info").unwrap() == seal(text("inner").as_bytes(), text("key")).as_str()
        );
    }
}

#[test]
fn while_the_key_changes_what_either_sealed_is_opened() {
    let fixtures: serde_json::Value = serde_json::from_str(NOTICES).unwrap();
    let samples = fixtures["notices"].as_array().unwrap();
    let text = |sample: &serde_json::Value, name: &str| sample[name].as_str().unwrap().to_string();
    let [old, new] = [&samples[0], &samples[1]].map(|sample| text(sample, "key"));
    let both = ApiKey::new(&old).unwrap().or(&ApiKey::new(&new).unwrap());
    let read = |xml: &str, key: &ApiKey| {
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
        RefundHint::read(&doc, &Merchant { key: key.clone(), ..merchant(K1) })
    };
    let third = ApiKey::new(&"x".repeat(32)).unwrap();
    for sample in samples {
        for keys in [&both, &both.other_first().unwrap()] {
            assert!(read(&text(sample, "xml"), keys).is_ok());
        }
        let other = third.clone().or(&third);
        assert_eq!(read(&text(sample, "xml"), &other), Err(RefundNoticeError::Sealed));
    }
    // A padding that is good by chance is not the end of it.
    let by_chance = (0..10_000)
        .map(|digits| format!("<root><a>in text{digits:04}</a></root>"))
        .find(|plain| unsealed(&seal(plain.as_bytes(), &new), &old).is_some())
        .unwrap();
    let opened = read(&notice(&seal(by_chance.as_bytes(), &new)), &both).unwrap_err();
    assert_eq!(opened.to_string(), "transaction_id is missing", "it was opened");
}

#[test]
fn the_short_vectors() {
    let fixtures: serde_json::Value = serde_json::from_str(NOTICES).unwrap();
    for sample in fixtures["short"].as_array().unwrap() {
        let text = |name: &str| sample[name].as_str().unwrap();
        let opened = unsealed(text("sealed"), text("key"));
        assert_eq!(opened.as_deref(), Some(text("plain").as_bytes()));
        assert_eq!(seal(text("plain").as_bytes(), text("key")), text("sealed"));
    }
}

#[test]
fn bad_base64_bad_padding_a_wrong_key_and_a_wrong_content_are_one_error() {
    let inner = b"<root><refund_fee>1</refund_fee><total_fee>1</total_fee></root>";
    let good = seal(inner, K1);
    let sealed = |req_info: &str| read(&notice(req_info), K1).unwrap_err();
    assert_eq!(sealed(&good), "transaction_id is missing", "it can be opened");

    // The byte is good padding in itself, and what is before it a whole document.
    let one_more = encrypted(b"<root>  </root>\n\x01".to_vec(), K1);
    let block = |text: &[u8; 16]| encrypted(text.to_vec(), K1);
    let cases = [
        ("not base64", "!!!!".to_string()),
        ("not base64 at the end", good.replace('=', "") + "*"),
        ("base64 without its padding", good.trim_end_matches('=').to_string()),
        ("base64 of the other alphabet", "-_-_".repeat(8)),
        ("white space", format!(" {good}")),
        ("a line break", format!("{}\n{}", &good[..8], &good[8..])),
        ("half a block", base64(&[0; 8])),
        ("a block and a half", base64(&[0; 24])),
        ("another key", seal(inner, K2)),
        ("padding of 0", block(b"<root></root>\0\0\0")),
        ("padding of 17", block(&[17; 16])),
        ("padding that differs", block(b"<root></root>\x01\x03\x03")),
        ("padding that differs twice alike", block(b"<root></root>\x02\x02\x03")),
        ("a byte after the last block", one_more),
        ("no padding", block(b"<root></root>   ")),
        ("too long", base64(&[0; 4_096])),
        ("no document", seal(b"hello", K1)),
        ("another root", seal(b"<xml></xml>", K1)),
        ("nothing but padding", seal(b"", K1)),
        ("a document type", seal(b"<!DOCTYPE a><root></root>", K1)),
        ("not UTF-8", seal(b"<root><a>\xff</a></root>", K1)),
    ];
    for (what, req_info) in cases {
        assert_eq!(sealed(&req_info), "req_info cannot be opened with this key", "{what}");
    }
    assert_eq!(sealed(""), "req_info is missing");
}

#[test]
fn every_byte_of_the_padding_counts() {
    for len in 0..=32 {
        let plain = "a".repeat(len);
        assert_eq!(unsealed(&seal(plain.as_bytes(), K1), K1).unwrap(), plain.as_bytes());
        let pad = BLOCK - len % BLOCK;
        for wrong in 0..pad.saturating_sub(1) {
            let mut text = plain.clone().into_bytes();
            text.extend(core::iter::repeat_n(u8::try_from(pad).unwrap(), pad));
            text[len + wrong] ^= 1;
            assert_eq!(unsealed(&encrypted(text, K1), K1), None, "{len} {wrong}");
        }
    }
}

#[test]
fn the_envelope_must_be_ours() {
    let good = notice(&seal(b"<root></root>", K1));
    for (from, to, error) in [
        ("SUCCESS", "FAIL", "return_code is not ours"),
        ("wx5a0mademeup0001", "wx0", "appid is not ours"),
        ("1900000109", "1900000108", "mch_id is not ours"),
        ("TeqClE3i0mvn3DrK", "", "nonce_str is missing"),
        ("<return_code>SUCCESS</return_code>", "", "return_code is missing"),
    ] {
        assert_eq!(read(&good.replace(from, to), K1).unwrap_err(), error);
    }
}

/// The sample's content with one field changed or (with "") removed.
fn with(field: &str, value: &str) -> Result<RefundHint, StdString> {
    let fixtures: serde_json::Value = serde_json::from_str(NOTICES).unwrap();
    let inner = fixtures["notices"][0]["inner"].as_str().unwrap();
    let original: Doc<'_> = Doc::read_root(inner.as_bytes(), "root").unwrap();
    let mut xml = StdString::from("<root>");
    for old in original.fields().filter(|old| old.name != field) {
        xml += &format!("<{0}><![CDATA[{1}]]></{0}>", old.name, old.value);
    }
    xml += &format!("<{field}><![CDATA[{value}]]></{field}></root>");
    read(&notice(&seal(xml.as_bytes(), K1)), K1)
}

#[test]
fn a_refund_from_the_console_is_external_and_states_are_final() {
    let external = with("refund_request_source", "VENDOR_PLATFORM").unwrap();
    assert!(external.is_external());
    assert_eq!(with("refund_request_source", "ROBOT").unwrap().source, RefundSource::Other);
    assert_eq!(with("refund_request_source", "").unwrap().source, RefundSource::Other);
    assert_eq!(with("refund_status", "CHANGE").unwrap().state, RefundState::Change);
    assert_eq!(with("refund_status", "REFUNDCLOSE").unwrap().state, RefundState::Closed);
    assert_eq!(with("refund_fee", "2599").unwrap().refund_fee.get(), 2599, "all of it");
    assert_eq!(with("success_time", "").unwrap().success_time, None);
    assert_eq!(with("cash_refund_fee", "541").unwrap().cash_refund_fee.map(Fen::get), Some(541));
    let long = with("refund_recv_accout", &"咖".repeat(30)).unwrap();
    assert_eq!(long.recv_account.as_str(), "咖".repeat(21), "the first 64 bytes, whole characters");
}

#[test]
fn the_content_is_checked_field_by_field() {
    for field in [
        "transaction_id",
        "out_trade_no",
        "refund_id",
        "out_refund_no",
        "total_fee",
        "refund_fee",
        "refund_status",
    ] {
        assert_eq!(with(field, "").unwrap_err(), format!("{field} is missing"));
    }
    for (field, value) in [
        ("refund_status", "PROCESSING"),
        ("refund_status", "success"),
        ("refund_fee", "5.99"),
        ("refund_fee", "2600"),
        ("total_fee", "-1"),
        ("settlement_refund_fee", "0599"),
        ("success_time", "20261123194501"),
        ("success_time", "2026-11-31 00:00:00"),
        ("out_refund_no", "a&b"),
        ("transaction_id", "a b"),
    ] {
        assert_eq!(with(field, value).unwrap_err(), format!("{field} has an invalid value"));
    }
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened(plain in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(unsealed(&seal(&plain, K2), K2), Some(plain));
    }

    #[test]
    fn no_text_panics(text in "[A-Za-z0-9+/=]{0,100}") {
        let _ = unsealed(&text, K1);
    }
}
