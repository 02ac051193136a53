//! A form of the operator's page is read as its encoding says or refused, a typed amount is what it
//! looks like, and nobody is led away.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_server::fuzzing::{form, led_to, shown_yuan, typed_fen};

fuzz_target!(|body: &[u8]| {
    let Some(fields) = form(body) else { return };
    assert_eq!(fields, decoded(body));
    let again: Vec<String> = fields.iter().map(|(n, v)| format!("{}={}", all(n), all(v))).collect();
    assert_eq!(form(again.join("&").as_bytes()).as_ref(), Some(&fields));
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        if let Some(fen) = typed_fen(text) {
            assert_eq!(fen, looks_like(text), "{text:?}");
            let shown = shown_yuan(fen).expect("an amount");
            assert_eq!(typed_fen(&shown), Some(fen), "{shown:?}");
        }
        let (status, location) = led_to(text);
        assert_eq!(status, 303, "{text:?}");
        assert!(location == text.as_bytes() || location == b"/operator", "{text:?}");
        let rest = location.strip_prefix(b"/operator").expect("a path of ours");
        assert!(matches!(rest.first(), None | Some(b'/' | b'?')), "{text:?}");
        assert!(!location.contains(&b'\\'), "{text:?}");
    }
});

/// What the encoding of forms means.
fn decoded(body: &[u8]) -> Vec<(String, String)> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
            (text(name), text(value))
        })
        .collect()
}

fn text(encoded: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = encoded;
    while let Some((byte, more)) = rest.split_first() {
        let digits = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let digits = digits.filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match (byte, digits.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(meant)) => {
                bytes.push(meant);
                rest = &more[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = more;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every byte encoded.
fn all(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Digit by digit: yuan, and after a point tenths and hundredths.
fn looks_like(text: &str) -> u64 {
    let (mut fen, mut unit) = (0, None);
    for sign in text.chars() {
        match (sign, unit) {
            ('.', None) => unit = Some(10),
            ('0'..='9', None) => fen = fen * 10 + 100 * u64::from(sign as u32 - '0' as u32),
            ('0'..='9', Some(worth)) => {
                fen += worth * u64::from(sign as u32 - '0' as u32);
                unit = Some(worth / 10);
            }
            _ => {}
        }
    }
    fen
}
