//! Time as an event: deadlines, and questions about payments whose notification may be lost.

use super::Service;
use crate::store::{OrderRow, StoreError};
use saoma_core::ids::OrderId;
use saoma_core::order::Event;
use saoma_core::time::UnixTime;

/// Most orders that are looked up at once.
const BATCH_MAX: u32 = 100;

impl Service {
    /// Lets time happen to the orders for which it has something to do. Gives how many there were,
    /// at most a batch.
    pub(crate) async fn tick_due(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let due = OrderRow::due(&mut *self.store.reader().await?, now, BATCH_MAX).await?;
        for order_id in &due {
            // One that fails comes up again and must not keep the others waiting.
            if let Err(error) = self.tick(order_id).await {
                tracing::error!(%order_id, %error, "time could not do its work");
            }
        }
        Ok(due.len())
    }

    async fn tick(&self, order_id: &OrderId) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        let now = change.now;
        let Some(row) = change.order(order_id).await? else { return Ok(()) };
        let (mut row, _) = change.apply(row, &Event::Tick).await?;
        if row.due_at.is_some_and(|due_at| due_at <= now) {
            // Nothing happened; it must not come up again at once.
            row.due_at = change.due_at(&row);
            row.update(&mut change.tx, row.version, now).await?;
        }
        change.commit().await
    }

    /// When time next has something to do.
    pub(crate) async fn next_tick(&self) -> Result<Option<UnixTime>, StoreError> {
        OrderRow::next_due(&mut *self.store.reader().await?).await
    }
}
