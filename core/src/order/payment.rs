//! **The amount must match.** The one place that decides whether a payment ships.

use super::{Phase, Reason};
use crate::api::Payment;
use crate::money::Fen;
use crate::planted;

/// What becomes of the first payment of an attempt: `Ok` ships, an anomaly does not.
///
/// `total_fee` is compared, which coupons are part of (protocol §9).
pub(super) fn judge(phase: Phase, amount: Fen, payment: &Payment) -> Result<(), Anomaly> {
    if payment.refunded && !planted!("by-hand-refund-ships") {
        return Err(Anomaly::RefundedElsewhere);
    }
    // First, as amounts of two currencies cannot be compared.
    if !payment.currency.is_cny() && !planted!("skip-currency-check") {
        return Err(Anomaly::CurrencyMismatch);
    }
    let is_more = planted!("more-than-the-price-ships") && payment.total_fee > amount;
    if payment.total_fee != amount && !planted!("skip-amount-check") && !is_more {
        return Err(Anomaly::AmountMismatch);
    }
    match phase {
        Phase::Closing(Reason::Expired) if planted!("in-time-goes-back") => {
            Err(Anomaly::PaidAfterClose)
        }
        Phase::Paid | Phase::Shipped if planted!("wrong-anomaly") => Err(Anomaly::PaidAfterClose),
        Phase::Closing(_) if planted!("ship-after-cancel") => Ok(()),
        Phase::Closed(_) if planted!("ship-after-close") => Ok(()),
        Phase::Paid | Phase::Shipped if planted!("ship-twice") => Ok(()),
        // The customer paid in time as far as WeChat is concerned: the clock that counts is theirs.
        Phase::Placing | Phase::Open | Phase::Closing(Reason::Expired) => Ok(()),
        Phase::Closing(Reason::Cancelled | Reason::Failed) => Err(Anomaly::PaidAfterCancel),
        Phase::Closed(_) => Err(Anomaly::PaidAfterClose),
        Phase::Paid | Phase::Shipped => Err(Anomaly::PaidTwice),
    }
}

/// Why a payment may not ship.
///
/// An example is at [`Order`](super::Order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Anomaly {
    /// Another amount than the order's.
    AmountMismatch,
    /// Another currency than CNY.
    CurrencyMismatch,
    /// The order had been given up.
    PaidAfterCancel,
    /// The order had been closed.
    PaidAfterClose,
    /// The order had been paid by another payment.
    PaidTwice,
    /// Already given back at WeChat, by somebody else than us: nothing to refund, nothing to ship.
    RefundedElsewhere,
    /// What somebody else gave back of it was closed by WeChat: the money is with the merchant
    /// again, nothing goes back by itself, and goods that had stayed because of it still stay.
    ElsewhereClosed,
    /// A second transaction for one number. It cannot be, so no money moves.
    Conflict,
    /// A good payment for a number that we do not know (found by the server, not by an order).
    UnknownOrder,
    /// Paid, and no machine came for the goods (found by the server).
    NotFetched,
    /// A machine began to hand the goods over and never confirmed (found by the server).
    NotConfirmed,
}

impl Anomaly {
    /// The name on the wire, `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AmountMismatch => "amount_mismatch",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::PaidAfterCancel => "paid_after_cancel",
            Self::PaidAfterClose => "paid_after_close",
            Self::PaidTwice => "paid_twice",
            Self::RefundedElsewhere => "refunded_elsewhere",
            Self::ElsewhereClosed => "elsewhere_closed",
            Self::Conflict => "conflict",
            Self::UnknownOrder => "unknown_order",
            Self::NotFetched => "not_fetched",
            Self::NotConfirmed => "not_confirmed",
        }
    }

    /// Whether the payment must be given back, by us.
    #[must_use]
    pub const fn is_refund_due(self) -> bool {
        match self {
            Self::AmountMismatch
            | Self::CurrencyMismatch
            | Self::PaidAfterCancel
            | Self::PaidAfterClose
            | Self::PaidTwice
            | Self::UnknownOrder => true,
            Self::RefundedElsewhere
            | Self::ElsewhereClosed
            | Self::Conflict
            | Self::NotFetched
            | Self::NotConfirmed => false,
        }
    }
}
