//! WeChat's notifications of payments and refunds: the size limit, and the answers byte for byte
//! (protocol §9, §10).

use super::App;
use crate::crash::point;
use crate::service::NoticeError;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use saoma_core::api::{ACK_FAIL, ACK_SUCCESS};
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// WeChat waits five seconds, for all that is done before the answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(4_500);

/// A payment.
pub(super) async fn notify(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    take(&app, &extensions, &headers, body, async |body| app.service.notify(body).await).await
}

/// The end of a refund.
pub(super) async fn notify_refund(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    take(&app, &extensions, &headers, body, async |body| app.service.notify_refund(body).await)
        .await
}

async fn take(
    app: &App,
    extensions: &Extensions,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    keep: impl AsyncFnOnce(&[u8]) -> Result<(), NoticeError>,
) -> Response {
    let client = app.gate.client(extensions, headers);
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                app.service.context.metrics.notice_refused("too_large");
            }
            app.gate.refused(client, app.service.context.clock.now());
            return answer(rejection.status(), ACK_FAIL);
        }
    };
    let now = app.service.context.clock.now();
    let taken = in_turn(ANSWER_WITHIN, app.gate.notice(client, now), keep(&body)).await;
    let Ok(taken) = taken else { return answer(StatusCode::SERVICE_UNAVAILABLE, ACK_FAIL) };
    if let Some(Err(NoticeError::Refused(_))) = &taken {
        app.gate.refused(client, app.service.context.clock.now());
    }
    let (status, text) = acknowledgement(taken.as_ref());
    answer(status, text)
}

/// Waits for a turn and then for a message to be kept, `within` this for both together: each for
/// itself could take the whole time, and WeChat does not wait twice. An error: there was no turn;
/// `None`: it is still being kept.
async fn in_turn<T, K>(
    within: Duration,
    turn: impl Future<Output = T>,
    keep: impl Future<Output = K>,
) -> Result<Option<K>, Elapsed> {
    let deadline = Instant::now() + within;
    let turn = timeout_at(deadline, turn).await?;
    // Once it has been verified it goes on even when the caller hangs up.
    point("notice-received");
    let kept = timeout_at(deadline, keep).await.ok();
    point("notice-kept");
    drop(turn);
    Ok(kept)
}

/// What WeChat is told of a notification; `None`: it is still being kept.
pub(crate) fn acknowledgement(
    taken: Option<&Result<(), NoticeError>>,
) -> (StatusCode, &'static str) {
    match taken {
        Some(Ok(())) => (StatusCode::OK, ACK_SUCCESS),
        // WeChat looks at the body; 200 says that the right server was reached, so that nobody
        // looks for the mistake between the two.
        Some(Err(NoticeError::Refused(_))) => (StatusCode::OK, ACK_FAIL),
        // Not kept, or nobody knows: WeChat sends it again.
        Some(Err(NoticeError::Store(_) | NoticeError::NotYet)) | None => {
            (StatusCode::INTERNAL_SERVER_ERROR, ACK_FAIL)
        }
    }
}

/// Says which server this is, the same on each that shares a database, so that `saoma-server check`
/// can tell whether the public URL leads here.
pub(super) async fn who(State(app): State<App>) -> String {
    format!("saoma-server {}", app.service.public_id())
}

fn answer(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test]
    async fn who_has_waited_for_a_turn_has_less_time_left_to_keep() {
        let within = Duration::from_millis(200);
        // Either alone is short enough.
        let part = || async { sleep(Duration::from_millis(150)).await };
        let kept = in_turn(within, part(), part()).await;
        assert!(!matches!(kept, Ok(Some(()))), "{kept:?}");
        let kept = in_turn(within, async {}, async { "kept" }).await;
        assert!(matches!(kept, Ok(Some("kept"))), "{kept:?}");
    }
}
