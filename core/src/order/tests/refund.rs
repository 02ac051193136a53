//! Refunds beside the phase.

use super::*;
use core::num::NonZeroU32;

fn fen(fen: u64) -> Fen {
    Fen::new(fen).unwrap()
}

fn asked(refund: u8, amount: u64) -> Event {
    Event::RefundAsked { refund, attempt: 0, amount: fen(amount), wish: None }
}

fn ended(refund: u8, end: RefundEnd) -> Event {
    Event::RefundEnded { refund, end }
}

fn elsewhere(amount: u64) -> Event {
    under_way_elsewhere(amount, 0)
}

fn under_way_elsewhere(amount: u64, open: u64) -> Event {
    forgotten_elsewhere(amount, open, 0)
}

/// So many of them under numbers that are the order's own.
fn forgotten_elsewhere(amount: u64, open: u64, used_up: u8) -> Event {
    Event::RefundedElsewhere { attempt: 0, amount: fen(amount), open: fen(open), used_up }
}

/// Paid, and shipped.
fn shipped() -> Order {
    run(&[(placed(), 1), (paid("T1", PRICE), 60), (Event::Shipped, 61)]).order
}

fn ship(order: &Order) -> bool {
    let transaction_id = TransactionId::new("T1").unwrap();
    order.still_wants(&Effect::Ship { attempt: 0, transaction_id, paid_at: at(60) })
}

fn then(order: &Order, events: &[Event]) -> Step {
    let mut step = Step { order: order.clone(), effects: Vec::new() };
    for event in events {
        step = step.order.handle(event, at(500));
    }
    step
}

#[test]
fn what_is_paid_after_a_cancel_goes_back_also_when_the_order_had_expired() {
    let closing = [(placed(), 1), (Event::Tick, 7_200)];
    let step = run(&[closing.as_slice(), &[(paid("T1", PRICE), 7_201)]].concat());
    assert_eq!(kinds(&step), ["ship"], "it was paid in time");
    let cancelled = [closing.as_slice(), &[(Event::Cancel, 7_201)]].concat();
    assert_eq!(run(&cancelled).order.phase(), Phase::Closing(Reason::Cancelled));
    let step = run(&[cancelled.as_slice(), &[(paid("T1", PRICE), 7_202)]].concat());
    assert_eq!(kinds(&step), ["refund", "paid_after_cancel"]);
}

#[test]
fn a_payment_that_goes_back_is_refunded_once_it_is_back() {
    let step = run(&[(placed(), 1), (Event::Cancel, 10), (paid("T1", PRICE), 20)]);
    let transaction_id = TransactionId::new("T1").unwrap();
    let refund = Effect::Refund { refund: 0, attempt: 0, transaction_id, amount: fen(PRICE) };
    assert_eq!(step.effects[0], refund);
    let number = step.order.out_refund_no(0).unwrap();
    assert_eq!(number.as_str(), "20261124032600K7Q2M9XB-R1");
    assert_eq!(step.order.out_refund_no(1), None);
    assert!(step.order.still_wants(&refund));
    assert_eq!(step.order.watched_phase(), watch::Phase::Refunding);

    let done = step.order.handle(&ended(0, RefundEnd::Done), at(30));
    assert_eq!(done.order.watched_phase(), watch::Phase::Refunded);
    assert_eq!(done.order.phase(), Phase::Closed(Reason::Cancelled));
    assert!(!done.order.still_wants(&refund));
    let again = done.order.handle(&ended(0, RefundEnd::Done), at(31));
    assert_eq!((&again.order, kinds(&again)), (&done.order, vec![]));
}

