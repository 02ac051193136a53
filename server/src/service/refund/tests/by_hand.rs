//! What somebody gives back in WeChat's console, beside us.

use super::super::notice::Heed;
use super::*;
use crate::metrics::NoticeOutcome;
use crate::store::SeenTo;
use crate::testing::alter;
use saoma_core::api::{RefundHint, RefundState as Told};
use saoma_core::xml::Doc;

const OURS: &str =
    "select state, part_fen from refund where asked_by = 'rule' order by refund_index";

fn by_hand() -> OutRefundNo {
    OutRefundNo::new("CONSOLE-1").unwrap()
}

/// WeChat tells of one refund by hand of this amount.
fn told_of(part: u64, state: Told) -> RefundNews {
    let RefundNews::Told { mut refunds, total } = told(&by_hand(), state) else { panic!() };
    refunds[0].part = Fen::new(part).unwrap();
    RefundNews::Told { refunds, total }
}

/// The answer to a question about all refunds of the order's payment.
async fn answered(shop: &Shop, order_id: &OrderId, news: RefundNews) {
    let transaction_id = TransactionId::new(T1).unwrap();
    let entry = Entry {
        key: "refunds-asked".to_owned(),
        order_id: Some(order_id.clone()),
        effect: Effect::RefundQuery { attempt: 0, transaction_id },
        tries: 1,
        since: shop.service.context.clock.now(),
    };
    super::news(shop, entry, news).await;
}

/// The entry of ours that is due.
async fn ours_due(shop: &Shop, number: &OutRefundNo) -> Entry {
    loop {
        let entry = due(shop).await.expect("ours goes on");
        if entry.key.ends_with(number.as_str()) {
            return entry;
        }
    }
}

#[tokio::test]
async fn ours_is_not_given_up_while_the_one_by_hand_may_come_to_nothing() {
    for is_sent in [true, false] {
        let mut shop = Shop::open().await;
        let (order_id, ours) = too_late(&mut shop).await;
        let entry = due(&shop).await.unwrap();
        let later = shop.service.context.clock.now().plus(1);
        let busy = RefundNews::Again { why: "busy".to_owned(), after_s: 0, trouble: false };
        news(&shop, entry, if is_sent { busy } else { RefundNews::Later(later) }).await;
        answered(&shop, &order_id, told_of(PRICE, Told::Processing)).await;
        shop.clock.advance(60);
        let entry = ours_due(&shop, &ours).await;
        let job = shop.service.refund_job(&entry).await.unwrap();
        assert!(matches!(&job, Some(RefundJob::Look(look)) if look.or_all), "{job:?}");
        // That ours is not known says nothing of the other one.
        news(&shop, entry, RefundNews::Told { refunds: vec![], total: None }).await;
        assert_eq!(shop.rows(OURS).await, ["asked 1800"]);
        answered(&shop, &order_id, told_of(PRICE, Told::Closed)).await;
        assert_eq!(shop.rows(OURS).await, ["asked 1800"], "it is wanted again");
        shop.clock.advance(3_600);
        let entry = ours_due(&shop, &ours).await;
        let job = shop.service.refund_job(&entry).await.unwrap();
        assert!(matches!(job, Some(RefundJob::Send(_))), "{job:?}");
    }
}

#[tokio::test]
async fn after_a_part_by_hand_exactly_the_rest_goes_back() {
    let mut shop = Shop::open().await;
    let (order_id, _) = too_late(&mut shop).await;
    news(&shop, due(&shop).await.unwrap(), RefundNews::Unsure("ERROR".to_owned())).await;
    shop.clock.advance(60);
    news(&shop, due(&shop).await.unwrap(), told_of(1, Told::Success)).await;
    assert_eq!(shop.rows(OURS).await, ["closed 1800", "asked 1799"]);
    assert_eq!(shop.rows("select refund from anomaly").await, ["due"]);
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
    shop.clock.advance(60);
    let rest = OutRefundNo::for_order(&order_id, 1).unwrap();
    let entry = ours_due(&shop, &rest).await;
    let Some(RefundJob::Send(row)) = shop.service.refund_job(&entry).await.unwrap() else {
        panic!("the rest is not sent")
    };
    assert!(row.request.contains("<refund_fee>1799</refund_fee>"), "{}", row.request);
    let RefundNews::Told { mut refunds, total } = told(&rest, Told::Success) else { panic!() };
    refunds[0].part = Fen::new(PRICE - 1).unwrap();
    news(&shop, entry, RefundNews::Told { refunds, total }).await;
    assert_eq!(shop.rows("select refund from anomaly").await, ["done"]);
    assert_eq!(shop.phase(&order_id).await.0, "refunded");
}

