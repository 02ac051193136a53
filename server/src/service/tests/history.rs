//! What an order remembers.

use super::*;
use crate::store::HistoryRow;

#[tokio::test]
async fn an_order_remembers_every_event_with_what_followed() {
    let mut shop = Shop::open().await;
    let (order_id, number) = open_order(&mut shop, "A-1").await;
    let notice = shop.notice(&number, T1, PRICE);
    shop.service.notify(&notice).await.unwrap();
    shop.service.notify(&notice).await.unwrap();
    let mut reader = shop.service.store.reader().await.unwrap();
    let history = HistoryRow::of(&mut reader, &order_id).await.unwrap();
    let names: Vec<_> = history.iter().map(|row| (&*row.kind, &*row.name)).collect();
    assert_eq!(names, [("event", "placed"), ("event", "paid")]);
    let paid: serde_json::Value = serde_json::from_str(&history[1].text).unwrap();
    assert_eq!(paid["event"]["paid"]["payment"]["transaction_id"], T1);
    assert_eq!(paid["effects"][0]["ship"]["transaction_id"], T1);
    assert_eq!((&paid["phase"], &paid["version"]), (&"paid".into(), &3.into()));
}
