//! **The amount must match.** The one place that decides whether a payment ships.

use super::{Anomaly, Phase, Reason};
use crate::api::{Currency, Payment};
use crate::money::Fen;

/// What becomes of the first payment of an attempt: `Ok` ships, an anomaly does not.
///
/// `total_fee` is compared, which coupons are part of (protocol §9).
pub(super) fn judge(phase: Phase, amount: Fen, payment: &Payment) -> Result<(), Anomaly> {
    if payment.refunded {
        return Err(Anomaly::RefundedElsewhere);
    }
    if payment.total_fee != amount {
        return Err(Anomaly::AmountMismatch);
    }
    match payment.currency {
        Currency::Cny => {}
        Currency::Other => return Err(Anomaly::CurrencyMismatch),
    }
    match phase {
        // The customer paid in time as far as WeChat is concerned: the clock that counts is theirs.
        Phase::Placing | Phase::Open | Phase::Closing(Reason::Expired) => Ok(()),
        Phase::Closing(Reason::Cancelled | Reason::Failed) => Err(Anomaly::PaidAfterCancel),
        Phase::Closed(_) => Err(Anomaly::PaidAfterClose),
        Phase::Paid | Phase::Shipped => Err(Anomaly::PaidTwice),
    }
}
