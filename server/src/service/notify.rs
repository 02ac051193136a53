//! WeChat's payment notification, step by step as protocol §9 lists them. The size limit stands
//! before this, in `http`; the acknowledgement follows it.

use super::change::{Change, Needs};
use super::context::Seller;
use super::payment::Taken;
use super::verb::Verb;
use super::{Context, Service};
use crate::metrics::NoticeOutcome;
use crate::random::hex;
use crate::store::{AttemptRow, MessageRow, StoreError};
use saoma_core::api::{FieldError, Merchant, PayNotice, Payment, RefundNoticeError};
use saoma_core::ids::{AppId, MchId, OutTradeNo};
use saoma_core::order::Event;
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
    /// It is good, and WeChat is asked about the payment first, because it has told of a refund of
    /// it; WeChat is to send it again.
    NotYet,
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
    /// What a refund notification holds cannot be opened or read.
    Refund(RefundNoticeError),
}

impl Refusal {
    /// Its name in the metrics, one of `REFUSAL_REASONS`.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Document(_) => "document",
            Self::Merchant => "merchant",
            Self::Signature(VerifyError::Missing) => "sign_missing",
            Self::Signature(VerifyError::Length { .. }) => "sign_length",
            Self::Signature(VerifyError::Mismatch) => "sign_mismatch",
            Self::Field(_) => "field",
            Self::Refund(_) => "refund",
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
            Self::Refund(error) => error.fmt(f),
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
        let metrics = &self.context.metrics;
        match &result {
            Ok(outcome) => metrics.notice(*outcome),
            Err(NoticeError::Refused(reason)) => {
                metrics.notice_refused(reason.name());
                let count = metrics.noticed(NoticeOutcome::Refused);
                tracing::warn!(%reason, count, "a notification was refused");
            }
            Err(NoticeError::Store(error)) => {
                metrics.notice(NoticeOutcome::Failed);
                tracing::error!(%error, "a notification could not be kept");
            }
            Err(NoticeError::NotYet) => {
                metrics.notice(NoticeOutcome::Later);
                tracing::warn!("a payment of which some went back is asked about first");
            }
        }
        result.map(drop)
    }

    async fn take_notice(&self, body: &[u8]) -> Result<NoticeOutcome, NoticeError> {
        let doc: Doc<'_, FIELDS_MAX> = Doc::read(body).map_err(Refusal::Document)?;
        if doc.get("sign").is_none_or(|sign| sign.is_empty()) {
            return Err(Refusal::Signature(VerifyError::Missing).into());
        }
        let unverified = Unverified::new(&doc);
        // Only UTF-8 is a document.
        let text = std::str::from_utf8(body).map_err(|_| StoreError::Corrupt("body"))?;
        let digest = hex(&Sha256::digest(body));
        let keep = |merchant: &Merchant, sign_type, payment| Keep {
            mch_id: merchant.mch_id.clone(),
            app_id: merchant.app_id.clone(),
            sign_type,
            payment,
            digest: digest.clone(),
            body: text.to_owned(),
        };
        // What nearly always is: the merchant's own algorithm. The verb looks whether it was
        // stored with the number, together with all else that it reads.
        let seller = seller_of(&self.context, &doc, None).ok_or(Refusal::Merchant)?;
        let (merchant, usual) = (&seller.merchant, seller.merchant.sign_type);
        if let Ok(payment) = payment_of(unverified, merchant, usual)
            && let Some(outcome) = self.keep(keep(merchant, usual, payment)).await?.outcome()?
        {
            return Ok(outcome);
        }
        // The algorithm that was stored with the number, never the one the message names; for a
        // number that nobody here knows, the merchant's.
        let attempt = self.attempt_of(unverified).await?;
        let seller = seller_of(&self.context, &doc, attempt.as_ref()).ok_or(Refusal::Merchant)?;
        let merchant = &seller.merchant;
        let attempt = attempt.filter(|_| !saoma_core::planted!("sign-type-of-today"));
        let algorithm = attempt.map_or(merchant.sign_type, |attempt| attempt.sign_type);
        let payment = payment_of(unverified, merchant, algorithm)?;
        let outcome = self.execute(keep(merchant, algorithm, payment)).await?.outcome()?;
        outcome.ok_or_else(|| StoreError::Stale.into())
    }

    /// Keeps it; a failure is told.
    async fn keep(&self, keep: Keep) -> Result<Kept, StoreError> {
        let kept = self.execute(keep).await;
        if kept.is_err() && saoma_core::planted!("acknowledge-failed-commit") {
            return Ok(Kept::Taken(NoticeOutcome::Repeated));
        }
        kept
    }

    async fn attempt_of(
        &self,
        unverified: Unverified<'_, '_, FIELDS_MAX>,
    ) -> Result<Option<AttemptRow>, StoreError> {
        let number = unverified
            .out_trade_no()
            .and_then(|text| text.copied::<{ OutTradeNo::LEN_MAX }>())
            .and_then(|text| OutTradeNo::new(&text).ok());
        let Some(number) = number else { return Ok(None) };
        AttemptRow::get(&mut self.store.reader().await?, &number).await
    }
}

