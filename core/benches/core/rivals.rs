//! What the core is compared with, in this very process.

use crate::notices::{Notice, hmac_of_key, signature, string_to_sign};
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use quick_xml::{Reader, events::Event as Xml};
use saoma_core::sign::SignType;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::hint::black_box;

/// What nobody can do without: one pass over the bytes, and the raw digest of the string to sign,
/// by the fastest digest at hand. `md-5` is as fast as its assembly and faster than the crate
/// `md5` and OpenSSL; `sha2` uses the processor's instructions for SHA-256 and is faster than
/// `ring` and OpenSSL, most of all when the key's own two blocks were digested before, as here.
pub(crate) struct Limit(Option<Hmac<Sha256>>);

impl Limit {
    pub(crate) fn new(sign_type: SignType) -> Self {
        Self(match sign_type {
            SignType::Md5 => None,
            SignType::HmacSha256 => Some(hmac_of_key()),
        })
    }

    pub(crate) fn run(&self, xml: &str, string_to_sign: &str) {
        black_box(core::str::from_utf8(black_box(xml.as_bytes())).is_ok());
        let text = black_box(string_to_sign);
        match &self.0 {
            None => drop(black_box(Md5::digest(text))),
            Some(key) => drop(black_box(key.clone().chain_update(text).finalize())),
        }
    }
}

/// What one would write with quick-xml and a sorted map.
pub(crate) fn quick_xml_and_a_map(notice: &Notice) {
    let mut reader = Reader::from_str(black_box(&notice.xml));
    let mut fields = BTreeMap::new();
    let (mut name, mut value) = (String::new(), String::new());
    loop {
        match reader.read_event().expect("a document") {
            Xml::Start(tag) => {
                name = tag.name().as_ref().to_string();
                value.clear();
            }
            Xml::Text(text) => value.push_str(&text),
            Xml::CData(text) => value.push_str(&text),
            Xml::End(_) if !name.is_empty() => {
                fields.insert(core::mem::take(&mut name), value.clone());
            }
            Xml::Eof => break,
            _ => {}
        }
    }
    let sign = fields.remove("sign").expect("signed");
    assert_eq!(signature(&string_to_sign(&fields), notice.sign_type), sign);
    black_box(fields);
}