#[tokio::test]
async fn of_a_payment_without_an_order_too_the_rest_goes_back() {
    for (part, ours, anomaly) in
        [(1, &["closed 1800", "asked 1799"][..], "due"), (PRICE, &["closed 1800"], "done")]
    {
        let shop = Shop::open().await;
        shop.service.notify(&shop.notice("NOBODYS-1", T1, PRICE)).await.unwrap();
        // "Wholly refunded already", which is said in words only.
        news(&shop, due(&shop).await.unwrap(), RefundNews::Unsure("ERROR".to_owned())).await;
        shop.clock.advance(60);
        news(&shop, due(&shop).await.unwrap(), told_of(part, Told::Success)).await;
        assert_eq!(shop.rows(OURS).await, ours);
        assert_eq!(shop.rows("select refund from anomaly").await, [anomaly]);
        assert_eq!(shop.rows("select trouble from refund where trouble <> ''").await, [""; 0]);
        shop.clock.advance(60);
        assert_eq!(due(&shop).await.is_some(), part < PRICE);
    }
}

#[tokio::test]
async fn a_shops_refund_that_is_more_than_what_is_left_is_told_as_that() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let new = NewRefund::new("R-1", 1_000, "少一杯").unwrap();
    let asked = shop.service.ask_refund(RefundBy::Shop("shop"), &order_id, &new).await;
    let ours = asked.unwrap().0.out_refund_no;
    news(&shop, ours_due(&shop, &ours).await, RefundNews::Unsure("ERROR".to_owned())).await;
    shop.clock.advance(60);
    news(&shop, ours_due(&shop, &ours).await, told_of(1_000, Told::Success)).await;
    let rows = shop.rows("select state, trouble from refund where asked_by = 'shop'").await;
    assert!(rows[0].starts_with("failed") && rows[0].contains("less is left"), "{rows:?}");
}

#[tokio::test]
async fn what_went_back_by_hand_and_comes_to_nothing_goes_back_by_itself() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.ask_wechat(order_id.clone(), "wang").await.unwrap();
    let query = due(&shop).await.unwrap();
    shop.service.settle(query, Outcome::Payment(found(&number, T1, true))).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "refunding", "nobody has said yet that it is back");
    news(&shop, due(&shop).await.unwrap(), told_of(PRICE, Told::Processing)).await;
    assert_eq!(shop.rows(OURS).await, [""; 0]);
    assert_eq!(shop.phase(&order_id).await.0, "refunding", "WeChat is at it");
    shop.clock.advance(3_600);
    news(&shop, due(&shop).await.unwrap(), told_of(PRICE, Told::Closed)).await;
    assert_eq!(shop.rows(OURS).await, ["asked 1800"]);
    assert_eq!(shop.rows("select kind, refund from anomaly").await, ["refunded_elsewhere due"]);
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
}

