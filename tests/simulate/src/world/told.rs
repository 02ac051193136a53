//! What a person is told while there is still time.

use super::World;
use crate::verdict::{Row, cell};

/// How long a refund may be asked for in vain before a person is told: pauses double up to ten
/// minutes, and after twenty tries he is.
const TOLD_WITHIN_S: i64 = 4 * 3_600;

impl World {
    /// Nothing goes wrong any more since hours, and for as long WeChat has neither taken a refund
    /// nor known it: a person is told. What somebody gives back by hand may have to end first.
    pub(super) fn refused_refunds_are_told(&mut self, rows: &[Row]) {
        let since_s = self.now_s().cast_signed() - TOLD_WITHIN_S;
        let is_calm = self.judge.alarms.calm_s.is_some_and(|calm_s| calm_s < since_s);
        if !is_calm || !self.plan.right_clocks() {
            return;
        }
        let mut wrong = Vec::new();
        for row in rows {
            let number = cell(row, "out_refund_no");
            let first_s = self.judge.alarms.first_asked_s.get(number);
            let is_old = first_s.is_some_and(|first_s| *first_s < since_s);
            let is_asked = matches!(cell(row, "state"), "asked" | "unsure");
            let captured = self.judge.captured.get(cell(row, "transaction_id"));
            let is_there = captured.is_none_or(|it| {
                let mut made = it.refunds.keys();
                made.any(|made| made == number || self.judge.by_hand.contains(made))
            });
            if is_asked && is_old && !is_there && cell(row, "trouble").is_empty() {
                wrong.push(format!("WeChat does not take it, and nobody is told: {row:?}"));
            }
        }
        wrong.into_iter().for_each(|what| self.judge.violation(what));
    }
}
