//! The HTTP face (docs/api.md): thin. It checks who calls, turns bodies into what the service
//! understands, and the service's answers into bodies.

mod access;
mod bills;
mod docs;
mod error;
mod events;
mod fields;
#[cfg(fuzzing)]
pub mod fuzzing;
mod goods;
mod limit;
mod look;
mod notify;
mod observe;
mod orders;
mod refunds;
mod trace;

#[cfg(test)]
mod tests;

pub(crate) use bills::table as bill_table;
use error::ApiError;
pub(crate) use limit::{Gate, Origin};
#[cfg(feature = "simulation")]
pub(crate) use notify::acknowledgement;
pub(crate) use observe::{MetricsFor, router as observe_router};

use crate::keys::KeyRing;
use crate::life::Life;
use crate::operator::{self, Office};
use crate::service::Service;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use saoma_core::xml::DOC_LEN_MAX;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Where WeChat's notifications come, below the public URL.
pub(crate) const NOTIFY_PATH: &str = "/wx/v2/notify";
/// Where one order is looked at.
const ORDER_PATH: &str = "/v1/orders/{order_id}";
/// Where one order is followed.
const EVENTS_PATH: &str = "/v1/orders/{order_id}/events";
/// Where one order is given up.
const CANCEL_PATH: &str = "/v1/orders/{order_id}/cancel";
/// What a page of any origin may call: a token opens it, and no cookies are used.
const PAGE_PATHS: [&str; 3] = [ORDER_PATH, EVENTS_PATH, CANCEL_PATH];
/// Largest body of a request in JSON.
const JSON_LEN_MAX: usize = 8 * 1024;
/// How long a request may take until its answer begins, a slow caller included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// What every request may need.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) service: Arc<Service>,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) gate: Arc<Gate>,
    /// The operator's page.
    pub(crate) office: Arc<Office>,
    /// Streams end when it says so.
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) life: Life,
    pub(crate) metrics_for: MetricsFor,
}

/// All paths.
pub(crate) fn router(app: App) -> Router {
    let office = operator::router(app.office.clone());
    // These are the `PAGE_PATHS`.
    let pages = Router::new()
        .route(ORDER_PATH, get(look::view).options(preflight))
        .route(EVENTS_PATH, get(events::follow).options(preflight))
        .route(CANCEL_PATH, post(orders::cancel).options(preflight))
        .layer(middleware::map_response(any_origin));
    Router::new()
        .route("/v1/orders", post(orders::create).layer(DefaultBodyLimit::max(JSON_LEN_MAX)))
        .route("/v1/orders/{order_id}/dispense", post(goods::dispense))
        .route("/v1/orders/{order_id}/shipped", post(goods::shipped))
        .route(
            "/v1/orders/{order_id}/refunds",
            get(refunds::list).post(refunds::ask).layer(DefaultBodyLimit::max(JSON_LEN_MAX)),
        )
        .route("/v1/orders/{order_id}/refunds/{number}", get(refunds::one))
        .route("/v1/anomalies", get(orders::anomalies))
        .route("/v1/bills", get(bills::days))
        .route("/v1/bills/{date}", get(bills::day).post(bills::ask))
        .route("/healthz", get(observe::healthz))
        .route("/readyz", get(observe::readyz))
        .route("/metrics", get(observe::metrics))
        .route(
            NOTIFY_PATH,
            get(notify::who).post(notify::notify).layer(DefaultBodyLimit::max(DOC_LEN_MAX)),
        )
        .route(
            "/wx/v2/refund-notify",
            post(notify::notify_refund).layer(DefaultBodyLimit::max(DOC_LEN_MAX)),
        )
        .merge(pages)
        .merge(docs::router())
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::map_response(private))
        .with_state(app.clone())
        .merge(office)
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(app, trace::trace))
}

async fn preflight() -> (StatusCode, [(HeaderName, &'static str); 3]) {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers)
}

async fn any_origin(mut response: Response) -> Response {
    let any = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}

/// Nothing here is for a cache, and nothing is to be guessed about its type.
async fn private(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn in_time(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let path = matched.as_ref().map(MatchedPath::as_str);
    let within = patience(request.method(), path);
    match tokio::time::timeout(within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => too_late(path).await,
    }
}

/// How long a request may take until its answer begins.
fn patience(method: &Method, path: Option<&str>) -> Duration {
    // A look may wait for news on top of that; it has no body that could come slowly.
    let is_look = (method == Method::GET || method == Method::HEAD) && path == Some(ORDER_PATH);
    REQUEST_TIMEOUT + if is_look { look::WAIT_MAX } else { Duration::ZERO }
}

/// It is made outside of the routes, and a page of another origin has to be able to read it too:
/// without leave it would see a broken network.
async fn too_late(path: Option<&str>) -> Response {
    let response = ApiError::Timeout.into_response();
    let is_for_pages = path.is_some_and(|path| PAGE_PATHS.contains(&path));
    if is_for_pages { any_origin(response).await } else { response }
}
