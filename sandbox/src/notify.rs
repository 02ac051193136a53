//! The sender of notifications: takes what is due, posts it, and tells the gateway what came of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::broken::Broken;
use crate::gateway::input::{Delivered, Due, TakeDue};
use crate::gateway::{Delivery, Returned};
use crate::shared::Shared;

/// The most bytes of an answer that are read. An acknowledgement has about a hundred.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// A client as WeChat's servers are one: no redirects, no proxy, a new connection each time.
pub(crate) fn client() -> Result<reqwest::Client, String> {
    // Fails when the process has chosen a provider already; then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .user_agent("Mozilla/4.0")
    };
    builder().build().or_else(|error| {
        // A machine without root certificates can still notify over plain HTTP.
        tracing::warn!(error = chain(&error), "https notify_urls will fail");
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder().tls_backend_preconfigured(tls).build().map_err(|error| chain(&error))
    })
}

/// Sends for ever. Dropping the future drops what is on its way.
pub(crate) async fn run(shared: Arc<Shared>, client: reqwest::Client, deadline: Duration) {
    let mut changes = shared.changes();
    let mut sendings = JoinSet::new();
    loop {
        let Ok(due) = shared.act_silently(TakeDue {}).await else { return };
        let Due { poll, settled } = due;
        if settled || !poll.send.is_empty() {
            shared.ring();
        }
        for delivery in poll.send {
            sendings.spawn(deliver(Arc::clone(&shared), client.clone(), delivery, deadline));
        }
        let wait = poll.wake_at.and_then(|time| shared.clock.wait_for(time));
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = wait_for(wait) => {}
            Some(_) = sendings.join_next() => {}
        }
    }
}

async fn wait_for(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn deliver(
    shared: Arc<Shared>,
    client: reqwest::Client,
    delivery: Delivery,
    deadline: Duration,
) {
    let (id, url) = (delivery.id, delivery.url.clone());
    let returned = match tokio::time::timeout(deadline, post(&client, delivery)).await {
        Ok(returned) => returned,
        Err(_) => Returned::Late,
    };
    match shared.act(Delivered { id, returned }).await {
        Ok(Ok(outcome)) => {
            let detail = outcome.detail().unwrap_or_default();
            tracing::info!(%url, outcome = outcome.as_str(), detail, "notification");
        }
        Ok(Err(error)) => tracing::error!(%error, id, "notification"),
        Err(error) => tracing::error!(%error, id, "notification"),
    }
}

async fn post(client: &reqwest::Client, delivery: Delivery) -> Returned {
    let unreachable = |error| Returned::Unreachable { reason: chain(&error) };
    let request = client
        .post(delivery.url)
        .header(reqwest::header::CONTENT_TYPE, "text/xml; charset=utf-8")
        .body(body(delivery.body, delivery.cut_after));
    let mut answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return unreachable(error),
    };
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => {
                return Returned::TooLong;
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Returned::Answer { status, body },
            Err(error) => return unreachable(error),
        }
    }
}

/// The body, or the beginning of it.
fn body(text: String, cut_after: Option<usize>) -> reqwest::Body {
    match cut_after {
        None => text.into(),
        Some(bytes) => reqwest::Body::wrap(Broken::after(bytes, text.as_bytes())),
    }
}

/// An error and its causes in one line.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
