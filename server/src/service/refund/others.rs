//! Refunds that we did not make.

use super::super::change::Change;
use super::life::{CHANGED, SLOW_S, next_look_s};
use super::news::{RefundNews, ToldRefund};
use crate::store::figures::UNDER_WAY;
use crate::store::{
    AskedBy, Entry, EntryState, NewEntry, OrderRow, RefundRow, RefundState, StoreError,
};
use saoma_core::api::RefundState as Told;
use saoma_core::ids::{OrderId, OutRefundNo, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::{Anomaly, Effect, Event};
use saoma_core::time::UnixTime;

/// How often WeChat is asked which refunds there are of a payment of which it says that there are
/// some: for seven hours.
const LOOKS_MAX: u32 = 60;

/// An order has no more refunds than this.
const NUMBERS_MAX: u8 = 64;

impl Change {
    /// Has WeChat asked about all refunds of a payment of which somebody else gave some back.
    pub(in super::super) fn ask_refunds(
        &mut self,
        key: String,
        order: &OrderRow,
        attempt: u8,
        transaction_id: &TransactionId,
    ) {
        self.put_entry(NewEntry {
            key,
            order_id: Some(order.order.id().clone()),
            mch_id: order.mch_id.clone(),
            effect: Effect::RefundQuery { attempt, transaction_id: transaction_id.clone() },
            state: EntryState::PendingFrom(self.now),
        });
    }

    /// Takes the answer about all refunds of a payment.
    pub(super) async fn payment_news(
        &mut self,
        entry: &Entry,
        news: &RefundNews,
        pause_s: u64,
    ) -> Result<Option<(UnixTime, String)>, StoreError> {
        let again = match news {
            RefundNews::Told { refunds, total } => {
                let like = self.like(entry).await?;
                let open = self.others_told(&like, refunds, *total).await?;
                let waits = self.is_to_be_told(&like, entry.tries).await?;
                let pause_s = next_look_s(u64::from(entry.tries) * 60);
                (open.is_some() || waits).then(|| (pause_s, UNDER_WAY.to_owned()))
            }
            RefundNews::Again { why, after_s, .. } => Some((pause_s.max(*after_s), why.clone())),
            RefundNews::Unsure(why) | RefundNews::Failed(why) => Some((SLOW_S, why.clone())),
            RefundNews::Accepted(_) | RefundNews::Later(_) => None,
        };
        Ok(again.map(|(pause_s, why)| (self.now.plus(pause_s), why)))
    }

    /// Whether WeChat has more to tell than it did: of one that is under way, or, for a while, of
    /// any at all of a payment that is known because some of it went back.
    async fn is_to_be_told(&mut self, like: &RefundRow, tries: u32) -> Result<bool, StoreError> {
        if self.is_open_elsewhere(&like.transaction_id).await? {
            return Ok(true);
        }
        let Some(order_id) = &like.order_id else { return Ok(false) };
        let order = self.order(order_id).await?.ok_or(StoreError::Corrupt("order_id"))?;
        let attempt = self.attempt(&like.out_trade_no).await?;
        let attempt = attempt.ok_or(StoreError::Corrupt("out_trade_no"))?.index;
        let is_back = order.order.anomaly(attempt) == Some(Anomaly::RefundedElsewhere);
        let is_told = !self.refunds_of(&like.transaction_id).await?.is_empty();
        Ok(is_back && !is_told && tries <= LOOKS_MAX)
    }

    /// What a refund of this entry's payment that we did not make looks like.
    async fn like(&mut self, entry: &Entry) -> Result<RefundRow, StoreError> {
        let Effect::RefundQuery { attempt, transaction_id } = &entry.effect else {
            return Err(StoreError::Corrupt("effect"));
        };
        let order_id = entry.order_id.clone().ok_or(StoreError::Corrupt("order_id"))?;
        self.like_of(order_id, *attempt, transaction_id).await
    }

    /// Takes what WeChat tells of all refunds of an order's payment, whoever asked: ours go on or
    /// end, the others are recorded.
    pub(in super::super) async fn refunds_told(
        &mut self,
        order_id: OrderId,
        (attempt, transaction_id): (u8, &TransactionId),
        refunds: &[ToldRefund],
        total: Option<Fen>,
    ) -> Result<(), StoreError> {
        for told in refunds {
            let row = self.refund(&told.out_refund_no).await?;
            let Some(row) = row.filter(|row| row.transaction_id == *transaction_id) else {
                continue;
            };
            // Money that is back is a fact, whatever was believed before.
            let is_back = told.state == Told::Success && row.state != RefundState::Done;
            if is_back || !row.state.is_over() {
                self.told(row, told).await?;
            }
        }
        let like = self.like_of(order_id, attempt, transaction_id).await?;
        let open = self.others_told(&like, refunds, total).await?;
        self.follow(&like, open).await
    }

    /// Whoever asked may end with what he asked for; this one goes on until the refund has ended
    /// that we did not make.
    pub(super) async fn follow(
        &mut self,
        like: &RefundRow,
        open: Option<OutRefundNo>,
    ) -> Result<(), StoreError> {
        let (Some(order_id), Some(number)) = (&like.order_id, open) else { return Ok(()) };
        let order = self.order(order_id).await?.ok_or(StoreError::Corrupt("order_id"))?;
        let attempt = self.attempt(&like.out_trade_no).await?;
        let attempt = attempt.ok_or(StoreError::Corrupt("out_trade_no"))?.index;
        self.ask_refunds(format!("refunds-{number}"), &order, attempt, &like.transaction_id);
        Ok(())
    }

    async fn like_of(
        &mut self,
        order_id: OrderId,
        attempt: u8,
        transaction_id: &TransactionId,
    ) -> Result<RefundRow, StoreError> {
        let order = self.order(&order_id).await?.ok_or(StoreError::Corrupt("order_id"))?;
        let corrupt = || StoreError::Corrupt("effect");
        let (_, total) = order.order.captured(attempt).ok_or_else(corrupt)?;
        let seller = self.context.sellers.of(&order.mch_id, &order.app_id);
        let sign_type = seller.ok_or(StoreError::Corrupt("mch_id"))?.merchant.sign_type;
        Ok(RefundRow {
            out_refund_no: OutRefundNo::for_order(&order_id, 0).map_err(|_| corrupt())?,
            mch_id: order.mch_id,
            app_id: order.app_id,
            order_id: Some(order_id),
            index: 0,
            transaction_id: transaction_id.clone(),
            out_trade_no: order.order.out_trade_no(attempt).ok_or_else(corrupt)?,
            total,
            part: total,
            by: AskedBy::Elsewhere,
            refund_no: None,
            reason: String::new(),
            sign_type,
            request: String::new(),
            state: RefundState::Accepted,
            refund_id: None,
            trouble: None,
            sent_at: None,
            accepted_at: None,
            ended_at: None,
            created_at: self.now,
        })
    }

    /// Records the refunds among these that we did not make, and tells the order what they come
    /// to. Gives one that is under way.
    pub(super) async fn others_told(
        &mut self,
        like: &RefundRow,
        refunds: &[ToldRefund],
        total: Option<Fen>,
    ) -> Result<Option<OutRefundNo>, StoreError> {
        let known = self.refunds_of(&like.transaction_id).await?;
        let is_ours = |told: &&ToldRefund| {
            let mut ours = known.iter().filter(|row| row.by != AskedBy::Elsewhere);
            ours.any(|row| row.out_refund_no == told.out_refund_no)
                && !saoma_core::planted!("own-refund-as-by-hand")
        };
        let others: Vec<_> = refunds.iter().filter(|told| !is_ours(told)).collect();
        if others.is_empty() {
            return Ok(None);
        }
        for told in &others {
            let before = known.iter().find(|row| row.out_refund_no == told.out_refund_no);
            let state = state_of(told.state);
            let seen_to = |row: &RefundRow| {
                row.state == RefundState::Dismissed && state == RefundState::Failed
            };
            // An end is never left for an answer that is older.
            let is_old = |row: &RefundRow| row.state.is_over() && !state.is_over();
            if before.is_some_and(|row| row.state == state || seen_to(row) || is_old(row)) {
                continue;
            }
            tracing::warn!(
                out_refund_no = told.out_refund_no.as_str(),
                transaction_id = like.transaction_id.as_str(),
                part_fen = told.part.get(),
                state = state.as_str(),
                "a refund that we did not make"
            );
            let mut row = RefundRow {
                out_refund_no: told.out_refund_no.clone(),
                by: AskedBy::Elsewhere,
                refund_no: None,
                reason: String::new(),
                request: String::new(),
                total: total.unwrap_or(like.total),
                part: told.part,
                state,
                refund_id: Some(told.refund_id.clone()),
                trouble: None,
                sent_at: None,
                accepted_at: before.map_or(Some(self.now), |row| row.accepted_at),
                ended_at: state.is_over().then_some(self.now),
                created_at: before.map_or(self.now, |row| row.created_at),
                ..like.clone()
            };
            self.alert(&mut row, (told.state == Told::Change).then_some(CHANGED));
            self.put_refund(row);
        }
        self.tell_elsewhere(like).await?;
        let open = others.iter().find(|told| told.state == Told::Processing);
        Ok(open.map(|told| told.out_refund_no.clone()))
    }

    /// What went back of a payment, or goes back, without us. What WeChat could not give to the
    /// customer counts as well: it waits for a person there, and nothing else can be made of it.
    pub(super) async fn back_elsewhere(&mut self, id: &TransactionId) -> Result<Fen, StoreError> {
        self.sum_elsewhere(id, |state| state != RefundState::Closed).await
    }

    async fn sum_elsewhere(
        &mut self,
        id: &TransactionId,
        counts: impl Fn(RefundState) -> bool,
    ) -> Result<Fen, StoreError> {
        let mut sum = Fen::ZERO;
        for row in self.refunds_of(id).await? {
            if row.by == AskedBy::Elsewhere && counts(row.state) {
                sum = sum.checked_add(row.part).unwrap_or(Fen::MAX);
            }
        }
        Ok(sum)
    }

    /// Whether somebody else's refund of a payment is under way.
    pub(super) async fn is_open_elsewhere(
        &mut self,
        id: &TransactionId,
    ) -> Result<bool, StoreError> {
        let is_open =
            |row: &RefundRow| row.by == AskedBy::Elsewhere && row.state == RefundState::Accepted;
        Ok(self.refunds_of(id).await?.iter().any(is_open))
    }

    /// Tells the order the sum of what went back elsewhere, and what of it the customer does not
    /// have yet: WeChat is at it, or could not give it, and no person has seen to that.
    pub(super) async fn tell_elsewhere(&mut self, like: &RefundRow) -> Result<(), StoreError> {
        let Some(order_id) = &like.order_id else { return Ok(()) };
        // The order first: who records another refund in between changes it, and this begins anew.
        // One that is archived needs not be told.
        let Some(order) = self.order(order_id).await? else { return Ok(()) };
        let amount = self.back_elsewhere(&like.transaction_id).await?;
        let is_open = |state| matches!(state, RefundState::Accepted | RefundState::Failed);
        let open = self.sum_elsewhere(&like.transaction_id, is_open).await?;
        let attempt = self.attempt(&like.out_trade_no).await?;
        let attempt = attempt.ok_or(StoreError::Corrupt("out_trade_no"))?.index;
        let used_up = self.used_up(order_id, &like.transaction_id).await?;
        self.apply(order, &Event::RefundedElsewhere { attempt, amount, open, used_up })?;
        Ok(())
    }

    /// How many of an order's own numbers, counted from the first, are used up by refunds that
    /// this database did not make: an older copy of it has forgotten those.
    async fn used_up(&mut self, order: &OrderId, id: &TransactionId) -> Result<u8, StoreError> {
        let known = self.refunds_of(id).await?;
        let is_known = |number: &OutRefundNo| {
            known.iter().any(|row| row.by == AskedBy::Elsewhere && row.out_refund_no == *number)
        };
        let last = (0..NUMBERS_MAX).rev().find(|index| {
            OutRefundNo::for_order(order, *index).is_ok_and(|number| is_known(&number))
        });
        Ok(last.map_or(0, |index| index + 1))
    }
}

const fn state_of(told: Told) -> RefundState {
    match told {
        Told::Processing => RefundState::Accepted,
        Told::Success => RefundState::Done,
        Told::Closed => RefundState::Closed,
        Told::Change => RefundState::Failed,
    }
}
