//! Refunds that we did not make, or have forgotten.

use super::{Anomaly, Effect, Phase, RefundBy, RefundPart, RefundStage, Step};
use crate::money::Fen;
use crate::planted;

impl Step {
    /// WeChat has refunds under so many of our numbers, of which we know nothing: what the rule
    /// gives back from now on needs a number that is free.
    pub(super) fn use_up(&mut self, attempt: u8, numbers: u8) {
        let (amount, by, stage) = (Fen::ZERO, RefundBy::Rule, RefundStage::Closed);
        let part = RefundPart { attempt, amount, by, stage, wish: None };
        while self.order.next_refund() < numbers && self.order.refunds.push(part).is_ok() {}
    }

    /// What WeChat counts and we did not make. It is the sum at this moment, so hearing it again
    /// changes nothing.
    pub(super) fn refunded_elsewhere(&mut self, index: u8, amount: Fen, open: Fen) {
        if planted!("by-hand-refund-forgotten") {
            return;
        }
        let attempt = self.order.attempts.get_mut(usize::from(index));
        let Some(settled) = attempt.and_then(|attempt| attempt.payment.as_mut()) else { return };
        let before = settled.elsewhere;
        let counted = if planted!("by-hand-counts-twice") { before } else { Fen::ZERO };
        settled.elsewhere = amount.checked_add(counted).unwrap_or(amount).min(settled.amount);
        settled.elsewhere_open = open.min(settled.elsewhere);
        let has_begun = before == Fen::ZERO && settled.elsewhere > Fen::ZERO;
        let is_kept = settled.anomaly.is_none();
        // Of a payment that is known because some of it went back, the first word may be that.
        let is_nothing = settled.elsewhere == Fen::ZERO
            && settled.anomaly == Some(Anomaly::RefundedElsewhere)
            && self.order.refunds.iter().all(|part| {
                let is_shops = part.by == RefundBy::Shop && part.stage.is_live();
                part.attempt != index || part.is_forgotten() || is_shops
            });
        let is_less = settled.elsewhere < before;
        // What a person keeps stays: what goes back is what has come to nothing.
        let closed = before.checked_sub(settled.elsewhere).filter(|_| settled.rest_kept && is_less);
        if (is_less || is_nothing) && !planted!("by-hand-closed-forgotten") {
            self.came_to_nothing(index, closed.unwrap_or(Fen::MAX));
        }
        // Goods that have not gone out stay: nobody but a person can say what the customer gets.
        let is_out = self.order.phase != Phase::Paid && !planted!("goods-out-told-as-kept");
        let stays = has_begun && is_kept && !is_out;
        if stays && !planted!("by-hand-told-nobody") {
            self.report_of(index, Anomaly::RefundedElsewhere);
        }
    }

    /// Somebody gave this payment back, or a part of it, and WeChat has closed that. What may not
    /// be kept goes back by us, `most` of it at most, unless it is with a person: he has decided
    /// otherwise, or WeChat could not do ours. Of that, and of goods that may not have been sent
    /// because of it, he is told.
    fn came_to_nothing(&mut self, attempt: u8, most: Fen) {
        let with_a_person = self.order.is_dropped(attempt) || self.order.has_failed(attempt);
        let anyhow = planted!("dropped-begins-anew");
        if self.order.anomaly(attempt).is_some() && (!with_a_person || anyhow) {
            return self.give_back_most(attempt, most);
        }
        if with_a_person || self.order.phase == Phase::Paid {
            self.report_of(attempt, Anomaly::ElsewhereClosed);
        }
    }

    /// Of a payment that the rule does not give back, because somebody has given some of it back,
    /// a person keeps what is left, or has settled it in another way.
    pub(super) fn rest_kept(&mut self, index: u8) {
        if let Some(settled) = self.attempt(index).and_then(|attempt| attempt.payment.as_mut())
            && settled.anomaly == Some(Anomaly::RefundedElsewhere)
        {
            settled.rest_kept = true;
        }
    }

    fn report_of(&mut self, attempt: u8, anomaly: Anomaly) {
        let Some((transaction_id, amount)) = self.order.captured(attempt) else { return };
        let transaction_id = transaction_id.clone();
        self.emit(Effect::Report { attempt, transaction_id, amount, anomaly });
    }
}
