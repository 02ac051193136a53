//! The judge's word about the end of an order, about what only a person may decide, and about what
//! is put down of a bill.

use crate::bills::UNKNOWN_MAX;
use crate::judge::{Captured, Judge, order_of};
use crate::verdict::{Books, Row, cell};
use saoma_sandbox::time::UnixTime;
use saoma_server::UnknownPolicy;
use std::collections::{BTreeMap, BTreeSet};

/// Beijing is eight hours ahead.
const BEIJING_S: i64 = 8 * 3_600;
const DAY_S: i64 = 86_400;
/// A call that was under way when its order ended may still arrive.
const UNDER_WAY_S: i64 = 60;
/// An order whose next number could not live so long any more has no next number.
const NUMBER_LIVES_S: i64 = 60;
/// WeChat wants a minute between two refunds of one payment. Nobody may have put down when the one
/// before was sent: then it is the end of a lease that is waited for, of which slow calls to two
/// hosts took some. WeChat refuses what comes too soon, and is asked again.
const REFUND_GAP_S: i64 = 58;
const REFUND_GAP_LEASED_S: i64 = 35;
/// How long after an earlier number a later one may be the first that is committed.
const COMMITTED_WITHIN_S: i64 = 60;
/// How much before a start a number may have been made after it, by another server's clock.
pub(crate) const CLOCKS_APART_S: i64 = 60;

impl Judge {
    /// An order shows as this now: its time is not over before its end.
    pub(crate) fn ends_in_time(&mut self, order_id: &str, phase: &str, now_s: i64) {
        let Some(first) = self.fair.ordered.get(&format!("{order_id}-1")) else { return };
        let left_s = first.ends_s() - now_s;
        let early = match phase {
            "closing" => left_s > 0,
            "expired" => left_s > NUMBER_LIVES_S,
            _ => false,
        };
        if early && self.fair.right_clocks && !self.fair.cancelled.contains(order_id) {
            self.violation(format!("{order_id} is {phase} {left_s} s before its end"));
        }
    }

    /// A number is asked for: its order is not over.
    pub(crate) fn is_still_wanted(&mut self, number: &str, now_s: i64) {
        let Some(order) = self.bought.get(order_of(number)) else { return };
        let over = matches!(&*order.phase, "cancelled" | "expired" | "failed");
        let since_s = now_s - order.since_s;
        if over && since_s > UNDER_WAY_S && !self.fair.ordered.contains_key(number) {
            let phase = order.phase.clone();
            self.violation(format!("{number} is ordered {since_s} s after it was {phase}"));
        }
    }

    /// A refund is asked for: not before WeChat takes another one of the payment.
    pub(crate) fn refund_in_turn(&mut self, transaction_id: &str, number: &str, now_s: i64) {
        let others = self.fair.asked_s.range((transaction_id.to_owned(), String::new())..);
        let last_s = others
            .take_while(|((id, _), _)| id == transaction_id)
            // One that WeChat does not make at all is no refund.
            .filter(|((_, other), _)| other != number && !self.fair.never.contains_key(other))
            .map(|(_, asked_s)| *asked_s)
            .max();
        let gap_s = if self.fair.goes_on { REFUND_GAP_S } else { REFUND_GAP_LEASED_S };
        if let Some(last_s) = last_s.filter(|last_s| now_s - last_s < gap_s)
            && self.fair.right_clocks
            && now_s - self.fair.died_s > UNDER_WAY_S
        {
            let gap_s = now_s - last_s;
            self.violation(format!("{number} is asked for {gap_s} s after another refund"));
        }
        self.fair.asked_s.insert((transaction_id.to_owned(), number.to_owned()), now_s);
    }

    /// Somebody was told that what he wants cannot be done now, or something else. Where nothing is
    /// wrong that does not happen twice in a row.
    pub(crate) fn answered(&mut self, what: &str, not_now: bool) {
        let times = self.fair.not_now.entry(what.to_owned()).or_default();
        *times = if not_now { *times + 1 } else { 0 };
        if *times > 1 && self.fair.is_quiet {
            self.violation(format!("{what}: not now, again and again"));
        }
    }

