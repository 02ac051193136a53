//! Walks of random calls, payments, moves of time and faults: whatever happens, nothing panics and
//! the model keeps its promises. A seed names a walk.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::testing::{MCH_ID, NOW, Shop};
use super::super::{
    AnswerEnd, Arrival, CATALOGUE, Call, Certificates, FaultRule, Limits, NoticeKind, OrderKey,
    Outcome, PayError, Returned, Rules, Target, Tender,
};
use super::{Fault, Often, Strikes};
use crate::random::Random;
use crate::sign::Algorithm;
use crate::time::UnixTime;

/// How many orders a walk has at most.
const ORDERS: u64 = 6;

struct Walk {
    shop: Shop,
    random: Random,
    /// Deliveries that are not answered yet.
    on_the_way: Vec<u64>,
    /// Everything that was seen, for a comparison with the same walk.
    trace: Vec<String>,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let rules = Rules {
            magic_amounts: random.below(2) == 0,
            faults_per_mille: if random.below(2) == 0 { 100 } else { 0 },
            certificates: Certificates::NotAsked,
            limits: Limits { orders_per_s: 5, ..Limits::default() },
            ..Rules::default()
        };
        let shop = Shop::seeded_with(rules, seed);
        Self { shop, random, on_the_way: Vec::new(), trace: Vec::new() }
    }

    fn number(&mut self) -> String {
        format!("SM2026112300{:04}", self.random.below(ORDERS))
    }

    fn fault(&mut self) -> Fault {
        let at = usize::try_from(self.random.below(CATALOGUE.len() as u64)).unwrap();
        Fault::new(CATALOGUE[at].name)
    }

    fn step(&mut self) {
        match self.random.below(10) {
            0..=2 => self.call(),
            3..=4 => self.pay(),
            5 => {
                let rest_s = [0, 1, 15, 60, 301, 7200, 90_000][self.below(7)];
                self.shop.now = self.shop.now.plus(rest_s);
            }
            6 => self.ask(),
            7 => {
                self.poll();
            }
            8 => self.answer_one(),
            _ => {
                let number = self.number();
                // There may be nothing to send.
                let _ = self.shop.gateway.send_again(&Target::of_number(number), 2);
            }
        }
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.random.below(limit)).unwrap()
    }

    fn call(&mut self) {
        let number = self.number();
        let call =
            [Call::UnifiedOrder, Call::OrderQuery, Call::CloseOrder, Call::Refund][self.below(4)];
        self.shop.algorithm =
            if self.random.below(4) == 0 { Algorithm::HmacSha256 } else { Algorithm::Md5 };
        let magic = CATALOGUE[self.below(CATALOGUE.len() as u64)].magic_fen.to_string();
        let total = if self.random.below(4) == 0 { magic } else { "1800".to_owned() };
        let out_refund_no = format!("R{}", self.random.below(4));
        let body = self.shop.signed_call(call, &number, &total, &out_refund_no);
        let faults = if self.random.below(5) == 0 { vec![self.fault()] } else { Vec::new() };
        let arrival = Arrival { faults: &faults, ..Arrival::of(body.as_bytes()) };
        let answer = self.shop.gateway.handle(call, &arrival, self.shop.now);
        if let AnswerEnd::CutAfter(bytes) = answer.manner.ending {
            assert!(bytes < answer.body.len());
        }
        self.trace.push(format!("{answer:?}"));
    }

    fn pay(&mut self) {
        let target = Target::of_number(self.number());
        let tender = Tender {
            force: self.random.below(3) == 0,
            after_s: u32::try_from(self.random.below(3)).unwrap() * 10,
            ..Tender::default()
        };
        let paid = self.shop.gateway.pay(&target, tender, self.shop.now);
        assert!(!matches!(paid, Err(PayError::Amount | PayError::Coupons)));
        self.trace.push(format!("{paid:?}"));
    }

    fn ask(&mut self) {
        if self.random.below(8) == 0 {
            self.shop.gateway.remove_faults();
            return;
        }
        let fault = self.fault();
        let often = [Often::Always, Often::Next(2), Often::PerMille(500)][self.below(3)];
        let mut rule = FaultRule::next(fault).often(often);
        if self.random.below(2) == 0 {
            rule = rule.of_order(self.number());
        }
        if fault.strikes() == Strikes::Notice && self.random.below(2) == 0 {
            rule = rule.of_notice(NoticeKind::Refund);
        }
        self.shop.gateway.add_fault(rule).unwrap();
    }

    fn poll(&mut self) -> Option<UnixTime> {
        let poll = self.shop.gateway.poll(self.shop.now);
        assert!(poll.wake_at.is_none_or(|at| at > self.shop.now), "it would be asked for ever");
        for delivery in &poll.send {
            assert!(delivery.cut_after.is_none_or(|bytes| bytes < delivery.body.len()));
            self.on_the_way.push(delivery.id);
        }
        self.trace.push(format!("{poll:?}"));
        poll.wake_at
    }

    fn answer_one(&mut self) {
        if self.on_the_way.is_empty() {
            return;
        }
        let at = self.below(self.on_the_way.len() as u64);
        let id = self.on_the_way.swap_remove(at);
        let body = b"<xml><return_code>SUCCESS</return_code></xml>".to_vec();
        let returned = match self.random.below(3) {
            0 => Returned::Late,
            1 => Returned::Answer { status: 500, body },
            _ => Returned::Answer { status: 200, body },
        };
        let outcome = self.shop.gateway.delivered(id, returned, self.shop.now).unwrap();
        assert_ne!(outcome, Outcome::Lost);
    }

    /// What must be true whatever has happened.
    fn check(&self) {
        let gateway = &self.shop.gateway;
        let mut numbers = BTreeSet::new();
        let mut codes = BTreeMap::new();
        let mut captured_fen: i64 = 0;
        for (key, order) in &gateway.orders {
            assert_eq!(gateway.codes.get(&order.code.url), Some(key), "the newest code is its own");
            assert_eq!(codes.insert(order.code.url.clone(), key), None, "no code means two orders");
            for payment in &order.payments {
                let number = &payment.transaction_id;
                assert!(numbers.insert(number.clone()), "no number means two payments");
                assert_eq!(gateway.transactions.get(number), Some(key));
                assert!(payment.coupon_fen() <= payment.total_fen);
                assert!(gateway.notices.of(number).is_some(), "each payment has a notification");
                captured_fen += i64::try_from(payment.total_fen).unwrap();
            }
        }
        assert_eq!(codes.len(), gateway.orders.len());
        let shown = gateway.newest_orders(100, self.shop.now);
        assert_eq!(shown.len(), gateway.orders.len(), "the index has them all, once");
        let paid = shown.iter().flat_map(|order| &order.payments);
        let paid_fen: u64 = paid.map(|payment| payment.total_fee).sum();
        assert_eq!(i64::try_from(paid_fen).unwrap(), captured_fen);
        for key in gateway.orders.keys() {
            let found = gateway.orders_numbered(&key.out_trade_no, self.shop.now);
            assert_eq!(found.len(), 1, "and by number as well");
        }
        assert!(gateway.orders.keys().all(|OrderKey { mch_id, .. }| mch_id == MCH_ID));
    }

    /// After the faults, everything comes to rest.
    fn comes_to_rest(&mut self) {
        self.shop.gateway.remove_faults();
        for _ in 0..2000 {
            let wake_at = self.poll();
            if !self.on_the_way.is_empty() {
                self.answer_one();
            } else if let Some(wake_at) = wake_at {
                self.shop.now = wake_at;
            } else {
                assert!(self.shop.gateway.is_quiet(self.shop.now));
                return;
            }
        }
        panic!("notifications for ever");
    }
}

fn walk(seed: u64, steps: u32) -> Vec<String> {
    let mut walk = Walk::new(seed);
    assert_eq!(walk.shop.now, NOW);
    for _ in 0..steps {
        walk.step();
        walk.check();
    }
    walk.comes_to_rest();
    walk.check();
    walk.trace
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_walk_keeps_the_promises_and_its_seed_tells_it_again(seed in any::<u64>()) {
        prop_assert_eq!(walk(seed, 120), walk(seed, 120));
    }
}
