//! The calls of the protocol over HTTP (`docs/protocol.md` §1).

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::certificates::Holder;
use crate::gateway::Call;
use crate::gateway::input::{Handle, OtherMethod};
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
    let certificate = match holder {
        Holder::Merchant(mch_id) => Some(mch_id),
        Holder::Nobody | Holder::Unbelieved { .. } => None,
    };
    let answer = if is_post {
        // Longer than the limit, or cut off: no document either way.
        let body = body.map_or_else(|_| b"(unreadable)".to_vec(), Into::into);
        shared.act(Handle { call, body, certificate }).await
    } else {
        shared.act(OtherMethod { call }).await
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
        }
    };
    let code = answer.code.map(crate::gateway::Code::as_str);
    let detail = answer.detail.as_deref().unwrap_or_default();
    tracing::info!(path = call.path(), code = code.unwrap_or("ok"), detail, "call");
    let mut response = ([(header::CONTENT_TYPE, "text/plain")], answer.body).into_response();
    if let Some(code) = code {
        response.headers_mut().insert(CODE_HEADER, HeaderValue::from_static(code));
    }
    response
}
