//! Refunds that nobody would hear of any more.

use super::*;
use crate::store::{UnderWay, under_way};
use crate::testing::{alter, sellers};
use saoma_core::api::RefundState as Told;
use saoma_core::ids::AppId;

/// What the shop asks for under this number of its own.
async fn asks(shop: &Shop, order_id: &OrderId, refund_no: &str) -> Result<bool, AskRefundError> {
    let new = NewRefund::new(refund_no, 100, "少一杯").unwrap();
    let begun = shop.service.ask_refund(RefundBy::Shop("shop"), order_id, &new).await;
    begun.map(|(_, is_new)| is_new)
}

#[tokio::test]
async fn one_that_wechat_closes_again_and_again_is_told_to_a_person() {
    let mut shop = Shop::open().await;
    let (order_id, _) = too_late(&mut shop).await;
    for closed in 0..6 {
        assert_eq!(shop.rows("select refund from anomaly").await, ["due"], "{closed}");
        let number = OutRefundNo::for_order(&order_id, closed).unwrap();
        news(&shop, due(&shop).await.unwrap(), told(&number, Told::Closed)).await;
        shop.clock.advance(60);
    }
    assert!(due(&shop).await.is_none(), "it is not asked for a seventh time");
    assert_eq!(shop.rows("select refund from anomaly").await, ["failed"]);
    let states = shop.rows("select state from refund order by refund_index").await;
    assert_eq!(states, [&["closed"; 5][..], &["failed"]].concat());
    let trouble = shop.rows("select trouble from refund where trouble is not null").await;
    assert!(trouble[0].contains("five before it"), "{trouble:?}");
    assert_eq!(shop.phase(&order_id).await.0, "refunding");
}

#[tokio::test]
async fn one_by_hand_is_followed_although_wechat_tells_nothing_of_it_for_a_while() {
    for empty_first in [true, false] {
        let mut shop = Shop::open().await;
        let (order_id, number) = open(&mut shop).await;
        shop.service.ask_wechat(order_id.clone(), "wang").await.unwrap();
        let query = due(&shop).await.unwrap();
        shop.service.settle(query, Outcome::Payment(found(&number, T1, true))).await.unwrap();
        let by_hand = OutRefundNo::new("CONSOLE-1").unwrap();
        let nothing = || RefundNews::Told { refunds: vec![], total: None };
        let first = if empty_first { nothing() } else { told(&by_hand, Told::Processing) };
        for (before, answer) in [(0, first), (20, nothing()), (100, told(&by_hand, Told::Closed))] {
            let mut entry = due(&shop).await.expect("it is asked about");
            // Card refunds take days.
            entry.tries += if empty_first { 0 } else { before };
            news(&shop, entry, answer).await;
            shop.clock.advance(86_400);
        }
        let ours = shop.rows("select state, part_fen from refund where asked_by = 'rule'").await;
        assert_eq!(ours, ["asked 1800"]);
    }
}

#[tokio::test]
async fn one_that_a_later_answer_alone_shows_is_asked_about() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.ask_wechat(order_id, "wang").await.unwrap();
    let query = due(&shop).await.unwrap();
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let asked = "select count(*) from outbox where kind = 'refund_query'";
    assert_eq!(shop.rows(asked).await, ["0"]);
    for _ in 0..2 {
        let told = Outcome::Payment(found(&number, T1, true));
        shop.service.settle(query.clone(), told).await.unwrap();
        assert_eq!(shop.rows(asked).await, ["1"]);
    }
}

