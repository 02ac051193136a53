use super::*;
use crate::xml::Draft;
use proptest::prelude::*;
use std::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

fn doc<'a>(fields: &[(&'a str, &'a str)]) -> Draft<'a> {
    let mut draft = Draft::new();
    for (name, value) in fields {
        draft.push(name, Text::new(value)).unwrap();
    }
    draft
}

/// Verifies these fields as they would be received.
fn check(fields: &[(&str, &str)], key: &ApiKey, algorithm: SignType) -> Result<(), VerifyError> {
    let mut xml = String::new();
    doc(fields).write(&mut xml).unwrap();
    let received: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    Unverified::new(&received).verify(key, algorithm).map(|_| ())
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
fn what_is_empty_in_pieces_is_dropped_too() {
    let signed = |xml: &str| {
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
        key_of_k().sign(&doc, SignType::Md5).as_str().to_owned()
    };
    let pieces = "<xml><a>1</a><b><![CDATA[]]><![CDATA[]]></b></xml>";
    assert_eq!(signed(pieces), signed("<xml><a>1</a></xml>"));
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
fn all_that_holds_a_key_wipes_itself() {
    fn wipes<T: zeroize::ZeroizeOnDrop>(_: &T) {}
    wipes(&key_of_k().first.bytes);
    wipes(&key_of_k().first.refund_key());
    // The HMAC is two states of SHA-256, and each of those wipes itself.
    wipes(&Sha256::new());
    // The end of the string to sign, which is the key, stays in the digest's buffer.
    wipes(&Md5::new());
}

#[test]
fn an_error_says_what_is_wrong_and_nothing_of_key_or_signature() {
    let key = |key: &str| ApiKey::new(key).unwrap_err().to_string();
    assert_eq!(key("short"), "the API key must have 32 characters, not 5");
    assert_eq!(key(&" ".repeat(32)), "the API key must be visible ASCII characters");
    let sign = |sign: &str| verify(sign, SignType::Md5).unwrap_err().to_string();
    assert_eq!(sign(""), "there is no sign field");
    assert_eq!(sign("A9BB"), "sign has 4 characters, 32 expected");
    assert_eq!(sign(&"0".repeat(32)), "sign does not fit the message");
}

#[test]
fn an_unverified_message_tells_the_two_numbers_that_choose_the_key() {
    let xml = "<xml><mch_id>1900000109</mch_id><out_trade_no>A-1</out_trade_no></xml>";
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    let unverified = Unverified::new(&doc);
    assert!(unverified.mch_id().is_some_and(|id| id == "1900000109"));
    assert!(unverified.out_trade_no().is_some_and(|number| number == "A-1"));
}

#[test]
fn nothing_prints_a_key_or_a_signature() {
    let key = ApiKey::new(KEY).unwrap();
    let signature = key.sign(&doc(&[("a", "b")]), SignType::Md5);
    let printed = format!("{key:?} {signature:?}");
    assert_eq!(printed, "ApiKey(..) Signature(..)");
}

#[test]
fn while_the_key_changes_either_verifies_and_the_first_signs() {
    let (old, new) = (ApiKey::new(KEY).unwrap(), key_of_k());
    assert!(old.other_first().is_none());
    let both = old.clone().or(&new);
    let swapped = both.other_first().unwrap();
    assert_eq!(format!("{both:?}"), "ApiKey(..)");
    let third = ApiKey::new(&"x".repeat(32)).unwrap();
    for algorithm in [SignType::Md5, SignType::HmacSha256] {
        let sign = |key: &ApiKey| key.sign(&doc(&[("body", "x")]), algorithm).as_str().to_string();
        assert_eq!((sign(&both), sign(&swapped)), (sign(&old), sign(&new)));
        for (key, is_good) in [(&old, true), (&new, true), (&third, false)] {
            let sign = sign(key);
            for keys in [&both, &swapped] {
                let checked = check(&[("body", "x"), ("sign", &sign)], keys, algorithm);
                let expected = if is_good { Ok(()) } else { Err(VerifyError::Mismatch) };
                assert_eq!(checked, expected);
            }
        }
        let by_new = [("body", "x"), ("sign", &*sign(&new))];
        assert_eq!(check(&by_new, &old, algorithm), Err(VerifyError::Mismatch));
    }
    // A third one takes the place of the second, and does not come beside it.
    assert_eq!(
        check(
            &[("body", "x"), ("sign", new.sign(&doc(&[("body", "x")]), SignType::Md5).as_str())],
            &both.or(&third),
            SignType::Md5
        ),
        Err(VerifyError::Mismatch)
    );
}

/// It is compared in words of eight bytes: what is wrong in two of them must not cancel out.
#[test]
fn the_same_change_in_two_places_is_noticed() {
    let key = ApiKey::new(KEY).unwrap();
    for algorithm in [SignType::Md5, SignType::HmacSha256] {
        let good = key.sign(&doc(&[("body", "x")]), algorithm);
        let mut altered = good.as_str().as_bytes().to_vec();
        altered[0] ^= 1;
        altered[8] ^= 1;
        let altered = String::from_utf8(altered).unwrap();
        assert_eq!(verify(&altered, algorithm), Err(VerifyError::Mismatch));
    }
}

fn verify(sign: &str, algorithm: SignType) -> Result<(), VerifyError> {
    check(&[("body", "x"), ("sign", sign)], &ApiKey::new(KEY).unwrap(), algorithm)
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
    assert_eq!(check(&[("body", "x")], &key, SignType::Md5), Err(VerifyError::Missing));
}

#[test]
fn the_message_does_not_choose_the_algorithm() {
    let key = ApiKey::new(KEY).unwrap();
    let named = [("body", "x"), ("sign_type", "MD5")];
    let md5 = key.sign(&doc(&named), SignType::Md5);
    let with_md5 = [named[0], named[1], ("sign", md5.as_str())];
    assert_eq!(check(&with_md5, &key, SignType::Md5), Ok(()));
    assert_eq!(
        check(&with_md5, &key, SignType::HmacSha256),
        Err(VerifyError::Length { got: 32, expected: 64 })
    );
}

#[test]
fn a_signature_of_another_length_names_both_lengths() {
    let key = ApiKey::new(KEY).unwrap();
    for got in [1, 31, 33, 63, 64, 65] {
        let sign = "A".repeat(got);
        let error = check(&[("body", "x"), ("sign", &sign)], &key, SignType::Md5);
        assert_eq!(error, Err(VerifyError::Length { got, expected: 32 }));
    }
    for got in [31, 32, 33, 63, 65] {
        let sign = "A".repeat(got);
        let error = check(&[("body", "x"), ("sign", &sign)], &key, SignType::HmacSha256);
        assert_eq!(error, Err(VerifyError::Length { got, expected: 64 }));
    }
}

#[test]
fn a_sign_type_that_contradicts_is_unknown_or_has_a_space_is_a_signed_field_like_any_other() {
    let key = ApiKey::new(KEY).unwrap();
    for named in ["HMAC-SHA256", "MD5 ", " MD5", "md5", "SHA1", "NONE", "１"] {
        let fields = [("body", "x"), ("sign_type", named)];
        let good = key.sign(&doc(&fields), SignType::Md5);
        let sent = [fields[0], fields[1], ("sign", good.as_str())];
        assert_eq!(check(&sent, &key, SignType::Md5), Ok(()), "{named}");
        let other = check(&sent, &key, SignType::HmacSha256);
        assert_eq!(other, Err(VerifyError::Length { got: 32, expected: 64 }), "{named}");
        assert_eq!(SignType::from_name(named).is_some(), named == "HMAC-SHA256");
    }
}

#[test]
fn texts_that_only_look_alike_have_other_signatures() {
    for (a, b) in [
        ("caf\u{e9}", "cafe\u{301}"),
        ("1", "１"),
        ("x", "x "),
        ("x", "\tx"),
        ("x", "x\u{a0}"),
        ("a\nb", "a\r\nb"),
    ] {
        assert_ne!(md5(&[("body", a)]), md5(&[("body", b)]), "{a:?} {b:?}");
    }
}

#[test]
fn a_field_called_key_and_a_value_with_key_in_it_are_signed_as_they_are() {
    let digest = |text: &str| Signature::from_digest(&Md5::digest(text)).as_str().into();
    let k = "k".repeat(32);
    let expected: String = digest(&format!("body=x&key=secret&zone=1&key={k}"));
    assert_eq!(md5(&[("body", "x"), ("key", "secret"), ("zone", "1")]), expected);
    let expected: String = digest(&format!("body=x&key={k}&key={k}"));
    assert_eq!(md5(&[("body", &format!("x&key={k}"))]), expected);
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
        let mut doc: Draft<'_, 64> = Draft::new();
        for (name, value) in fields.iter().rev() {
            doc.push(name, Text::new(value)).unwrap();
        }
        let mut fed = Vec::new();
        ApiKey::new(KEY).unwrap().first.string_to_sign(&doc, |bytes| fed.extend_from_slice(bytes));
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
        let verified = check(&[("body", &changed), ("sign", sign.as_str())], &key, SignType::Md5);
        prop_assert_eq!(verified, Err(VerifyError::Mismatch));
    }
}
