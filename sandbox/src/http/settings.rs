//! What is set for a merchant, on the control interface.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::control::{Answer, ControlError, read};
use crate::gateway::input::ChangeSettings;
use crate::gateway::{SettingsChange, SettingsError};
use crate::merchant::BillFormat;
use crate::shared::Shared;
use crate::sign::Key;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/merchant", post(change))
}

impl From<SettingsError> for ControlError {
    fn from(error: SettingsError) -> Self {
        let code = match &error {
            SettingsError::Merchant(error) => return error.clone().into(),
            SettingsError::Url { name: "mode_one_url" } => "invalid_mode_one_url",
            SettingsError::Url { .. } => "invalid_refund_notify_url",
            SettingsError::Fee => "invalid_fee_bp",
        };
        Self { status: StatusCode::BAD_REQUEST, code, message: error.to_string() }
    }
}

/// A key that is none. Its text is not repeated.
fn invalid_key(why: &'static str) -> ControlError {
    ControlError { status: StatusCode::BAD_REQUEST, code: "invalid_key", message: why.to_owned() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MerchantBody {
    mch_id: Option<String>,
    key: Option<String>,
    mode_one_url: Option<String>,
    refund_notify_url: Option<String>,
    bill_format: Option<BillFormat>,
    fee_bp: Option<u16>,
    bills_open: Option<bool>,
}

async fn change(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: MerchantBody = read(&body)?;
    let change = SettingsChange {
        key: body.key.map(Key::try_from).transpose().map_err(invalid_key)?,
        mode_one_url: body.mode_one_url,
        refund_notify_url: body.refund_notify_url,
        bill_format: body.bill_format,
        fee_bp: body.fee_bp,
        bills_open: body.bills_open,
    };
    let settings = shared.act(ChangeSettings { mch_id: body.mch_id, change }).await??;
    Ok(Json(json!(settings)))
}
