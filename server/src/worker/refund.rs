//! Sending refunds, and asking what became of them.

use super::Worker;
use super::log::Log;
use crate::service::{RefundJob, RefundLook, RefundNews, ToldRefund};
use crate::store::RefundRow;
use saoma_core::api::{
    Call, PaymentNo, REFUNDS_MAX, RefundAnswer, RefundNo, RefundQuery, RefundQueryAnswer, Refusal,
};
use saoma_core::money::Fen;
use saoma_core::native::Gateway;
use std::sync::Arc;

/// Refunds of one answer (protocol §8).
const PAGE: u8 = 10;

/// What one question was answered with.
struct Page {
    refunds: Vec<ToldRefund>,
    total: Fen,
}

impl Worker {
    pub(super) async fn refund(&self, job: RefundJob, log: &Arc<Log>) -> RefundNews {
        match job {
            RefundJob::Known(news) => news,
            RefundJob::Send(row) => self.send(&row, log).await,
            RefundJob::Look(look) => match self.line(&look.mch_id, &look.app_id, log) {
                Ok(gateway) => self.look(&gateway, &look).await,
                Err(why) => RefundNews::again(why),
            },
        }
    }

    async fn send(&self, row: &RefundRow, log: &Arc<Log>) -> RefundNews {
        let gateway = match self.line(&row.mch_id, &row.app_id, log) {
            Ok(gateway) => gateway,
            Err(why) => return RefundNews::again(why),
        };
        let nonce = match self.service.context.nonce() {
            Ok(nonce) => nonce,
            Err(error) => return RefundNews::again(error.to_string()),
        };
        let look = |answer: RefundAnswer<'_, '_, _>| match answer {
            RefundAnswer::Accepted(refund) => Ok((refund.refund_id.clone(), refund.refund_fee)),
            RefundAnswer::Refused(refusal) => Err(Box::new(refusal)),
        };
        let answer = gateway.refund(row.request.as_bytes(), row.sign_type, &nonce, look);
        let answer = self.measured(Call::Refund, answer).await;
        RefundNews::of_refund(row.part, answer)
    }

    async fn look(&self, gateway: &Gateway, look: &RefundLook) -> RefundNews {
        if let Some(number) = &look.number {
            let query = RefundQuery::new(RefundNo::OutRefund(number));
            match self.page(gateway, look, &query).await {
                Err(news @ RefundNews::Told { .. }) if !look.or_all => return news,
                // It is not known; perhaps others of the payment tell why.
                Err(RefundNews::Told { .. }) => {}
                Err(news) => return news,
                Ok(Page { refunds, total }) => {
                    return RefundNews::Told { refunds, total: Some(total) };
                }
            }
        }
        self.look_at_all(gateway, look).await
    }

    /// All refunds of the payment, ten at a time.
    async fn look_at_all(&self, gateway: &Gateway, look: &RefundLook) -> RefundNews {
        let payment = RefundNo::Payment(PaymentNo::Transaction(&look.transaction_id));
        let (mut refunds, mut total) = (Vec::new(), None);
        while refunds.len() < REFUNDS_MAX {
            // Below fifty.
            let offset = u8::try_from(refunds.len()).unwrap_or(u8::MAX);
            let query = match RefundQuery::new(payment).offset(offset) {
                Ok(query) if offset > 0 => query,
                Ok(_) => RefundQuery::new(payment),
                Err(error) => return RefundNews::again(error.to_string()),
            };
            match self.page(gateway, look, &query).await {
                Ok(page) => {
                    total = Some(page.total);
                    let is_last = page.refunds.len() < usize::from(PAGE);
                    refunds.extend(page.refunds);
                    if is_last {
                        break;
                    }
                }
                // Beyond the last one.
                Err(_) if offset > 0 => break,
                Err(news) => return news,
            }
        }
        RefundNews::Told { refunds, total }
    }

    /// One question.
    async fn page(
        &self,
        gateway: &Gateway,
        look: &RefundLook,
        query: &RefundQuery<'_>,
    ) -> Result<Page, RefundNews> {
        let nonce = self.service.context.nonce();
        let nonce = nonce.map_err(|error| RefundNews::again(error.to_string()))?;
        let read = |answer: RefundQueryAnswer<'_, '_, _>| -> Result<Page, Box<Refusal>> {
            match answer {
                RefundQueryAnswer::Refused(refusal) => Err(Box::new(refusal)),
                RefundQueryAnswer::Found(found) => {
                    let told = found.iter().map(|refund| ToldRefund {
                        out_refund_no: refund.out_refund_no.clone(),
                        refund_id: refund.refund_id.clone(),
                        part: refund.refund_fee,
                        state: refund.state,
                    });
                    Ok(Page { refunds: told.collect(), total: found.total_fee })
                }
            }
        };
        let answer = gateway.refund_query(query, look.sign_type, &nonce, read);
        match self.measured(Call::RefundQuery, answer).await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(refusal)) => Err(RefundNews::of_query(&refusal)),
            Err(error) => Err(RefundNews::of_failed_query(&error)),
        }
    }
}