    /// Whether a payment goes back by the rule only when a person has let it: what is not an
    /// order's because its number was paid twice, or is nobody's and in part back already.
    pub(crate) fn needs_a_person(&self, transaction_id: &str, number: &str) -> bool {
        let Some(captured) = self.captured.get(transaction_id) else { return false };
        let order_id = order_of(&captured.number);
        let is_orders = order_of(number) == order_id;
        let second = self.bought.contains_key(order_id) && !is_orders;
        let may_be_shops = self.wished.contains(order_id);
        let waits = second || self.is_partly_back(transaction_id);
        waits && !self.is_let_go(number) && !may_be_shops
    }

    /// Whether a person has let this refund go, or an earlier one of the same payment that came to
    /// nothing.
    pub(crate) fn is_let_go(&self, number: &str) -> bool {
        self.released.iter().any(|released| order_of(released) == order_of(number))
    }

    /// An alarm is over once there is nothing to see to, and not before: goods that were confirmed
    /// after all need nobody, and what a refund by hand has not given back needs a person.
    pub(crate) fn alarms_end(&self, books: &Books, wrong: &mut Vec<String>) {
        for row in &books.anomalies {
            let (id, order_id) = (cell(row, "transaction_id"), cell(row, "order_id"));
            let is_done = cell(row, "refund") == "done";
            let key = (id.to_owned(), cell(row, "kind").to_owned());
            let is_over =
                is_done || cell(row, "refund") == "dismissed" && self.fair.seen_to.contains(&key);
            let is_left = self.captured.get(id).is_some_and(|it| it.refunded() < it.total_fen);
            let mut refunds = books.refunds.iter().filter(|it| cell(it, "transaction_id") == id);
            let is_wrong = match cell(row, "kind") {
                "not_fetched" | "not_confirmed" => {
                    !is_over && self.fair.confirmed_s.contains_key(order_id)
                }
                "elsewhere_closed" => {
                    is_done && is_left && !refunds.any(|it| cell(it, "state") == "dismissed")
                }
                _ => false,
            };
            if is_wrong {
                wrong.push(format!("of {order_id} a person reads {row:?}, and it is not so"));
            }
        }
    }

    /// What customers see at the end is so.
    pub(crate) fn phases_are_right(
        &self,
        books: &Books,
        alarms: &BTreeMap<&str, BTreeSet<&str>>,
        wrong: &mut Vec<String>,
    ) {
        for row in &books.orders {
            let (id, phase) = (cell(row, "order_id"), cell(row, "phase"));
            let payments: Vec<(&String, &Captured)> =
                self.captured.iter().filter(|(_, it)| order_of(&it.number) == id).collect();
            let refunds = books.refunds.iter().filter(|row| {
                payments.iter().any(|(payment, _)| *payment == cell(row, "transaction_id"))
            });
            let states: Vec<&str> = refunds.map(|row| cell(row, "state")).collect();
            let is_under_way = |state: &&str| !matches!(*state, "done" | "dismissed");
            // What is left after a part by hand is a person's to give back.
            let waits = payments.iter().any(|(payment, it)| {
                let by_hand = |number: &String| self.by_hand.contains(number);
                alarms.get(payment.as_str()).is_some_and(|it| it.contains("refunded_elsewhere"))
                    && it.refunds.keys().any(by_hand)
                    && it.refunded() < it.total_fen
            });
            if phase == "refunding" && !waits && !states.iter().any(is_under_way) {
                wrong.push(format!("{id} is refunding for ever: {states:?}"));
            }
            let kinds = |payment: &str| alarms.get(payment).cloned().unwrap_or_default();
            let all_due = payments.iter().all(|(payment, _)| {
                let due = ["amount_mismatch", "paid_after_cancel", "paid_after_close"];
                !kinds(payment).is_empty() && kinds(payment).iter().all(|kind| due.contains(kind))
            });
            let slow = payments.iter().find(|(_, it)| it.refunded() < it.total_fen);
            if let Some((payment, _)) = slow
                && phase == "refunded"
                && all_due
                && !states.contains(&"dismissed")
            {
                wrong.push(format!("{id} is refunded, and {payment} is not back: {states:?}"));
            }
        }
    }

