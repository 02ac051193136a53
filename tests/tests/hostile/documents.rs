//! Documents that no notification may be. Where it matters they are signed with the right key: the
//! signature is not what is wrong with them.

use crate::prey::Prey;
use crate::world::{APP_ID, KEY, notice};
use saoma_core::sign::SignType;

/// What is wrong, and the body.
pub(crate) type Bad = (String, Vec<u8>);

fn bad(what: &str, body: impl Into<Vec<u8>>) -> Bad {
    (what.to_owned(), body.into())
}

/// Forms of a document: types, entities, encodings, nesting, sizes.
pub(crate) fn forms(good: &str) -> Vec<Bad> {
    let inside = good.strip_prefix("<xml>").unwrap();
    let after = |start: &str| format!("{start}{inside}");
    let with = |field: &str| good.replace("<appid>", &format!("{field}<appid>"));
    let fields: String = (0..130).map(|at| format!("<f{at}>1</f{at}>")).collect();
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut all = vec![
        bad("nothing", ""),
        bad("white space", " \r\n\t"),
        bad("JSON", "{\"return_code\":\"SUCCESS\"}"),
        bad("a form", "return_code=SUCCESS&total_fee=1800"),
        bad("a document type", after("<!DOCTYPE xml><xml>")),
        bad("an outer document type", after("<!DOCTYPE xml SYSTEM \"http://127.0.0.1:9/x\"><xml>")),
        bad("a file", after("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml>")),
        bad("a parameter entity", after("<!DOCTYPE x [<!ENTITY % p SYSTEM \"x\">%p;]><xml>")),
        bad("billion laughs", laughs()),
        bad("an entity of its own", good.replace(APP_ID, "&appid;")),
        bad("a processing instruction", after("<?php x?><xml>")),
        bad("a comment", with("<!-- c -->")),
        bad("an attribute", after("<xml a=\"1\">")),
        bad("a prefix", with("<a:b>1</a:b>")),
        bad("nesting", with("<a><b>1</b></a>")),
        bad("deep nesting", "<xml>".to_owned() + &"<a>".repeat(5_000)),
        bad("100,000 levels", "<a>".repeat(100_000)),
        bad("another root", good.replace("xml>", "root>")),
        bad("two roots", good.repeat(2)),
        bad("trailing bytes", format!("{good}x")),
        bad("a trailing NUL", format!("{good}\0")),
        bad("the same field twice", with(&format!("<appid>{APP_ID}</appid>"))),
        bad("another value first", with("<total_fee>1</total_fee>")),
        bad("another value last", good.replace("</xml>", "<total_fee>1</total_fee></xml>")),
        bad("130 fields", with(&fields)),
        bad("a long name", with(&format!("<{0}>1</{0}>", "n".repeat(33)))),
        bad("a NUL", with("<a>\0</a>")),
        bad("NUL by reference", with("<a>&#0;</a>")),
        bad("no character", with("<a>&#x110000;</a>")),
        bad("a surrogate", with("<a>&#xD800;</a>")),
        bad("]]> in text", with("<a>]]></a>")),
        bad("an open CDATA", with("<a><![CDATA[</a>")),
        bad("two marks", format!("\u{FEFF}\u{FEFF}{good}")),
        bad("UTF-16", utf16.clone()),
        bad("UTF-16 with its mark", [vec![0xFF, 0xFE], utf16].concat()),
        bad("GBK declared", after("<?xml version=\"1.0\" encoding=\"GBK\"?><xml>")),
        bad("GBK", [b"<xml><a>\xbf\xa7</a>".to_vec(), inside.into()].concat()),
        bad("overlong UTF-8", [b"<xml><a>\xc0\xbc</a>".to_vec(), inside.into()].concat()),
        bad("17 kB", with(&format!("<a>{}</a>", "x".repeat(17_000)))),
        bad("10 MB", with(&format!("<a>{}</a>", "x".repeat(10_000_000)))),
    ];
    // Cut off at every byte, and changed in every byte.
    all.extend((1..good.len()).map(|at| (format!("cut at {at}"), good.as_bytes()[..at].to_vec())));
    all.extend((0..good.len()).map(|at| {
        let mut body = good.as_bytes().to_vec();
        body[at] ^= 1;
        (format!("byte {at} changed"), body)
    }));
    all
}

