//! Faults of payments, and payments that come when the order is closed already.

use super::super::order::OrderKey;
use super::super::{Gateway, Target, Tender};
use super::{Fault, FaultName, Place, Strikes};
use crate::time::UnixTime;

/// What faults make of one payment.
#[derive(Debug, Default)]
pub(in crate::gateway) struct PaymentFaults {
    /// The amount instead of the order's, in fen.
    pub(in crate::gateway) total_fen: Option<u64>,
    /// Whether it is in another currency.
    pub(in crate::gateway) other_currency: bool,
    /// Whether a second one follows.
    pub(in crate::gateway) twice: bool,
    /// For how many seconds the order query does not know it.
    pub(in crate::gateway) lags_s: Option<i64>,
}

impl Gateway {
    /// The faults that strike a payment of this order.
    pub(in crate::gateway) fn payment_faults(
        &mut self,
        key: &OrderKey,
        now: UnixTime,
    ) -> PaymentFaults {
        let mut faults = PaymentFaults::default();
        for fault in self.strike_order(Strikes::Payment, key, now) {
            match fault.name() {
                FaultName::PaidOtherAmount => {
                    let asked_fen = self.orders.get(key).map_or(0, |order| order.total_fen);
                    faults.total_fen = Some(other_amount(asked_fen, fault.number()));
                }
                FaultName::PaidOtherCurrency => faults.other_currency = true,
                FaultName::PaidTwice => faults.twice = true,
                FaultName::QueryLags => faults.lags_s = Some(fault.seconds()),
                _ => {}
            }
        }
        faults
    }

    /// An order was closed: perhaps it is paid all the same.
    pub(in crate::gateway) fn closed(&mut self, key: &OrderKey, now: UnixTime) {
        for fault in self.strike_order(Strikes::Close, key, now) {
            self.faults.late_payments.insert((now.plus(fault.seconds()), key.clone()));
        }
    }

    /// Makes the next payment of a closed order, if its time has come.
    pub(in crate::gateway) fn pay_late(&mut self, now: UnixTime) {
        let due = self.faults.late_payments.first().is_some_and(|(at, _)| *at <= now);
        let Some((at, key)) = due.then(|| self.faults.late_payments.pop_first()).flatten() else {
            return;
        };
        let OrderKey { mch_id, out_trade_no } = key;
        let target = Target::Number { mch_id: Some(mch_id), out_trade_no };
        // Whatever can be closed can be paid by force.
        let _ = self.pay_now(&target, Tender { force: true, ..Tender::default() }, at);
    }

    /// When the next payment of a closed order comes.
    pub(in crate::gateway) fn next_late_payment(&self) -> Option<UnixTime> {
        self.faults.late_payments.first().map(|(at, _)| *at)
    }

    fn strike_order(&mut self, strikes: Strikes, key: &OrderKey, now: UnixTime) -> Vec<Fault> {
        if self.faults.is_idle() {
            return Vec::new();
        }
        let drawn = self.faults.draw(Place::of_order(strikes, key));
        for (fault, asked_by) in &drawn {
            self.struck(*fault, asked_by, &key.mch_id, Some(&key.out_trade_no), now);
        }
        drawn.into_iter().map(|(fault, _)| fault).collect()
    }
}

/// Another amount than the order's.
const fn other_amount(asked_fen: u64, wanted_fen: u64) -> u64 {
    match (wanted_fen, asked_fen) {
        (0, 0 | 1) => 2,
        (0, asked_fen) => asked_fen - 1,
        (wanted_fen, _) => wanted_fen,
    }
}
