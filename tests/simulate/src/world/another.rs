//! Words of WeChat's, rightly signed, that cannot be so: a payment for two numbers.

use super::World;
use super::gateway::field;
use crate::judge::order_of;
use crate::random::Random;
use saoma_server::simulation::Base;

/// Of so many of a thousand payments, where somebody forges notifications.
const FOR_TWO: u64 = 200;

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
}
