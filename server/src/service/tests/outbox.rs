//! What is to be done outside.

use super::*;

#[tokio::test]
async fn what_was_interrupted_is_taken_up_after_a_crash() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let claimed = claim(&shop).await.unwrap();
    assert_eq!(claimed.key, format!("ship-{order_id}"));
    let shop = shop.crash().await;
    let again = claim(&shop).await.unwrap();
    assert_eq!((&again.key, again.tries), (&claimed.key, 2));
    shop.service.settle(again.clone(), Outcome::Event(Event::Shipped)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "shipped");
    assert!(claim(&shop).await.is_none());
}

#[tokio::test]
async fn a_crash_before_the_first_send_loses_no_order() {
    let shop = Shop::open().await;
    let (_, number) = shop.order("A-1").await;
    let shop = shop.crash().await;
    let entry = claim(&shop).await.unwrap();
    assert_eq!(entry.key, format!("place-{number}"));
    assert!(matches!(shop.service.job(&entry).await.unwrap(), Some(Job::Place(_))));
}

#[tokio::test]
async fn a_lease_keeps_others_off_until_it_runs_out() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let first = claim(&shop).await.unwrap();
    shop.clock.advance(59);
    assert!(claim(&shop).await.is_none());
    shop.clock.advance(1);
    let second = claim(&shop).await.unwrap();
    assert_eq!(second.key, first.key);
    // The first one, believed dead, comes back without success: the second has the word.
    let failed = Outcome::Again { event: None, why: "too late".to_owned() };
    shop.service.settle(first.clone(), failed).await.unwrap();
    let leased = "select state, last_error from outbox where kind = 'ship'";
    assert_eq!(shop.rows(leased).await, ["leased -"]);
    // Or with success: a fact is a fact, whoever brings it.
    shop.service.settle(first.clone(), Outcome::Event(Event::Shipped)).await.unwrap();
    shop.service.settle(second.clone(), Outcome::Event(Event::Shipped)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "shipped");
}

#[tokio::test]
async fn a_shop_that_hangs_holds_nothing_up_at_wechat() {
    let mut shop = Shop::open().await;
    let (_, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let (_, other) = shop.order("A-2").await;
    let shop = shop.crash().await;
    let place = claim_of(&shop, Lane::Gateway).await.unwrap();
    assert_eq!(place.key, format!("place-{other}"));
    assert!(claim_of(&shop, Lane::Gateway).await.is_none());
    assert!(claim_of(&shop, Lane::Shop).await.is_some());
}

#[tokio::test]
async fn goods_do_not_wait_for_an_answer_of_wechat() {
    let shop = Shop::open().await;
    let (order_id, number) = shop.order("A-1").await;
    let placing = shop.rows("select state from outbox").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    assert_eq!(placing, ["leased"]);
    let ship = claim_of(&shop, Lane::Shop).await.unwrap();
    assert_eq!(ship.key, format!("ship-{order_id}"));
}

#[tokio::test]
async fn tries_pause_longer_and_longer() {
    let mut shop = Shop::open().await;
    let (_, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    for pause in [1, 2, 4, 8] {
        let entry = claim(&shop).await.unwrap();
        let failed = Outcome::Again { event: None, why: "status 500".to_owned() };
        shop.service.settle(entry.clone(), failed).await.unwrap();
        shop.clock.advance(pause - 1);
        assert!(claim(&shop).await.is_none(), "{pause}");
        shop.clock.advance(1);
    }
    let row = "select state, tries, last_error from outbox where kind = 'ship'";
    assert_eq!(shop.rows(row).await, ["pending 4 status 500"]);
}

#[tokio::test]
async fn what_was_not_begun_has_lost_no_try_however_often() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let failed = Outcome::Again { event: None, why: "status 500".to_owned() };
    let first = claim(&shop).await.unwrap();
    shop.service.settle(first, failed.clone()).await.unwrap();
    shop.clock.advance(1);
    for _ in 0..450 {
        let entry = claim(&shop).await.expect("it is never given up");
        assert_eq!(entry.tries, 2);
        let waits = Outcome::NotBegun { in_s: 3, why: "the shop is slow".to_owned() };
        shop.service.settle(entry, waits).await.unwrap();
        shop.clock.advance(2);
        assert!(claim(&shop).await.is_none(), "nor looked for before its time");
        shop.clock.advance(1);
    }
    let row = "select state, tries, last_error from outbox where kind = 'ship'";
    assert_eq!(shop.rows(row).await, ["pending 1 the shop is slow"]);
    let entry = claim(&shop).await.unwrap();
    shop.service.settle(entry, failed).await.unwrap();
    shop.clock.advance(2);
    let entry = claim(&shop).await.expect("the second pause is two seconds");
    shop.service.settle(entry, Outcome::Event(Event::Shipped)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "shipped");
}

#[tokio::test]
async fn a_shop_that_refuses_for_three_days_has_a_dead_letter_until_a_person_retries() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let mut waited = 0;
    let failed = || Outcome::Again { event: None, why: "status 500".to_owned() };
    let state = "select state, last_error from outbox where kind = 'ship'";
    while let Some(entry) = claim(&shop).await {
        shop.service.settle(entry, failed()).await.unwrap();
        shop.clock.advance(600);
        waited += 600;
        assert!(waited < 4 * 86_400, "never given up");
    }
    assert!(waited > 3 * 86_400, "{waited}");
    assert_eq!(shop.rows(state).await, ["dead status 500"]);
    shop.clock.advance(86_400);
    assert!(claim(&shop).await.is_none());
    let key = format!("ship-{order_id}");
    for outcome in [failed(), Outcome::Event(Event::Shipped)] {
        assert!(shop.service.retry(Some(order_id.clone()), key.clone(), "wang").await.unwrap());
        let entry = claim(&shop).await.unwrap();
        shop.service.settle(entry, outcome).await.unwrap();
    }
    assert_eq!(shop.phase(&order_id).await.0, "shipped");
}

