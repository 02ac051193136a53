//! The table of `docs/order-machine.md`, row by row, and the promises over every reachable order.

use super::*;
use crate::api::Currency;
use crate::watch;
use std::{format, string::ToString, vec, vec::Vec as StdVec};

mod dispense;
mod number;
mod refund;
mod walk;

const PRICE: u64 = 1_800;
const EXPIRY_S: u64 = 900;

fn at(seconds: u64) -> UnixTime {
    UnixTime::new(1_795_461_960 + seconds).unwrap()
}

fn fresh() -> Order {
    let id = OrderId::new("20261124032600K7Q2M9XB").unwrap();
    Order::begin(id, Fen::new(PRICE).unwrap(), at(0), at(EXPIRY_S)).order
}

fn payment(transaction: &str, fen: u64) -> Payment {
    Payment {
        out_trade_no: OutTradeNo::new("20261124032600K7Q2M9XB-1").unwrap(),
        transaction_id: TransactionId::new(transaction).unwrap(),
        total_fee: Fen::new(fen).unwrap(),
        currency: Currency::CNY,
        paid_at: at(60),
        refunded: false,
    }
}

fn paid(transaction: &str, fen: u64) -> Event {
    Event::Paid { attempt: 0, payment: payment(transaction, fen) }
}

fn placed() -> Event {
    Event::Placed { attempt: 0, code_url: "weixin://wxpay/bizpayurl?pr=1".try_into().unwrap() }
}

/// Runs events one after the other and gives the last step.
fn run(events: &[(Event, u64)]) -> Step {
    let mut step = Step { order: fresh(), effects: Vec::new() };
    for (event, seconds) in events {
        step = step.order.handle(event, at(*seconds));
    }
    step
}

fn kinds(step: &Step) -> StdVec<&'static str> {
    step.effects
        .iter()
        .map(|effect| match effect {
            Effect::Place { .. } => "place",
            Effect::Renew { .. } => "renew",
            Effect::Query { .. } => "query",
            Effect::Close { .. } => "close",
            Effect::Ship { .. } => "ship",
            Effect::Refund { .. } => "refund",
            Effect::RefundQuery { .. } => "refund_query",
            Effect::Report { anomaly, .. } => anomaly.as_str(),
        })
        .collect()
}

const CLOSED: Event = Event::CloseConfirmed { attempt: 0 };
const OVER: Event = Event::NumberOver { attempt: 0 };

/// An order that lives for a day, with a code since its first second.
fn day_long() -> Order {
    let id = OrderId::new("20261124032600K7Q2M9XB").unwrap();
    let begun = Order::begin(id, Fen::new(PRICE).unwrap(), at(0), at(86_400));
    begun.order.handle(&placed(), at(1)).order
}

#[test]
fn a_code_is_renewed_under_its_number_before_it_grows_too_old() {
    let mut order = day_long();
    while order.due().is_some_and(|due| due < at(6_901)) {
        let step = order.handle(&Event::Tick, order.due().unwrap());
        assert_eq!(kinds(&step), ["query"]);
        order = step.order.handle(&Event::NotPaid { attempt: 0 }, at(0)).order;
    }
    assert_eq!(order.due(), Some(at(6_901)));
    let renew = order.handle(&Event::Tick, at(6_901));
    assert_eq!(renew.effects[..], [Effect::Renew { attempt: 0 }]);
    assert!(renew.order.still_wants(&Effect::Renew { attempt: 0 }));
    assert_eq!(kinds(&renew.order.handle(&Event::Tick, at(6_902))), [""; 0], "one at a time");
    assert!(renew.order.payable_code_url(at(7_200)).is_some());
    assert_eq!(renew.order.payable_code_url(at(7_201)), None, "the old code is void by then");
    let code_url = "weixin://wxpay/bizpayurl?pr=2".try_into().unwrap();
    let renewed = renew.order.handle(&Event::Placed { attempt: 0, code_url }, at(6_902)).order;
    assert_eq!(renewed.payable_code_url(at(7_201)), Some("weixin://wxpay/bizpayurl?pr=2"));
    assert!(!renewed.still_wants(&Effect::Renew { attempt: 0 }));
    assert_eq!(renewed.due(), Some(at(6_902 + 6_900)));
    // The same code once more is a new one: it has just been given.
    let code_url = "weixin://wxpay/bizpayurl?pr=1".try_into().unwrap();
    let same = renew.order.handle(&Event::Placed { attempt: 0, code_url }, at(6_902)).order;
    assert_eq!((same.due(), same.payable_code_url(at(7_201)).is_some()), (renewed.due(), true));
    let paid = renew.order.handle(&paid("A", PRICE), at(6_901)).order;
    assert!(!paid.still_wants(&Effect::Renew { attempt: 0 }), "nobody needs it any more");
}

