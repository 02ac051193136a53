//! Pictures of codes, as the phone page shows them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;

use super::pages::{SVG, file};
use crate::shared::Shared;

/// The most bytes of a text that is drawn as a code. A `code_url` has at most 64.
const CODE_BYTES_MAX: usize = 512;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/phone/code.svg", get(code))
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
            file(SVG, picture)
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}
