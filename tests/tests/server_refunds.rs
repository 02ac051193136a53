//! Server against sandbox over TLS: whatever may not be kept goes back once, by itself; shops give
//! back what they want and never more than was paid; and the sandbox's own books agree.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "several servers are the matter of another test")]
mod world;

use saoma_core::sign::SignType;
use saoma_sandbox::gateway::{Call, NoticeKind};
use saoma_sandbox::{
    ConsoleRefund, Ending, FaultRule, Often, RefundEnd, RefundTarget, SettingsChange, Target,
    Tender,
};
use serde_json::{Value, json};
use world::{KEY, Order, World, notice};

const HMAC: SignType = SignType::HmacSha256;

/// Refunds of an order's first payment, in the sandbox's books: number, fen, status, source.
fn books(world: &World, order: &Order) -> Vec<(String, u64, &'static str)> {
    let payments = world.sandbox.order(&order.number).unwrap().payments;
    let refunds = payments.into_iter().flat_map(|payment| payment.refunds);
    refunds.map(|it| (it.out_refund_no, it.refund_fee, it.refund_status)).collect()
}

/// The sandbox spoils the next calls of this kind.
fn fault(world: &World, call: Call, word: &str, times: u32) {
    let rule = FaultRule::next(word.parse().unwrap()).of_call(call).often(Often::Next(times));
    world.sandbox.add_fault(rule).unwrap();
}

/// Waits, with time going by, until the customer sees this phase.
async fn until(world: &World, order: &Order, phase: &str) {
    world.pass(4_000, 10, async || world.view(&order.id).await["phase"] == phase).await;
}

/// Paid too late, and so to be given back.
async fn paid_after_cancel(world: &World, order_no: &str) -> Order {
    let order = world.order(order_no).await;
    assert_eq!(world.cancel(&order.id).await.0, 200);
    world.pay(&order);
    order
}

/// Gave the money back once, whole, and everybody knows.
async fn is_back_once(world: &World, order: &Order, kind: &str, fen: u64) {
    until(world, order, "refunded").await;
    world.sandbox.quiet().await;
    let expected = (format!("{}-R1", order.id), fen, "SUCCESS");
    assert_eq!(books(world, order), [expected]);
    let anomaly = world.anomalies().await.into_iter().find(|it| it["order_id"] == *order.id);
    let anomaly = anomaly.unwrap();
    assert_eq!((&anomaly["kind"], &anomaly["refund"]), (&json!(kind), &json!("done")));
    let refund = world.refunds(&order.id).await.remove(0);
    assert_eq!(
        (&refund["state"], &refund["asked_by"], &refund["amount_fen"], &refund["refund_no"]),
        (&json!("done"), &json!("rule"), &json!(fen), &Value::Null)
    );
    assert!(world.shop.calls().is_empty(), "nothing may be handed over");
}

#[tokio::test]
async fn what_is_paid_after_a_cancel_goes_back_by_itself() {
    let world = World::with_certificate("").await;
    let order = paid_after_cancel(&world, "A-1").await;
    is_back_once(&world, &order, "paid_after_cancel", 1800).await;
}

#[tokio::test]
async fn an_orders_history_holds_every_word_and_no_signature() {
    let world = World::with_certificate("").await;
    fault(&world, Call::Refund, "system_error_before", 1);
    let order = paid_after_cancel(&world, "A-1").await;
    until(&world, &order, "refunded").await;
    let history = world.history(&order.id).await;
    let of = |kind: &str, name: &str| -> Vec<&str> {
        let lines = history.iter().filter(|line| line.0 == kind && line.1 == name);
        lines.map(|line| &*line.2).collect()
    };
    assert!(of("sent", "pay/unifiedorder")[0].contains("<total_fee>1800</total_fee>"));
    assert!(of("received", "pay/unifiedorder")[0].contains("code_url"));
    let (sent, received) = (of("sent", "secapi/pay/refund"), of("received", "secapi/pay/refund"));
    assert_eq!((sent.len(), received.len()), (2, 2));
    assert!(sent[1].contains(&format!("<out_refund_no>{}-R1</out_refund_no>", order.id)));
    assert!(received[0].contains("SYSTEMERROR") && received[1].contains("refund_id"));
    assert!(of("received", "pay/refundquery").last().unwrap().contains("SUCCESS"));
    assert_eq!(of("event", "refund_ended").len(), 1);
    for (_, _, text) in &history {
        assert!(!text.contains(KEY), "{text}");
        assert!(!text.contains("<sign>") || text.contains("<sign>***</sign>"), "{text}");
    }
}

