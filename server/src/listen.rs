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
        for order_id in news.payload().split(' ').filter_map(|id| OrderId::new(id).ok()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Database, Secret};
    use saoma_core::ids::OrderId;

    /// How long news may take on a loaded machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    async fn announce(store: &Store, order_id: &OrderId) {
        let mut tx = store.begin().await.unwrap();
        Store::announce(&mut tx, [order_id.as_str()]).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_committed_on_one_server_is_heard_on_another_even_after_the_line_broke() {
        let url = saoma_postgres::Cluster::shared().unwrap().database().unwrap();
        let database = Database::Postgres(Secret::new(url));
        let here = Store::open(&database).await.unwrap();
        let there = Store::open(&database).await.unwrap();
        let watchers = Watchers::default();
        let (stop, stopping) = watch::channel(false);
        let order_id = OrderId::new("20261125103000ABCDEFGH").unwrap();
        let mut follower = watchers.follow(&order_id);
        let listening = tokio::spawn(listen(here.clone(), watchers, stopping));
        // Whoever begins to listen looks again in any case.
        timeout(PATIENCE, follower.news()).await.unwrap();
        announce(&there, &order_id).await;
        timeout(PATIENCE, follower.news()).await.unwrap();

        let dropped = there.begin().await.unwrap();
        drop(dropped);
        let other = OrderId::new("20261125103000HGFEDCBA").unwrap();
        announce(&there, &other).await;
        assert!(timeout(Duration::from_millis(300), follower.news()).await.is_err());

        let cut = "select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and query like 'LISTEN%'";
        let cut = there.reader().await.unwrap().fetch(cut, vec![]).await.unwrap();
        assert_eq!(cut.len(), 1, "one line to listen");
        timeout(PATIENCE, follower.news()).await.unwrap();
        announce(&there, &order_id).await;
        timeout(PATIENCE, follower.news()).await.unwrap();
        stop.send_replace(true);
        listening.await.unwrap();
    }

    #[tokio::test]
    async fn whoever_starts_knows_whether_others_are_there() {
        let url = saoma_postgres::Cluster::shared().unwrap().database().unwrap();
        let store = Store::open(&Database::Postgres(Secret::new(url))).await.unwrap();
        let is_alone = async || {
            let mut tx = store.begin().await.unwrap();
            store.is_alone(&mut tx).await.unwrap()
        };
        assert!(is_alone().await);
        let watchers = Watchers::default();
        let (stop, stopping) = watch::channel(false);
        let mut follower = watchers.follow(&OrderId::new("20261125103000ABCDEFGH").unwrap());
        let listening = tokio::spawn(listen(store.clone(), watchers, stopping));
        timeout(PATIENCE, follower.news()).await.unwrap();
        assert!(!is_alone().await);
        stop.send_replace(true);
        listening.await.unwrap();
        assert!(is_alone().await);
    }
}
