//! Server against sandbox: a payment is settled exactly once, whatever happens on the way.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_core::api::{ACK_FAIL, ACK_SUCCESS};
use saoma_core::sign::SignType;
use saoma_sandbox::{Coupon, CouponKind, Target, Tender};
use world::{KEY, World, notice};

const HMAC: SignType = SignType::HmacSha256;

fn unnotified() -> Tender {
    Tender { notify: false, ..Tender::default() }
}

fn forced() -> Tender {
    Tender { force: true, ..Tender::default() }
}

#[tokio::test]
async fn a_paid_order_is_shipped_once_however_often_it_is_notified() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    let transaction = world.pay(&order);
    let view = world.until(&order.id, "shipped").await;
    assert!(view["code_url"].is_null());
    world.sandbox.send_again(&Target::of_number(&order.number), 16).unwrap();
    world.stays(&order.id, "shipped").await;

    let calls = world.shop.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0]["order_no"], "A-1");
    assert_eq!(calls[0]["amount_fen"], 1800);
    assert_eq!(calls[0]["transaction_id"], transaction);
    assert_eq!(calls[0]["ship_id"], format!("ship-{}", order.id));
    assert!(world.anomalies().await.is_empty());
    let paid = world.sandbox.order(&order.number).unwrap().payments.remove(0);
    let notice = paid.notification;
    assert_eq!(notice.state, "acknowledged", "{notice:?}");
}

#[tokio::test]
async fn both_algorithms_settle() {
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        let world = World::with(sign_type, "").await;
        let order = world.order("A-1").await;
        world.pay(&order);
        world.until(&order.id, "shipped").await;
    }
}

#[tokio::test]
async fn coupons_are_part_of_the_amount() {
    let world = World::start().await;
    let coupons = |count: u64| -> Vec<Coupon> {
        let id = |n| format!("200000000027662{n:04}");
        let kind = Some(CouponKind::Cash);
        (0..count).map(|n| Coupon { id: id(n), fee_fen: 50, kind }).collect()
    };
    for (order_no, count, notify) in [("A-1", 1, true), ("A-2", 20, true), ("A-3", 20, false)] {
        let order = world.order(order_no).await;
        let coupons = coupons(count);
        world.pay_as(&order, Tender { coupons, notify, ..Tender::default() });
        // The last one is told by the answer to a query.
        world.advance(5);
        world.until(&order.id, "shipped").await;
    }
    assert!(world.anomalies().await.is_empty());
}

#[tokio::test]
async fn a_notification_that_is_not_wechats_changes_nothing() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    let number = order.number.as_str();
    let good = notice(number, KEY, HMAC, &[]);
    let other_key = "CanaryMerchantKey000000000000043";
    for (what, xml) in [
        ("signed with another key", notice(number, other_key, HMAC, &[])),
        ("signed with the other algorithm", notice(number, KEY, SignType::Md5, &[])),
        ("for another merchant", notice(number, KEY, HMAC, &[("mch_id", "1900000108")])),
        ("for another app", notice(number, KEY, HMAC, &[("appid", "wx0000000000000000")])),
        ("not a success", notice(number, KEY, HMAC, &[("result_code", "FAIL")])),
        ("a field of the wrong form", notice(number, KEY, HMAC, &[("total_fee", "18.00")])),
        ("changed after signing", good.replace("<total_fee>1800<", "<total_fee>1801<")),
        ("without its signature", good.replace("sign>", "sing>")),
        ("a field twice", good.replace("<xml>", "<xml><total_fee>1800</total_fee>")),
        ("with a document type", format!("<!DOCTYPE xml>{good}")),
        ("not XML", "{\"return_code\":\"SUCCESS\"}".into()),
        ("empty", String::new()),
        ("too long", format!("{good}{}", " ".repeat(16 * 1024))),
    ] {
        assert_eq!(world.notify(xml).await, ACK_FAIL, "{what}");
    }
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1;
        assert_eq!(world.notify(bytes).await, ACK_FAIL, "byte {at} altered");
    }
    world.stays(&order.id, "open").await;
    assert!(world.shop.calls().is_empty() && world.anomalies().await.is_empty());

    assert_eq!(world.notify(good).await, ACK_SUCCESS);
    world.until(&order.id, "shipped").await;
}

#[tokio::test]
async fn another_amount_is_recorded_and_does_not_ship() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    let transaction =
        world.pay_as(&order, Tender { total_fen: Some(1), force: true, ..Tender::default() });
    let view = world.until(&order.id, "refunding").await;
    assert!(view["code_url"].is_null());
    let anomalies = world.anomalies().await;
    assert_eq!(anomalies.len(), 1, "{anomalies:?}");
    assert_eq!(anomalies[0]["kind"], "amount_mismatch");
    assert_eq!(anomalies[0]["order_no"], "A-1");
    assert_eq!(anomalies[0]["transaction_id"], transaction);
    assert_eq!(
        (&anomalies[0]["expected_fen"], &anomalies[0]["paid_fen"]),
        (&1800.into(), &1.into())
    );
    assert_eq!(anomalies[0]["refund"], "due");
    assert!(world.shop.calls().is_empty());
}

