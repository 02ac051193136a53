//! The judge's last word, when everything has come to rest.

use crate::bills::LedgerDay;
use crate::judge::{Captured, Judge, order_of};
use std::collections::{BTreeMap, BTreeSet};

/// A row of the server's database, as texts by column.
pub(crate) type Row = BTreeMap<&'static str, String>;
type Rows = Vec<Row>;

/// After so many refunds of a payment that WeChat has closed, the next one is a person's.
const CLOSED_MAX: usize = 5;

/// What the server's database holds at the end.
pub(crate) struct Books {
    pub(crate) orders: Rows,
    pub(crate) payments: Rows,
    pub(crate) anomalies: Rows,
    pub(crate) refunds: Rows,
    pub(crate) outbox: Rows,
    pub(crate) bills: Rows,
    pub(crate) differences: Rows,
}

impl Books {
    /// Whether a person was told of this refund.
    fn alarms(&self, number: &str) -> bool {
        let mut ours = self.refunds.iter().filter(|row| cell(row, "out_refund_no") == number);
        ours.any(|row| !cell(row, "trouble").is_empty())
    }
}

pub(crate) fn cell<'r>(row: &'r Row, column: &str) -> &'r str {
    row.get(column).map_or("", String::as_str)
}

impl Judge {
    /// Judges what is left when nothing moves any more.
    pub(crate) fn at_rest(&mut self, books: &Books, days: &[LedgerDay]) {
        let left_out = self.left_out(books);
        self.orders_at_rest(books);
        self.fair_at_rest(books);
        self.alarms_are_needed(books);
        self.payments_known(books, &left_out);
        self.each_payment(books, &left_out);
        self.promises_kept(books);
        self.bills_in_time(days);
        self.days_compared(books, days);
        self.differences_end(books, &left_out);
        self.differences_are_true(books);
        self.rows_say(books);
        self.other_sums_are_told(books);
        self.too_many_stay();
        self.lost_orders_wait(books);
        self.dropped_stay(books);
    }

    fn orders_at_rest(&mut self, books: &Books) {
        for row in &books.orders {
            let (id, phase) = (cell(row, "order_id"), cell(row, "phase"));
            if matches!(phase, "placing" | "open" | "closing") || !cell(row, "due_at").is_empty() {
                self.violation(format!("{id} never ends: it is {phase}"));
            }
        }
        for row in &books.outbox {
            let (key, state) = (cell(row, "key"), cell(row, "state"));
            // What waits for a person, who was told, is tried for ever.
            let may_stay = |it: &str| self.may_fail(order_of(it)) || self.has_another_sum(it);
            let told =
                key.strip_prefix("refund-").is_some_and(|it| books.alarms(it) && may_stay(it));
            if matches!(state, "pending" | "leased") && !told {
                let (tries, error) = (cell(row, "tries"), cell(row, "last_error"));
                self.violation(format!("{key} is never done: {state}, {tries} tries, {error}"));
            }
            // No shop fails for as long as it is told.
            if state == "dead" {
                self.violation(format!("{key} is given up after {} tries", cell(row, "tries")));
            }
        }
    }