#[test]
fn somebody_who_watches_has_it_asked_about_now_and_then() {
    let order = day_long();
    assert!(!order.may_ask(at(119)));
    assert!(order.handle(&Event::Watched, at(119)).effects.is_empty());
    let asked = order.handle(&Event::Watched, at(120));
    assert_eq!(kinds(&asked), ["query"]);
    assert!(!asked.order.may_ask(at(1_000)), "one question at a time");
    let answered = asked.order.handle(&Event::NotPaid { attempt: 0 }, at(121)).order;
    assert!(!answered.may_ask(at(239)));
    assert!(answered.may_ask(at(240)));
    let closing = answered.handle(&Event::Cancel, at(200)).order;
    assert!(closing.may_ask(at(200)), "it should be over");
    let paid = order.handle(&paid("A", PRICE), at(60)).order;
    assert!(!paid.may_ask(at(9_999)));
}

#[test]
fn an_order_knows_what_it_was_begun_with_and_each_attempt_its_number() {
    let order = fresh();
    assert_eq!(order.id().as_str(), "20261124032600K7Q2M9XB");
    assert_eq!(order.amount().get(), PRICE);
    assert_eq!((order.created_at(), order.expires_at()), (at(0), at(EXPIRY_S)));
    let number = |order: &Order, attempt| order.out_trade_no(attempt).map(|it| it.to_string());
    assert_eq!(number(&order, 0).as_deref(), Some("20261124032600K7Q2M9XB-1"));
    assert_eq!(number(&order, 1), None);
    let second = order.handle(&OVER, at(1)).order;
    assert_eq!(number(&second, 1).as_deref(), Some("20261124032600K7Q2M9XB-2"));
}

#[test]
fn a_code_opens_the_order_and_a_payment_ships_it_once() {
    let open = run(&[(placed(), 1)]);
    assert_eq!(open.order.phase(), Phase::Open);
    assert!(open.order.payable_code_url(at(1)).is_some());
    assert_eq!(open.order.payable_code_url(at(EXPIRY_S)), None);

    let step = open.order.handle(&paid("T1", PRICE), at(60));
    assert_eq!(kinds(&step), ["ship"]);
    assert_eq!(step.order.phase(), Phase::Paid);
    assert_eq!(step.order.payable_code_url(at(61)), None);

    let again = step.order.handle(&paid("T1", PRICE), at(61));
    assert_eq!((kinds(&again), &again.order), (vec![], &step.order));
    let shipped = again.order.handle(&Event::Shipped, at(62));
    assert_eq!(shipped.order.phase(), Phase::Shipped);
    assert_eq!(shipped.order.watched_phase(), watch::Phase::Shipped);
    assert_eq!(shipped.order.due(), None);
}

#[test]
fn a_code_that_comes_late_opens_nothing() {
    let wrong = run(&[(placed(), 1), (paid("T1", PRICE - 1), 60)]).order;
    let late = wrong.handle(&placed(), at(61));
    assert_eq!((&late.order, kinds(&late)), (&wrong, vec![]), "its number is used up");

    let code_url = "weixin://wxpay/bizpayurl?pr=2".try_into().unwrap();
    let second = Event::Placed { attempt: 1, code_url };
    let paid = run(&[(placed(), 1), (OVER, 2), (paid("T1", PRICE), 3)]).order;
    let late = paid.handle(&second, at(4));
    assert_eq!((&late.order, kinds(&late)), (&paid, vec![]), "the order is paid");
}