#[tokio::test]
async fn what_is_paid_after_the_end_goes_back_by_itself() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    world.pass(1_200, 30, async || world.view(&order.id).await["phase"] == "expired").await;
    world.pay_as(&order, Tender { force: true, ..Tender::default() });
    is_back_once(&world, &order, "paid_after_close", 1800).await;
}

#[tokio::test]
async fn a_wrong_amount_goes_back_by_itself() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    world.pay_as(&order, Tender { total_fen: Some(1799), force: true, ..Tender::default() });
    is_back_once(&world, &order, "amount_mismatch", 1799).await;
}

#[tokio::test]
async fn a_payment_for_a_number_that_nobody_knows_goes_back_by_itself() {
    let mut world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    // The server loses everything it knew, and the customer pays all the same.
    world.forget().await;
    let transaction = world.pay_as(&order, Tender { notify: false, ..Tender::default() });
    let told = notice(&order.number, KEY, HMAC, &[("transaction_id", &transaction)]);
    assert_eq!(world.notify(told).await, saoma_core::api::ACK_SUCCESS);
    let expected = (format!("T{transaction}-R1"), 1800, "SUCCESS");
    world.pass(600, 10, async || books(&world, &order).contains(&expected)).await;
    world.pass(600, 10, async || world.anomalies().await[0]["refund"] == "done").await;
    assert_eq!(world.anomalies().await[0]["kind"], "unknown_order");
    assert_eq!(books(&world, &order).len(), 1);
}

#[tokio::test]
async fn the_second_payment_of_an_order_goes_back_and_the_first_is_shipped_for() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    // The first number is over by WeChat's word, and its code is paid all the same, later.
    fault(&world, Call::OrderQuery, "query_closed", 1);
    let second = Order { id: order.id.clone(), number: format!("{}-2", order.id) };
    world.pass(60, 5, async || world.sandbox.order(&second.number).is_some()).await;
    world.until(&order.id, "open").await;
    world.pay(&second);
    world.until(&order.id, "shipped").await;
    let late = world.pay_as(&order, Tender { force: true, ..Tender::default() });
    world
        .pass(900, 10, async || {
            books(&world, &order).iter().any(|(_, fen, state)| (*fen, *state) == (1800, "SUCCESS"))
        })
        .await;
    assert!(books(&world, &second).is_empty(), "the kept payment stays");
    let anomaly = world.anomalies().await.remove(0);
    assert_eq!(anomaly["kind"], "paid_twice");
    assert_eq!(anomaly["transaction_id"], late);
    assert_eq!(world.view(&order.id).await["phase"], "shipped");
    assert_eq!(world.shop.calls().len(), 1);
}

#[tokio::test]
async fn whatever_becomes_of_the_calls_money_goes_back_once() {
    let faults = [
        "system_error_before",
        "system_error_after",
        "error; BIZERR_NEED_RETRY",
        "error; FREQUENCY_LIMITED",
        "error; ORDER_NOT_READY",
        "error; NOTENOUGH",
        "error; ERROR",
        "error; NOAUTH",
        "cut_before",
        "cut_after",
        "truncated",
        "html_page",
        "garbage",
        "http_error_before",
        "http_error_after",
    ];
    let world = World::with_certificate("").await;
    for (n, word) in faults.into_iter().enumerate() {
        world.sandbox.remove_faults();
        fault(&world, Call::Refund, word, 2);
        fault(&world, Call::RefundQuery, "cut_before", 1);
        let order = paid_after_cancel(&world, &format!("A-{n}")).await;
        until(&world, &order, "refunded").await;
        let expected = (format!("{}-R1", order.id), 1800, "SUCCESS");
        assert_eq!(books(&world, &order), [expected], "{word}");
    }
}

