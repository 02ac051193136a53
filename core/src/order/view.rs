//! What a watcher may see of an order.

use super::{CODE_LIVES_S, Order, Phase, Reason};
use crate::money::Fen;
use crate::time::UnixTime;
use crate::watch;

impl Order {
    /// The phase that a customer sees.
    #[must_use]
    pub fn watched_phase(&self) -> watch::Phase {
        match self.phase {
            Phase::Paid if crate::planted!("shipped-before-yes") => watch::Phase::Shipped,
            Phase::Paid => self.kept_goes_back().unwrap_or(watch::Phase::Paid),
            Phase::Shipped => self.kept_goes_back().unwrap_or(watch::Phase::Shipped),
            // With a number that is used up nobody can pay; with a later one the order goes on.
            Phase::Placing | Phase::Open | Phase::Closing(_) if self.used_up() => {
                self.goes_back(self.current_attempt()).unwrap_or(watch::Phase::Refunding)
            }
            Phase::Closed(reason) => self.all_go_back().unwrap_or(match reason {
                Reason::Cancelled => watch::Phase::Cancelled,
                Reason::Expired => watch::Phase::Expired,
                Reason::Failed => watch::Phase::Failed,
            }),
            Phase::Placing => watch::Phase::Placing,
            Phase::Open => watch::Phase::Open,
            Phase::Closing(_) => watch::Phase::Closing,
        }
    }

    /// The text of the QR code, only while the customer may pay.
    #[must_use]
    pub fn payable_code_url(&self, now: UnixTime) -> Option<&str> {
        if crate::planted!("code-after-end") {
            return self.code_url.as_deref();
        }
        match self.phase {
            Phase::Open if now < self.expires_at && self.code_lives(now) => {
                self.code_url.as_deref()
            }
            Phase::Placing
            | Phase::Open
            | Phase::Closing(_)
            | Phase::Closed(_)
            | Phase::Paid
            | Phase::Shipped => None,
        }
    }

    /// Whether WeChat still takes the code. A code of an older version of this program has no
    /// time; its order is over within two hours.
    fn code_lives(&self, now: UnixTime) -> bool {
        let any = crate::planted!("dead-code-shown");
        any || self.code_at.is_none_or(|at| now.since(at) < CODE_LIVES_S)
    }

    /// Whether the current number was paid by a payment that may not be kept.
    fn used_up(&self) -> bool {
        self.attempts.last().is_some_and(|attempt| attempt.payment.is_some())
    }

    /// The payment that was kept, once all of it goes back.
    fn kept_goes_back(&self) -> Option<watch::Phase> {
        let kept = self.kept_attempt()?;
        let nothing_left = self.refundable(kept) == Fen::ZERO;
        if self.is_back(kept) || crate::planted!("refunded-too-early") && nothing_left {
            return Some(watch::Phase::Refunded);
        }
        let part = crate::planted!("part-back-shows-refunding") && self.refund_started(kept);
        (part || nothing_left).then_some(watch::Phase::Refunding)
    }

    /// The payment of this attempt that was not kept, if there is one that has to go back.
    fn goes_back(&self, attempt: u8) -> Option<watch::Phase> {
        let settled = self.attempts.get(usize::from(attempt))?.payment.as_ref()?;
        settled.anomaly?;
        let back = self.is_back(attempt) || crate::planted!("refunded-too-early");
        let decided = self.is_dropped(attempt) || self.is_rest_kept(attempt);
        if !back && decided && !crate::planted!("dropped-shows-refunding") {
            return None;
        }
        Some(if back { watch::Phase::Refunded } else { watch::Phase::Refunding })
    }

    /// All payments that were not kept, if there are any: the slowest counts.
    fn all_go_back(&self) -> Option<watch::Phase> {
        let mut all = (0..=self.current_attempt()).filter_map(|attempt| self.goes_back(attempt));
        let first = all.next()?;
        let waits = |phase: &watch::Phase| *phase == watch::Phase::Refunding;
        Some(if waits(&first) { first } else { all.find(waits).unwrap_or(first) })
    }
}
