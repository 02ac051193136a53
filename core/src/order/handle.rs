//! The transitions, one function for each event.

use super::payment::judge;
use super::{
    Anomaly, Attempt, CLOSE_NOT_BEFORE_S, Effect, Event, Order, Phase, RENEW_AFTER_S, Reason,
    Settlement, Step, WATCHED_GAP_S,
};
use crate::api::Payment;
use crate::money::Fen;
use crate::planted;
use crate::time::UnixTime;
use crate::timetable::QUERY_S;
use crate::watch::CODE_URL_MAX;
use heapless::{String, Vec};

impl Order {
    /// What follows from an event. The same event again, an event about an attempt that does not
    /// exist, and old news change nothing and have no effects.
    pub fn handle(&self, event: &Event, now: UnixTime) -> Step {
        let mut step = Step { order: self.clone(), effects: Vec::new() };
        match event {
            Event::Placed { attempt, code_url } => step.placed(*attempt, code_url, now),
            Event::PlaceUnknown { attempt } => step.place_unknown(*attempt),
            Event::PlaceImpossible { attempt } => step.place_impossible(*attempt),
            Event::SaysPaid { attempt } => step.says_paid(*attempt),
            Event::Ask => step.asked(),
            Event::Paid { attempt, payment } => step.paid(*attempt, payment),
            Event::NotPaid { attempt } => step.not_paid(*attempt),
            Event::CloseConfirmed { attempt } => step.close_confirmed(*attempt, now),
            Event::NumberOver { attempt } => step.number_over(*attempt, now),
            Event::NumberUsed { attempt } => step.number_used(*attempt),
            Event::NotFound { attempt, on_close } => step.not_found(*attempt, *on_close, now),
            Event::Cancel => step.cancel(now),
            Event::Tick => step.tick(now),
            Event::Watched => step.watched(now),
            Event::Dispense => step.dispense(),
            Event::Shipped => step.shipped(),
            Event::RefundAsked { refund, attempt, amount, wish } => {
                step.refund_asked(*refund, *attempt, *amount, *wish);
            }
            Event::RefundEnded { refund, end } => step.refund_ended(*refund, *end),
            Event::RefundedElsewhere { attempt, amount, open, used_up } => {
                step.use_up(*attempt, *used_up);
                step.refunded_elsewhere(*attempt, *amount, *open);
            }
            Event::RestKept { attempt } => step.rest_kept(*attempt),
        }
        step
    }

    /// When [`Event::Tick`] next has something to do, or `None`.
    #[must_use]
    pub fn due(&self) -> Option<UnixTime> {
        let deadline = match self.phase {
            Phase::Placing | Phase::Open => Some(self.ends_at()),
            Phase::Closing(_) => self.close_due(),
            Phase::Closed(_) | Phase::Paid | Phase::Shipped => None,
        };
        let refund = self.forgotten_refund().map(|_| self.created_at);
        let others = [self.query_due(), self.renew_due(), self.replace_due(), refund];
        others.into_iter().chain([deadline]).flatten().min()
    }

    /// Whether a question may tell somebody who watches something new: the order should be over, or
    /// nobody has asked for a while.
    #[must_use]
    pub fn may_ask(&self, now: UnixTime) -> bool {
        let gap_s = match self.phase {
            Phase::Closing(_) => WATCHED_GAP_S.0,
            Phase::Open if planted!("look-asks-nothing") => return false,
            Phase::Open => WATCHED_GAP_S.1,
            Phase::Placing | Phase::Closed(_) | Phase::Paid | Phase::Shipped => return false,
        };
        self.attempts.last().is_some_and(|attempt| {
            let asked_at = attempt.asked_at.unwrap_or(attempt.created_at);
            !attempt.asking && attempt.payment.is_none() && now.since(asked_at) >= gap_s
        })
    }

    fn ends_at(&self) -> UnixTime {
        let early_s = if planted!("expiry-a-minute-early") { 60 } else { 0 };
        UnixTime::new(self.expires_at.get() - early_s).unwrap_or(self.expires_at)
    }

