//! Refunds on a real file: what is written before anything is sent, and people's words.

mod by_hand;
mod forgotten;

use super::*;
use crate::metrics::{Glance, Page};
use crate::service::Outcome;
use crate::store::figures::UNDER_WAY;
use crate::store::{Entry, Lane, RefundRow, RefundState, StoreError, glance};
use crate::testing::{KEY, PRICE, Shop, merchant, notice_fields, signed};
use saoma_core::api::{Currency, Payment};
use saoma_core::ids::{MchId, OrderId, OutRefundNo, OutTradeNo, RefundId, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::{Effect, Event, RefundRefused};
use saoma_core::sign::SignType;
use saoma_core::time::UnixTime;

const T1: &str = "4200009999202611230000000001";
const T2: &str = "4200009999202611230000000002";

fn mch_id() -> MchId {
    merchant(SignType::HmacSha256).mch_id
}

/// An order with a code, and the number to be paid.
async fn open(shop: &mut Shop) -> (OrderId, String) {
    open_as(shop, "A-1").await
}

async fn open_as(shop: &mut Shop, order_no: &str) -> (OrderId, String) {
    let order = shop.order(order_no).await;
    let placed = shop.at_once.try_recv().unwrap();
    let code_url = "weixin://wxpay/bizpayurl?pr=1".try_into().unwrap();
    let outcome = Outcome::Event(Event::Placed { attempt: 0, code_url });
    shop.service.settle(placed, outcome).await.unwrap();
    order
}

/// An order that was given up and paid all the same, and the number of its refund.
async fn too_late(shop: &mut Shop) -> (OrderId, OutRefundNo) {
    let (order_id, number) = open(shop).await;
    shop.service.cancel(&order_id).await.unwrap();
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let number = OutRefundNo::for_order(&order_id, 0).unwrap();
    (order_id, number)
}

async fn due(shop: &Shop) -> Option<Entry> {
    shop.service.claim(Lane::Gateway, 1).await.unwrap().pop()
}

async fn news(shop: &Shop, entry: Entry, news: RefundNews) {
    shop.service.settle(entry, Outcome::Refund(news)).await.unwrap();
}

/// A payment that a query tells of.
fn found(number: &str, transaction_id: &str, refunded: bool) -> Payment {
    Payment {
        transaction_id: TransactionId::new(transaction_id).unwrap(),
        out_trade_no: OutTradeNo::new(number).unwrap(),
        total_fee: Fen::new(PRICE).unwrap(),
        currency: Currency::CNY,
        paid_at: UnixTime::MAX,
        refunded,
    }
}

const NOTICES: &str = include_str!("../../../../tests/fixtures/v2-refund-notices.json");
const REFUND: &str = "select state, sent_at, refund_id, trouble from refund";
const OUTBOX: &str = "select state from outbox where kind = 'refund'";

fn told(number: &OutRefundNo, state: saoma_core::api::RefundState) -> RefundNews {
    let refund = ToldRefund {
        out_refund_no: number.clone(),
        refund_id: RefundId::new("50300000000000000000000000001").unwrap(),
        part: Fen::new(PRICE).unwrap(),
        state,
    };
    RefundNews::Told { refunds: vec![refund], total: Fen::new(PRICE) }
}

#[tokio::test]
async fn the_exact_request_is_stored_before_it_is_sent_and_never_changes() {
    let mut shop = Shop::open().await;
    let (order_id, number) = too_late(&mut shop).await;
    let request = shop.rows("select request from refund").await;
    assert!(request[0].contains(&format!("<out_refund_no>{number}</out_refund_no>")));
    assert!(request[0].contains("<refund_fee>1800</refund_fee>"));
    assert!(request[0].contains("/wx/v2/refund-notify</notify_url>"));
    assert!(!request[0].contains("<sign>") && !request[0].contains("nonce_str"));

    let entry = due(&shop).await.unwrap();
    let job = shop.service.refund_job(&entry).await.unwrap();
    assert!(matches!(job, Some(RefundJob::Send(_))), "{job:?}");
    news(&shop, entry, RefundNews::Unsure("the connection broke".to_owned())).await;
    shop.clock.advance(5);
    // Nobody knows what became of it: asked first, sent again when WeChat does not know it.
    let entry = due(&shop).await.unwrap();
    let job = shop.service.refund_job(&entry).await.unwrap();
    assert!(matches!(&job, Some(RefundJob::Look(look)) if look.or_all), "{job:?}");
    news(&shop, entry, RefundNews::Told { refunds: vec![], total: None }).await;
    shop.clock.advance(60);
    let entry = due(&shop).await.unwrap();
    let job = shop.service.refund_job(&entry).await.unwrap();
    assert!(matches!(job, Some(RefundJob::Send(_))), "{job:?}");
    let id = RefundId::new("50300000000000000000000000001").unwrap();
    news(&shop, entry, RefundNews::Accepted(id)).await;
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
    shop.clock.advance(60);
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, told(&number, saoma_core::api::RefundState::Success)).await;
    assert_eq!(shop.phase(&order_id).await.0, "refunded");
    assert_eq!(shop.rows("select request from refund").await, request);
    assert_eq!(shop.rows("select state from refund").await, ["done"]);
    assert_eq!(shop.rows("select refund from anomaly").await, ["done"]);
    assert_eq!(shop.rows(OUTBOX).await, ["done"]);
}