#[test]
fn a_closed_refund_of_an_anomaly_is_followed_by_the_next_number() {
    let mut order = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    for closed in 0..3 {
        let step = order.handle(&ended(closed, RefundEnd::Closed), at(10));
        let expected = Effect::Refund {
            refund: closed + 1,
            attempt: 0,
            transaction_id: TransactionId::new("T1").unwrap(),
            amount: fen(PRICE),
        };
        assert_eq!(step.effects[..], [expected]);
        let again = step.order.handle(&ended(closed, RefundEnd::Closed), at(11));
        assert_eq!((&again.order, kinds(&again)), (&step.order, vec![]));
        assert_eq!(step.order.watched_phase(), watch::Phase::Refunding);
        order = step.order;
    }
    assert_eq!(order.out_refund_no(3).unwrap().as_str(), "20261124032600K7Q2M9XB-R4");
    let order = then(&order, &[ended(3, RefundEnd::Done)]).order;
    assert_eq!(order.watched_phase(), watch::Phase::Refunded);
}

#[test]
fn a_closed_refund_brings_nothing_back_that_a_person_has_dropped() {
    let late = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    // By hand, in ours' place, and that came to nothing: two of ours are under way.
    let first = then(&late, &[elsewhere(1_200), ended(0, RefundEnd::Closed)]).order;
    let both = then(&first, &[elsewhere(0)]).order;
    let amounts: StdVec<_> = both.refunds().iter().map(|part| part.amount.get()).collect();
    assert_eq!(amounts, [PRICE, PRICE - 1_200, 1_200]);
    let step = then(&both, &[ended(1, RefundEnd::Dropped), ended(2, RefundEnd::Closed)]);
    assert_eq!((kinds(&step), step.order.refunds()[3].amount), (vec!["refund"], fen(1_200)));
}

#[test]
fn a_shops_refund_is_numbered_by_its_wish_and_not_by_its_place() {
    let ask = |refund, wish| Event::RefundAsked {
        refund,
        attempt: 0,
        amount: fen(100),
        wish: NonZeroU32::new(wish),
    };
    let order = then(&shipped(), &[ask(0, 7), ask(1, 8)]).order;
    let numbers = [0, 1].map(|refund| order.out_refund_no(refund).unwrap());
    assert_eq!(numbers[1].as_str(), "20261124032600K7Q2M9XB-S00000008");
    let other_way_round = then(&shipped(), &[ask(0, 8), ask(1, 7)]).order;
    assert_eq!(other_way_round.out_refund_no(1).as_ref(), Some(&numbers[0]));
}

#[test]
fn a_number_that_wechat_has_and_we_have_forgotten_is_not_used_again() {
    // It had gone back by us, in a database of which only an older copy is left.
    let mut late = payment("T1", PRICE);
    late.refunded = true;
    let late = [(Event::Cancel, 1), (Event::Paid { attempt: 0, payment: late }, 2)];
    let told = then(&run(&late).order, &[forgotten_elsewhere(PRICE, PRICE, 2)]);
    assert_eq!((kinds(&told), told.order.refundable(0)), (vec![], Fen::ZERO));
    // WeChat closes that, and it goes back once more.
    let closed = then(&told.order, &[forgotten_elsewhere(0, 0, 2)]);
    assert_eq!(kinds(&closed), ["refund"]);
    let number = closed.order.out_refund_no(2).unwrap();
    assert_eq!(number.as_str(), "20261124032600K7Q2M9XB-R3");
    assert_eq!(closed.order.refunds()[2].amount, fen(PRICE));
    let again = then(&closed.order, &[forgotten_elsewhere(0, 0, 2)]);
    assert_eq!((&again.order, kinds(&again)), (&closed.order, vec![]));
    // Closed before anybody heard of it.
    let first = then(&run(&late).order, &[forgotten_elsewhere(0, 0, 1)]);
    assert_eq!((kinds(&first), first.order.next_refund()), (vec!["refund"], 2));
}

#[test]
fn refunds_that_are_always_closed_come_to_an_end() {
    let mut order = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    let mut asked = 1;
    for closed in 0..=u8::MAX {
        let step = order.handle(&ended(closed, RefundEnd::Closed), at(10));
        asked += step.effects.len();
        order = step.order;
    }
    assert_eq!(asked, 64);
    assert_eq!((order.watched_phase(), order.due()), (watch::Phase::Refunding, None));
}

