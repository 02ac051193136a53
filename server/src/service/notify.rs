//! WeChat's payment notification, step by step as protocol §9 lists them. The size limit stands
//! before this, in `http`; the acknowledgement follows it.

use super::Service;
use super::payment::Taken;
use crate::metrics::NoticeOutcome;
use crate::random::hex;
use crate::store::{AttemptRow, StoreError, insert_message, set_message_outcome};
use saoma_core::api::{FieldError, PayNotice};
use saoma_core::ids::OutTradeNo;
use saoma_core::sign::{SignType, Unverified, VerifyError};
use saoma_core::xml::{Doc, ReadError};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Most fields of a notification: three for each coupon, so room for more than thirty.
const FIELDS_MAX: usize = 128;

/// Why a notification is not acknowledged.
#[derive(Debug)]
pub(crate) enum NoticeError {
    /// It is not a good message from WeChat to us. Nothing has changed.
    Refused(Refusal),
    /// It may be good, but could not be kept; WeChat is to send it again.
    Store(StoreError),
}

/// What is wrong with a notification. None of it repeats what the message says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not a document.
    Document(ReadError),
    /// Not about our merchant.
    Merchant,
    /// The signature is missing or bad.
    Signature(VerifyError),
    /// A field is missing, breaks its rule or is not ours.
    Field(FieldError),
}

impl Refusal {
    /// Its name in the metrics, one of `REFUSAL_REASONS`.
    const fn name(&self) -> &'static str {
        match self {
            Self::Document(_) => "document",
            Self::Merchant => "merchant",
            Self::Signature(VerifyError::Missing) => "sign_missing",
            Self::Signature(VerifyError::Length { .. }) => "sign_length",
            Self::Signature(VerifyError::Mismatch) => "sign_mismatch",
            Self::Field(_) => "field",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(error) => error.fmt(f),
            Self::Merchant => f.write_str("mch_id is not ours"),
            Self::Signature(error) => error.fmt(f),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl From<Refusal> for NoticeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for NoticeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Service {
    /// Takes a notification. `Ok`: whatever it means is committed, now or earlier, and it is to be
    /// acknowledged.
    ///
    /// # Errors
    /// [`NoticeError`]; nothing has changed then.
    pub(crate) async fn notify(&self, body: &[u8]) -> Result<(), NoticeError> {
        let result = self.take_notice(body).await;
        match &result {
            Ok(outcome) => self.metrics.notice(*outcome),
            Err(NoticeError::Refused(reason)) => {
                self.metrics.notice_refused(reason.name());
                let count = self.metrics.refused_notices();
                tracing::warn!(%reason, count, "a notification was refused");
            }
            Err(NoticeError::Store(error)) => {
                self.metrics.notice(NoticeOutcome::Failed);
                tracing::error!(%error, "a notification could not be kept");
            }
        }
        result.map(drop)
    }

    async fn take_notice(&self, body: &[u8]) -> Result<NoticeOutcome, NoticeError> {
        let doc: Doc<'_, FIELDS_MAX> = Doc::read(body).map_err(Refusal::Document)?;
        if doc.get("sign").is_none_or(|sign| sign.is_empty()) {
            return Err(Refusal::Signature(VerifyError::Missing).into());
        }
        let merchant = &self.seller.merchant;
        let unverified = Unverified::new(&doc);
        if unverified.mch_id().is_none_or(|mch_id| mch_id != merchant.mch_id.as_str()) {
            return Err(Refusal::Merchant.into());
        }
        let algorithm = self.algorithm(unverified).await?;
        let verified = unverified.verify(&merchant.key, algorithm).map_err(Refusal::Signature)?;
        let notice = PayNotice::read(verified, merchant).map_err(Refusal::Field)?;
        Ok(self.keep_notice(body, &notice).await?)
    }

    /// The algorithm that was stored with the number, never the one the message names; for a
    /// number that nobody here knows, the merchant's.
    async fn algorithm(
        &self,
        unverified: Unverified<'_, '_, FIELDS_MAX>,
    ) -> Result<SignType, StoreError> {
        let number = unverified
            .out_trade_no()
            .and_then(|text| text.copied::<{ OutTradeNo::LEN_MAX }>())
            .and_then(|text| OutTradeNo::new(&text).ok());
        let Some(number) = number else { return Ok(self.seller.merchant.sign_type) };
        let attempt = AttemptRow::get(&mut *self.store.reader().await?, &number).await?;
        Ok(attempt.map_or(self.seller.merchant.sign_type, |attempt| attempt.sign_type))
    }

    /// One transaction: the message, the payment, the order and what follows.
    async fn keep_notice(
        &self,
        body: &[u8],
        notice: &PayNotice,
    ) -> Result<NoticeOutcome, StoreError> {
        let digest = hex(&Sha256::digest(body));
        // Only UTF-8 is a document.
        let text = std::str::from_utf8(body).map_err(|_| StoreError::Corrupt("body"))?;
        let mut change = self.change().await?;
        let now = change.now;
        if !insert_message(&mut change.tx, &digest, text, &notice.payment, now).await? {
            // The same bytes were committed before; nothing can follow from them again.
            return Ok(NoticeOutcome::Repeated);
        }
        let outcome = match change.take_payment(&notice.payment).await? {
            Taken::New(verdict) => verdict,
            Taken::Known => "repeated",
            Taken::Elsewhere => "conflict",
        };
        set_message_outcome(&mut change.tx, &digest, outcome).await?;
        change.commit().await?;
        Ok(match outcome {
            "ship" => NoticeOutcome::Ship,
            "repeated" => NoticeOutcome::Repeated,
            _ => NoticeOutcome::Anomaly,
        })
    }
}
