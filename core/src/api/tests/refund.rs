//! Refunds: the request, its answer, and the query.

use super::{KEY, merchant, message};
use crate::api::{
    AnswerError, CouponKind, PaymentNo, REFUSAL_TEXT_MAX, Refund, RefundAccount, RefundAnswer,
    RefundChannel, RefundNo, RefundQuery, RefundQueryAnswer, RefundState, seal,
};
use crate::ids::{Nonce, OutRefundNo, OutTradeNo, RefundId, TransactionId};
use crate::money::Fen;
use crate::sign::{ApiKey, SignType};
use crate::time::UnixTime;
use crate::xml::{Doc, Draft, Text};
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

fn fen(fen: u64) -> Fen {
    Fen::new(fen).unwrap()
}

fn number() -> OutRefundNo {
    OutRefundNo::new("R-SM20261123-0001@a").unwrap()
}

fn transaction() -> TransactionId {
    TransactionId::new("4200009999202611230000000001").unwrap()
}

#[test]
fn the_sample_request_is_written_as_it_was_signed() {
    let (payment, number, merchant) = (transaction(), number(), merchant(SignType::HmacSha256));
    let refund = Refund::new(PaymentNo::Transaction(&payment), &number, fen(2599), fen(599))
        .and_then(|refund| refund.reason("部分退款：少一杯"))
        .and_then(|refund| refund.notify_url("https://pay.example.com/wx/v2/refund-notify"))
        .unwrap();
    let nonce = Nonce::new("6cefdb308e1e2e8aabd48cf79e546a02").unwrap();
    let mut xml = String::new();
    let doc = refund.draft(&merchant, SignType::HmacSha256);
    seal(doc, &nonce, &merchant, SignType::HmacSha256, &mut xml).unwrap();

    let (_, sample) = message("M12");
    let (ours, theirs): (Doc<'_>, Doc<'_>) =
        (Doc::read(xml.as_bytes()).unwrap(), Doc::read(sample.as_bytes()).unwrap());
    assert!(ours.sorted().eq(theirs.sorted()), "the same fields, and so the same signature");
}

#[test]
fn what_cannot_be_refunded_is_refused_early() {
    let (payment, number) = (transaction(), number());
    let new =
        |total, part| Refund::new(PaymentNo::Transaction(&payment), &number, fen(total), fen(part));
    for (field, total, part) in [
        ("total_fee", 0, 0),
        ("total_fee", 2_147_483_648, 1),
        ("refund_fee", 100, 0),
        ("refund_fee", 100, 101),
    ] {
        assert_eq!(new(total, part).expect_err(field).field, field);
    }
    assert!(new(2_147_483_647, 2_147_483_647).is_ok());
    let refund = || new(100, 1).unwrap();
    assert!(refund().reason(&"咖".repeat(26)).is_ok());
    for reason in ["", &"咖".repeat(27), "a\nb"] {
        assert_eq!(refund().reason(reason).unwrap_err().field, "refund_desc");
    }
    for url in ["https://a/b?c", "a/b", &format!("https://a/{}", "x".repeat(247))] {
        assert_eq!(refund().notify_url(url).unwrap_err().field, "notify_url");
    }
    let now = UnixTime::new(2_000_000_000).unwrap();
    let paid = |ago_s: u64| UnixTime::new(2_000_000_000 - ago_s).unwrap();
    assert!(refund().in_time(paid(31_536_000), now).is_ok());
    assert!(refund().in_time(paid(31_536_001), now).is_err());
    for text in ["", "a b", "a&b", &"a".repeat(65)] {
        assert!(OutRefundNo::new(text).is_err());
    }
    assert!(OutRefundNo::new(&"a".repeat(64)).is_ok());
}

#[test]
fn a_refund_may_name_our_number_and_the_source_of_the_money() {
    let payment = OutTradeNo::new("SM-2026_1123|0002*").unwrap();
    let (number, merchant) = (number(), merchant(SignType::Md5));
    let refund = Refund::new(PaymentNo::OutTrade(&payment), &number, fen(2), fen(1)).unwrap();
    let account = |account| {
        let refund = refund.clone().account(account);
        let doc = refund.draft(&merchant, SignType::Md5);
        assert!(doc.get("out_trade_no").is_some_and(|number| number == payment.as_str()));
        assert!(doc.get("transaction_id").is_none());
        doc.get("refund_account").map(|account| account.to_string())
    };
    assert_eq!(account(RefundAccount::Unsettled).unwrap(), "REFUND_SOURCE_UNSETTLED_FUNDS");
    assert_eq!(account(RefundAccount::Recharge).unwrap(), "REFUND_SOURCE_RECHARGE_FUNDS");
    assert_eq!(account(RefundAccount::Other), None);
}

