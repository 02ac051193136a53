//! The interface as an OpenAPI document, and a page to try it with. The page comes from here
//! alone: no script, style or picture of others, and it may call nobody else.

use super::App;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// Compared with the router and with the server's answers by `tests/openapi.rs` beside this.
pub(super) const OPENAPI: &str = include_str!("openapi.json");
const PAGE: &str = include_str!("docs/page.html");
const SCRIPT: &str = include_str!("docs/page.js");
const STYLE: &str = include_str!("docs/page.css");

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                   base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/openapi.json", get(async || file("application/json", OPENAPI)))
        .route("/docs", get(page))
        .route("/docs/page.js", get(async || file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/docs/page.css", get(async || file("text/css; charset=utf-8", STYLE)))
}

async fn page() -> Response {
    let mut response = file("text/html; charset=utf-8", PAGE);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    headers.insert(opener, HeaderValue::from_static("same-origin"));
    response
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}