#[test]
fn what_is_said_of_an_earlier_number_changes_nothing() {
    let placing = run(&[(placed(), 1), (OVER, 2)]).order;
    let second =
        Event::Placed { attempt: 1, code_url: "weixin://wxpay/bizpayurl?pr=2".try_into().unwrap() };
    let open = placing.handle(&second, at(3)).order;
    let closing = open.handle(&Event::Cancel, at(4)).order;
    let events = [
        placed(),
        Event::PlaceUnknown { attempt: 0 },
        Event::PlaceImpossible { attempt: 0 },
        Event::NotPaid { attempt: 0 },
        Event::NotFound { attempt: 0, on_close: false },
        Event::NumberUsed { attempt: 0 },
        OVER,
        CLOSED,
    ];
    for order in [&placing, &open, &closing] {
        for event in &events {
            let step = order.handle(event, at(5));
            assert_eq!((&step.order, kinds(&step)), (order, vec![]), "{event:?}");
        }
    }
    // A payment of it that goes back leaves the code of the current one as it is.
    let other = Event::Paid { attempt: 0, payment: payment("T1", PRICE - 1) };
    let step = open.handle(&other, at(5));
    assert_eq!(kinds(&step), ["refund", "amount_mismatch"]);
    assert!(step.order.payable_code_url(at(6)).is_some());
}

#[test]
fn wechats_word_that_a_number_is_paid_is_asked_about() {
    let step = run(&[(placed(), 1), (Event::SaysPaid { attempt: 0 }, 2)]);
    assert_eq!(kinds(&step), ["query"]);
    assert_eq!(step.order.phase(), Phase::Open);
}

#[test]
fn while_a_question_is_open_and_after_a_payment_nothing_is_asked_by_time() {
    let asked = run(&[(placed(), 1), (Event::Tick, 5)]);
    assert_eq!(kinds(&asked), ["query"]);
    assert_eq!(asked.order.due(), Some(at(EXPIRY_S)));
    let answered = asked.order.handle(&Event::NotPaid { attempt: 0 }, at(6)).order;
    assert_eq!(answered.due(), Some(at(30)));
    let wrong = run(&[(placed(), 1), (paid("T1", PRICE - 1), 2)]).order;
    assert_eq!(wrong.due(), Some(at(EXPIRY_S)));
}

#[test]
fn a_number_is_closed_once_at_a_time_and_not_again_when_nobody_knows_it() {
    let closing = run(&[(placed(), 1), (Event::Tick, EXPIRY_S)]).order;
    let again = closing.handle(&Event::Tick, at(EXPIRY_S + 1));
    assert_eq!(kinds(&again), [""; 0]);
    let unknown = Event::NotFound { attempt: 0, on_close: true };
    let unknown = closing.handle(&unknown, at(EXPIRY_S + 2)).order;
    assert_eq!(kinds(&unknown.handle(&Event::Tick, at(EXPIRY_S + 3))), [""; 0]);
    assert_eq!(unknown.due(), None);
}

#[test]
fn a_number_that_is_not_found_while_it_closes_is_closed_all_the_same() {
    let closing = run(&[(placed(), 1), (Event::Cancel, 10)]).order;
    let step = closing.handle(&Event::NotFound { attempt: 0, on_close: false }, at(11));
    assert_eq!(step.order.phase(), Phase::Closing(Reason::Cancelled));
}

#[test]
fn a_code_that_comes_while_its_number_is_closed_opens_nothing() {
    let closing = run(&[(placed(), 1), (Event::Cancel, 10)]).order;
    let late = closing.handle(&placed(), at(11));
    assert_eq!(late.order, closing);
    assert_eq!(kinds(&late), [""; 0]);
}

#[test]
fn a_watcher_sees_how_far_an_order_is_that_nobody_has_paid() {
    assert_eq!(fresh().watched_phase(), watch::Phase::Placing);
    assert_eq!(run(&[(placed(), 1)]).order.watched_phase(), watch::Phase::Open);
    let closing = run(&[(placed(), 1), (Event::Cancel, 2)]).order;
    assert_eq!(closing.watched_phase(), watch::Phase::Closing);
}