/// A sample with some fields changed, added or (with "") removed, signed again.
fn changed(sample: &str, changes: &[(&str, &str)]) -> String {
    let (_, xml) = message(sample);
    let original: Doc<'_, 256> = Doc::read(xml.as_bytes()).unwrap();
    let mut doc: Draft<'_, 256> = Draft::new();
    let change = |name: &str| changes.iter().find(|(changed, _)| *changed == name);
    for field in original.fields().filter(|field| field.name != "sign") {
        let value = change(field.name).map_or(field.value, |(_, value)| Text::new(value));
        doc.push(field.name, value).unwrap();
    }
    for (name, value) in changes.iter().filter(|(name, _)| original.get(name).is_none()) {
        doc.push(name, Text::new(value)).unwrap();
    }
    let sign = ApiKey::new(KEY).unwrap().sign(&doc, SignType::Md5);
    let mut doc: Draft<'_, 256> = doc;
    doc.push("sign", Text::new(sign.as_str())).unwrap();
    let mut out = String::new();
    doc.write(&mut out).unwrap();
    out
}

#[test]
fn an_accepted_refund_tells_its_parts() {
    let (sign_type, xml) = message("M13");
    let doc: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
    let merchant = merchant(sign_type);
    let answer = RefundAnswer::read(&doc, &merchant, sign_type, &number()).unwrap();
    let RefundAnswer::Accepted(refund) = answer else { panic!("M13 is accepted") };
    assert_eq!(refund.transaction_id, transaction());
    assert_eq!(refund.out_trade_no.as_str(), "SM-2026_1123|0002*");
    assert_eq!(refund.out_refund_no, number());
    assert_eq!(refund.refund_id.as_str(), "50300000000000000000000000001");
    assert_eq!((refund.total_fee, refund.refund_fee), (fen(2599), fen(599)));
    assert_eq!(refund.cash_fee, Some(fen(2541)));
    assert_eq!(refund.cash_refund_fee, Some(fen(599)));
    assert_eq!(refund.coupon_refund_fee, Some(fen(0)));
    assert_eq!(refund.settlement_refund_fee, None);
    assert_eq!(refund.coupons().count(), 0);
    assert!(!format!("{refund:?}").contains("48C61E4F"), "no signature in Debug");

    let other = OutRefundNo::new("R-SM20261123-0002").unwrap();
    let answer = RefundAnswer::read(&doc, &merchant, sign_type, &other);
    assert!(matches!(answer, Err(AnswerError::Field(_))), "about another refund");
}

