//! What becomes of a notification.

use super::*;

#[test]
fn a_lost_notification_is_never_sent_unless_by_hand() {
    let mut shop = paid("notice_lost");
    assert_eq!(shop.gateway.poll(NOW.plus(90_000)).send, []);
    assert_eq!(notice_state(&shop), "held");
    shop.gateway.send_again(&Target::of_number(NO), 1).unwrap();
    assert_eq!(due(&mut shop).len(), 1);
}

#[test]
fn the_first_sendings_get_lost_and_the_schedule_goes_on() {
    let mut shop = paid("notice_first_lost; 2");
    for gap_s in [0, 15] {
        shop.now = shop.now.plus(gap_s);
        assert_eq!(due(&mut shop), []);
    }
    shop.now = shop.now.plus(15);
    let third = one(&mut shop);
    acknowledge(&mut shop, &third);
    let attempts = &shop.gateway.orders(NOW)[0].payments[0].notification.attempts;
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some("lost"), Some("lost"), Some("acknowledged")]);
}

#[test]
fn a_schedule_of_lost_sendings_ends() {
    let mut shop = paid("notice_first_lost; 16");
    assert_eq!(shop.gateway.poll(NOW.plus(10)).wake_at, Some(NOW.plus(25)));
    let mut now = NOW.plus(10);
    while let Some(wake_at) = shop.gateway.poll(now).wake_at {
        now = wake_at;
    }
    assert_eq!(notice_state(&shop), "given_up");
    assert_eq!(now.since(NOW.plus(10)), Schedule::Current.gaps_s().iter().sum::<i64>());
}

#[test]
fn a_late_notification_comes_so_much_later() {
    let mut shop = paid("notice_late; 30");
    let early = shop.gateway.poll(NOW.plus(29));
    assert_eq!((early.send, early.wake_at), (Vec::new(), Some(NOW.plus(30))));
    assert_eq!(shop.gateway.poll(NOW.plus(30)).send.len(), 1);
}

#[test]
fn copies_follow_one_after_the_other_whatever_is_answered() {
    let mut shop = paid("notice_repeated; 2");
    for _ in 0..3 {
        let sending = one(&mut shop);
        assert_eq!(due(&mut shop), [], "the next one waits for an answer");
        acknowledge(&mut shop, &sending);
    }
    assert!(shop.gateway.is_quiet(NOW.plus(90_000)));
}

#[test]
fn copies_arrive_at_the_same_instant() {
    let mut shop = paid("notice_together; 4");
    let sendings = due(&mut shop);
    assert_eq!(sendings.len(), 5);
    assert!(sendings.iter().all(|sending| sending.body == sendings[0].body));
}

#[test]
fn a_reordered_notification_waits_for_a_later_one() {
    let mut shop = paid("notice_reordered");
    assert_eq!(due(&mut shop), []);
    shop.order(NEXT_NO, &[]);
    shop.pay(NEXT_NO, Tender::default()).unwrap();
    let later = one(&mut shop);
    assert_eq!(said(&later).get("out_trade_no"), Some(NEXT_NO));
    acknowledge(&mut shop, &later);
    let held = one(&mut shop);
    assert_eq!(said(&held).get("out_trade_no"), Some(NO));
}

#[test]
fn falsehoods_come_first_and_nobody_can_acknowledge_them() {
    for text in ["notice_forged", "notice_altered"] {
        let mut shop = paid(text);
        let fake = one(&mut shop);
        assert!(!is_signed(&said(&fake), KEY), "{text}");
        assert_eq!(said(&fake).get("out_trade_no"), Some(NO));
        let amount = if text == "notice_altered" { "1801" } else { "1800" };
        assert_eq!(said(&fake).get("total_fee"), Some(amount));
        acknowledge(&mut shop, &fake);
        assert_eq!(notice_state(&shop), "pending", "{text}");
        let truth = one(&mut shop);
        assert!(is_signed(&said(&truth), KEY));
        acknowledge(&mut shop, &truth);
        assert_eq!(notice_state(&shop), "acknowledged");
        let attempts = &shop.gateway.orders(NOW)[0].payments[0].notification.attempts;
        let faults: Vec<_> = attempts.iter().map(|attempt| attempt.fault).collect();
        assert_eq!(faults, [Some(text), None]);
    }
}

#[test]
fn the_log_says_what_was_really_sent() {
    let mut shop = paid("notice_forged");
    let fake = one(&mut shop);
    acknowledge(&mut shop, &fake);
    assert_eq!(shop.gateway.messages().last().unwrap().request, fake.body);
}

#[test]
fn an_earlier_notification_comes_for_another_order() {
    let mut shop = Shop::new();
    shop.order(NO, &[]);
    shop.pay(NO, Tender::default()).unwrap();
    let first = one(&mut shop);
    acknowledge(&mut shop, &first);
    shop.gateway.add_fault(FaultRule::next(fault("notice_of_another"))).unwrap();
    shop.order(NEXT_NO, &[]);
    shop.pay(NEXT_NO, Tender::default()).unwrap();
    let replayed = one(&mut shop);
    assert_eq!(replayed.body, first.body);
    acknowledge(&mut shop, &replayed);
    assert_eq!(said(&one(&mut shop)).get("out_trade_no"), Some(NEXT_NO));
}

