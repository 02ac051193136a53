//! What a server has left behind that lost its power is taken up by another one.

use super::{Event, World};
use saoma_server::simulation::Base;

/// How long after everybody lives again what was left behind is surely done: a lease, a look at
/// what is due, and the call.
const TAKEN_UP_MS: u64 = 60_000 + 5_000 + 10_000;
/// Until when an order has no number but its first one, which nobody closes so early.
const FIRST_NUMBER_MS: u64 = 290_000;

impl World {
    /// A server that asks for a bill loses its power now and then before it is through with it.
    pub(super) fn may_die_over_a_bill(&mut self, epoch: u64) {
        let Some(node) = self.node_of(epoch) else { return };
        if !self.calm && self.luck.chance(self.plan.bill_power_cuts) {
            let at = self.luck.between(0, 400);
            self.after(at, Event::PowerCut(node));
        }
    }

    /// The same of one that asks for a code, or tells a shop.
    pub(super) fn may_die_calling(&mut self, epoch: u64) {
        let Some(node) = self.node_of(epoch) else { return };
        if !self.calm && self.more.chance(self.plan.odd.dies_calling) {
            let at = self.more.between(0, 200);
            self.after(at, Event::PowerCut(node));
        }
    }

    /// For how long somebody may still be at what another one has left behind; `None`: it is done.
    pub(super) fn until_taken_up_ms(&self) -> Option<u64> {
        let back_ms = Some(self.judge.alarms.back_ms).filter(|back_ms| *back_ms > 0)?;
        (back_ms + TAKEN_UP_MS).checked_sub(self.now_ms).filter(|left_ms| *left_ms > 0)
    }

    /// Where only servers that die delay it, a customer has a code soon.
    pub(super) fn waits_for_whoever_lives(&mut self, at: usize) {
        let sees_commits = matches!(self.base, Base::Memory(_));
        if sees_commits && self.plan.odd.dies_calling > 0 && self.plan.is_prompt() {
            self.after(10_000, Event::MustHaveCode(at));
        }
    }

    pub(super) fn must_have_code(&mut self, at: usize) {
        if let Some(later_ms) = self.until_taken_up_ms() {
            return self.after(later_ms, Event::MustHaveCode(at));
        }
        let customer = &self.customers[at];
        let waits_ms = self.now_ms - customer.ordered_ms;
        let Some(order_id) = customer.order_id.clone() else { return };
        // One that went on before its shop had heard of it, nobody has seen.
        let order = self.judge.bought.get(&order_id).filter(|order| order.version > 0);
        if waits_ms < FIRST_NUMBER_MS && order.is_some_and(|order| order.phase == "placing") {
            self.judge.violation(format!("{order_id} has no code after {waits_ms} ms"));
        }
    }
}
