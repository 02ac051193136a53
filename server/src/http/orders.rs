//! Orders for shops, kiosks and pages (docs/api.md §2.1, §2.4, §2.5).

use super::App;
use super::access::{Allowed, ByKey, ByShop};
use super::error::ApiError;
use super::fields::{field, none_left, number, object, text};
use crate::service::{EXPIRES_IN_DEFAULT_S, NewOrder};
use crate::store::AnomalyRow;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use saoma_core::ids::OrderId;
use saoma_core::watch::View;
use std::time::Duration;

/// How long to wait for WeChat's code. In this crate's own tests it never comes.
const CODE_WITHIN: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 2_000 });

/// The answer to a created order.
#[derive(serde::Serialize)]
struct Answer<'a> {
    order_id: &'a OrderId,
    token: String,
    view: View,
}

/// Payments that may not ship.
#[derive(serde::Serialize)]
struct Anomalies {
    anomalies: Vec<AnomalyRow>,
}

pub(super) async fn create(
    ByKey(holder): ByKey,
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let new = new_order(&body?)?.by(holder.device.as_deref());
    let service = app.service.clone();
    let shop = service.context.sellers.shop(&holder.shop).cloned().ok_or(ApiError::Unauthorized)?;
    let created = service.create(&shop, &new).await?;
    let order_id = &created.order_id;
    let view = app.service.view_with_code(order_id, CODE_WITHIN).await?;
    let view = view.ok_or(ApiError::NotFound)?;
    let token = app.service.token(order_id);
    let body = Answer { order_id, token, view };
    let status = if created.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(body)).into_response())
}

pub(super) async fn cancel(
    Allowed { order_id, .. }: Allowed,
    State(app): State<App>,
) -> Result<Json<View>, ApiError> {
    Ok(Json(app.service.cancel(&order_id).await?))
}

pub(super) async fn anomalies(
    ByShop(shop): ByShop,
    State(app): State<App>,
) -> Result<Response, ApiError> {
    let shop = app.service.context.sellers.shop(&shop).ok_or(ApiError::NotFound)?;
    let anomalies = app.service.anomalies(shop).await?;
    Ok(Json(Anomalies { anomalies }).into_response())
}

/// Reads what a shop asks for, field by field, so that an error can name the field.
pub(super) fn new_order(body: &[u8]) -> Result<NewOrder, ApiError> {
    let mut fields = object(body)?;
    let order_no = text(&mut fields, "order_no")?;
    let amount_fen = number(&mut fields, "amount_fen")?;
    let amount_fen = amount_fen.ok_or_else(|| field("amount_fen", "is missing"))?;
    let description = text(&mut fields, "description")?;
    let expires_in_s = number(&mut fields, "expires_in_s")?.unwrap_or(EXPIRES_IN_DEFAULT_S);
    none_left(&fields, "is not a field of an order")?;
    Ok(NewOrder::new(&order_no, amount_fen, &description, expires_in_s)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid(body: &str) -> (String, String) {
        match new_order(body.as_bytes()) {
            Err(ApiError::InvalidField { field, message }) => (field, message),
            Err(ApiError::InvalidJson { message }) => ("JSON".to_owned(), message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_order_may_leave_its_time_out() {
        let order = r#"{"order_no":"A-1","amount_fen":1800,"description":"拿铁"}"#;
        let same =
            r#"{"order_no":"A-1","amount_fen":1800,"description":"拿铁","expires_in_s":900}"#;
        assert_eq!(new_order(order.as_bytes()), new_order(same.as_bytes()));
        assert!(new_order(order.as_bytes()).is_ok());
    }

    #[test]
    fn an_error_names_the_field() {
        for (body, field) in [
            ("", "JSON"),
            ("[]", "JSON"),
            ("{", "JSON"),
            ("{}", "order_no"),
            (r#"{"order_no":7}"#, "order_no"),
            (r#"{"order_no":"A"}"#, "amount_fen"),
            (r#"{"order_no":"A","amount_fen":"1800"}"#, "amount_fen"),
            (r#"{"order_no":"A","amount_fen":18.5}"#, "amount_fen"),
            (r#"{"order_no":"A","amount_fen":-1}"#, "amount_fen"),
            (r#"{"order_no":"A","amount_fen":1e3}"#, "amount_fen"),
            (r#"{"order_no":"A","amount_fen":99999999999999999999}"#, "amount_fen"),
            (r#"{"order_no":"A","amount_fen":1}"#, "description"),
            (r#"{"order_no":"A","amount_fen":1,"description":"x","amount_fen":2}"#, "amount_fen"),
            (
                r#"{"order_no":"A","amount_fen":1,"description":"x","expires_in_s":"1"}"#,
                "expires_in_s",
            ),
            (
                r#"{"order_no":"A","amount_fen":1,"description":"x","expire_in_s":60}"#,
                "expire_in_s",
            ),
        ] {
            assert_eq!(invalid(body).0, field, "{body}");
        }
        let message = invalid(r#"{"order_no":"A","amount_fen":0,"description":"x"}"#).1;
        assert_eq!(message, "amount_fen must be 1 to 2147483647");
    }
}