#[tokio::test]
async fn a_refund_that_wechat_closes_is_made_under_the_next_number() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    let first = format!("{}-R1", order.id);
    let target = RefundTarget::Number { mch_id: None, out_refund_no: first.clone() };
    let closed = Ending { end: RefundEnd::Closed, ..Ending::default() };
    world.sandbox.plan_refund(&target, closed).unwrap();
    world.cancel(&order.id).await;
    world.pay(&order);
    until(&world, &order, "refunded").await;
    let expected = [(first, 1800, "REFUNDCLOSE"), (format!("{}-R2", order.id), 1800, "SUCCESS")];
    assert_eq!(books(&world, &order), expected);
    let states: Vec<_> =
        world.refunds(&order.id).await.iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, ["closed", "done"]);
}

#[tokio::test]
async fn money_that_cannot_reach_the_customer_waits_for_a_person_who_pays_by_hand() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    let out_refund_no = format!("{}-R1", order.id);
    let target = RefundTarget::Number { mch_id: None, out_refund_no };
    let change = Ending { end: RefundEnd::Change, ..Ending::default() };
    world.sandbox.plan_refund(&target, change).unwrap();
    world.cancel(&order.id).await;
    world.pay(&order);
    let failed = async || world.refunds(&order.id).await.iter().any(|it| it["state"] == "failed");
    world.pass(900, 10, failed).await;
    let refund = world.refunds(&order.id).await.remove(0);
    assert!(refund["trouble"].as_str().unwrap().contains("by hand"), "{refund}");
    assert_eq!(world.view(&order.id).await["phase"], "refunding");
    assert_eq!(world.anomalies().await[0]["refund"], "failed");
}

#[tokio::test]
async fn a_server_that_dies_at_any_moment_gives_back_once() {
    let mut world = World::with_certificate("").await;
    let mut orders = Vec::new();
    for n in 0..6 {
        let order = world.order(&format!("A-{n}")).await;
        world.cancel(&order.id).await;
        orders.push(order);
    }
    for (n, order) in orders.iter().enumerate() {
        let pause = std::time::Duration::from_millis(7 * u64::try_from(n).unwrap());
        world.pay(order);
        tokio::time::sleep(pause).await;
        world.crash_server();
        world.advance(3);
        world.start_server().await;
    }
    for order in &orders {
        until(&world, order, "refunded").await;
        assert_eq!(books(&world, order), [(format!("{}-R1", order.id), 1800, "SUCCESS")]);
    }
}

#[tokio::test]
async fn lost_refund_notifications_are_made_up_for() {
    let world = World::with_certificate("").await;
    let rule = FaultRule::next("notice_lost".parse().unwrap()).of_notice(NoticeKind::Refund);
    let order = world.order("A-1").await;
    world.cancel(&order.id).await;
    world.pay(&order);
    world.sandbox.add_fault(rule).unwrap();
    until(&world, &order, "refunded").await;
}

