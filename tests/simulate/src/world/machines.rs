//! Machines: they claim goods, open their flap, and lose power in between.

use super::{Event, World};
use crate::bus::Outcome;
use crate::told::are_fetched;
use saoma_server::simulation::{Goods, No};

/// How far a machine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Machine {
    #[default]
    Waits,
    /// It has asked, and its flap is shut.
    Claims,
    Opens,
    Out,
    /// Its power went while it was at it; it remembers nothing.
    Forgot,
    Done,
}

impl World {
    pub(super) fn dispense(&mut self, at: usize) {
        let customer = &mut self.customers[at];
        if !matches!(customer.machine, Machine::Waits | Machine::Claims | Machine::Forgot) {
            return;
        }
        if customer.machine == Machine::Waits {
            customer.machine = Machine::Claims;
        }
        let (order_id, who) = (customer.order_id.clone(), customer.who.clone());
        let Some(order_id) = order_id.filter(|_| are_fetched(&who)) else { return };
        match self.some_server() {
            Some(node) => self.task(node, move |server| async move {
                let result = server.dispense(&order_id, &who).await;
                Outcome::Dispensed { customer: at, result }
            }),
            None => self.after(2_000, Event::Dispense(at)),
        }
    }

    pub(super) fn dispensed(&mut self, at: usize, result: Result<Goods, No>) {
        let goods = match result {
            Ok(goods) => goods,
            Err(No::Failed) => return self.after(3_000, Event::Dispense(at)),
            Err(No::Refused(why)) => {
                self.customers[at].machine = Machine::Done;
                return self.may_not_be_fetched(at, &why);
            }
        };
        // By it a machine knows goods again that it has handed out.
        let order_id = self.customers[at].order_id.as_deref().unwrap_or_default();
        if goods.ship_id.strip_prefix("ship-") != Some(order_id) {
            self.judge.violation(format!("{order_id} is claimed as {}", goods.ship_id));
        }
        let forgot = self.customers[at].machine == Machine::Forgot;
        if goods.again && forgot {
            // They may be out. A person has to look.
            self.customers[at].machine = Machine::Done;
            return self.may_insist(at, 10);
        }
        if !matches!(self.customers[at].machine, Machine::Claims | Machine::Forgot) {
            return;
        }
        if let Some(order_id) = self.customers[at].order_id.clone().filter(|_| !goods.again) {
            self.judge.claimed(&order_id, self.now_ms);
            self.is_missed_in_time(&order_id);
        }
        if !self.calm && self.people.chance(60) {
            self.fault("machine's power cut before its flap");
            self.customers[at].machine = Machine::Forgot;
            return self.after(60_000, Event::Dispense(at));
        }
        self.customers[at].machine = Machine::Opens;
        self.after(1_500, Event::Flap(at));
    }

    /// Whoever made an order, and is no webhook, is told why he may not have its goods.
    fn may_not_be_fetched(&mut self, at: usize, why: &str) {
        if matches!(why, "NotFound" | "NotYours") {
            let customer = &self.customers[at];
            let what = format!("{:?} has ordered {:?}: {why}", customer.who, customer.order_id);
            self.judge.violation(what);
        }
    }

    /// The goods fall.
    pub(super) fn flap(&mut self, at: usize) {
        let customer = &mut self.customers[at];
        customer.machine = Machine::Out;
        let Some(order_id) = customer.order_id.clone() else { return };
        self.tell("goods out");
        self.judge.handed_over(&order_id, "by machine", None, None);
        if !self.calm && self.people.chance(60) {
            self.fault("machine's power cut after its flap");
            self.customers[at].machine = Machine::Forgot;
            return self.after(60_000, Event::Dispense(at));
        }
        self.after(200, Event::Confirm(at));
        if self.people.chance(self.plan.refunds) {
            self.may_want_back(at);
        }
    }

    pub(super) fn confirm(&mut self, at: usize) {
        let customer = &self.customers[at];
        let (order_id, who) = (customer.order_id.clone(), customer.who.clone());
        let Some(order_id) = order_id.filter(|_| are_fetched(&who)) else { return };
        self.judge.confirms(&order_id);
        match self.some_server() {
            Some(node) => self.task(node, move |server| async move {
                let result = server.confirm(&order_id, &who).await;
                Outcome::Confirmed { customer: at, result }
            }),
            None => self.after(2_000, Event::Confirm(at)),
        }
    }

    pub(super) fn confirmed(&mut self, at: usize, result: &Result<(), No>) {
        let now_s = self.now_s().cast_signed();
        if let (Ok(()), Some(order_id)) = (result, self.customers[at].order_id.clone()) {
            self.judge.fair.confirmed_s.entry(order_id).or_insert(now_s);
        }
        match result {
            Err(No::Failed) => self.after(3_000, Event::Confirm(at)),
            Ok(()) | Err(No::Refused(_)) => self.customers[at].machine = Machine::Done,
        }
    }
}
