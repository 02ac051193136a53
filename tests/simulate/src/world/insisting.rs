//! An operator who has money given back: of a payment that he names or of the one that is kept,
//! also while nobody knows whether the goods are out.

use super::wishes::Wish;
use super::{Event, World};
use crate::judge::order_of;
use saoma_server::simulation::Asker;

impl World {
    /// Now and then an operator gives something back. Where something looks wrong with an order he
    /// does so more often.
    pub(super) fn may_insist(&mut self, at: usize, often: u64) {
        if self.habits.chance(self.plan.odd.insists * often) {
            let later = self.habits.pick(&[1, 5_000, 600_000, 4_000_000]);
            self.after(later, Event::Insists(at));
        }
    }

    /// An operator gives something back, once for each order.
    pub(super) fn insists(&mut self, at: usize) {
        let customer = &self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let order = self.judge.bought.get(&order_id);
        let may = order.is_some_and(|order| matches!(&*order.phase, "paid" | "shipped"));
        if !may || customer.wishes.iter().any(Wish::is_operators) {
            return;
        }
        let captured = &self.judge.captured;
        let its: Vec<&String> = (captured.iter())
            .filter(|(_, captured)| order_of(&captured.number) == order_id)
            .map(|(id, _)| id)
            .collect();
        if its.is_empty() {
            return;
        }
        let meant = match self.habits.below(8) {
            0 | 1 => None,
            // That of another order, as a rule.
            2 => captured.keys().next_back().cloned(),
            _ => Some(self.habits.pick(&its).clone()),
        };
        let fen = self.habits.pick(&[customer.price_fen, 1]);
        self.fault("an operator gives something back");
        let wishes = &mut self.customers[at].wishes;
        wishes.push(Wish::new(Asker::Operator(meant), format!("INSISTS-{at}"), fen));
        let place = wishes.len() - 1;
        self.after(1, Event::Refund(at, place));
    }

    /// Why an operator may not have it may be so. He may insist while the goods are handed out; and
    /// what is paid once and kept is the payment that he means, named or not.
    pub(super) fn insisted_rightly(&mut self, order_id: &str, meant: Option<&str>, why: &str) {
        let order = self.judge.bought.get(order_id);
        let is_kept = order.is_some_and(|order| matches!(&*order.phase, "paid" | "shipped"));
        let is_it = |meant: &str| {
            let captured = self.judge.captured.get(meant);
            captured.is_some_and(|it| order_of(&it.number) == order_id)
                && self.judge.is_only_payment(order_id, meant)
        };
        let is_sure = meant.is_none_or(is_it);
        let is_wrong = match why {
            "Dispensing" => true,
            "NotFound" | "RefundNoTaken" | "Lost" | "Refused(TooMany)" => is_sure,
            "Refused(NotPaid)" => is_sure && is_kept,
            _ => false,
        };
        if is_wrong {
            let what = format!("an operator may not give back {meant:?} of {order_id}: {why}");
            self.judge.violation(what);
        }
    }
}
