//! What a customer pays, and when.

use super::*;

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

    // It goes back as it came.
    let yuan = shop.refund(NO, "R1", 900, &[("refund_fee_type", "CNY")]).unwrap_err();
    assert_eq!(yuan, Code::ParamError);
    let answer = shop.refund(NO, "R1", 900, &[("refund_fee_type", "USD")]).unwrap();
    assert_eq!(answer.get("fee_type"), Some("USD"));
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
fn a_late_payment_is_made_at_its_time_however_late_anybody_asks() {
    let mut shop = struck("paid_after_close; 1");
    shop.order(NO, &[]);
    shop.now = NOW.plus(300);
    shop.close(NO);
    shop.now = shop.now.plus(86_400);
    shop.gateway.poll(shop.now);
    assert_eq!(shop.gateway.orders(shop.now)[0].payments[0].paid_at, NOW.plus(301).0);
}

#[test]
fn what_ends_in_one_step_of_time_is_booked_in_its_order() {
    let mut shop = struck("paid_after_close; 20");
    shop.order(NO, &[]);
    shop.order(NEXT_NO, &[]);
    shop.paid("SM20261123000003", Tender::default());
    shop.now = NOW.plus(300);
    shop.close(NO);
    shop.pay(NEXT_NO, Tender { after_s: 30, ..Tender::default() }).unwrap();
    let closed = Ending { end: RefundEnd::Closed, ..Ending::default() };
    let number = RefundTarget::Number { mch_id: Some(MCH_ID.into()), out_refund_no: "R1".into() };
    shop.gateway.plan_refund(&number, closed, shop.now).unwrap();
    shop.refund("SM20261123000003", "R1", 900, &[]).unwrap();
    shop.gateway.poll(NOW.plus(86_400));
    let entries = shop.gateway.ledger(MCH_ID, NOW);
    let times: Vec<_> = entries.iter().map(|entry| entry.at.since(NOW)).collect();
    assert_eq!(times, [0, 300, 305, 320, 330]);
    assert!(entries.is_sorted_by_key(|entry| entry.flow));
}
