//! News of orders from other servers on the same PostgreSQL.
//!
//! Each transaction that changes orders announces their ids ([`Store::announce`]), and PostgreSQL
//! tells all who listen once it is committed. An announcement is only a knock at the door, like
//! that of our own [`Watchers`]: followers read the store again. What was announced while nobody
//! listened is lost, so whoever begins to listen knocks at every door.

use crate::store::{Store, StoreError};
use crate::watch::Watchers;
use saoma_core::ids::OrderId;
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Where [`Store::announce`] says it.
const CHANNEL: &str = "saoma_orders";
/// How often a server says that it lives.
const BEAT: Duration = Duration::from_secs(10);
/// A line that was silent for so long is dead, whatever the network believes: our own beat must
/// have come over it several times.
const SILENCE_MAX: Duration = Duration::from_secs(35);
/// How long to wait before listening again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Listens until told to stop. On SQLite there is nobody else to listen to.
pub(crate) async fn listen(store: Store, watchers: Watchers, mut stop: watch::Receiver<bool>) {
    loop {
        let listening = async {
            tokio::select! {
                end = hear(&store, &watchers) => end,
                never = beat(&store) => never,
            }
        };
        let end = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            end = listening => end,
        };
        match end {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "other servers are not heard for a moment"),
        }
        sleep(AFTER_FAILURE).await;
    }
}

/// Passes on what is announced. Ends well only when nobody else can be there.
async fn hear(store: &Store, watchers: &Watchers) -> Result<(), StoreError> {
    let Some(line) = store.line_to_listen() else { return Ok(()) };
    let mut listener = PgListener::connect_with(&line).await?;
    listener.eager_reconnect(false);
    // Held as long as this line: it tells those who start that somebody is there.
    let here = "select pg_advisory_lock_shared(hashtext('saoma servers'))";
    sqlx::query(here).execute(&mut listener).await?;
    listener.listen(CHANNEL).await?;
    watchers.knock_at_all();
    loop {
        let silent = |_| sqlx::Error::PoolTimedOut;
        let Some(news) = timeout(SILENCE_MAX, listener.try_recv()).await.map_err(silent)?? else {
            return Err(sqlx::Error::WorkerCrashed.into());
        };
        if let Ok(order_id) = OrderId::new(news.payload()) {
            watchers.knock(&order_id);
        }
    }
}

/// Says from time to time that we live, for our own ears.
async fn beat(store: &Store) -> Result<(), StoreError> {
    loop {
        sleep(BEAT).await;
        // A database that is gone is noticed by the line's silence.
        if let Ok(mut conn) = store.reader().await {
            let _ = Store::announce(&mut conn, [""]).await;
        }
    }
}
