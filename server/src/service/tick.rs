//! Time as an event: deadlines, and questions about payments whose notification may be lost.

use super::Service;
use super::change::{Change, Needs};
use super::verb::Verb;
use crate::store::{OrderRow, StoreError};
use futures_util::future::join_all;
use saoma_core::ids::OrderId;
use saoma_core::order::Event;
use saoma_core::time::UnixTime;

/// Most orders that are looked up at once.
const BATCH_MAX: u32 = 100;

impl Service {
    /// Lets time happen to the orders for which it has something to do. Gives how many there were,
    /// at most a batch.
    pub(crate) async fn tick_due(&self) -> Result<usize, StoreError> {
        let now = self.context.clock.now();
        let due = OrderRow::due(&mut self.store.reader().await?, now, BATCH_MAX).await?;
        // One that fails comes up again and must not keep the others waiting.
        join_all(due.iter().map(async |order_id| {
            if let Err(error) = self.execute(Tick(order_id.clone())).await {
                tracing::error!(%order_id, %error, "time could not do its work");
            }
        }))
        .await;
        Ok(due.len())
    }

    /// When time next has something to do.
    pub(crate) async fn next_tick(&self) -> Result<Option<UnixTime>, StoreError> {
        OrderRow::next_due(&mut self.store.reader().await?).await
    }
}

/// Lets time happen to an order.
struct Tick(OrderId);

impl Verb for Tick {
    type Out = ();
    type Error = StoreError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.push(self.0.clone());
    }

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        let now = change.now;
        let Some(row) = change.order(&self.0).await? else { return Ok(()) };
        if row.due_at.is_none_or(|due_at| due_at > now) {
            // Somebody else was there first.
            return Ok(());
        }
        let (mut row, _) = change.apply(row, &Event::Tick)?;
        if row.due_at.is_some_and(|due_at| due_at <= now) {
            // Nothing happened; it must not come up again at once.
            row.due_at = change.due_at(&row);
            change.put_order(row);
        }
        Ok(())
    }
}