#[tokio::test]
async fn a_refund_by_hand_that_wechat_could_not_make_is_a_persons_until_he_has_seen_to_it() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.ask_wechat(order_id.clone(), "wang").await.unwrap();
    let query = due(&shop).await.unwrap();
    shop.service.settle(query, Outcome::Payment(found(&number, T1, true))).await.unwrap();
    news(&shop, due(&shop).await.unwrap(), told_of(PRICE, Told::Change)).await;
    let trouble = shop.rows("select state, trouble from refund").await;
    assert!(trouble[0].starts_with("failed CHANGE"), "{trouble:?}");
    assert_eq!(shop.rows(OURS).await, [""; 0], "the money is bound to that one");
    let failed = async || {
        let seen = glance(&mut shop.service.store.reader().await.unwrap()).await.unwrap();
        seen.refunds.iter().filter(|(state, ..)| state == "failed").map(|it| it.1).sum::<i64>()
    };
    assert_eq!(failed().await, 1);
    assert_eq!(shop.rows("select refund from anomaly").await, ["failed"]);
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
    let release = shop.service.release_refund((&by_hand(), &mch_id()), "wang.min").await;
    assert!(matches!(release, Err(DecideError::NotHeld(RefundState::Failed))), "{release:?}");
    shop.service.dismiss_refund((&by_hand(), &mch_id()), "wang.min").await.unwrap();
    assert_eq!(shop.rows("select refund from anomaly").await, ["done"], "one word is enough");
    assert_eq!(shop.phase(&order_id).await.0, "refunded");
    let again = shop.service.dismiss_refund((&by_hand(), &mch_id()), "wang.min").await;
    assert!(again.is_err());
    // WeChat says the same for ever.
    answered(&shop, &order_id, told_of(PRICE, Told::Change)).await;
    assert_eq!(shop.rows("select state, trouble from refund").await, ["dismissed -"]);
    assert_eq!((failed().await, shop.rows(OURS).await), (0, vec![]));
    let notes = shop.rows("select text from history where kind = 'note' and name = 'wang.min'");
    assert_eq!(notes.await, ["refund CONSOLE-1 dismissed"]);
}

#[tokio::test]
async fn of_two_merchants_with_one_number_a_word_is_about_one() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.ask_wechat(order_id.clone(), "wang").await.unwrap();
    let query = due(&shop).await.unwrap();
    shop.service.settle(query, Outcome::Payment(found(&number, T1, true))).await.unwrap();
    news(&shop, due(&shop).await.unwrap(), told_of(PRICE, Told::Change)).await;
    let store = &shop.service.store;
    let other = MchId::new("1900000110").unwrap();
    let mut tx = store.begin().await.unwrap();
    let first = RefundRow::theirs(&mut tx, (&by_hand(), &mch_id())).await.unwrap().unwrap();
    let second = RefundRow {
        mch_id: other.clone(),
        order_id: None,
        transaction_id: TransactionId::new(T2).unwrap(),
        ..first
    };
    RefundRow::put_all(&mut tx, &[&second], shop.service.context.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop.service.dismiss_refund((&by_hand(), &other), "wang.min").await.unwrap();
    let states = "select mch_id, state from refund order by mch_id";
    assert_eq!(shop.rows(states).await, ["1900000109 failed", "1900000110 dismissed"]);
    assert_eq!(shop.phase(&order_id).await.0, "refunding", "its money is not back yet");
    let third = MchId::new("1900000111").unwrap();
    let nobodys = shop.service.dismiss_refund((&by_hand(), &third), "wang.min").await;
    assert!(matches!(nobodys, Err(DecideError::NotFound)), "{nobodys:?}");
}

#[tokio::test]
async fn goods_that_stay_because_somebody_gave_money_back_by_hand_are_told_to_a_person() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    for (state, phase, anomaly) in [
        (Told::Processing, "refunding", "refunded_elsewhere open"),
        (Told::Processing, "refunding", "refunded_elsewhere open"),
        (Told::Success, "refunded", "refunded_elsewhere done"),
    ] {
        answered(&shop, &order_id, told_of(PRICE, state)).await;
        let told = shop.rows("select kind, refund from anomaly").await;
        assert_eq!(told, [anomaly]);
        assert_eq!(shop.phase(&order_id).await.0, phase);
    }
    assert_eq!(shop.rows(OURS).await, [""; 0]);
}

#[tokio::test]
async fn goods_that_stayed_are_told_of_again_when_wechat_closes_that_refund() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    for state in [Told::Processing, Told::Closed] {
        answered(&shop, &order_id, told_of(PRICE, state)).await;
    }
    let told = shop.rows("select kind, refund from anomaly order by kind").await;
    assert_eq!(told, ["elsewhere_closed open", "refunded_elsewhere done"], "one thing to see to");
    assert_eq!((shop.phase(&order_id).await.0, shop.rows(OURS).await), ("paid".into(), vec![]));
}

