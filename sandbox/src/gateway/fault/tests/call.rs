//! What becomes of a call and of its answer.

use super::*;

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
fn a_call_whose_signature_is_wrong_is_not_struck() {
    let mut shop = struck("system_error_before");
    shop.key = OTHER_KEY.to_owned();
    assert_eq!(shop.raw_order(NO).code, Some(Code::SignError));
    assert_eq!(shop.gateway.faults_struck().count(), 0);
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
