//! How many calls a merchant may make in a second (`docs/protocol.md` §4 and §7).

use std::collections::BTreeMap;

use super::refusal::{Code, Refusal};
use super::request::Request;
use super::{Call, Gateway};
use crate::time::UnixTime;

/// How many calls a merchant may make in a second of the gateway's clock; 0 for as many as it
/// likes. A call above that is refused with `FREQUENCY_LIMITED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Orders.
    pub orders_per_s: u32,
}

impl Limits {
    /// No limits, for simulations and benchmarks.
    pub const OFF: Self = Self { orders_per_s: 0 };
}

impl Default for Limits {
    /// As the pages say.
    fn default() -> Self {
        Self { orders_per_s: 500 }
    }
}

/// What each merchant did in the second of now.
#[derive(Debug, Default)]
pub(super) struct Counters {
    calls: BTreeMap<(String, Call), Second>,
}

#[derive(Debug, Default)]
struct Second {
    second: i64,
    calls: u32,
}

impl Second {
    /// Counts one more; whether that is more than allowed.
    fn exceeds(&mut self, limit: u32, now: UnixTime) -> bool {
        if self.second != now.0 {
            *self = Self { second: now.0, calls: 0 };
        }
        self.calls = self.calls.saturating_add(1);
        limit > 0 && self.calls > limit
    }
}

impl Gateway {
    /// Counts a call; refuses it when it is one too many.
    pub(super) fn within_limits(
        &mut self,
        call: Call,
        request: &Request,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let limit = match call {
            Call::UnifiedOrder => self.rules.limits.orders_per_s,
            _ => 0,
        };
        if limit == 0 {
            return Ok(());
        }
        let whose = (request.merchant.mch_id.clone(), call);
        if self.counters.calls.entry(whose).or_default().exceeds(limit, now) {
            let code = Code::FrequencyLimited;
            return Err(Refusal::new(code, code.text()).with_detail(format!("over {limit}/s")));
        }
        Ok(())
    }
}
