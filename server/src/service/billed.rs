//! What WeChat says about a difference between its bill and our records, and what follows.
//!
//! The bill is only a reason to ask. What counts is the signed answer: a payment is taken as if it
//! had been notified, a refund that was made by hand is told to its order, and the difference ends
//! in the same transaction.

use super::Service;
use super::ToldRefund;
use super::change::{Change, Needs};
use super::payment::Taken;
use super::verb::Verb;
use crate::reconcile::words::{State, Why};
use crate::reconcile::{NOT_KEPT, Told};
use crate::store::{DifferenceRow, End, StoreError};
use saoma_core::api::{Payment, RefundState};
use saoma_core::ids::{AppId, OutRefundNo, OutTradeNo, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::Anomaly;
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
        if let Told::Paid(_, payment) = &self.told {
            needs.transactions.push(payment.transaction_id.clone());
        }
    }

    async fn run(&self, change: &mut Change) -> Result<End, StoreError> {
        let Self { row, told } = self;
        let end = match told {
            Told::Paid(app_id, payment) => self.paid(change, app_id, payment).await?,
            Told::NotPaid => not_paid(row),
            Told::Refunds(refunds, total) => self.refunds(change, refunds, *total).await?,
            Told::Nothing(end) => end.clone(),
            Told::Again { at, why } => {
                if saoma_core::planted!("bill-asked-once") {
                    let end = End::new(State::Settled, Why::KnownMeanwhile, why.as_str());
                    change.end_difference(row.key.clone(), end.clone(), None);
                    return Ok(end);
                }
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
    async fn paid(
        &self,
        change: &mut Change,
        app_id: &AppId,
        payment: &Payment,
    ) -> Result<End, StoreError> {
        let row = &self.row;
        let taken = change.take_payment((&row.key.mch_id, app_id), payment).await?;
        if payment.transaction_id.as_str() != row.transaction_id {
            let note = format!("WeChat tells of transaction {}", payment.transaction_id);
            return Ok(End::new(State::Open, Why::Conflict, note));
        }
        let told = payment.total_fee;
        Ok(match row.key.kind {
            DifferenceKind::MissingHere => match taken {
                Taken::New("ship") => End::new(State::Settled, Why::Shipped, ""),
                Taken::New(anomaly) => kept_out(change, &payment.transaction_id, anomaly).await?,
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
        total: Option<Fen>,
    ) -> Result<End, StoreError> {
        let row = &self.row;
        let ours = match OutRefundNo::new(&row.out_refund_no) {
            Ok(number) => change.refund(&number).await?,
            Err(_) => None,
        };
        let is_ours = ours.is_some();
        self.tell_order(change, refunds, total).await?;
        let told = refunds.iter().find(|refund| refund.out_refund_no.as_str() == row.out_refund_no);
        let Some(told) = told else {
            return Ok(End::new(State::Open, Why::Denied, "no refund of this number"));
        };
        let amount = says(told.part);
        Ok(match row.key.kind {
            DifferenceKind::RefundMissingHere if !is_ours => {
                End::new(State::Explained, Why::ByHand, amount)
            }
            DifferenceKind::RefundAmount if row.here == Some(told.part) => {
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

    /// Tells an order what WeChat says of its payment's refunds: how ours go on, and what somebody
    /// else gave back. One that is heard of for the first time was accepted when the bill says.
    async fn tell_order(
        &self,
        change: &mut Change,
        refunds: &[ToldRefund],
        total: Option<Fen>,
    ) -> Result<(), StoreError> {
        let row = &self.row;
        let number = OutTradeNo::new(&row.out_trade_no).ok();
        let transaction_id = TransactionId::new(&row.transaction_id).ok();
        let Some((number, transaction_id)) = number.zip(transaction_id) else { return Ok(()) };
        let Some(attempt) = change.attempt(&number).await? else { return Ok(()) };
        let order = change.order(&attempt.order_id).await?;
        let order = order.ok_or(StoreError::Corrupt("order_id"))?.order;
        if order.captured(attempt.index).is_none_or(|(id, _)| *id != transaction_id) {
            return Ok(());
        }
        let payment = (attempt.index, &transaction_id);
        change.refunds_told(attempt.order_id, payment, refunds, total).await?;
        for mut refund in change.refunds_of(&transaction_id).await? {
            let is_it = refund.out_refund_no.as_str() == row.out_refund_no;
            if is_it && row.there.is_some() && refund.accepted_at == Some(change.now) {
                refund.accepted_at = Some(row.happened_at);
                change.put_refund(refund);
            }
        }
        Ok(())
    }
}

/// A payment that may not ship.
async fn kept_out(
    change: &mut Change,
    transaction_id: &TransactionId,
    anomaly: &str,
) -> Result<End, StoreError> {
    if anomaly == Anomaly::RefundedElsewhere.as_str() {
        return Ok(End::new(State::Explained, Why::ByHand, anomaly));
    }
    if anomaly == Anomaly::Conflict.as_str() {
        return Ok(End::new(State::Open, Why::Conflict, anomaly));
    }
    let refunds = change.refunds_of(transaction_id).await?;
    let held = !saoma_core::planted!("held-ends-as-refunded");
    if held && refunds.iter().any(|refund| refund.state == crate::store::RefundState::Held) {
        return Ok(End::new(State::Open, Why::Held, anomaly));
    }
    Ok(End::new(State::Refunded, Why::GoesBack, anomaly))
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
