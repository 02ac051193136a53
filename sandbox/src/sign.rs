//! The v2 signature, by plain sort-and-join (`docs/protocol.md` §2).
//!
//! Fields with a value, except `sign`, sorted by the bytes of their names, joined as `name=value`
//! with `&`, then `&key=` and the merchant key; MD5 or HMAC-SHA256 of that, in upper-case hex.
//! This is deliberately the slow and obvious way: it is the other side's opinion in every test.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `MD5`: 32 hex digits. What is meant when a request names nothing.
    Md5,
    /// `HMAC-SHA256`: 64 hex digits.
    HmacSha256,
}

impl Algorithm {
    /// The algorithm that a request's `sign_type` names; `None` for a name that means nothing.
    pub fn from_sign_type(sign_type: Option<&str>) -> Option<Self> {
        match sign_type {
            None | Some("" | "MD5") => Some(Self::Md5),
            Some("HMAC-SHA256") => Some(Self::HmacSha256),
            Some(_) => None,
        }
    }
}

impl Algorithm {
    /// The word in `sign_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// Bytes in a merchant's API key.
pub const KEY_BYTES: usize = 32;

/// A merchant's API key. It cannot be printed; it is written down where a merchant sets a new one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Key(String);

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("a key must be 32 visible ASCII characters")
    }
}

impl Key {
    /// The key, or `None` when it is not 32 visible ASCII characters.
    pub fn new(text: &str) -> Option<Self> {
        let fits = text.len() == KEY_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The key that seals refund notifications: the MD5 in lower-case hex, leading zeroes kept.
    pub(crate) fn refund_key(&self) -> [u8; 32] {
        let mut digits = [0; 32];
        let hex = hex(&Md5::digest(self.0.as_bytes())).to_ascii_lowercase();
        digits.copy_from_slice(hex.as_bytes());
        digits
    }

    /// The key itself. Only the old sandbox's keys are ever told, to the merchant who asks.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What is signed, without the key: `name=value` of all fields but `sign` and the empty ones.
pub fn string_to_sign<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut fields: Vec<_> =
        fields.into_iter().filter(|(name, value)| *name != "sign" && !value.is_empty()).collect();
    fields.sort_by_key(|(name, _)| *name);
    let bytes = fields.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>();
    // Room for the key as well.
    let mut text = String::with_capacity(bytes + "&key=".len() + KEY_BYTES);
    for (name, value) in fields {
        let join = if text.is_empty() { "" } else { "&" };
        [join, name, "=", value].iter().for_each(|part| text.push_str(part));
    }
    text
}

/// The signature of these fields, in upper-case hex.
pub fn sign<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    key: &Key,
    algorithm: Algorithm,
) -> String {
    let text = string_to_sign(fields) + "&key=" + &key.0;
    digest_of(&text, key, Digest::of(algorithm))
}

/// Stands for the key in a text that is given to [`digest`]. No document can hold it.
pub(crate) const KEY: &str = "\0";
/// Stands for the key in lower case, which is a mistake.
pub(crate) const KEY_LOWER: &str = "\u{1}";
/// Stands for the key in upper case, which is a mistake.
pub(crate) const KEY_UPPER: &str = "\u{2}";

/// What can be made of a text; more than is ever right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    Md5,
    HmacSha256,
    Sha256,
}

impl Digest {
    pub(crate) const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5,
            Algorithm::HmacSha256 => Self::HmacSha256,
        }
    }

    pub(crate) const fn hex_length(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::HmacSha256 | Self::Sha256 => 64,
        }
    }
}

/// The digest of a text in which the key is marked, in upper-case hex.
pub(crate) fn digest(text: &str, key: &Key, digest: Digest) -> String {
    let text = text.replace(KEY, &key.0);
    let text = text.replace(KEY_LOWER, &key.0.to_lowercase());
    let text = text.replace(KEY_UPPER, &key.0.to_uppercase());
    digest_of(&text, key, digest)
}

fn digest_of(text: &str, key: &Key, digest: Digest) -> String {
    match digest {
        Digest::Md5 => hex(&Md5::digest(text.as_bytes())),
        Digest::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        Digest::HmacSha256 => {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.0.as_bytes())
                .expect("HMAC takes a key of any length");
            mac.update(text.as_bytes());
            hex(&mac.finalize().into_bytes())
        }
    }
}

