//! One order that the terminal follows: what the journal keeps of it, and what only this life of
//! the terminal knows.

use super::times::{BACKGROUND_MS, HELP_MS, RETRY_MAX_MS};
use crate::{
    call::{Call, EXPIRES_IN_S, JobId, NewOrder},
    journal::{Entry, Stage},
};
use saoma_core::watch::{Phase, View};

/// An order that the terminal follows.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Names it within this life of the terminal.
    pub(super) id: u32,
    pub(super) entry: Entry,
    /// Nothing is left to do: it stands in the journal no more, and goes with its customer.
    pub(super) settled: bool,
    /// The newest version and its phase.
    pub(super) seen: Option<(u64, Phase)>,
    pub(super) wish: Wish,
    /// Not asked about before.
    pub(super) due_ms: u64,
    /// Questions that were lost since the last answer.
    pub(super) lost: u32,
    /// The server has said something of it since the terminal began.
    pub(super) heard: bool,
    /// Made in this life of the terminal: its code was shown only if the server's answer came.
    pub(super) fresh: bool,
    /// Whether the journal said that it may have been claimed by this terminal.
    pub(super) claimed: bool,
    /// How often its goods were claimed in this life of the terminal.
    pub(super) claims: u32,
    /// Paid so late that nobody can be waiting for the goods.
    pub(super) gone: bool,
    /// How often its number was taken by somebody else.
    pub(super) renumbered: u8,
    /// Help was asked for while its customer was not in front: to be shown when nobody is busy.
    pub(super) unshown: bool,
    pub(super) hands: Hands,
    /// The job that the dispenser was told, for its late word.
    pub(super) job: Option<JobId>,
}

/// Whether the customer wants to give the order up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// No.
    Keep,
    /// Yes, and the server has not said yet that it knows.
    GiveUp,
    /// Yes, and the server knows.
    Told,
}

/// What the dispenser has to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hands {
    /// Nothing.
    Idle,
    /// It is to be told.
    Due,
    /// It was told, and answers before this time.
    Working { before_ms: u64 },
    /// It is to be asked what became of the job.
    Recall,
    /// It was asked, and answers before this time.
    Recalling { before_ms: u64 },
}

/// What is asked about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Make,
    /// `held`: the server may wait for news.
    Look {
        held: bool,
    },
    Cancel,
    Dispense,
    Shipped,
}

impl Order {
    /// One that is being made now.
    pub(super) fn new(id: u32, entry: Entry, now_ms: u64) -> Self {
        Self {
            id,
            entry,
            settled: false,
            seen: None,
            wish: Wish::Keep,
            due_ms: now_ms,
            lost: 0,
            heard: true,
            fresh: true,
            claimed: false,
            claims: 0,
            gone: false,
            renumbered: 0,
            unshown: false,
            hands: Hands::Idle,
            job: None,
        }
    }

    /// One that stood in the journal when the terminal began.
    pub(super) fn found(id: u32, entry: Entry) -> Self {
        let mut order = Self::new(id, entry, 0);
        order.fresh = false;
        order.heard = matches!(order.entry.stage, Stage::Help { .. });
        order.claimed = order.entry.stage == Stage::Claiming;
        if let Stage::Dispensing(job) = &order.entry.stage {
            order.job = Some(job.clone());
            order.hands = Hands::Recall;
        }
        order
    }

    pub(super) fn phase(&self) -> Option<Phase> {
        self.seen.map(|(_, phase)| phase)
    }

    /// Whether it is not known yet, since the terminal began, how it stands.
    pub(super) const fn is_unclear(&self) -> bool {
        !self.heard || matches!(self.hands, Hands::Recall | Hands::Recalling { .. })
    }

    pub(super) const fn needs_help(&self) -> bool {
        !self.settled && matches!(self.entry.stage, Stage::Help { .. })
    }

    /// Whether it is paid and nobody has begun to hand it over.
    pub(super) fn is_to_hand_over(&self) -> bool {
        let waits = match self.entry.stage {
            Stage::Open => self.phase() == Some(Phase::Paid),
            Stage::Claiming => self.heard,
            Stage::Making | Stage::Dispensing(_) | Stage::Handed | Stage::Help { .. } => false,
        };
        waits && !self.settled
    }

