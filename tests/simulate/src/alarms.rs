//! The judge's word about alarms that nobody needs: of goods that nobody is to fetch any more, and
//! of money that went back when the goods were out.

use crate::fair::FETCH_WITHIN_S;
use crate::judge::{Judge, order_of};
use crate::verdict::{Books, Row, cell};
use std::collections::BTreeSet;

/// How long before goods are late a refund is surely known that a shop was promised.
const PROMISED_BEFORE_S: i64 = 60;

/// What the judge keeps for it.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    /// Orders that have shown as shipped.
    pub(crate) shipped: BTreeSet<String>,
    /// Since when nothing goes wrong any more.
    pub(crate) calm_s: Option<i64>,
    /// When all servers live again that have died, in milliseconds.
    pub(crate) back_ms: u64,
}

impl Judge {
    /// Whoever reads an alarm has something to see to.
    pub(crate) fn alarms_are_needed(&mut self, books: &Books) {
        let mut wrong = Vec::new();
        for row in &books.anomalies {
            let is_needless = match cell(row, "kind") {
                "not_fetched" => self.goes_back_unfetched(books, row),
                "refunded_elsewhere" | "elsewhere_closed" => self.goods_were_out(row),
                _ => false,
            };
            if is_needless {
                wrong.push(format!("a person reads {row:?}, and need not"));
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }

    /// Goods that no machine has claimed are not fetched any more once their shop was promised some
    /// of their payment back.
    fn goes_back_unfetched(&self, books: &Books, alarm: &Row) -> bool {
        let id = cell(alarm, "transaction_id");
        let is_claimed = self.fair.claimed_s.contains_key(cell(alarm, "order_id"));
        let Some(captured) = self.captured.get(id).filter(|_| !is_claimed) else { return false };
        let until_s = captured.at_s + FETCH_WITHIN_S - PROMISED_BEFORE_S;
        let mut refunds = books.refunds.iter().filter(|row| cell(row, "transaction_id") == id);
        let is_promised = refunds.any(|row| {
            let promised = self.promised.get(cell(row, "out_refund_no"));
            promised.is_some_and(|it| (it.at_ms / 1_000).cast_signed() < until_s)
        });
        is_promised && self.fair.right_clocks
    }

    /// All that somebody gave back by hand of an order's only payment, he gave back after its goods
    /// were out. But what a person has decided about a shop's refund, he may be told of.
    fn goods_were_out(&self, alarm: &Row) -> bool {
        let Some(captured) = self.captured.get(cell(alarm, "transaction_id")) else { return false };
        let order_id = order_of(&captured.number);
        let payments = self.captured.values().filter(|it| order_of(&it.number) == order_id);
        let is_decided = self.may_be_dismissed.iter().any(|number| order_of(number) == order_id);
        let mut by_hand = captured.refunds.iter().filter(|it| self.by_hand.contains(it.0));
        payments.count() == 1
            && !is_decided
            && by_hand.clone().next().is_some()
            && by_hand.all(|(_, refund)| refund.is_after_goods)
    }
}