#[test]
fn of_two_payments_that_go_back_the_slower_one_is_shown() {
    let second = Event::Paid { attempt: 1, payment: payment("T2", PRICE - 1) };
    let wrong = [(paid("T1", PRICE - 1), 3), (second, 4), (Event::Tick, EXPIRY_S)];
    let order = run(&[&[(placed(), 1), (OVER, 2)], &wrong[..]].concat()).order;
    assert_eq!(order.phase(), Phase::Closed(Reason::Expired));
    assert_eq!(order.watched_phase(), watch::Phase::Refunding);
    for (first, then) in [(0, 1), (1, 0)] {
        let done = |refund| Event::RefundEnded { refund, end: RefundEnd::Done };
        let half = order.handle(&done(first), at(1_000)).order;
        assert_eq!(half.watched_phase(), watch::Phase::Refunding);
        let all = half.handle(&done(then), at(1_001)).order;
        assert_eq!(all.watched_phase(), watch::Phase::Refunded);
    }
}

#[test]
fn a_payment_may_come_before_the_code() {
    assert_eq!(kinds(&run(&[(paid("T1", PRICE), 1)])), ["ship"]);
}

#[test]
fn another_amount_goes_back_and_the_order_stays_open() {
    for fen in [PRICE - 1, PRICE + 1, 1] {
        let step = run(&[(placed(), 1), (paid("T1", fen), 60)]);
        assert_eq!(kinds(&step), ["refund", "amount_mismatch"]);
        assert_eq!(step.order.phase(), Phase::Open);
        assert_eq!(step.order.watched_phase(), watch::Phase::Refunding);
        let over = step.order.handle(&Event::Tick, at(EXPIRY_S));
        assert_eq!(over.order.phase(), Phase::Closed(Reason::Expired));
    }
}

#[test]
fn of_a_payment_of_nothing_nothing_goes_back() {
    let step = run(&[(placed(), 1), (paid("T1", 0), 60)]);
    assert_eq!(kinds(&step), ["amount_mismatch"]);
    assert_eq!(step.order.anomaly(0), Some(Anomaly::AmountMismatch));
    assert_eq!(step.order.watched_phase(), watch::Phase::Refunded);
    assert_eq!(step.order.due(), Some(at(EXPIRY_S)), "and nothing is left to be done about it");
}

#[test]
fn another_currency_goes_back() {
    // Whatever the amount is: it is not one of yuan.
    for amount in [PRICE, 1] {
        let currency = Currency::new("USD").unwrap();
        let payment = Payment { currency, ..payment("T1", amount) };
        let step = run(&[(placed(), 1), (Event::Paid { attempt: 0, payment }, 2)]);
        assert_eq!(kinds(&step), ["refund", "currency_mismatch"]);
        assert_eq!(step.order.currency(0), currency, "it goes back as it came");
    }
}

#[test]
fn what_was_given_back_elsewhere_neither_ships_nor_is_refunded_again() {
    let payment = Payment { refunded: true, ..payment("T1", PRICE) };
    let step = run(&[(placed(), 1), (Event::Paid { attempt: 0, payment }, 2)]);
    assert_eq!(kinds(&step), ["refunded_elsewhere"]);
    assert_eq!(kinds(&step.order.handle(&Event::Tick, at(3))), [""; 0]);
}

#[test]
fn a_cancelled_order_closes_after_five_minutes_and_looks_once_more() {
    let step = run(&[(placed(), 1), (Event::Cancel, 10)]);
    assert_eq!(step.order.phase(), Phase::Closing(Reason::Cancelled));
    assert_eq!(kinds(&step), [""; 0]);
    let step = step.order.handle(&Event::Tick, at(299));
    assert_eq!(kinds(&step), ["query"]);
    let step = step.order.handle(&Event::Tick, at(300));
    assert_eq!(kinds(&step), ["close"]);
    assert!(step.order.still_wants(&Effect::Close { attempt: 0 }));
    let step = step.order.handle(&Event::NotPaid { attempt: 0 }, at(301));
    let step = step.order.handle(&CLOSED, at(302));
    assert_eq!(kinds(&step), ["query"]);
    assert_eq!(step.order.watched_phase(), watch::Phase::Cancelled);
}

#[test]
fn a_payment_after_cancel_goes_back() {
    let step = run(&[(placed(), 1), (Event::Cancel, 10), (paid("T1", PRICE), 20)]);
    assert_eq!(kinds(&step), ["refund", "paid_after_cancel"]);
    assert_eq!(step.order.phase(), Phase::Closed(Reason::Cancelled));
    assert_eq!(step.order.watched_phase(), watch::Phase::Refunding);
    assert_eq!(step.order.due(), None);
}