#[tokio::test]
async fn one_that_an_older_database_has_lost_is_not_made_again_and_another_one_is() {
    let wish = |refund_no: &str| Wish { refund_no: refund_no.to_owned(), reason: String::new() };
    for state in [Told::Success, Told::Closed] {
        let mut shop = Shop::open().await;
        let (order_id, number) = open(&mut shop).await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        let lost = OutRefundNo::for_wish(&order_id, wish("R-1").number()).unwrap();
        let RefundNews::Told { mut refunds, total } = told(&lost, state) else { panic!() };
        refunds[0].part = Fen::new(100).unwrap();
        let transaction_id = TransactionId::new(T1).unwrap();
        let entry = Entry {
            key: "refunds-of-the-bill".to_owned(),
            order_id: Some(order_id.clone()),
            effect: Effect::RefundQuery { attempt: 0, transaction_id },
            tries: 1,
            since: shop.service.context.clock.now(),
        };
        news(&shop, entry, RefundNews::Told { refunds, total }).await;
        let before = shop.everything().await;
        // Under a number that is closed nothing goes back any more: the shop takes a new one.
        match (state, asks(&shop, &order_id, "R-1").await) {
            (Told::Success, Err(AskRefundError::Lost)) => {}
            (Told::Closed, Err(AskRefundError::RefundNoTaken)) => {}
            (_, other) => panic!("{other:?}"),
        }
        assert_eq!(shop.everything().await, before);
        // What the shop wishes for besides has a number that WeChat has never seen.
        assert!(asks(&shop, &order_id, "R-2").await.unwrap());
        let asked = shop.rows("select out_refund_no from refund where asked_by = 'shop'").await;
        let other = OutRefundNo::for_wish(&order_id, wish("R-2").number()).unwrap();
        assert_eq!(asked, [other.as_str()]);
    }
}

#[tokio::test]
async fn one_ends_although_an_older_server_beside_this_one_does_not_know_its_number() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    assert!(asks(&shop, &order_id, "R-1").await.unwrap());
    let entry = loop {
        let entry = due(&shop).await.unwrap();
        if matches!(entry.effect, Effect::Refund { .. }) {
            break entry;
        }
    };
    // It has written the order without what it did not know.
    let wish = Wish { refund_no: "R-1".to_owned(), reason: String::new() }.number();
    let forgets = format!("update orders set state = replace(state, ',\"wish\":{wish}', '')");
    alter(&shop.service.store, &forgets).await;
    let state = &shop.rows("select state from orders").await[0];
    assert!(state.contains("refunds") && !state.contains("wish"), "{state}");
    let refund = OutRefundNo::new(entry.key.strip_prefix("refund-").unwrap()).unwrap();
    let RefundNews::Told { mut refunds, total } = told(&refund, Told::Success) else { panic!() };
    refunds[0].part = Fen::new(100).unwrap();
    news(&shop, entry, RefundNews::Told { refunds, total }).await;
    assert_eq!(shop.rows("select state from refund").await, ["done"]);
}

#[tokio::test]
async fn one_by_the_rule_that_an_older_database_has_lost_is_followed_by_one_with_a_new_number() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.ask_wechat(order_id.clone(), "wang").await.unwrap();
    let query = due(&shop).await.unwrap();
    shop.service.settle(query, Outcome::Payment(found(&number, T1, true))).await.unwrap();
    let lost = OutRefundNo::for_order(&order_id, 0).unwrap();
    for state in [Told::Processing, Told::Closed] {
        let entry = due(&shop).await.expect("it is asked about");
        news(&shop, entry, told(&lost, state)).await;
        shop.clock.advance(86_400);
    }
    let refunds = "select out_refund_no, asked_by, state from refund order by out_refund_no";
    let expected = [format!("{order_id}-R1 elsewhere closed"), format!("{order_id}-R2 rule asked")];
    assert_eq!(shop.rows(refunds).await, expected);
}

#[tokio::test]
async fn a_refund_that_failed_can_be_seen_to_when_its_order_was_archived() {
    for by in ["shop", "elsewhere"] {
        let mut shop = Shop::open().await;
        let (order_id, number) = open(&mut shop).await;
        shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
        assert!(asks(&shop, &order_id, "R-1").await.unwrap());
        let refund = shop.rows("select out_refund_no from refund").await;
        let refund = OutRefundNo::new(&refund[0]).unwrap();
        let failed = format!("update refund set state = 'failed', asked_by = '{by}'");
        for sql in [&*failed, "delete from outbox", "delete from attempt", "delete from orders"] {
            alter(&shop.service.store, sql).await;
        }
        let seen = shop.service.dismiss_refund((&refund, &mch_id()), "wang").await;
        assert!(matches!(seen, Ok(Decided::SeenTo)), "{by}: {seen:?}");
        assert_eq!(shop.rows("select state from refund").await, ["dismissed"], "{by}");
    }
}

