//! Errors as callers see them (docs/api.md §4). What went wrong inside is logged, never sent.

use crate::service::{AskRefundError, CancelError, CreateError, DispenseError, InvalidField};
use crate::store::StoreError;
use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use saoma_core::order::{DispenseRefused, RefundRefused};
use serde_json::json;

/// Why a request is not answered as it wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ApiError {
    InvalidJson { message: String },
    InvalidField { field: String, message: String },
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    OrderNoTaken,
    AlreadyPaid,
    NotPaid,
    RefundStarted,
    ShippedOtherwise,
    NotClaimed,
    Dispensing,
    RefundNoTaken,
    RefundLost,
    MerchantNotConfigured,
    RefundRefused(RefundRefused),
    TooLarge,
    TooMany,
    Unavailable,
}

impl ApiError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::InvalidJson { .. } | Self::InvalidField { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::OrderNoTaken
            | Self::AlreadyPaid
            | Self::NotPaid
            | Self::RefundStarted
            | Self::ShippedOtherwise
            | Self::NotClaimed
            | Self::Dispensing
            | Self::RefundNoTaken
            | Self::RefundLost
            | Self::MerchantNotConfigured
            | Self::RefundRefused(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code_and_message(&self) -> (&'static str, &str) {
        match self {
            Self::InvalidJson { message } => ("invalid_json", message),
            Self::InvalidField { message, .. } => ("invalid_field", message),
            Self::Unauthorized => {
                ("unauthorized", "send `Authorization: Bearer KEY` with a key of this server")
            }
            Self::Forbidden => ("forbidden", "this key may not do that"),
            Self::NotFound => ("not_found", "there is nothing here that you may see"),
            Self::MethodNotAllowed => ("method_not_allowed", "this path takes another method"),
            Self::Timeout => ("timeout", "the request took too long; try again"),
            Self::OrderNoTaken => {
                ("order_no_taken", "order_no was used for another order; take a new one")
            }
            Self::AlreadyPaid => ("already_paid", "the order is paid and cannot be given up"),
            Self::NotPaid => ("not_paid", "the order is not paid: hand nothing over"),
            Self::RefundStarted => {
                ("refund_started", "the payment of the order goes back: hand nothing over")
            }
            Self::ShippedOtherwise => {
                ("shipped_otherwise", "the order was shipped in another way: hand nothing over")
            }
            Self::Dispensing => {
                ("dispensing", "the goods are being handed over; an operator may still refund")
            }
            Self::NotClaimed => ("not_claimed", "claim the goods first: POST .../dispense"),
            Self::RefundNoTaken => {
                let message = "refund_no was used for another amount or reason; take a new one";
                ("refund_no_taken", message)
            }
            Self::RefundLost => {
                let message = "WeChat has made this refund already; this database is an older \
                               copy that has lost it";
                ("refund_lost", message)
            }
            Self::MerchantNotConfigured => {
                let message = "the configuration does not have the order's merchant or app any \
                               more: put it back, or refund in the merchant platform";
                ("merchant_not_configured", message)
            }
            Self::RefundRefused(refused) => match refused {
                RefundRefused::NotPaid => ("not_paid", "nothing was paid that could go back"),
                RefundRefused::Nothing => ("invalid_field", "amount_fen must be 1 at least"),
                RefundRefused::TooMuch { .. } => {
                    ("refund_too_much", "more than is left of the payment (left_fen)")
                }
                RefundRefused::TooMany => ("too_many_refunds", "an order has 50 refunds at most"),
                RefundRefused::InDoubt => {
                    ("payment_in_doubt", "WeChat is being asked about this payment; try again")
                }
            },
            Self::TooLarge => ("too_large", "the body is too large"),
            Self::TooMany => ("too_many", "too many requests; go on a little slower"),
            Self::Unavailable => ("unavailable", "not possible just now; try again"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, message) = self.code_and_message();
        let mut error = json!({ "code": code, "message": message });
        if let Self::InvalidField { field, .. } = &self {
            error["field"] = json!(field);
        }
        if let Some(trace_id) = super::trace::current() {
            error["trace_id"] = json!(trace_id);
        }
        if let Self::RefundRefused(RefundRefused::TooMuch { left }) = &self {
            error["left_fen"] = json!(left);
        }
        let mut response = (self.status(), Json(json!({ "error": error }))).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooMany | Self::Unavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::InvalidJson { .. }
            | Self::InvalidField { .. }
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Timeout
            | Self::Forbidden
            | Self::OrderNoTaken
            | Self::AlreadyPaid
            | Self::NotPaid
            | Self::RefundStarted
            | Self::ShippedOtherwise
            | Self::NotClaimed
            | Self::Dispensing
            | Self::RefundNoTaken
            | Self::RefundLost
            | Self::MerchantNotConfigured
            | Self::RefundRefused(_)
            | Self::TooLarge => {}
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request failed");
        Self::Unavailable
    }
}

impl From<InvalidField> for ApiError {
    fn from(InvalidField { field, rule }: InvalidField) -> Self {
        Self::InvalidField { field: field.to_owned(), message: rule.to_owned() }
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Invalid(field) => field.into(),
            CreateError::OrderNoTaken => Self::OrderNoTaken,
            CreateError::Store(error) => error.into(),
            CreateError::Random(error) => {
                tracing::error!(%error, "an order could not be made");
                Self::Unavailable
            }
        }
    }
}

impl From<CancelError> for ApiError {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotFound => Self::NotFound,
            CancelError::AlreadyPaid => Self::AlreadyPaid,
            CancelError::Store(error) => error.into(),
        }
    }
}

impl From<DispenseError> for ApiError {
    fn from(error: DispenseError) -> Self {
        match error {
            DispenseError::NotFound => Self::NotFound,
            DispenseError::NotYours => Self::Forbidden,
            DispenseError::Refused(DispenseRefused::NotPaid) => Self::NotPaid,
            DispenseError::Refused(DispenseRefused::RefundStarted) => Self::RefundStarted,
            DispenseError::Refused(DispenseRefused::Shipped) => Self::ShippedOtherwise,
            DispenseError::NotClaimed => Self::NotClaimed,
            DispenseError::Store(error) => error.into(),
        }
    }
}

impl From<AskRefundError> for ApiError {
    fn from(error: AskRefundError) -> Self {
        match error {
            AskRefundError::NotFound => Self::NotFound,
            AskRefundError::RefundNoTaken => Self::RefundNoTaken,
            AskRefundError::Refused(refused) => Self::RefundRefused(refused),
            AskRefundError::Dispensing => Self::Dispensing,
            AskRefundError::Lost => Self::RefundLost,
            AskRefundError::NotConfigured => Self::MerchantNotConfigured,
            AskRefundError::Store(error) => error.into(),
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::TooLarge;
        }
        Self::InvalidJson { message: "the body could not be read".to_owned() }
    }
}
