use super::*;
use proptest::prelude::*;
use std::{format, string::String, vec::Vec};

const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

fn doc<'a>(fields: &[(&'a str, &'a str)]) -> Doc<'a> {
    let mut doc = Doc::new();
    for (name, value) in fields {
        doc.push(name, Text::new(value)).unwrap();
    }
    doc
}

fn key_of_k() -> ApiKey {
    ApiKey::new(&"k".repeat(32)).unwrap()
}

fn md5(fields: &[(&str, &str)]) -> String {
    key_of_k().sign(&doc(fields), SignType::Md5).as_str().into()
}

#[test]
fn the_official_example() {
    let doc = doc(&[
        ("appid", "wxd930ea5d5a258f4f"),
        ("mch_id", "10000100"),
        ("device_info", "1000"),
        ("body", "test"),
        ("nonce_str", "ibuaiVcKdpRxkhJA"),
    ]);
    let key = ApiKey::new(KEY).unwrap();
    assert_eq!(key.sign(&doc, SignType::Md5).as_str(), "9A0A8659F005D6984697E2CA0A9CF3B7");
    assert_eq!(
        key.sign(&doc, SignType::HmacSha256).as_str(),
        "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
    );
}

#[test]
fn zero_is_kept_and_empty_is_dropped() {
    assert_eq!(md5(&[("a", "0"), ("b", ""), ("c", "1")]), "726CDDDA238D8FFA4474045224729078");
}

#[test]
fn names_are_sorted_as_bytes_and_without_their_values() {
    let fields = [("b", "1"), ("B", "2"), ("a_1", "3"), ("a1", "4"), ("a_10", "5"), ("a_2", "6")];
    assert_eq!(md5(&fields), "A9BB600644D40309AE9D6F1C14512597");
}

#[test]
fn spaces_are_kept_and_chinese_is_utf8() {
    assert_eq!(md5(&[("a", " x "), ("b", "y")]), "FCEB6EAA01CFE97AF109EB375FB2B4A9");
    assert_eq!(md5(&[("body", "咖啡☕")]), "AC49D92AF4C48A5AC04BA3BA86F07945");
    assert_eq!(
        key_of_k().sign(&doc(&[("body", "咖啡☕")]), SignType::HmacSha256).as_str(),
        "FDE3BC4CF9AC28521D30FBE487DC6918535B7BCA8576490727D85E501A4F32F5"
    );
}

#[test]
fn a_key_of_another_length_cannot_be_made() {
    assert_eq!(ApiKey::new("").unwrap_err(), KeyError::Length { got: 0 });
    assert_eq!(ApiKey::new(&"k".repeat(31)).unwrap_err(), KeyError::Length { got: 31 });
    assert_eq!(ApiKey::new(&"k".repeat(33)).unwrap_err(), KeyError::Length { got: 33 });
    assert_eq!(ApiKey::new(&" ".repeat(32)).unwrap_err(), KeyError::Character);
}

#[test]
fn nothing_prints_a_key_or_a_signature() {
    let key = ApiKey::new(KEY).unwrap();
    let signature = key.sign(&doc(&[("a", "b")]), SignType::Md5);
    let printed = format!("{key:?} {signature:?}");
    assert_eq!(printed, "ApiKey(..) Signature(..)");
}

fn verify(sign: &str, algorithm: SignType) -> Result<(), VerifyError> {
    let doc = doc(&[("body", "x"), ("sign", sign)]);
    Unverified::new(&doc).verify(&ApiKey::new(KEY).unwrap(), algorithm).map(|_| ())
}

#[test]
fn only_the_exact_signature_is_taken() {
    let key = ApiKey::new(KEY).unwrap();
    for algorithm in [SignType::Md5, SignType::HmacSha256] {
        let good = key.sign(&doc(&[("body", "x")]), algorithm);
        let good = good.as_str();
        let len = algorithm.sign_len();
        assert_eq!(verify(good, algorithm), Ok(()));
        assert_eq!(verify("", algorithm), Err(VerifyError::Missing));
        assert_eq!(verify(&good.to_lowercase(), algorithm), Err(VerifyError::Mismatch));
        assert_eq!(
            verify(&good[1..], algorithm),
            Err(VerifyError::Length { got: len - 1, expected: len })
        );
        for longer in [format!("{good} "), format!("{good}{good}{good}")] {
            let error = VerifyError::Length { got: longer.len(), expected: len };
            assert_eq!(verify(&longer, algorithm), Err(error));
        }
    }
    let doc = doc(&[("body", "x")]);
    assert_eq!(
        Unverified::new(&doc).verify(&key, SignType::Md5).unwrap_err(),
        VerifyError::Missing
    );
}

#[test]
fn the_message_does_not_choose_the_algorithm() {
    let key = ApiKey::new(KEY).unwrap();
    let named = [("body", "x"), ("sign_type", "MD5")];
    let md5 = key.sign(&doc(&named), SignType::Md5);
    let with_md5 = doc(&[named[0], named[1], ("sign", md5.as_str())]);
    assert!(Unverified::new(&with_md5).verify(&key, SignType::Md5).is_ok());
    assert_eq!(
        Unverified::new(&with_md5).verify(&key, SignType::HmacSha256).unwrap_err(),
        VerifyError::Length { got: 32, expected: 64 }
    );
}

/// Sort and join into one string: too simple to be wrong.
fn naive(fields: &[(String, String)], key: &str) -> Vec<u8> {
    let mut sorted: Vec<_> = fields.iter().filter(|(_, value)| !value.is_empty()).collect();
    sorted.sort();
    let joined: String = sorted.iter().map(|(n, v)| format!("{n}={v}&")).collect();
    format!("{joined}key={key}").into_bytes()
}

proptest! {
    #[test]
    fn the_string_to_sign_is_that_of_sort_and_join(
        values in proptest::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,8}", "\\PC{0,300}", 0..12),
    ) {
        let fields: Vec<(String, String)> =
            values.into_iter().filter(|(name, _)| name != "sign").collect();
        let mut doc: Doc<'_> = Doc::new();
        for (name, value) in fields.iter().rev() {
            doc.push(name, Text::new(value)).unwrap();
        }
        let mut fed = Vec::new();
        ApiKey::new(KEY).unwrap().string_to_sign(&doc, |bytes| fed.extend_from_slice(bytes));
        prop_assert_eq!(fed, naive(&fields, KEY));
    }

    #[test]
    fn one_changed_byte_is_noticed(value in "[a-z0-9]{1,40}", at in any::<prop::sample::Index>()) {
        let key = ApiKey::new(KEY).unwrap();
        let sign = key.sign(&doc(&[("body", &value)]), SignType::Md5);
        let mut changed = value.into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        let doc = doc(&[("body", &changed), ("sign", sign.as_str())]);
        let verified = Unverified::new(&doc).verify(&key, SignType::Md5).map(|_| ());
        prop_assert_eq!(verified, Err(VerifyError::Mismatch));
    }
}
