//! What keeps the content of a refund notification secret (`docs/protocol.md` §10): AES-256 in ECB
//! mode with PKCS#7 padding, then base64. The AES key is the lower-case hexadecimal MD5 of the
//! merchant's key, as 32 ASCII bytes.

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use base64ct::{Base64, Encoding as _};

use crate::sign::Key;

/// Bytes in a block of AES.
const BLOCK: usize = 16;

/// Seals a text as the gateway does for `req_info`.
pub fn seal(plain: &str, key: &Key) -> String {
    let mut bytes = plain.as_bytes().to_vec();
    let padding = BLOCK - bytes.len() % BLOCK;
    bytes.resize(bytes.len() + padding, u8::try_from(padding).unwrap_or(0));
    let cipher = Aes256::new(&key.refund_key().into());
    let (blocks, _) = bytes.as_chunks_mut::<BLOCK>();
    for block in blocks {
        cipher.encrypt_block(block.into());
    }
    Base64::encode_string(&bytes)
}

/// Opens what was sealed with this key, as a merchant does; `None` for anything else.
pub fn open(sealed: &str, key: &Key) -> Option<String> {
    let mut bytes = Base64::decode_vec(sealed).ok()?;
    let cipher = Aes256::new(&key.refund_key().into());
    let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
    if !rest.is_empty() {
        return None;
    }
    for block in blocks {
        cipher.decrypt_block(block.into());
    }
    let last = *bytes.last()?;
    let length = bytes.len().checked_sub(usize::from(last))?;
    let is_padding = (1..=BLOCK).contains(&usize::from(last));
    if !is_padding || bytes[length..].iter().any(|byte| *byte != last) {
        return None;
    }
    bytes.truncate(length);
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Document;
    use proptest::prelude::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/fixtures/v2-refund-notices.json")).unwrap()
    }

    fn text(value: &Value) -> &str {
        value.as_str().unwrap()
    }

    #[test]
    fn the_sample_notifications_open_and_seal_to_the_same_bytes() {
        let vectors = vectors();
        let notices = vectors["notices"].as_array().unwrap();
        assert_eq!(notices.len(), 2);
        for notice in notices {
            let key = Key::new(text(&notice["key"])).unwrap();
            assert_eq!(key.refund_key(), text(&notice["aes_key"]).as_bytes(), "zeroes are kept");
            let outer = Document::read(text(&notice["xml"]).as_bytes()).unwrap();
            let sealed = outer.get("req_info").unwrap();
            assert_eq!(open(sealed, &key).as_deref(), Some(text(&notice["inner"])));
            assert_eq!(seal(text(&notice["inner"]), &key), sealed);
        }
    }

    #[test]
    fn the_short_vectors_seal_and_open() {
        for short in vectors()["short"].as_array().unwrap() {
            let key = Key::new(text(&short["key"])).unwrap();
            assert_eq!(seal(text(&short["plain"]), &key), text(&short["sealed"]));
            assert_eq!(open(text(&short["sealed"]), &key).as_deref(), Some(text(&short["plain"])));
        }
    }

    #[test]
    fn what_was_not_sealed_with_the_key_does_not_open() {
        let key = |digit: &str| Key::new(&digit.repeat(32)).unwrap();
        let sealed = seal("<root></root>", &key("a"));
        assert_eq!(open(&sealed, &key("b")), None);
        for text in ["", "x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA==", &sealed[..20]] {
            assert_eq!(open(text, &key("a")), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_can_be_opened(plain in "\\PC{0,200}") {
            let key = Key::new("192006250b4c09247ec02edce69f6a2d").unwrap();
            prop_assert_eq!(open(&seal(&plain, &key), &key), Some(plain));
        }
    }
}
