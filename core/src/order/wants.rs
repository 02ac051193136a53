//! What of what was recorded earlier still has to be done.

use super::{Attempt, Effect, Order, Phase};

impl Order {
    /// Whether an effect that was recorded earlier still has to be performed: an order that is
    /// closing needs no code any more, an answered question need not be asked again, and nothing
    /// is handed over once its payment has begun to go back.
    #[must_use]
    pub fn still_wants(&self, effect: &Effect) -> bool {
        let current = |attempt: u8| attempt == self.current_attempt();
        let flag = |attempt: u8, flag: fn(&Attempt) -> bool| {
            self.attempts.get(usize::from(attempt)).is_some_and(flag)
        };
        match effect {
            Effect::Place { attempt } => match self.phase {
                Phase::Placing => current(*attempt),
                Phase::Open
                | Phase::Closing(_)
                | Phase::Closed(_)
                | Phase::Paid
                | Phase::Shipped => crate::planted!("place-after-end"),
            },
            Effect::Renew { attempt } => {
                self.renewing && self.phase == Phase::Open && current(*attempt)
            }
            Effect::Query { attempt } => flag(*attempt, |attempt| attempt.asking),
            Effect::Close { attempt } => flag(*attempt, |attempt| attempt.closing),
            Effect::Ship { attempt, .. } => self.may_ship(*attempt),
            Effect::Refund { refund, .. } => self.wants_refund(*refund),
            Effect::RefundQuery { .. } | Effect::Report { .. } => true,
        }
    }
}