#[tokio::test]
async fn nobody_works_twice_on_one_order_at_a_time() {
    let mut shop = Shop::open().await;
    open_order(&mut shop, "A-1").await;
    shop.clock.advance(900);
    shop.service.tick_due().await.unwrap();
    let pending = "select kind from outbox where state = 'pending' order by kind";
    assert_eq!(shop.rows(pending).await, ["close", "query"]);
    let first = claim(&shop).await.unwrap();
    assert!(claim(&shop).await.is_none(), "the other waits");
    shop.service.settle(first.clone(), Outcome::Unwanted).await.unwrap();
    assert!(claim(&shop).await.is_some());
}

#[tokio::test]
async fn a_number_that_is_over_is_followed_by_the_next_with_its_own_request() {
    let mut shop = Shop::open().await;
    let (order_id, _) = shop.order("A-1").await;
    let entry = shop.at_once.try_recv().unwrap();
    let over = Outcome::Event(Event::NumberOver { attempt: 0 });
    shop.service.settle(entry.clone(), over).await.unwrap();
    let second = OutTradeNo::new(&format!("{order_id}-2")).unwrap();
    let mut reader = shop.service.store.reader().await.unwrap();
    let attempt = AttemptRow::get(&mut reader, &second).await.unwrap().unwrap();
    assert!(attempt.request.contains(&format!("<out_trade_no>{second}</out_trade_no>")));
    drop(reader);
    let entry = claim(&shop).await.unwrap();
    assert_eq!(entry.key, format!("place-{second}"));
    let notice = shop.notice(second.as_str(), T1, PRICE);
    shop.service.notify(&notice).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "paid");
}

/// What of a payment a query tells.
fn found(shop: &Shop, number: &str) -> saoma_core::api::Payment {
    saoma_core::api::Payment {
        out_trade_no: OutTradeNo::new(number).unwrap(),
        transaction_id: T1.parse().unwrap(),
        total_fee: Fen::new(PRICE).unwrap(),
        currency: saoma_core::api::Currency::CNY,
        paid_at: shop.service.context.clock.now(),
        refunded: false,
    }
}