#[tokio::test]
async fn a_refund_notification_is_only_a_hint_and_is_answered_byte_for_byte() {
    let world = World::with_certificate("").await;
    let order = paid_after_cancel(&world, "A-1").await;
    until(&world, &order, "refunded").await;
    world.sandbox.quiet().await;
    let refund = world.sandbox.order(&order.number).unwrap().payments.remove(0).refunds.remove(0);
    let told = refund.notification.unwrap();
    assert_eq!(told.state, "acknowledged", "{told:?}");
    world.sandbox.send_refund_again(None, &refund.out_refund_no, 8).unwrap();
    world.stays(&order.id, "refunded").await;
    assert_eq!(books(&world, &order).len(), 1);
    for junk in
        ["", "<xml></xml>", "<xml><mch_id>1900000109</mch_id><req_info>AAAA</req_info></xml>"]
    {
        assert_eq!(world.notify_refund(junk).await, saoma_core::api::ACK_FAIL, "{junk}");
    }
}

#[tokio::test]
async fn a_shop_gives_back_in_parts_and_never_more_than_was_paid() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    assert_eq!(world.refund(&order.id, "R-1", 500).await.1["error"]["code"], "not_paid");
    world.pay(&order);
    world.until(&order.id, "shipped").await;

    let (status, refund) = world.refund(&order.id, "R-1", 500).await;
    assert_eq!((status, &refund["asked_by"]), (201, &json!("shop")), "{refund}");
    // The digits are those of the shop's own number: printf R-1 | sha256sum
    assert_eq!(refund["out_refund_no"], format!("{}-Saee554ed", order.id));
    let (status, again) = world.refund(&order.id, "R-1", 500).await;
    assert_eq!((status, &again["out_refund_no"]), (200, &refund["out_refund_no"]));
    let (status, taken) = world.refund(&order.id, "R-1", 501).await;
    assert_eq!((status, &taken["error"]["code"]), (409, &json!("refund_no_taken")));
    let (status, refused) = world.refund(&order.id, "R-2", 1301).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("refund_too_much")));
    assert_eq!(refused["error"]["left_fen"], 1300);

    // Two at once, of which only one fits.
    let (left, right) =
        tokio::join!(world.refund(&order.id, "R-3", 700), world.refund(&order.id, "R-4", 700));
    let mut both = [left.0, right.0];
    both.sort_unstable();
    assert_eq!(both, [201, 409]);
    let all_done = async || world.refunds(&order.id).await.iter().all(|it| it["state"] == "done");
    world.pass(1_200, 10, all_done).await;
    assert_eq!(world.view(&order.id).await["phase"], "shipped");
    assert_eq!(world.refund(&order.id, "R-5", 600).await.0, 201);
    assert_eq!(world.view(&order.id).await["phase"], "refunding");
    until(&world, &order, "refunded").await;
    let sums: Vec<_> = books(&world, &order).into_iter().map(|it| (it.1, it.2)).collect();
    assert_eq!(sums, [(500, "SUCCESS"), (700, "SUCCESS"), (600, "SUCCESS")]);
    assert_eq!(world.refund(&order.id, "R-6", 1).await.1["error"]["left_fen"], 0);
    let stranger = world.refund("20261124032600NOBODY00", "R-1", 1).await;
    assert_eq!(stranger.0, 404);
}

#[tokio::test]
async fn nothing_is_handed_over_once_a_refund_has_started() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    world.shop.fail_next(1);
    world.pay(&order);
    world.until(&order.id, "paid").await;
    world.pass(60, 1, async || !world.shop.calls().is_empty()).await;
    assert_eq!(world.refund(&order.id, "R-1", 1800).await.0, 201);
    until(&world, &order, "refunded").await;
    assert_eq!(world.shop.calls().len(), 1, "it was tried once, before the refund");
}

