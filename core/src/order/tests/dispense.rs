//! A machine claims, and then it confirms.

use super::*;

fn paid_order() -> Order {
    run(&[(placed(), 1), (paid("T1", PRICE), 60)]).order
}

fn then(order: &Order, event: &Event) -> Order {
    order.handle(event, at(500)).order
}

fn refund() -> Event {
    Event::RefundAsked { refund: 0, attempt: 0, amount: Fen::new(100).unwrap(), wish: None }
}

#[test]
fn what_is_paid_is_claimed_once_and_may_be_asked_for_again() {
    let paid = paid_order();
    let claimed = then(&paid, &Event::Dispense);
    assert!(!paid.is_claimed() && claimed.is_dispensing() && claimed.may_dispense().is_ok());
    assert_eq!(claimed.watched_phase(), watch::Phase::Paid);
    assert_eq!(then(&claimed, &Event::Dispense), claimed);
    let out = then(&claimed, &Event::Shipped);
    assert!(out.is_claimed() && !out.is_dispensing() && out.may_dispense().is_ok());
    assert_eq!(then(&out, &Event::Dispense), out);
}

#[test]
fn nothing_is_claimed_before_it_is_paid_nor_once_it_goes_back() {
    for events in [&[][..], &[(placed(), 1)], &[(placed(), 1), (Event::Cancel, 2)]] {
        let order = run(events).order;
        assert_eq!(order.may_dispense(), Err(DispenseRefused::NotPaid));
        assert_eq!(then(&order, &Event::Dispense), order);
    }
    let amount = Fen::new(1).unwrap();
    let elsewhere = Event::RefundedElsewhere { attempt: 0, amount, open: Fen::ZERO, used_up: 0 };
    for event in [refund(), elsewhere] {
        let back = then(&paid_order(), &event);
        assert_eq!(back.may_dispense(), Err(DispenseRefused::RefundStarted));
        assert_eq!(then(&back, &Event::Dispense), back);
    }
    let told = then(&paid_order(), &Event::Shipped);
    assert_eq!(told.may_dispense(), Err(DispenseRefused::Shipped));
    assert_eq!(then(&told, &Event::Dispense), told);
}

#[test]
fn a_machine_is_told_why_it_may_not_hand_out() {
    let why = |order: &Order| order.may_dispense().unwrap_err().to_string();
    assert_eq!(why(&fresh()), "the order is not paid");
    assert_eq!(why(&then(&paid_order(), &refund())), "the payment of the order goes back");
    let told = then(&paid_order(), &Event::Shipped);
    assert_eq!(why(&told), "the order was shipped in another way");
}

/// Somebody has decided that the money goes back: who has not opened the flap yet must not.
#[test]
fn a_claim_ends_when_a_refund_is_forced_and_can_still_be_confirmed() {
    let claimed = then(&paid_order(), &Event::Dispense);
    let forced = then(&claimed, &refund());
    assert_eq!(forced.may_dispense(), Err(DispenseRefused::RefundStarted));
    assert!(forced.is_dispensing());
    assert_eq!(then(&forced, &Event::Shipped).phase(), Phase::Shipped);
}
