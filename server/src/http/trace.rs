//! A name for each request, so that its answer, its errors and its lines in the log can be brought
//! together; and what is counted about all of them.

use super::App;
use super::look::Waited;
use crate::clock::Stopwatch;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Duration;
use tracing::Instrument as _;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest name that is taken from a caller.
const ID_LEN_MAX: usize = 64;

tokio::task_local! {
    /// The name of the request that is being answered.
    static TRACE_ID: String;
}

/// The name of the request that is being answered, where there is one.
pub(super) fn current() -> Option<String> {
    TRACE_ID.try_with(String::clone).ok()
}

/// Around everything else.
pub(super) async fn trace(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Stopwatch::start();
    let trace_id = named(request.headers()).unwrap_or_else(|| app.service.context.trace_id());
    // The pattern of the path, never the path itself, which may end in a token.
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let path = path.unwrap_or("none").to_owned();
    let method = method(request.method());
    // At the level of errors, so that it is there whatever is logged.
    let span = tracing::error_span!("request", trace_id);
    let answer = TRACE_ID.scope(trace_id.clone(), next.run(request)).instrument(span.clone());
    let mut response = answer.await;
    let status = response.status().as_u16();
    // To wait for news is no slowness.
    let waited = response.extensions().get().map_or(Duration::ZERO, |Waited(waited)| *waited);
    let took = began.elapsed().saturating_sub(waited);
    app.service.context.metrics.request(&path, method, status, took);
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(parent: &span, method, path, status, took_us, "answered");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&trace_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    if app.life.is_draining() {
        // The caller's next request is to come on another connection, and to another server.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The name that the caller or a proxy gave: the trace of W3C's `traceparent`, or `X-Request-Id`.
fn named(headers: &HeaderMap) -> Option<String> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let parent = text(HeaderName::from_static("traceparent")).and_then(trace_of);
    let id = text(X_REQUEST_ID).filter(|id| is_id(id));
    parent.or(id).map(str::to_owned)
}

/// `00-<32 digits: trace>-<16 digits: parent>-<2 digits: flags>`, where the trace is not zero.
fn trace_of(parent: &str) -> Option<&str> {
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = parent.split('-');
    let (version, trace, caller) = (parts.next()?, parts.next()?, parts.next()?);
    let flags = parts.next()?;
    let lengths = (version.len(), trace.len(), caller.len(), flags.len());
    // Later versions may append; `ff` is none.
    let is_form = lengths == (2, 32, 16, 2) && version != "ff";
    let is_long = version == "00" && parts.next().is_some();
    let all_hex = [version, trace, caller, flags].into_iter().all(is_hex);
    (is_form && !is_long && all_hex && trace.bytes().any(|b| b != b'0')).then_some(trace)
}

fn is_id(id: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=ID_LEN_MAX).contains(&id.len()) && id.bytes().all(is_good)
}

/// The method, or `other`: anybody may make methods up.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_is_taken_from_a_well_formed_parent_only() {
        let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(trace_of(&good), Some(TRACE));
        assert_eq!(trace_of(&format!("01-{TRACE}-00f067aa0ba902b7-01-more")), Some(TRACE));
        for bad in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("{good}-more"),
            good.to_uppercase(),
            good.replace(TRACE, &"0".repeat(32)),
            good.replace("00f0", "00x0"),
            format!("00-{TRACE}0-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(trace_of(&bad), None, "{bad}");
        }
    }

    #[test]
    fn an_id_is_short_and_plain() {
        assert!(is_id("A-1_b.c") && is_id(&"a".repeat(64)));
        for bad in ["", "a b", "a\"b", "a/b", "号", &"a".repeat(65)] {
            assert!(!is_id(bad), "{bad}");
        }
    }

    #[test]
    fn the_parent_comes_before_the_id() {
        let mut headers = HeaderMap::new();
        assert_eq!(named(&headers), None);
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("mine"));
        assert_eq!(named(&headers).as_deref(), Some("mine"));
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-00");
        headers.insert("traceparent", HeaderValue::from_str(&parent).unwrap());
        assert_eq!(named(&headers).as_deref(), Some(TRACE));
    }
}
