//! For those who run the server: is it alive, may it have requests, what has it counted
//! (docs/metrics.md).

use super::App;
use super::error::ApiError;
use crate::config::Secret;
use crate::metrics::{CONTENT_TYPE, Glance, Page};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Who may read the metrics where everybody else calls.
#[derive(Clone)]
pub(crate) enum MetricsFor {
    /// Nobody: they are read elsewhere, or not at all.
    Nobody,
    /// Whoever holds this token, of which the digest is kept.
    Token([u8; 32]),
    /// Everybody: only this machine can call.
    Everybody,
}

impl MetricsFor {
    pub(crate) fn holder_of(token: &Secret) -> Self {
        Self::Token(Sha256::digest(token.expose()).into())
    }

    fn may_read(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        match self {
            Self::Nobody => Err(ApiError::NotFound),
            Self::Everybody => Ok(()),
            Self::Token(digest) => {
                let token = super::access::bearer(headers).ok_or(ApiError::Unauthorized)?;
                let held: [u8; 32] = Sha256::digest(token).into();
                let is_held = bool::from(digest.ct_eq(&held));
                if is_held { Ok(()) } else { Err(ApiError::Unauthorized) }
            }
        }
    }
}

/// The paths of the address that is for watching alone: whoever reaches it may read.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(page))
        .fallback(async || ApiError::NotFound)
        .with_state(app)
}

/// The process lives. The database is not asked: a server that is started again because its
/// database is slow helps nobody.
pub(super) async fn healthz() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Requests may come here.
pub(super) async fn readyz(State(app): State<App>) -> Response {
    if app.life.is_draining() {
        return not_ready("the server is stopping");
    }
    match app.service.ready().await {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(why) => not_ready(why.reason()),
    }
}

fn not_ready(reason: &str) -> Response {
    let body = Json(json!({ "status": "not_ready", "reason": reason }));
    let retry = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::SERVICE_UNAVAILABLE, retry, body).into_response()
}

pub(super) async fn metrics(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.metrics_for.may_read(&headers)?;
    Ok(page(State(app)).await)
}

async fn page(State(app): State<App>) -> Response {
    let service = &app.service;
    let mut page = Page::default();
    service.context.metrics.write(&mut page);
    let seen = service.glance().await.inspect_err(|error| {
        tracing::error!(%error, "the database cannot be looked at");
    });
    Glance::write(seen.as_deref().ok(), service.context.clock.now(), &mut page);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page.into_text()).into_response()
}