#[test]
fn a_refund_that_failed_waits_for_a_person_and_a_hand_made_one_ends_it() {
    let order = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    let step = order.handle(&ended(0, RefundEnd::Failed), at(10));
    assert_eq!((kinds(&step), step.order.watched_phase()), (vec![], watch::Phase::Refunding));
    assert_eq!(step.order.refundable(0), fen(PRICE));
    let by_hand = step.order.handle(&elsewhere(PRICE), at(11)).order;
    assert_eq!(by_hand.watched_phase(), watch::Phase::Refunded);
    assert_eq!(by_hand.refundable(0), Fen::ZERO);
    // The shop may ask again as well.
    assert_eq!(kinds(&then(&step.order, &[asked(1, PRICE)])), ["refund"]);
}

#[test]
fn what_a_person_has_decided_to_keep_is_owed_no_more() {
    let asked = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    let failed = then(&asked, &[ended(0, RefundEnd::Failed)]).order;
    for order in [asked, failed] {
        let step = order.handle(&ended(0, RefundEnd::Dropped), at(3));
        assert_eq!(kinds(&step), [""; 0]);
        assert_eq!(step.order.refunds()[0].stage, RefundStage::Dropped);
        assert_eq!(step.order.watched_phase(), watch::Phase::Cancelled);
        assert_eq!(step.order.due(), None);
        let still = then(&step.order, &[ended(0, RefundEnd::Closed)]);
        assert_eq!((&still.order, kinds(&still)), (&step.order, vec![]));
        // Whatever was decided, money that is back is back.
        let back = then(&step.order, &[ended(0, RefundEnd::Done)]).order;
        assert_eq!(back.watched_phase(), watch::Phase::Refunded);
    }
}

#[test]
fn a_shop_gives_back_parts_and_never_more_than_was_paid() {
    let order = shipped();
    assert_eq!(order.kept_attempt(), Some(0));
    assert_eq!(order.may_refund(0, Fen::ZERO), Err(RefundRefused::Nothing));
    assert_eq!(order.may_refund(1, fen(1)), Err(RefundRefused::NotPaid));
    assert_eq!(fresh().may_refund(0, fen(1)), Err(RefundRefused::NotPaid));
    let too_much = |left| Err(RefundRefused::TooMuch { left: fen(left) });
    assert_eq!(order.may_refund(0, fen(PRICE + 1)), too_much(PRICE));

    let step = then(&order, &[asked(0, 500)]);
    assert_eq!(kinds(&step), ["refund"]);
    assert_eq!(step.order.may_refund(0, fen(PRICE)), too_much(PRICE - 500));
    assert_eq!(kinds(&then(&step.order, &[asked(1, PRICE)])), [""; 0]);
    assert_eq!(step.order.watched_phase(), watch::Phase::Shipped);

    let step = then(&step.order, &[ended(0, RefundEnd::Done), asked(1, PRICE - 500)]);
    assert_eq!(kinds(&step), ["refund"]);
    assert_eq!(step.order.watched_phase(), watch::Phase::Refunding);
    let back = then(&step.order, &[ended(1, RefundEnd::Done)]).order;
    assert_eq!((back.phase(), back.watched_phase()), (Phase::Shipped, watch::Phase::Refunded));
    assert_eq!(back.may_refund(0, fen(1)), too_much(0));

    // What was closed or failed can be asked for again, by the shop.
    for end in [RefundEnd::Closed, RefundEnd::Failed] {
        let step = then(&step.order, &[ended(1, end)]);
        assert_eq!(kinds(&step), [""; 0]);
        assert_eq!(step.order.watched_phase(), watch::Phase::Shipped);
        assert_eq!(step.order.refundable(0), fen(PRICE - 500));
    }
}