#[tokio::test]
async fn a_refund_that_takes_its_time_at_wechat_is_not_told_as_stuck() {
    let mut shop = Shop::open().await;
    too_late(&mut shop).await;
    // Money to a card takes days, and that is WeChat's own time.
    let id = RefundId::new("50300000000000000000000000001").unwrap();
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, RefundNews::Accepted(id)).await;
    shop.clock.advance(50_000);
    let age = async || {
        let mut page = Page::default();
        let seen = glance(&mut shop.service.store.reader().await.unwrap()).await.unwrap();
        Glance::write(Some(&seen), shop.service.context.clock.now(), &mut page);
        let text = page.into_text();
        let count = "saoma_outbox_entries{lane=\"gateway\",state=\"pending\"} 1";
        assert!(text.contains(count) || text.contains(&count.replace("pending", "leased")));
        let name = "saoma_outbox_oldest_seconds{lane=\"gateway\"} ";
        let age = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        age.parse::<u64>().unwrap()
    };
    assert_eq!(age().await, 0);
    // That it cannot be asked about is another thing.
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, RefundNews::Unsure("the connection broke".to_owned())).await;
    assert_eq!(age().await, 50_000);
}

#[tokio::test]
async fn a_held_refund_waits_for_an_operators_word() {
    let mut shop = Shop::open_holding().await;
    let (order_id, number) = too_late(&mut shop).await;
    assert_eq!(shop.rows(REFUND).await, ["held - - -"]);
    shop.clock.advance(7_200);
    assert!(due(&shop).await.is_none());
    let nobody = OutRefundNo::new("NOBODY-R1").unwrap();
    let unknown = shop.service.release_refund((&nobody, &mch_id()), "wang.min").await;
    assert!(matches!(unknown, Err(DecideError::NotFound)));
    let other = MchId::new("1900000110").unwrap();
    let others = shop.service.release_refund((&number, &other), "wang.min").await;
    assert!(matches!(others, Err(DecideError::NotFound)));

    shop.service.release_refund((&number, &mch_id()), "wang.min").await.unwrap();
    assert_eq!(shop.rows("select refund from anomaly").await, ["due"]);
    let entry = due(&shop).await.unwrap();
    assert!(matches!(shop.service.refund_job(&entry).await.unwrap(), Some(RefundJob::Send(_))));
    for again in [
        shop.service.release_refund((&number, &mch_id()), "wang.min").await,
        shop.service.dismiss_refund((&number, &mch_id()), "wang.min").await,
    ] {
        assert!(matches!(again, Err(DecideError::NotHeld(RefundState::Asked))));
    }
    let notes = shop.rows("select name, text from history where kind = 'note'").await;
    assert_eq!(notes, [format!("wang.min refund {number} released")]);
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
}

#[tokio::test]
async fn a_dismissed_refund_is_never_sent() {
    let mut shop = Shop::open_holding().await;
    let (order_id, number) = too_late(&mut shop).await;
    shop.service.dismiss_refund((&number, &mch_id()), "wang.min").await.unwrap();
    assert_eq!(shop.rows("select state from refund").await, ["dismissed"]);
    assert_eq!(shop.rows("select refund from anomaly").await, ["dismissed"]);
    let entry = due(&shop).await.unwrap();
    assert!(shop.service.refund_job(&entry).await.unwrap().is_none());
    shop.service.settle(entry, Outcome::Unwanted).await.unwrap();
    assert_eq!(shop.rows(OUTBOX).await, ["done"]);
    assert!(shop.service.release_refund((&number, &mch_id()), "wang.min").await.is_err());
    assert_eq!(shop.phase(&order_id).await.0, "cancelled");
}

