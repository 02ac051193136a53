//! Refunds for shops (docs/api.md §2.9).

use super::App;
use super::access::ByShop;
use super::error::ApiError;
use super::fields::{field, none_left, number, object, text};
use crate::service::{NewRefund, RefundBy};
use crate::store::{AskedBy, RefundRow, RefundState};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use saoma_core::ids::OrderId;
use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

/// A refund as its shop sees it.
#[derive(serde::Serialize)]
struct Refund<'r> {
    refund_no: Option<&'r str>,
    out_refund_no: &'r str,
    refund_id: Option<&'r str>,
    transaction_id: &'r str,
    amount_fen: Fen,
    reason: &'r str,
    asked_by: AskedBy,
    state: RefundState,
    trouble: Option<&'r str>,
    created_at: UnixTime,
    ended_at: Option<UnixTime>,
}

impl<'r> From<&'r RefundRow> for Refund<'r> {
    fn from(row: &'r RefundRow) -> Self {
        Self {
            refund_no: row.refund_no.as_deref(),
            out_refund_no: row.out_refund_no.as_str(),
            refund_id: row.refund_id.as_ref().map(saoma_core::ids::RefundId::as_str),
            transaction_id: row.transaction_id.as_str(),
            amount_fen: row.part,
            reason: &row.reason,
            asked_by: row.by,
            state: row.state,
            trouble: row.trouble.as_deref(),
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}

/// All refunds of an order.
#[derive(serde::Serialize)]
struct Refunds<'r> {
    refunds: Vec<Refund<'r>>,
}

pub(super) async fn ask(
    ByShop(shop): ByShop,
    path: Result<Path<String>, PathRejection>,
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let order_id = order_id(path)?;
    let new = new_refund(&body?)?;
    let (row, is_new) = app.service.ask_refund(RefundBy::Shop(&shop), &order_id, &new).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Refund::from(&row))).into_response())
}

pub(super) async fn list(
    ByShop(shop): ByShop,
    path: Result<Path<String>, PathRejection>,
    State(app): State<App>,
) -> Result<Response, ApiError> {
    let order_id = order_id(path)?;
    let rows = app.service.refunds(&shop, &order_id).await?.ok_or(ApiError::NotFound)?;
    Ok(Json(Refunds { refunds: rows.iter().map(Refund::from).collect() }).into_response())
}

/// The order in the path. Bytes that are no text are no id of an order either.
fn order_id(path: Result<Path<String>, PathRejection>) -> Result<OrderId, ApiError> {
    let Path(id) = path.map_err(|_| ApiError::NotFound)?;
    OrderId::new(&id).map_err(|_| ApiError::NotFound)
}

/// One refund, by the shop's number of it or by ours.
pub(super) async fn one(
    ByShop(shop): ByShop,
    path: Result<Path<(String, String)>, PathRejection>,
    State(app): State<App>,
) -> Result<Response, ApiError> {
    let Path((order_id, number)) = path.map_err(|_| ApiError::NotFound)?;
    let order_id = OrderId::new(&order_id).map_err(|_| ApiError::NotFound)?;
    let rows = app.service.refunds(&shop, &order_id).await?.ok_or(ApiError::NotFound)?;
    let by_shop = rows.iter().find(|row| row.refund_no.as_ref() == Some(&number));
    let row = by_shop.or_else(|| rows.iter().find(|row| row.out_refund_no.as_str() == number));
    Ok(Json(Refund::from(row.ok_or(ApiError::NotFound)?)).into_response())
}

/// Reads what a shop asks for, field by field, so that an error can name the field.
pub(super) fn new_refund(body: &[u8]) -> Result<NewRefund, ApiError> {
    let mut fields = object(body)?;
    let refund_no = text(&mut fields, "refund_no")?;
    let amount_fen = number(&mut fields, "amount_fen")?;
    let amount_fen = amount_fen.ok_or_else(|| field("amount_fen", "is missing"))?;
    let reason = text(&mut fields, "reason")?;
    none_left(&fields, "is not a field of a refund")?;
    Ok(NewRefund::new(&refund_no, amount_fen, &reason)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_field() {
        let field = |body: &str| match new_refund(body.as_bytes()) {
            Err(ApiError::InvalidField { field, .. }) => field,
            Err(ApiError::InvalidJson { .. }) => "JSON".to_owned(),
            Ok(_) => String::new(),
            other => panic!("{other:?}"),
        };
        for (body, bad) in [
            (r#"{"refund_no":"R-1","amount_fen":500,"reason":"少一杯"}"#, ""),
            ("", "JSON"),
            ("[]", "JSON"),
            ("{}", "refund_no"),
            (r#"{"refund_no":1,"amount_fen":500,"reason":"x"}"#, "refund_no"),
            (r#"{"refund_no":"R","reason":"x"}"#, "amount_fen"),
            (r#"{"refund_no":"R","amount_fen":5.0,"reason":"x"}"#, "amount_fen"),
            (r#"{"refund_no":"R","amount_fen":-5,"reason":"x"}"#, "amount_fen"),
            (r#"{"refund_no":"R","amount_fen":5}"#, "reason"),
            (r#"{"refund_no":"R","amount_fen":5,"reason":"x","amount":1}"#, "amount"),
        ] {
            assert_eq!(field(body), bad, "{body}");
        }
    }
}
