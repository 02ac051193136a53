//! WeChat's refund notification (protocol §10): opened with the key, recorded, and taken as a hint
//! only: what it says is asked about at once, and the signed answer counts.

use super::super::Service;
use super::super::change::{Change, Needs};
use super::super::notify::{NoticeError, Refusal, seller_of};
use super::super::verb::Verb;
use super::begin::key;
use crate::metrics::NoticeOutcome;
use crate::random::hex;
use crate::store::{AttemptRow, MessageRow, StoreError};
use saoma_core::api::{RefundHint, RefundState};
use saoma_core::ids::MchId;
use saoma_core::order::Event;
use saoma_core::xml::Doc;
use sha2::{Digest as _, Sha256};

/// Most fields around what is sealed.
const FIELDS_MAX: usize = 32;

impl Service {
    /// Takes a refund notification. `Ok`: the question that it leads to is committed, now or
    /// earlier, and it is to be acknowledged.
    ///
    /// # Errors
    /// [`NoticeError`]; nothing has changed then.
    pub(crate) async fn notify_refund(&self, body: &[u8]) -> Result<(), NoticeError> {
        let result = self.take_refund_notice(body).await;
        match &result {
            Ok(()) => {}
            Err(NoticeError::Refused(reason)) => {
                self.context.metrics.notice_refused(reason.name());
                let count = self.context.metrics.noticed(NoticeOutcome::Refused);
                tracing::warn!(%reason, count, "a refund notification was refused");
            }
            Err(NoticeError::Store(error)) => {
                self.context.metrics.notice(NoticeOutcome::Failed);
                tracing::error!(%error, "a refund notification could not be kept");
            }
            // Only a payment waits for a question.
            Err(NoticeError::NotYet) => {}
        }
        result
    }

    async fn take_refund_notice(&self, body: &[u8]) -> Result<(), NoticeError> {
        let doc: Doc<'_, FIELDS_MAX> = Doc::read(body).map_err(Refusal::Document)?;
        let seller = seller_of(&self.context, &doc, None).ok_or(Refusal::Merchant)?;
        let hint = RefundHint::read(&doc, &seller.merchant).map_err(Refusal::Refund)?;
        // Only UTF-8 is a document.
        let text = std::str::from_utf8(body).map_err(|_| StoreError::Corrupt("body"))?;
        let (mch_id, body) = (seller.merchant.mch_id.clone(), text.to_owned());
        // Of what is sealed alone: nothing around it is signed, and whoever has seen one could
        // otherwise make any number of others of it.
        let mut digest = Sha256::new();
        if let Some(sealed) = doc.get("req_info") {
            sealed.each(|piece| digest.update(piece));
        }
        let digest = hex(&digest.finalize());
        match self.execute(Heed { mch_id, hint, digest, body }).await? {
            true => Ok(()),
            false => Err(Refusal::Merchant.into()),
        }
    }
}

/// Keeps a hint, and has WeChat asked at once. `false`: it is about another merchant's payment, and
/// nothing was kept.
pub(super) struct Heed {
    pub(super) mch_id: MchId,
    pub(super) hint: RefundHint,
    pub(super) digest: String,
    pub(super) body: String,
}

impl Verb for Heed {
    type Out = bool;
    type Error = StoreError;

    fn needs(&self, needs: &mut Needs) {
        needs.numbers.push(self.hint.out_trade_no.clone());
        needs.messages.push((self.hint.out_trade_no.clone(), self.digest.clone()));
    }

    async fn run(&self, change: &mut Change) -> Result<bool, StoreError> {
        let attempt = change.attempt(&self.hint.out_trade_no).await?;
        if attempt.as_ref().is_some_and(|attempt| attempt.mch_id != self.mch_id) {
            return Ok(false);
        }
        if !change.is_known(&self.hint.out_trade_no, &self.digest).await? {
            self.heed(change, attempt).await?;
        }
        Ok(true)
    }
}

impl Heed {
    /// Keeps one that comes for the first time; of any other the question was committed before.
    async fn heed(
        &self,
        change: &mut Change,
        attempt: Option<AttemptRow>,
    ) -> Result<(), StoreError> {
        let hint = &self.hint;
        change.put_message(MessageRow {
            out_trade_no: hint.out_trade_no.clone(),
            digest: self.digest.clone(),
            transaction_id: hint.transaction_id.clone(),
            body: self.body.clone(),
            outcome: MessageRow::OF_REFUND,
        });
        let order_id = attempt.as_ref().map(|attempt| attempt.order_id.clone());
        if let Some(order_id) = &order_id {
            let said = word(hint.state);
            let text = format!("{} {said} {} fen", hint.out_refund_no, hint.refund_fee);
            change.note(order_id, "received", "refund_notice", text);
        }
        let ours = change.refund(&hint.out_refund_no).await?;
        if let Some(row) = ours.filter(|row| row.mch_id == self.mch_id) {
            if hint.state == RefundState::Success
                && saoma_core::planted!("refund-notice-believed")
                && let Some(order_id) = row.order_id.clone()
            {
                let order = change.order(&order_id).await?;
                let order = order.ok_or(StoreError::Corrupt("order_id"))?;
                let end = saoma_core::order::RefundEnd::Done;
                let event = Event::RefundEnded { refund: row.index, end };
                change.apply(order, &event)?;
            }
            if saoma_core::planted!("refund-notice-asks-nothing") {
                return Ok(());
            }
            let key = key(&row.out_refund_no);
            return change.wake(row.order_id.as_ref(), &key, false).await;
        }
        let Some(attempt) = attempt else {
            tracing::warn!(
                out_refund_no = hint.out_refund_no.as_str(),
                out_trade_no = hint.out_trade_no.as_str(),
                "a notification about a refund and a payment that nobody here knows"
            );
            return Ok(());
        };
        let order = change.order(&attempt.order_id).await?;
        let order = order.ok_or(StoreError::Corrupt("order_id"))?;
        let Some((paid, _)) = order.order.captured(attempt.index) else {
            // Its payment is not known yet. A question tells of it, and that some of it went back.
            change.apply(order, &Event::SaysPaid { attempt: attempt.index })?;
            return Ok(());
        };
        let is_ignored = saoma_core::planted!("by-hand-notice-asks-nothing");
        if *paid != hint.transaction_id || is_ignored {
            return Ok(());
        }
        let key = format!("refunds-{}-{}", hint.refund_id, word(hint.state));
        change.ask_refunds(key, &order, attempt.index, &hint.transaction_id);
        Ok(())
    }
}

/// WeChat's word.
const fn word(state: RefundState) -> &'static str {
    match state {
        RefundState::Processing => "PROCESSING",
        RefundState::Success => "SUCCESS",
        RefundState::Closed => "REFUNDCLOSE",
        RefundState::Change => "CHANGE",
    }
}