#[tokio::test]
async fn a_refund_that_failed_is_over_once_a_person_has_seen_to_it() {
    let mut shop = Shop::open().await;
    let (order_id, number) = too_late(&mut shop).await;
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, RefundNews::Failed("pay it back by hand".to_owned())).await;
    assert_eq!(
        shop.rows("select state, trouble from refund").await,
        ["failed pay it back by hand"]
    );
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
    let release = shop.service.release_refund((&number, &mch_id()), "wang.min").await;
    assert!(matches!(release, Err(DecideError::NotHeld(RefundState::Failed))));
    shop.service.dismiss_refund((&number, &mch_id()), "wang.min").await.unwrap();
    assert_eq!(shop.rows("select state, trouble from refund").await, ["dismissed -"]);
    assert_eq!(shop.rows("select refund from anomaly").await, ["dismissed"]);
    assert_eq!(shop.phase(&order_id).await.0, "cancelled");
}

#[tokio::test]
async fn what_was_paid_in_another_currency_goes_back_in_it() {
    const T3: &str = "4200009999202611230000000003";
    let mut shop = Shop::open().await;
    let (_, number) = open(&mut shop).await;
    let (_, paid) = open_as(&mut shop, "A-2").await;
    shop.service.notify(&shop.notice(&paid, "4200009999202611230000000004", PRICE)).await.unwrap();
    // Alone, as the second of a number, and for a number that is nobody's.
    for (number, transaction_id, fen) in
        [(&*number, T1, "250"), (&paid, T2, "1800"), ("SOMEBODYELSES-1", T3, "1")]
    {
        let mut fields = notice_fields(number, transaction_id, fen);
        fields.iter_mut().find(|(name, _)| *name == "fee_type").unwrap().1 = "USD";
        shop.service.notify(&signed(&fields, KEY, SignType::HmacSha256)).await.unwrap();
    }
    let sql = "select transaction_id, verdict from payment where total_fee_fen < 1800
               or transaction_id = '4200009999202611230000000002' order by 1";
    assert_eq!(shop.rows(sql).await, [T1, T2, T3].map(|id| format!("{id} currency_mismatch")));
    assert_eq!(
        shop.rows("select state, part_fen from refund order by transaction_id").await,
        ["asked 250", "held 1800", "asked 1"]
    );
    for request in shop.rows("select request from refund").await {
        assert!(request.contains("<refund_fee_type>USD</refund_fee_type>"), "{request}");
    }
}

#[tokio::test]
async fn after_a_refund_that_wechat_closed_the_next_one_is_in_the_payments_currency() {
    let shop = Shop::open().await;
    let mut fields = notice_fields("SOMEBODYELSES-1", T1, "1800");
    fields.iter_mut().find(|(name, _)| *name == "fee_type").unwrap().1 = "USD";
    shop.service.notify(&signed(&fields, KEY, SignType::HmacSha256)).await.unwrap();
    let first = OutRefundNo::new(&format!("T{T1}-R1")).unwrap();
    let closed = told(&first, saoma_core::api::RefundState::Closed);
    news(&shop, due(&shop).await.unwrap(), closed).await;
    let requests = shop.rows("select request from refund").await;
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.contains("<refund_fee_type>USD</refund_fee_type>"), "{request}");
    }
}

#[tokio::test]
async fn a_refund_that_cannot_be_asked_for_is_not_released() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    // More than WeChat takes in one request.
    shop.service.notify(&shop.notice(&number, T1, 2_147_483_648)).await.unwrap();
    let refund = shop.rows("select request, state, trouble from refund").await.remove(0);
    assert!(refund.starts_with(" held total_fee"), "{refund}");
    let number = OutRefundNo::new(&format!("{order_id}-R1")).unwrap();
    let released = shop.service.release_refund((&number, &mch_id()), "wang").await;
    assert!(matches!(released, Err(DecideError::Unsendable)), "{released:?}");
    shop.service.dismiss_refund((&number, &mch_id()), "wang").await.unwrap();
}

