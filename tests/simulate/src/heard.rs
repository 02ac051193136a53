//! The judge's word about what follows from what WeChat says: what it puts off waits, and for what
//! went back before it was known to be paid no goods go out.

use crate::judge::{Captured, Judge, order_of};
use crate::verdict::{Books, Row, cell};
use std::collections::{BTreeMap, BTreeSet};

/// How long a refund waits at least that WeChat does not want now: a minute. Who could not put that
/// down tries again when his lease ends, of which slow calls to two hosts took some.
const PUT_OFF_S: i64 = 55;
const PUT_OFF_LEASED_S: i64 = 35;
/// How long an order that WeChat does not allow goes on at most when nothing delays it.
const FAILS_WITHIN_S: i64 = 10;
/// An order has no more numbers than this.
const NUMBERS_MAX: u64 = 8;
/// How long after a server has died another one may begin anew what it was at.
const TAKEN_UP_S: i64 = 60;

/// What the judge keeps for it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// When WeChat said last of each refund that it does not want it now, in seconds.
    pub(crate) put_off_s: BTreeMap<String, i64>,
    /// Refunds that somebody may have had tried before their time.
    pub(crate) hurried: BTreeSet<String>,
    /// When the last answer arrives that is about a number or a payment, in milliseconds.
    pub(crate) answered_ms: BTreeMap<String, u64>,
    /// What was sealed in notifications of refunds that were acknowledged.
    pub(crate) refund_notices: BTreeSet<String>,
    /// By payment, refunds by hand that a server was told of before the payment was known.
    pub(crate) told_back: BTreeMap<String, BTreeSet<String>>,
    /// Payments that it has told of for another number as well, and which.
    pub(crate) for_two: BTreeMap<String, String>,
    /// Those of them for which that was acknowledged.
    pub(crate) conflicts: BTreeSet<String>,
    /// Numbers of whose payment nobody is notified.
    pub(crate) at_leisure: BTreeSet<String>,
    /// When whoever has paid looked first at an order that was open all the same, in milliseconds.
    pub(crate) looked_ms: BTreeMap<String, u64>,
    /// Refunds of which it names another sum each time.
    pub(crate) other_sums: BTreeSet<String>,
    /// When WeChat said first of each number that this merchant may not have it, in seconds.
    pub(crate) impossible_s: BTreeMap<String, i64>,
    /// Numbers that WeChat has taken, and of which it said later that they are used.
    pub(crate) used: BTreeSet<String>,
}

impl Judge {
    /// A refund is asked for: not at once again when WeChat has just put it off.
    pub(crate) fn refund_waits(&mut self, number: &str, now_s: i64) {
        let Some(put_off_s) = self.heard.put_off_s.remove(number) else { return };
        let least_s = if self.fair.goes_on { PUT_OFF_S } else { PUT_OFF_LEASED_S };
        let is_sure = self.fair.right_clocks
            && now_s - self.fair.died_s > TAKEN_UP_S
            && !self.heard.hurried.contains(number);
        let waited_s = now_s - put_off_s;
        if is_sure && waited_s < least_s {
            self.violation(format!("{number} is put off, and sent again after {waited_s} s"));
        }
    }

    /// Goods of an order go out: not for what some went back of before it was known to be paid,
    /// unless that comes to nothing.
    pub(crate) fn is_not_told_back(&mut self, order_id: &str, transaction_id: Option<&str>) {
        let mut payments = self.captured.iter().filter(|(_, it)| order_of(&it.number) == order_id);
        let only = payments.next().filter(|_| payments.next().is_none());
        let Some(id) = transaction_id.or(only.map(|(id, _)| id.as_str())) else { return };
        let Some(captured) = self.captured.get(id) else { return };
        let is_back = |number: &String| {
            captured.refunds.get(number).is_some_and(|refund| !refund.closed)
                && !self.ends_badly.contains(number)
        };
        let told = self.heard.told_back.get(id);
        if told.is_some_and(|numbers| numbers.iter().any(is_back)) {
            self.violation(format!(
                "{order_id} ships, and WeChat had told first that it goes back"
            ));
        }
    }

