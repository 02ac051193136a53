//! Keys of the database, what a device's key opens, and goods that are fetched.

use super::*;
use crate::{KeyKind, Keys};

impl Desk {
    /// A key that the running server knows by now.
    async fn key(&self, name: &str, kind: KeyKind) -> String {
        let keys = self.keys().await;
        let key = keys.add("shop", name, kind, &Random::System).await.unwrap();
        keys.close().await;
        self.wait_for_status(&key, 404).await;
        key
    }

    async fn keys(&self) -> Keys {
        Keys::open(&self.config, Clock::Manual(self.clock.clone())).await.unwrap()
    }

    /// Waits until a call with this key, for an order that does not exist, is answered so.
    async fn wait_for_status(&self, key: &str, status: u16) {
        let known = async {
            while self.post("/v1/orders/NO-SUCH-ORDER/dispense", key, "").await.0 != status {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, known).await.expect("the server reads its keys again");
    }

    async fn order_by(&self, key: &str, order_no: &str) -> Made {
        let body = json!({ "order_no": order_no, "amount_fen": PRICE, "description": "Cola" });
        let (status, answer) = self.post("/v1/orders", key, &body).await;
        assert_eq!(status, 201, "{answer}");
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let (id, token) = (text("order_id"), text("token"));
        Made { number: format!("{id}-1"), id, token }
    }

    async fn dispense(&self, key: &str, made: &Made) -> (u16, Value) {
        self.post(&format!("/v1/orders/{}/dispense", made.id), key, "").await
    }

    async fn shipped(&self, key: &str, made: &Made) -> (u16, Value) {
        self.post(&format!("/v1/orders/{}/shipped", made.id), key, "").await
    }

    async fn wait_for_anomaly(&self, kind: &str) -> Value {
        let found = async {
            loop {
                let (_, answer) = self.get("/v1/anomalies", SHOP_KEY).await;
                let anomalies = answer["anomalies"].as_array().unwrap().clone();
                if let Some(found) = anomalies.into_iter().find(|one| one["kind"] == kind) {
                    return found;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("never {kind}"))
    }
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_key_is_made_used_listed_and_taken_away() {
    let desk = Desk::start().await;
    let key = desk.key("office", KeyKind::Shop).await;
    assert!(key.starts_with("saoma-shop-") && key.len() == 43, "{key}");
    desk.order_by(&key, "A-1").await;
    assert_eq!(desk.get("/v1/anomalies", &key).await.0, 200);
    let keys = desk.keys().await;
    let used = async {
        while keys.list().await.unwrap()[0].last_used_at.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, used).await.expect("its use is written down");
    let taken = keys.add("shop", "office", KeyKind::Device, &Random::System).await.unwrap_err();
    assert!(taken.to_string().contains("has a key of that name"), "{taken}");
    for (shop, name, why) in [("other", "a", "no shop of that id"), ("shop", "a b", "1 to 32")] {
        let refused = keys.add(shop, name, KeyKind::Shop, &Random::System).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    keys.revoke("shop", "office").await.unwrap();
    desk.wait_for_status(&key, 401).await;
    assert!(keys.revoke("shop", "office").await.is_err(), "it is gone already");
    keys.add("shop", "office", KeyKind::Shop, &Random::System).await.unwrap();
    let listed = keys.list().await.unwrap();
    let good: Vec<bool> = listed.iter().map(|key| key.revoked_at.is_none()).collect();
    assert_eq!(good, [true, false]);
    let random = key.strip_prefix("saoma-shop-").unwrap();
    let file = std::fs::read(desk.folder.path().join("saoma.db")).unwrap();
    assert!(!file.windows(random.len()).any(|bytes| bytes == random.as_bytes()), "kept nowhere");
    keys.close().await;
    desk.server.stop().await;
}

#[tokio::test]
async fn a_device_sees_and_gives_up_what_it_has_made_and_nothing_else() {
    let desk = Desk::start().await;
    let (till, other) =
        (desk.key("till-1", KeyKind::Device).await, desk.key("till-2", KeyKind::Device).await);
    let (its, shops) = (desk.order_by(&till, "T-1").await, desk.order("A-1").await);
    for (made, key, status) in [
        (&its, till.as_str(), 200),
        (&its, SHOP_KEY, 200),
        (&its, other.as_str(), 404),
        (&shops, till.as_str(), 404),
        (&shops, SHOP_KEY, 200),
    ] {
        assert_eq!(desk.get(&format!("/v1/orders/{}", made.id), key).await.0, status);
    }
    let (status, answer) = desk.get("/v1/anomalies", &till).await;
    assert_eq!((status, code(&answer)), (403, "forbidden"));
    let body = json!({ "order_no": "T-1", "amount_fen": PRICE, "description": "Cola" });
    assert_eq!(desk.post("/v1/orders", &till, &body).await.0, 200, "a repetition");
    for key in [&other, SHOP_KEY] {
        let (status, answer) = desk.post("/v1/orders", key, &body).await;
        assert_eq!((status, code(&answer)), (409, "order_no_taken"), "it is another's order");
    }
    let cancel = |made: &Made| format!("/v1/orders/{}/cancel", made.id);
    assert_eq!(desk.post(&cancel(&shops), &till, "").await.0, 404);
    assert_eq!(desk.post(&cancel(&its), &till, "").await.0, 200);
    desk.server.stop().await;
}

#[tokio::test]
async fn a_devices_key_cannot_use_up_what_its_shop_may_do() {
    let desk = Desk::start().await;
    let till = desk.key("till-1", KeyKind::Device).await;
    let mut calls = 1;
    while desk.get("/v1/orders/NO-SUCH-ORDER", &till).await.0 == 404 {
        calls += 1;
    }
    assert_eq!(calls, 50, "with the one that has shown that the key is known");
    let (status, answer) = desk.get("/v1/orders/NO-SUCH-ORDER", &till).await;
    assert_eq!((status, code(&answer)), (429, "too_many"));
    for _ in 0..100 {
        assert_eq!(desk.get("/v1/orders/NO-SUCH-ORDER", SHOP_KEY).await.0, 404);
    }
    desk.server.stop().await;
}

#[tokio::test]
async fn a_device_claims_what_it_sold_once_and_confirms_it() {
    let desk = Desk::start().await;
    let (till, other) =
        (desk.key("till-1", KeyKind::Device).await, desk.key("till-2", KeyKind::Device).await);
    let made = desk.order_by(&till, "T-1").await;
    let (status, answer) = desk.dispense(&till, &made).await;
    assert_eq!((status, code(&answer)), (409, "not_paid"));
    let (status, answer) = desk.shipped(&till, &made).await;
    assert_eq!((status, code(&answer)), (409, "not_paid"));
    desk.pay(&made).await;
    let (status, answer) = desk.shipped(&till, &made).await;
    assert_eq!((status, code(&answer)), (409, "not_claimed"));
    assert_eq!(desk.dispense(&other, &made).await.0, 404);
    let (status, answer) = desk.dispense(SHOP_KEY, &made).await;
    assert_eq!((status, code(&answer)), (403, "forbidden"));
    assert_eq!(desk.dispense(&made.token, &made).await.0, 401, "a page is no device");
    let ship_id = format!("ship-{}", made.id);
    for again in [false, true, true] {
        let (status, answer) = desk.dispense(&till, &made).await;
        assert_eq!((status, &answer["ship_id"]), (200, &json!(ship_id)), "{answer}");
        assert_eq!((&answer["again"], &answer["view"]["phase"]), (&json!(again), &json!("paid")));
    }
    let desk = desk.crash().await;
    assert_eq!(desk.dispense(&till, &made).await.1["again"], true, "a claim is durable");
    for _ in 0..2 {
        let (status, view) = desk.shipped(&till, &made).await;
        assert_eq!((status, &view["phase"]), (200, &json!("shipped")));
    }
    let (status, answer) = desk.dispense(&till, &made).await;
    assert_eq!((status, &answer["again"]), (200, &json!(true)));
    desk.clock.advance(100_000);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(desk.get("/v1/anomalies", SHOP_KEY).await.1, json!({ "anomalies": [] }));
    assert!(desk.receiver.calls().is_empty(), "the shop's webhook is not told");
    desk.server.stop().await;
}

#[tokio::test]
async fn what_the_webhook_is_told_nobody_else_hands_over() {
    let desk = Desk::start().await;
    desk.receiver.answer(500);
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    desk.receiver.wait_for(1).await;
    let (status, answer) = desk.dispense(SHOP_KEY, &made).await;
    assert_eq!((status, code(&answer)), (403, "forbidden"));
    desk.receiver.answer(200);
    desk.clock.advance(10);
    desk.wait_for_phase(&made, "shipped").await;
    let (status, answer) = desk.dispense(SHOP_KEY, &made).await;
    assert_eq!((status, code(&answer)), (409, "shipped_otherwise"));
    desk.server.stop().await;
}

#[tokio::test]
async fn somebody_is_told_of_goods_that_are_not_fetched_or_not_confirmed_until_they_are_out() {
    let desk = Desk::start().await;
    let till = desk.key("till-1", KeyKind::Device).await;
    let made = desk.order_by(&till, "T-1").await;
    desk.pay(&made).await;
    desk.clock.advance(599);
    sleep(Duration::from_millis(50)).await;
    assert_eq!(desk.get("/v1/anomalies", SHOP_KEY).await.1, json!({ "anomalies": [] }));
    desk.clock.advance(1);
    let told = desk.wait_for_anomaly("not_fetched").await;
    assert_eq!((&told["order_no"], &told["refund"]), (&json!("T-1"), &json!("open")), "{told}");
    let (status, answer) = desk.dispense(&till, &made).await;
    assert_eq!((status, &answer["again"]), (200, &json!(false)), "late is not too late");
    desk.clock.advance(600);
    assert_eq!(desk.wait_for_anomaly("not_confirmed").await["refund"], "open");
    assert_eq!(desk.shipped(&till, &made).await.1["phase"], "shipped");
    for kind in ["not_fetched", "not_confirmed"] {
        assert_eq!(desk.wait_for_anomaly(kind).await["refund"], "done", "{kind}");
    }
    desk.server.stop().await;
}

#[tokio::test]
async fn a_shop_without_a_webhook_fetches_its_orders_itself() {
    let mut desk = Desk::start().await;
    desk.config.shops[0].webhook = None;
    let desk = desk.crash().await;
    let made = desk.order("A-1").await;
    desk.pay(&made).await;
    let till = desk.key("till-1", KeyKind::Device).await;
    assert_eq!(desk.dispense(&till, &made).await.0, 404, "it is not the device's order");
    assert_eq!(desk.dispense(SHOP_KEY, &made).await.1["again"], false);
    assert_eq!(desk.shipped(SHOP_KEY, &made).await.1["phase"], "shipped");
    desk.server.stop().await;
}

#[tokio::test]
async fn a_refund_waits_for_a_machine_and_a_machine_for_no_refund() {
    let desk = Desk::start().await;
    let till = desk.key("till-1", KeyKind::Device).await;
    let refund = |made: &Made| format!("/v1/orders/{}/refunds", made.id);
    let body = json!({ "refund_no": "R-1", "amount_fen": 1, "reason": "stuck" });
    let claimed = desk.order_by(&till, "T-1").await;
    desk.pay(&claimed).await;
    assert_eq!(desk.dispense(&till, &claimed).await.0, 200);
    let (status, answer) = desk.post(&refund(&claimed), SHOP_KEY, &body).await;
    assert_eq!((status, code(&answer)), (409, "dispensing"));
    let (status, answer) = desk.post(&refund(&claimed), &till, &body).await;
    assert_eq!((status, code(&answer)), (403, "forbidden"), "a device gives nothing back");
    assert_eq!(desk.shipped(&till, &claimed).await.0, 200);
    assert!(desk.post(&refund(&claimed), SHOP_KEY, &body).await.0 < 300, "what is out may go back");

    let waiting = desk.order_by(&till, "T-2").await;
    desk.pay_by(&waiting, "4200009999202611230000000002").await;
    assert!(desk.post(&refund(&waiting), SHOP_KEY, &body).await.0 < 300);
    for answer in [desk.dispense(&till, &waiting).await, desk.shipped(&till, &waiting).await] {
        assert_eq!((answer.0, code(&answer.1)), (409, "refund_started"));
    }
    desk.clock.advance(100_000);
    sleep(Duration::from_millis(100)).await;
    let (_, answer) = desk.get("/v1/anomalies", SHOP_KEY).await;
    assert_eq!(answer, json!({ "anomalies": [] }), "nobody waits for what goes back");
    desk.server.stop().await;
}