    /// What there is to ask, if anything. Goods are claimed only for the order whose customer is
    /// `in_front`.
    pub(super) fn question(&self, in_front: bool) -> Option<Question> {
        if self.settled {
            let goes_back = in_front && self.phase() == Some(Phase::Refunding);
            return goes_back.then_some(Question::Look { held: true });
        }
        let look = Question::Look { held: false };
        match &self.entry.stage {
            Stage::Making => Some(Question::Make),
            Stage::Open if self.wish == Wish::GiveUp => Some(Question::Cancel),
            Stage::Open => Some(Question::Look { held: in_front && self.seen.is_some() }),
            Stage::Claiming if self.heard && in_front => Some(Question::Dispense),
            Stage::Claiming => Some(look),
            Stage::Dispensing(_) => (!self.heard).then_some(look),
            Stage::Handed => Some(Question::Shipped),
            Stage::Help { .. } => self.entry.order_id.is_some().then_some(look),
        }
    }

    /// The question as it is sent. `None` without the server's number where it is needed.
    pub(super) fn call(&self, question: Question) -> Option<Call> {
        if question == Question::Make {
            return Some(Call::Make(NewOrder {
                order_no: self.entry.order_no.clone(),
                amount_fen: self.entry.amount,
                description: self.entry.description.clone(),
                expires_in_s: EXPIRES_IN_S,
            }));
        }
        let order_id = self.entry.order_id.clone()?;
        Some(match question {
            Question::Make => return None,
            Question::Look { held } => {
                let after_version = self.seen.filter(|_| held).map(|(version, _)| version);
                Call::Look { order_id, after_version }
            }
            Question::Cancel => Call::Cancel(order_id),
            Question::Dispense => Call::Dispense(order_id),
            Question::Shipped => Call::Shipped(order_id),
        })
    }

    /// What makes an answer unfit to be believed.
    pub(super) fn wrong(&self, view: &View) -> Option<&'static str> {
        if self.entry.order_id.as_ref().is_some_and(|known| *known != view.order_id) {
            Some("another_order")
        } else if view.amount_fen != self.entry.amount {
            Some("another_amount")
        } else {
            None
        }
    }

    /// Whether its phase leaves the terminal nothing to do. Money that goes back is the server's
    /// business alone.
    pub(super) fn is_over(&self) -> bool {
        let Some(phase) = self.phase() else { return false };
        let is_over = match phase {
            Phase::Placing | Phase::Open | Phase::Closing | Phase::Paid => false,
            Phase::Shipped
            | Phase::Cancelled
            | Phase::Expired
            | Phase::Refunding
            | Phase::Refunded
            | Phase::Failed => true,
        };
        is_over && !matches!(self.hands, Hands::Working { .. })
    }

    /// A question was lost: asked again later and later.
    pub(super) fn lose(&mut self, now_ms: u64) {
        self.lost = self.lost.saturating_add(1);
        let wait_ms = (500_u64 << self.lost.min(5)).min(RETRY_MAX_MS);
        self.due_ms = now_ms.saturating_add(wait_ms);
    }

    /// Nobody waits for it any more, at least not here.
    pub(super) fn rest(&mut self, now_ms: u64) {
        let wait_ms = if self.needs_help() { HELP_MS } else { BACKGROUND_MS };
        self.due_ms = now_ms.saturating_add(wait_ms);
    }

    /// The goods are claimed: they are handed over as this job, once that is written down.
    ///
    /// `false`, and nothing changes, when somebody has claimed them before and it was not us: an
    /// earlier life of this terminal, whose journal is lost, may have handed them over.
    pub(super) fn take_job(&mut self, job: JobId, again: bool) -> bool {
        let by_us = !again || self.claimed || self.claims > 1;
        if by_us {
            self.job = Some(job.clone());
            self.entry.stage = Stage::Dispensing(job);
            self.hands = Hands::Due;
        }
        by_us
    }

    /// Only the staff can go on.
    pub(super) fn ask_for_help(&mut self, now_ms: u64) {
        let claimed = match self.entry.stage {
            Stage::Making | Stage::Open => false,
            Stage::Claiming => self.claimed || self.claims > 0,
            Stage::Dispensing(_) | Stage::Handed => true,
            Stage::Help { claimed } => claimed,
        };
        self.entry.stage = Stage::Help { claimed };
        self.hands = Hands::Idle;
        self.heard = true;
        self.unshown = true;
        self.rest(now_ms);
    }
}