fn refund_answer(changes: &[(&str, &str)]) -> Result<String, String> {
    let xml = changed("M13", changes);
    let doc: Doc<'_, 256> = Doc::read(xml.as_bytes()).unwrap();
    let merchant = merchant(SignType::Md5);
    match RefundAnswer::read(&doc, &merchant, SignType::Md5, &number()) {
        Ok(RefundAnswer::Accepted(refund)) => Ok(format!(
            "{:?}",
            refund.coupons().map(|coupon| coupon.map(|c| c.fee.unwrap().get())).collect::<Vec<_>>()
        )),
        Ok(RefundAnswer::Refused(refusal)) => Ok(refusal.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn coupons_that_go_back_are_told_one_by_one() {
    let parts = [
        ("coupon_refund_count", "2"),
        ("coupon_refund_fee_0", "40"),
        ("coupon_type_0", "CASH"),
        ("coupon_refund_fee_$1", "18"),
    ];
    assert_eq!(refund_answer(&parts).unwrap(), "[Ok(40), Ok(18)]");
}

#[test]
fn a_refused_refund_says_why_and_a_broken_answer_proves_nothing() {
    let refusal =
        |words| [("result_code", "FAIL"), ("err_code", "NOTENOUGH"), ("err_code_des", words)];
    assert_eq!(refund_answer(&refusal("")).unwrap(), "NOTENOUGH");
    assert_eq!(refund_answer(&refusal("余额不足")).unwrap(), "NOTENOUGH (余额不足)");
    let long = refund_answer(&refusal(&"额".repeat(100))).unwrap();
    assert_eq!(long, format!("NOTENOUGH ({})", "额".repeat(REFUSAL_TEXT_MAX / 3)));
    for (field, value, fault) in [
        ("refund_fee", "2600", "has an invalid value"),
        ("refund_fee", "", "is missing"),
        ("total_fee", "25.99", "has an invalid value"),
        ("refund_id", "5&x=1", "has an invalid value"),
        ("transaction_id", "", "is missing"),
        ("coupon_refund_count", "x", "has an invalid value"),
    ] {
        let error = refund_answer(&[(field, value)]).unwrap_err();
        assert_eq!(error, format!("incomplete answer: {field} {fault}"));
    }
}

#[test]
fn a_query_sends_one_number_and_pages_only_through_a_payment() {
    let merchant = merchant(SignType::Md5);
    let (payment, refund_no) = (transaction(), number());
    let refund_id = RefundId::new("50300000000000000000000000001").unwrap();
    let names = |query: &RefundQuery<'_>| -> Vec<String> {
        let doc = query.draft(&merchant, SignType::Md5);
        doc.fields().iter().skip(3).map(|field| field.name.to_string()).collect()
    };
    let by_payment = RefundQuery::new(RefundNo::Payment(PaymentNo::Transaction(&payment)));
    assert_eq!(names(&by_payment), ["transaction_id"]);
    assert_eq!(names(&by_payment.clone().offset(10).unwrap()), ["transaction_id", "offset"]);
    let by_refund = RefundQuery::new(RefundNo::Refund(&refund_id));
    assert_eq!(names(&by_refund), ["refund_id"]);
    let old = by_refund.clone().of_old_payment(&payment).unwrap();
    assert_eq!(names(&old), ["refund_id", "transaction_id"]);
    let by_ours = RefundQuery::new(RefundNo::OutRefund(&refund_no));
    assert_eq!(names(&by_ours), ["out_refund_no"]);

    assert!(by_payment.clone().offset(49).is_ok());
    assert_eq!(by_payment.clone().offset(50).unwrap_err().field, "offset");
    assert_eq!(by_ours.clone().offset(0).unwrap_err().field, "offset");
    assert_eq!(by_ours.of_old_payment(&payment).unwrap_err().field, "transaction_id");
    assert_eq!(by_payment.of_old_payment(&payment).unwrap_err().field, "transaction_id");
}

#[test]
fn the_sample_of_two_refunds_one_with_a_coupon() {
    let (sign_type, xml) = message("M14");
    let doc: Doc<'_, 256> = Doc::read(xml.as_bytes()).unwrap();
    let (payment, merchant) = (transaction(), merchant(sign_type));
    let asked = RefundNo::Payment(PaymentNo::Transaction(&payment));
    let answer = RefundQueryAnswer::read(&doc, &merchant, sign_type, asked).unwrap();
    let RefundQueryAnswer::Found(refunds) = answer else { panic!("M14 has refunds") };
    assert_eq!((refunds.total_fee, refunds.cash_fee), (fen(2599), Some(fen(2541))));
    assert_eq!((refunds.count(), refunds.total_refund_count), (2, None));
    let records: Vec<_> = refunds.iter().collect();

    let first = &records[0];
    assert_eq!(first.out_refund_no, number());
    assert_eq!(first.state, RefundState::Success);
    assert_eq!(first.channel, Some(RefundChannel::Original));
    assert_eq!(first.account, Some(RefundAccount::Unsettled));
    assert!(first.recv_account.is_some_and(|account| account == "支付用户零钱"));
    assert_eq!(first.success_time, UnixTime::parse_beijing("20261123194501").ok());
    assert_eq!(first.coupons().count(), 0);

    let second = &records[1];
    assert_eq!(second.out_refund_no.as_str(), "R-SM20261123-0002");
    assert_eq!(second.state, RefundState::Processing);
    assert_eq!(second.success_time, None);
    assert_eq!(second.coupon_refund_fee, Some(fen(58)), "the sum, one number deep");
    let coupons: Vec<_> = second.coupons().map(Result::unwrap).collect();
    assert_eq!(coupons.len(), 1);
    assert_eq!(coupons[0].kind, Some(CouponKind::Cash));
    assert_eq!(coupons[0].id.as_ref().unwrap().as_str(), "2000000000276621044");
    assert_eq!(coupons[0].fee, Some(fen(58)), "the coupon, two numbers deep");
}

fn query_answer(changes: &[(&str, &str)], asked: RefundNo<'_>) -> Result<u8, String> {
    let xml = changed("M14", changes);
    let doc: Doc<'_, 256> = Doc::read(xml.as_bytes()).unwrap();
    match RefundQueryAnswer::read(&doc, &merchant(SignType::Md5), SignType::Md5, asked) {
        Ok(RefundQueryAnswer::Found(refunds)) => {
            assert_eq!(usize::from(refunds.count()), refunds.iter().count());
            Ok(refunds.count())
        }
        Ok(RefundQueryAnswer::Refused(refusal)) => Err(refusal.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn an_answer_is_about_what_was_asked() {
    let payment = transaction();
    let ours = OutTradeNo::new("SM-2026_1123|0002*").unwrap();
    let first = RefundId::new("50300000000000000000000000001").unwrap();
    let (number, unknown) = (number(), OutRefundNo::new("R-0").unwrap());
    for asked in [
        RefundNo::Payment(PaymentNo::Transaction(&payment)),
        RefundNo::Payment(PaymentNo::OutTrade(&ours)),
        RefundNo::Refund(&first),
        RefundNo::OutRefund(&number),
    ] {
        assert_eq!(query_answer(&[], asked), Ok(2));
    }
    let error = query_answer(&[], RefundNo::OutRefund(&unknown)).unwrap_err();
    assert_eq!(error, "incomplete answer: out_refund_no_$n is not ours");
    let other = TransactionId::new("42").unwrap();
    let asked = RefundNo::Payment(PaymentNo::Transaction(&other));
    assert_eq!(
        query_answer(&[], asked).unwrap_err(),
        "incomplete answer: transaction_id is not ours"
    );
    let refusal = [("result_code", "FAIL"), ("err_code", "REFUNDNOTEXIST")];
    assert_eq!(query_answer(&refusal, asked).unwrap_err(), "REFUNDNOTEXIST");
}

#[test]
fn every_record_is_checked_field_by_field() {
    let payment = transaction();
    let asked = RefundNo::Payment(PaymentNo::Transaction(&payment));
    let dollars = [
        ("refund_count", "3"),
        ("out_refund_no_$2", "R-3"),
        ("refund_id_$2", "503"),
        ("refund_fee_$2", "1"),
        ("refund_status_$2", "CHANGE"),
    ];
    assert_eq!(query_answer(&dollars, asked), Ok(3), "the other spelling");
    for (field, value, error) in [
        ("refund_count", "", "refund_count is missing"),
        ("refund_count", "51", "refund_count has an invalid value"),
        ("refund_count", "1", "refund_count has an invalid value"),
        ("refund_count", "3", "out_refund_no_$n is missing"),
        ("refund_status_1", "DONE", "refund_status_$n has an invalid value"),
        ("refund_status_1", "", "refund_status_$n is missing"),
        ("refund_status_$1", "SUCCESS", "refund_status_$n has an invalid value"),
        ("refund_fee_0", "2600", "refund_fee_$n has an invalid value"),
        ("refund_success_time_0", "20261123194501", "refund_success_time_$n has an invalid value"),
        ("refund_id_0", "a b", "refund_id_$n has an invalid value"),
    ] {
        let found = query_answer(&[(field, value)], asked).unwrap_err();
        assert_eq!(found, format!("incomplete answer: {error}"), "{field} {value}");
    }
}

proptest! {
    #[test]
    fn a_request_is_read_back_as_it_was(
        number in "[A-Za-z0-9_|*@-]{1,64}",
        reason in "\\PC{1,26}",
        (total, part) in (1..=2_147_483_647_u64).prop_flat_map(|total| (Just(total), 1..=total)),
    ) {
        let (payment, number) = (transaction(), OutRefundNo::new(&number).unwrap());
        let merchant = merchant(SignType::Md5);
        let payment = PaymentNo::Transaction(&payment);
        let refund = Refund::new(payment, &number, fen(total), fen(part)).unwrap();
        if let Ok(refund) = refund.reason(&reason) {
            let doc = refund.draft(&merchant, SignType::Md5);
            let mut xml = String::new();
            doc.write(&mut xml).unwrap();
            let read: Doc<'_> = Doc::read(xml.as_bytes()).unwrap();
            prop_assert!(read.get("refund_desc").is_some_and(|text| text == reason.as_str()));
            prop_assert!(read.fields().eq(doc.fields().iter().copied()));
        }
    }
}