#[tokio::test]
async fn what_is_open_ends_once_all_of_the_payment_is_back_whoever_gave_it() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    answered(&shop, &order_id, told_of(1, Told::Success)).await;
    let rest = NewRefund::new("R-1", PRICE - 1, "少一杯").unwrap();
    let asked = shop.service.ask_refund(RefundBy::Operator("wang", None), &order_id, &rest).await;
    let ours = asked.unwrap().0.out_refund_no;
    let told_anomalies = "select kind, refund from anomaly";
    assert_eq!(shop.rows(told_anomalies).await, ["refunded_elsewhere open"], "not yet");
    let entry = ours_due(&shop, &ours).await;
    let RefundNews::Told { mut refunds, total } = told(&ours, Told::Success) else { panic!() };
    refunds[0].part = Fen::new(PRICE - 1).unwrap();
    news(&shop, entry, RefundNews::Told { refunds, total }).await;
    assert_eq!(shop.rows(told_anomalies).await, ["refunded_elsewhere done"]);
}

#[tokio::test]
async fn a_refund_by_the_rule_takes_over_what_a_person_has_seen_to() {
    for is_seen_to in [false, true] {
        let mut shop = Shop::open().await;
        let (order_id, number) = open(&mut shop).await;
        shop.service.ask_wechat(order_id.clone(), "wang").await.unwrap();
        let query = due(&shop).await.unwrap();
        shop.service.settle(query, Outcome::Payment(found(&number, T1, true))).await.unwrap();
        assert_eq!(shop.rows("select refund from anomaly").await, ["open"]);
        if is_seen_to {
            let payment = TransactionId::new(T1).unwrap();
            let seen = shop.service.see_to(payment, "refunded_elsewhere", "wang").await.unwrap();
            assert_eq!(seen, SeenTo::Now(Some(order_id.clone())));
        }
        for (state, anomaly) in
            [(Told::Processing, ["open", "dismissed"]), (Told::Closed, ["due", "due"])]
        {
            answered(&shop, &order_id, told_of(PRICE, state)).await;
            let refund = shop.rows("select refund from anomaly").await;
            assert_eq!(refund, [anomaly[usize::from(is_seen_to)]], "{state:?}");
        }
    }
}

#[tokio::test]
async fn an_order_whose_rest_a_person_keeps_is_at_its_end() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.ask_wechat(order_id.clone(), "wang").await.unwrap();
    let query = due(&shop).await.unwrap();
    shop.service.settle(query, Outcome::Payment(found(&number, T1, true))).await.unwrap();
    news(&shop, due(&shop).await.unwrap(), told_of(500, Told::Success)).await;
    shop.clock.advance(900);
    shop.service.tick_due().await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "refunding", "nobody has decided yet");
    let payment = || TransactionId::new(T1).unwrap();
    shop.service.see_to(payment(), "refunded_elsewhere", "wang").await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "expired");
    assert_eq!(shop.rows("select phase from orders").await, ["expired"], "it may be archived");
    assert_eq!(shop.rows("select refund from anomaly").await, ["dismissed"]);
    let again = shop.service.see_to(payment(), "refunded_elsewhere", "wang").await.unwrap();
    assert_eq!(again, SeenTo::NotOpen);
    assert_eq!((shop.phase(&order_id).await.0, shop.rows(OURS).await), ("expired".into(), vec![]));
}

#[tokio::test]
async fn what_was_over_before_an_upgrade_is_not_opened_by_a_refund() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    answered(&shop, &order_id, told_of(PRICE, Told::Processing)).await;
    alter(&shop.service.store, "update anomaly set refund = 'none'").await;
    answered(&shop, &order_id, told_of(PRICE, Told::Change)).await;
    assert_eq!(shop.rows("select refund from anomaly").await, ["none"]);
}

