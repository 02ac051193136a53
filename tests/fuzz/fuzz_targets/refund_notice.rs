//! Any content that was sealed with the right key is a hint or an error; so is any seal.

#![no_main]

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use base64ct::{Base64, Encoding};
use libfuzzer_sys::fuzz_target;
use md5::{Digest, Md5};
use saoma_core::api::{RefundHint, RefundNoticeError};
use saoma_core::xml::{Doc, Draft, FIELDS_MAX, Text};
use saoma_fuzz::{KEY, merchant};

/// Base64 of the content, padded or not, encrypted as WeChat does it.
fn seal(content: &[u8], padded: bool) -> String {
    let key: String = Md5::digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect();
    let key: [u8; 32] = key.as_bytes().try_into().expect("32 digits");
    let mut text = content.to_vec();
    let pad = 16 - text.len() % 16;
    let filler = if padded { u8::try_from(pad).expect("at most 16") } else { 0 };
    text.resize(text.len() + pad, filler);
    let cipher = Aes256::new(&key.into());
    for block in text.as_chunks_mut::<16>().0 {
        cipher.encrypt_block(block.into());
    }
    Base64::encode_string(&text)
}

fn read(req_info: &str) -> Result<RefundHint, RefundNoticeError> {
    let mut doc: Draft<'_, 64> = Draft::new();
    for (name, value) in [
        ("return_code", "SUCCESS"),
        ("appid", "wx5a0mademeup0001"),
        ("mch_id", "1900000109"),
        ("nonce_str", "TeqClE3i0mvn3DrK"),
        ("req_info", req_info),
    ] {
        doc.push(name, Text::new(value)).expect("five fields");
    }
    let mut xml = String::new();
    if doc.write(&mut xml).is_err() {
        return Err(RefundNoticeError::Sealed);
    }
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).map_err(|_| RefundNoticeError::Sealed)?;
    RefundHint::read(&doc, &merchant())
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(doc) = Doc::<'_, FIELDS_MAX>::read(bytes) {
        let _ = RefundHint::read(&doc, &merchant());
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        let _ = read(text);
    }
    let _ = read(&seal(bytes, false));
    if let Ok(hint) = read(&seal(bytes, true)) {
        assert!(hint.refund_fee <= hint.total_fee);
    }
});
