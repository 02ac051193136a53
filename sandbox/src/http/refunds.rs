//! Refunds on the control interface: by hand, how they end, and what they are paid from.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::control::{Answer, ControlError, read, target};
use crate::gateway::input::{EndRefund, PlanRefund, RefundByHand, SetFunds};
use crate::gateway::{
    ConsoleRefund, Ending, Funds, RefundAccount, RefundChannel, RefundEnd, RefundError,
    RefundTarget,
};
use crate::shared::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/refund", post(refund))
        .route("/refund/end", post(end))
        .route("/funds", get(funds).post(set_funds))
}

impl From<RefundError> for ControlError {
    fn from(error: RefundError) -> Self {
        let (status, code) = match error {
            RefundError::Order(error) => return error.into(),
            RefundError::UnknownMerchant => (StatusCode::NOT_FOUND, "unknown_merchant"),
            RefundError::AmbiguousMerchant => (StatusCode::CONFLICT, "ambiguous_merchant"),
            RefundError::UnknownRefund => (StatusCode::NOT_FOUND, "unknown_refund"),
            RefundError::Ended => (StatusCode::CONFLICT, "refund_ended"),
            RefundError::Amount => (StatusCode::BAD_REQUEST, "invalid_refund_fee"),
            RefundError::Field(_) => (StatusCode::BAD_REQUEST, "invalid_field"),
            RefundError::NumberUsed => (StatusCode::CONFLICT, "out_refund_no_used"),
            RefundError::Refused { .. } => (StatusCode::CONFLICT, "refund_refused"),
        };
        Self { status, code, message: error.to_string() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundBody {
    code_url: Option<String>,
    out_trade_no: Option<String>,
    mch_id: Option<String>,
    transaction_id: Option<String>,
    refund_fee: Option<u64>,
    out_refund_no: Option<String>,
    #[serde(default)]
    refund_account: RefundAccount,
    refund_desc: Option<String>,
}

async fn refund(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: RefundBody = read(&body)?;
    let target = target(body.code_url, body.out_trade_no, body.mch_id)?;
    let refund = ConsoleRefund {
        transaction_id: body.transaction_id,
        refund_fen: body.refund_fee,
        out_refund_no: body.out_refund_no,
        account: body.refund_account,
        desc: body.refund_desc,
    };
    let refund = shared.act(RefundByHand { target, refund }).await??;
    tracing::info!(out_refund_no = refund.out_refund_no, fee = refund.refund_fee, "by hand");
    Ok(Json(json!({ "refund": refund })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndBody {
    out_refund_no: Option<String>,
    code_url: Option<String>,
    out_trade_no: Option<String>,
    mch_id: Option<String>,
    refund_status: Option<RefundEnd>,
    #[serde(default)]
    refund_channel: RefundChannel,
    #[serde(default)]
    now: bool,
}

async fn end(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: EndBody = read(&body)?;
    let ending = body.refund_status.map(|end| Ending { end, channel: body.refund_channel });
    let invalid = |message| Err(ControlError::bad("invalid_target", message));
    let no_order = body.code_url.is_none() && body.out_trade_no.is_none();
    match (body.out_refund_no, ending) {
        (Some(out_refund_no), ending) if body.now && no_order => {
            let end = EndRefund { mch_id: body.mch_id, out_refund_no, ending };
            let refund = shared.act(end).await??;
            Ok(Json(json!({ "refund": refund })))
        }
        (out_refund_no, Some(ending)) if !body.now => {
            let target = match out_refund_no {
                Some(out_refund_no) if no_order => {
                    RefundTarget::Number { mch_id: body.mch_id, out_refund_no }
                }
                None => RefundTarget::Order(target(body.code_url, body.out_trade_no, body.mch_id)?),
                Some(_) => return invalid("give either out_refund_no or an order"),
            };
            shared.act(PlanRefund { target, ending }).await??;
            Ok(Json(json!({ "refund_status": ending.end, "refund_channel": ending.channel })))
        }
        (_, None) => invalid("give refund_status; only the end of a refund by now can go without"),
        (_, Some(_)) => invalid("one refund can be ended now, by its out_refund_no alone"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FundsQuery {
    mch_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FundsBody {
    mch_id: Option<String>,
    unsettled_fee: Option<u64>,
    recharge_fee: Option<u64>,
}

fn funds_answer(funds: Funds) -> Answer {
    let (unsettled, recharge) = (funds.unsettled_fen, funds.recharge_fen);
    Ok(Json(json!({ "unsettled_fee": unsettled, "recharge_fee": recharge })))
}

async fn funds(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<FundsQuery>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let Query(query) =
        query.map_err(|error| ControlError::bad("invalid_query", error.body_text()))?;
    funds_answer(shared.look(|gateway, _| gateway.funds(query.mch_id.as_deref()))?)
}

async fn set_funds(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: FundsBody = read(&body)?;
    let (unsettled_fen, recharge_fen) = (body.unsettled_fee, body.recharge_fee);
    let funds = SetFunds { mch_id: body.mch_id, unsettled_fen, recharge_fen };
    funds_answer(shared.act(funds).await??)
}
