//! The outbox's two verbs: taking something to be done, and committing what came of it.

use super::Service;
use super::create::LEASE_S;
use super::outcome::Outcome;
use super::payment::Taken;
use crate::store::{AttemptRow, Entry, Lane, OrderRow, StoreError};
use saoma_core::ids::{OrderId, TransactionId};
use saoma_core::money::Fen;
use saoma_core::order::{Effect, Event};
use saoma_core::time::UnixTime;

/// Longest pause between two tries, in seconds.
const PAUSE_MAX_S: u64 = 600;

/// What is to be done, with everything that it needs.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    /// Send this unified order.
    Place(AttemptRow),
    /// Ask for this number's state.
    Query(AttemptRow),
    /// Close this number.
    Close(AttemptRow),
    /// Tell the shop.
    Ship(ShipOrder),
}

/// What the shop is told: the body of the webhook (docs/api.md §5).
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct ShipOrder {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The shop does its work once for each of these.
    pub(crate) ship_id: String,
    pub(crate) order_id: OrderId,
    pub(crate) order_no: String,
    pub(crate) amount_fen: Fen,
    pub(crate) transaction_id: TransactionId,
    pub(crate) paid_at: UnixTime,
}

impl Service {
    /// Takes the lane's entry that has been due longest, for as long as a lease lasts.
    pub(crate) async fn claim(&self, lane: Lane) -> Result<Option<Entry>, StoreError> {
        let now = self.clock.now();
        let next = Entry::next_due(&mut *self.store.reader().await?, lane).await?;
        if next.is_none_or(|next| next > now) {
            return Ok(None);
        }
        let mut change = self.change().await?;
        let entry = Entry::claim(&mut change.tx, lane, now, now.plus(LEASE_S)).await?;
        change.tx.commit().await?;
        entry.transpose()
    }

    /// When an entry of the lane is next to be claimed.
    pub(crate) async fn next_entry(&self, lane: Lane) -> Result<Option<UnixTime>, StoreError> {
        Entry::next_due(&mut *self.store.reader().await?, lane).await
    }

    /// What an entry asks for, or `None` when nobody wants it any more.
    pub(crate) async fn job(&self, entry: &Entry) -> Result<Option<Job>, StoreError> {
        let mut reader = self.store.reader().await?;
        let row = OrderRow::get(&mut reader, &entry.order_id).await?;
        let row = row.ok_or(StoreError::Corrupt("order_id"))?;
        if !row.order.still_wants(&entry.effect) {
            return Ok(None);
        }
        let (attempt, job): (u8, fn(AttemptRow) -> Job) = match &entry.effect {
            Effect::Place { attempt } => (*attempt, Job::Place),
            Effect::Query { attempt } => (*attempt, Job::Query),
            Effect::Close { attempt } => (*attempt, Job::Close),
            Effect::Ship { transaction_id, paid_at, .. } => {
                return Ok(Some(Job::Ship(ShipOrder {
                    kind: "order.paid",
                    ship_id: entry.key.clone(),
                    order_id: entry.order_id.clone(),
                    order_no: row.order_no,
                    amount_fen: row.order.amount(),
                    transaction_id: transaction_id.clone(),
                    paid_at: *paid_at,
                })));
            }
            // The first is held and never claimed, the second is a row of its own.
            Effect::Refund { .. } | Effect::Report { .. } => {
                return Err(StoreError::Corrupt("effect"));
            }
        };
        let number = row.order.out_trade_no(attempt).ok_or(StoreError::Corrupt("attempt"))?;
        let attempt = AttemptRow::get(&mut reader, &number).await?;
        Ok(Some(job(attempt.ok_or(StoreError::Corrupt("out_trade_no"))?)))
    }

    /// Commits what came of an entry, with everything that follows, and the entry's end.
    pub(crate) async fn settle(&self, entry: &Entry, outcome: &Outcome) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        let now = change.now;
        let again = now.plus(pause_s(entry.tries));
        match outcome {
            Outcome::Unwanted => entry.done(&mut change.tx, now).await?,
            Outcome::Event(event) => {
                self.happen(&mut change, entry, event).await?;
                entry.done(&mut change.tx, now).await?;
            }
            Outcome::Payment(payment) => match change.take_payment(payment).await? {
                Taken::New(_) | Taken::Known => entry.done(&mut change.tx, now).await?,
                // An answer that cannot be is no answer.
                Taken::Elsewhere => {
                    let why = "the payment was recorded for another number";
                    entry.again(&mut change.tx, now, again, why).await?;
                }
            },
            Outcome::Again { event, why } => {
                tracing::warn!(key = entry.key, tries = entry.tries, why, "to be tried again");
                if let Some(event) = event {
                    self.happen(&mut change, entry, event).await?;
                }
                entry.again(&mut change.tx, now, again, why).await?;
            }
        }
        change.commit().await
    }

    async fn happen(
        &self,
        change: &mut super::change::Change<'_>,
        entry: &Entry,
        event: &Event,
    ) -> Result<(), StoreError> {
        let row = change.order(&entry.order_id).await?;
        change.apply(row.ok_or(StoreError::Corrupt("order_id"))?, event).await?;
        Ok(())
    }
}

/// How long to wait after so many tries: 1, 2, 4, ... up to 600 s.
fn pause_s(tries: u32) -> u64 {
    1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(PAUSE_MAX_S).clamp(1, PAUSE_MAX_S)
}

#[cfg(test)]
mod tests {
    use super::pause_s;

    #[test]
    fn pauses_double_up_to_ten_minutes() {
        let pauses: Vec<u64> = (1..=12).map(pause_s).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!((pause_s(0), pause_s(64), pause_s(65), pause_s(u32::MAX)), (1, 600, 600, 600));
    }
}
