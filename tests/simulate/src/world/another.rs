//! Words of WeChat's, rightly signed, that cannot be so: a payment for two numbers, and a refund in
//! another sum than was asked for.

use super::gateway::field;
use super::notices::changed;
use super::{Event, World};
use crate::judge::order_of;
use crate::random::Random;
use crate::verdict::cell;
use saoma_sandbox::gateway::Call;
use saoma_server::simulation::Base;

/// Of so many of a thousand payments, where somebody forges notifications.
const FOR_TWO: u64 = 200;
/// Refunds of one answer.
const REFUNDS: u64 = 10;
/// How long after an answer it is surely put down what it says.
const PUT_DOWN_MS: u64 = 1_000;

impl World {
    /// A payment was acknowledged, and is kept. Now and then it is told of once more, for another
    /// order's number, which nobody has paid and which costs the same.
    pub(super) fn may_be_told_for_two(&mut self, body: &str) {
        let Base::Memory(memory) = &self.base else { return };
        let id = field(body, "transaction_id").unwrap_or_default();
        let Some(captured) = self.judge.captured.get(id) else { return };
        // Of another order nobody knows here how its messages are signed.
        let may = !self.calm
            && self.plan.forged > 0
            && !self.plan.odd.sign_type_changes
            && memory.has_payment(id)
            && !self.judge.foreign.contains(id)
            && !self.judge.heard.for_two.contains_key(id);
        let of_payment = &mut Random::new(self.seed, &format!("for two {id}"));
        if !may || !of_payment.chance(FOR_TWO) {
            return;
        }
        let is_paid = |order_id: &str| {
            self.judge.captured.values().any(|it| order_of(&it.number) == order_id)
        };
        let other = self.judge.bought.iter().rfind(|(order_id, order)| {
            order.phase == "open" && order.price_fen == captured.total_fen && !is_paid(order_id)
        });
        let Some((order_id, _)) = other else { return };
        let number = format!("{order_id}-1");
        let told = self.resigned(body, "out_trade_no", &number);
        let at = of_payment.between(1, 400);
        self.judge.heard.for_two.insert(id.to_owned(), number);
        self.fault("a payment told for two numbers");
        self.deliver(at, None, &told, false, false);
    }

    /// Whether a notification tells of a payment for another number than it was paid for.
    pub(super) fn is_for_two(&self, body: &str) -> bool {
        let [id, number] = ["transaction_id", "out_trade_no"].map(|name| field(body, name));
        let other = id.and_then(|id| self.judge.heard.for_two.get(id));
        other.is_some() && other.map(String::as_str) == number
    }

    /// Of some refunds WeChat names one fen whenever it tells of them.
    pub(super) fn may_have_another_sum(&mut self, number: &str, fen: u64) {
        let mut of_number = Random::new(self.seed, &format!("another sum {number}"));
        if fen > 1 && of_number.chance(self.plan.odd.other_sums) {
            self.judge.heard.other_sums.insert(number.to_owned());
        }
    }

    /// What WeChat answers about refunds, with the sums that it names.
    pub(super) fn in_other_sums(&mut self, call: Call, answer: Vec<u8>) -> Vec<u8> {
        if self.judge.heard.other_sums.is_empty() || !is_about_refunds(call) {
            return answer;
        }
        let Ok(text) = std::str::from_utf8(&answer) else { return answer };
        let mut other = text.to_owned();
        let places = (0..REFUNDS).map(|n| format!("_{n}"));
        for place in std::iter::once(String::new()).chain(places) {
            let number = field(text, &format!("out_refund_no{place}"));
            if number.is_some_and(|number| self.judge.has_another_sum(number)) {
                other = changed(&other, &format!("refund_fee{place}"), "1");
            }
        }
        if other == text {
            return answer;
        }
        self.fault("a refund in another sum");
        // With nothing else changed it is signed anew.
        self.resigned(&other, "return_code", "SUCCESS").into_bytes()
    }

    /// WeChat's answer to a refund is on its way, whole; where nobody can be kept from reading it a
    /// person is told at once that it names another sum.
    pub(super) fn other_sum_comes(&mut self, call: Call, body: &str, in_ms: u64) {
        let number = field(body, "out_refund_no").filter(|_| call == Call::Refund);
        let is_it = |number: &&str| self.judge.has_another_sum(number);
        let Some(number) = number.filter(is_it).map(str::to_owned) else { return };
        let is_read = self.plan.odd.answer_mixed_up + self.plan.odd.answer_altered == 0;
        if is_read && self.plan.goes_on() && self.plan.right_clocks() {
            let at_ms = self.now_ms + in_ms;
            self.after(in_ms + PUT_DOWN_MS, Event::MustBeTroubled(number, at_ms));
        }
    }

    /// A server was told another sum of this refund then, and nothing since.
    pub(super) fn must_be_troubled(&mut self, number: &str, told_ms: u64) {
        let Base::Memory(memory) = &self.base else { return };
        if self.judge.heard.answered_ms.get(number) != Some(&told_ms) {
            return;
        }
        let rows = memory.refunds();
        let row = rows.iter().find(|row| cell(row, "out_refund_no") == number);
        let Some(row) = row.filter(|_| self.judge.has_another_sum(number)) else { return };
        let is_open = matches!(cell(row, "state"), "asked" | "unsure" | "accepted");
        if is_open && cell(row, "trouble").is_empty() {
            self.judge.violation(format!("WeChat has named another sum of {row:?}"));
        }
    }
}

/// Whether sums of refunds are named in an answer to it.
fn is_about_refunds(call: Call) -> bool {
    matches!(call, Call::Refund | Call::RefundQuery)
}
