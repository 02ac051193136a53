//! What WeChat says to servers, as far as something has to follow from it.

use super::World;
use super::gateway::field;
use crate::judge::order_of;
use crate::random::Random;
use crate::verdict::cell;
use saoma_sandbox::gateway::{Answer, AnswerEnd, Call, Code};
use saoma_sandbox::seal::open;
use saoma_sandbox::sign::Key;
use saoma_server::simulation::Base;

/// Of so many of a thousand payments of which some goes back at once, that is told first.
const TOLD_LATER: u64 = 700;

impl World {
    /// A refund that WeChat does not want now waits; `answer` is on its way, and whole.
    pub(super) fn note_put_off(&mut self, call: Call, body: &str, answer: &Answer) {
        let is_put_off = matches!(
            answer.code,
            Some(
                Code::FrequencyLimited
                    | Code::InvalidReqTooMuch
                    | Code::NotEnough
                    | Code::BizErrNeedRetry
            )
        );
        let is_heard =
            answer.manner.status == 200 && matches!(answer.manner.ending, AnswerEnd::Whole);
        let number = field(body, "out_refund_no").filter(|_| call == Call::Refund);
        // Of one that it has made already it may tell by a notification at any time.
        let is_made =
            |number: &str| self.judge.captured.values().any(|it| it.refunds.contains_key(number));
        if let Some(number) = number.filter(|it| is_put_off && is_heard && !is_made(it)) {
            self.judge.heard.put_off_s.insert(number.to_owned(), self.now_s().cast_signed());
        }
    }

    /// An answer arrives in so many milliseconds.
    pub(super) fn is_about_to_arrive(&mut self, body: &str, in_ms: u64) {
        let at_ms = self.now_ms + in_ms;
        for name in ["out_trade_no", "out_refund_no", "transaction_id"] {
            if let Some(number) = field(body, name) {
                let answered_ms =
                    self.judge.heard.answered_ms.entry(number.to_owned()).or_default();
                *answered_ms = at_ms.max(*answered_ms);
            }
        }
    }

    /// Whether a payment's first notification is late, because somebody has given some of it back
    /// at once: it comes when a server has just heard of that refund.
    pub(super) fn waits_for_its_refund(&mut self, body: &str) -> bool {
        let id = field(body, "transaction_id").unwrap_or_default();
        let Some(captured) = self.judge.captured.get(id) else { return false };
        let is_by_hand = captured.refunds.keys().any(|it| self.judge.by_hand.contains(it));
        let is_orders = self.judge.bought.contains_key(order_of(&captured.number));
        let has_waited = self.held_back.contains_key(id);
        let waits = is_by_hand
            && is_orders
            && !has_waited
            && !self.calm
            && self.plan.notice_late > 0
            && Random::new(self.seed, &format!("behind its refund {id}")).chance(TOLD_LATER);
        if waits {
            self.held_back.insert(id.to_owned(), body.to_owned());
            self.fault("a payment told later than its refund");
        }
        waits
    }

    /// A server has acknowledged a notification of a refund. It has asked about it by then, or is
    /// about to.
    pub(super) fn refund_notice_taken(&mut self, body: &str) {
        let Base::Memory(memory) = &self.base else { return };
        let sealed = field(body, "req_info").unwrap_or_default();
        let plain = Key::new(self.key).and_then(|key| open(sealed, &key));
        let plain = plain.unwrap_or_default();
        let number = field(&plain, "out_refund_no").unwrap_or_default();
        let id = field(&plain, "transaction_id").unwrap_or_default();
        let Some(captured) = self.judge.captured.get(id) else { return };
        // Who puts one together of others names any refund in it.
        let is_true = captured.refunds.contains_key(number);
        let is_first = self.judge.heard.refund_notices.insert(sealed.to_owned());
        if !is_true || !is_first {
            return;
        }
        let number_paid = captured.number.clone();
        let is_orders = self.judge.bought.contains_key(order_of(&number_paid));
        let is_known = memory.has_payment(id);
        let is_by_hand = self.judge.by_hand.contains(number);
        // An answer about the payment may be older than its refund.
        let is_answered = self.judge.is_answered([&number_paid, id], self.now_ms);
        if is_by_hand && is_orders && !is_known && is_answered {
            let told_back = self.judge.heard.told_back.entry(id.to_owned()).or_default();
            told_back.insert(number.to_owned());
        }
        let is_dull = match is_by_hand {
            true => is_orders && is_known && self.nobody_asks_about(number, &number_paid),
            false => self.sleeps_all_the_same((number, id), &number_paid),
        };
        if is_dull && self.plan.goes_on() && self.plan.right_clocks() {
            let what = format!("WeChat has told of {number} of {id}, and nobody asks about it");
            self.judge.violation(what);
        }
        // It is sent once, and stays, so that the next one does not wait as well.
        let held_back = self.held_back.get(id).filter(|_| !is_known).cloned();
        if let Some(body) = held_back {
            let at = Random::new(self.seed, &format!("just behind {number}")).between(1, 20);
            self.deliver(at, None, &body, false, false);
        }
    }

    /// Whether a refund by hand of an order's payment, which is known, is neither known nor asked
    /// about.
    fn nobody_asks_about(&self, number: &str, number_paid: &str) -> bool {
        let Base::Memory(memory) = &self.base else { return false };
        let is_known = memory.refunds().iter().any(|row| cell(row, "out_refund_no") == number);
        let entries = memory.entries_of(order_of(number_paid));
        let mut questions = entries.iter().filter(|it| it.kind == "refund_query");
        let is_asked = questions.any(|it| matches!(&*it.state, "pending" | "leased"));
        !is_known && !is_asked && !self.judge.is_paid_twice(number_paid)
    }

    /// Whether a refund of ours is not over here, and the next question about it waits for its time
    /// as if WeChat had not told of its end.
    fn sleeps_all_the_same(&self, (number, id): (&str, &str), number_paid: &str) -> bool {
        let Base::Memory(memory) = &self.base else { return false };
        let now_s = self.now_s().cast_signed();
        let rows = memory.refunds();
        let row = rows.iter().find(|row| cell(row, "out_refund_no") == number);
        let is_open =
            row.is_some_and(|row| matches!(cell(row, "state"), "asked" | "unsure" | "accepted"));
        let key = format!("refund-{number}");
        let entries = [order_of(number_paid), ""].map(|of| memory.entries_of(of)).concat();
        let mut its = entries.iter().filter(|it| it.key == key && it.state == "pending");
        // What was answered just now was asked before the notification came.
        is_open
            && its.any(|it| it.due_at > now_s)
            && self.judge.is_answered([number, id], self.now_ms)
    }
}
