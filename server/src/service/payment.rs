//! A payment, by notification or by query: the one way money comes in.

use super::change::Change;
use crate::store::{NewAnomaly, OrderRow, PaymentRow, StoreError, may_have_lost};
use saoma_core::api::Payment;
use saoma_core::ids::{AppId, MchId, OrderId};
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

impl Change {
    /// Takes a payment that a merchant was told of in the name of one of its apps. Facts are never
    /// refused: what may not ship is recorded as an anomaly.
    pub(super) async fn take_payment(
        &mut self,
        (mch_id, app_id): (&MchId, &AppId),
        payment: &Payment,
    ) -> Result<Taken, StoreError> {
        let number = self.number_of(&payment.transaction_id).await?;
        let attempt = self.attempt(&payment.out_trade_no).await?;
        let is_any = saoma_core::planted!("one-payment-for-two");
        if number.as_ref().is_some_and(|it| *it != payment.out_trade_no && !is_any) {
            let order_id = attempt.map(|attempt| attempt.order_id);
            self.report(anomaly(Anomaly::Conflict, mch_id, payment, order_id));
            return Ok(Taken::Elsewhere);
        }
        let Some(attempt) = attempt else {
            return self.take_unknown((mch_id, app_id), payment, number.is_some()).await;
        };
        let row = self.order(&attempt.order_id).await?;
        let row: OrderRow = row.ok_or(StoreError::Corrupt("order_id"))?;
        let event = Event::Paid { attempt: attempt.index, payment: payment.clone() };
        let (row, effects) = self.apply(row, &event)?;
        let is_back = payment.refunded || self.is_told_back(&payment.transaction_id);
        let Some(verdict) = effects.iter().find_map(verdict) else {
            let of_it = row.order.captured(attempt.index);
            let of_it = of_it.filter(|(id, _)| **id == payment.transaction_id);
            if is_back && of_it.is_some_and(|(_, paid)| row.order.refundable(attempt.index) == paid)
            {
                self.ask_about_refunds(&row, attempt.index, payment);
            }
            return Ok(Taken::Known);
        };
        if number.is_none() {
            let order_id = Some(row.order.id().clone());
            self.put_payment(PaymentRow {
                payment: payment.clone(),
                mch_id: mch_id.clone(),
                order_id: order_id.filter(|_| !saoma_core::planted!("payment-of-no-order")),
                verdict: match saoma_core::planted!("verdict-is-ship") {
                    true => "ship",
                    false => verdict,
                },
            });
            if verdict == Anomaly::Conflict.as_str() {
                self.hold_second((mch_id, app_id), payment)?;
            } else if is_back {
                self.ask_about_refunds(&row, attempt.index, payment);
            }
        }
        Ok(Taken::New(verdict))
    }

    /// Some of a payment went back, and nothing here knows of it: how much, and by whom, the query
    /// does not say (protocol §5). One that was answered before does not even say that much.
    fn ask_about_refunds(&mut self, row: &OrderRow, attempt: u8, payment: &Payment) {
        let key = format!("refunds-{}-paid", payment.transaction_id);
        self.ask_refunds(key, row, attempt, &payment.transaction_id);
    }

    /// A good payment for a number that is not ours: numbers are committed before they are sent,
    /// so it will not become known either, and the money has to go back. Unless this database may
    /// have known it once: then its goods may be out, and a person decides.
    async fn take_unknown(
        &mut self,
        (mch_id, app_id): (&MchId, &AppId),
        payment: &Payment,
        known: bool,
    ) -> Result<Taken, StoreError> {
        if known {
            return Ok(Taken::Known);
        }
        let verdict = Anomaly::UnknownOrder.as_str();
        self.put_payment(PaymentRow {
            payment: payment.clone(),
            mch_id: mch_id.clone(),
            order_id: None,
            verdict,
        });
        if !saoma_core::planted!("unknown-payment-kept") {
            let is_lost = may_have_lost(&mut self.conn, &payment.out_trade_no).await?;
            self.give_back_unknown((mch_id, app_id), payment, is_lost)?;
        }
        self.report(anomaly(Anomaly::UnknownOrder, mch_id, payment, None));
        Ok(Taken::New(verdict))
    }
}

fn anomaly(
    kind: Anomaly,
    mch_id: &MchId,
    payment: &Payment,
    order_id: Option<OrderId>,
) -> NewAnomaly {
    NewAnomaly {
        kind,
        transaction_id: payment.transaction_id.clone(),
        mch_id: mch_id.clone(),
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
        | Effect::Renew { .. }
        | Effect::Query { .. }
        | Effect::Close { .. }
        | Effect::Refund { .. }
        | Effect::RefundQuery { .. } => None,
    }
}