#[tokio::test]
async fn each_refund_by_hand_that_comes_to_nothing_waits_for_a_person() {
    let mut shop = Shop::open().await;
    let (order_id, ours) = too_late(&mut shop).await;
    let failed = RefundNews::Failed("the customer's account is void".to_owned());
    news(&shop, due(&shop).await.unwrap(), failed).await;
    // He means to pay by hand.
    shop.service.dismiss_refund((&ours, &mch_id()), "wang").await.unwrap();
    let payment = || TransactionId::new(T1).unwrap();
    for number in ["CONSOLE-1", "CONSOLE-2"] {
        for state in [Told::Processing, Told::Closed] {
            let RefundNews::Told { mut refunds, total } = told_of(PRICE, state) else { panic!() };
            refunds[0].out_refund_no = OutRefundNo::new(number).unwrap();
            answered(&shop, &order_id, RefundNews::Told { refunds, total }).await;
        }
        let closed = shop.rows("select refund from anomaly where kind = 'elsewhere_closed'").await;
        assert_eq!(closed, ["open"], "{number}");
        shop.service.see_to(payment(), "elsewhere_closed", "wang").await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_is_older_than_the_end_of_a_refund_by_hand_is_no_news() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    for state in [Told::Closed, Told::Processing] {
        answered(&shop, &order_id, told_of(PRICE, state)).await;
        assert_eq!(shop.rows("select state from refund").await, ["closed"]);
        assert_eq!(shop.rows("select kind from anomaly").await, [""; 0]);
        assert_eq!(shop.phase(&order_id).await.0, "paid");
    }
}

#[tokio::test]
async fn a_refund_that_cannot_reach_the_customer_is_no_refund_that_is_done() {
    let mut shop = Shop::open().await;
    let _ = too_late(&mut shop).await;
    news(&shop, due(&shop).await.unwrap(), RefundNews::Unsure("ERROR".to_owned())).await;
    shop.clock.advance(60);
    news(&shop, due(&shop).await.unwrap(), told_of(PRICE, Told::Change)).await;
    assert_eq!(shop.rows("select refund from anomaly").await, ["failed"]);
    shop.service.dismiss_refund((&by_hand(), &mch_id()), "wang.min").await.unwrap();
    assert_eq!(shop.rows("select refund from anomaly").await, ["done"]);
}

/// What a notification says that WeChat has sent.
fn a_hint() -> RefundHint {
    let notices: serde_json::Value = serde_json::from_str(NOTICES).unwrap();
    let mut notices = notices["notices"].as_array().unwrap().iter();
    let ours = notices.find(|notice| notice["key"] == KEY).unwrap();
    let doc: Doc<'_> = Doc::read(ours["xml"].as_str().unwrap().as_bytes()).unwrap();
    RefundHint::read(&doc, &merchant(SignType::HmacSha256)).unwrap()
}

#[tokio::test]
async fn a_payment_whose_refund_was_heard_of_first_is_asked_about_before_it_ships() {
    for refunded in [true, false] {
        let mut shop = Shop::open().await;
        let (order_id, number) = open(&mut shop).await;
        let mut hint = a_hint();
        hint.transaction_id = TransactionId::new(T1).unwrap();
        hint.out_trade_no = OutTradeNo::new(&number).unwrap();
        hint.out_refund_no = by_hand();
        let heed =
            Heed { mch_id: mch_id(), hint, digest: "a refund".to_owned(), body: String::new() };
        shop.service.execute(heed).await.unwrap();
        let notice = shop.notice(&number, T1, PRICE);
        assert!(shop.service.notify(&notice).await.is_err(), "WeChat is to send it again");
        let counted = |outcome| shop.service.context.metrics.noticed(outcome);
        let counted = [NoticeOutcome::Later, NoticeOutcome::Failed].map(counted);
        assert_eq!(counted, [1, 0], "nobody has to be called");
        assert_eq!(shop.rows("select key from outbox where kind = 'ship'").await, [""; 0]);
        let query = due(&shop).await.expect("WeChat is asked");
        assert!(matches!(query.effect, Effect::Query { attempt: 0 }), "{query:?}");
        assert!(due(&shop).await.is_none(), "once");
        shop.service.settle(query, Outcome::Payment(found(&number, T1, refunded))).await.unwrap();
        shop.service.notify(&notice).await.unwrap();
        let ships = shop.rows("select key from outbox where kind = 'ship'").await;
        assert_eq!(ships.is_empty(), refunded);
        let phase = if refunded { "refunding" } else { "paid" };
        assert_eq!(shop.phase(&order_id).await.0, phase);
        // The answer may be older than the refund.
        let asked = "select count(*) from outbox where kind = 'refund_query'";
        assert_eq!(shop.rows(asked).await, ["1"]);
    }
}
