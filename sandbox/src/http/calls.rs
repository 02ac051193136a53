//! The calls of the protocol over HTTP (`docs/protocol.md` §1).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::broken::Broken;
use crate::certificates::Holder;
use crate::gateway::input::{Handle, OtherMethod};
use crate::gateway::{Answer, AnswerEnd, Call, Code, Fault, Manner};
use crate::shared::Shared;
use crate::xml::DOCUMENT_BYTES_MAX;

/// Says the code of a refusal, also where the document does not: `return_code` FAIL comes without
/// one. The real gateway has no such header.
const CODE_HEADER: &str = "saoma-sandbox-code";

/// Asks for faults of this call, and of what becomes of its order: names of the catalogue with
/// their parameters, `NAME[; PARAMETER]`, several with commas between. The real gateway has no
/// such header either.
const FAULT_HEADER: &str = "saoma-sandbox-fault";

/// The most faults that one call may ask for.
const FAULTS_MAX: usize = 8;

/// How long a caller is left without an answer before it is cut off, should it wait so long.
const SILENCE: Duration = Duration::from_secs(600);

/// Answers a call. The status is 200 whatever the answer is, unless a
/// fault wants another, and the content type is the one seen
/// from the real gateway.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(holder): ConnectInfo<Holder>,
    call: Call,
    request: Request,
) -> Response {
    let faults = match faults(request.headers()) {
        Ok(faults) => faults,
        Err(message) => return (StatusCode::BAD_REQUEST, message).into_response(),
    };
    let is_post = request.method() == Method::POST;
    // One byte more than a document may have, so that the reader is who says "too large".
    let limit = DOCUMENT_BYTES_MAX + 1;
    let body = axum::body::to_bytes(request.into_body(), limit).await;
    let (certificate, unbelieved) = match holder {
        Holder::Merchant(mch_id) => (Some(mch_id), None),
        Holder::Nobody => (None, None),
        Holder::Unbelieved { reason } => (None, Some(reason)),
    };
    let answer = if is_post {
        // Longer than the limit, or cut off: no document either way.
        let body = body.map_or_else(|_| b"(unreadable)".to_vec(), Into::into);
        shared.act(Handle { call, body, certificate, faults }).await
    } else {
        shared.act(OtherMethod { call }).await
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
        }
    };
    let code = answer.code.map(Code::as_str);
    let detail = answer.detail.as_deref().unwrap_or_default();
    tracing::info!(path = call.path(), code = code.unwrap_or("ok"), detail, "call");
    if let (Some(Code::CertError), Some(reason)) = (answer.code, unbelieved) {
        tracing::warn!(reason, "a certificate was shown, but not one by this sandbox's ca.pem");
    }
    let mut response = send(answer).await;
    if let Some(code) = code {
        response.headers_mut().insert(CODE_HEADER, HeaderValue::from_static(code));
    }
    response
}

/// Brings an answer on its way in the manner that the gateway wants.
async fn send(answer: Answer) -> Response {
    let Manner { delay_ms, status, is_page, ending } = answer.manner;
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    let body = match ending {
        AnswerEnd::Whole => Body::from(answer.body),
        AnswerEnd::Never => {
            // Dropped as soon as the caller has gone away.
            tokio::time::sleep(SILENCE).await;
            Body::new(Broken::at_once())
        }
        AnswerEnd::Cut => Body::new(Broken::at_once()),
        AnswerEnd::CutAfter(bytes) => Body::new(Broken::after(bytes, &answer.body)),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let content_type = if is_page { "text/html" } else { "text/plain" };
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// The faults that a call asks for.
fn faults(headers: &HeaderMap) -> Result<Vec<Fault>, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{FAULT_HEADER}: {why}\n");
    let mut faults = Vec::new();
    for value in headers.get_all(FAULT_HEADER) {
        let text = value.to_str().map_err(|error| wrong(&error))?;
        for fault in text.split(',') {
            faults.push(fault.parse::<Fault>().map_err(|error| wrong(&error))?);
        }
    }
    if faults.len() > FAULTS_MAX {
        return Err(wrong(&format!("at most {FAULTS_MAX} faults")));
    }
    Ok(faults)
}