/// The payment that a notification tells of, if its signature is good.
fn payment_of(
    unverified: Unverified<'_, '_, FIELDS_MAX>,
    merchant: &Merchant,
    algorithm: SignType,
) -> Result<Payment, Refusal> {
    let verified = unverified.verify(&merchant.key, algorithm).map_err(Refusal::Signature)?;
    Ok(PayNotice::read(verified, merchant).map_err(Refusal::Field)?.payment)
}

/// Whose notification it claims to be: the signature and the fields have to agree afterwards. A
/// number of one merchant and app is never paid by a message in another one's name.
pub(super) fn seller_of<'c, const N: usize>(
    context: &'c Context,
    doc: &Doc<'_, N>,
    attempt: Option<&AttemptRow>,
) -> Option<&'c Seller> {
    let is = |name, wanted: &str| doc.get(name).is_some_and(|value| value == wanted);
    let mut sellers = context.sellers.sellers.iter().filter(|seller| {
        let merchant = &seller.merchant;
        is("mch_id", merchant.mch_id.as_str())
            && attempt.is_none_or(|attempt| attempt.is_under(&merchant.mch_id, &merchant.app_id))
    });
    let by_app = |seller: &&Seller| is("appid", seller.merchant.app_id.as_str());
    let any = sellers.clone().next();
    // With no app of ours, the field is what is wrong with it, not the merchant.
    sellers.find(by_app).or(any)
}

/// What became of a verified notification.
enum Kept {
    Taken(NoticeOutcome),
    /// WeChat is asked about the payment first.
    Asked,
    /// The number is another merchant's or app's, or has another algorithm, and nothing was
    /// kept.
    Not,
}

impl Kept {
    fn outcome(self) -> Result<Option<NoticeOutcome>, NoticeError> {
        match self {
            Self::Taken(outcome) => Ok(Some(outcome)),
            Self::Asked => Err(NoticeError::NotYet),
            Self::Not => Ok(None),
        }
    }
}

/// Keeps a verified notification: the message, the payment, the order and what follows.
struct Keep {
    mch_id: MchId,
    app_id: AppId,
    /// By which it was verified.
    sign_type: SignType,
    payment: Payment,
    digest: String,
    body: String,
}

impl Verb for Keep {
    type Out = Kept;
    type Error = StoreError;

    fn needs(&self, needs: &mut Needs) {
        let Payment { out_trade_no, transaction_id, .. } = &self.payment;
        needs.numbers.push(out_trade_no.clone());
        needs.transactions.push(transaction_id.clone());
        needs.messages.push((out_trade_no.clone(), self.digest.clone()));
    }

    async fn run(&self, change: &mut Change) -> Result<Kept, StoreError> {
        let Payment { out_trade_no, transaction_id, .. } = &self.payment;
        let attempt = change.attempt(out_trade_no).await?;
        let is_others = |attempt: &AttemptRow| {
            !attempt.is_under(&self.mch_id, &self.app_id)
                || attempt.sign_type != self.sign_type
                    && !saoma_core::planted!("sign-type-of-today-as-well")
        };
        if attempt.as_ref().is_some_and(is_others) {
            return Ok(Kept::Not);
        }
        if change.is_known(out_trade_no, &self.digest).await? {
            // The same bytes were committed before; nothing can follow from them again.
            return Ok(Kept::Taken(NoticeOutcome::Repeated));
        }
        if let Some(attempt) = attempt
            && change.is_told_back(transaction_id)
            && !saoma_core::planted!("told-back-ships")
        {
            let order = change.order(&attempt.order_id).await?;
            let order = order.ok_or(StoreError::Corrupt("order_id"))?;
            if order.order.captured(attempt.index).is_none() {
                // It does not say that some of it went back, and what may have may not ship.
                change.apply(order, &Event::SaysPaid { attempt: attempt.index })?;
                return Ok(Kept::Asked);
            }
        }
        let outcome = match change.take_payment((&self.mch_id, &self.app_id), &self.payment).await?
        {
            Taken::New(verdict) => verdict,
            Taken::Known => "repeated",
            Taken::Elsewhere => "conflict",
        };
        change.put_message(MessageRow {
            out_trade_no: out_trade_no.clone(),
            digest: self.digest.clone(),
            transaction_id: transaction_id.clone(),
            body: self.body.clone(),
            outcome,
        });
        Ok(Kept::Taken(match outcome {
            "ship" => NoticeOutcome::Ship,
            "repeated" => NoticeOutcome::Repeated,
            _ => NoticeOutcome::Anomaly,
        }))
    }
}