#[test]
fn nothing_ships_once_a_refund_has_started() {
    let paid = run(&[(placed(), 1), (paid("T1", PRICE), 60)]).order;
    assert!(ship(&paid));
    assert!(!ship(&then(&paid, &[elsewhere(1)]).order));
    let refunding = then(&paid, &[asked(0, 1)]).order;
    assert_eq!(refunding.watched_phase(), watch::Phase::Paid);
    assert!(!ship(&refunding));
    // The goods may be anywhere by now; only the shop knows.
    assert!(!ship(&then(&refunding, &[ended(0, RefundEnd::Failed)]).order));
    // It may have been shipping while it asked.
    assert_eq!(then(&refunding, &[Event::Shipped]).order.phase(), Phase::Shipped);
}

#[test]
fn what_went_back_elsewhere_leaves_less_and_never_less_than_nothing() {
    let order = shipped();
    let step = then(&order, &[elsewhere(700)]);
    assert_eq!((kinds(&step), step.order.refundable(0)), (vec![], fen(PRICE - 700)));
    let more = then(&step.order, &[elsewhere(PRICE * 9)]).order;
    assert_eq!(more.refundable(0), Fen::ZERO);
    assert_eq!(more.watched_phase(), watch::Phase::Refunded);
    // One that WeChat closed does not count any more.
    assert_eq!(then(&more, &[elsewhere(0)]).order, order);
}

#[test]
fn what_goes_back_elsewhere_is_refunded_once_the_customer_has_it() {
    let late = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    for order in [shipped(), then(&late, &[ended(0, RefundEnd::Dropped)]).order] {
        let open = then(&order, &[under_way_elsewhere(PRICE, 1)]).order;
        assert_eq!(open.refundable(0), Fen::ZERO, "it counts from the start");
        assert_ne!(open.watched_phase(), watch::Phase::Refunded);
        let back = then(&open, &[elsewhere(PRICE)]).order;
        assert_eq!(back.watched_phase(), watch::Phase::Refunded);
        // What is ours beside it counts.
        let parts = then(&order, &[asked(order.next_refund(), 300), elsewhere(PRICE - 300)]).order;
        assert_ne!(parts.watched_phase(), watch::Phase::Refunded);
        let ours = parts.next_refund() - 1;
        let both = then(&parts, &[ended(ours, RefundEnd::Done)]).order;
        assert_eq!(both.watched_phase(), watch::Phase::Refunded);
        assert_ne!(
            then(&both, &[under_way_elsewhere(PRICE - 300, 1)]).order.watched_phase(),
            watch::Phase::Refunded
        );
    }
}

#[test]
fn what_goes_back_elsewhere_before_the_goods_are_out_is_told_once() {
    let kept = run(&[(placed(), 1), (paid("T1", PRICE), 60)]).order;
    assert_eq!(kinds(&then(&kept, &[elsewhere(0)])), [""; 0], "nothing went back");
    let step = then(&kept, &[elsewhere(1)]);
    assert_eq!(kinds(&step), ["refunded_elsewhere"]);
    assert!(!ship(&step.order));
    for more in [elsewhere(1), elsewhere(2), under_way_elsewhere(2, 1)] {
        assert_eq!(kinds(&then(&step.order, &[more])), [""; 0]);
    }
    assert_eq!(kinds(&then(&shipped(), &[elsewhere(1)])), [""; 0]);
}

