//! The files of the two pages, and the language of whoever opens them.
//!
//! The pages are plain HTML, CSS and JavaScript that use the control interface. Nothing is inline
//! and nothing comes from elsewhere, so the content security policy can be strict.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::shared::Shared;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
pub(super) const SVG: &str = "image/svg+xml";

/// The pages by their paths.
const PAGES: [(&str, &str); 2] = [
    ("/", include_str!("../console/console.html")),
    ("/phone", include_str!("../phone/phone.html")),
];

/// What the pages load: path, content type, content.
const FILES: [(&str, &str, &str); 22] = [
    ("/phone/phone.css", CSS, include_str!("../phone/phone.css")),
    ("/phone/pay.css", CSS, include_str!("../phone/pay.css")),
    ("/phone/phone.js", JS, include_str!("../phone/phone.js")),
    ("/phone/api.js", JS, include_str!("../phone/api.js")),
    ("/phone/camera.js", JS, include_str!("../phone/camera.js")),
    ("/phone/purse.js", JS, include_str!("../phone/purse.js")),
    ("/phone/texts.js", JS, include_str!("../phone/texts.js")),
    ("/phone/icon.svg", SVG, include_str!("../phone/icon.svg")),
    ("/console/console.css", CSS, include_str!("../console/console.css")),
    ("/console/parts.css", CSS, include_str!("../console/parts.css")),
    ("/console/messages.css", CSS, include_str!("../console/messages.css")),
    ("/console/story.css", CSS, include_str!("../console/story.css")),
    ("/console/console.js", JS, include_str!("../console/console.js")),
    ("/console/dom.js", JS, include_str!("../console/dom.js")),
    ("/console/orders.js", JS, include_str!("../console/orders.js")),
    ("/console/story.js", JS, include_str!("../console/story.js")),
    ("/console/messages.js", JS, include_str!("../console/messages.js")),
    ("/console/faults.js", JS, include_str!("../console/faults.js")),
    ("/console/faults-zh.js", JS, include_str!("../console/faults-zh.js")),
    ("/console/setup.js", JS, include_str!("../console/setup.js")),
    ("/console/texts-en.js", JS, include_str!("../console/texts-en.js")),
    ("/console/texts-zh.js", JS, include_str!("../console/texts-zh.js")),
];

pub(super) fn router() -> Router<Arc<Shared>> {
    let mut router = Router::new();
    for (path, html) in PAGES {
        let answer = move |query, headers| page(html, query, headers);
        router = router.route(path, get(answer));
    }
    for (path, content_type, content) in FILES {
        router = router.route(path, get(move || async move { file(content_type, content) }));
    }
    router
}

/// A file of the sandbox's own, as strictly as a browser takes it.
pub(super) fn file(content_type: &'static str, body: impl Into<String>) -> Response {
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

async fn page(html: &'static str, Query(query): Query<PageQuery>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = language(query.lang.as_deref(), accepted.unwrap_or_default());
    file(HTML, html.replace("%LANGUAGE%", language))
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
    fn no_page_has_anything_inline_or_from_elsewhere() {
        for (path, html) in PAGES {
            assert!(html.contains("%LANGUAGE%"), "{path}");
            for part in ["<style", " style=", " onclick=", "//cdn", "https://", "http://"] {
                assert!(!html.contains(part), "{path} {part}");
            }
            assert_eq!(html.matches("<script").count(), html.matches("<script src=").count());
        }
    }

    #[test]
    fn everything_that_a_page_loads_is_there_and_is_used() {
        let loaded = |text: &str| {
            let quoted = text.split(['"', '\'']).skip(1).step_by(2);
            let local =
                quoted.filter(|part| part.starts_with("/phone/") || part.starts_with("/console/"));
            local.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = PAGES.iter().flat_map(|(_, html)| loaded(html)).collect();
        for (_, content_type, content) in FILES {
            if content_type == JS {
                let imports = content.lines().filter(|line| line.contains(" from \""));
                all.extend(imports.flat_map(loaded));
            }
        }
        for path in &all {
            assert!(FILES.iter().any(|(known, ..)| known == path), "{path} is not served");
        }
        for (path, ..) in FILES {
            assert!(all.iter().any(|used| used == path), "{path} is not used");
        }
    }
}
