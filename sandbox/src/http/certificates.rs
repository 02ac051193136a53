//! The certificates to take away. Their keys open nothing but this sandbox.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::shared::Shared;

const PEM: &str = "application/x-pem-file";
const P12: &str = "application/x-pkcs12";

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/certificates/ca.pem", get(authority))
        .route("/certificates/{mch_id}/{file}", get(client))
}

fn file(kind: &'static str, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], bytes).into_response()
}

async fn authority(State(shared): State<Arc<Shared>>) -> Response {
    file(PEM, shared.certificates.ca_pem().into())
}

async fn client(
    State(shared): State<Arc<Shared>>,
    Path((mch_id, name)): Path<(String, String)>,
) -> Response {
    let Some(client) = shared.certificates.client(&mch_id) else {
        return (StatusCode::NOT_FOUND, "no such merchant\n").into_response();
    };
    match name.as_str() {
        "apiclient_cert.pem" => file(PEM, client.certificate_pem.clone().into()),
        "apiclient_key.pem" => file(PEM, client.key_pem.clone().into()),
        "apiclient_cert.p12" => file(P12, client.p12.clone()),
        _ => (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    }
}
