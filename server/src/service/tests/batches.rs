//! Verbs that share a transaction.

use super::*;

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
