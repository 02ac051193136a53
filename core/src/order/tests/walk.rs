//! The promises, over every reachable order.

use super::*;
use std::collections::{BTreeMap, HashSet};

/// What has happened to money so far, counted by somebody who knows nothing of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Ledger {
    ships: u8,
    payments: BTreeMap<std::string::String, Account>,
    /// In the order in which they were asked for.
    refunds: StdVec<Refunded>,
}

/// One payment, by its transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Account {
    ships: u8,
    is_reported: bool,
    /// Whether the rule that it must go back has been followed.
    given_back: bool,
    elsewhere: u64,
    /// What of that the customer does not have yet.
    open: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Refunded {
    transaction: std::string::String,
    fen: u64,
    /// `Some(true)`: the money is back; `None`: it never will be.
    back: Option<bool>,
}

fn fen_of(transaction: &str, wrong_fen: u64) -> u64 {
    if transaction == "D" { wrong_fen } else { PRICE }
}

impl Ledger {
    fn hear(&mut self, before: &Order, event: &Event) {
        match event {
            Event::RefundEnded { refund, end } => {
                if let Some(refund) = self.refunds.get_mut(usize::from(*refund)) {
                    match (refund.back, end) {
                        (_, RefundEnd::Done) => refund.back = Some(true),
                        (Some(true), _) => {}
                        (_, RefundEnd::Failed | RefundEnd::Closed | RefundEnd::Dropped) => {
                            refund.back = None;
                        }
                    }
                }
            }
            Event::RefundedElsewhere { attempt, amount, open, .. } => {
                if let Some((transaction, paid)) = before.captured(*attempt) {
                    let account = self.payments.entry(format!("{transaction}")).or_default();
                    account.elsewhere = amount.get().min(paid.get());
                    account.open = open.get();
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, event: &Event, effects: &[Effect], wrong_fen: u64) {
        for effect in effects {
            match effect {
                Effect::Ship { transaction_id, .. } => {
                    self.ships += 1;
                    self.payments.entry(format!("{transaction_id}")).or_default().ships += 1;
                }
                Effect::Refund { refund, transaction_id, amount, .. } => {
                    let transaction = format!("{transaction_id}");
                    assert_eq!(usize::from(*refund), self.refunds.len(), "a number was left out");
                    let left = fen_of(&transaction, wrong_fen) - self.back(&transaction);
                    assert!(amount.get() <= left, "{amount} of {left}: {self:?}");
                    if !matches!(event, Event::RefundAsked { .. }) {
                        // After one that was closed, as much as that one was.
                        let most = match event {
                            Event::RefundEnded { refund, .. } => {
                                self.refunds[usize::from(*refund)].fen
                            }
                            _ => left,
                        };
                        assert_eq!(amount.get(), left.min(most), "not whole: {self:?}");
                        let account = self.payments.entry(transaction.clone()).or_default();
                        account.given_back = true;
                    }
                    let back = Some(false);
                    self.refunds.push(Refunded { transaction, fen: amount.get(), back });
                }
                Effect::Report { transaction_id, .. } => {
                    let account = self.payments.entry(format!("{transaction_id}")).or_default();
                    account.is_reported = true;
                }
                Effect::RefundQuery { .. } => panic!("the machine does not ask for it"),
                Effect::Place { .. }
                | Effect::Renew { .. }
                | Effect::Query { .. }
                | Effect::Close { .. } => {}
            }
        }
    }

    /// How much of a payment goes back or is back.
    fn back(&self, transaction: &str) -> u64 {
        let ours = self.refunds.iter().filter(|it| it.transaction == transaction);
        let ours: u64 = ours.filter(|it| it.back.is_some()).map(|it| it.fen).sum();
        ours + self.payments.get(transaction).map_or(0, |account| account.elsewhere)
    }
}

/// Every event worth distinguishing, about the first two attempts; one payment is of this amount.
fn alphabet(wrong_fen: u64) -> StdVec<Event> {
    // `Watched` only asks, as `Tick` does, and would multiply the orders by the times of asking.
    let mut events = vec![Event::Cancel, Event::Ask, Event::Tick, Event::Shipped];
    for attempt in 0..2 {
        let code_url = "weixin://wxpay/bizpayurl?pr=1".try_into().unwrap();
        events.extend([
            Event::Placed { attempt, code_url },
            Event::PlaceUnknown { attempt },
            Event::PlaceImpossible { attempt },
            Event::SaysPaid { attempt },
            Event::NotPaid { attempt },
            Event::NumberOver { attempt },
            Event::NumberUsed { attempt },
            Event::CloseConfirmed { attempt },
            Event::NotFound { attempt, on_close: true },
            Event::NotFound { attempt, on_close: false },
        ]);
    }
    let about =
        |attempt, transaction, fen| Event::Paid { attempt, payment: payment(transaction, fen) };
    events.extend([about(0, "A", PRICE), about(1, "C", PRICE), about(0, "D", wrong_fen)]);
    events
}

/// Parts and wholes, asked for and ended in every way, by us and by hand.
fn refunds() -> StdVec<Event> {
    let mut events = vec![];
    for refund in 0..2 {
        for amount in [700, PRICE] {
            let amount = Fen::new(amount).unwrap();
            events.push(Event::RefundAsked { refund, attempt: 0, amount, wish: None });
        }
        for end in [RefundEnd::Done, RefundEnd::Failed, RefundEnd::Closed] {
            events.push(Event::RefundEnded { refund, end });
        }
    }
    events.push(Event::RefundEnded { refund: 0, end: RefundEnd::Dropped });
    for (amount, open) in [(0, 0), (1_200, 1_200), (1_200, 0)] {
        let [amount, open] = [amount, open].map(|fen| Fen::new(fen).unwrap());
        events.push(Event::RefundedElsewhere { attempt: 0, amount, open, used_up: 0 });
    }
    events
}

#[test]
fn the_promises_hold_in_every_reachable_order_where_somebody_pays_too_little() {
    walk(&[fresh()], &alphabet(PRICE - 1), PRICE - 1);
}

#[test]
fn the_promises_hold_in_every_reachable_order_where_somebody_pays_too_much() {
    walk(&[fresh()], &alphabet(PRICE + 1), PRICE + 1);
}

/// What becomes of money once there is some: in a number before the last, in the last, in an order
/// that is open, given up or over.
#[test]
fn the_promises_hold_in_every_reachable_order_whose_money_goes_back() {
    let begun: [&[(Event, u64)]; 4] =
        [&[(placed(), 1)], &[(OVER, 1)], &[(OVER, 1), (Event::Cancel, 2)], &[(Event::Cancel, 1)]];
    let mut events = refunds();
    let about =
        |attempt, transaction, fen| Event::Paid { attempt, payment: payment(transaction, fen) };
    events.extend([about(0, "A", PRICE), about(1, "C", PRICE), about(0, "D", PRICE + 1)]);
    events.extend([Event::Dispense, Event::Shipped, Event::CloseConfirmed { attempt: 0 }]);
    walk(&begun.map(|events| run(events).order), &events, PRICE + 1);
}

fn walk(begun: &[Order], alphabet: &[Event], wrong_fen: u64) {
    let times = [10, 400, EXPIRY_S];
    let mut seen = HashSet::new();
    let begun = begun.iter().cloned();
    let mut open: StdVec<_> = begun.map(|order| (order, Ledger::default(), 0_usize)).collect();
    while let Some((order, ledger, time)) = open.pop() {
        if order.current_attempt() > 1 || !seen.insert(fingerprint(&order, &ledger, time)) {
            continue;
        }
        if time + 1 < times.len() {
            open.push((order.clone(), ledger.clone(), time + 1));
        }
        for event in alphabet {
            let step = order.handle(event, at(times[time]));
            let mut next = ledger.clone();
            next.hear(&order, event);
            next.note(event, &step.effects, wrong_fen);
            check(&order, event, &step, &next, at(times[time]));
            open.push((step.order, next, time));
        }
    }
    assert!(seen.len() > 1_000, "only {} orders were reached", seen.len());
}

/// Orders are large; their hashes are enough to tell them apart.
fn fingerprint(order: &Order, ledger: &Ledger, time: usize) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (order, ledger, time).hash(&mut hasher);
    hasher.finish()
}

fn check(before: &Order, event: &Event, step: &Step, ledger: &Ledger, now: UnixTime) {
    let context = || format!("{before:#?}\n{event:?}\n{step:#?}\n{ledger:?}");
    assert!(ledger.ships <= 1, "shipped twice: {}", context());
    for (transaction, account) in &ledger.payments {
        let &Account { ships, is_reported, given_back, elsewhere, open: _ } = account;
        assert!(ships + u8::from(given_back) <= 1, "{transaction} doubled: {}", context());
        assert!(ships >= 1 || is_reported, "{transaction} lost: {}", context());
        assert!(transaction != "D" || ships == 0, "wrong amount shipped: {}", context());
        let effect = Effect::Ship {
            attempt: u8::from(transaction == "C"),
            transaction_id: TransactionId::new(transaction).unwrap(),
            paid_at: at(60),
        };
        let started =
            elsewhere > 0 || ledger.refunds.iter().any(|it| it.transaction == *transaction);
        let wanted = ships == 1 && step.order.still_wants(&effect);
        assert!(!(started && wanted), "ships what goes back: {}", context());
    }
    check_books(&step.order, ledger, &context);
    if step.order.is_claimed() && !before.is_claimed() {
        let kept = step.order.kept_attempt().and_then(|attempt| step.order.captured(attempt));
        let (transaction, _) = kept.unwrap_or_else(|| panic!("nothing is paid: {}", context()));
        let goes_back = ledger.refunds.iter().any(|it| it.transaction == transaction.as_str());
        let account = &ledger.payments[transaction.as_str()];
        let is_good = account.ships == 1 && account.elsewhere == 0 && !goes_back;
        assert!(is_good, "claimed what may not ship: {}", context());
    }
    if let Event::Paid { payment, attempt } = event
        && usize::from(*attempt) < before.attempts.len()
    {
        let known = ledger.payments.contains_key(payment.transaction_id.as_str());
        assert!(known, "a payment was forgotten: {}", context());
    }
    let over = matches!(before.phase, Phase::Closed(_) | Phase::Closing(Reason::Cancelled));
    let ships = step.effects.iter().any(|effect| matches!(effect, Effect::Ship { .. }));
    assert!(!(over && ships), "shipped after the end: {}", context());
    match (before.phase, step.order.phase) {
        (Phase::Paid | Phase::Shipped, Phase::Paid | Phase::Shipped)
        | (Phase::Closed(_), Phase::Closed(_)) => {}
        (Phase::Paid | Phase::Shipped | Phase::Closed(_), _) => {
            panic!("went back from the end: {}", context())
        }
        (Phase::Placing | Phase::Open | Phase::Closing(_), _) => {}
    }
    let again = step.order.handle(event, now);
    let same_again = again.order == step.order && again.effects.is_empty();
    // A number that is over is a new fact for each attempt; the second time it is old news.
    assert!(same_again, "the same event again did something: {} {again:#?}", context());
    if step.order.payable_code_url(now).is_some() {
        assert_eq!(step.order.watched_phase(), watch::Phase::Open, "{}", context());
    }
}

/// What the order says of its refunds is what happened, and never more than was paid.
fn check_books(order: &Order, ledger: &Ledger, context: &dyn Fn() -> std::string::String) {
    assert_eq!(order.refunds().len(), ledger.refunds.len(), "{}", context());
    for attempt in 0..=order.current_attempt() {
        let Some((transaction, paid)) = order.captured(attempt) else { continue };
        let back = ledger.back(transaction.as_str()).min(paid.get());
        assert_eq!(order.refundable(attempt).get(), paid.get() - back, "{}", context());
        let all_back = back == paid.get() && {
            let ours = ledger.refunds.iter().filter(|it| it.transaction == transaction.as_str());
            let waiting: u64 = ours.filter(|it| it.back == Some(false)).map(|it| it.fen).sum();
            let open = ledger.payments[transaction.as_str()].open;
            ledger.back(transaction.as_str()) - waiting - open >= paid.get()
        };
        let kept = order.kept_attempt() == Some(attempt);
        let refunded = order.watched_phase() == watch::Phase::Refunded;
        assert!(!kept || refunded == all_back, "refunded {refunded}: {}", context());
    }
    for (index, refund) in ledger.refunds.iter().enumerate() {
        let index = u8::try_from(index).unwrap();
        let part = order.refunds()[usize::from(index)];
        let effect = Effect::Refund {
            refund: index,
            attempt: part.attempt,
            transaction_id: TransactionId::new(&refund.transaction).unwrap(),
            amount: part.amount,
        };
        let open = refund.back == Some(false);
        assert!(open || !order.still_wants(&effect), "refunds what is over: {}", context());
    }
}
