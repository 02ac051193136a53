//! Whoever has paid and waits at the page: WeChat is asked because he looks.

use super::{Event, World};
use crate::random::Random;

/// How long an order lives at least that somebody pays late, and when he does.
const LONG_MS: u64 = 7_200_000;
const LATE_MS: (u64, u64) = (640_000, 1_450_000);
/// Whoever looks has WeChat asked when nobody has asked for two minutes.
const LOOKED_MS: u64 = 130_000;
/// And then it is known soon.
const KNOWN_WITHIN_MS: u64 = 10_000;

impl World {
    /// When this customer pays who would pay at `pays` after the code was shown. Some take their
    /// time, and nobody is notified of their payment: who looks at the page may see it first, long
    /// before WeChat is asked by time.
    pub(super) fn may_take_his_time(&mut self, at: usize, pays: u64) -> u64 {
        let customer = &self.customers[at];
        let Some(order_id) = &customer.order_id else { return pays };
        let lives_long = customer.expires_in_s * 1_000 >= LONG_MS;
        let number = format!("{order_id}-1");
        let of_number = &mut Random::new(self.seed, &format!("at leisure {number}"));
        if !lives_long || !of_number.chance(self.plan.odd.at_leisure) {
            return pays;
        }
        self.judge.heard.at_leisure.insert(number);
        self.fault("somebody takes his time, and nobody is notified");
        of_number.between(LATE_MS.0, LATE_MS.1)
    }

    /// A customer who has paid has looked at the order, and it is open. When he has looked for so
    /// long, WeChat is asked about it, if it was not before.
    pub(super) fn waits_at_the_page(&mut self, at: usize, phase: &str) {
        let customer = &self.customers[at];
        if !customer.has_paid || phase != "open" || !self.plan.is_quiet() {
            return;
        }
        let Some(order_id) = customer.order_id.clone() else { return };
        let number = format!("{order_id}-1");
        let is_current = !self.judge.fair.ordered.contains_key(&format!("{order_id}-2"));
        let mut payments = self.judge.captured.iter().filter(|(_, it)| it.number == number);
        let Some((id, _)) = payments.next().filter(|_| is_current) else { return };
        let id = id.clone();
        let first_ms = *self.judge.heard.looked_ms.entry(order_id).or_insert(self.now_ms);
        if self.now_ms - first_ms >= LOOKED_MS {
            self.after(KNOWN_WITHIN_MS, Event::MustBeKnown(id));
        }
    }
}
