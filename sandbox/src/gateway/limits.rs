//! How many calls a merchant may make in a second (`docs/protocol.md` §4 and §7).

use std::collections::BTreeMap;

use super::answer::Reply;
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
    /// Refunds.
    pub refunds_per_s: u32,
    /// Refunds that are refused as wrong. After more, all are refused with `INVALID_REQ_TOO_MUCH`
    /// for [`Limits::BLOCK_S`] seconds.
    pub wrong_refunds_per_s: u32,
}

impl Limits {
    /// No limits, for simulations and benchmarks.
    pub const OFF: Self = Self { orders_per_s: 0, refunds_per_s: 0, wrong_refunds_per_s: 0 };

    /// For how many seconds a merchant with too many wrong refunds is blocked.
    pub const BLOCK_S: i64 = 60;

    const fn of(self, call: Call) -> u32 {
        match call {
            Call::UnifiedOrder => self.orders_per_s,
            Call::Refund => self.refunds_per_s,
            _ => 0,
        }
    }
}

impl Default for Limits {
    /// As the pages say.
    fn default() -> Self {
        Self { orders_per_s: 500, refunds_per_s: 150, wrong_refunds_per_s: 6 }
    }
}

/// What each merchant did in the second of now.
#[derive(Debug, Default)]
pub(super) struct Counters {
    orders: BTreeMap<String, Second>,
    refunds: BTreeMap<String, Second>,
    wrong_refunds: BTreeMap<String, Second>,
    /// Until when a merchant's refunds are refused.
    blocked: BTreeMap<String, UnixTime>,
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
        self.calls > limit
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
        let limit = self.rules.limits.of(call);
        if limit == 0 {
            return Ok(());
        }
        let mch_id = &request.merchant.mch_id;
        let counters = &mut self.counters;
        let seconds = if call == Call::Refund {
            if counters.blocked.get(mch_id).is_some_and(|end| now < *end) {
                let code = Code::InvalidReqTooMuch;
                return Err(Refusal::new(code, code.text()));
            }
            &mut counters.refunds
        } else {
            &mut counters.orders
        };
        if seconds.entry(mch_id.clone()).or_default().exceeds(limit, now) {
            let code = Code::FrequencyLimited;
            let detail = format!("more than {limit} a second");
            return Err(Refusal::new(code, code.text()).with_detail(detail));
        }
        Ok(())
    }

    /// Counts a refund that was wrong; one too many blocks the merchant for a while.
    pub(super) fn count_mistake(
        &mut self,
        call: Call,
        request: &Request,
        reply: &Result<Reply, Refusal>,
        now: UnixTime,
    ) {
        let limit = self.rules.limits.wrong_refunds_per_s;
        let is_wrong = reply.as_ref().is_err_and(|refusal| {
            !matches!(refusal.code, Code::FrequencyLimited | Code::InvalidReqTooMuch)
        });
        if call != Call::Refund || limit == 0 || !is_wrong {
            return;
        }
        let mch_id = request.merchant.mch_id.clone();
        let counted = self.counters.wrong_refunds.entry(mch_id.clone()).or_default();
        if counted.exceeds(limit, now) {
            self.counters.blocked.insert(mch_id, now.plus(Limits::BLOCK_S));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, Shop};
    use super::super::{Answer, Arrival, Certificates, Rules};
    use super::*;

    const NO: &str = "SM20261123000001";

    fn shop(limits: Limits) -> Shop {
        Shop::with_rules(Rules { limits, certificates: Certificates::NotAsked, ..Rules::default() })
    }

    /// A refund of an order that does not exist.
    fn wrong_refund(shop: &mut Shop) -> Option<Code> {
        let fields = [
            ("out_trade_no", "SM20261123000009"),
            ("out_refund_no", "R1"),
            ("total_fee", "1"),
            ("refund_fee", "1"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let body = shop.signed(&fields.into(), &[]);
        let arrival = Arrival::of(body.as_bytes());
        let answer: Answer = shop.gateway.handle(Call::Refund, &arrival, shop.now);
        answer.code
    }

    #[test]
    fn orders_above_the_limit_wait_for_the_next_second() {
        let mut shop = shop(Limits { orders_per_s: 2, ..Limits::default() });
        shop.order(NO, &[]);
        shop.order(NO, &[]);
        assert_eq!(shop.order_refused(NO, &[]).0, Code::FrequencyLimited);
        shop.other_merchant().order(NO, &[]);
        shop.now = NOW.plus(1);
        shop.order(NO, &[]);
    }

    #[test]
    fn six_wrong_refunds_a_second_are_borne_and_more_are_not_for_a_minute() {
        let mut shop = shop(Limits::default());
        for second in 0..3 {
            shop.now = NOW.plus(second);
            for _ in 0..6 {
                assert_eq!(wrong_refund(&mut shop), Some(Code::OrderNotExist));
            }
        }
        assert_eq!(wrong_refund(&mut shop), Some(Code::OrderNotExist), "one too many");
        assert_eq!(wrong_refund(&mut shop), Some(Code::InvalidReqTooMuch));
        shop.order(NO, &[]);
        shop.now = NOW.plus(2 + 59);
        assert_eq!(wrong_refund(&mut shop), Some(Code::InvalidReqTooMuch));
        shop.now = NOW.plus(2 + 60);
        assert_eq!(wrong_refund(&mut shop), Some(Code::OrderNotExist));
    }

    #[test]
    fn refunds_above_the_limit_wait_for_the_next_second() {
        let mut shop = shop(Limits { refunds_per_s: 3, wrong_refunds_per_s: 0, orders_per_s: 0 });
        for _ in 0..3 {
            assert_eq!(wrong_refund(&mut shop), Some(Code::OrderNotExist));
        }
        assert_eq!(wrong_refund(&mut shop), Some(Code::FrequencyLimited));
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        let mut shop = shop(Limits::OFF);
        for _ in 0..20 {
            assert_eq!(wrong_refund(&mut shop), Some(Code::OrderNotExist));
        }
        assert!(shop.gateway.counters.refunds.is_empty());
    }
}
