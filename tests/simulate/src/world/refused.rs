//! Numbers that WeChat gives no code for, however often it is asked.

use super::World;
use super::gateway::field;
use crate::random::Random;
use saoma_sandbox::gateway::Call;

/// What it says of a number that was used before, or with other fields.
const USED: [&str; 2] = ["OUT_TRADE_NO_USED", "INVALID_REQUEST"];

impl World {
    /// What WeChat says each time that it is asked for the code of some numbers: that the merchant
    /// may not have them at all, or that they are used. Of some it says so only when it is asked
    /// for a newer code.
    pub(super) fn refuses(&mut self, call: Call, body: &str) -> Option<&'static str> {
        let number = field(body, "out_trade_no").filter(|_| call == Call::UnifiedOrder)?;
        let mut of_number = Random::new(self.seed, &format!("refused {number}"));
        let odd = &self.plan.odd;
        if of_number.chance(odd.not_allowed) && number.ends_with("-1") {
            let now_s = self.now_s().cast_signed();
            self.judge.heard.impossible_s.entry(number.to_owned()).or_insert(now_s);
            return Some("NOAUTH");
        }
        let code = of_number.pick(&USED);
        if of_number.chance(odd.used_numbers) {
            return Some(code);
        }
        let orders = self.gateway.orders_numbered(number, self.gateway_now());
        let is_open = orders.iter().any(|it| it.closed_at.is_none() && it.payments.is_empty());
        if is_open && of_number.chance(odd.used_on_renewal) {
            self.judge.heard.used.insert(number.to_owned());
            return Some(code);
        }
        None
    }
}
