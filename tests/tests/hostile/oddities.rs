//! Notifications whose texts are odd: what WeChat has signed counts to the last byte, and what was
//! changed on the way does not. They are written and signed by hand here, without the core's help.

use crate::prey::{Made, PAID, Prey};
use crate::world::{APP_ID, KEY, MCH_ID};
use saoma_sandbox::sign::{Algorithm, Key, sign, string_to_sign};
use std::collections::BTreeMap;
use std::fmt::Write as _;

type Fields = BTreeMap<String, String>;
/// Fields to set; an empty value stands for a field that is not there.
type Changes<'a> = &'a [(&'a str, &'a str)];

/// A key that is well formed and not ours.
const OTHER_KEY: &str = "AnotherMerchantsKey0000000000007";
/// One word in the two ways that Unicode has for it.
const NFC: &str = "caf\u{e9}";
const NFD: &str = "cafe\u{301}";
/// The most fields that the server reads in a notification, the signature among them.
const FIELDS_MAX: usize = 128;

/// What WeChat says about the payment of this order.
fn payment(of: &Made, transaction_id: &str) -> Fields {
    let pairs = [
        ("appid", APP_ID),
        ("bank_type", "OTHERS"),
        ("cash_fee", "1800"),
        ("fee_type", "CNY"),
        ("mch_id", MCH_ID),
        ("nonce_str", "1497351146318"),
        ("out_trade_no", &of.number),
        ("result_code", "SUCCESS"),
        ("return_code", "SUCCESS"),
        ("time_end", "20261124032700"),
        ("total_fee", "1800"),
        ("trade_type", "NATIVE"),
        ("transaction_id", transaction_id),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn changed(mut fields: Fields, changes: Changes<'_>) -> Fields {
    for (name, value) in changes {
        fields.insert((*name).to_owned(), (*value).to_owned());
    }
    fields.retain(|_, value| !value.is_empty());
    fields
}

fn pairs(fields: &Fields) -> impl Iterator<Item = (&str, &str)> {
    fields.iter().map(|(name, value)| (&**name, &**value))
}

fn signature(fields: &Fields, key: &str) -> String {
    sign(pairs(fields), &Key::new(key).unwrap(), Algorithm::HmacSha256)
}

/// As WeChat writes it: every value in sections, which cannot hold their own end.
fn written(fields: &Fields, sign: &str) -> String {
    let mut xml = "<xml>".to_owned();
    for (name, value) in pairs(fields).chain([("sign", sign)]) {
        let value = value.replace("]]>", "]]]]><![CDATA[>");
        write!(xml, "<{name}><![CDATA[{value}]]></{name}>").unwrap();
    }
    xml + "</xml>"
}

/// With as many fields as this, the signature among them.
fn filled(mut fields: Fields, count: usize) -> Fields {
    for at in 0..count - fields.len() - 1 {
        fields.insert(format!("new_{at}"), "1".to_owned());
    }
    fields
}

/// What is odd about it, and what WeChat has put into it.
const SIGNED: &[(&str, Changes<'static>)] = &[
    ("sign_type absent", &[("sign_type", "")]),
    ("sign_type contradicts", &[("sign_type", "MD5")]),
    ("sign_type unknown", &[("sign_type", "SHA1")]),
    ("sign_type in small letters", &[("sign_type", "hmac-sha256")]),
    ("sign_type with a space after it", &[("sign_type", "HMAC-SHA256 ")]),
    ("sign_type with a space before it", &[("sign_type", " HMAC-SHA256")]),
    ("sign_type is a space", &[("sign_type", " ")]),
    ("one letter for e and its accent", &[("attach", NFC)]),
    ("two letters for e and its accent", &[("attach", NFD)]),
    ("a field called key", &[("key", "x")]),
    ("a field called key that holds another key", &[("key", OTHER_KEY)]),
    ("&key= in a value", &[("attach", "x&key=AnotherMerchantsKey0000000000007")]),
    ("&sign= in a value", &[("attach", "x&sign=00")]),
    ("the end of a section", &[("attach", "]]>")]),
    ("the end of a section between others", &[("attach", "a]]]>]>]]>]]")]),
    ("markup", &[("attach", "</xml><xml>&amp;<!--")]),
    ("carriage return, line feed, tab", &[("attach", "a\r\nb\tc\r\r\n\n\t\td")]),
    ("white space around", &[("attach", " \t\r\nx\r\n\t ")]),
    ("nothing but white space", &[("attach", "\r\n")]),
    ("a zero, which is not nothing", &[("attach", "0")]),
    (
        "names that only bytes put in order",
        &[("B", "2"), ("a1", "4"), ("a_1", "3"), ("a_10", "5"), ("a_2", "6"), ("b", "1")],
    ),
    ("the longest name", &[("a_name_of_two_and_thirty_letters", "1")]),
    ("a leap day", &[("time_end", "20240229235959")]),
    ("the first second", &[("time_end", "19700101080000")]),
    ("after 2038", &[("time_end", "20380119111408")]),
    ("after 2106", &[("time_end", "21060207142816")]),
    ("the last second of four digits", &[("time_end", "99991231235959")]),
];

/// What is done on the way: signed with the first, sent with the second as well.
const CHANGED: &[(&str, Changes<'static>, Changes<'static>)] = &[
    ("sign_type added", &[], &[("sign_type", "HMAC-SHA256")]),
    ("another sign_type added", &[], &[("sign_type", "MD5")]),
    ("an unknown sign_type added", &[], &[("sign_type", "SHA1")]),
    ("sign_type taken out", &[("sign_type", "HMAC-SHA256")], &[("sign_type", "")]),
    ("a space after sign_type", &[("sign_type", "HMAC-SHA256")], &[("sign_type", "HMAC-SHA256 ")]),
    ("NFC made NFD", &[("attach", NFC)], &[("attach", NFD)]),
    ("NFD made NFC", &[("attach", NFD)], &[("attach", NFC)]),
    ("full width", &[("attach", "1")], &[("attach", "１")]),
    ("a key added", &[], &[("key", "x")]),
    ("our key's place taken", &[], &[("key", OTHER_KEY)]),
    ("a key taken out", &[("key", "x")], &[("key", "")]),
    ("&key= taken out", &[("attach", "x&key=y")], &[("attach", "x")]),
    ("&key= made a field", &[("attach", "x&key=y")], &[("attach", "x"), ("key", "y")]),
    ("the end of a section taken out", &[("attach", "a]]>b")], &[("attach", "ab")]),
    ("a section's end as text", &[("attach", "]]]]><![CDATA[>")], &[("attach", "]]>")]),
    ("CR LF made LF", &[("attach", "a\r\nb")], &[("attach", "a\nb")]),
    ("LF made CR LF", &[("attach", "a\nb")], &[("attach", "a\r\nb")]),
    ("CR made LF", &[("attach", "a\rb")], &[("attach", "a\nb")]),
    ("a tab made a space", &[("attach", "a\tb")], &[("attach", "a b")]),
    ("spaces taken off", &[("attach", " x ")], &[("attach", "x")]),
    ("white space taken out", &[("attach", "\r\n")], &[("attach", "")]),
    ("a line feed at the end of the amount", &[], &[("total_fee", "1800\n")]),
    ("a tab before the order's number", &[("attach", "x")], &[("attach", "\tx")]),
];

/// Signed by WeChat, and wrong all the same.
const WRONG: &[(&str, Changes<'static>)] = &[
    ("before 1970", &[("time_end", "19691231235959")]),
    ("before 1970 in Greenwich", &[("time_end", "19700101075959")]),
    ("the year 0", &[("time_end", "00000101000000")]),
    ("after 9999", &[("time_end", "100000101000000")]),
    ("a line feed in the amount", &[("total_fee", "1800\n")]),
    ("a tab in the order's number", &[("out_trade_no", "\tA-1")]),
    ("a line feed in the payment's number", &[("transaction_id", "42\r\n")]),
    ("&key= in the payment's number", &[("transaction_id", "42&key=x")]),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_is_taken_as_it_stands_and_ships_its_order_once() {
    let prey = Prey::start().await;
    let counted = prey.refused().await;
    let odd = SIGNED.iter().map(|(what, changes)| ((*what).to_owned(), *changes, 0));
    let full = [64, 65, FIELDS_MAX].map(|count| (format!("{count} fields"), &[][..], count));
    let all: Vec<_> = odd.chain(full).collect();
    for (at, (what, changes, count)) in all.iter().enumerate() {
        let order = prey.order(&format!("B-{at}")).await;
        let transaction_id = format!("42000099992026112400000008{at:02}");
        let mut fields = changed(payment(&order, &transaction_id), changes);
        if *count > 0 {
            fields = filled(fields, *count);
            assert_eq!(fields.len() + 1, *count);
        }
        let document = written(&fields, &signature(&fields, KEY));
        for time in ["first", "again"] {
            let (status, answer) = prey.notify(document.clone()).await;
            assert!(status == 200 && answer.contains("SUCCESS"), "{what}, {time}: {answer}");
        }
        prey.until_is(&order, "shipped").await;
        let calls = prey.rig.shop.calls();
        let told: Vec<_> = calls.iter().filter(|call| call["order_id"] == *order.id).collect();
        assert_eq!(told.len(), 1, "{what}");
        assert_eq!(told[0]["transaction_id"], *transaction_id, "{what}");
    }
    assert_eq!(prey.refused().await, counted);
    println!("{} taken", all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_on_the_way_or_breaks_a_rule_is_refused_and_changes_nothing() {
    let prey = Prey::start().await;
    let (books, counted) = (prey.books(), prey.refused().await);
    let good = payment(&prey.order, PAID);
    let mut all = Vec::new();
    for (what, signed, sent) in CHANGED {
        let signed = changed(good.clone(), signed);
        let sent = changed(signed.clone(), sent);
        assert_ne!(signed, sent, "{what}");
        all.push(((*what).to_owned(), written(&sent, &signature(&signed, KEY))));
    }
    for (what, changes) in WRONG {
        let fields = changed(good.clone(), changes);
        all.push(((*what).to_owned(), written(&fields, &signature(&fields, KEY))));
    }
    // Whoever lacks the key can only bring one.
    for brought in [("key", OTHER_KEY), ("attach", &format!("x&key={OTHER_KEY}"))] {
        let fields = changed(good.clone(), &[brought]);
        let sign = signature(&fields, OTHER_KEY);
        all.push((format!("a key in {}", brought.0), written(&fields, &sign)));
    }
    for count in [FIELDS_MAX + 1, FIELDS_MAX + 2, 1_000] {
        let fields = filled(good.clone(), count);
        all.push((format!("{count} fields"), written(&fields, &signature(&fields, KEY))));
    }
    for (what, document) in &all {
        let (status, answer) = prey.notify(document.clone()).await;
        // A thousand fields are more than a notification's bytes as well.
        assert!(matches!(status, 200 | 413), "{what}: {status}");
        assert!(answer.contains("FAIL") && !answer.contains("SUCCESS"), "{what}: {answer}");
        assert_eq!(prey.books(), books, "{what}");
    }
    assert_eq!(prey.refused().await - counted, u64::try_from(all.len()).unwrap());
    println!("{} refused", all.len());
    prey.takes_the_good_one().await;
}

/// Two documents, one string to sign (protocol 2.1): the buyer of a small thing chooses `attach` so
/// that its notification is, cut at other places, one about somebody else's order.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_documents_with_one_signature_the_genuine_one_counts() {
    let prey = Prey::start().await;
    let big = &prey.order;
    // What the forged one is to say: everything, or as little as fits into a real `attach`.
    let mut all = payment(big, "42");
    all.remove("appid");
    let mut few = all.clone();
    let names = ["out_trade_no", "result_code", "return_code", "total_fee", "transaction_id"];
    few.retain(|name, _| names.contains(&&**name));
    for (said, order_no, transaction_id) in
        [(few, "B-1", "4200009999202611240000000801"), (all, "B-2", "4200009999202611240000000802")]
    {
        let small = prey.order(order_no).await;
        let lever = format!("x&{}", string_to_sign(pairs(&said)));
        let genuine = changed(payment(&small, transaction_id), &[("attach", &lever)]);
        let text = string_to_sign(pairs(&genuine));
        let (_, rest) = text.split_once("&transaction_id=42&").unwrap();
        let rest = format!("42&{rest}");
        let cut = [("appid", APP_ID), ("attach", "x"), ("transaction_id", &rest)];
        let forged = changed(said, &cut);
        assert_eq!(string_to_sign(pairs(&forged)), text);
        let sign = signature(&genuine, KEY);

        let (books, counted) = (prey.books(), prey.refused().await);
        let (_, answer) = prey.notify(written(&forged, &sign)).await;
        assert!(answer.contains("FAIL"), "{answer}");
        assert_eq!(prey.books(), books);
        let (_, answer) = prey.notify(written(&genuine, &sign)).await;
        assert!(answer.contains("SUCCESS"), "{answer}");
        prey.until_is(&small, "shipped").await;
        let (_, answer) = prey.notify(written(&forged, &sign)).await;
        assert!(answer.contains("FAIL"), "{answer}");
        assert_eq!(prey.view(big).await["phase"], "open");
        assert_eq!(prey.refused().await - counted, 2);
    }
    let calls = prey.rig.shop.calls();
    assert!(calls.len() == 2 && calls.iter().all(|call| call["order_id"] != *big.id), "{calls:?}");
    let good = payment(big, PAID);
    let (_, answer) = prey.notify(written(&good, &signature(&good, KEY))).await;
    assert!(answer.contains("SUCCESS"), "{answer}");
    prey.until("shipped").await;
}