#[test]
fn a_payment_that_beats_the_deadlines_close_still_ships() {
    let step = run(&[(placed(), 1), (Event::Tick, EXPIRY_S)]);
    assert_eq!(kinds(&step), ["close", "query"]);
    let step = step.order.handle(&Event::SaysPaid { attempt: 0 }, at(EXPIRY_S + 1));
    let step = step.order.handle(&paid("T1", PRICE), at(EXPIRY_S + 2));
    assert_eq!(kinds(&step), ["ship"]);
}

#[test]
fn what_is_said_to_be_paid_is_closed_again_only_once_the_query_says_that_it_is_not() {
    let step = run(&[(placed(), 1), (Event::Tick, EXPIRY_S)]);
    let step = step.order.handle(&Event::SaysPaid { attempt: 0 }, at(EXPIRY_S + 1));
    assert_eq!(kinds(&step), [""; 0], "it is asked already");
    let step = step.order.handle(&Event::Tick, at(EXPIRY_S + 500));
    assert_eq!(kinds(&step), [""; 0], "WeChat would say the same again");
    let step = step.order.handle(&Event::NotPaid { attempt: 0 }, at(EXPIRY_S + 501));
    let step = step.order.handle(&Event::Tick, at(EXPIRY_S + 502));
    assert_eq!(kinds(&step), ["close"]);
}

#[test]
fn a_payment_after_close_goes_back() {
    let step =
        run(&[(placed(), 1), (Event::Tick, EXPIRY_S), (CLOSED, 901), (paid("T1", PRICE), 902)]);
    assert_eq!(kinds(&step), ["refund", "paid_after_close"]);
}

#[test]
fn a_second_attempt_paid_is_paid_twice() {
    let step = run(&[(placed(), 1), (OVER, 2)]);
    assert_eq!(kinds(&step), ["place"]);
    assert_eq!(step.order.current_attempt(), 1);
    let second = Event::Paid { attempt: 1, payment: payment("T2", PRICE) };
    let step = step.order.handle(&second, at(3));
    assert_eq!(kinds(&step), ["ship"]);
    let step = step.order.handle(&paid("T1", PRICE), at(4));
    assert_eq!(kinds(&step), ["refund", "paid_twice"]);
    assert_eq!(step.order.watched_phase(), watch::Phase::Paid);
}

#[test]
fn a_second_transaction_for_one_number_moves_no_money() {
    let step = run(&[(placed(), 1), (paid("T1", PRICE), 2), (paid("T2", PRICE), 3)]);
    assert_eq!(kinds(&step), ["conflict", "query"]);
    let again = step.order.handle(&paid("T2", PRICE), at(4));
    assert_eq!(kinds(&again), [""; 0]);
    assert!(again.order.transactions().map(|id| id.as_str()).eq(["T1", "T2"]));
    let third = again.order.handle(&paid("T3", PRICE), at(5));
    assert_eq!(kinds(&third)[..1], ["conflict"]);
    assert!(third.order.transactions().map(|id| id.as_str()).eq(["T1", "T2", "T3"]));
}

#[test]
fn a_number_that_is_over_is_followed_by_the_next_until_eight() {
    let mut order = fresh();
    for attempt in 0..7 {
        let step = order.handle(&Event::NumberOver { attempt }, at(1));
        assert_eq!(step.effects[..], [Effect::Place { attempt: attempt + 1 }]);
        order = step.order;
    }
    let step = order.handle(&Event::NumberOver { attempt: 7 }, at(1));
    assert_eq!(step.order.watched_phase(), watch::Phase::Failed);
}

#[test]
fn no_attempt_begins_in_the_last_minute() {
    let begun = run(&[(placed(), 1), (OVER, EXPIRY_S - 60)]);
    assert_eq!(kinds(&begun), ["place"]);
    let too_late = run(&[(placed(), 1), (OVER, EXPIRY_S - 59)]);
    assert_eq!(too_late.order.watched_phase(), watch::Phase::Expired);
}

