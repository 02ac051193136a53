//! What the core costs, as ratios measured in one run, in tables that go into
//! `docs/benchmarks.md` as they are: against the limit, against the same work through quick-xml
//! and a sorted map, against published SDKs, and for QR codes against three crates.
//!
//! `cargo xtask bench core`. Without xtask, `cargo bench -p saoma-core --features native --bench
//! core` leaves the SDKs out.

mod harness;
#[path = "../bill/made.rs"]
mod made;
mod notices;
mod rivals;
mod sdks;

use harness::{Goal, Row, Tables};
use made::{Kind, MadeBill};
use notices::{APP_ID, KEY, MCH_ID, Notice};
use rivals::{Limit, quick_xml_and_a_map};
use saoma_core::api::{Merchant, PayNotice, UnifiedOrder, seal};
use saoma_core::bill::{self, FundTotals, Totals, TradeTotals};
use saoma_core::ids::{AppId, MchId, Nonce, OutTradeNo};
use saoma_core::money::Fen;
use saoma_core::qr::{self, Level};
use saoma_core::sign::{ApiKey, SignType, Unverified, Verified};
use saoma_core::time::UnixTime;
use saoma_core::xml::{Doc, FIELDS_MAX};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Read;
use std::process::ExitCode;

/// How often all tables are measured.
const PASSES: u32 = 8;
/// Calls in a turn: about a millisecond.
const CALLS: u32 = 500;

fn merchant() -> Merchant {
    Merchant {
        mch_id: MchId::new(MCH_ID).expect("an id"),
        app_id: AppId::new(APP_ID).expect("an id"),
        key: ApiKey::new(KEY).expect("a key"),
        sign_type: SignType::Md5,
    }
}

/// Reads and verifies; then `and_then` has it.
fn verified<T>(
    xml: &str,
    key: &ApiKey,
    sign_type: SignType,
    and_then: impl FnOnce(Verified<'_, '_>) -> T,
) -> T {
    let doc: Doc<'_> = Doc::read(black_box(xml.as_bytes())).expect("a document");
    and_then(Unverified::new(&doc).verify(key, sign_type).expect("signed"))
}

fn verify_table(tables: &mut Tables, notice: &Notice, number: usize, sdks: &[sdks::Sdk]) {
    let (merchant, sign_type) = (merchant(), notice.sign_type);
    let verify = |xml: &str| {
        verified(xml, &merchant.key, sign_type, |doc| {
            black_box(doc);
        });
    };
    let limit = Limit::new(sign_type);
    let most_of_limit = match (sign_type, notice.xml.len()) {
        (SignType::HmacSha256, _) => 220,
        (SignType::Md5, ..1_000) => 180,
        (SignType::Md5, _) => 210,
    };
    let mut rows = vec![
        Row::new("limit: one pass and the raw digest", CALLS, || {
            limit.run(&notice.xml, &notice.string_to_sign);
        }),
        Row::new("saoma: parse and verify", CALLS, || verify(&notice.xml))
            .goal(Goal::OfLimit(most_of_limit)),
        Row::new("saoma: parse alone", CALLS, || {
            Doc::<'_, FIELDS_MAX>::read(black_box(notice.xml.as_bytes())).expect("a document")
        }),
        Row::new("saoma, fields shuffled", CALLS, || verify(&notice.shuffled))
            .goal(Goal::OfSaoma(130)),
        Row::new("saoma, and read as a typed notice", CALLS, || {
            verified(&notice.xml, &merchant.key, sign_type, |doc| {
                PayNotice::read(doc, &merchant).expect("a notice")
            })
        }),
        Row::new("quick-xml and a sorted map", CALLS / 5, || quick_xml_and_a_map(notice)),
    ];
    rows.extend(sdks.iter().filter_map(|sdk| sdk.row(number)));
    let sign_type = sign_type.as_str();
    tables.measure(
        &format!("Verify a notification: {sign_type}, {} bytes", notice.xml.len()),
        1,
        rows,
    );
}

