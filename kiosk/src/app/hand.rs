//! From paid to handed over: what is written down when, what the dispenser is told, and what it
//! says. Each step is durable before the next one moves anything.

use super::{
    App, Dispensed, Job,
    order::{Hands, Order},
    times::{DISPENSE_WITHIN_MS, RECALL_WITHIN_MS, STORE_AGAIN_MS},
};
use crate::{
    call::JobId,
    journal::{self, Head, RECORD_LEN, Stage},
};

/// How the journal stands between terminal and shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// What was given to the shell is durable.
    Written,
    /// The shell is writing since then.
    Writing { since_ms: u64 },
    /// The shell could not write; it tries again then.
    Failed { again_ms: u64 },
}

impl Store {
    pub(super) const fn has_failed(self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

impl App {
    /// Something has changed that has to be written down.
    pub(super) const fn mark(&mut self) {
        self.dirty = true;
    }

    /// Whether all that is known would survive a power cut now.
    pub(super) fn is_durable(&self) -> bool {
        !self.dirty && self.store == Store::Written
    }

    /// The slot to be written now, if any. One record is written at a time.
    pub(super) fn store(&mut self, now_ms: u64) -> Option<usize> {
        match self.store {
            Store::Written if self.dirty => {}
            Store::Failed { again_ms } if now_ms >= again_ms => {}
            Store::Written | Store::Writing { .. } | Store::Failed { .. } => return None,
        }
        self.dirty = false;
        self.store = Store::Writing { since_ms: now_ms };
        Some(journal::slot(self.next_sequence()))
    }

    /// A record that could not be written is written again under its number, into its slot: the
    /// other slot holds the last good one.
    const fn next_sequence(&self) -> u64 {
        self.sequence.saturating_add(1)
    }

    /// Writes the journal's record, as [`Reaction::store`](super::Reaction::store) asks for it.
    pub fn record(&self, record: &mut [u8; RECORD_LEN]) {
        let sequence = self.next_sequence();
        let head = Head { sequence, made: self.made, broken: self.broken };
        let open = self.orders.iter().filter(|order| !order.settled);
        journal::write(&head, open.map(|order| &order.entry), record);
    }

    pub(super) fn on_stored(&mut self, ok: bool, now_ms: u64) {
        if !matches!(self.store, Store::Writing { .. }) {
            return;
        }
        if ok {
            self.sequence = self.next_sequence();
            self.store = Store::Written;
            return;
        }
        self.store = Store::Failed { again_ms: now_ms.saturating_add(STORE_AGAIN_MS) };
        self.dirty = true;
        // What nobody has heard of yet is not begun.
        let unasked = |order: &Order| order.fresh && order.entry.stage == Stage::Making;
        let Some(front) = self.front().and_then(|front| self.order_ref(front)) else { return };
        if unasked(front) && front.lost == 0 && self.asked.is_none() {
            let front = front.id;
            self.settle(front);
            self.leave(now_ms);
        }
    }

    /// Nothing is left to do for this order.
    pub(super) fn settle(&mut self, id: u32) {
        if let Some(order) = self.order_mut(id) {
            order.settled = true;
            self.mark();
        }
        self.sweep();
    }

    /// Lets go of settled orders whose customers have left.
    pub(super) fn sweep(&mut self) {
        let front = self.front();
        self.orders.retain(|order| !order.settled || Some(order.id) == front);
        if self.orders.is_empty() {
            // Nothing is left to try the key with; the next order will.
            self.key_refused = false;
        }
    }

    /// Begins to hand over what is paid: the customer's order, or, when nobody is busy here, one
    /// that was left behind. One that has come to need the staff is shown, too: whoever has paid
    /// may be standing there.
    pub(super) fn hand_over(&mut self, now_ms: u64) {
        if let Some(front) = self.front() {
            self.claim(front);
        }
        self.give_up_handing(now_ms);
        let is_free = self.is_free() && self.link && !self.store.has_failed();
        let can_ask = !self.key_refused;
        let waits = |order: &&Order| {
            let can_go_on = order.is_to_hand_over() && order.lost == 0 && can_ask;
            can_go_on || order.hands == Hands::Due || order.unshown && order.needs_help()
        };
        let waiting = self.orders.iter().find(waits);
        if let (true, Some(id)) = (is_free, waiting.map(|order| order.id)) {
            self.come_to_front(id, now_ms);
            self.claim(id);
        }
    }

    /// What is paid is to be claimed; that is written down first.
    fn claim(&mut self, id: u32) {
        let Some(order) = self.order_mut(id) else { return };
        if order.is_to_hand_over() && order.entry.stage == Stage::Open {
            order.entry.stage = Stage::Claiming;
            self.mark();
        }
    }

    /// What was left behind and paid cannot always be handed over by the terminal alone.
    fn give_up_handing(&mut self, now_ms: u64) {
        let (front, broken) = (self.front(), self.broken);
        let mut changed = false;
        for order in &mut self.orders {
            let is_to_go_out = order.is_to_hand_over() || order.hands == Hands::Due;
            if Some(order.id) != front && is_to_go_out && (order.gone || broken) {
                order.ask_for_help(now_ms);
                changed = true;
            }
        }
        self.dirty |= changed;
    }

    /// The job that the dispenser is to be told now: that of the order in front. A claim that was
    /// answered after its customer had left waits until it comes to the front again.
    pub(super) fn dispense(&mut self, now_ms: u64) -> Option<Job> {
        if !self.is_durable() || self.orders.iter().any(Order::is_in_hand) {
            return None;
        }
        let front = self.front()?;
        let order = self.order_mut(front).filter(|order| order.hands == Hands::Due)?;
        let Stage::Dispensing(id) = &order.entry.stage else { return None };
        let job = Job { id: id.clone(), basket: order.entry.basket.clone() };
        order.hands = Hands::Working { before_ms: now_ms.saturating_add(DISPENSE_WITHIN_MS) };
        Some(job)
    }

    /// The job that the dispenser is to be asked about now.
    pub(super) fn recall(&mut self, now_ms: u64) -> Option<JobId> {
        if self.orders.iter().any(Order::is_in_hand) {
            return None;
        }
        let order = self.orders.iter_mut().find(|order| order.hands == Hands::Recall)?;
        order.hands = Hands::Recalling { before_ms: now_ms.saturating_add(RECALL_WITHIN_MS) };
        order.job.clone()
    }

    /// A dispenser that says nothing for too long cannot know.
    pub(super) fn end_waiting(&mut self, now_ms: u64) {
        let late = self.orders.iter().find_map(|order| match order.hands {
            Hands::Working { before_ms } | Hands::Recalling { before_ms } => {
                (now_ms >= before_ms).then(|| order.job.clone())?
            }
            Hands::Idle | Hands::Due | Hands::Recall => None,
        });
        if let Some(job) = late {
            self.on_dispensed(&job, Dispensed::Unknown, now_ms);
        }
    }

    pub(super) fn on_dispensed(&mut self, job: &JobId, outcome: Dispensed, now_ms: u64) {
        let Some(order) = self.orders.iter_mut().find(|order| order.job.as_ref() == Some(job))
        else {
            return;
        };
        let was_working = matches!(order.hands, Hands::Working { .. });
        match (order.hands, outcome) {
            (Hands::Working { .. } | Hands::Recalling { .. }, Dispensed::Done) => {
                order.hand_out(now_ms);
            }
            // After the terminal stopped waiting, the dispenser knows it after all.
            (Hands::Idle, Dispensed::Done) if order.needs_help() => order.hand_out(now_ms),
            // Nothing has moved before the power went, so it is the same as before.
            (Hands::Recalling { .. }, Dispensed::Failed) => {
                order.entry.stage = Stage::Claiming;
                order.claimed = true;
                order.hands = Hands::Idle;
                order.due_ms = now_ms;
            }
            (Hands::Working { .. }, Dispensed::Failed | Dispensed::Unknown)
            | (Hands::Recalling { .. }, Dispensed::Unknown) => {
                order.ask_for_help(now_ms);
                self.broken |= was_working;
            }
            (Hands::Idle | Hands::Due | Hands::Recall, _) => return,
        }
        self.mark();
    }
}

impl Order {
    /// Whether the dispenser is busy with it.
    const fn is_in_hand(&self) -> bool {
        matches!(self.hands, Hands::Working { .. } | Hands::Recalling { .. })
    }

    /// The goods are out; the server hears of it once that is written down.
    pub(super) fn hand_out(&mut self, now_ms: u64) {
        self.entry.stage = Stage::Handed;
        self.hands = Hands::Idle;
        self.due_ms = now_ms;
        self.heard = true;
    }
}