#[tokio::test]
async fn what_somebody_gives_back_by_hand_is_seen_and_counted() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    world.pay(&order);
    world.until(&order.id, "shipped").await;
    let url = format!("{}/wx/v2/refund-notify", world.base_url());
    let told_here = SettingsChange { refund_notify_url: Some(url), ..SettingsChange::default() };
    world.sandbox.change_settings(None, &told_here).unwrap();
    let by_hand = ConsoleRefund { refund_fen: Some(1000), ..ConsoleRefund::default() };
    let made = world.sandbox.refund_by_hand(&Target::of_number(&order.number), by_hand).unwrap();
    world.pass(900, 10, async || world.refunds(&order.id).await.len() == 1).await;
    let seen = world.refunds(&order.id).await.remove(0);
    assert_eq!((&seen["asked_by"], &seen["amount_fen"]), (&json!("elsewhere"), &json!(1000)));
    assert_eq!(seen["out_refund_no"], made.out_refund_no);
    let (status, refused) = world.refund(&order.id, "R-1", 801).await;
    assert_eq!((status, &refused["error"]["left_fen"]), (409, &json!(800)));
    let done = async || world.refunds(&order.id).await[0]["state"] == "done";
    world.pass(900, 10, done).await;
}

#[tokio::test]
async fn what_went_back_before_its_payment_was_known_is_asked_about_at_once() {
    let world = World::with_certificate("").await;
    let order = world.order("A-1").await;
    world.pay_as(&order, Tender { notify: false, ..Tender::default() });
    let by_hand = ConsoleRefund { refund_fen: Some(1), ..ConsoleRefund::default() };
    let made = world.sandbox.refund_by_hand(&Target::of_number(&order.number), by_hand).unwrap();
    // Nobody tells the server; the first query finds a payment of which some went back.
    world.pass(900, 10, async || world.refunds(&order.id).await.len() == 1).await;
    let seen = world.refunds(&order.id).await.remove(0);
    assert_eq!((&seen["asked_by"], &seen["amount_fen"]), (&json!("elsewhere"), &json!(1)));
    assert_eq!(seen["out_refund_no"], made.out_refund_no);
    assert_eq!(world.anomalies().await[0]["kind"], "refunded_elsewhere");
    let (status, refused) = world.refund(&order.id, "R-1", 1800).await;
    assert_eq!((status, &refused["error"]["left_fen"]), (409, &json!(1799)));
    assert_eq!(world.refund(&order.id, "R-1", 1799).await.0, 201, "the rest may follow");
    until(&world, &order, "refunded").await;
    assert!(world.shop.calls().is_empty());
}

#[tokio::test]
async fn a_merchant_that_holds_sends_nothing() {
    let world = World::with_certificate("anomalies = \"hold\"").await;
    let order = paid_after_cancel(&world, "A-1").await;
    world.until(&order.id, "refunding").await;
    let held = async || world.refunds(&order.id).await.iter().any(|it| it["state"] == "held");
    world.pass(60, 10, held).await;
    world.advance(600);
    world.stays(&order.id, "refunding").await;
    assert_eq!(world.anomalies().await[0]["refund"], "held");
    assert!(books(&world, &order).is_empty());
}

#[tokio::test]
async fn without_a_certificate_a_refund_stays_due_and_names_the_key_to_set() {
    let world = World::start().await;
    let order = paid_after_cancel(&world, "A-1").await;
    let troubled = async || {
        let refunds = world.refunds(&order.id).await;
        refunds.first().is_some_and(|it| it["trouble"].as_str().is_some())
    };
    world.pass(60, 10, troubled).await;
    let refund = world.refunds(&order.id).await.remove(0);
    assert_eq!(refund["state"], "asked");
    assert!(refund["trouble"].as_str().unwrap().contains("certificate_file"), "{refund}");
    assert_eq!(world.anomalies().await[0]["refund"], "due");
    assert_eq!(world.view(&order.id).await["phase"], "refunding");
}

#[tokio::test]
async fn a_forged_payment_notification_gives_nothing_back() {
    let world = World::with_certificate("").await;
    let order = paid_after_cancel(&world, "A-1").await;
    until(&world, &order, "refunded").await;
    let forged = notice(&order.number, &KEY.replace('2', "3"), HMAC, &[]);
    assert_eq!(world.notify(forged).await, saoma_core::api::ACK_FAIL);
    assert_eq!(books(&world, &order).len(), 1);
}
