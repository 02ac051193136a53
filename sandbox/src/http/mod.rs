//! HTTP around the gateway: the calls, the control interface and the two pages.

mod calls;
mod certificates;
mod control;
mod faults;
mod look;
mod pages;
mod phone;
mod refunds;
mod settings;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};

use crate::gateway::Call;
use crate::shared::Shared;

/// Everything that the sandbox answers.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new()
        .merge(pages::router())
        .merge(phone::router())
        .route("/healthz", get(|| async { "ok\n" }))
        .nest("/control", control::router());
    for call in Call::ALL {
        let answer = move |shared, holder, request| calls::answer(shared, holder, call, request);
        router = router.route(call.path(), any(answer));
    }
    router.with_state(shared)
}
