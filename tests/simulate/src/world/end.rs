//! The end of a run: faults stop, and when everything is at rest the judge has the last word.

use super::{Event, REST_WITHIN_S, Ran, World};
use crate::verdict::{Books, cell};
use saoma_server::simulation::{Base, Trouble};
use std::collections::BTreeMap;

impl World {
    /// From now on nothing goes wrong any more.
    pub(super) fn faults_stop(&mut self) {
        self.calm = true;
        self.judge.alarms.calm_s = Some(self.now_s().cast_signed());
        self.tell("faults stop");
        if let Base::Memory(memory) = &self.base {
            memory.set_trouble(Trouble::default());
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].skew_s = 0;
            self.after(0, Event::Start(node));
        }
        self.plan_ask_after_all();
        for hour in 0..REST_WITHIN_S / 3_600 {
            self.after(hour * 3_600_000, Event::Operator);
        }
    }

    pub(super) async fn end(mut self) -> Ran {
        let mut differences = BTreeMap::new();
        if self.judge.violations.is_empty() {
            let mut books = Books {
                orders: self.base.dump("orders").await,
                payments: self.base.dump("payment").await,
                anomalies: self.base.dump("anomaly").await,
                refunds: self.base.dump("refund").await,
                outbox: self.base.dump("outbox").await,
                bills: self.base.dump("bill_day").await,
                differences: self.base.dump("bill_difference").await,
            };
            self.judge.conflicts_are_told(&mut books.anomalies);
            for row in &books.differences {
                let words = ["kind", "state", "why"].map(|column| cell(row, column));
                *differences.entry(words.join(", ")).or_default() += 1;
            }
            let days = self.ledger_days();
            self.look_at_numbers();
            self.judge.at_rest(&books, &days);
        }
        if let Base::Memory(memory) = &self.base {
            let met = memory.met();
            for (name, times) in [
                ("database busy", met.busy),
                ("database full", met.full),
                ("commit failed", met.commit_fails),
                ("commit's answer lost", met.commit_lost),
                ("crash at a write", met.crash),
                ("another server in between", met.pause),
            ] {
                if times > 0 {
                    self.faults.insert(name, times);
                }
            }
        }
        let orders = self.judge.bought.len() as u64;
        let found = !self.judge.violations.is_empty();
        Ran {
            trace: self.trace.value(),
            events: self.events,
            orders,
            faults: self.faults,
            differences,
            violations: self.judge.violations,
            caught_after: self.caught_after.or(found.then_some(orders)),
        }
    }
}
