//! Who follows which order. News is only a knock at the door: followers read the store again, so
//! a lost or doubled knock can never show anything untrue.

use saoma_core::ids::OrderId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, watch};

/// Changes that may wait for whoever passes them on; of more than that only so much is known that
/// there were some.
pub(crate) const CHANGES_MAX: usize = 4_096;

/// The followed orders; nothing is kept of the others. Clones are the same list.
#[derive(Clone, Debug)]
pub(crate) struct Watchers {
    list: Arc<Mutex<HashMap<OrderId, Followed>>>,
    changes: broadcast::Sender<OrderId>,
}

impl Default for Watchers {
    fn default() -> Self {
        Self { list: Arc::default(), changes: broadcast::Sender::new(CHANGES_MAX) }
    }
}

/// An order that somebody follows.
#[derive(Debug, Default)]
struct Followed {
    news: watch::Sender<()>,
    /// At least one while it is in the list.
    followers: usize,
}

/// Somebody who follows one order.
#[derive(Debug)]
pub(crate) struct Follower {
    watchers: Watchers,
    order_id: OrderId,
    news: watch::Receiver<()>,
}

impl Watchers {
    /// Begins to follow an order: whatever is committed from now on is news.
    pub(crate) fn follow(&self, order_id: &OrderId) -> Follower {
        let mut list = self.list();
        let followed = list.entry(order_id.clone()).or_default();
        followed.followers += 1;
        Follower {
            watchers: self.clone(),
            order_id: order_id.clone(),
            news: followed.news.subscribe(),
        }
    }

    /// How many follow an order.
    pub(crate) fn followers(&self, order_id: &OrderId) -> usize {
        self.list().get(order_id).map_or(0, |followed| followed.followers)
    }

    /// Tells the followers of an order, and whoever passes it on to other servers, that something
    /// was committed here.
    pub(crate) fn changed(&self, order_id: &OrderId) {
        self.knock(order_id);
        // With nobody to pass it on there are no other servers.
        let _ = self.changes.send(order_id.clone());
    }

    /// The orders that change here from now on.
    pub(crate) fn changes(&self) -> broadcast::Receiver<OrderId> {
        self.changes.subscribe()
    }

    /// Whether nobody passes changes on.
    #[cfg(test)]
    pub(crate) fn is_silent(&self) -> bool {
        self.changes.receiver_count() == 0
    }

    /// Tells the followers of an order that something was committed.
    pub(crate) fn knock(&self, order_id: &OrderId) {
        if let Some(followed) = self.list().get(order_id) {
            followed.news.send_replace(());
        }
    }

    /// Tells all followers that something may have been committed.
    pub(crate) fn knock_at_all(&self) {
        self.list().values().for_each(|followed| {
            followed.news.send_replace(());
        });
    }

    fn list(&self) -> MutexGuard<'_, HashMap<OrderId, Followed>> {
        // The list is whole at every moment, whoever panicked meanwhile.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Waits for news since the last call.
    pub(crate) async fn news(&mut self) {
        if self.news.changed().await.is_err() {
            // The sender lives in the list as long as its last follower, so this cannot be; but
            // an error at once, for ever, would be a busy loop.
            std::future::pending().await
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut list = self.watchers.list();
        let Some(followed) = list.get_mut(&self.order_id) else { return };
        followed.followers -= 1;
        if followed.followers == 0 {
            list.remove(&self.order_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    fn id(text: &str) -> OrderId {
        OrderId::new(text).unwrap()
    }

    #[tokio::test]
    async fn a_follower_hears_of_its_own_order_only() {
        let watchers = Watchers::default();
        let mut follower = watchers.follow(&id("ORDER-A"));
        watchers.knock(&id("ORDER-B"));
        assert!(timeout(Duration::from_millis(20), follower.news()).await.is_err());
        watchers.knock(&id("ORDER-A"));
        watchers.knock(&id("ORDER-A"));
        follower.news().await;
        assert!(timeout(Duration::from_millis(20), follower.news()).await.is_err());
    }

    #[test]
    fn nothing_is_kept_of_an_order_that_nobody_follows_any_more() {
        let watchers = Watchers::default();
        let (first, second) = (watchers.follow(&id("ORDER-A")), watchers.follow(&id("ORDER-A")));
        assert_eq!(watchers.followers(&id("ORDER-A")), 2);
        drop(first);
        assert_eq!(watchers.followers(&id("ORDER-A")), 1);
        assert_eq!(watchers.list().len(), 1);
        drop(second);
        assert_eq!(watchers.followers(&id("ORDER-A")), 0);
        assert_eq!(watchers.list().len(), 0);
    }
}