#[tokio::test]
async fn a_second_payment_for_a_number_stays_when_a_person_dismisses_its_refund() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    for transaction_id in [T1, T2] {
        shop.service.notify(&shop.notice(&number, transaction_id, PRICE)).await.unwrap();
    }
    let trouble = shop.rows("select trouble from refund").await.remove(0);
    assert!(trouble.starts_with("a second payment of one number"), "{trouble}");
    let out_refund_no = OutRefundNo::new(&format!("T{T2}-R1")).unwrap();
    shop.service.dismiss_refund((&out_refund_no, &mch_id()), "wang").await.unwrap();
    assert_eq!(shop.rows("select kind, refund from anomaly").await, ["conflict dismissed"]);
    for entry in [due(&shop).await.unwrap(), due(&shop).await.unwrap()] {
        assert!(!matches!(shop.service.refund_job(&entry).await, Ok(Some(RefundJob::Send(_)))));
        shop.service.settle(entry, Outcome::Unwanted).await.unwrap();
    }
    shop.clock.advance(86_400);
    assert!(due(&shop).await.is_none());
    assert_eq!(shop.rows("select state from refund").await, ["dismissed"]);
    assert_eq!(shop.phase(&order_id).await.0, "paid", "the first one is kept");
}

#[tokio::test]
async fn two_refunds_of_one_payment_are_a_minute_apart() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    for n in ["R-1", "R-2"] {
        let new = NewRefund::new(n, 100, "少一杯").unwrap();
        assert!(shop.service.ask_refund(RefundBy::Shop("shop"), &order_id, &new).await.unwrap().1);
    }
    let first = due(&shop).await.unwrap();
    assert!(due(&shop).await.is_none(), "one after the other");
    let id = RefundId::new("50300000000000000000000000001").unwrap();
    news(&shop, first, RefundNews::Accepted(id)).await;
    let second = due(&shop).await.unwrap();
    let job = shop.service.refund_job(&second).await.unwrap();
    let later = shop.service.context.clock.now().plus(60);
    assert!(
        matches!(&job, Some(RefundJob::Known(RefundNews::Later(at))) if *at == later),
        "{job:?}"
    );
}

