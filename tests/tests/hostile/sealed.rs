//! Refund notifications. They are not signed: what is sealed in them opens or does not, and whoever
//! tries learns nothing of why.

use crate::prey::{PAID, Prey};
use crate::world::{APP_ID, KEY, MCH_ID};
use saoma_core::api::{ACK_FAIL, ACK_SUCCESS};
use saoma_sandbox::seal::{open, seal};
use saoma_sandbox::sign::Key;

/// The most fields around what is sealed.
const FIELDS_MAX: usize = 32;
/// So many bytes are whole blocks of the cipher and, in base64, as many whole groups of digits.
const BLOCKS: usize = 48;

fn key() -> Key {
    Key::new(KEY).unwrap()
}

/// What tells of a refund that nobody here has asked for.
fn inside(number: &str) -> String {
    format!(
        "<root><out_refund_no>R-1</out_refund_no><out_trade_no>{number}</out_trade_no>\
         <refund_fee>100</refund_fee><refund_id>50300000000000000000000000001</refund_id>\
         <refund_status>SUCCESS</refund_status><total_fee>1800</total_fee>\
         <transaction_id>{PAID}</transaction_id></root>"
    )
}

/// A notification with this in its middle, and with these fields more.
fn around(sealed: &str, more: &str) -> String {
    format!(
        "<xml><return_code>SUCCESS</return_code><appid>{APP_ID}</appid><mch_id>{MCH_ID}</mch_id>\
         <nonce_str>n</nonce_str>{more}<req_info>{sealed}</req_info></xml>"
    )
}

/// Sealed under the right key, and its last bytes, where the padding stands, are these.
fn ending_in(text: &str, last: &[u8]) -> String {
    let len = (text.len() + last.len()).next_multiple_of(BLOCKS) - last.len();
    // White space may follow the document, so only the padding can be wrong.
    let text = format!("{text:len$}{}", str::from_utf8(last).unwrap());
    // The block of padding that the sandbox puts behind it is cut off.
    let mut sealed = seal(&text, &key());
    sealed.truncate(text.len() / 3 * 4);
    sealed
}

/// What cannot be opened.
fn closed(text: &str) -> Vec<(&'static str, String)> {
    let other = Key::new("AnotherMerchantsKey0000000000007").unwrap();
    let good = seal(text, &key());
    let blocks = ending_in(text, b"\x01");
    let cut = |digits: usize| blocks[..digits].to_owned();
    vec![
        ("nothing", String::new()),
        ("one digit", "x".to_owned()),
        ("padding alone", "====".to_owned()),
        ("three bytes", "AAAA".to_owned()),
        ("no base64", "号".to_owned()),
        ("no base64 in it", good.replacen(|digit: char| digit.is_ascii_digit(), "!", 1)),
        ("the digits of addresses", good.replace('+', "-").replace('/', "_")),
        ("a line end in it", good.replacen(&good[8..10], &format!("{}\n", &good[8..10]), 1)),
        ("text behind it", good.clone() + "AAAA"),
        ("some digits", "A".repeat(24)),
        ("digits that are no bytes", "A".repeat(43)),
        ("digits without end", "A".repeat(12_000)),
        ("another merchant's key", seal(text, &other)),
        ("our key, in other letters", seal(text, &Key::new(&KEY.to_lowercase()).unwrap())),
        ("not sealed at all", text.replace('<', "&lt;")),
        // Under the right key.
        ("padding 0", ending_in(text, b"\0")),
        ("padding 17", ending_in(text, b"\x11")),
        ("padding 127", ending_in(text, b"\x7f")),
        ("padding 2 after 1", ending_in(text, b"\x01\x02")),
        ("padding 3 but for one", ending_in(text, b"\x03\x02\x03")),
        ("no padding", ending_in(text, b">")),
        ("three bytes less than a block", cut(blocks.len() - 4)),
        ("thirteen bytes more than blocks", cut(blocks.len() - 24)),
        ("half of it", cut(blocks.len() / 2 / 64 * 64)),
        ("a block and two bytes", cut(24)),
        ("its blocks in another order", blocks[64..].to_owned() + &blocks[..64]),
        ("no document", seal("x", &key())),
        ("an empty text", seal("", &key())),
        ("another root", seal(&text.replace("root>", "xml>"), &key())),
        ("a document type", seal(&format!("<!DOCTYPE root>{text}"), &key())),
        ("a field twice", seal(&text.replace("<root>", "<root><total_fee>1</total_fee>"), &key())),
    ]
}

/// What opens and says nothing that can be.
fn wrong(text: &str) -> Vec<(&'static str, String)> {
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        seal(&text.replace(from, to), &key())
    };
    vec![
        ("more than was paid", with(">100<", ">1801<")),
        ("a negative amount", with(">100<", ">-1<")),
        ("an amount with a line end", with(">100<", ">100\n<")),
        ("a state that nobody knows", with("SUCCESS", "DONE")),
        ("a state that no notification has", with("SUCCESS", "PROCESSING")),
        ("no state", with("<refund_status>SUCCESS</refund_status>", "")),
        ("another's number", with("R-1", "R 1")),
        ("a number that says more", with(PAID, &format!("{PAID}&amp;refund_fee=1"))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_notification_that_cannot_be_opened_changes_nothing_and_never_says_why() {
    let prey = Prey::start().await;
    prey.takes_the_good_one().await;
    let text = inside(&prey.order.number);
    let (books, counted) = (prey.books(), prey.refused().await);
    let mut all = closed(&text);
    for (what, sealed) in &all {
        assert_eq!(open(sealed, &key()).filter(|opened| *opened == text), None, "{what}");
    }
    all.extend(wrong(&text));
    let good = seal(&text, &key());
    let fields = |count: usize| (0..count).map(|at| format!("<f{at}>1</f{at}>")).collect();
    let mut documents: Vec<(&str, String)> =
        all.iter().map(|(what, sealed)| (*what, around(sealed, ""))).collect();
    let full: String = fields(FIELDS_MAX - 5 + 1);
    documents.push(("a field too many around it", around(&good, &full)));
    documents.push(("req_info twice", around(&good, &format!("<req_info>{good}</req_info>"))));
    documents.push(("another's number", around(&good, "").replace(MCH_ID, "1900000110")));
    documents.push(("another's app", around(&good, "").replace(APP_ID, "wx5a0mademeup0002")));
    documents.push(("no nonce", around(&good, "").replace("<nonce_str>n</nonce_str>", "")));
    for (what, document) in &documents {
        // One answer, whatever was wrong inside: it tells nothing about the key.
        assert_eq!(prey.notify_refund(document.clone()).await, (200, ACK_FAIL.into()), "{what}");
        assert_eq!(prey.books(), books, "{what}");
    }
    assert_eq!(prey.refused().await - counted, u64::try_from(documents.len()).unwrap());
    println!("{} refused", documents.len());

    // The same text with a padding that is right, cut as those above were, is taken: it was the
    // padding, and not the cutting. So is one with as many fields as there may be.
    let full: String = fields(FIELDS_MAX - 5);
    for good in [around(&ending_in(&text, b"\x01"), ""), around(&good, &full)] {
        assert_eq!(prey.notify_refund(good).await, (200, ACK_SUCCESS.into()));
    }
    assert_ne!(prey.books(), books, "it is kept");
    assert_eq!(prey.view(&prey.order).await["phase"], "shipped", "and believed only when asked");
}
