//! Giving orders up.

use super::*;

#[tokio::test]
async fn an_open_order_closes_and_a_second_time_changes_nothing() {
    let mut shop = Shop::open().await;
    let (order_id, _) = open_order(&mut shop, "A-1").await;
    let view = shop.service.cancel(&order_id).await.unwrap();
    assert_eq!((view.phase, view.code_url), (Phase::Closing, None));
    let before = shop.everything().await;
    let again = shop.service.cancel(&order_id).await.unwrap();
    assert_eq!(again.phase, Phase::Closing);
    assert_eq!(shop.everything().await, before);
}

#[tokio::test]
async fn a_paid_order_and_an_unknown_one_cannot_be_given_up() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.notify(&shop.notice(&number, T1, PRICE)).await.unwrap();
    let refused = shop.service.cancel(&order_id).await;
    assert!(matches!(refused, Err(CancelError::AlreadyPaid)), "{refused:?}");
    let stranger = OrderId::new("20261123192600XXXXXXXX").unwrap();
    let refused = shop.service.cancel(&stranger).await;
    assert!(matches!(refused, Err(CancelError::NotFound)), "{refused:?}");
}

#[tokio::test]
async fn wechat_is_asked_to_close_no_sooner_than_five_minutes_after_ordering() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    shop.service.cancel(&order_id).await.unwrap();
    shop.clock.advance(299);
    shop.service.tick_due().await.unwrap();
    let closes = "select key from outbox where kind = 'close'";
    assert_eq!(shop.rows(closes).await, [""; 0]);
    assert_eq!(
        shop.service.next_tick().await.unwrap().map(|at| at.get()),
        Some(crate::testing::START + 300)
    );
    shop.clock.advance(1);
    shop.service.tick_due().await.unwrap();
    let keys = shop.rows(closes).await;
    assert!(keys.len() == 1 && keys[0].starts_with(&format!("close-{number}-")), "{keys:?}");
}
