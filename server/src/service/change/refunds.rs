//! Refunds as a transaction knows them.

use super::Change;
use crate::store::{AskedBy, Entry, OrderRow, RefundEnded, RefundRow, RefundState, StoreError};
use saoma_core::ids::{MchId, OrderId, OutRefundNo, TransactionId};
use saoma_core::order::Event;

impl Change {
    /// Puts a refund down as it is from now on.
    pub(in crate::service) fn put_refund(&mut self, row: RefundRow) {
        self.open.refunds.push(row);
    }

    /// Writes down how a refund of an order ended, whoever told the order.
    pub(super) fn end_refund(&mut self, row: &OrderRow, event: &Event) {
        if let Event::RefundEnded { refund, end } = event
            && let Some(part) = row.order.refunds().get(usize::from(*refund))
            && let Some((transaction_id, _)) = row.order.captured(part.attempt)
        {
            self.open.refund_ends.push(RefundEnded {
                order_id: row.order.id().clone(),
                index: *refund,
                transaction_id: transaction_id.clone(),
                end: *end,
            });
        }
    }

    /// The refund of ours with this number.
    pub(in crate::service) async fn refund(
        &mut self,
        number: &OutRefundNo,
    ) -> Result<Option<RefundRow>, StoreError> {
        match self.refund_put(number, None) {
            Some(row) => Ok(Some(row)),
            None => RefundRow::ours(&mut self.conn, number).await,
        }
    }

    /// The refund of this merchant with this number, whoever makes it.
    pub(in crate::service) async fn any_refund(
        &mut self,
        (number, mch_id): (&OutRefundNo, &MchId),
    ) -> Result<Option<RefundRow>, StoreError> {
        let ours = self.refund(number).await?;
        if let Some(row) = ours.filter(|row| row.mch_id == *mch_id) {
            return Ok(Some(row));
        }
        match self.refund_put(number, Some(mch_id)) {
            Some(row) => Ok(Some(row)),
            None => RefundRow::theirs(&mut self.conn, (number, mch_id)).await,
        }
    }

    /// Ours of a number, or that of a merchant which is not ours, as it was put down last.
    fn refund_put(&self, number: &OutRefundNo, elsewhere: Option<&MchId>) -> Option<RefundRow> {
        let mut put = self.kept.refunds.iter().chain(&self.open.refunds);
        let is_it = |row: &&RefundRow| {
            let is_ours = row.by != AskedBy::Elsewhere;
            let is_meant = elsewhere.map_or(is_ours, |mch_id| !is_ours && row.mch_id == *mch_id);
            row.out_refund_no == *number && is_meant
        };
        put.rfind(is_it).cloned()
    }

    /// Puts down what a person has decided about a refund that was read in state `from`: it is
    /// written only if it is still in it.
    pub(in crate::service) fn put_decided(&mut self, row: RefundRow, from: RefundState) {
        self.open.decided.push((row.out_refund_no.clone(), row.mch_id.clone(), from));
        self.open.refunds.push(row);
    }

    /// All refunds of a payment as they are now.
    pub(in crate::service) async fn refunds_of(
        &mut self,
        id: &TransactionId,
    ) -> Result<Vec<RefundRow>, StoreError> {
        let mut rows = RefundRow::of_payment(&mut self.conn, id).await?;
        for put in self.kept.refunds.iter().chain(&self.open.refunds) {
            if put.transaction_id == *id {
                let is_same = |row: &&mut RefundRow| {
                    row.out_refund_no == put.out_refund_no && row.mch_id == put.mch_id
                };
                match rows.iter_mut().find(is_same) {
                    Some(row) => *row = put.clone(),
                    None => rows.push(put.clone()),
                }
            }
        }
        Ok(rows)
    }

    /// The refund of an order that a shop has asked for under this number of its own.
    pub(in crate::service) async fn refund_wished(
        &mut self,
        order_id: &OrderId,
        refund_no: &str,
    ) -> Result<Option<RefundRow>, StoreError> {
        let is_it = |row: &&RefundRow| {
            row.order_id.as_ref() == Some(order_id) && row.refund_no.as_deref() == Some(refund_no)
        };
        let put = self.kept.refunds.iter().chain(&self.open.refunds).rfind(is_it);
        if put.is_some() {
            return Ok(put.cloned());
        }
        let rows = RefundRow::of_order(&mut self.conn, order_id).await?;
        Ok(rows.into_iter().find(|row| is_it(&row)))
    }

    /// Makes an entry due at once that waits for its time; with `anyhow` also one that waits for a
    /// person or has ended.
    pub(in crate::service) async fn wake(
        &mut self,
        order_id: Option<&OrderId>,
        key: &str,
        anyhow: bool,
    ) -> Result<(), StoreError> {
        Entry::wake(&mut self.conn, order_id, key, anyhow, self.now).await?;
        self.open.rings = true;
        Ok(())
    }
}