#[test]
fn what_went_back_elsewhere_and_comes_to_nothing_is_owed_again() {
    let refunded = Payment { refunded: true, ..payment("T1", PRICE) };
    let told = Event::Paid { attempt: 0, payment: refunded };
    let order = run(&[(placed(), 1), (told.clone(), 2)]).order;
    assert_eq!(order.watched_phase(), watch::Phase::Refunding, "how much of it, nobody has said");
    // A part by hand: the rest is a person's.
    let part = then(&order, &[elsewhere(1)]);
    assert_eq!((kinds(&part), part.order.watched_phase()), (vec![], watch::Phase::Refunding));
    // If WeChat does not give it back, he has the last word.
    let over = then(&part.order, &[Event::Cancel, asked(0, PRICE - 1)]).order;
    let failed = then(&over, &[ended(0, RefundEnd::Failed)]).order;
    assert_eq!(failed.watched_phase(), watch::Phase::Refunding);
    let dropped = then(&failed, &[ended(0, RefundEnd::Dropped)]).order;
    assert_eq!(dropped.watched_phase(), watch::Phase::Cancelled);
    let back = then(&order, &[elsewhere(PRICE)]).order;
    assert_eq!(back.watched_phase(), watch::Phase::Refunded);

    let step = then(&back, &[elsewhere(0)]);
    let amount = fen(PRICE);
    assert_eq!(then(&order, &[elsewhere(0)]).effects, step.effects, "the first word of it");
    let transaction_id = TransactionId::new("T1").unwrap();
    assert_eq!(
        step.effects[..],
        [Effect::Refund { refund: 0, attempt: 0, transaction_id, amount }]
    );
    assert_eq!(step.order.watched_phase(), watch::Phase::Refunding);
    assert_eq!(then(&step.order, &[elsewhere(0)]).order, step.order);
    // A part that the shop wants back does not keep the rest.
    let shops = then(&order, &[asked(0, 500), elsewhere(0)]);
    let rest = fen(PRICE - 500);
    assert_eq!((kinds(&shops), shops.order.refunds()[1].amount), (vec!["refund"], rest));
    // What WeChat could not do of it stays the shop's, however often the same is heard.
    let could_not = [asked(0, 500), elsewhere(0), ended(0, RefundEnd::Failed), elsewhere(0)];
    assert_eq!(kinds(&then(&order, &could_not)), [""; 0]);
    // Another number's payment may be on its way back already.
    let wrong = Event::Paid { attempt: 1, payment: payment("T2", 1) };
    let both = run(&[(placed(), 1), (OVER, 2), (wrong, 3), (told, 4)]).order;
    assert_eq!(kinds(&then(&both, &[elsewhere(0)])), ["refund"]);
    // The same sum again is no news.
    assert_eq!(kinds(&then(&order, &[elsewhere(1), elsewhere(1)])), [""; 0]);
    // What goes back already is not asked for once more.
    let ours = then(&part.order, &[asked(0, PRICE - 1)]).order;
    let rest = then(&ours, &[elsewhere(0)]);
    assert_eq!((kinds(&rest), rest.order.refunds()[1].amount), (vec!["refund"], fen(1)));
    let late = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    assert_eq!(kinds(&then(&late, &[elsewhere(PRICE), elsewhere(0)])), [""; 0]);
}

/// A payment of which some went back before anybody here knew of it, in an order that is over.
fn known_because_some_went_back() -> Order {
    let payment = Payment { refunded: true, ..payment("T1", PRICE) };
    let order = run(&[(placed(), 1), (Event::Paid { attempt: 0, payment }, 2)]).order;
    order.handle(&Event::Tick, at(EXPIRY_S)).order
}

