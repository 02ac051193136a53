//! What the fuzz targets share.

use saoma_core::api::Merchant;
use saoma_core::ids::{AppId, MchId};
use saoma_core::sign::{ApiKey, SignType, Unverified, Verified};
use saoma_core::xml::{Doc, Draft, Text};

/// The key of the fixtures.
pub const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

/// The merchant of the fixtures.
#[must_use]
pub fn merchant() -> Merchant {
    Merchant {
        mch_id: MchId::new("1900000109").expect("digits"),
        app_id: AppId::new("wx5a0mademeup0001").expect("letters and digits"),
        key: ApiKey::new(KEY).expect("32 characters"),
        sign_type: SignType::Md5,
    }
}

/// Reads a document, signs it as WeChat would, and hands it on verified: the fuzzer cannot guess
/// signatures, so without this nothing behind them would ever be reached.
pub fn with_signed<const N: usize>(bytes: &[u8], use_it: impl FnOnce(&Doc<'_, N>)) {
    let Ok(doc) = Doc::<'_, N>::read(bytes) else { return };
    let mut unsigned: Draft<'_, N> = Draft::new();
    for field in doc.fields().filter(|field| field.name != "sign") {
        unsigned.push(field.name, field.value).expect("a name that was read");
    }
    let sign = merchant().key.sign(&unsigned, SignType::Md5);
    let mut signed: Draft<'_, N> = unsigned;
    // A full document has no room for a signature, and escapes may make it too long.
    let mut xml = String::new();
    if signed.push("sign", Text::new(sign.as_str())).is_ok()
        && signed.write(&mut xml).is_ok()
        && let Ok(signed) = Doc::<'_, N>::read(xml.as_bytes())
    {
        use_it(&signed);
    }
}

/// Verifies a document that was signed here.
///
/// # Panics
/// When our own signature is refused.
#[must_use]
pub fn verified<'d, 'a, const N: usize>(doc: &'d Doc<'a, N>) -> Verified<'d, 'a, N> {
    let verified = Unverified::new(doc).verify(&merchant().key, SignType::Md5);
    verified.expect("what we sign is verified")
}