    /// Whether all answers have arrived that were given about one of these, and not just now.
    pub(crate) fn is_answered(&self, names: [&str; 2], now_ms: u64) -> bool {
        let answered = names.iter().filter_map(|name| self.heard.answered_ms.get(*name));
        answered.max().is_none_or(|answered_ms| *answered_ms < now_ms)
    }

    /// Whether an order may fail although it lives long enough: WeChat does not allow it, or each
    /// number that it may have is used up.
    pub(crate) fn is_impossible(&self, order_id: &str) -> bool {
        self.heard.impossible_s.contains_key(&format!("{order_id}-1"))
            || self.fair.ordered.contains_key(&format!("{order_id}-{NUMBERS_MAX}"))
    }

    /// What WeChat does not allow fails, and where nothing delays it at once.
    pub(crate) fn impossible_fail(&self, books: &Books, wrong: &mut Vec<String>) {
        if !self.fair.is_quiet {
            return;
        }
        for row in &books.orders {
            let (id, phase) = (cell(row, "order_id"), cell(row, "phase"));
            let said_s = self.heard.impossible_s.get(&format!("{id}-1"));
            let order = self.bought.get(id).filter(|order| order.version > 0);
            let Some((said_s, order)) = said_s.zip(order) else { continue };
            let took_s = order.since_s - said_s;
            let is_late = order.phase == phase && took_s > FAILS_WITHIN_S;
            if !self.fair.cancelled.contains(id) && (phase != "failed" || is_late) {
                wrong.push(format!(
                    "WeChat does not allow {id}, and it is {phase} after {took_s} s"
                ));
            }
        }
    }

    /// What WeChat has told of for two numbers is put down as a conflict, which says nothing about
    /// the payment itself.
    pub(crate) fn conflicts_are_told(&mut self, anomalies: &mut Vec<Row>) {
        let is_told = |id: &&String| {
            let mut its = anomalies.iter().filter(|row| cell(row, "transaction_id") == **id);
            its.any(|row| cell(row, "kind") == "conflict")
        };
        let untold = self.heard.conflicts.iter().filter(|id| !is_told(id));
        let untold: Vec<String> = untold.cloned().collect();
        for id in untold {
            self.violation(format!("{id} was told for two numbers, and nobody is told of that"));
        }
        let is_other = |row: &Row| {
            let number = self.heard.for_two.get(cell(row, "transaction_id"));
            number.is_some_and(|number| number == cell(row, "out_trade_no"))
        };
        anomalies.retain(|row| cell(row, "kind") != "conflict" || !is_other(row));
    }

    /// Whether WeChat names another sum whenever it tells of this refund. What ends badly it tells
    /// as it is.
    pub(crate) fn has_another_sum(&self, number: &str) -> bool {
        self.heard.other_sums.contains(number)
            && !self.ends_badly.contains(number)
            && !self.ends_in_change.contains(number)
    }

    /// The same of any refund of a payment.
    pub(crate) fn goes_back_otherwise(&self, captured: &Captured) -> bool {
        captured.refunds.keys().any(|number| self.has_another_sum(number))
    }

    /// What goes back in another sum than was asked for is not done, and a person is told.
    pub(crate) fn other_sums_are_told(&mut self, books: &Books) {
        let mut wrong = Vec::new();
        for row in &books.refunds {
            let (number, state) = (cell(row, "out_refund_no"), cell(row, "state"));
            let captured = self.captured.get(cell(row, "transaction_id"));
            let is_made = captured.is_some_and(|it| it.refunds.contains_key(number));
            let is_untold =
                matches!(state, "asked" | "unsure" | "accepted") && cell(row, "trouble").is_empty();
            if is_made && self.has_another_sum(number) && (state == "done" || is_untold) {
                wrong.push(format!("WeChat names another sum, and nobody is told: {row:?}"));
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }
}
