//! A payment, by notification or by query: the one way money comes in.

use super::change::Change;
use crate::store::{
    AttemptRow, EntryState, NewAnomaly, NewEntry, OrderRow, StoreError, insert_payment, number_of,
};
use saoma_core::api::Payment;
use saoma_core::order::{Anomaly, Effect, Event};

/// What a payment turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Heard of for the first time: `ship`, or the anomaly that keeps it from shipping.
    New(&'static str),
    /// Heard of before.
    Known,
    /// Its transaction was recorded for another number. It cannot be, so no money moves.
    Elsewhere,
}

impl Change<'_> {
    /// Takes a payment. Facts are never refused: what may not ship is recorded as an anomaly.
    pub(super) async fn take_payment(&mut self, payment: &Payment) -> Result<Taken, StoreError> {
        let number = number_of(&mut self.tx, &payment.transaction_id).await?;
        let attempt = AttemptRow::get(&mut self.tx, &payment.out_trade_no).await?;
        if number.as_ref().is_some_and(|number| *number != payment.out_trade_no) {
            let order_id = attempt.map(|attempt| attempt.order_id);
            self.report(anomaly(Anomaly::Conflict, payment, order_id)).await?;
            return Ok(Taken::Elsewhere);
        }
        let Some(attempt) = attempt else {
            return self.take_unknown(payment, number.is_some()).await;
        };
        let row = self.order(&attempt.order_id).await?;
        let row: OrderRow = row.ok_or(StoreError::Corrupt("order_id"))?;
        let event = Event::Paid { attempt: attempt.index, payment: payment.clone() };
        let (_, effects) = self.apply(row, &event).await?;
        match effects.iter().find_map(verdict) {
            Some(verdict) => {
                if number.is_none() {
                    insert_payment(&mut self.tx, payment, verdict, self.now).await?;
                }
                Ok(Taken::New(verdict))
            }
            None => Ok(Taken::Known),
        }
    }

    /// A good payment for a number that is not ours: numbers are committed before they are sent,
    /// so it will not become known either, and the money has to go back.
    async fn take_unknown(&mut self, payment: &Payment, known: bool) -> Result<Taken, StoreError> {
        if known {
            return Ok(Taken::Known);
        }
        let verdict = Anomaly::UnknownOrder.as_str();
        insert_payment(&mut self.tx, payment, verdict, self.now).await?;
        let effect = Effect::Refund {
            refund: 0,
            attempt: 0,
            transaction_id: payment.transaction_id.clone(),
            amount: payment.total_fee,
        };
        let key = format!("refund-{}", payment.transaction_id);
        let state = EntryState::Held;
        self.entry(NewEntry { key, order_id: None, effect: &effect, state }).await?;
        self.report(anomaly(Anomaly::UnknownOrder, payment, None)).await?;
        Ok(Taken::New(verdict))
    }
}

fn anomaly(
    kind: Anomaly,
    payment: &Payment,
    order_id: Option<saoma_core::ids::OrderId>,
) -> NewAnomaly {
    NewAnomaly {
        kind,
        transaction_id: payment.transaction_id.clone(),
        out_trade_no: payment.out_trade_no.clone(),
        order_id,
        paid: payment.total_fee,
    }
}

/// What an effect says about the payment that caused it.
fn verdict(effect: &Effect) -> Option<&'static str> {
    match effect {
        Effect::Ship { .. } => Some("ship"),
        Effect::Report { anomaly, .. } => Some(anomaly.as_str()),
        Effect::Place { .. }
        | Effect::Query { .. }
        | Effect::Close { .. }
        | Effect::Refund { .. } => None,
    }
}