    /// When the code has to be renewed. Where the order ends before, that comes first.
    fn renew_due(&self) -> Option<UnixTime> {
        let at = self.code_at.filter(|_| self.phase == Phase::Open)?.plus(RENEW_AFTER_S);
        let settled = self.attempts.last().is_none_or(|attempt| attempt.payment.is_some());
        let never = planted!("code-never-renewed");
        (!self.renewing && !settled && !never).then_some(at)
    }

    pub(super) fn close_due(&self) -> Option<UnixTime> {
        let attempt = self.attempts.last()?;
        let waits = attempt.closing || attempt.asking && attempt.says_paid;
        if waits || attempt.unknown_on_close || attempt.payment.is_some() {
            return None;
        }
        let after_s = if planted!("close-at-once") { 0 } else { CLOSE_NOT_BEFORE_S };
        Some(attempt.created_at.plus(after_s))
    }

    fn query_due(&self) -> Option<UnixTime> {
        match self.phase {
            Phase::Placing | Phase::Open | Phase::Closing(_) => {}
            Phase::Closed(_) | Phase::Paid | Phase::Shipped => return None,
        }
        let attempt = self.attempts.last()?;
        if attempt.asking || attempt.payment.is_some() || planted!("no-questions-by-time") {
            return None;
        }
        let mut after_s = *QUERY_S.get(usize::from(attempt.queries))?;
        if planted!("asked-after-half-an-hour") {
            after_s = after_s.max(1_800);
        }
        Some(attempt.created_at.plus(after_s))
    }
}

impl Step {
    pub(super) fn emit(&mut self, effect: Effect) {
        let full = self.effects.push(effect).is_err();
        debug_assert!(!full, "no event has more than four effects");
    }

    pub(super) fn attempt(&mut self, attempt: u8) -> Option<&mut Attempt> {
        self.order.attempts.get_mut(usize::from(attempt))
    }

    pub(super) fn is_current(&self, attempt: u8) -> bool {
        attempt == self.order.current_attempt()
    }

    pub(super) fn ask(&mut self, index: u8) {
        if let Some(attempt) = self.attempt(index)
            && !attempt.asking
        {
            attempt.asking = true;
            attempt.says_paid = false;
            self.emit(Effect::Query { attempt: index });
        }
    }

    fn placed(&mut self, attempt: u8, code_url: &String<CODE_URL_MAX>, now: UnixTime) {
        let used_up = self.attempt(attempt).is_none_or(|attempt| attempt.payment.is_some());
        let used_up = used_up && !planted!("late-code-reopens");
        if used_up || self.order.replacing || !self.is_current(attempt) {
            return;
        }
        match self.order.phase {
            // A newer code replaces the older one, which WeChat has made void.
            Phase::Placing | Phase::Open => {
                // Whoever asked for a new one was given one, even if it reads the same.
                if self.order.code_url.as_ref() != Some(code_url) || self.order.renewing {
                    self.order.code_at = Some(now);
                }
                self.order.code_url = Some(code_url.clone());
                self.order.renewing = false;
                self.order.phase = Phase::Open;
            }
            Phase::Paid if planted!("late-code-reopens") => self.order.phase = Phase::Open,
            Phase::Closing(_) if planted!("late-code-reopens-closing") => {
                self.order.code_url = Some(code_url.clone());
                self.order.phase = Phase::Open;
            }
            Phase::Closing(_) | Phase::Closed(_) | Phase::Paid | Phase::Shipped => {}
        }
    }

    fn place_unknown(&mut self, attempt: u8) {
        match self.order.phase {
            Phase::Placing if self.is_current(attempt) => self.ask(attempt),
            Phase::Placing
            | Phase::Open
            | Phase::Closing(_)
            | Phase::Closed(_)
            | Phase::Paid
            | Phase::Shipped => {}
        }
    }

    fn place_impossible(&mut self, attempt: u8) {
        match self.order.phase {
            // Nobody has a code, so nobody can pay, and there is nothing to close.
            Phase::Placing if self.is_current(attempt) && !self.order.replacing => {
                self.close(Reason::Failed);
            }
            Phase::Placing
            | Phase::Open
            | Phase::Closing(_)
            | Phase::Closed(_)
            | Phase::Paid
            | Phase::Shipped => {}
        }
    }