fn request_tables(tables: &mut Tables) {
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
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        let ours = || {
            let mut out: heapless::String<2048> = heapless::String::new();
            let doc = order.draft(&merchant, sign_type);
            seal(doc, &nonce, &merchant, sign_type, &mut out).expect("room");
            out
        };
        let xml = ours();
        let doc: Doc<'_> = Doc::read(xml.as_bytes()).expect("a document");
        let signed: BTreeMap<String, String> = doc
            .fields()
            .filter(|field| field.name != "sign")
            .map(|field| (field.name.to_string(), field.value.to_string()))
            .collect();
        let text = notices::string_to_sign(&signed);
        let limit = Limit::new(sign_type);
        let rows = vec![
            Row::new("limit: one pass and the raw digest", CALLS, || limit.run(&xml, &text)),
            Row::new("saoma: encode and sign", CALLS, ours).goal(Goal::OfLimit(160)),
        ];
        let sign_type = sign_type.as_str();
        tables.measure(
            &format!("Encode and sign an order: {sign_type}, {} bytes", xml.len()),
            1,
            rows,
        );
    }
}

fn qr_tables(tables: &mut Tables) {
    const CALLS: u32 = 20;
    for text in [
        "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz",
        "weixin://pay.weixin.qq.com/bizpayurl/up?pr=NwY5Mz9&groupid=00",
    ] {
        let rows = vec![
            Row::new("saoma", CALLS, || qr::encode(black_box(text), Level::M)),
            Row::new("fast_qr", CALLS, || {
                fast_qr::QRBuilder::new(black_box(text)).ecl(fast_qr::ECL::M).build()
            })
            .goal(Goal::Beaten(800)),
            Row::new("qrcodegen", CALLS, || {
                let level = qrcodegen::QrCodeEcc::Medium;
                qrcodegen::QrCode::encode_text(black_box(text), level)
            })
            .goal(Goal::Beaten(800)),
            Row::new("qrcode", CALLS, || {
                let level = qrcode::EcLevel::M;
                qrcode::QrCode::with_error_correction_level(black_box(text), level)
            })
            .goal(Goal::Beaten(800)),
        ];
        tables.measure(
            &format!("A `code_url` of {} bytes to a QR matrix, level M", text.len()),
            0,
            rows,
        );
    }
}

/// The crate `csv` finds values and knows nothing of their meaning; and a comma within a value
/// makes two of it, so it could not take the place of the reader.
fn bill_table<T: Totals>(tables: &mut Tables, title: &str, kind: Kind) {
    const LINES: u64 = 500;
    let mut text = Vec::new();
    MadeBill::new(kind, LINES).read_to_end(&mut text).expect("from memory");
    let rows = vec![
        Row::new("limit: one pass, UTF-8 and line ends", 1, || {
            core::str::from_utf8(black_box(&text)).expect("UTF-8").lines().count()
        }),
        Row::new("saoma: read, check and sum up", 1, || {
            let mut bill = bill::Reader::<T>::new();
            bill.feed(black_box(&text), |line| drop(black_box(line))).expect("a bill");
            bill.finish(|_| ()).expect("a bill")
        }),
        Row::new("csv, values without meaning", 1, || {
            let bytes: &[u8] = black_box(&text);
            let mut reader =
                csv::ReaderBuilder::new().flexible(true).quoting(false).from_reader(bytes);
            let mut record = csv::ByteRecord::new();
            let mut count = 0;
            while reader.read_byte_record(&mut record).expect("records") {
                count += record.len();
            }
            count
        }),
    ];
    let rows = rows.into_iter().map(|row| row.per(LINES)).collect();
    tables.measure(title, 1, rows);
}

fn main() -> ExitCode {
    let notices: Vec<Notice> = [0, 8]
        .into_iter()
        .flat_map(|coupons| {
            [SignType::Md5, SignType::HmacSha256].map(|sign_type| Notice::new(sign_type, coupons))
        })
        .collect();
    let sdks = sdks::start(&notices);
    let mut tables = Tables::default();
    for pass in 1..=PASSES {
        eprintln!("pass {pass} of {PASSES}");
        for (number, notice) in notices.iter().enumerate() {
            verify_table(&mut tables, notice, number, sdks.as_deref().unwrap_or(&[]));
        }
        request_tables(&mut tables);
        qr_tables(&mut tables);
        bill_table::<TradeTotals>(&mut tables, "A line of a trade bill", Kind::Trade);
        bill_table::<FundTotals>(&mut tables, "A line of a fund bill", Kind::Fund);
    }
    tables.print();
    match sdks {
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nnot compared with the published SDKs: {why}");
            ExitCode::FAILURE
        }
    }
}
