//! A refund by an operator, in two steps: what is wished, then the amount typed again.

use super::page::{self, Notice, RefundPage};
use super::show::parse_yuan;
use super::visitor::{Desk, Posted, not_found, page as answer, unavailable};
use super::words::Words;
use crate::random::base32;
use crate::service::{AskRefundError, NewRefund, RefundBy};
use crate::store::{OrderRow, StoreError};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use saoma_core::ids::{OrderId, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::RefundRefused;

/// Whether a wish can be fulfilled, or why not.
pub(super) async fn refund(
    State(office): State<Desk>,
    Path(order_id): Path<String>,
    posted: Posted,
) -> Result<Response, Response> {
    let visitor = &posted.visitor;
    let w = Words::of(visitor.lang);
    let order_id = OrderId::new(&order_id).map_err(|_| not_found(visitor.lang))?;
    let failed = |error: StoreError| unavailable(visitor.lang, &error);
    let mut reader = office.service.store.reader().await.map_err(failed)?;
    let row = OrderRow::get(&mut reader, &order_id).await.map_err(failed)?;
    drop(reader);
    let row = row.ok_or_else(|| not_found(visitor.lang))?;
    // The payment that he has before his eyes, and no other one.
    let meant = TransactionId::new(posted.field("transaction_id")).ok();
    let meant = meant.and_then(|id| Some((row.order.attempt_of(&id)?, id)));
    let (attempt, transaction_id) = meant.ok_or_else(|| not_found(visitor.lang))?;
    let (_, paid) = row.order.captured(attempt).ok_or_else(|| not_found(visitor.lang))?;
    let amount = parse_yuan(posted.field("amount")).filter(|amount| *amount != Fen::ZERO);
    let reason = posted.field("reason").trim();
    let refund_no = refund_no(&office, &posted).map_err(failed)?;
    let mut confirm = RefundPage {
        order_id: order_id.to_string(),
        order_no: row.order_no.clone(),
        description: row.description.clone(),
        transaction_id: transaction_id.to_string(),
        paid,
        amount: amount.unwrap_or_default(),
        reason: reason.to_owned(),
        refund_no,
        error: None,
    };
    let new = NewRefund::new(&confirm.refund_no, confirm.amount.get(), reason);
    let again = posted.field("again");
    confirm.error = match (&new, amount) {
        (_, None) => Some(w.not_an_amount),
        (Err(invalid), _) if invalid.field == "reason" => Some(w.reason_missing),
        (Err(_), _) => Some(w.amount_too_large),
        (Ok(_), Some(amount)) if !again.is_empty() && parse_yuan(again) != Some(amount) => {
            Some(w.amount_differs)
        }
        // The second step may be the same form again, whose refund is a part of what is gone.
        (Ok(_), Some(amount)) if again.is_empty() => {
            row.order.may_refund(attempt, amount).err().map(|why| in_words(w, why))
        }
        (Ok(_), Some(_)) => None,
    };
    if let (Ok(new), None, false) = (&new, confirm.error, again.is_empty()) {
        let by = RefundBy::Operator(&visitor.operator, Some(&transaction_id));
        match office.service.ask_refund(by, &order_id, new).await {
            Ok(_) => {
                let path = format!("/operator/orders/{order_id}");
                return Ok(visitor.done(&office, &path, Notice::RefundBegun));
            }
            Err(AskRefundError::NotFound) => return Err(not_found(visitor.lang)),
            Err(AskRefundError::Store(error)) => return Err(failed(error)),
            Err(AskRefundError::Refused(why)) => confirm.error = Some(in_words(w, why)),
            Err(AskRefundError::RefundNoTaken | AskRefundError::Dispensing) => {
                confirm.error = Some(w.refund_refused);
            }
            Err(AskRefundError::Lost) => confirm.error = Some(w.refund_lost),
            Err(AskRefundError::NotConfigured) => confirm.error = Some(w.not_configured),
        }
    }
    let status = if confirm.error.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let frame = visitor.frame(&office).await?;
    Ok(answer(status, page::refund(&frame, &confirm)))
}

/// The number of this wish: that of the first step, or a new one.
fn refund_no(office: &Desk, posted: &Posted) -> Result<String, StoreError> {
    match posted.field("refund_no") {
        "" => {
            let random = office.random.bytes::<10>();
            let random = random.map_err(|_| StoreError::Corrupt("random"))?;
            Ok(format!("op-{}", base32(&random)))
        }
        known => Ok(known.to_owned()),
    }
}

const fn in_words(w: &Words, why: RefundRefused) -> &'static str {
    match why {
        RefundRefused::TooMuch { .. } => w.amount_too_large,
        _ => w.refund_refused,
    }
}