    /// Where a day's bill has too many payments of numbers that nobody knows, and nobody was told
    /// of them in another way, none goes back by itself.
    pub(crate) fn too_many_stay(&mut self) {
        if self.unknown != UnknownPolicy::Ours {
            return;
        }
        let mut days: BTreeMap<i64, Vec<&Captured>> = BTreeMap::new();
        for captured in self.captured.values() {
            let is_ours = !captured.number.starts_with("OTHER-");
            if is_ours && self.fair.untold.contains(&captured.number) {
                let day = (captured.at_s + BEIJING_S).div_euclid(DAY_S);
                days.entry(day).or_default().push(captured);
            }
        }
        let days = days.values().filter(|day| day.len() > UNKNOWN_MAX);
        let back: Vec<String> = (days.flatten())
            .filter(|captured| {
                let mut numbers = captured.refunds.keys();
                numbers.any(|number| self.is_by_rule(number) && !self.is_let_go(number))
            })
            .map(|captured| captured.number.clone())
            .collect();
        for number in back {
            self.violation(format!("{number} goes back, one of too many that nobody knows"));
        }
    }

    /// What this database may have lost goes back only when a person has let it: it was in use
    /// before the number was made, a server has started with it after that and before it was paid,
    /// and no order from between shows that it was this one until then.
    pub(crate) fn lost_orders_wait(&mut self, books: &Books) {
        let mut wrong = Vec::new();
        for (id, captured) in &self.captured {
            let time = captured.number.get(..14).unwrap_or_default();
            let Some(made) = UnixTime::from_beijing(time) else { continue };
            let mut starts = self.fair.starts_alone.iter();
            let Some(start) = starts.find(|start| start.as_str() > time) else { continue };
            let Some(started) = UnixTime::from_beijing(start) else { continue };
            let later = made.plus(COMMITTED_WITHIN_S).beijing();
            let until = started.plus(-CLOCKS_APART_S).beijing();
            let mut ids = books.orders.iter().map(|row| cell(row, "order_id"));
            let is_used = ids.any(|order_id| order_id < time);
            let is_known = books.orders.iter().map(|row| cell(row, "order_id")).any(|order_id| {
                order_id == order_of(&captured.number)
                    || order_id > later.as_str() && order_id < until.as_str()
            });
            let mut refunds = books.refunds.iter().filter(|row| cell(row, "transaction_id") == id);
            let is_released = refunds.any(|row| self.released.contains(cell(row, "out_refund_no")));
            let by_rule = captured.refunds.keys().any(|number| self.is_by_rule(number));
            let is_before = *start < UnixTime(captured.at_s).beijing();
            if is_used && is_before && !is_known && by_rule && !is_released {
                wrong.push(format!("{captured:?} goes back, and may have been lost at {start}"));
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }

    /// After a person has decided against a refund by the rule no other one of its payment begins
    /// by itself, whatever comes to nothing.
    pub(crate) fn dropped_stay(&mut self, books: &Books) {
        let mut wrong = Vec::new();
        for row in &books.refunds {
            let number = cell(row, "out_refund_no");
            let known = self.fair.dropped.get(cell(row, "transaction_id"));
            let is_new = known.is_some_and(|known| !known.contains(number));
            let may_be_shops = self.wished.contains(order_of(number));
            if is_new && self.is_by_rule(number) && !may_be_shops {
                wrong.push(format!("a person has decided against {known:?}, and now {row:?}"));
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }

    /// What is put down of a difference between bill and books is so.
    pub(crate) fn differences_are_true(&mut self, books: &Books) {
        let mut wrong = Vec::new();
        for row in &books.differences {
            let (kind, number) = (cell(row, "kind"), cell(row, "number"));
            let (state, why) = (cell(row, "state"), cell(row, "why"));
            let of_payment = |row: &&Row| cell(row, "transaction_id") == number;
            let mut refunds = books.refunds.iter().filter(of_payment);
            let is_false = match (kind, state, why) {
                ("missing_here", "refunded", _) => {
                    // Some are dismissed because they have failed.
                    let is_sent = |row: &Row| {
                        !matches!(cell(row, "state"), "held" | "dismissed")
                            || self.ends_in_change.contains(cell(row, "out_refund_no"))
                    };
                    !refunds.any(is_sent)
                }
                ("missing_here", "settled", "shipped") => self
                    .captured
                    .get(number)
                    .is_none_or(|captured| !self.bought.contains_key(order_of(&captured.number))),
                (_, "explained", "by_hand") if kind.starts_with("refund_") => {
                    !self.by_hand.contains(number)
                }
                _ => false,
            };
            if is_false {
                wrong.push(format!("{kind} of {number} ended as {state}, {why}, and it is not so"));
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }
}