#[tokio::test]
async fn another_shop_sees_and_refunds_nothing() {
    let shop = Shop::open().await;
    let (order_id, number) = shop.order("A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let new = NewRefund::new("R-1", 100, "少一杯").unwrap();
    let refused = shop.service.ask_refund(RefundBy::Shop("other"), &order_id, &new).await;
    assert!(matches!(refused, Err(AskRefundError::NotFound)));
    assert_eq!(shop.service.refunds("other", &order_id).await.unwrap(), None);
    assert_eq!(shop.service.refunds("shop", &order_id).await.unwrap(), Some(vec![]));
    // An operator may.
    let by = RefundBy::Operator("wang", None);
    assert!(shop.service.ask_refund(by, &order_id, &new).await.unwrap().1);
}

#[tokio::test]
async fn a_refund_that_wechat_neither_takes_nor_knows_is_told_to_a_person_and_still_tried() {
    let mut shop = Shop::open().await;
    too_late(&mut shop).await;
    let mut rounds = 0;
    while shop.rows("select trouble from refund where trouble is not null").await.is_empty() {
        rounds += 1;
        assert!(rounds < 40, "nobody is told");
        shop.clock.advance(3_600);
        let entry = due(&shop).await.unwrap();
        match shop.service.refund_job(&entry).await.unwrap() {
            Some(RefundJob::Send(_)) => {
                news(&shop, entry, RefundNews::Unsure("ERROR".to_owned())).await;
            }
            Some(RefundJob::Look(_)) => {
                news(&shop, entry, RefundNews::Told { refunds: vec![], total: None }).await;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(rounds > 10, "not at the first difficulty: {rounds}");
    let trouble = shop.rows("select trouble from refund").await;
    assert!(trouble[0].contains("does not take it"), "{trouble:?}");
    shop.clock.advance(3_600);
    assert!(due(&shop).await.is_some(), "and it is tried on");
}

#[tokio::test]
async fn of_two_payments_for_a_number_the_kept_one_can_go_back_once_wechat_has_told_either() {
    for told in [T1, T2] {
        let mut shop = Shop::open().await;
        let (order_id, number) = open(&mut shop).await;
        for transaction_id in [T1, T2] {
            shop.service.notify(&shop.notice(&number, transaction_id, PRICE)).await.unwrap();
        }
        let new = NewRefund::new("R-1", 100, "少一杯").unwrap();
        let asked = shop.service.ask_refund(RefundBy::Shop("shop"), &order_id, &new).await;
        assert!(matches!(asked, Err(AskRefundError::Refused(RefundRefused::InDoubt))));
        let query = due(&shop).await.unwrap();
        let payment = Outcome::Payment(found(&number, told, false));
        shop.service.settle(query, payment).await.unwrap();
        let asked = shop.service.ask_refund(RefundBy::Shop("shop"), &order_id, &new).await;
        assert!(asked.is_ok_and(|(_, new)| new), "{told}");
    }
}

#[tokio::test]
async fn what_went_back_before_its_payment_was_known_is_asked_about_until_that_is_over() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    assert!(shop.service.ask_wechat(order_id, "wang").await.is_ok());
    let query = due(&shop).await.unwrap();
    shop.service.settle(query, Outcome::Payment(found(&number, T1, true))).await.unwrap();
    let by_hand = OutRefundNo::new("BY-HAND-1").unwrap();
    let entries = "select state, last_error from outbox where kind = 'refund_query'";
    for (state, entry, refund) in [
        (saoma_core::api::RefundState::Processing, "pending", "accepted"),
        (saoma_core::api::RefundState::Success, "done", "done"),
    ] {
        let due = due(&shop).await.unwrap();
        let job = shop.service.refund_job(&due).await.unwrap();
        assert!(matches!(&job, Some(RefundJob::Look(look)) if look.number.is_none()), "{job:?}");
        news(&shop, due, told(&by_hand, state)).await;
        // That WeChat takes its time is no error.
        assert_eq!(shop.rows(entries).await, [format!("{entry} {UNDER_WAY}")]);
        let refunds = shop.rows("select out_refund_no, asked_by, state from refund").await;
        assert_eq!(refunds, [format!("BY-HAND-1 elsewhere {refund}")]);
        shop.clock.advance(86_400);
    }
    assert!(due(&shop).await.is_none());
}

#[tokio::test]
async fn a_second_payment_for_a_number_waits_for_a_person_who_gives_it_back() {
    let mut shop = Shop::open().await;
    let (_, number) = open(&mut shop).await;
    for transaction_id in [T1, T2, T2] {
        shop.service.notify(&shop.notice(&number, transaction_id, PRICE)).await.unwrap();
    }
    let anomaly = "select kind, transaction_id, refund from anomaly";
    assert_eq!(shop.rows(anomaly).await, [format!("conflict {T2} held")]);
    let refunds = "select out_refund_no, transaction_id, part_fen, state from refund";
    assert_eq!(shop.rows(refunds).await, [format!("T{T2}-R1 {T2} 1800 held")]);
    let query = due(&shop).await.unwrap();
    shop.service.settle(query, Outcome::Unwanted).await.unwrap();
    assert!(due(&shop).await.is_none(), "no money moves by itself");
    let out_refund_no = OutRefundNo::new(&format!("T{T2}-R1")).unwrap();
    shop.service.release_refund((&out_refund_no, &mch_id()), "wang").await.unwrap();
    let entry = due(&shop).await.unwrap();
    let Some(RefundJob::Send(_)) = shop.service.refund_job(&entry).await.unwrap() else {
        panic!("it is not sent")
    };
    let id = RefundId::new("50300000000000000000000000001").unwrap();
    news(&shop, entry, RefundNews::Accepted(id)).await;
    shop.clock.advance(600);
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, told(&out_refund_no, saoma_core::api::RefundState::Success)).await;
    assert_eq!(shop.rows(anomaly).await, [format!("conflict {T2} done")]);
}

#[tokio::test]
async fn a_refund_by_hand_is_followed_to_its_end_whoever_heard_of_it() {
    use saoma_core::api::RefundState::{Processing, Success};
    let mut shop = Shop::open().await;
    let (_, ours) = too_late(&mut shop).await;
    let by_hand = OutRefundNo::new("CONSOLE-1").unwrap();
    let states = "select state from refund order by out_refund_no";
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, RefundNews::Unsure("ERROR".to_owned())).await;
    shop.clock.advance(60);
    // All of it goes back by hand: ours is not wanted any more, if that ends well.
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, told(&by_hand, Processing)).await;
    assert_eq!(shop.rows(states).await, ["unsure", "accepted"]);
    let entry = due(&shop).await.expect("somebody looks after it, whatever becomes of ours");
    assert!(matches!(entry.effect, Effect::RefundQuery { .. }));
    news(&shop, entry, told(&by_hand, Success)).await;
    assert_eq!(shop.rows(states).await, ["unsure", "done"]);
    shop.clock.advance(3_600);
    let entry = due(&shop).await.unwrap();
    assert!(entry.key.ends_with(ours.as_str()));
    news(&shop, entry, told(&by_hand, Success)).await;
    assert_eq!(shop.rows(states).await, ["closed", "done"]);
}

