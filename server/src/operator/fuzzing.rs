//! What forms are read as, for the fuzz targets (`tests/fuzz`). It is in no other build.

use super::{routes, show};
use axum::body::Body;
use axum::extract::{Form, FromRequest as _, Request};
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect};
use futures_util::FutureExt as _;
use saoma_core::money::Fen;

/// The fields of a body, as every form of the operator's page reads them.
#[must_use]
pub fn form(body: &[u8]) -> Option<Vec<(String, String)>> {
    let request = Request::post("/operator/outbox/retry");
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(Body::from(body.to_vec())).ok()?;
    let read = Form::<Vec<(String, String)>>::from_request(request, &()).now_or_never()?;
    read.ok().map(|Form(fields)| fields)
}

/// An amount that an operator has typed, in fen.
#[must_use]
pub fn typed_fen(text: &str) -> Option<u64> {
    show::parse_yuan(text).map(Fen::get)
}

/// An amount as the operator's page shows it.
#[must_use]
pub fn shown_yuan(fen: u64) -> Option<String> {
    Fen::new(fen).map(show::yuan)
}

/// Where an operator is led who has logged in and wanted to go there, with the answer's status.
#[must_use]
pub fn led_to(to: &str) -> (u16, Vec<u8>) {
    let response = Redirect::to(routes::local(to)).into_response();
    let location = response.headers().get(header::LOCATION);
    (response.status().as_u16(), location.map_or(Vec::new(), |to| to.as_bytes().to_vec()))
}
