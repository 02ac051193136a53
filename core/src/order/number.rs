//! Numbers: what ends one, and what makes the next one begin.

use super::{ATTEMPT_MIN_S, ATTEMPTS_MAX, Attempt, Effect, Order, Phase, Reason, Step};
use crate::planted;
use crate::time::UnixTime;

impl Order {
    /// When a number that WeChat gives no code for is to be closed: once a query has said that it
    /// is not paid, and WeChat takes a close.
    pub(super) fn replace_due(&self) -> Option<UnixTime> {
        let is_asked = self.attempts.last().is_some_and(|attempt| attempt.asking);
        self.close_due().filter(|_| self.replacing && !is_asked)
    }
}

impl Step {
    pub(super) fn close_confirmed(&mut self, index: u8, now: UnixTime) {
        let Some(attempt) = self.attempt(index) else { return };
        attempt.closing = false;
        if !self.is_current(index) {
            return;
        }
        match self.order.phase {
            Phase::Closing(reason) => self.close(reason),
            Phase::Placing if self.order.replacing => self.next_attempt(now),
            Phase::Placing | Phase::Open | Phase::Closed(_) | Phase::Paid | Phase::Shipped => {
                return;
            }
        }
        // One last look: a payment may have come in before the close.
        self.ask(index);
    }

    pub(super) fn number_over(&mut self, index: u8, now: UnixTime) {
        let Some(attempt) = self.attempt(index) else { return };
        attempt.asking = false;
        attempt.closing = false;
        if !self.is_current(index) {
            return;
        }
        match self.order.phase {
            Phase::Placing | Phase::Open => self.next_attempt(now),
            Phase::Closing(reason) => self.close(reason),
            Phase::Closed(_) | Phase::Paid | Phase::Shipped => {}
        }
    }

    /// WeChat has the number with other fields, and gives no code for it any more. Only a query
    /// says whether it is paid; and until WeChat says that it is over, somebody may pay it. So its
    /// code is shown to nobody, it is closed, and then the next one begins.
    pub(super) fn number_used(&mut self, index: u8) {
        let is_paid = self.attempt(index).is_none_or(|attempt| attempt.payment.is_some());
        if is_paid || !self.is_current(index) {
            return;
        }
        match self.order.phase {
            Phase::Placing | Phase::Open => {
                self.order.phase = Phase::Placing;
                self.order.code_url = None;
                self.order.renewing = false;
                self.order.replacing = true;
                self.ask(index);
            }
            // It is closed anyway.
            Phase::Closing(_) | Phase::Closed(_) | Phase::Paid | Phase::Shipped => {}
        }
    }

    fn next_attempt(&mut self, now: UnixTime) {
        if planted!("code-of-closed-number") {
            return;
        }
        self.order.code_url = None;
        self.order.replacing = false;
        // WeChat takes no order that ends within a minute.
        if now.plus(ATTEMPT_MIN_S) > self.order.expires_at {
            return self.close(Reason::Expired);
        }
        let most = if planted!("two-numbers-at-most") { 2 } else { ATTEMPTS_MAX };
        if self.order.attempts.len() == most {
            return self.close(Reason::Failed);
        }
        let _ = self.order.attempts.push(Attempt::new(now));
        self.order.renewing = false;
        self.order.phase = Phase::Placing;
        self.emit(Effect::Place { attempt: self.order.current_attempt() });
    }

    pub(super) fn not_found(&mut self, index: u8, on_close: bool, now: UnixTime) {
        let Some(attempt) = self.attempt(index) else { return };
        if on_close {
            attempt.closing = false;
            attempt.unknown_on_close = true;
            return self.ask(index);
        }
        attempt.asking = false;
        let confirmed = attempt.unknown_on_close;
        match self.order.phase {
            Phase::Closing(reason) if confirmed && self.is_current(index) => self.close(reason),
            // There is nothing to close.
            Phase::Placing if self.order.replacing && self.is_current(index) => {
                self.next_attempt(now);
            }
            Phase::Placing | Phase::Open if planted!("not-found-is-over") => {
                self.close(Reason::Failed);
            }
            // While placing, the order is sent again anyway.
            Phase::Placing
            | Phase::Open
            | Phase::Closing(_)
            | Phase::Closed(_)
            | Phase::Paid
            | Phase::Shipped => {}
        }
    }
}
