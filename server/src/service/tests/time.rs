//! What time does to orders.

use super::*;

#[tokio::test]
async fn an_order_asks_for_lost_payments_and_ends_by_itself() {
    let mut shop = Shop::open().await;
    let (order_id, _) = open_order(&mut shop, "A-1").await;
    let mut asked = Vec::new();
    for second in 1..=1_000 {
        shop.clock.advance(1);
        while shop.service.tick_due().await.unwrap() > 0 {}
        let done = perform(&shop, |effect| match effect {
            Effect::Query { attempt } => Outcome::Event(Event::NotPaid { attempt: *attempt }),
            Effect::Close { attempt } => {
                Outcome::Event(Event::CloseConfirmed { attempt: *attempt })
            }
            other => panic!("{other:?}"),
        })
        .await;
        let kinds = done.iter().map(|key| key.split('-').next().unwrap_or("").to_owned());
        asked.extend(kinds.map(|kind| (second, kind)));
    }
    let asked: Vec<_> = asked.iter().map(|(second, kind)| (*second, kind.as_str())).collect();
    let queries = [5, 30, 60, 180, 300, 600].map(|second| (second, "query"));
    assert_eq!(asked[..6], queries);
    assert_eq!(asked[6..], [(900, "close"), (900, "query")]);
    assert_eq!(shop.phase(&order_id).await.0, "expired");
    assert_eq!(shop.service.next_tick().await.unwrap(), None);
}

#[tokio::test]
async fn a_yes_that_is_older_than_its_payment_by_another_clock_took_no_time() {
    let mut shop = Shop::open().await;
    crate::archive::tests::at_rest(&mut shop, "A-1", "4200009999202611230000000001").await;
    let behind = "update outbox set updated_at = created_at - 1 where kind = 'ship'";
    alter(&shop.service.store, behind).await;
    let mut reader = shop.service.store.reader().await.unwrap();
    assert_eq!(crate::store::figures::ship_delays_s(&mut reader, "9").await.unwrap(), [0]);
}

#[tokio::test]
async fn somebody_who_watches_late_has_wechat_asked() {
    let mut shop = Shop::open().await;
    let (order_id, _) = open_order(&mut shop, "A-1").await;
    shop.clock.advance(70);
    shop.service.tick_due().await.unwrap();
    let answer = |_: &Effect| Outcome::Event(Event::NotPaid { attempt: 0 });
    assert_eq!(perform(&shop, answer).await.len(), 1);
    shop.clock.advance(119);
    // An order that is not due: only the watcher asks.
    alter(&shop.service.store, "update orders set due_at = null").await;
    shop.service.view(&order_id).await.unwrap();
    assert!(perform(&shop, answer).await.is_empty());
    shop.clock.advance(1);
    shop.service.view(&order_id).await.unwrap();
    shop.service.view(&order_id).await.unwrap();
    assert_eq!(perform(&shop, answer).await.len(), 1);
}

#[tokio::test]
async fn a_new_code_that_wechat_refuses_is_asked_for_again() {
    let mut shop = Shop::open().await;
    let new = NewOrder::new("A-1", PRICE, "Saoma Cafe - Latte", 20_000).unwrap();
    shop.service.create(&only_shop(), &new).await.unwrap();
    let entry = shop.at_once.try_recv().unwrap();
    shop.service.settle(entry, placed()).await.unwrap();
    shop.clock.advance(6_900);
    while shop.service.tick_due().await.unwrap() > 0 {}
    for _ in 0..2 {
        let done = perform(&shop, |effect| match effect {
            Effect::Renew { attempt } => {
                Outcome::Event(Event::PlaceImpossible { attempt: *attempt })
            }
            Effect::Query { attempt } => Outcome::Event(Event::NotPaid { attempt: *attempt }),
            other => panic!("{other:?}"),
        });
        let renewed = done.await.iter().filter(|key| key.starts_with("renew-")).count();
        assert_eq!(renewed, 1);
        shop.clock.advance(600);
    }
}

#[tokio::test]
async fn somebody_who_watches_does_not_keep_time_from_its_work() {
    let mut shop = Shop::open().await;
    let (order_id, _) = open_order(&mut shop, "A-1").await;
    shop.clock.advance(900);
    shop.service.view(&order_id).await.unwrap();
    shop.service.tick_due().await.unwrap();
    assert_eq!(shop.phase(&order_id).await.0, "closing");
}

#[tokio::test]
async fn time_that_changes_nothing_does_not_come_up_again_at_once() {
    let mut shop = Shop::open().await;
    open_order(&mut shop, "A-1").await;
    alter(&shop.service.store, "update orders set due_at = 1").await;
    assert_eq!(shop.service.tick_due().await.unwrap(), 1);
    assert_eq!(shop.service.tick_due().await.unwrap(), 0);
    let next = shop.service.next_tick().await.unwrap().unwrap();
    assert_eq!(next, shop.service.context.clock.now().plus(5));
}
