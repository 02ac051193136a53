//! What the terminal asks the server, and what it makes of the answers.

use super::{
    App,
    order::{Question, Wish},
    times::{ANSWER_WITHIN_MS, GONE_AFTER_S, HELD_WITHIN_MS, KEY_AGAIN_MS, LOOK_AGAIN_MS},
};
use crate::{
    call::{Answer, JobId, Refusal, Request},
    journal::Stage,
};
use heapless::String;
use saoma_core::watch::{Phase, View};

/// How many numbers are tried that somebody else has used.
const RENUMBERED_MAX: u8 = 5;

/// The server's words for its refusals (`docs/api.md` §4).
mod code {
    pub(super) const ALREADY_PAID: &str = "already_paid";
    pub(super) const ORDER_NO_TAKEN: &str = "order_no_taken";
    pub(super) const NOT_PAID: &str = "not_paid";
    pub(super) const NOT_CLAIMED: &str = "not_claimed";
    pub(super) const REFUND_STARTED: &str = "refund_started";
}

/// The question that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) ticket: u32,
    /// The order that it is about.
    pub(super) order: u32,
    pub(super) question: Question,
    pub(super) at_ms: u64,
    pub(super) before_ms: u64,
}

impl App {
    /// The way to the server came or went.
    pub(super) fn on_link(&mut self, up: bool, now_ms: u64) {
        if up == self.link {
            return;
        }
        self.link = up;
        if !up {
            self.asked = None;
        }
        self.doubt_front(now_ms);
        for order in self.orders.iter_mut().filter(|order| order.lost > 0) {
            order.due_ms = order.due_ms.min(now_ms);
        }
    }

    pub(super) fn on_reply(&mut self, ticket: u32, answer: Answer, now_ms: u64) {
        let Some(asked) = self.asked.take_if(|asked| asked.ticket == ticket) else { return };
        match answer {
            Answer::View(view) => self.on_view(&asked, view, now_ms),
            Answer::Claimed { job, again, view } => {
                self.on_view(&asked, view, now_ms);
                if asked.question == Question::Dispense {
                    self.on_claimed(asked.order, job, again, now_ms);
                }
            }
            Answer::Refused(refusal) => self.on_refusal(&asked, refusal, now_ms),
        }
    }

    pub(super) fn on_lost(&mut self, ticket: u32, now_ms: u64) {
        let Some(asked) = self.asked.take_if(|asked| asked.ticket == ticket) else { return };
        if let Some(order) = self.order_mut(asked.order) {
            order.lose(now_ms);
        }
        self.doubt_front(now_ms);
    }

    /// The connection may be gone: the customer's order is asked about before its code is shown
    /// again.
    fn doubt_front(&mut self, now_ms: u64) {
        let front = self.front().and_then(|front| self.order_mut(front));
        if let Some(order) = front.filter(|order| order.lost == 0) {
            order.lost = 1;
            order.due_ms = order.due_ms.min(now_ms);
        }
    }

    /// The question that is due, if any. One waits at a time; a look that the server may hold
    /// gives way to whatever else the customer's order needs.
    pub(super) fn ask(&mut self, now_ms: u64) -> Option<Request> {
        if let Some(Asked { ticket, before_ms, .. }) = self.asked
            && now_ms >= before_ms
        {
            self.on_lost(ticket, now_ms);
        }
        if !self.link {
            return None;
        }
        let (order, question, is_urgent) = self.next_question(now_ms)?;
        match self.asked {
            Some(Asked { question: Question::Look { .. }, .. }) if is_urgent => {}
            Some(_) => return None,
            None => {}
        }
        let asked = self.order_mut(order)?;
        let call = asked.call(question)?;
        if question == Question::Dispense {
            asked.claims = asked.claims.saturating_add(1);
        }
        self.tickets = self.tickets.wrapping_add(1);
        let held = question == Question::Look { held: true };
        let within_ms = if held { HELD_WITHIN_MS } else { ANSWER_WITHIN_MS };
        let before_ms = now_ms.saturating_add(within_ms);
        let ticket = self.tickets;
        self.asked = Some(Asked { ticket, order, question, at_ms: now_ms, before_ms });
        Some(Request { ticket, call })
    }

    /// Whose turn it is: what the customer waits for, then who has waited longest.
    fn next_question(&self, now_ms: u64) -> Option<(u32, Question, bool)> {
        let front = self.front();
        let due = self.orders.iter().filter(|order| order.due_ms <= now_ms);
        let questions = due.filter_map(|order| {
            let in_front = front == Some(order.id);
            let question = order.question(in_front).filter(|question| self.may(*question))?;
            let is_urgent = in_front && !matches!(question, Question::Look { .. });
            Some((order.id, question, is_urgent, order.due_ms))
        });
        let next = questions.min_by_key(|(_, _, is_urgent, due_ms)| (!is_urgent, *due_ms));
        next.map(|(order, question, is_urgent, _)| (order, question, is_urgent))
    }