#[tokio::test]
async fn an_end_is_not_left_for_what_somebody_has_read_before_it() {
    let mut shop = Shop::open().await;
    let (_, number) = too_late(&mut shop).await;
    let store = &shop.service.store;
    let before = RefundRow::ours(&mut store.reader().await.unwrap(), &number).await.unwrap();
    let before = before.unwrap();
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, told(&number, saoma_core::api::RefundState::Success)).await;
    assert_eq!(shop.rows("select state from refund").await, ["done"]);
    for state in [RefundState::Unsure, RefundState::Accepted, RefundState::Failed] {
        let mut tx = store.begin().await.unwrap();
        let late = RefundRow { state, ..before.clone() };
        RefundRow::put_all(&mut tx, &[&late], shop.service.context.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(shop.rows("select state from refund").await, ["done"], "{state:?}");
    }
}

#[tokio::test]
async fn what_two_people_decide_at_once_is_decided_once() {
    let mut shop = Shop::open_holding().await;
    let (_, number) = too_late(&mut shop).await;
    let store = &shop.service.store;
    let now = shop.service.context.clock.now();
    let read = RefundRow::ours(&mut store.reader().await.unwrap(), &number).await.unwrap();
    let read = read.unwrap();
    shop.service.release_refund((&number, &mch_id()), "li").await.unwrap();
    // The other one has read it before that.
    let mut tx = store.begin().await.unwrap();
    let key = (&read.out_refund_no, &read.mch_id);
    let still = RefundRow::still(&mut tx, key, read.state, now).await;
    assert!(matches!(still, Err(StoreError::Stale)), "{still:?}");
    RefundRow::still(&mut tx, key, RefundState::Asked, now).await.unwrap();
}

#[tokio::test]
async fn one_sealed_notification_is_one_message_whatever_stands_around_it() {
    let notices: serde_json::Value = serde_json::from_str(NOTICES).unwrap();
    let notices = notices["notices"].as_array().unwrap();
    let ours = notices.iter().find(|notice| notice["key"] == KEY).unwrap();
    let notice = ours["xml"].as_str().unwrap();
    let shop = Shop::open().await;
    let nonce = "TeqClE3i0mvn3DrK";
    assert!(notice.contains(nonce));
    for nonce in [nonce, "another", "and-another"] {
        let notice = notice.replace("TeqClE3i0mvn3DrK", nonce);
        shop.service.notify_refund(notice.as_bytes()).await.unwrap();
    }
    assert_eq!(shop.rows("select outcome from message").await, ["refund"]);
}

#[tokio::test]
async fn many_questions_at_once_do_not_keep_one_another_from_being_read() {
    let mut shop = Shop::open().await;
    let (order_id, _) = open(&mut shop).await;
    let entry = |n: u32| Entry {
        key: format!("refunds-{T1}-{n}"),
        order_id: Some(order_id.clone()),
        effect: Effect::RefundQuery { attempt: 0, transaction_id: TransactionId::new(T1).unwrap() },
        tries: 1,
        since: shop.service.context.clock.now(),
    };
    let entries: Vec<Entry> = (0..16).map(entry).collect();
    let jobs = entries.iter().map(|entry| shop.service.refund_job(entry));
    for job in futures_util::future::join_all(jobs).await {
        assert!(matches!(job, Ok(Some(RefundJob::Look(_)))), "{job:?}");
    }
}
