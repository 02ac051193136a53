//! A number that WeChat gives no code for, because it was used with other fields.

use super::*;

const USED: Event = Event::NumberUsed { attempt: 0 };
const NOT_PAID: Event = Event::NotPaid { attempt: 0 };

fn not_found(on_close: bool) -> Event {
    Event::NotFound { attempt: 0, on_close }
}

/// WeChat gives no second code for the number of an order that lives for a day.
fn used_when_renewed() -> Step {
    let renewing = day_long().handle(&Event::Tick, at(6_901)).order;
    let answered = renewing.handle(&NOT_PAID, at(6_902)).order;
    assert!(answered.still_wants(&Effect::Renew { attempt: 0 }));
    answered.handle(&USED, at(6_903))
}

#[test]
fn a_number_that_was_used_is_asked_about_and_what_was_paid_for_it_ships() {
    let step = used_when_renewed();
    assert_eq!(step.effects[..], [Effect::Query { attempt: 0 }]);
    assert_eq!(step.order.current_attempt(), 0, "nobody may pay twice");
    assert_eq!(step.order.watched_phase(), watch::Phase::Placing);
    assert_eq!(step.order.payable_code_url(at(6_903)), None);
    assert!(!step.order.still_wants(&Effect::Renew { attempt: 0 }));
    let again = step.order.handle(&USED, at(6_904));
    assert_eq!((&again.order, kinds(&again)), (&step.order, vec![]));
    let paid = step.order.handle(&paid("A", PRICE), at(6_905));
    assert_eq!((kinds(&paid), paid.order.due()), (vec!["ship"], None));
}

#[test]
fn a_used_number_that_is_not_paid_is_closed_before_the_next_one_begins() {
    let used = used_when_renewed().order;
    assert_eq!(kinds(&used.handle(&Event::Tick, at(6_904))), [""; 0], "first the answer");
    let waiting = used.handle(&NOT_PAID, at(6_904)).order;
    assert!(waiting.due().is_some_and(|due| due < at(6_904)));
    let closing = waiting.handle(&Event::Tick, at(6_905));
    assert_eq!(closing.effects[..], [Effect::Close { attempt: 0 }]);
    assert!(closing.order.still_wants(&Effect::Close { attempt: 0 }));
    assert_eq!(kinds(&closing.order.handle(&Event::Tick, at(6_906))), [""; 0], "once");

    let next = closing.order.handle(&CLOSED, at(6_906));
    let last_look = Effect::Query { attempt: 0 };
    assert_eq!(next.effects[..], [Effect::Place { attempt: 1 }, last_look]);
    let code_url = "weixin://wxpay/bizpayurl?pr=2".try_into().unwrap();
    let open = next.order.handle(&Event::Placed { attempt: 1, code_url }, at(6_907)).order;
    assert_eq!(open.payable_code_url(at(6_907)), Some("weixin://wxpay/bizpayurl?pr=2"));
    assert_eq!(kinds(&open.handle(&paid("A", PRICE), at(6_908))), ["ship"], "it was in time");
}

#[test]
fn who_pays_a_used_number_before_it_is_closed_gets_the_goods() {
    let waiting = used_when_renewed().order.handle(&NOT_PAID, at(6_904)).order;
    let closing = waiting.handle(&Event::Tick, at(6_905)).order;
    let step = closing.handle(&Event::SaysPaid { attempt: 0 }, at(6_906));
    assert_eq!(kinds(&step), ["query"]);
    assert_eq!(kinds(&step.order.handle(&Event::Tick, at(6_907))), [""; 0]);
    assert_eq!(kinds(&step.order.handle(&paid("A", PRICE), at(6_908))), ["ship"]);
}

#[test]
fn a_used_number_that_is_over_or_unknown_is_followed_at_once() {
    for answer in [OVER, not_found(false)] {
        let step = run(&[(USED, 1), (answer, 2)]);
        assert_eq!(step.effects[..], [Effect::Place { attempt: 1 }]);
        assert_eq!(step.order.phase(), Phase::Placing);
        let impossible = step.order.handle(&Event::PlaceImpossible { attempt: 1 }, at(3)).order;
        assert_eq!(impossible.phase(), Phase::Closed(Reason::Failed), "a number like any other");
    }
    let closing = [(USED, 1), (NOT_PAID, 2), (Event::Tick, 300), (not_found(true), 301)];
    let step = run(&[&closing[..], &[(not_found(false), 302)]].concat());
    assert_eq!(kinds(&step), ["place"]);
    let too_late = run(&[(USED, 1), (CLOSED, EXPIRY_S - 59)]).order;
    assert_eq!(too_late.watched_phase(), watch::Phase::Expired);
}

#[test]
fn a_used_number_is_closed_no_sooner_than_wechat_takes_a_close() {
    let order = run(&[(USED, 1), (NOT_PAID, 2)]).order;
    let early = order.handle(&Event::Tick, at(299));
    assert_eq!(kinds(&early), ["query"], "by the timetable");
    let answered = early.order.handle(&NOT_PAID, at(299)).order;
    assert_eq!(kinds(&answered.handle(&Event::Tick, at(300))), ["close", "query"]);
}

#[test]
fn what_is_said_late_of_a_used_number_changes_nothing() {
    let used = run(&[(USED, 1)]).order;
    for event in
        [placed(), Event::PlaceUnknown { attempt: 0 }, Event::PlaceImpossible { attempt: 0 }, USED]
    {
        let step = used.handle(&event, at(2));
        assert_eq!((&step.order, kinds(&step)), (&used, vec![]), "{event:?}");
    }
    // Nobody has asked for a close of a number that is good.
    let step = fresh().handle(&CLOSED, at(2));
    assert_eq!((&step.order, kinds(&step)), (&fresh(), vec![]));
}

#[test]
fn only_a_number_that_is_to_be_paid_is_replaced() {
    let wrong = run(&[(placed(), 1), (paid("A", PRICE - 1), 2)]).order;
    let paid = run(&[(placed(), 1), (paid("A", PRICE), 2)]).order;
    let closing = run(&[(placed(), 1), (Event::Cancel, 2)]).order;
    let closed = run(&[(placed(), 1), (Event::Tick, EXPIRY_S), (CLOSED, EXPIRY_S + 1)]).order;
    for order in [wrong, paid, closing, closed] {
        let step = order.handle(&USED, at(EXPIRY_S + 2));
        assert_eq!((&step.order, kinds(&step)), (&order, vec![]));
    }
}

#[test]
fn an_order_that_ends_with_a_used_number_closes_it_and_has_no_next_one() {
    let expired = run(&[(USED, 1), (Event::Tick, EXPIRY_S)]);
    assert_eq!((kinds(&expired), expired.order.current_attempt()), (vec!["close"], 0));
    let over = expired.order.handle(&CLOSED, at(EXPIRY_S + 1)).order;
    assert_eq!(over.phase(), Phase::Closed(Reason::Expired));
    let cancelled = run(&[(USED, 1), (Event::Cancel, 2)]).order;
    let not_there = cancelled.handle(&not_found(false), at(3)).order;
    assert_eq!(not_there.phase(), Phase::Closing(Reason::Cancelled), "a close has to say so too");
}

#[test]
#[cfg(feature = "serde")]
fn an_order_stored_before_numbers_were_replaced_is_read() {
    let order = day_long();
    let mut stored = serde_json::to_value(&order).unwrap();
    assert!(stored.as_object_mut().unwrap().remove("replacing").is_some());
    assert_eq!(serde_json::from_value::<Order>(stored).unwrap(), order);
}
