//! The judge's word about what rows say besides the sums: whose a payment and a refund are, and
//! what bill and books have of what differs.

use crate::judge::{Judge, order_of};
use crate::verdict::{Books, Row, cell};
use std::collections::BTreeSet;

/// Why a payment is kept out when it is first heard of, and at no other time.
const KEPT_OUT: [&str; 7] = [
    "amount_mismatch",
    "conflict",
    "currency_mismatch",
    "paid_after_cancel",
    "paid_after_close",
    "paid_twice",
    "unknown_order",
];

/// An amount, if there is one.
fn fen(row: &Row, column: &str) -> Option<u64> {
    cell(row, column).parse().ok()
}

impl Judge {
    /// What the rows say is so.
    pub(crate) fn rows_say(&mut self, books: &Books) {
        let mut wrong = Vec::new();
        self.payments_say(books, &mut wrong);
        self.refunds_say(books, &mut wrong);
        self.differences_say(books, &mut wrong);
        wrong.into_iter().for_each(|what| self.violation(what));
    }

    /// A payment is of the order whose number it was paid for, if it is one of ours, and says what
    /// it turned out to be.
    fn payments_say(&self, books: &Books, wrong: &mut Vec<String>) {
        for row in &books.payments {
            let (id, verdict) = (cell(row, "transaction_id"), cell(row, "verdict"));
            let Some(captured) = self.captured.get(id) else { continue };
            let order_id = order_of(&captured.number);
            let order_id = if self.bought.contains_key(order_id) { order_id } else { "" };
            let alarms = books.anomalies.iter().filter(|it| cell(it, "transaction_id") == id);
            let kinds: BTreeSet<&str> = alarms.map(|it| cell(it, "kind")).collect();
            let is_so = match verdict {
                // The row says nowhere else that it is not in yuan.
                _ if self.foreign.contains(id) => verdict == "currency_mismatch",
                "ship" => !kinds.iter().any(|kind| KEPT_OUT.contains(kind)),
                kind => kinds.contains(kind),
            };
            if cell(row, "order_id") != order_id || !is_so {
                wrong.push(format!("{captured:?} with {kinds:?} stands here as {row:?}"));
            }
        }
    }

    /// A refund names its payment as it is, and who has asked for it.
    fn refunds_say(&self, books: &Books, wrong: &mut Vec<String>) {
        for row in &books.refunds {
            let (number, by) = (cell(row, "out_refund_no"), cell(row, "asked_by"));
            let Some(captured) = self.captured.get(cell(row, "transaction_id")) else { continue };
            let is_promised = self.promised.contains_key(number);
            // Its shop may not have heard yet that it was begun.
            let may_be_shops = by == "shop" && self.wished.contains(order_of(number));
            let asked_by = match () {
                () if is_promised || may_be_shops => "shop",
                () if self.by_hand.contains(number) => "elsewhere",
                () => "rule",
            };
            let wish = cell(row, "refund_no");
            let is_its_wish = match is_promised {
                true => self.numbers_of_wish.get(wish).is_some_and(|its| its == number),
                false => wish.is_empty() || may_be_shops,
            };
            let part = captured.refunds.get(number).map(|refund| refund.fen);
            let is_so = cell(row, "out_trade_no") == captured.number
                && fen(row, "total_fen") == Some(captured.total_fen)
                && (part.is_none() || fen(row, "part_fen") == part)
                && by == asked_by
                && is_its_wish;
            if !is_so {
                wrong
                    .push(format!("a refund by {asked_by} of {captured:?} stands here as {row:?}"));
            }
        }
    }

    /// Of what differs there is what the bill has, and here what the books have.
    fn differences_say(&self, books: &Books, wrong: &mut Vec<String>) {
        for row in &books.differences {
            let (kind, number) = (cell(row, "kind"), cell(row, "number"));
            let (there, here) = (fen(row, "there_fen"), fen(row, "here_fen"));
            let payment = self.captured.get(number).map(|captured| captured.total_fen);
            let refund = self.captured.values().find_map(|it| it.refunds.get(number));
            let refund = refund.map(|refund| refund.fen);
            let is_so = match kind {
                "missing_here" => (there, here) == (payment, None),
                _ if refund.is_none() => true,
                "refund_missing_here" => (there, here) == (refund, None),
                "refund_missing_there" => (there, here) == (None, refund),
                "refund_state" => there == refund && (here.is_none() || here == refund),
                // The one has it on this day, and the other on another.
                "refund_other_day" => there.is_none() != here.is_none() && there.or(here) == refund,
                _ => true,
            };
            if !is_so {
                wrong.push(format!("{kind} of {number}: {there:?} fen there and {here:?} here"));
            }
        }
    }
}
