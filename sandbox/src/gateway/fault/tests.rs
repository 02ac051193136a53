//! A test for each fault.

use super::super::testing::{APPID, KEY, MCH_ID, NOW, OTHER_KEY, OTHER_MCH_ID, Shop};
use super::super::{
    Answer, Arrival, Call, Certificates, Code, Delivery, Direction, PayError, Returned,
    ScanRefusal, Schedule, Target, Tender,
};
use super::*;
use crate::seal;
use crate::sign::{self, Algorithm, Key};
use crate::xml::Document;

const NO: &str = "SM20261123000001";
const NEXT_NO: &str = "SM20261123000002";

fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

/// A shop whose next call, notification or payment this fault strikes.
fn struck(text: &str) -> Shop {
    let mut shop = Shop::new();
    shop.gateway.add_fault(FaultRule::next(fault(text))).unwrap();
    shop
}

/// What a call for an order gets while this fault strikes, and whether there is an order then.
fn ordered(text: &str) -> (Answer, bool) {
    let mut shop = struck(text);
    let answer = shop.raw_order(NO);
    assert_eq!(shop.gateway.faults_struck().collect::<Vec<_>>(), [(fault(text).name(), 1)]);
    (answer, shop.gateway.orders_numbered(NO, NOW).len() == 1)
}

fn document(answer: &Answer) -> Document {
    Document::read(&answer.body).unwrap()
}

fn is_signed(document: &Document, key: &str) -> bool {
    let sign = document.get("sign").unwrap_or_default();
    sign::verify(document.iter(), &Key::new(key).unwrap(), Algorithm::Md5, sign)
}

fn said(delivery: &Delivery) -> Document {
    Document::read(delivery.body.as_bytes()).unwrap()
}

/// A paid order; the fault strikes its notification.
fn paid(text: &str) -> Shop {
    let mut shop = struck(text);
    shop.order(NO, &[]);
    shop.pay(NO, Tender::default()).unwrap();
    shop
}

fn due(shop: &mut Shop) -> Vec<Delivery> {
    shop.gateway.poll(shop.now).send
}

fn one(shop: &mut Shop) -> Delivery {
    let mut due = due(shop);
    assert_eq!(due.len(), 1);
    due.pop().unwrap()
}

fn acknowledge(shop: &mut Shop, delivery: &Delivery) {
    let body = b"<xml><return_code>SUCCESS</return_code></xml>".to_vec();
    let returned = Returned::Answer { status: 200, body };
    shop.gateway.delivered(delivery.id, returned, shop.now).unwrap();
}

fn notice_state(shop: &Shop) -> &'static str {
    shop.gateway.orders_numbered(NO, shop.now)[0].payments[0].notification.state
}

#[test]
fn system_error_comes_before_or_after_the_effect() {
    for (text, has_effect) in [("system_error_before", false), ("system_error_after", true)] {
        let (answer, exists) = ordered(text);
        assert_eq!((answer.code, exists), (Some(Code::SystemError), has_effect), "{text}");
        let document = document(&answer);
        assert!(is_signed(&document, KEY));
        assert_eq!(document.get("result_code"), Some("FAIL"));
        assert_eq!(document.get("err_code"), Some("SYSTEMERROR"));
        assert_eq!(document.get("code_url"), None);
    }
}