#[test]
fn an_unknown_outcome_is_asked_about_once_at_a_time() {
    let unknown = Event::PlaceUnknown { attempt: 0 };
    let step = run(&[(unknown.clone(), 1)]);
    assert_eq!(kinds(&step), ["query"]);
    assert_eq!(kinds(&step.order.handle(&unknown, at(2))), [""; 0]);
    assert!(step.order.still_wants(&Effect::Query { attempt: 0 }));
    let answered = step.order.handle(&Event::NotFound { attempt: 0, on_close: false }, at(2));
    assert!(!answered.order.still_wants(&Effect::Query { attempt: 0 }));
    assert!(answered.order.still_wants(&Effect::Place { attempt: 0 }));
}

#[test]
fn an_order_that_wechat_will_not_take_fails() {
    let step = run(&[(Event::PlaceImpossible { attempt: 0 }, 1)]);
    assert_eq!(step.order.watched_phase(), watch::Phase::Failed);
}

#[test]
fn a_number_that_wechat_never_saw_is_closed_after_a_second_question() {
    let step = run(&[(Event::Cancel, 1), (Event::Tick, 300)]);
    assert_eq!(kinds(&step), ["close", "query"]);
    let step = step.order.handle(&Event::NotFound { attempt: 0, on_close: true }, at(301));
    assert_eq!(step.order.phase(), Phase::Closing(Reason::Cancelled));
    let step = step.order.handle(&Event::NotFound { attempt: 0, on_close: false }, at(302));
    assert_eq!(step.order.phase(), Phase::Closed(Reason::Cancelled));
}

#[test]
fn lost_notifications_are_asked_for_on_the_timetable() {
    let mut order = run(&[(placed(), 1)]).order;
    let mut asked = StdVec::new();
    for second in 0..EXPIRY_S {
        let step = order.handle(&Event::Tick, at(second));
        if kinds(&step) == ["query"] {
            asked.push(second);
        }
        order = step.order.handle(&Event::NotPaid { attempt: 0 }, at(second)).order;
    }
    assert_eq!(asked, [5, 30, 60, 180, 300, 600]);
}

#[test]
fn only_an_unpaid_order_can_be_cancelled() {
    assert!(run(&[(placed(), 1)]).order.may_cancel().is_ok());
    assert_eq!(run(&[(paid("T1", PRICE), 1)]).order.may_cancel(), Err(AlreadyPaid));
    let shipped = run(&[(paid("T1", PRICE), 1), (Event::Shipped, 2)]).order;
    assert_eq!(shipped.may_cancel(), Err(AlreadyPaid));
    assert_eq!(AlreadyPaid.to_string(), "the order is already paid");
    let paid = run(&[(paid("T1", PRICE), 1)]).order;
    assert_eq!(paid.handle(&Event::Cancel, at(2)).order, paid);
}

#[test]
fn a_person_may_have_wechat_asked_about_what_is_not_paid() {
    let step = run(&[(placed(), 1), (Event::Ask, 2)]);
    assert_eq!(kinds(&step), ["query"]);
    let again = step.order.handle(&Event::Ask, at(3));
    assert_eq!((&again.order, again.effects.len()), (&step.order, 0), "one query at a time");
    let closed = [(placed(), 1), (Event::Tick, EXPIRY_S), (CLOSED, 901)];
    let answered = Event::NotPaid { attempt: 0 };
    let step = run(&[&closed[..], &[(answered, 902), (Event::Ask, 9_000)]].concat());
    assert_eq!(kinds(&step), ["query"], "also when the order is over");
    let step = run(&[(placed(), 1), (paid("T1", PRICE), 2), (Event::Ask, 3)]);
    assert_eq!(kinds(&step), [""; 0], "a payment is known already");
}

#[test]
fn events_about_attempts_that_do_not_exist_change_nothing() {
    let order = run(&[(placed(), 1)]).order;
    let stranger = Event::Paid { attempt: 3, payment: payment("T1", PRICE) };
    for event in [stranger, Event::NumberOver { attempt: 9 }, Event::SaysPaid { attempt: 200 }] {
        let step = order.handle(&event, at(2));
        assert_eq!((&step.order, step.effects.len()), (&order, 0), "{event:?}");
    }
}

#[test]
#[cfg(feature = "serde")]
fn an_order_survives_storage() {
    let order = run(&[(placed(), 1), (OVER, 2), (paid("T1", 1), 3), (Event::Cancel, 4)]).order;
    let text = serde_json::to_string(&order).unwrap();
    assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
}