    /// Our books and the gateway's say the same of each payment, to the fen.
    fn payments_known(&mut self, books: &Books, left_out: &BTreeSet<String>) {
        let mut ours = BTreeMap::new();
        for row in &books.payments {
            let fen: u64 = cell(row, "total_fee_fen").parse().unwrap_or(0);
            let what = (cell(row, "out_trade_no").to_owned(), fen);
            ours.insert(cell(row, "transaction_id").to_owned(), what);
        }
        let theirs: BTreeMap<String, (String, u64)> = self
            .captured
            .iter()
            .map(|(id, it)| (id.clone(), (it.number.clone(), it.total_fen)))
            .collect();
        for (id, what) in &theirs {
            let may_lack = left_out.contains(id) && !ours.contains_key(id);
            if ours.get(id) != Some(what) && !may_lack {
                self.violation(format!("{id} is {what:?} at WeChat and {:?} here", ours.get(id)));
            }
        }
        for id in ours.keys().filter(|id| !theirs.contains_key(*id)) {
            self.violation(format!("{id} is a payment here that WeChat has never seen"));
        }
        let mut done: BTreeMap<String, u64> = BTreeMap::new();
        for row in books.refunds.iter().filter(|row| cell(row, "state") == "done") {
            let fen: u64 = cell(row, "part_fen").parse().unwrap_or(0);
            *done.entry(cell(row, "transaction_id").to_owned()).or_default() += fen;
        }
        let mut wrong = Vec::new();
        for (id, captured) in &self.captured {
            let (back, ours) = (captured.refunded(), done.get(id).copied().unwrap_or(0));
            // Of a payment that is no order's, because its number was paid twice or is nobody's,
            // nobody here follows what a person gives back.
            let is_followed = self.bought.contains_key(order_of(&captured.number))
                && !self.is_paid_twice(&captured.number);
            let by_hand = captured.refunds.iter().filter(|(number, refund)| {
                !refund.closed && self.by_hand.contains(*number) && !is_followed
            });
            let by_hand: u64 = by_hand.map(|(_, refund)| refund.fen).sum();
            let is_otherwise = self.goes_back_otherwise(captured);
            if ours != back && ours + by_hand != back && !is_otherwise {
                let rows = books.refunds.iter().filter(|row| cell(row, "transaction_id") == id);
                let rows: Vec<String> = rows.map(|row| format!("{row:?}")).collect();
                wrong.push(format!(
                    "of {id} {back} fen went back at WeChat and {ours} here: {rows:?}"
                ));
            }
        }
        for row in &books.refunds {
            if cell(row, "state") == "failed" && cell(row, "trouble").is_empty() {
                wrong.push(format!("a refund has failed, and nobody is told: {row:?}"));
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }

    /// Each payment was shipped for once, or went back once, or is held with an alarm where that is
    /// the policy.
    fn each_payment(&mut self, books: &Books, left_out: &BTreeSet<String>) {
        let mut alarms: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in &books.anomalies {
            alarms.entry(cell(row, "transaction_id")).or_default().insert(cell(row, "kind"));
        }
        let mut waiting: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for row in &books.refunds {
            let what = (cell(row, "out_refund_no"), cell(row, "state"));
            waiting.entry(cell(row, "transaction_id")).or_default().push(what);
        }
        let shipped_for = self.shipped_for(&alarms, left_out);
        let mut wrong = Vec::new();
        for (id, captured) in &self.captured {
            let has_alarm =
                |kind| alarms.get(id.as_str()).is_some_and(|kinds| kinds.contains(kind));
            let rows = waiting.get(id.as_str()).map_or(&[][..], Vec::as_slice);
            let shops: u64 = captured
                .refunds
                .iter()
                .filter(|(number, refund)| !refund.closed && !self.is_by_rule(number))
                .map(|(_, refund)| refund.fen)
                .sum();
            let refunded = captured.refunded();
            let by_rule = refunded - shops;
            if shipped_for.contains(id) {
                if by_rule > 0 {
                    wrong.push(format!("{id} is shipped for, and {by_rule} fen went back"));
                }
                continue;
            }
            let is_back = refunded == captured.total_fen;
            // Its shop has begun to give it back: what is left of it is the shop's word.
            let of_shop = captured.refunds.keys().any(|number| self.promised.contains_key(number))
                || rows.iter().any(|(number, _)| self.promised.contains_key(*number));
            let waits = has_alarm("not_fetched") || has_alarm("not_confirmed");
            let conflict = has_alarm("conflict") && self.is_paid_twice(&captured.number);
            let by_person = rows.iter().any(|(number, state)| match *state {
                "held" => self.may_be_held(id),
                "dismissed" => self.may_be_dismissed.contains(*number),
                "failed" => self.may_be_given_up(number, rows),
                _ => false,
            });
            // Somebody gave a part back by hand, and that was the first that we heard of it; or it
            // came to nothing, and the goods of a payment that is kept were not sent meanwhile.
            let is_paid = self.bought.get(order_of(&captured.number));
            let is_paid = is_paid.is_some_and(|order| order.phase == "paid");
            let is_kept = self.is_rest_kept(id);
            let by_hand = has_alarm("refunded_elsewhere")
                && captured.refunds.iter().any(|(number, refund)| {
                    self.by_hand.contains(number) && (!refund.closed || is_paid || is_kept)
                });
            let told = conflict || waits || by_person || by_hand || left_out.contains(id);
            // So is what somebody gives back by hand of an order that is otherwise good.
            let of_shop = of_shop
                || !alarms.contains_key(id.as_str())
                    && captured
                        .refunds
                        .iter()
                        .any(|(number, refund)| self.by_hand.contains(number) && !refund.closed);
            if !(is_back || of_shop || told) {
                let (number, total) = (&captured.number, captured.total_fen);
                wrong.push(format!(
                    "{id} ({number}, {total} fen) was neither shipped for nor given back: \
                     {refunded} fen are back, refunds {rows:?}, alarms {:?}",
                    alarms.get(id.as_str())
                ));
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }

    /// Whether a person has kept what is left of a payment of which some went back by hand; as much
    /// is back then as was to go back by hand, also where WeChat has closed that.
    fn is_rest_kept(&self, transaction_id: &str) -> bool {
        let Some(captured) = self.captured.get(transaction_id) else { return false };
        let by_hand = captured.refunds.iter().filter(|(number, _)| self.by_hand.contains(*number));
        let meant: u64 = by_hand.map(|(_, refund)| refund.fen).sum();
        let word = (transaction_id.to_owned(), "refunded_elsewhere".to_owned());
        self.fair.seen_to.contains(&word) && captured.refunded() >= meant
    }

    /// Whether a refund may have failed for good: what the customer could not be given, and what is
    /// closed after five others. Each of those is followed by the next.
    fn may_be_given_up(&self, number: &str, rows: &[(&str, &str)]) -> bool {
        let closed =
            rows.iter().filter(|(other, state)| *state == "closed" && self.is_by_rule(other));
        self.ends_in_change.contains(number)
            || self.ends_badly.contains(number) && closed.count() >= CLOSED_MAX
    }

    /// The payments for which goods went out: where none was named, the one that did not go back
    /// and of which nobody was told that it may not be kept.
    fn shipped_for(
        &self,
        alarms: &BTreeMap<&str, BTreeSet<&str>>,
        left_out: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let waits = |kind: &str| matches!(kind, "not_fetched" | "not_confirmed");
        // What somebody gave back by hand came to nothing, and the goods went out after all: where
        // there is no other payment that they can be for.
        let by_hand = |kind: &str| matches!(kind, "refunded_elsewhere" | "elsewhere_closed");
        let may_ship = |kinds: &BTreeSet<&str>, captured: &Captured, after_all: bool| {
            let after_all = after_all && captured.refunds.values().all(|refund| refund.closed);
            kinds.iter().all(|kind| waits(kind) || after_all && by_hand(kind))
        };
        for (order_id, order) in &self.bought {
            for (_, transaction_id) in &order.shipped {
                let kept = |(id, captured): (&String, &Captured), after_all| {
                    let kinds = alarms.get(id.as_str());
                    let by_rule = captured
                        .refunds
                        .iter()
                        .any(|(number, refund)| !refund.closed && self.is_by_rule(number));
                    let good = order_of(&captured.number) == order_id
                        && captured.total_fen == order.price_fen
                        && kinds.is_none_or(|kinds| may_ship(kinds, captured, after_all))
                        && !left_out.contains(id)
                        && !by_rule;
                    good.then(|| id.clone())
                };
                all.extend(match transaction_id {
                    Some(id) => Some(id.clone()),
                    None => [false, true].into_iter().find_map(|after_all| {
                        self.captured.iter().find_map(|it| kept(it, after_all))
                    }),
                });
            }
        }
        all
    }

    /// What a shop was promised went back, once.
    fn promises_kept(&mut self, books: &Books) {
        let mut wrong = Vec::new();
        for (number, promised) in &self.promised {
            let made: Vec<u64> = self
                .captured
                .values()
                .filter_map(|captured| captured.refunds.get(number))
                .map(|refund| refund.fen)
                .collect();
            let good = made == [promised.fen]
                || made.is_empty()
                    && (self.ends_badly.contains(number)
                        || self.fair.never.contains_key(number)
                        || books.alarms(number) && self.may_fail(&promised.order_id));
            if !good {
                wrong.push(format!("{number}: {} fen were promised, {made:?} made", promised.fen));
            }
            // One that is closed is the shop's to ask for again; nobody has to pay it back.
            let is_failed = books
                .refunds
                .iter()
                .any(|row| cell(row, "out_refund_no") == number && cell(row, "state") == "failed");
            if is_failed && !made.is_empty() && !self.ends_in_change.contains(number) {
                wrong.push(format!("{number} is given to a person, and need not be"));
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }
}