#[test]
fn an_error_of_the_tables_is_signed_or_not_as_its_level_says() {
    for code in Code::ALL.into_iter().filter(|code| !code.is_of_bills()) {
        let (answer, exists) = ordered(&format!("error; {}", code.as_str()));
        assert_eq!((answer.code, exists), (Some(code), false));
        let document = document(&answer);
        match document.get("return_code") {
            Some("SUCCESS") => {
                assert!(is_signed(&document, KEY));
                assert_eq!(document.get("err_code"), Some(code.as_str()));
            }
            Some("FAIL") => {
                let names: Vec<_> = document.iter().map(|(name, _)| name).collect();
                assert_eq!(names, ["return_code", "return_msg"], "{code:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(document(&ordered("error; SIGNERROR").0).get("return_code"), Some("FAIL"));
    assert_eq!(document(&ordered("error; NOAUTH").0).get("return_code"), Some("SUCCESS"));
}

#[test]
fn a_bill_is_refused_in_the_words_of_bills() {
    for (text, code) in
        [("error; 20007", "20007"), ("system_error_before", "20003"), ("error; NOAUTH", "20001")]
    {
        let mut shop = struck(text);
        let fields = vec![("bill_date".to_owned(), "20261122".to_owned())];
        let body = shop.signed(&fields, &[]);
        let call = Call::DownloadBill;
        let answer = shop.gateway.handle(call, &Arrival::of(body.as_bytes()), NOW);
        let document = document(&answer);
        assert_eq!(document.get("error_code"), Some(code), "{text}");
        assert_eq!(document.get("sign"), None);
    }
    let mut shop = struck("error; 20007");
    shop.order(NO, &[]);
    assert_eq!(shop.gateway.faults_struck().count(), 0, "an order has no such code");
}

#[test]
fn silence_and_cuts_come_before_or_after_the_effect() {
    for (text, ending, has_effect) in [
        ("silent_before", AnswerEnd::Never, false),
        ("silent_after", AnswerEnd::Never, true),
        ("cut_before", AnswerEnd::Cut, false),
        ("cut_after", AnswerEnd::Cut, true),
    ] {
        let (answer, exists) = ordered(text);
        assert_eq!((answer.manner.ending, exists), (ending, has_effect), "{text}");
    }
}

#[test]
fn an_answer_is_cut_short_or_slow() {
    let (answer, exists) = ordered("truncated");
    assert!(exists);
    assert_eq!(answer.manner.ending, AnswerEnd::CutAfter(answer.body.len() / 2));
    assert_eq!(ordered("truncated; 7").0.manner.ending, AnswerEnd::CutAfter(7));
    assert_eq!(ordered("slow; 40").0.manner, Manner { delay_ms: 40, ..Manner::default() });
}

#[test]
fn an_answer_is_a_page_or_garbage() {
    for (text, status, has_effect) in [
        ("html_page", 200, true),
        ("http_error_before", 502, false),
        ("http_error_after; 503", 503, true),
    ] {
        let (answer, exists) = ordered(text);
        assert_eq!((answer.manner.status, exists), (status, has_effect), "{text}");
        assert!(answer.manner.is_page && answer.text().starts_with("<html>"));
    }
    let (answer, exists) = ordered("garbage; 100");
    assert!(exists && answer.body.len() == 100 && Document::read(&answer.body).is_err());
}

#[test]
fn an_answer_names_its_algorithm_rightly_wrongly_or_not() {
    for (text, sign_type) in [
        ("answer_sign_type", Some("MD5")),
        ("answer_wrong_sign_type", Some("HMAC-SHA256")),
        ("answer_no_sign_type", None),
    ] {
        let document = document(&ordered(text).0);
        assert_eq!(document.get("sign_type"), sign_type, "{text}");
        assert!(is_signed(&document, KEY), "{text}");
    }
}

#[test]
fn an_answer_has_unknown_fields_or_is_another_merchants_and_is_signed() {
    let unknown = document(&ordered("answer_unknown_fields").0);
    assert_eq!(unknown.get("future_field"), Some("新字段🙂"));
    assert!(is_signed(&unknown, KEY));
    let other = document(&ordered("answer_of_another").0);
    assert!(other.get("mch_id") != Some(MCH_ID) && other.get("appid") != Some(APPID));
    assert!(is_signed(&other, KEY));
}

#[test]
fn an_answer_is_signed_wrongly_not_at_all_or_in_lower_case() {
    let wrong = document(&ordered("answer_wrong_sign").0);
    assert!(!is_signed(&wrong, KEY) && wrong.get("sign").unwrap().len() == 32);
    assert_eq!(document(&ordered("answer_unsigned").0).get("sign"), None);
    let lower = document(&ordered("answer_lower_case_sign").0);
    let sign = lower.get("sign").unwrap();
    let key = Key::new(KEY).unwrap();
    assert!(sign != sign.to_uppercase());
    assert!(sign::verify(lower.iter(), &key, Algorithm::Md5, &sign.to_uppercase()));
}

#[test]
fn a_changed_answer_keeps_the_order_and_the_style_of_its_fields() {
    let changed = ordered("answer_sign_type").0;
    let true_answer = Shop::new().raw_order(NO);
    let names = |answer: &Answer| -> Vec<String> {
        document(answer).iter().map(|(name, _)| name.to_owned()).collect()
    };
    let mut expected = names(&true_answer);
    expected.push("sign_type".to_owned());
    assert_eq!(names(&changed), expected);
    let mut shop = paid("notice_sign_type");
    assert!(one(&mut shop).body.contains("<total_fee>1800</total_fee>"));
}

#[test]
fn a_lost_notification_is_never_sent_unless_by_hand() {
    let mut shop = paid("notice_lost");
    assert_eq!(shop.gateway.poll(NOW.plus(90_000)).send, []);
    assert_eq!(notice_state(&shop), "held");
    shop.gateway.send_again(&Target::of_number(NO), 1).unwrap();
    assert_eq!(due(&mut shop).len(), 1);
}

#[test]
fn the_first_sendings_get_lost_and_the_schedule_goes_on() {
    let mut shop = paid("notice_first_lost; 2");
    for gap_s in [0, 15] {
        shop.now = shop.now.plus(gap_s);
        assert_eq!(due(&mut shop), []);
    }
    shop.now = shop.now.plus(15);
    let third = one(&mut shop);
    acknowledge(&mut shop, &third);
    let attempts = &shop.gateway.orders(NOW)[0].payments[0].notification.attempts;
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some("lost"), Some("lost"), Some("acknowledged")]);
}

#[test]
fn a_schedule_of_lost_sendings_ends() {
    let mut shop = paid("notice_first_lost; 16");
    assert_eq!(shop.gateway.poll(NOW.plus(10)).wake_at, Some(NOW.plus(25)));
    let mut now = NOW.plus(10);
    while let Some(wake_at) = shop.gateway.poll(now).wake_at {
        now = wake_at;
    }
    assert_eq!(notice_state(&shop), "given_up");
    assert_eq!(now.since(NOW.plus(10)), Schedule::Current.gaps_s().iter().sum::<i64>());
}

#[test]
fn a_late_notification_comes_so_much_later() {
    let mut shop = paid("notice_late; 30");
    let early = shop.gateway.poll(NOW.plus(29));
    assert_eq!((early.send, early.wake_at), (Vec::new(), Some(NOW.plus(30))));
    assert_eq!(shop.gateway.poll(NOW.plus(30)).send.len(), 1);
}

#[test]
fn copies_follow_one_after_the_other_whatever_is_answered() {
    let mut shop = paid("notice_repeated; 2");
    for _ in 0..3 {
        let sending = one(&mut shop);
        assert_eq!(due(&mut shop), [], "the next one waits for an answer");
        acknowledge(&mut shop, &sending);
    }
    assert!(shop.gateway.is_quiet(NOW.plus(90_000)));
}

#[test]
fn copies_arrive_at_the_same_instant() {
    let mut shop = paid("notice_together; 4");
    let sendings = due(&mut shop);
    assert_eq!(sendings.len(), 5);
    assert!(sendings.iter().all(|sending| sending.body == sendings[0].body));
}

#[test]
fn a_reordered_notification_waits_for_a_later_one() {
    let mut shop = paid("notice_reordered");
    assert_eq!(due(&mut shop), []);
    shop.order(NEXT_NO, &[]);
    shop.pay(NEXT_NO, Tender::default()).unwrap();
    let later = one(&mut shop);
    assert_eq!(said(&later).get("out_trade_no"), Some(NEXT_NO));
    acknowledge(&mut shop, &later);
    let held = one(&mut shop);
    assert_eq!(said(&held).get("out_trade_no"), Some(NO));
}

#[test]
fn falsehoods_come_first_and_nobody_can_acknowledge_them() {
    for text in ["notice_forged", "notice_altered"] {
        let mut shop = paid(text);
        let fake = one(&mut shop);
        assert!(!is_signed(&said(&fake), KEY), "{text}");
        assert_eq!(said(&fake).get("out_trade_no"), Some(NO));
        let amount = if text == "notice_altered" { "1801" } else { "1800" };
        assert_eq!(said(&fake).get("total_fee"), Some(amount));
        acknowledge(&mut shop, &fake);
        assert_eq!(notice_state(&shop), "pending", "{text}");
        let truth = one(&mut shop);
        assert!(is_signed(&said(&truth), KEY));
        acknowledge(&mut shop, &truth);
        assert_eq!(notice_state(&shop), "acknowledged");
        let attempts = &shop.gateway.orders(NOW)[0].payments[0].notification.attempts;
        let faults: Vec<_> = attempts.iter().map(|attempt| attempt.fault).collect();
        assert_eq!(faults, [Some(text), None]);
    }
}

#[test]
fn the_log_says_what_was_really_sent() {
    let mut shop = paid("notice_forged");
    let fake = one(&mut shop);
    acknowledge(&mut shop, &fake);
    assert_eq!(shop.gateway.messages().last().unwrap().request, fake.body);
}

#[test]
fn an_earlier_notification_comes_for_another_order() {
    let mut shop = Shop::new();
    shop.order(NO, &[]);
    shop.pay(NO, Tender::default()).unwrap();
    let first = one(&mut shop);
    acknowledge(&mut shop, &first);
    shop.gateway.add_fault(FaultRule::next(fault("notice_of_another"))).unwrap();
    shop.order(NEXT_NO, &[]);
    shop.pay(NEXT_NO, Tender::default()).unwrap();
    let replayed = one(&mut shop);
    assert_eq!(replayed.body, first.body);
    acknowledge(&mut shop, &replayed);
    assert_eq!(said(&one(&mut shop)).get("out_trade_no"), Some(NEXT_NO));
}

#[test]
fn a_replay_comes_although_it_was_acknowledged() {
    let mut shop = paid("notice_replayed; 60");
    let first = one(&mut shop);
    acknowledge(&mut shop, &first);
    shop.now = NOW.plus(60);
    assert_eq!(one(&mut shop).body, first.body);
}

#[test]
fn the_first_sending_is_wrongly_or_not_signed_and_its_repetition_is() {
    for text in ["notice_wrong_sign", "notice_unsigned"] {
        let mut shop = paid(text);
        let first = one(&mut shop);
        assert!(!is_signed(&said(&first), KEY), "{text}");
        shop.gateway.delivered(first.id, Returned::Late, NOW).unwrap();
        shop.now = NOW.plus(15);
        assert!(is_signed(&said(&one(&mut shop)), KEY), "{text}");
    }
}

#[test]
fn a_notification_is_written_otherwise_and_still_true() {
    for (text, sign_type) in [
        ("notice_sign_type", Some("MD5")),
        ("notice_wrong_sign_type", Some("HMAC-SHA256")),
        ("notice_no_sign_type", None),
    ] {
        let notice = said(&one(&mut paid(text)));
        assert_eq!(notice.get("sign_type"), sign_type, "{text}");
        assert!(is_signed(&notice, KEY), "{text}");
    }
    let unknown = said(&one(&mut paid("notice_unknown_fields")));
    assert!(is_signed(&unknown, KEY) && unknown.get("future_field").is_some());
    let lower = said(&one(&mut paid("notice_lower_case_sign")));
    assert_eq!(lower.get("sign").map(str::to_lowercase).as_deref(), lower.get("sign"));
}

#[test]
fn hmac_orders_have_notifications_that_contradict_themselves() {
    let mut shop = struck("notice_wrong_sign_type");
    shop.algorithm = Algorithm::HmacSha256;
    shop.order(NO, &[]);
    shop.pay(NO, Tender::default()).unwrap();
    let notice = said(&one(&mut shop));
    assert_eq!(notice.get("sign_type"), Some("MD5"));
    let sign = notice.get("sign").unwrap();
    assert!(sign::verify(notice.iter(), &Key::new(KEY).unwrap(), Algorithm::HmacSha256, sign));
}

#[test]
fn the_first_request_is_cut_in_the_middle() {
    let mut shop = paid("notice_cut");
    let first = one(&mut shop);
    assert_eq!(first.cut_after, Some(first.body.len() / 2));
    shop.gateway.delivered(first.id, Returned::Late, NOW).unwrap();
    shop.now = NOW.plus(15);
    assert_eq!(one(&mut shop).cut_after, None);
}

#[test]
fn another_amount_is_paid_and_told_truthfully() {
    for (text, fen) in [("paid_other_amount", "1799"), ("paid_other_amount; 5", "5")] {
        let mut shop = paid(text);
        let notice = said(&one(&mut shop));
        assert!(is_signed(&notice, KEY));
        assert_eq!(notice.get("total_fee"), Some(fen));
        assert_eq!(shop.query(NO).get("total_fee"), Some(fen));
    }
    let mut shop = struck("paid_other_amount");
    shop.order(NO, &[("total_fee", "1")]);
    assert_eq!(shop.pay(NO, Tender::default()).unwrap().total_fen, 2);
}

#[test]
fn another_currency_is_paid() {
    let mut shop = paid("paid_other_currency");
    let notice = said(&one(&mut shop));
    assert!(is_signed(&notice, KEY));
    assert_eq!(notice.get("fee_type"), Some("USD"));
    assert_eq!(shop.query(NO).get("fee_type"), Some("USD"));
}

#[test]
fn an_order_is_paid_twice() {
    let mut shop = paid("paid_twice");
    let notices = due(&mut shop);
    let numbers: BTreeSet<_> =
        notices.iter().map(|n| said(n).get("transaction_id").unwrap().to_owned()).collect();
    assert_eq!((notices.len(), numbers.len()), (2, 2));
    assert_eq!(shop.gateway.orders(NOW)[0].payments.len(), 2);
}

#[test]
fn an_order_is_paid_after_it_was_closed() {
    let mut shop = struck("paid_after_close; 5");
    shop.order(NO, &[]);
    shop.now = NOW.plus(300);
    shop.close(NO);
    assert_eq!(shop.query(NO).get("trade_state"), Some("CLOSED"));
    assert_eq!(shop.gateway.poll(shop.now).wake_at, Some(NOW.plus(305)));
    shop.now = NOW.plus(305);
    assert!(!shop.gateway.is_quiet(shop.now));
    let notice = said(&one(&mut shop));
    assert_eq!(notice.get("out_trade_no"), Some(NO));
    assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"));
}

#[test]
fn a_query_lags_behind_the_payment() {
    let mut shop = paid("query_lags; 10");
    assert!(is_signed(&said(&one(&mut shop)), KEY), "the notification comes");
    shop.now = NOW.plus(9);
    assert_eq!(shop.query(NO).get("trade_state"), Some("NOTPAY"));
    let refused = shop.pay(NO, Tender::default());
    assert_eq!(refused, Err(PayError::Refused(ScanRefusal::OrderPaid)), "the phone knows");
    shop.now = NOW.plus(10);
    assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"));
}

#[test]
fn a_rule_strikes_where_it_says_and_as_often_as_it_says() {
    let mut shop = Shop::new();
    let rule = FaultRule::next(fault("system_error_before"));
    let elsewhere = [
        rule.clone().of_order(NEXT_NO),
        rule.clone().of_call(Call::CloseOrder),
        FaultRule { mch_id: Some(OTHER_MCH_ID.into()), ..rule.clone() },
    ];
    for rule in elsewhere {
        shop.gateway.add_fault(rule).unwrap();
    }
    shop.order(NO, &[]);
    assert_eq!(shop.order_refused(NEXT_NO, &[]).0, Code::SystemError);
    shop.order(NEXT_NO, &[]);
    assert_eq!(shop.close_refused(NO), Code::SystemError);
    assert_eq!(shop.other_merchant().order_refused(NO, &[]).0, Code::SystemError);
    let left: Vec<_> = shop.gateway.faults().iter().map(|view| (view.left, view.struck)).collect();
    assert_eq!(left, [(Some(0), 1); 3]);

    let mut shop = Shop::new();
    let id = shop.gateway.add_fault(rule.clone().often(Often::Next(2))).unwrap();
    for _ in 0..2 {
        assert_eq!(shop.order_refused(NO, &[]).0, Code::SystemError);
    }
    shop.order(NO, &[]);
    assert!(shop.gateway.remove_fault(id) && !shop.gateway.remove_fault(id));

    shop.gateway.add_fault(rule.often(Often::Always)).unwrap();
    for _ in 0..5 {
        assert_eq!(shop.close_refused(NO), Code::SystemError);
    }
    assert_eq!(shop.gateway.remove_faults(), 1);
    assert!(shop.gateway.faults.is_idle() && shop.gateway.faults().is_empty());
}

#[test]
fn a_rule_strikes_so_many_times_of_a_thousand() {
    let mut shop = Shop::new();
    let rule = FaultRule::next(fault("system_error_before")).often(Often::PerMille(300));
    shop.gateway.add_fault(rule).unwrap();
    shop.order_until_accepted(NO);
    let refused = (0..1000).filter(|_| shop.query_with(&[("out_trade_no", NO)]).is_err()).count();
    assert!((250..350).contains(&refused), "{refused}");
}

#[test]
fn a_bad_rule_is_refused_and_so_is_one_too_many() {
    let mut shop = Shop::new();
    let mut add = |rule: FaultRule| shop.gateway.add_fault(rule);
    let lost = FaultRule::next(fault("notice_lost"));
    let name = FaultName::NoticeLost;
    assert_eq!(add(lost.clone().of_call(Call::CloseOrder)), Err(FaultError::NotOfCalls { name }));
    for often in [Often::PerMille(0), Often::PerMille(1001), Often::Next(0)] {
        assert_eq!(add(lost.clone().often(often)), Err(FaultError::PerMille));
    }
    for _ in 0..FAULT_RULES_MAX {
        add(lost.clone()).unwrap();
    }
    assert_eq!(add(lost), Err(FaultError::TooMany));
}

#[test]
fn a_header_strikes_its_call_and_what_becomes_of_its_order() {
    let mut shop = Shop::new();
    let faults = [fault("answer_sign_type"), fault("notice_late; 30"), fault("paid_twice")];
    let answer = shop.raw_order_with(NO, &faults);
    assert_eq!(document(&answer).get("sign_type"), Some("MD5"));
    shop.order(NEXT_NO, &[]);
    shop.pay(NEXT_NO, Tender::default()).unwrap();
    assert_eq!(due(&mut shop).len(), 1, "another order goes as ever");
    shop.pay(NO, Tender::default()).unwrap();
    assert_eq!(due(&mut shop).len(), 1, "the second payment's notification");
    assert_eq!(shop.gateway.poll(NOW.plus(30)).send.len(), 1);
    assert!(shop.gateway.faults().is_empty(), "nobody asked by a rule");
    assert!(shop.gateway.faults.rules.is_empty(), "and nothing is left behind");
}

#[test]
fn magic_amounts_strike_once_an_order_where_they_are_on() {
    let amount = |name: FaultName| name.entry().magic_fen.to_string();
    let refused = amount(FaultName::SystemErrorBefore);
    let mut shop = Shop::new();
    shop.order(NO, &[("total_fee", &refused)]);

    let magic = || Rules { magic_amounts: true, ..Rules::default() };
    let mut shop = Shop::with_rules(magic());
    assert_eq!(shop.order_refused(NO, &[("total_fee", &refused)]).0, Code::SystemError);
    shop.order(NO, &[("total_fee", &refused)]);
    shop.order(NEXT_NO, &[("total_fee", &amount(FaultName::NoticeLate))]);
    shop.order(NEXT_NO, &[("total_fee", &amount(FaultName::NoticeLate))]);
    shop.pay(NEXT_NO, Tender::default()).unwrap();
    assert_eq!(shop.gateway.poll(NOW).wake_at, Some(NOW.plus(60)));
    assert!(shop.gateway.faults.rules.is_empty());
}

#[test]
fn faults_come_at_random_and_the_seed_says_which() {
    let run = |seed| {
        let mut shop = Shop::seeded_with(Rules { faults_per_mille: 200, ..Rules::default() }, seed);
        (0..300).map(|at| shop.raw_order(&format!("SM2026112300{at:04}")).body).collect::<Vec<_>>()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
    let mut shop = Shop::with_rules(Rules { faults_per_mille: 200, ..Rules::default() });
    for at in 0..500 {
        shop.raw_order(&format!("SM2026112300{at:04}"));
    }
    let times: u64 = shop.gateway.faults_struck().map(|(_, times)| times).sum();
    assert!((60..140).contains(&times), "{times}");
    assert!(shop.gateway.faults_struck().count() > 10, "of many kinds");
}

#[test]
fn asking_for_a_fault_changes_no_code_and_no_number() {
    let mut plain = Shop::new();
    let mut faulty = struck("answer_wrong_sign");
    faulty.raw_order(NEXT_NO);
    plain.raw_order(NEXT_NO);
    assert_eq!(plain.code(NO), faulty.code(NO));
}

#[test]
fn what_strikes_is_in_the_log() {
    let shop = paid("notice_late; 30");
    let message = shop.gateway.messages().find(|m| m.direction == Direction::Fault).unwrap();
    assert_eq!(message.name, "notice_late; 30");
    assert_eq!(
        (message.mch_id.as_deref(), message.out_trade_no.as_deref()),
        (Some(MCH_ID), Some(NO))
    );
    let detail = message.detail.as_deref().unwrap();
    assert_eq!(detail, "the first sending comes so much later (rule 1)");
}

#[test]
fn a_call_whose_signature_is_wrong_is_not_struck() {
    let mut shop = struck("system_error_before");
    shop.key = OTHER_KEY.to_owned();
    assert_eq!(shop.raw_order(NO).code, Some(Code::SignError));
    assert_eq!(shop.gateway.faults_struck().count(), 0);
}

/// A refund that has ended; the fault strikes its notification.
fn refunded(text: &str) -> Shop {
    let rules = Rules { certificates: Certificates::NotAsked, ..Rules::default() };
    let mut shop = Shop::with_rules(rules);
    shop.order(NO, &[]);
    shop.pay(NO, Tender { notify: false, ..Tender::default() }).unwrap();
    let rule = FaultRule::next(fault(text)).of_notice(NoticeKind::Refund);
    shop.gateway.add_fault(rule).unwrap();
    let fields = [
        ("out_trade_no", NO),
        ("out_refund_no", "R1"),
        ("total_fee", "1800"),
        ("refund_fee", "1800"),
        ("notify_url", "https://pay.example.com/refund"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = shop.signed(&fields.into(), &[]);
    let answer = shop.gateway.handle(Call::Refund, &Arrival::of(body.as_bytes()), NOW);
    assert_eq!(answer.code, None, "{}", answer.text());
    shop.now = NOW.plus(60);
    shop
}

fn opened(delivery: &Delivery) -> Option<String> {
    let notice = said(delivery);
    let key = Key::new(KEY).unwrap();
    seal::open(notice.get("req_info").unwrap(), &key).filter(|text| text.starts_with("<root>"))
}

#[test]
fn notifications_of_refunds_are_struck_too() {
    for text in ["notice_forged", "notice_altered"] {
        let mut shop = refunded(text);
        let fake = one(&mut shop);
        assert_eq!(opened(&fake), None, "{text}");
        acknowledge(&mut shop, &fake);
        assert!(opened(&one(&mut shop)).is_some(), "{text}");
    }
    let mut shop = refunded("notice_together; 2");
    assert_eq!(due(&mut shop).len(), 3);
    let mut shop = refunded("notice_unknown_fields");
    let notice = one(&mut shop);
    assert!(opened(&notice).is_some() && said(&notice).get("future_field").is_some());
    let mut shop = refunded("notice_lost");
    assert_eq!(due(&mut shop), []);
}

#[test]
fn what_only_a_signature_can_have_waits_for_the_notification_of_a_payment() {
    let mut shop = refunded("notice_unsigned");
    assert!(opened(&one(&mut shop)).is_some());
    assert_eq!(shop.gateway.faults()[0].left, Some(1));
}

#[test]
fn an_order_query_tells_each_state_of_the_table() {
    for (word, state) in [
        ("query_closed", "CLOSED"),
        ("query_revoked", "REVOKED"),
        ("query_user_paying", "USERPAYING"),
        ("query_pay_error", "PAYERROR"),
        ("query_accept", "ACCEPT"),
    ] {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.pay(NO, Tender::default()).unwrap();
        let rule = FaultRule { call: Some(Call::OrderQuery), ..FaultRule::next(fault(word)) };
        shop.gateway.add_fault(rule).unwrap();
        let answer = shop.query(NO);
        assert_eq!(answer.get("trade_state"), Some(state));
        assert!(answer.get("transaction_id").is_some(), "the rest is as it was");
        assert!(is_signed(&answer, KEY));
        assert_eq!(shop.query(NO).get("trade_state"), Some("SUCCESS"), "once");
    }
}

#[test]
fn a_magic_amount_of_a_query_waits_for_the_query() {
    let mut shop = Shop::with_rules(Rules { magic_amounts: true, ..Rules::default() });
    let amount = FaultName::QueryPayError.entry().magic_fen.to_string();
    shop.order(NO, &[("total_fee", &amount)]);
    assert_eq!(shop.query(NO).get("trade_state"), Some("PAYERROR"));
    assert_eq!(shop.query(NO).get("trade_state"), Some("NOTPAY"));
}

#[test]
fn every_code_of_the_bills_can_be_had() {
    for (code, text, error_code) in [
        ("100", "SYSTEMERROR", Some("100")),
        ("20003", "system error", Some("20003")),
        ("20100", "system error", Some("20100")),
        ("CompressGZip Error", "CompressGZip Error", None),
        ("UnCompressGZip Error", "UnCompressGZip Error", None),
    ] {
        let mut shop = struck(&format!("error; {code}"));
        let body = shop.signed(&vec![("bill_date".into(), "20261122".into())], &[]);
        let arrival = Arrival::of(body.as_bytes());
        let answer = document(&shop.gateway.handle(Call::DownloadBill, &arrival, NOW));
        assert_eq!(answer.get("return_msg"), Some(text));
        assert_eq!(answer.get("error_code"), error_code);
    }
}

#[test]
fn a_wrong_state_never_comes_by_chance() {
    let told: Vec<_> = CATALOGUE.iter().filter(|entry| !entry.name.comes_by_chance()).collect();
    assert_eq!(told.len(), 5);
    let mut shop = Shop::seeded_with(Rules { faults_per_mille: 1000, ..Rules::default() }, 7);
    let query = shop.signed(&super::super::testing::query(NO), &[]);
    for _ in 0..500 {
        shop.raw_order(NO);
        shop.gateway.handle(Call::OrderQuery, &Arrival::of(query.as_bytes()), NOW);
    }
    assert!(shop.gateway.orders_numbered(NO, NOW).len() == 1, "the queries found it");
    assert!(shop.gateway.faults_struck().count() > 15, "all others of a call, in time");
    assert!(shop.gateway.faults_struck().all(|(name, _)| name.comes_by_chance()));
}