/// The first number is over; gives the second one.
async fn number_over(shop: &Shop, order_id: &OrderId, first: &str) -> String {
    let version = shop.phase(order_id).await.1;
    let over = Entry {
        key: format!("query-{first}-{version}"),
        order_id: Some(order_id.clone()),
        effect: Effect::Query { attempt: 0 },
        tries: 1,
        since: shop.service.context.clock.now(),
    };
    let closed = Outcome::Event(Event::NumberOver { attempt: 0 });
    shop.service.settle(over, closed).await.unwrap();
    first.replace("-1", "-2")
}

#[tokio::test]
async fn an_operator_gives_back_the_payment_that_he_names_and_no_other_one() {
    let mut shop = Shop::open().await;
    let (order_id, first) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&first, T1, 100)).await.unwrap();
    let second = number_over(&shop, &order_id, &first).await;
    shop.service.notify(&shop.notice(&second, T2, 100)).await.unwrap();
    while let Some(entry) = due(&shop).await {
        let failed = RefundNews::Failed("the customer's account is void".to_owned());
        let is_refund = matches!(entry.effect, Effect::Refund { .. });
        let outcome = if is_refund { Outcome::Refund(failed) } else { Outcome::Unwanted };
        shop.service.settle(entry, outcome).await.unwrap();
    }
    assert_eq!(shop.rows("select state from refund").await, ["failed", "failed"]);
    let asks = async |payment: &str, refund_no: &str| {
        let payment = TransactionId::new(payment).unwrap();
        let new = NewRefund::new(refund_no, 100, "少一杯").unwrap();
        let by = RefundBy::Operator("wang", Some(&payment));
        shop.service.ask_refund(by, &order_id, &new).await
    };
    for is_first in [true, false] {
        let (begun, is_new) = asks(T2, "op-1").await.unwrap();
        assert_eq!((begun.transaction_id.as_str(), is_new), (T2, is_first));
    }
    let taken = asks(T1, "op-1").await;
    assert!(matches!(taken, Err(AskRefundError::RefundNoTaken)), "{taken:?}");
    assert_eq!(asks(T1, "op-2").await.unwrap().0.transaction_id.as_str(), T1);
    let strange = asks("4200009999202611230000000003", "op-3").await;
    let is_none = matches!(strange, Err(AskRefundError::Refused(RefundRefused::NotPaid)));
    assert!(is_none, "{strange:?}");
}

#[tokio::test]
async fn a_shops_number_is_one_refund_whichever_payment_it_was_of() {
    let mut shop = Shop::open().await;
    let (order_id, first) = open(&mut shop).await;
    // Too little was paid under the first number, the price under the second.
    shop.service.notify(&shop.notice(&first, T1, 100)).await.unwrap();
    let entry = due(&shop).await.unwrap();
    news(&shop, entry, RefundNews::Failed("the customer's account is void".to_owned())).await;
    assert!(asks(&shop, &order_id, "R-1").await.unwrap());
    let second = number_over(&shop, &order_id, &first).await;
    shop.service.notify(&shop.notice(&second, T2, PRICE)).await.unwrap();
    assert_eq!(shop.rows("select verdict from payment where total_fee_fen = 1800").await, ["ship"]);
    assert!(!asks(&shop, &order_id, "R-1").await.unwrap(), "it is the one of before");
    assert!(asks(&shop, &order_id, "R-2").await.unwrap());
}

/// Trying again would never help, so it must not be told as if it would.
#[tokio::test]
async fn one_of_an_app_that_is_not_configured_any_more_is_refused_by_name() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open(&mut shop).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let mut others = sellers(SignType::HmacSha256);
    for seller in &mut others.sellers {
        seller.merchant.app_id = AppId::new("wx5a0mademeup0002").unwrap();
    }
    let shop = shop.crash_into(others).await;
    let refused = asks(&shop, &order_id, "R-1").await;
    assert!(matches!(refused, Err(AskRefundError::NotConfigured)), "{refused:?}");
    assert_eq!(shop.rows("select count(*) from refund").await, ["0"]);
    // Whoever starts, or looks at the configuration, is told of the order.
    let found = under_way(&mut shop.service.store.reader().await.unwrap()).await.unwrap();
    let merchant = merchant(SignType::HmacSha256);
    let (mch_id, app_id) = (merchant.mch_id.to_string(), merchant.app_id.to_string());
    assert_eq!(found, [UnderWay { mch_id, app_id, count: 1 }]);
    let shop = shop.crash().await;
    assert!(asks(&shop, &order_id, "R-1").await.unwrap());
}
