//! The control interface: JSON, so that a test in any language can pay, look and move the clock.
//! Documented in the crate's README.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::look;
use crate::clock::{ADVANCE_S_MAX, SPEED_MAX};
use crate::gateway::input::{Cancel, Pay, SendAgain, SendRefundAgain, SetBalance};
use crate::gateway::{
    Coupon, CouponKind, Method, PayError, Person, ScanError, ScanRefusal, Target, Tender,
};
use crate::shared::Shared;
use crate::state::NotKept;

pub(super) type Answer = Result<Json<serde_json::Value>, ControlError>;

/// The most copies of a notification that one call sends.
const COPIES_MAX: u32 = 100;

/// The most bytes of a body.
const BODY_BYTES_MAX: usize = 64 * 1024;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/scan", post(scan))
        .route("/pay", post(pay))
        .route("/cancel", post(cancel))
        .route("/notify", post(notify))
        .route("/time", get(time).post(advance))
        .route("/person", get(person).post(set_person))
        .merge(look::router())
        .merge(super::certificates::router())
        .merge(super::faults::router())
        .merge(super::refunds::router())
        .merge(super::settings::router())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(own_pages_only))
}

/// A refusal, as JSON.
#[derive(Debug)]
pub(super) struct ControlError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ControlError {
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code, message: message.into() }
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let error = json!({ "error": { "code": self.code, "message": self.message } });
        (self.status, Json(error)).into_response()
    }
}

impl From<NotKept> for ControlError {
    fn from(error: NotKept) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, code: "not_kept", message: error.to_string() }
    }
}

impl From<ScanRefusal> for ControlError {
    fn from(refusal: ScanRefusal) -> Self {
        let status = match refusal {
            ScanRefusal::UnknownCode => StatusCode::NOT_FOUND,
            ScanRefusal::CodeReplaced
            | ScanRefusal::CodeExpired
            | ScanRefusal::OrderExpired
            | ScanRefusal::OrderClosed
            | ScanRefusal::OrderPaid
            | ScanRefusal::ScannedByOther => StatusCode::CONFLICT,
        };
        Self { status, code: refusal.as_str(), message: refusal.to_string() }
    }
}

impl From<ScanError> for ControlError {
    fn from(error: ScanError) -> Self {
        let status = match &error {
            ScanError::Refused(refusal) => return (*refusal).into(),
            ScanError::ProductCode { .. } => StatusCode::BAD_REQUEST,
            ScanError::NoAddress | ScanError::ShopRefused { .. } => StatusCode::CONFLICT,
            ScanError::ShopSilent { .. } | ScanError::ShopAnswer { .. } => StatusCode::BAD_GATEWAY,
        };
        Self { status, code: error.as_str(), message: error.to_string() }
    }
}

impl From<PayError> for ControlError {
    fn from(error: PayError) -> Self {
        let (status, code) = match error {
            PayError::Refused(refusal) => return refusal.into(),
            PayError::UnknownOrder => (StatusCode::NOT_FOUND, "unknown_order"),
            PayError::AmbiguousOrder => (StatusCode::CONFLICT, "ambiguous_order"),
            PayError::Amount => (StatusCode::BAD_REQUEST, "invalid_total_fee"),
            PayError::Coupons => (StatusCode::BAD_REQUEST, "invalid_coupons"),
            PayError::NotPaid => (StatusCode::CONFLICT, "not_paid"),
            PayError::BalanceTooLow => (StatusCode::CONFLICT, "balance_too_low"),
            PayError::NoCredit => (StatusCode::CONFLICT, "no_credit"),
            PayError::TooSlow => (StatusCode::BAD_REQUEST, "invalid_after_s"),
        };
        Self { status, code, message: error.to_string() }
    }
}

/// A browser says which page a POST comes from. Pages of other origins may not play with the
/// sandbox of whoever happens to look at them.
async fn own_pages_only(request: Request, next: Next) -> Response {
    if is_foreign(request.headers()) {
        let message = "the control interface takes no calls from pages of another origin".into();
        let status = StatusCode::FORBIDDEN;
        return ControlError { status, code: "foreign_origin", message }.into_response();
    }
    next.run(request).await
}

fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    origin.split_once("://").is_none_or(|(_, origin_host)| origin_host != host)
}

pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ControlError> {
    serde_json::from_slice(body)
        .map_err(|error| ControlError::bad("invalid_json", error.to_string()))
}

pub(super) fn target(
    code_url: Option<String>,
    out_trade_no: Option<String>,
    mch_id: Option<String>,
) -> Result<Target, ControlError> {
    match (code_url, out_trade_no) {
        (Some(code_url), None) if mch_id.is_none() => Ok(Target::Code(code_url)),
        (None, Some(out_trade_no)) => Ok(Target::Number { mch_id, out_trade_no }),
        _ => {
            let message = "give either code_url, or out_trade_no and perhaps mch_id";
            Err(ControlError::bad("invalid_target", message))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanBody {
    code_url: String,
    person: Option<Person>,
}

async fn scan(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: ScanBody = read(&body)?;
    let scanned = shared.scan(body.person.as_ref(), &body.code_url).await??;
    Ok(Json(json!({
        "mch_id": scanned.mch_id,
        "out_trade_no": scanned.out_trade_no,
        "shop": scanned.shop,
        "body": scanned.body,
        "total_fee": scanned.total_fen,
        "no_credit": scanned.no_credit,
        "code_url": scanned.code_url,
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayBody {
    code_url: Option<String>,
    out_trade_no: Option<String>,
    mch_id: Option<String>,
    total_fee: Option<u64>,
    #[serde(default)]
    coupons: Vec<CouponBody>,
    #[serde(default = "yes")]
    notify: bool,
    #[serde(default)]
    force: bool,
    person: Option<Person>,
    #[serde(default)]
    method: Method,
    #[serde(default)]
    after_s: u32,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CouponBody {
    id: String,
    fee: u64,
    #[serde(rename = "type")]
    kind: Option<CouponKindBody>,
}

#[derive(Clone, Copy, Deserialize)]
enum CouponKindBody {
    #[serde(rename = "CASH")]
    Cash,
    #[serde(rename = "NO_CASH")]
    NoCash,
}

impl From<CouponBody> for Coupon {
    fn from(body: CouponBody) -> Self {
        let kind = body.kind.map(|kind| match kind {
            CouponKindBody::Cash => CouponKind::Cash,
            CouponKindBody::NoCash => CouponKind::NoCash,
        });
        Self { id: body.id, fee_fen: body.fee, kind }
    }
}

async fn pay(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: PayBody = read(&body)?;
    let target = target(body.code_url, body.out_trade_no, body.mch_id)?;
    let tender = Tender {
        total_fen: body.total_fee,
        coupons: body.coupons.into_iter().map(Coupon::from).collect(),
        notify: body.notify,
        force: body.force,
        person: body.person,
        method: body.method,
        after_s: body.after_s,
    };
    let paid = shared.act(Pay { target, tender }).await??;
    tracing::info!(out_trade_no = paid.out_trade_no, total_fee = paid.total_fen, "paid");
    Ok(Json(json!({
        "mch_id": paid.mch_id,
        "out_trade_no": paid.out_trade_no,
        "transaction_id": paid.transaction_id,
        "total_fee": paid.total_fen,
        "cash_fee": paid.cash_fen,
        "paid_at": paid.paid_at.0,
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    code_url: Option<String>,
    out_trade_no: Option<String>,
    mch_id: Option<String>,
}

async fn cancel(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: CancelBody = read(&body)?;
    let target = target(body.code_url, body.out_trade_no, body.mch_id)?;
    let key = shared.act(Cancel { target }).await??;
    Ok(Json(json!({ "mch_id": key.mch_id, "out_trade_no": key.out_trade_no })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotifyBody {
    out_trade_no: Option<String>,
    out_refund_no: Option<String>,
    mch_id: Option<String>,
    #[serde(default = "once")]
    times: u32,
}

const fn once() -> u32 {
    1
}

async fn notify(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: NotifyBody = read(&body)?;
    if !(1..=COPIES_MAX).contains(&body.times) {
        let message = format!("times must be 1 to {COPIES_MAX}");
        return Err(ControlError::bad("invalid_times", message));
    }
    let (copies, mch_id) = (body.times, body.mch_id);
    match (body.out_trade_no, body.out_refund_no) {
        (Some(out_trade_no), None) => {
            let target = Target::Number { mch_id, out_trade_no };
            shared.act(SendAgain { target, copies }).await??;
        }
        (None, Some(out_refund_no)) => {
            shared.act(SendRefundAgain { mch_id, out_refund_no, copies }).await??;
        }
        _ => {
            let message = "give either out_trade_no or out_refund_no";
            return Err(ControlError::bad("invalid_target", message));
        }
    }
    Ok(Json(json!({ "sending": copies })))
}

async fn time(State(shared): State<Arc<Shared>>) -> Answer {
    let now = shared.clock.now();
    let ahead_s = shared.clock.ahead_s();
    let speed = shared.clock.speed();
    let beijing = now.beijing();
    Ok(Json(json!({ "now": now.0, "beijing": beijing, "ahead_s": ahead_s, "speed": speed })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeBody {
    advance_s: Option<i64>,
    speed: Option<u32>,
}

async fn advance(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let body: TimeBody = read(&body)?;
    if body.advance_s.is_none() && body.speed.is_none() {
        return Err(ControlError::bad("invalid_time", "give advance_s, speed or both"));
    }
    if let Some(speed) = body.speed
        && !shared.set_speed(speed)
    {
        let message = format!("speed must be 1 to {SPEED_MAX}, and the clock must not stand");
        return Err(ControlError::bad("invalid_speed", message));
    }
    if let Some(advance_s) = body.advance_s
        && shared.advance(advance_s).await?.is_none()
    {
        let message = format!("advance_s must be 0 to {ADVANCE_S_MAX} in all: time only goes on");
        return Err(ControlError::bad("invalid_advance_s", message));
    }
    time(State(shared)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonQuery {
    #[serde(default)]
    person: Person,
}

async fn person(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<PersonQuery>, QueryRejection>,
) -> Answer {
    let Query(PersonQuery { person }) =
        query.map_err(|error| ControlError::bad("invalid_query", error.body_text()))?;
    let balance_fen = shared.look(|gateway, _| gateway.balance_fen(&person));
    Ok(Json(json!({ "person": person, "balance": balance_fen })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonBody {
    #[serde(default)]
    person: Person,
    balance: Option<u64>,
}

async fn set_person(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    let PersonBody { person, balance } = read(&body)?;
    shared.act(SetBalance { person: person.clone(), balance_fen: balance }).await?;
    Ok(Json(json!({ "person": person, "balance": balance })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(headers: &[(header::HeaderName, &'static str)]) -> bool {
        let headers = headers.iter().cloned();
        is_foreign(&headers.map(|(name, value)| (name, value.parse().unwrap())).collect())
    }

    #[test]
    fn only_pages_of_the_sandbox_itself_may_call() {
        let host = (header::HOST, "127.0.0.1:8090");
        assert!(!foreign(std::slice::from_ref(&host)), "no browser");
        assert!(!foreign(&[host.clone(), (header::ORIGIN, "http://127.0.0.1:8090")]));
        for origin in ["http://127.0.0.1:9999", "https://evil.example", "null", ""] {
            assert!(foreign(&[host.clone(), (header::ORIGIN, origin)]), "{origin}");
        }
    }

    #[test]
    fn a_target_is_a_code_or_a_number() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(target(some("c"), None, None).unwrap(), Target::of_code("c"));
        assert_eq!(target(None, some("n"), None).unwrap(), Target::of_number("n"));
        assert!(target(None, None, None).is_err());
        assert!(target(some("c"), some("n"), None).is_err());
        assert!(target(some("c"), None, some("m")).is_err());
    }
}