    fn says_paid(&mut self, index: u8) {
        let Some(attempt) = self.attempt(index) else { return };
        attempt.closing = false;
        if planted!("says-paid-ignored") {
            return;
        }
        if attempt.payment.is_none() {
            self.ask(index);
            if let Some(attempt) = self.attempt(index) {
                attempt.says_paid = true;
            }
            return;
        }
        // Of two payments for the number it may have told either.
        attempt.asking = false;
        // The payment is known already and goes back: the number is used up.
        if let Phase::Closing(reason) = self.order.phase
            && self.is_current(index)
        {
            self.close(reason);
        }
    }

    fn asked(&mut self) {
        let index = self.order.current_attempt();
        if self.attempt(index).is_some_and(|attempt| attempt.payment.is_none()) {
            self.ask(index);
        }
    }

    /// A query was answered.
    fn answered(&mut self, attempt: u8) {
        if let Some(attempt) = self.attempt(attempt) {
            attempt.asking = false;
        }
    }

    fn not_paid(&mut self, attempt: u8) {
        self.answered(attempt);
        if let Some(attempt) = self.attempt(attempt) {
            // WeChat knows the number after all, so it has to be closed again.
            attempt.unknown_on_close = false;
        }
    }

    fn paid(&mut self, index: u8, payment: &Payment) {
        let (phase, amount) = (self.order.phase, self.order.amount);
        if planted!("close-wins-over-pay") && matches!(phase, Phase::Closing(_)) {
            return;
        }
        let index = match planted!("payment-of-another-attempt") {
            true => self.order.current_attempt(),
            false => index,
        };
        let Some(attempt) = self.attempt(index) else { return };
        attempt.closing = false;
        if let Some(known) = &attempt.payment {
            let same = known.transaction_id == payment.transaction_id;
            let third = planted!("third-payment-forgotten") && attempt.conflicts.last().is_some();
            let same = same && known.amount == payment.total_fee;
            if same || third || planted!("conflict-not-reported") {
                attempt.asking = false;
            } else if !attempt.conflicts.contains(&payment.transaction_id) {
                // When full, a later one is reported again with each repeat rather than never.
                let _ = attempt.conflicts.push(payment.transaction_id.clone());
                self.report(index, payment, Anomaly::Conflict);
                if planted!("conflict-goes-back") {
                    self.give_back(index);
                }
                self.ask(index);
            }
            return;
        }
        attempt.asking = false;
        let verdict = judge(phase, amount, payment);
        attempt.payment = Some(Settlement {
            transaction_id: payment.transaction_id.clone(),
            amount: payment.total_fee,
            currency: payment.currency,
            anomaly: verdict.err(),
            elsewhere: Fen::ZERO,
            elsewhere_open: Fen::ZERO,
            rest_kept: false,
        });
        match verdict {
            Ok(()) => {
                self.order.phase = Phase::Paid;
                self.order.code_url = None;
                self.order.replacing = false;
                self.emit(Effect::Ship {
                    attempt: index,
                    transaction_id: payment.transaction_id.clone(),
                    paid_at: match planted!("paid-at-is-made-at") {
                        true => self.order.created_at,
                        false => payment.paid_at,
                    },
                });
            }
            Err(anomaly) => self.keep_out(index, payment, anomaly),
        }
    }

    /// A payment that may not ship: give it back and tell.
    fn keep_out(&mut self, index: u8, payment: &Payment, anomaly: Anomaly) {
        let forgotten = planted!("forget-second-payment") && anomaly == Anomaly::PaidTwice;
        if anomaly.is_refund_due() && !forgotten {
            self.give_back(index);
        }
        self.report(index, payment, anomaly);
        if !self.is_current(index) {
            return;
        }
        match self.order.phase {
            // The number is used up, so there is nothing left to close.
            Phase::Closing(reason) => self.close(reason),
            // The order stays open until its end, but its code is void.
            Phase::Placing | Phase::Open => self.order.code_url = None,
            Phase::Closed(_) | Phase::Paid | Phase::Shipped => {}
        }
    }

