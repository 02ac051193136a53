//! Following an order by server-sent events (docs/api.md §2.3).

use super::App;
use super::access::Allowed;
use super::error::ApiError;
use super::limit;
use crate::metrics::OpenStream;
use crate::watch::Follower;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::stream::{self, Stream};
use saoma_core::ids::OrderId;
use std::convert::Infallible;
use std::time::Duration;

/// After how long without news a line proves that the connection lives. The order is read again
/// as often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// When pages come back that a stopping server has left: from then on, within so many ms.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_SPREAD_MS: u64 = 2_000;

pub(super) async fn follow(
    allowed: Allowed,
    State(app): State<App>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let order_id = &allowed.order_id;
    if app.service.view(order_id).await?.is_none() {
        return Err(ApiError::NotFound);
    }
    let counted = allowed.may_follow(&app)?;
    // Following begins before the first look, so nothing falls between.
    let follower = app.service.context.watchers.follow(order_id);
    let open = app.service.context.metrics.open_stream();
    let order_id = allowed.order_id;
    let is_over = false;
    let following =
        Following { app, order_id, follower, shown: 0, is_over, _counted: counted, _open: open };
    let events = stream::unfold(following, async |mut following| {
        let event = following.next().await?;
        Some((Ok(event), following))
    });
    Ok(Sse::new(events))
}

struct Following {
    app: App,
    order_id: OrderId,
    follower: Follower,
    /// The version that was sent last; the first is 1.
    shown: u64,
    /// A final phase was sent.
    is_over: bool,
    /// It counts as long as the stream is open.
    _counted: Option<limit::Following>,
    _open: OpenStream,
}

impl Following {
    /// The next event, or `None` at the end: after a final phase, when the server stops, or when
    /// the order cannot be read; the page comes back then.
    async fn next(&mut self) -> Option<Event> {
        let mut is_due = false;
        while !self.is_over {
            // In a box that is gone while nothing happens: a look takes much more room than a
            // follower.
            let look = Box::pin(self.app.service.view(&self.order_id));
            let view = look.await.ok().flatten()?;
            if view.version > self.shown {
                self.shown = view.version;
                self.is_over = view.phase.is_final();
                let event = Event::default().event("view").id(view.version.to_string());
                return event.json_data(&view).ok();
            }
            if is_due {
                return Some(Event::DEFAULT_KEEP_ALIVE);
            }
            tokio::select! {
                biased;
                // An error says that the server is gone, which is the same.
                _ = self.app.stop.wait_for(|stop| *stop) => {
                    self.is_over = true;
                    return Some(farewell(&self.order_id));
                }
                () = self.follower.news() => {}
                () = tokio::time::sleep(KEEP_ALIVE) => is_due = true,
            }
        }
        None
    }
}

/// The last event of a server that stops: when to come back. Not all at once.
fn farewell(order_id: &OrderId) -> Event {
    let digits = order_id.as_str().bytes().map(u64::from);
    let spread = digits.fold(0_u64, |spread, digit| spread.wrapping_mul(31).wrapping_add(digit));
    Event::default().retry(RETRY_MIN + Duration::from_millis(spread % RETRY_SPREAD_MS))
}
