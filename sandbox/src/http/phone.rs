//! The phone page: its files, in the language of whoever opens it, and pictures of codes.
//!
//! The page itself is plain HTML, CSS and JavaScript that uses the control interface. Nothing is
//! inline and nothing comes from elsewhere, so the content security policy can be strict.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;

use crate::shared::Shared;

const HTML: &str = include_str!("../phone/phone.html");
const CSS: &str = include_str!("../phone/phone.css");
const JS: &str = include_str!("../phone/phone.js");
const ICON: &str = include_str!("../phone/icon.svg");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The most bytes of a text that is drawn as a code. A `code_url` has at most 64.
const CODE_BYTES_MAX: usize = 512;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/phone", get(page))
        .route("/phone/phone.css", get(|| async { file("text/css; charset=utf-8", CSS) }))
        .route("/phone/phone.js", get(|| async { file("text/javascript; charset=utf-8", JS) }))
        .route("/phone/icon.svg", get(|| async { file("image/svg+xml", ICON) }))
        .route("/phone/code.svg", get(code))
}

fn file(content_type: &'static str, body: impl Into<String>) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body.into()).into_response()
}

#[derive(Deserialize)]
struct PageQuery {
    lang: Option<String>,
}

async fn page(Query(query): Query<PageQuery>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = language(query.lang.as_deref(), accepted.unwrap_or_default());
    file("text/html; charset=utf-8", HTML.replace("%LANGUAGE%", language))
}

/// The page's language: what the address asks for, else the first that the browser accepts and
/// the page speaks, else Chinese.
fn language(asked: Option<&str>, accepted: &str) -> &'static str {
    let spoken = |tag: &str| {
        let primary = tag.split(['-', '_', ';']).next().unwrap_or_default().trim();
        match primary.to_ascii_lowercase().as_str() {
            "zh" => Some("zh-CN"),
            "en" => Some("en"),
            _ => None,
        }
    };
    asked.and_then(spoken).or_else(|| accepted.split(',').find_map(spoken)).unwrap_or("zh-CN")
}

#[derive(Deserialize)]
struct CodeQuery {
    code_url: String,
}

/// Draws a code, with the quiet zone around it.
async fn code(Query(query): Query<CodeQuery>) -> Response {
    if query.code_url.len() > CODE_BYTES_MAX {
        return (StatusCode::BAD_REQUEST, "code_url is too long").into_response();
    }
    match QrCode::with_error_correction_level(&query.code_url, EcLevel::M) {
        Ok(code) => {
            let picture = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
            file("image/svg+xml", picture)
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_chooses_the_language_before_the_browser() {
        assert_eq!(language(Some("en"), "zh-CN,zh;q=0.9"), "en");
        assert_eq!(language(Some("zh-TW"), "en"), "zh-CN");
        assert_eq!(language(Some("fr"), "en-GB"), "en");
    }

    #[test]
    fn the_browser_chooses_the_first_language_the_page_speaks() {
        assert_eq!(language(None, "fr-FR,fr;q=0.9,en;q=0.8,zh;q=0.7"), "en");
        assert_eq!(language(None, "zh-CN,zh;q=0.9,en;q=0.8"), "zh-CN");
        assert_eq!(language(None, "de"), "zh-CN");
        assert_eq!(language(None, ""), "zh-CN");
        assert_eq!(language(None, "english-like"), "zh-CN");
    }

    #[test]
    fn the_page_has_nothing_inline_and_nothing_from_elsewhere() {
        assert!(HTML.contains("%LANGUAGE%"));
        for part in ["<style", " style=", " onclick=", "//cdn", "https://", "http://"] {
            assert!(!HTML.contains(part), "{part}");
        }
        assert_eq!(HTML.matches("<script").count(), HTML.matches("<script src=").count());
    }
}
