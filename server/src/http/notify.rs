//! WeChat's payment notification: the size limit, and the answers byte for byte (protocol §9).

use super::App;
use crate::service::NoticeError;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use saoma_core::api::{ACK_FAIL, ACK_SUCCESS};
use std::time::Duration;
use tokio::time::timeout;
use tracing::Instrument as _;

/// WeChat waits five seconds.
const ANSWER_WITHIN: Duration = Duration::from_millis(4_500);

pub(super) async fn notify(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                app.service.metrics.notice_refused("too_large");
            }
            return answer(rejection.status(), ACK_FAIL);
        }
    };
    // It goes on even when the caller hangs up.
    let service = app.service.clone();
    let taken = tokio::spawn(async move { service.notify(&body).await }.in_current_span());
    match timeout(ANSWER_WITHIN, taken).await {
        Ok(Ok(Ok(()))) => answer(StatusCode::OK, ACK_SUCCESS),
        // WeChat looks at the body; 200 says that the right server was reached, so that nobody
        // looks for the mistake between the two.
        Ok(Ok(Err(NoticeError::Refused(_)))) => answer(StatusCode::OK, ACK_FAIL),
        // Not kept, or nobody knows: WeChat sends it again.
        Ok(Ok(Err(NoticeError::Store(_))) | Err(_)) | Err(_) => {
            answer(StatusCode::INTERNAL_SERVER_ERROR, ACK_FAIL)
        }
    }
}

fn answer(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}
