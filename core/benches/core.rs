//! What the core costs, as ratios measured in one run: against the limit (one pass over the bytes
//! and the raw digest), against the same work through quick-xml and a sorted map, and for the QR
//! code against three crates.
//!
//! `cargo bench -p saoma-core --features merchant --bench core`. Machines have slow and fast
//! phases, so everything that is compared takes turns within a round, and the best round of each
//! counts.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use quick_xml::{Reader, events::Event as Xml};
use saoma_core::api::{Merchant, PayNotice, UnifiedOrder, seal};
use saoma_core::ids::{AppId, MchId, Nonce, OutTradeNo};
use saoma_core::money::Fen;
use saoma_core::qr::{self, Level};
use saoma_core::sign::{ApiKey, SignType, Unverified};
use saoma_core::time::UnixTime;
use saoma_core::xml::{Doc, Draft, Text};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const ROUNDS: usize = 60;

/// One thing to measure: its name and the work.
type Case<'a> = (&'a str, Box<dyn FnMut() + 'a>);

/// Nanoseconds a call of each case, the best of all rounds.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn measure(cases: &mut [Case<'_>], calls: u32) -> Vec<u64> {
    let mut best = vec![u64::MAX; cases.len()];
    for _ in 0..ROUNDS {
        for ((_, work), best) in cases.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..calls {
                work();
            }
            let nanos = start.elapsed().as_nanos() / u128::from(calls);
            *best = (*best).min(u64::try_from(nanos).unwrap_or(u64::MAX));
        }
    }
    best
}

/// Prints a table whose ratios are against the first case.
fn table(title: &str, mut cases: Vec<Case<'_>>, calls: u32) {
    let best = measure(&mut cases, calls);
    println!("\n{title}");
    for ((name, _), nanos) in cases.iter().zip(&best) {
        let hundredths = nanos * 100 / best[0].max(1);
        println!("  {name:<44} {nanos:>9} ns {:>6}.{:02} x", hundredths / 100, hundredths % 100);
    }
}

fn merchant() -> Merchant {
    Merchant {
        mch_id: MchId::new("1900000109").expect("an id"),
        app_id: AppId::new("wx5a0mademeup0001").expect("an id"),
        key: ApiKey::new(KEY).expect("a key"),
        sign_type: SignType::Md5,
    }
}

/// A notification's fields; `coupons` make it longer.
fn fields(coupons: usize) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = [
        ("appid", "wx5a0mademeup0001"),
        ("attach", "深圳分店"),
        ("bank_type", "OTHERS"),
        ("cash_fee", "2541"),
        ("fee_type", "CNY"),
        ("is_subscribe", "N"),
        ("mch_id", "1900000109"),
        ("nonce_str", "1497351146318"),
        ("openid", "oMadeUpOpenIdForTests000001"),
        ("out_trade_no", "SM-2026_1123|0002*"),
        ("result_code", "SUCCESS"),
        ("return_code", "SUCCESS"),
        ("time_end", "20261123193142"),
        ("total_fee", "2599"),
        ("trade_type", "NATIVE"),
        ("transaction_id", "4200009999202611230000000001"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect();
    for n in 0..coupons {
        fields.insert(format!("coupon_id_{n}"), "2000000000276621044".into());
        fields.insert(format!("coupon_fee_{n}"), "58".into());
        fields.insert(format!("coupon_type_{n}"), "CASH".into());
    }
    fields
}

fn string_to_sign(fields: &BTreeMap<String, String>) -> String {
    let joined: String = fields.iter().map(|(name, value)| format!("{name}={value}&")).collect();
    format!("{joined}key={KEY}")
}

/// A signed notification, in order or shuffled by a fixed rule.
fn notification(coupons: usize, sign_type: SignType, shuffled: bool) -> String {
    let fields = fields(coupons);
    let mut doc: Draft<'_, 128> = Draft::new();
    for (name, value) in &fields {
        doc.push(name, Text::new(value)).expect("distinct");
    }
    let sign = merchant().key.sign(&doc, sign_type);
    let mut lines: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("<{name}><![CDATA[{value}]]></{name}>\n"))
        .collect();
    lines.push(format!("<sign><![CDATA[{}]]></sign>\n", sign.as_str()));
    if shuffled {
        let len = lines.len();
        for at in 0..len {
            lines.swap(at, (at * 7 + 3) % len);
        }
    }
    format!("<xml>\n{}</xml>", lines.concat())
}

fn ours(xml: &str, merchant: &Merchant, sign_type: SignType) {
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).expect("a document");
    let verified = Unverified::new(&doc).verify(&merchant.key, sign_type).expect("signed");
    black_box(PayNotice::read(verified, merchant).expect("a notice"));
}