/// Whether `given` is the signature of these fields: same length, same case, every digit.
pub fn verify<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    key: &Key,
    algorithm: Algorithm,
    given: &str,
) -> bool {
    let right = sign(fields, key, algorithm);
    let difference = |differs: u8, (a, b): (u8, u8)| differs | (a ^ b);
    right.len() == given.len() && right.bytes().zip(given.bytes()).fold(0, difference) == 0
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Document;
    use proptest::prelude::*;

    fn example_key() -> Key {
        Key::new("192006250b4c09247ec02edce69f6a2d").unwrap()
    }

    #[test]
    fn the_official_example_has_its_two_signatures() {
        let fields = [
            ("appid", "wxd930ea5d5a258f4f"),
            ("mch_id", "10000100"),
            ("device_info", "1000"),
            ("body", "test"),
            ("nonce_str", "ibuaiVcKdpRxkhJA"),
        ];
        let signature = |algorithm| sign(fields, &example_key(), algorithm);
        assert_eq!(signature(Algorithm::Md5), "9A0A8659F005D6984697E2CA0A9CF3B7");
        assert_eq!(
            signature(Algorithm::HmacSha256),
            "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
        );
    }

    #[test]
    fn zero_is_signed_and_empty_is_not() {
        assert_eq!(string_to_sign([("a", "0"), ("b", ""), ("c", "1")]), "a=0&c=1");
    }

    #[test]
    fn names_are_sorted_by_their_bytes() {
        let fields =
            [("b", "1"), ("B", "2"), ("a_1", "3"), ("a1", "4"), ("a_10", "5"), ("a_2", "6")];
        assert_eq!(string_to_sign(fields), "B=2&a1=4&a_1=3&a_10=5&a_2=6&b=1");
        let key = Key::new(&"k".repeat(32)).unwrap();
        assert_eq!(sign(fields, &key, Algorithm::Md5), "A9BB600644D40309AE9D6F1C14512597");
    }

    #[test]
    fn values_are_signed_as_they_are() {
        let key = Key::new(&"k".repeat(32)).unwrap();
        let md5 = |fields: &[(&str, &str)]| sign(fields.iter().copied(), &key, Algorithm::Md5);
        assert_eq!(md5(&[("a", "0"), ("b", ""), ("c", "1")]), "726CDDDA238D8FFA4474045224729078");
        assert_eq!(md5(&[("a", " x "), ("b", "y")]), "FCEB6EAA01CFE97AF109EB375FB2B4A9");
        assert_eq!(md5(&[("body", "咖啡☕")]), "AC49D92AF4C48A5AC04BA3BA86F07945");
        assert_eq!(
            sign([("body", "咖啡☕")], &key, Algorithm::HmacSha256),
            "FDE3BC4CF9AC28521D30FBE487DC6918535B7BCA8576490727D85E501A4F32F5"
        );
    }

    #[test]
    fn the_signed_samples_verify() {
        let samples: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/signed-samples.json")).unwrap();
        let samples = samples.as_array().unwrap();
        assert_eq!(samples.len(), 14, "M1 to M14");
        for sample in samples {
            let text = |name: &str| sample[name].as_str().unwrap();
            let document = Document::read(text("xml").as_bytes()).unwrap();
            let algorithm =
                if text("alg") == "MD5" { Algorithm::Md5 } else { Algorithm::HmacSha256 };
            let key = Key::new(text("key")).unwrap();
            let joined = format!("{}&key={}", string_to_sign(document.iter()), text("key"));
            assert_eq!(joined, text("string_to_sign"), "{}", text("title"));
            assert_eq!(document.get("sign"), Some(text("sign")));
            assert!(verify(document.iter(), &key, algorithm, text("sign")), "{}", text("title"));
        }
    }

    #[test]
    fn a_signature_in_lower_case_or_cut_is_refused() {
        let fields = [("a", "1")];
        let right = sign(fields, &example_key(), Algorithm::Md5);
        let verify = |given: &str| verify(fields, &example_key(), Algorithm::Md5, given);
        assert!(verify(&right));
        assert!(!verify(&right.to_lowercase()));
        assert!(!verify(&right[..31]));
        assert!(!verify(""));
    }

    #[test]
    fn a_key_is_32_visible_characters_and_is_never_shown() {
        assert!(Key::new("short").is_none());
        assert!(Key::new(&" ".repeat(32)).is_none());
        assert!(Key::new("").is_none());
        assert_eq!(format!("{:?}", example_key()), "Key(..)");
    }

    proptest! {
        #[test]
        fn one_changed_value_changes_the_signature(
            values in prop::collection::btree_map("[a-z_0-9]{1,8}", "\\PC{1,20}", 1..8),
            at in any::<prop::sample::Index>(),
        ) {
            prop_assume!(!values.contains_key("sign"));
            let fields = || values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            for algorithm in [Algorithm::Md5, Algorithm::HmacSha256] {
                let given = sign(fields(), &example_key(), algorithm);
                prop_assert!(verify(fields(), &example_key(), algorithm, &given));
                let mut changed = values.clone();
                let name = changed.keys().nth(at.index(values.len())).unwrap().clone();
                changed.get_mut(&name).unwrap().push('x');
                let changed = changed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                prop_assert!(!verify(changed, &example_key(), algorithm, &given));
            }
        }
    }
}