#[test]
fn what_a_person_keeps_of_a_payment_of_which_some_went_back_is_owed_no_more() {
    let kept = Event::RestKept { attempt: 0 };
    let part = then(&known_because_some_went_back(), &[elsewhere(500)]).order;
    assert_eq!(part.watched_phase(), watch::Phase::Refunding, "a person has to decide");
    let step = then(&part, std::slice::from_ref(&kept));
    assert_eq!((kinds(&step), step.order.watched_phase()), (vec![], watch::Phase::Expired));
    assert_eq!(then(&step.order, std::slice::from_ref(&kept)).order, step.order);
    assert_eq!(step.order.attempt_of(&TransactionId::new("T1").unwrap()), Some(0));
    assert_eq!(step.order.attempt_of(&TransactionId::new("T2").unwrap()), None);

    // He may still give more of it back, and what is under way shows.
    let asked_for = then(&step.order, &[asked(0, PRICE - 500)]).order;
    assert_eq!(asked_for.watched_phase(), watch::Phase::Refunding);
    let failed = then(&asked_for, &[ended(0, RefundEnd::Failed)]).order;
    assert_eq!(failed.watched_phase(), watch::Phase::Refunding);
    let back = then(&asked_for, &[ended(0, RefundEnd::Done)]).order;
    assert_eq!(back.watched_phase(), watch::Phase::Refunded);
    let under_way = then(&step.order, &[under_way_elsewhere(700, 200)]).order;
    assert_eq!(under_way.watched_phase(), watch::Phase::Refunding);
    assert_eq!(then(&under_way, &[elsewhere(700)]).order.watched_phase(), watch::Phase::Expired);
    // What has come to nothing goes back by the rule, and no more than that.
    let closed = then(&step.order, &[elsewhere(0)]);
    assert_eq!((kinds(&closed), closed.order.refunds()[0].amount), (vec!["refund"], fen(500)));
    let back = then(&closed.order, &[ended(0, RefundEnd::Done)]).order;
    assert_eq!(back.watched_phase(), watch::Phase::Expired);
}

#[test]
fn only_a_payment_of_which_some_went_back_before_can_be_kept_by_a_word() {
    let late = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    let good = run(&[(placed(), 1), (paid("T1", PRICE), 60)]).order;
    for order in [then(&late, &[elsewhere(500)]).order, then(&good, &[elsewhere(500)]).order] {
        for attempt in [0, 1, u8::MAX] {
            assert_eq!(then(&order, &[Event::RestKept { attempt }]).order, order);
        }
    }
}

#[test]
#[cfg(feature = "serde")]
fn a_payment_stored_before_anybody_could_keep_its_rest_is_read() {
    let order = known_because_some_went_back();
    let mut stored = serde_json::to_value(&order).unwrap();
    let payment = stored["attempts"][0]["payment"].as_object_mut().unwrap();
    assert!(payment.remove("rest_kept").is_some());
    assert_eq!(serde_json::from_value::<Order>(stored).unwrap(), order);
}

#[test]
fn what_comes_to_nothing_elsewhere_is_told_where_nothing_goes_back() {
    let report =
        |events: &[Event], order: &Order| kinds(&then(&then(order, events).order, &[elsewhere(0)]));
    let kept = run(&[(placed(), 1), (paid("T1", PRICE), 60)]).order;
    assert_eq!(report(&[elsewhere(PRICE)], &kept), ["elsewhere_closed"], "it may not be shipped");
    assert_eq!(report(&[elsewhere(PRICE)], &shipped()), [""; 0]);
    // What a person has decided is not decided again.
    let late = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    let dropped = [ended(0, RefundEnd::Dropped), elsewhere(PRICE)];
    assert_eq!(report(&dropped, &late), ["elsewhere_closed"]);
    // Nor is what WeChat could not do, which he was told to pay: he may have done so.
    let failed = [ended(0, RefundEnd::Failed), elsewhere(PRICE)];
    assert_eq!(report(&failed, &late), ["elsewhere_closed"]);
    assert_eq!(kinds(&then(&late, &[&failed[..], &[elsewhere(1)]].concat())), ["elsewhere_closed"]);
    // Ours was closed because that one stood in its place: it goes back under the next number.
    let closed = [ended(0, RefundEnd::Closed), elsewhere(PRICE), ended(1, RefundEnd::Closed)];
    assert_eq!(report(&closed, &late), ["refund"]);
}