    /// Whether the journal allows it: what makes or claims goods has to be written down before;
    /// that goods are out is told even by a terminal that cannot write any more.
    fn may(&self, question: Question) -> bool {
        match question {
            Question::Make | Question::Dispense => self.is_durable(),
            Question::Shipped => self.is_durable() || self.store.has_failed(),
            Question::Look { .. } | Question::Cancel => true,
        }
    }

    fn on_view(&mut self, asked: &Asked, view: View, now_ms: u64) {
        self.key_refused = false;
        let in_front = self.front() == Some(asked.order);
        let Some(order) = self.order_mut(asked.order) else { return };
        order.lost = 0;
        if let Some(wrong) = order.wrong(&view) {
            order.ask_for_help(now_ms);
            self.mark();
            self.refusal = Some(Refusal { status: 0, code: cut(wrong) });
            return;
        }
        if order.fresh && order.entry.stage == Stage::Making && view.phase == Phase::Paid {
            // Nobody has seen its code: the number was given to another order once.
            order.entry.order_id = Some(view.order_id);
            order.ask_for_help(now_ms);
            self.mark();
            self.refusal = Some(Refusal { status: 0, code: cut("paid_before") });
            return;
        }
        let mut changed = false;
        if order.entry.order_id.is_none() {
            order.entry.order_id = Some(view.order_id.clone());
            changed = true;
        }
        if order.entry.stage == Stage::Making {
            order.entry.stage = Stage::Open;
            changed = true;
        }
        order.heard = true;
        if asked.question == Question::Cancel {
            order.wish = Wish::Told;
        }
        let known = order.seen.map(|(version, _)| version);
        if known.is_none_or(|known| known <= view.version) {
            order.seen = Some((view.version, view.phase));
            let late_s = view.server_time.since(view.expires_at);
            order.gone = view.phase == Phase::Paid && late_s > GONE_AFTER_S;
        }
        if !in_front || order.needs_help() {
            order.rest(now_ms);
        } else if known.is_some_and(|known| known >= view.version) {
            order.due_ms = now_ms.max(asked.at_ms.saturating_add(LOOK_AGAIN_MS));
        } else {
            order.due_ms = now_ms;
        }
        let is_over = order.is_over() && !order.settled;
        if changed {
            self.mark();
        }
        if in_front {
            self.show_view(view, now_ms);
        }
        if is_over {
            self.settle(asked.order);
        }
    }

    fn on_claimed(&mut self, order: u32, job: JobId, again: bool, now_ms: u64) {
        let Some(order) = self.order_mut(order) else { return };
        if order.settled || order.entry.stage != Stage::Claiming {
            return;
        }
        if !order.take_job(job, again) {
            order.ask_for_help(now_ms);
            self.refusal = Some(Refusal { status: 0, code: cut("claimed_before") });
        }
        self.mark();
    }

    fn on_refusal(&mut self, asked: &Asked, refusal: Refusal, now_ms: u64) {
        let is_key = match asked.question {
            Question::Make => matches!(refusal.status, 401 | 403),
            _ => refusal.status == 401,
        };
        self.key_refused = is_key;
        let in_front = self.front() == Some(asked.order);
        let Some(order) = self.order_mut(asked.order) else { return };
        order.lost = 0;
        let again_ms = now_ms.saturating_add(LOOK_AGAIN_MS);
        match (asked.question, refusal.code.as_str()) {
            _ if is_key => order.due_ms = now_ms.saturating_add(KEY_AGAIN_MS),
            (Question::Make, code::ORDER_NO_TAKEN)
                if order.fresh && order.renumbered < RENUMBERED_MAX =>
            {
                self.renumber(asked.order);
            }
            // Nobody has seen a code of it, so nobody can have paid it.
            (Question::Make, code::ORDER_NO_TAKEN) => self.settle(asked.order),
            (Question::Make, _) if order.fresh => self.settle(asked.order),
            // The next view says so.
            (Question::Cancel, code::ALREADY_PAID) => {
                order.wish = Wish::Keep;
                order.due_ms = now_ms;
            }
            (Question::Dispense, code::NOT_PAID | code::REFUND_STARTED) => {
                order.entry.stage = Stage::Open;
                order.seen = None;
                order.due_ms = again_ms;
                self.mark();
            }
            (Question::Shipped, code::NOT_CLAIMED) => {
                order.ask_for_help(now_ms);
                order.entry.stage = Stage::Help { claimed: false };
                self.mark();
            }
            // Help was asked for already; a later look may find it settled.
            _ if order.needs_help() => order.rest(now_ms),
            // Its end is known; nothing more is to be heard.
            _ if order.settled => order.due_ms = u64::MAX,
            _ => {
                order.ask_for_help(now_ms);
                self.mark();
            }
        }
        if in_front || is_key {
            self.refusal = Some(refusal);
        }
    }
}

/// What is wrong with an answer, as the word of a refusal.
fn cut(word: &str) -> String<{ crate::call::REFUSAL_CODE_MAX }> {
    String::try_from(word).unwrap_or_default()
}