#[tokio::test]
async fn a_lost_notification_is_made_up_for_by_a_query() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    world.pay_as(&order, unnotified());
    world.stays(&order.id, "open").await;
    world.advance(5);
    world.until(&order.id, "shipped").await;
    assert_eq!(world.shop.calls().len(), 1);
    world.sandbox.send_again(&Target::of_number(&order.number), 1).unwrap();
    world.stays(&order.id, "shipped").await;
    assert_eq!(world.shop.calls().len(), 1);
}

#[tokio::test]
async fn a_cancelled_order_is_closed_at_wechat_after_five_minutes() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    let (status, view) = world.cancel(&order.id).await;
    assert_eq!((status, &view["phase"]), (200, &"closing".into()));
    assert!(view["code_url"].is_null());
    world.advance(299);
    world.stays(&order.id, "closing").await;
    world.advance(1);
    world.until(&order.id, "cancelled").await;
    assert_eq!(world.sandbox.order(&order.number).unwrap().trade_state, "CLOSED");
    assert_eq!(world.cancel(&order.id).await.0, 200, "twice is the same as once");
}

#[tokio::test]
async fn a_payment_after_cancel_is_recorded_and_does_not_ship() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    world.cancel(&order.id).await;
    world.pay(&order);
    world.until(&order.id, "refunding").await;
    assert_eq!(world.anomalies().await[0]["kind"], "paid_after_cancel");
    assert!(world.shop.calls().is_empty());
}

#[tokio::test]
async fn an_order_that_nobody_pays_expires_and_a_later_payment_does_not_ship() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    world.advance(900);
    world.until(&order.id, "expired").await;
    world.pay_as(&order, forced());
    world.until(&order.id, "refunding").await;
    assert_eq!(world.anomalies().await[0]["kind"], "paid_after_close");
    assert!(world.shop.calls().is_empty());
}

#[tokio::test]
async fn a_payment_in_the_last_second_beats_the_close() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    world.advance(899);
    world.pay_as(&order, unnotified());
    world.advance(1);
    world.until(&order.id, "shipped").await;
    assert!(world.anomalies().await.is_empty());
}

#[tokio::test]
async fn a_paid_order_cannot_be_cancelled() {
    let world = World::start().await;
    let order = world.order("A-1").await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
    let (status, answer) = world.cancel(&order.id).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &"already_paid".into()));
}

#[tokio::test]
async fn a_payment_for_an_unknown_number_is_recorded_and_acknowledged() {
    let world = World::start().await;
    let xml = notice("SMNOBODY0001", KEY, HMAC, &[]);
    assert_eq!(world.notify(xml.clone()).await, ACK_SUCCESS);
    assert_eq!(world.notify(xml).await, ACK_SUCCESS);
    let anomalies = world.anomalies().await;
    assert_eq!(anomalies.len(), 1, "{anomalies:?}");
    assert_eq!(anomalies[0]["kind"], "unknown_order");
    assert!(anomalies[0]["order_id"].is_null());
    assert!(world.shop.calls().is_empty());
}

#[tokio::test]
async fn one_transaction_cannot_pay_two_orders() {
    let world = World::start().await;
    let (first, second) = (world.order("A-1").await, world.order("A-2").await);
    assert_eq!(world.notify(notice(&first.number, KEY, HMAC, &[])).await, ACK_SUCCESS);
    world.until(&first.id, "shipped").await;
    assert_eq!(world.notify(notice(&second.number, KEY, HMAC, &[])).await, ACK_SUCCESS);
    world.stays(&second.id, "open").await;
    assert_eq!(world.anomalies().await[0]["kind"], "conflict");
    assert_eq!(world.shop.calls().len(), 1);
}

#[tokio::test]
async fn the_standby_host_is_called_when_the_main_one_is_gone() {
    let nobody = saoma_tests::free_port().unwrap();
    let world = World::with(HMAC, &format!("http://127.0.0.1:{nobody}")).await;
    let order = world.order("A-1").await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
}

#[tokio::test]
async fn a_shop_that_fails_is_told_again_with_the_same_key() {
    let world = World::start().await;
    world.shop.fail_next(2);
    let order = world.order("A-1").await;
    world.pay(&order);
    world.until(&order.id, "paid").await;
    while world.shop.calls().len() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        world.advance(1);
    }
    world.until(&order.id, "shipped").await;
    let ids: std::collections::BTreeSet<String> =
        world.shop.calls().iter().map(|call| call["ship_id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "one key for all tries");
}

#[tokio::test]
async fn a_crash_between_payment_and_notification_loses_nothing() {
    let mut world = World::start().await;
    let order = world.order("A-1").await;
    world.crash_server();
    world.pay(&order);
    world.sandbox.quiet().await;
    world.start_server().await;
    // The notification was lost; whether its repeat or our query comes first does not matter.
    world.advance(15);
    world.until(&order.id, "shipped").await;
    assert_eq!(world.shop.calls().len(), 1);
}
