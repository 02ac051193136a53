//! What a watcher may see of an order.

use super::{Anomaly, Order, Phase, Reason};
use crate::time::UnixTime;
use crate::watch;

impl Order {
    /// The phase that a customer sees.
    #[must_use]
    pub fn watched_phase(&self) -> watch::Phase {
        match self.phase {
            Phase::Paid => watch::Phase::Paid,
            Phase::Shipped => watch::Phase::Shipped,
            // With a number that is used up nobody can pay; with a later one the order goes on.
            Phase::Placing | Phase::Open | Phase::Closing(_) if self.used_up() => {
                watch::Phase::Refunding
            }
            Phase::Closed(_) if self.holds(Anomaly::is_refund_due) => watch::Phase::Refunding,
            Phase::Closed(_) if self.holds(|anomaly| anomaly == Anomaly::RefundedElsewhere) => {
                watch::Phase::Refunded
            }
            Phase::Placing => watch::Phase::Placing,
            Phase::Open => watch::Phase::Open,
            Phase::Closing(_) => watch::Phase::Closing,
            Phase::Closed(Reason::Cancelled) => watch::Phase::Cancelled,
            Phase::Closed(Reason::Expired) => watch::Phase::Expired,
            Phase::Closed(Reason::Failed) => watch::Phase::Failed,
        }
    }

    /// The text of the QR code, only while the customer may pay.
    #[must_use]
    pub fn payable_code_url(&self, now: UnixTime) -> Option<&str> {
        match self.phase {
            Phase::Open if now < self.expires_at => self.code_url.as_deref(),
            Phase::Placing
            | Phase::Open
            | Phase::Closing(_)
            | Phase::Closed(_)
            | Phase::Paid
            | Phase::Shipped => None,
        }
    }

    /// Whether the current number was paid by a payment that may not be kept.
    fn used_up(&self) -> bool {
        self.attempts.last().is_some_and(|attempt| attempt.payment.is_some())
    }

    fn holds(&self, which: impl Fn(Anomaly) -> bool) -> bool {
        let payments = self.attempts.iter().filter_map(|attempt| attempt.payment.as_ref());
        payments.filter_map(|payment| payment.anomaly).any(which)
    }
}
