//! Verbs that share a transaction.

use super::*;
use crate::keys::Holder;
use crate::store::{Fetch, FetchRow, StoreError};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn verbs_that_wait_together_are_committed_together_and_see_one_another() {
    let mut shop = Shop::open().await;
    let mut orders = Vec::new();
    for n in 0..20 {
        orders.push(open_order(&mut shop, &format!("A-{n}")).await);
    }
    let service = &shop.service;
    let calls = orders.iter().enumerate().flat_map(|(n, (_, number))| {
        let transaction = format!("42000099992026112300000000{n:02}");
        let first = shop.notice(number, &transaction, PRICE);
        let fields = notice_fields(number, &transaction, "1800");
        let mut fields = fields;
        fields.push(("attach", "again"));
        let second = signed(&fields, KEY, SignType::HmacSha256);
        [first.clone(), first, second]
    });
    let calls: Vec<Vec<u8>> = calls.collect();
    let answers = calls.iter().map(|body| service.notify(body));
    for answer in futures_util::future::join_all(answers).await {
        answer.unwrap();
    }
    let count = "select count(*) from outbox where kind = 'ship'";
    assert_eq!(shop.rows(count).await, ["20"]);
    let outcomes = "select outcome, count(*) from message group by outcome order by 1";
    assert_eq!(shop.rows(outcomes).await, ["repeated 20", "ship 20"]);
}

#[tokio::test]
async fn one_that_fails_takes_nobody_with_it() {
    let shop = Shop::open().await;
    let (order_id, _) = shop.order("A-1").await;
    let nobody = OrderId::new("20261123192600NOBODY00").unwrap();
    let (new, only) = (new_order("A-2", PRICE), only_shop());
    let (taken, none, made) = tokio::join!(
        shop.service.cancel(&order_id),
        shop.service.cancel(&nobody),
        shop.service.create(&only, &new),
    );
    assert!(matches!(none, Err(CancelError::NotFound)));
    assert_eq!(taken.unwrap().phase, Phase::Closing);
    assert!(made.unwrap().is_new);
}

/// An order whose goods a till has claimed and not confirmed in time.
async fn claimed_too_long_ago(shop: &mut Shop) -> (OrderId, Holder) {
    let till = Holder { shop: "shop".into(), device: Some("till".into()) };
    let new = new_order("A-1", PRICE).by(Some("till"));
    let order_id = shop.service.create(&only_shop(), &new).await.unwrap().order_id;
    let entry = shop.at_once.try_recv().unwrap();
    shop.service.settle(entry, placed()).await.unwrap();
    let paid = shop.notice(&format!("{order_id}-1"), T1, PRICE);
    shop.service.notify(&paid).await.unwrap();
    shop.service.dispense(&order_id, &till).await.unwrap();
    shop.clock.advance(600);
    (order_id, till)
}

#[tokio::test]
async fn goods_that_are_confirmed_at_the_last_moment_are_out() {
    for is_late_first in [true, false] {
        let mut shop = Shop::open().await;
        let (order_id, till) = claimed_too_long_ago(&mut shop).await;

        // Both writers are kept busy meanwhile, so that both verbs are in one batch.
        let (service, only) = (&shop.service, only_shop());
        let busy = service.store.begin().await.unwrap();
        let moment = Duration::from_millis(50);
        let others = ["B-1", "B-2"].map(|order_no| new_order(order_no, PRICE));
        let others = others.each_ref().map(|new| service.create(&only, new));
        let confirm = async { drop(service.confirm(&order_id, &till).await.unwrap()) };
        let late = async { service.tell_of_late_goods().await.unwrap() };
        let both = async {
            sleep(moment).await;
            match is_late_first {
                true => tokio::join!(late, async {
                    sleep(moment).await;
                    confirm.await
                }),
                false => tokio::join!(late, confirm),
            }
        };
        let free = async {
            sleep(4 * moment).await;
            busy.commit().await.unwrap();
        };
        tokio::join!(futures_util::future::join_all(others), both, free);
        assert_eq!(shop.phase(&order_id).await.0, "shipped");
        assert_eq!(shop.rows("select state from outbox where kind = 'ship'").await, ["done"]);
    }
}

#[tokio::test]
async fn that_goods_wait_is_not_told_once_they_are_confirmed() {
    let mut shop = Shop::open().await;
    let (order_id, till) = claimed_too_long_ago(&mut shop).await;
    let store = &shop.service.store;
    // Another server has read this before.
    let read = FetchRow::get(&mut store.reader().await.unwrap(), &order_id).await;
    let read = read.unwrap().unwrap();
    shop.service.confirm(&order_id, &till).await.unwrap();
    let late = FetchRow { fetch: Fetch::Unconfirmed, ..read.clone() };
    let mut tx = store.begin().await.unwrap();
    let now = shop.service.context.clock.now();
    let told = FetchRow::update_all(&mut tx, &[(late, read.fetch)], now).await;
    // So its anomaly is not committed either, which nobody would end any more.
    assert!(matches!(told, Err(StoreError::Stale)), "{told:?}");
    drop(tx);
    shop.service.tell_of_late_goods().await.unwrap();
    assert_eq!(shop.rows("select kind from anomaly").await, [""; 0]);
}

#[tokio::test]
async fn a_column_that_is_added_beside_us_fails_no_verb() {
    let shop = Shop::open_on_postgres().await;
    let (order_id, _) = shop.order("A-1").await;
    // Until each connection has the statements prepared.
    for _ in 0..20 {
        shop.service.cancel(&order_id).await.unwrap();
    }
    alter(&shop.service.store, "alter table orders add column more text").await;
    for _ in 0..20 {
        shop.service.cancel(&order_id).await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_whose_commit_fails_is_not_run_again_by_itself() {
    let shop = Shop::open_on_postgres().await;
    for sql in [
        "create sequence commits",
        "create function fail_once() returns trigger language plpgsql as $$ begin
         if nextval('commits') = 1 then raise exception 'no'; end if; return null; end $$",
        "create constraint trigger fail_once after insert on order_number
         deferrable initially deferred for each row execute function fail_once()",
    ] {
        alter(&shop.service.store, sql).await;
    }
    let only = only_shop();
    let [first, second] = ["A-1", "A-2"].map(|order_no| new_order(order_no, PRICE));
    let both = async || {
        let made = [&first, &second].map(|new| shop.service.create(&only, new));
        futures_util::future::join_all(made).await
    };
    // They wait at the same moment, so they are one batch.
    for made in both().await {
        assert!(matches!(made, Err(CreateError::Store(_))), "nobody knows whether it is there");
    }
    assert_eq!(shop.rows("select order_no from orders").await, [""; 0]);
    for made in both().await {
        assert!(made.unwrap().is_new);
    }
}