#[test]
fn a_recorded_refund_is_not_sent_when_the_money_is_back_already() {
    let order = run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]).order;
    let step = then(&order, &[ended(0, RefundEnd::Closed)]);
    let second = step.effects[0].clone();
    assert!(step.order.still_wants(&second));
    // WeChat said that the first was closed, and it was done all the same.
    let back = then(&step.order, &[ended(0, RefundEnd::Done)]).order;
    assert!(!back.still_wants(&second));
    assert!(!then(&step.order, &[elsewhere(1)]).order.still_wants(&second));
}

#[test]
fn a_payment_is_not_given_back_while_wechat_is_asked_about_it() {
    let doubtful = run(&[(paid("T1", PRICE), 2), (paid("T2", PRICE), 3)]).order;
    assert_eq!(doubtful.may_refund(0, fen(1)), Err(RefundRefused::InDoubt));
    assert_eq!(kinds(&then(&doubtful, &[asked(0, 1)])), [""; 0]);
    for answer in [paid("T1", PRICE), Event::SaysPaid { attempt: 0 }] {
        let answered = then(&doubtful, &[answer]).order;
        assert_eq!(answered.may_refund(0, fen(1)), Ok(()));
    }
}

#[test]
fn a_shop_has_fifty_refunds_and_payments_that_may_not_be_kept_still_go_back() {
    let mut order = run(&[(OVER, 1), (paid("T1", PRICE), 2)]).order;
    for refund in 0..50 {
        order = then(&order, &[asked(refund, 1)]).order;
    }
    assert_eq!(order.refunds().len(), 50);
    assert_eq!(order.may_refund(0, fen(1)), Err(RefundRefused::TooMany));
    let second = Event::Paid { attempt: 1, payment: payment("T2", PRICE) };
    let step = then(&order, &[second]);
    assert_eq!(kinds(&step), ["refund", "paid_twice"]);
    let number = step.order.out_refund_no(50).unwrap();
    assert_eq!(number.as_str(), "20261124032600K7Q2M9XB-R51");
}

#[test]
fn a_refusal_tells_what_to_do() {
    let text = RefundRefused::TooMuch { left: fen(1300) }.to_string();
    assert_eq!(text, "only 1300 fen of the payment are left to go back");
}

#[test]
#[cfg(feature = "serde")]
fn an_order_stored_before_there_were_refunds_asks_for_what_is_due() {
    let second = Event::Paid { attempt: 1, payment: payment("T2", PRICE) };
    for step in [
        run(&[(Event::Cancel, 1), (paid("T1", PRICE), 2)]),
        run(&[(OVER, 1), (second, 2), (paid("T1", PRICE), 3)]),
    ] {
        let mut stored = serde_json::to_value(&step.order).unwrap();
        assert_eq!(stored["refunds"][0]["by"], "rule");
        assert!(stored.as_object_mut().unwrap().remove("refunds").is_some());
        let payment = stored["attempts"][0]["payment"].as_object_mut().unwrap();
        assert!(payment.remove("elsewhere").is_some());
        let old: Order = serde_json::from_value(stored).unwrap();
        assert_eq!(old.watched_phase(), step.order.watched_phase());
        assert!(old.due().is_some());
        let tick = old.handle(&Event::Tick, at(1_000));
        assert_eq!(tick.effects[..], step.effects[..1]);
        assert_eq!(tick.order, step.order);
        assert_eq!(tick.order.due(), None);
    }

    let transaction_id = TransactionId::new("T1").unwrap();
    let effect = Effect::Refund { refund: 0, attempt: 0, transaction_id, amount: fen(PRICE) };
    let old = r#"{"refund":{"attempt":0,"transaction_id":"T1","amount":1800}}"#;
    assert_eq!(serde_json::from_str::<Effect>(old).unwrap(), effect);
}

#[test]
fn an_order_stays_small_enough_to_be_copied_in_every_step() {
    assert_eq!(size_of::<RefundPart>(), 16);
    assert!(size_of::<Order>() <= 4_096, "{}", size_of::<Order>());
}