fn digest(text: &str, sign_type: SignType) -> Vec<u8> {
    match sign_type {
        SignType::Md5 => Md5::digest(text).to_vec(),
        SignType::HmacSha256 => {
            let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any length");
            mac.chain_update(text).finalize().into_bytes().to_vec()
        }
    }
}

fn limit(xml: &str, text: &str, sign_type: SignType) {
    black_box(core::str::from_utf8(black_box(xml.as_bytes())).is_ok());
    match sign_type {
        SignType::Md5 => {
            black_box(Md5::digest(black_box(text)));
        }
        SignType::HmacSha256 => {
            let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any length");
            black_box(mac.chain_update(black_box(text)).finalize());
        }
    }
}

fn by_quick_xml(xml: &str, sign_type: SignType) {
    let mut reader = Reader::from_str(xml);
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
    fields.retain(|_, value| !value.is_empty());
    let digest = digest(&string_to_sign(&fields), sign_type);
    let hex: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(hex, sign);
}

fn verify_tables() {
    let merchant = merchant();
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        for coupons in [0, 12] {
            let text = string_to_sign(&fields(coupons));
            let ordered = notification(coupons, sign_type, false);
            let shuffled = notification(coupons, sign_type, true);
            let title =
                format!("verify a notification, {}, {} bytes", sign_type.as_str(), ordered.len());
            let cases: Vec<Case<'_>> = vec![
                (
                    "limit: one pass and the raw digest",
                    Box::new(|| limit(&ordered, &text, sign_type)),
                ),
                ("saoma-core", Box::new(|| ours(&ordered, &merchant, sign_type))),
                ("saoma-core, fields shuffled", Box::new(|| ours(&shuffled, &merchant, sign_type))),
                ("quick-xml and a sorted map", Box::new(|| by_quick_xml(&ordered, sign_type))),
            ];
            table(&title, cases, 500);
        }
    }
}

fn request_table() {
    let merchant = merchant();
    let number = OutTradeNo::new("20261124032600K7Q2M9XB-1").expect("a number");
    let start = UnixTime::new(1_795_461_960).expect("a time");
    let order = UnifiedOrder::new(
        &number,
        "扫码示例店-拿铁",
        Fen::new(1_800).expect("money"),
        "https://pay.example.com/wx/v2/notify",
        "203.0.113.7".parse().expect("an address"),
        (start, start.plus(900)),
    )
    .expect("an order");
    let nonce = Nonce::from_random([7; 16]);
    let ours = || {
        let mut out: heapless::String<2048> = heapless::String::new();
        let doc = order.draft(&merchant, SignType::Md5);
        seal(doc, &nonce, &merchant, SignType::Md5, &mut out).expect("room");
        out
    };
    let xml = ours();
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).expect("a document");
    let signed: BTreeMap<String, String> = doc
        .fields()
        .iter()
        .filter(|field| field.name != "sign")
        .map(|field| (field.name.to_string(), field.value.to_string()))
        .collect();
    let text = string_to_sign(&signed);
    let cases: Vec<Case<'_>> = vec![
        ("limit: one pass and the raw digest", Box::new(|| limit(&xml, &text, SignType::Md5))),
        ("saoma-core", Box::new(|| drop(black_box(ours())))),
    ];
    table(&format!("build, sign and write a unified order, {} bytes", xml.len()), cases, 500);
}

fn qr_table() {
    for text in [
        "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz",
        "weixin://pay.weixin.qq.com/bizpayurl/up?pr=NwY5Mz9&groupid=00",
    ] {
        let cases: Vec<Case<'_>> = vec![
            ("saoma-core", Box::new(|| drop(black_box(qr::encode(black_box(text), Level::M))))),
            (
                "fast_qr",
                Box::new(|| {
                    let code =
                        fast_qr::QRBuilder::new(black_box(text)).ecl(fast_qr::ECL::M).build();
                    drop(black_box(code));
                }),
            ),
            (
                "qrcodegen",
                Box::new(|| {
                    let level = qrcodegen::QrCodeEcc::Medium;
                    drop(black_box(qrcodegen::QrCode::encode_text(black_box(text), level)));
                }),
            ),
            (
                "qrcode",
                Box::new(|| {
                    let level = qrcode::EcLevel::M;
                    let code = qrcode::QrCode::with_error_correction_level(black_box(text), level);
                    drop(black_box(code));
                }),
            ),
        ];
        table(&format!("a code_url of {} bytes to a QR matrix, level M", text.len()), cases, 20);
    }
}

fn main() {
    verify_tables();
    request_table();
    qr_table();
}