    fn report(&mut self, index: u8, payment: &Payment, anomaly: Anomaly) {
        let amount =
            if planted!("alarm-names-price") { self.order.amount } else { payment.total_fee };
        let transaction_id = payment.transaction_id.clone();
        self.emit(Effect::Report { attempt: index, transaction_id, amount, anomaly });
    }

    fn cancel(&mut self, now: UnixTime) {
        match self.order.phase {
            Phase::Placing | Phase::Open => self.begin_closing(Reason::Cancelled, now),
            Phase::Closing(Reason::Expired) if planted!("cancel-after-end-forgotten") => {}
            // What is paid from now on may not ship any more.
            Phase::Closing(Reason::Expired) => self.order.phase = Phase::Closing(Reason::Cancelled),
            Phase::Paid if planted!("cancel-after-pay") => self.close(Reason::Cancelled),
            Phase::Closing(_) | Phase::Closed(_) | Phase::Paid | Phase::Shipped => {}
        }
    }

    fn tick(&mut self, now: UnixTime) {
        match self.order.phase {
            Phase::Placing | Phase::Open if now >= self.order.ends_at() => {
                self.begin_closing(Reason::Expired, now);
            }
            Phase::Closing(_) => self.close_number(now),
            Phase::Placing if self.order.replace_due().is_some() => self.close_number(now),
            Phase::Placing | Phase::Open | Phase::Closed(_) | Phase::Paid | Phase::Shipped => {}
        }
        self.query_on_time(now);
        if self.order.renew_due().is_some_and(|at| at <= now) {
            self.order.renewing = true;
            self.emit(Effect::Renew { attempt: self.order.current_attempt() });
        }
        if let Some(attempt) = self.order.forgotten_refund() {
            self.give_back(attempt);
        }
    }

    /// Asks once, however many entries of the timetable have passed.
    fn query_on_time(&mut self, now: UnixTime) {
        let index = self.order.current_attempt();
        let mut due = false;
        while self.order.query_due().is_some_and(|at| at <= now) {
            due = true;
            if let Some(attempt) = self.attempt(index) {
                attempt.queries += 1;
            }
        }
        if due {
            self.ask_at(index, now);
        }
    }

    fn watched(&mut self, now: UnixTime) {
        if self.order.may_ask(now) {
            self.ask_at(self.order.current_attempt(), now);
        }
    }

    fn ask_at(&mut self, index: u8, now: UnixTime) {
        if let Some(attempt) = self.attempt(index) {
            attempt.asked_at = Some(now);
        }
        self.ask(index);
    }

    fn begin_closing(&mut self, reason: Reason, now: UnixTime) {
        self.order.code_url = None;
        self.order.replacing = false;
        let settled = self.order.attempts.last().is_some_and(|last| last.payment.is_some());
        let at_once = match reason {
            Reason::Expired => planted!("expiry-closes-nothing"),
            Reason::Cancelled => planted!("cancel-closes-nothing"),
            Reason::Failed => false,
        };
        if settled || at_once {
            // The number was paid by a payment that went back: it is used up.
            return self.close(reason);
        }
        self.order.phase = Phase::Closing(reason);
        self.close_number(now);
    }

    /// Sends the close when WeChat takes one.
    fn close_number(&mut self, now: UnixTime) {
        if self.order.close_due().is_some_and(|at| at <= now) {
            let index = self.order.current_attempt();
            if let Some(attempt) = self.attempt(index) {
                attempt.closing = true;
            }
            self.emit(Effect::Close { attempt: index });
        }
    }

    pub(super) fn close(&mut self, reason: Reason) {
        self.order.code_url = None;
        self.order.replacing = false;
        self.order.phase = Phase::Closed(reason);
    }

    fn shipped(&mut self) {
        match self.order.phase {
            Phase::Paid => self.order.phase = Phase::Shipped,
            Phase::Placing
            | Phase::Open
            | Phase::Closing(_)
            | Phase::Closed(_)
            | Phase::Shipped => {}
        }
    }
}

impl Attempt {
    pub(super) const fn new(created_at: UnixTime) -> Self {
        Self {
            created_at,
            queries: 0,
            asking: false,
            asked_at: None,
            says_paid: false,
            closing: false,
            unknown_on_close: false,
            payment: None,
            conflicts: Vec::new(),
        }
    }
}
