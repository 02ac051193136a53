//! What WeChat says about a difference between its bill and our records, and what follows.
//!
//! The bill is only a reason to ask. What counts is the signed answer: a payment is taken as if it
//! had been notified, a refund that was made by hand is told to its order, and the difference ends
//! in the same transaction.

use super::Service;
use super::change::{Change, Needs};
use super::payment::Taken;
use super::verb::Verb;
use crate::reconcile::words::{State, Why};
use crate::reconcile::{NOT_KEPT, Told, ToldRefund};
use crate::store::{DifferenceRow, End, OrderRow, StoreError};
use saoma_core::api::{Payment, RefundState};
use saoma_core::ids::{OrderId, OutTradeNo};
use saoma_core::money::Fen;
use saoma_core::order::{Anomaly, Event, RefundEnd};
use saoma_core::reconcile::DifferenceKind;

impl Service {
    /// Commits what WeChat says about a difference, and gives where the difference is now.
    pub(crate) async fn end_difference(
        &self,
        row: DifferenceRow,
        told: Told,
    ) -> Result<End, StoreError> {
        self.execute(EndDifference { row, told }).await
    }
}

struct EndDifference {
    row: DifferenceRow,
    told: Told,
}

impl Verb for EndDifference {
    type Out = End;
    type Error = StoreError;

    fn needs(&self, needs: &mut Needs) {
        needs.numbers.extend(OutTradeNo::new(&self.row.out_trade_no));
        if let Told::Paid(payment) = &self.told {
            needs.transactions.push(payment.transaction_id.clone());
        }
    }

    async fn run(&self, change: &mut Change) -> Result<End, StoreError> {
        let Self { row, told } = self;
        let end = match told {
            Told::Paid(payment) => self.paid(change, payment).await?,
            Told::NotPaid => not_paid(row),
            Told::Refunds(refunds) => self.refunds(change, refunds).await?,
            Told::Nothing(end) => end.clone(),
            Told::Again { at, why } => {
                let end = End::new(State::Open, Why::Asking, why.as_str());
                change.end_difference(row.key.clone(), end.clone(), Some(*at));
                return Ok(end);
            }
        };
        change.end_difference(row.key.clone(), end.clone(), None);
        Ok(end)
    }
}

impl EndDifference {
    /// WeChat tells of a payment for this number. Whatever the difference is, it is taken.
    async fn paid(&self, change: &mut Change, payment: &Payment) -> Result<End, StoreError> {
        let row = &self.row;
        let taken = change.take_payment(&row.key.mch_id, payment).await?;
        if payment.transaction_id.as_str() != row.transaction_id {
            let note = format!("WeChat tells of transaction {}", payment.transaction_id);
            return Ok(End::new(State::Open, Why::Conflict, note));
        }
        let told = payment.total_fee;
        Ok(match row.key.kind {
            DifferenceKind::MissingHere => match taken {
                Taken::New("ship") => End::new(State::Settled, Why::Shipped, ""),
                Taken::New(anomaly) => kept_out(anomaly),
                Taken::Known => End::new(State::Settled, Why::KnownMeanwhile, ""),
                Taken::Elsewhere => End::new(State::Open, Why::Conflict, ""),
            },
            DifferenceKind::Amount if row.there == Some(told) => {
                End::new(State::Open, Why::RecordDiffers, says(told))
            }
            _ => End::new(State::Open, Why::BillDiffers, says(told)),
        })
    }

    /// WeChat tells of all refunds of a payment.
    async fn refunds(
        &self,
        change: &mut Change,
        refunds: &[ToldRefund],
    ) -> Result<End, StoreError> {
        let row = &self.row;
        let order = OrderId::new(&row.order_id).ok();
        let order = match &order {
            Some(order_id) => change.order(order_id).await?,
            None => None,
        };
        let is_ours = match order {
            Some(order) => self.tell_order(change, order, refunds).await?,
            None => false,
        };
        let told = refunds.iter().find(|refund| refund.out_refund_no == row.out_refund_no);
        let Some(told) = told else {
            return Ok(End::new(State::Open, Why::Denied, "no refund of this number"));
        };
        let amount = says(told.amount);
        Ok(match row.key.kind {
            DifferenceKind::RefundMissingHere if !is_ours => {
                End::new(State::Explained, Why::ByHand, amount)
            }
            DifferenceKind::RefundAmount if row.here == Some(told.amount) => {
                End::new(State::Open, Why::BillDiffers, amount)
            }
            DifferenceKind::RefundMissingThere => End::new(State::Open, Why::BillDiffers, amount),
            DifferenceKind::RefundState if is_ours => match told.state {
                RefundState::Success | RefundState::Closed | RefundState::Change => {
                    End::new(State::Settled, Why::RefundEnded, amount)
                }
                RefundState::Processing => {
                    End::new(State::Settled, Why::KnownMeanwhile, "the refund is under way")
                }
            },
            _ => End::new(State::Open, Why::RecordDiffers, amount),
        })
    }

    /// Tells an order what WeChat says of its payment's refunds: how ours ended, and what somebody
    /// else gave back. Gives whether the refund in question is one of the order's own.
    async fn tell_order(
        &self,
        change: &mut Change,
        mut row: OrderRow,
        refunds: &[ToldRefund],
    ) -> Result<bool, StoreError> {
        let Ok(number) = OutTradeNo::new(&self.row.out_trade_no) else { return Ok(false) };
        let Some(attempt) = change.attempt(&number).await? else { return Ok(false) };
        let mut is_ours = false;
        let mut elsewhere = Fen::ZERO;
        for told in refunds {
            let index = (0..row.order.next_refund()).find(|index| {
                let ours = row.order.out_refund_no(*index);
                ours.is_some_and(|ours| ours.as_str() == told.out_refund_no)
            });
            let Some(refund) = index else {
                if matches!(told.state, RefundState::Success | RefundState::Processing) {
                    elsewhere = elsewhere.checked_add(told.amount).unwrap_or(Fen::MAX);
                }
                continue;
            };
            is_ours |= told.out_refund_no == self.row.out_refund_no;
            let end = match told.state {
                RefundState::Processing => continue,
                RefundState::Success => RefundEnd::Done,
                RefundState::Closed => RefundEnd::Closed,
                RefundState::Change => RefundEnd::Failed,
            };
            (row, _) = change.apply(row, &Event::RefundEnded { refund, end })?;
        }
        if elsewhere > Fen::ZERO {
            let event = Event::RefundedElsewhere { attempt: attempt.index, amount: elsewhere };
            change.apply(row, &event)?;
        }
        Ok(is_ours)
    }
}

/// A payment that may not ship.
fn kept_out(anomaly: &str) -> End {
    if anomaly == Anomaly::RefundedElsewhere.as_str() {
        return End::new(State::Explained, Why::ByHand, anomaly);
    }
    if anomaly == Anomaly::Conflict.as_str() {
        return End::new(State::Open, Why::Conflict, anomaly);
    }
    End::new(State::Refunded, Why::GoesBack, anomaly)
}

/// WeChat says that nothing was paid for this number, or does not know it.
fn not_paid(row: &DifferenceRow) -> End {
    if row.key.kind == DifferenceKind::MissingHere && row.end.note == NOT_KEPT {
        return End::new(State::Explained, Why::NotKept, "");
    }
    End::new(State::Open, Why::Denied, "")
}

fn says(amount: Fen) -> String {
    format!("WeChat says {} yuan", amount.yuan())
}
