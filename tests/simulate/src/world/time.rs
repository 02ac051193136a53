//! When servers sleep, and who is missed in time.

use super::{Event, World};
use crate::judge::order_of;
use crate::verdict::cell;
use saoma_server::simulation::Base;

/// How long a machine may take from its claim to its confirmation.
const CONFIRM_WITHIN_S: u64 = 600;
/// How late a person may be told of it: a busy database is asked again each second.
const LATE_S: u64 = 60;
/// A server that has died is back by then, and has looked at everything.
const BACK_WITHIN_S: u64 = 300;

impl World {
    /// Of several servers each looks again every five seconds, as the worker has it; so does one
    /// whose commits may be made without an answer, because its database is another process.
    pub(super) fn is_alone(&self) -> bool {
        self.nodes.len() == 1 && self.plan.trouble.commit_lost == 0
    }

    /// Servers hear their bells; who is alone sleeps as long as its worker would.
    pub(super) async fn listen(&mut self) {
        let ended = match &self.base {
            Base::Memory(memory) => Some(memory.ended()),
            Base::Sqlite(_) => None,
        };
        let is_needed = self.is_alone() && ended.is_some();
        for node in &mut self.nodes {
            if node.listen(ended, is_needed).await {
                let what = "a bell has rung, and nothing was committed".to_owned();
                self.judge.violation(what);
            }
        }
    }

    /// A machine was let hand goods out just now: if it is not heard of again, a person is told.
    pub(super) fn is_missed_in_time(&mut self, order_id: &str) {
        if self.plan.right_clocks() {
            let later = (CONFIRM_WITHIN_S + LATE_S) * 1_000;
            self.after(later, Event::MustBeMissed(order_id.to_owned()));
        }
    }

    pub(super) fn must_be_missed(&mut self, order_id: &str) {
        let Base::Memory(memory) = &self.base else { return };
        let lately_s = (CONFIRM_WITHIN_S + LATE_S + BACK_WITHIN_S).cast_signed();
        let has_died = self.now_s().cast_signed() - self.judge.fair.died_s < lately_s;
        let of_order = self.judge.captured.values().filter(|it| order_of(&it.number) == order_id);
        let is_plain = of_order.clone().count() == 1
            && of_order.clone().all(|captured| captured.refunds.is_empty())
            && !self.judge.wished.contains(order_id);
        if has_died || !is_plain || self.judge.fair.said_yes.contains(order_id) {
            return;
        }
        let is_told = memory
            .anomalies()
            .iter()
            .any(|row| cell(row, "order_id") == order_id && cell(row, "kind") == "not_confirmed");
        if !is_told {
            let what = format!("{order_id} was claimed and not confirmed, and nobody is told");
            self.judge.violation(what);
        }
    }
}
