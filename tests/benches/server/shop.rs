//! The shop: it takes the webhook, at once or slowly.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// How long a slow shop takes for its answer: just what the server is willing to wait for.
const SLOW: Duration = Duration::from_secs(4);

#[derive(Clone, Default)]
pub(crate) struct Shop(Arc<Told>);

#[derive(Default)]
struct Told {
    calls: AtomicU64,
    is_slow: AtomicBool,
}

impl Shop {
    /// Listens on a port of its own; gives the webhook's address.
    pub(crate) async fn open(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = Router::new().route("/webhook", post(hook)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}/webhook")
    }

    pub(crate) fn set_slow(&self, is_slow: bool) {
        self.0.is_slow.store(is_slow, Ordering::Relaxed);
    }

    /// How often it was told to ship.
    pub(crate) fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }
}

async fn hook(State(shop): State<Shop>, body: Bytes) -> StatusCode {
    drop(body);
    if shop.0.is_slow.load(Ordering::Relaxed) {
        tokio::time::sleep(SLOW).await;
    }
    shop.0.calls.fetch_add(1, Ordering::Relaxed);
    StatusCode::OK
}