#[tokio::test]
async fn a_number_that_was_used_is_asked_about_and_has_no_next_one_when_it_is_paid() {
    let mut shop = Shop::open().await;
    let (order_id, number) = shop.order("A-1").await;
    let placing = shop.at_once.try_recv().unwrap();
    let used = Outcome::Event(Event::NumberUsed { attempt: 0 });
    shop.service.settle(placing, used).await.unwrap();
    let asked = claim(&shop).await.unwrap();
    assert!(asked.key.starts_with(&format!("query-{number}-")), "{}", asked.key);
    let payment = found(&shop, &number);
    shop.service.settle(asked, Outcome::Payment(payment)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "paid");
    assert_eq!(shop.rows("select out_trade_no from attempt").await, [number]);
}

#[tokio::test]
async fn a_number_that_was_used_and_is_not_paid_is_closed_before_the_next_is_placed() {
    let mut shop = Shop::open().await;
    let (order_id, number) = shop.order("A-1").await;
    let placing = shop.at_once.try_recv().unwrap();
    let used = Outcome::Event(Event::NumberUsed { attempt: 0 });
    shop.service.settle(placing, used).await.unwrap();
    shop.clock.advance(300);
    let not_paid = |_: &Effect| Outcome::Event(Event::NotPaid { attempt: 0 });
    perform(&shop, not_paid).await;
    shop.clock.advance(1);
    shop.service.tick_due().await.unwrap();
    let done = perform(&shop, |effect| match effect {
        Effect::Close { attempt: 0 } => Outcome::Event(Event::CloseConfirmed { attempt: 0 }),
        Effect::Place { attempt: 1 } => {
            let code_url = "weixin://wxpay/bizpayurl?pr=2".try_into().unwrap();
            Outcome::Event(Event::Placed { attempt: 1, code_url })
        }
        effect => not_paid(effect),
    })
    .await;
    let closed = format!("close-{number}-");
    let closed = done.iter().position(|key| key.starts_with(&closed)).unwrap();
    let placed = done.iter().position(|key| *key == format!("place-{order_id}-2")).unwrap();
    assert!(closed < placed, "{done:?}");
    assert_eq!(shop.phase(&order_id).await.0, "open");
}

#[tokio::test]
async fn a_paid_order_is_not_placed_any_more() {
    let mut shop = Shop::open().await;
    let (order_id, number) = shop.order("A-1").await;
    let entry = shop.at_once.try_recv().unwrap();
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    assert!(shop.service.job(&entry).await.unwrap().is_none());
    shop.service.settle(entry.clone(), Outcome::Unwanted).await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "paid");
}

#[tokio::test]
async fn a_payment_found_by_query_is_the_payment_of_the_notification() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.clock.advance(5);
    shop.service.tick_due().await.unwrap();
    let payment = found(&shop, &number);
    let done = perform(&shop, |effect| match effect {
        Effect::Query { .. } => Outcome::Payment(payment.clone()),
        _ => Outcome::Event(Event::Shipped),
    })
    .await;
    assert_eq!(done.len(), 2, "{done:?}");
    assert_eq!(shop.phase(&order_id).await.0, "shipped");
    let before = shop.phase(&order_id).await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    assert_eq!(shop.phase(&order_id).await, before);
    assert_eq!(shop.rows("select outcome from message").await, ["repeated"]);
}

#[tokio::test]
async fn an_answer_with_a_payment_of_another_number_is_no_answer() {
    let mut shop = Shop::open().await;
    let (_, number) = open_order(&mut shop, "A-1").await;
    let (other_id, other) = open_order(&mut shop, "A-2").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    perform(&shop, |_| Outcome::Event(Event::Shipped)).await;
    shop.clock.advance(5);
    shop.service.tick_due().await.unwrap();
    let entry = claim(&shop).await.unwrap();
    assert_eq!(entry.order_id.as_ref(), Some(&other_id));
    let payment = found(&shop, &other);
    shop.service.settle(entry.clone(), Outcome::Payment(payment)).await.unwrap();
    assert_eq!(shop.rows("select kind from anomaly").await, ["conflict"]);
    let query = "select state, tries from outbox where state = 'pending'";
    assert_eq!(shop.rows(query).await, ["pending 1"]);
    assert_eq!(shop.phase(&other_id).await.0, "open");
}
