//! News of orders from other servers on the same PostgreSQL.
//!
//! The ids of orders that were changed here are announced ([`Store::announce`]), and PostgreSQL
//! tells all who listen. An announcement is only a knock at the door, like that of our own
//! [`Watchers`]: followers read the store again. What was announced while nobody listened is lost,
//! so whoever begins to listen knocks at every door; and what nobody came to announce, because the
//! server died, is seen a little later, since followers look again by themselves.
//!
//! It is announced after the commit and not within it: transactions that announce something are
//! committed by PostgreSQL one after the other, each with its own wait for the disk.
//!
//! Whoever listens also holds a lock by which those who start see that somebody is there, and leave
//! him what he has leased ([`Store::is_alone`]).

use crate::store::{Store, StoreError};
use crate::watch::Watchers;
use saoma_core::ids::OrderId;
use sqlx::postgres::PgListener;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Where [`Store::announce`] says it.
const CHANNEL: &str = "saoma_orders";
/// Said instead of ids when there were too many.
const ALL: &str = "*";
/// How long changes are gathered before they are announced together.
const GATHER: Duration = Duration::from_millis(10);
/// How often a server says that it lives.
const BEAT: Duration = Duration::from_secs(10);
/// A line that was silent for so long is dead, whatever the network believes: our own beat must
/// have come over it several times.
const SILENCE_MAX: Duration = Duration::from_secs(35);
/// How long to wait before listening again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long a server waits at its start until others can see it: it is of use without that as well.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// Begins to listen, and waits until those who start can see that we are there. Before that, they
/// would take over what we are at, so nothing may be begun.
pub(crate) async fn begin(
    tasks: &mut JoinSet<()>,
    store: &Store,
    watchers: &Watchers,
    stop: &watch::Receiver<bool>,
) {
    let (seen, mut is_seen) = watch::channel(false);
    tasks.spawn(listen(store.clone(), watchers.clone(), seen, stop.clone()));
    // Where nobody else can be, it ends at once.
    let is_late = timeout(SEEN_WITHIN, is_seen.wait_for(|seen| *seen)).await.is_err();
    if is_late {
        tracing::warn!(
            "other servers cannot see this one yet: one that starts now may do its work"
        );
    }
}

/// Listens until told to stop, and says when others can see it. On SQLite there is nobody else to
/// listen to.
async fn listen(
    store: Store,
    watchers: Watchers,
    seen: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let mut changes = watchers.changes();
    loop {
        let listening = async {
            tokio::select! {
                end = hear(&store, &watchers, &seen) => end,
                never = speak(&store, &mut changes) => never,
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
async fn hear(
    store: &Store,
    watchers: &Watchers,
    seen: &watch::Sender<bool>,
) -> Result<(), StoreError> {
    let Some(line) = store.line_to_listen() else { return Ok(()) };
    let mut listener = PgListener::connect_with(&line).await?;
    listener.eager_reconnect(false);
    // Held as long as this line: it tells those who start that somebody is there.
    let here = "select pg_advisory_lock_shared(hashtext('saoma servers'))";
    sqlx::query(here).execute(&mut listener).await?;
    seen.send_replace(true);
    listener.listen(CHANNEL).await?;
    watchers.knock_at_all();
    loop {
        let silent = |_| sqlx::Error::PoolTimedOut;
        let Some(news) = timeout(SILENCE_MAX, listener.try_recv()).await.map_err(silent)?? else {
            return Err(sqlx::Error::WorkerCrashed.into());
        };
        if news.payload() == ALL {
            watchers.knock_at_all();
        }
        for order_id in news.payload().split(' ').filter_map(|id| OrderId::new(id).ok()) {
            watchers.knock(&order_id);
        }
    }
}

/// Announces what changes here, and from time to time that we live, for our own ears.
async fn speak(store: &Store, changes: &mut broadcast::Receiver<OrderId>) -> ! {
    loop {
        let news = gather(changes).await;
        let news: Vec<&str> = news.iter().map(String::as_str).collect();
        // A database that is gone is noticed by the line's silence.
        let _ = store.announce(&news).await;
    }
}

/// Waits for changes, and a moment for more of them. A beat when there are none for long.
async fn gather(changes: &mut broadcast::Receiver<OrderId>) -> Vec<String> {
    let Ok(first) = timeout(BEAT, changes.recv()).await else { return vec![String::new()] };
    sleep(GATHER).await;
    let (mut ids, mut missed) = (BTreeSet::new(), first.is_err());
    ids.extend(first.ok());
    loop {
        match changes.try_recv() {
            Ok(order_id) => drop(ids.insert(order_id)),
            Err(TryRecvError::Lagged(_)) => missed = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    if missed { vec![ALL.to_owned()] } else { ids.iter().map(OrderId::to_string).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Database, Secret};
    use crate::watch::CHANGES_MAX;
    use saoma_core::ids::OrderId;

    /// How long news may take on a loaded machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn what_is_committed_on_one_server_is_heard_on_another_even_after_the_line_broke() {
        let url = saoma_postgres::Cluster::shared().unwrap().database().unwrap();
        let database = Database::Postgres(Secret::new(url));
        let here = Store::open(&database).await.unwrap();
        let there = Store::open(&database).await.unwrap();
        let (watchers, theirs) = (Watchers::default(), Watchers::default());
        let unseen = || watch::Sender::new(false);
        let (stop, stopping) = watch::channel(false);
        let order_id = OrderId::new("20261125103000ABCDEFGH").unwrap();
        let mut follower = watchers.follow(&order_id);
        let listening = tokio::spawn(listen(here.clone(), watchers, unseen(), stopping.clone()));
        // Whoever begins to listen looks again in any case.
        timeout(PATIENCE, follower.news()).await.unwrap();
        let speaking = tokio::spawn(listen(there.clone(), theirs.clone(), unseen(), stopping));
        while theirs.is_silent() {
            sleep(Duration::from_millis(10)).await;
        }
        theirs.changed(&order_id);
        timeout(PATIENCE, follower.news()).await.unwrap();

        let other = OrderId::new("20261125103000HGFEDCBA").unwrap();
        theirs.changed(&other);
        assert!(timeout(Duration::from_millis(300), follower.news()).await.is_err());
        // More than are passed on one by one.
        (0..2 * CHANGES_MAX).for_each(|_| theirs.changed(&other));
        timeout(PATIENCE, follower.news()).await.unwrap();

        let cut = "select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and query like 'LISTEN%'";
        let cut = there.reader().await.unwrap().fetch(cut, vec![]).await.unwrap();
        assert_eq!(cut.len(), 2, "a line each to listen");
        timeout(PATIENCE, follower.news()).await.unwrap();
        theirs.changed(&order_id);
        timeout(PATIENCE, follower.news()).await.unwrap();
        stop.send_replace(true);
        listening.await.unwrap();
        speaking.await.unwrap();
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
        let mut tasks = JoinSet::new();
        // Whatever is begun after this is left to us.
        begin(&mut tasks, &store, &watchers, &stopping).await;
        assert!(!is_alone().await);
        stop.send_replace(true);
        tasks.join_all().await;
        assert!(is_alone().await);
    }
}
