//! Who sells in these tests: a page with one order, and a webhook that is content with everything.

use std::path::Path;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use crate::Failure;

const HTML: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>Order</title>
<link rel="icon" href="data:,"><body><script type="module" src="/order.mjs"></script>"#;

/// Serves the page; returns where.
pub(crate) async fn serve() -> Result<String, Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let file = |path: std::path::PathBuf| async move { read(&path) };
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("npm/package/dist");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/order.mjs");
    let router = Router::new()
        .route("/", get(|| async { Html(HTML) }))
        .route("/order.mjs", get(move || file(script)))
        .route(
            "/dist/{file}",
            get(move |axum::extract::Path(name): axum::extract::Path<String>| {
                file(package.join(name))
            }),
        )
        .route("/paid", post(|| async { StatusCode::NO_CONTENT }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

fn read(path: &Path) -> Response {
    let kind = match path.extension().and_then(|kind| kind.to_str()) {
        Some("wasm") => "application/wasm",
        _ => "text/javascript",
    };
    match std::fs::read(path) {
        Ok(bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