#[test]
fn a_replay_comes_although_it_was_acknowledged() {
    let mut shop = paid("notice_replayed; 60");
    let first = one(&mut shop);
    acknowledge(&mut shop, &first);
    shop.now = NOW.plus(60);
    assert_eq!(one(&mut shop).body, first.body);
}

#[test]
fn the_first_sending_is_wrongly_or_not_signed_and_its_repetition_is() {
    for text in ["notice_wrong_sign", "notice_unsigned"] {
        let mut shop = paid(text);
        let first = one(&mut shop);
        assert!(!is_signed(&said(&first), KEY), "{text}");
        shop.gateway.delivered(first.id, Returned::Late, NOW).unwrap();
        shop.now = NOW.plus(15);
        assert!(is_signed(&said(&one(&mut shop)), KEY), "{text}");
    }
}

#[test]
fn a_notification_is_written_otherwise_and_still_true() {
    for (text, sign_type) in [
        ("notice_sign_type", Some("MD5")),
        ("notice_wrong_sign_type", Some("HMAC-SHA256")),
        ("notice_no_sign_type", None),
    ] {
        let notice = said(&one(&mut paid(text)));
        assert_eq!(notice.get("sign_type"), sign_type, "{text}");
        assert!(is_signed(&notice, KEY), "{text}");
    }
    let unknown = said(&one(&mut paid("notice_unknown_fields")));
    assert!(is_signed(&unknown, KEY) && unknown.get("future_field").is_some());
    let lower = said(&one(&mut paid("notice_lower_case_sign")));
    assert_eq!(lower.get("sign").map(str::to_lowercase).as_deref(), lower.get("sign"));
}

#[test]
fn hmac_orders_have_notifications_that_contradict_themselves() {
    let mut shop = struck("notice_wrong_sign_type");
    shop.algorithm = Algorithm::HmacSha256;
    shop.order(NO, &[]);
    shop.pay(NO, Tender::default()).unwrap();
    let notice = said(&one(&mut shop));
    assert_eq!(notice.get("sign_type"), Some("MD5"));
    let sign = notice.get("sign").unwrap();
    assert!(sign::verify(notice.iter(), &Key::new(KEY).unwrap(), Algorithm::HmacSha256, sign));
}

#[test]
fn the_first_request_is_cut_in_the_middle() {
    let mut shop = paid("notice_cut");
    let first = one(&mut shop);
    assert_eq!(first.cut_after, Some(first.body.len() / 2));
    shop.gateway.delivered(first.id, Returned::Late, NOW).unwrap();
    shop.now = NOW.plus(15);
    assert_eq!(one(&mut shop).cut_after, None);
}

/// A refund that has ended; the fault strikes its notification.
fn refunded(text: &str) -> Shop {
    let rules = Rules { certificates: Certificates::NotAsked, ..Rules::default() };
    let mut shop = Shop::with_rules(rules);
    shop.order(NO, &[]);
    shop.pay(NO, Tender { notify: false, ..Tender::default() }).unwrap();
    let rule = FaultRule::next(fault(text)).of_notice(NoticeKind::Refund);
    shop.gateway.add_fault(rule).unwrap();
    let fields = [
        ("out_trade_no", NO),
        ("out_refund_no", "R1"),
        ("total_fee", "1800"),
        ("refund_fee", "1800"),
        ("notify_url", "https://pay.example.com/refund"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = shop.signed(&fields.into(), &[]);
    let answer = shop.gateway.handle(Call::Refund, &Arrival::of(body.as_bytes()), NOW);
    assert_eq!(answer.code, None, "{}", answer.text());
    shop.now = NOW.plus(60);
    shop
}

fn opened(delivery: &Delivery) -> Option<String> {
    let notice = said(delivery);
    let key = Key::new(KEY).unwrap();
    seal::open(notice.get("req_info").unwrap(), &key).filter(|text| text.starts_with("<root>"))
}

#[test]
fn notifications_of_refunds_are_struck_too() {
    for text in ["notice_forged", "notice_altered"] {
        let mut shop = refunded(text);
        let fake = one(&mut shop);
        assert_eq!(opened(&fake), None, "{text}");
        acknowledge(&mut shop, &fake);
        assert!(opened(&one(&mut shop)).is_some(), "{text}");
    }
    let mut shop = refunded("notice_together; 2");
    assert_eq!(due(&mut shop).len(), 3);
    let mut shop = refunded("notice_unknown_fields");
    let notice = one(&mut shop);
    assert!(opened(&notice).is_some() && said(&notice).get("future_field").is_some());
    let mut shop = refunded("notice_lost");
    assert_eq!(due(&mut shop), []);
}

#[test]
fn what_only_a_signature_can_have_waits_for_the_notification_of_a_payment() {
    let mut shop = refunded("notice_unsigned");
    assert!(opened(&one(&mut shop)).is_some());
    assert_eq!(shop.gateway.faults()[0].left, Some(1));
}