fn laughs() -> String {
    let entities: String =
        (1..30).map(|at| format!("<!ENTITY l{at} \"&l{0};&l{0};&l{0};&l{0};\">", at - 1)).collect();
    format!("<!DOCTYPE x [<!ENTITY l0 \"lol\">{entities}]><xml><a>&l29;</a></xml>")
}

/// Signatures that are not the right one.
pub(crate) fn signatures(prey: &Prey) -> Vec<Bad> {
    let good = prey.good();
    let (start, rest) = good.split_once("<sign>").unwrap();
    let (sign, end) = rest.split_once("</sign>").unwrap();
    let with = |sign: &str| format!("{start}<sign>{sign}</sign>{end}");
    let number = &prey.order.number;
    let other_key = "x".repeat(32);
    let short = |len: usize| with(&"A".repeat(len));
    vec![
        bad("no signature", format!("{start}{end}")),
        bad("an empty signature", with("")),
        bad("lower case", with(&sign.to_lowercase())),
        bad("reversed", with(&sign.chars().rev().collect::<String>())),
        bad("31", short(31)),
        bad("33", short(33)),
        bad("63", short(63)),
        bad("64", short(64)),
        bad("65", short(65)),
        bad("a space after it", with(&format!("{sign} "))),
        bad("full width", with(&"Ａ".repeat(64))),
        bad("twice", good.replace("</xml>", &format!("<sign>{sign}</sign></xml>"))),
        bad("another key", notice(number, &other_key, SignType::HmacSha256, &[])),
        bad("MD5", notice(number, KEY, SignType::Md5, &[])),
        bad("MD5, and says so", notice(number, KEY, SignType::Md5, &[("sign_type", "MD5")])),
        bad("says MD5 afterwards", good.replace("<sign>", "<sign_type>MD5</sign_type><sign>")),
        bad("a field more", good.replace("<sign>", "<attach>x</attach><sign>")),
        bad("a field less", good.replace("<bank_type>OTHERS</bank_type>", "")),
        bad("a space in a value", good.replace(">OTHERS<", ">OTHERS <")),
    ]
}

/// Fields that break their rules, under a good signature.
pub(crate) fn fields(prey: &Prey) -> Vec<Bad> {
    let mut all = Vec::new();
    let mut add = |name: &str, values: &[&str]| {
        for value in values {
            all.push((format!("{name} = {value:?}"), prey.changed(&[(name, value)]).into_bytes()));
        }
    };
    let fees = ["", " 1800", "1800 ", "+1800", "-1800", "01800", "1800.0", "18e2", "0x708", "0"];
    let large = ["１８００", "1８00", "9007199254740993", "18446744073709553416", "1,800", "1 800"];
    add("total_fee", &[&fees[..], &large].concat());
    add("time_end", &["", "20260229000000", "20261124240000", "20261124000060", "2026112403270"]);
    add("time_end", &["20261124006000", "20261324000000", "00000000000000", "2026-11-24 03:27"]);
    add("time_end", &["２０２６１１２４０３２７００", " 20261124032700", "202611240327000"]);
    add("transaction_id", &["", " ", "42&x=1", "42\n", "４２", &"4".repeat(33), "4200/..", "42<"]);
    add("out_trade_no", &["", "号", "A&total_fee=1800", &"A".repeat(33), "A B", "../A", "A'--"]);
    add("mch_id", &["", "1900000110", " 1900000109", "01900000109", "１９００００００１０９"]);
    add("appid", &["", "wx5a0mademeup0002", "WX5A0MADEMEUP0001", " wx5a0mademeup0001"]);
    add("result_code", &["", "FAIL", "success", "SUCCESS "]);
    add("return_code", &["", "FAIL", "success", "SUCCESS\n"]);
    all
}
