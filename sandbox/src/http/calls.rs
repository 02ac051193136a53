//! The calls of the protocol over HTTP (`docs/protocol.md` §1).

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use crate::certificates::Holder;
use crate::gateway::{Arrival, Call};
use crate::shared::Shared;
use crate::xml::DOCUMENT_BYTES_MAX;

/// Says the code of a refusal, also where the document does not: `return_code` FAIL comes without
/// one. The real gateway has no such header.
const CODE_HEADER: &str = "saoma-sandbox-code";

/// Answers a call. The status is 200 whatever the answer is, and the content type is the one seen
/// from the real gateway.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(holder): ConnectInfo<Holder>,
    call: Call,
    request: Request,
) -> Response {
    let is_post = request.method() == Method::POST;
    // One byte more than a document may have, so that the reader is who says "too large".
    let limit = DOCUMENT_BYTES_MAX + 1;
    let body = axum::body::to_bytes(request.into_body(), limit).await;
    let certificate = match &holder {
        Holder::Merchant(mch_id) => Some(mch_id.as_str()),
        Holder::Nobody | Holder::Unbelieved { .. } => None,
    };
    let arrival = |body| Arrival { body, certificate };
    let answer = shared.act(|gateway, now| match (is_post, &body) {
        (false, _) => gateway.handle_other_method(call, now),
        (true, Ok(body)) => gateway.handle(call, &arrival(body), now),
        // Longer than the limit, or cut off: no document either way.
        (true, Err(_)) => gateway.handle(call, &arrival(b"(unreadable)"), now),
    });
    let code = answer.code.map(crate::gateway::Code::as_str);
    let detail = answer.detail.as_deref().unwrap_or_default();
    tracing::info!(path = call.path(), code = code.unwrap_or("ok"), detail, "call");
    let mut response = ([(header::CONTENT_TYPE, "text/plain")], answer.body).into_response();
    if let Some(code) = code {
        response.headers_mut().insert(CODE_HEADER, HeaderValue::from_static(code));
    }
    response
}
