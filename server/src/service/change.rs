//! One transaction of one verb: what the machine decides is written together, and whoever must
//! know of it is told after the commit, never before.

use super::{Service, UnifiedOrder};
use crate::clock::Stopwatch;
use crate::store::{AttemptRow, Entry, EntryState, NewAnomaly, NewEntry, OrderRow, StoreError, Tx};
use saoma_core::api::RequestError;
use saoma_core::ids::OrderId;
use saoma_core::order::{Effect, Event};
use saoma_core::time::UnixTime;
use saoma_core::watch::Phase;

/// A transaction that has begun. Dropped without [`commit`](Self::commit), it never happened.
pub(super) struct Change<'s> {
    pub(super) service: &'s Service,
    pub(super) tx: Tx,
    /// The time of everything in it.
    pub(super) now: UnixTime,
    began: Stopwatch,
    changed: Vec<OrderRow>,
    /// Phases that orders came into.
    pub(super) entered: Vec<Phase>,
    anomalies: Vec<NewAnomaly>,
    at_once: Vec<Entry>,
}

impl Service {
    /// Begins a transaction.
    pub(super) async fn change(&self) -> Result<Change<'_>, StoreError> {
        let tx = self.store.begin().await?;
        Ok(Change {
            service: self,
            tx,
            now: self.clock.now(),
            began: Stopwatch::start(),
            changed: Vec::new(),
            entered: Vec::new(),
            anomalies: Vec::new(),
            at_once: Vec::new(),
        })
    }

    /// The attempt `index` of an order, with the request that will be sent, and sent again, for it.
    pub(super) fn attempt(&self, row: &OrderRow, index: u8) -> Result<AttemptRow, RequestError> {
        let seller = &self.seller;
        let order = &row.order;
        let refuse = |field, rule| RequestError { field, rule };
        let number = refuse("out_trade_no", "must be one of an attempt of the order");
        let out_trade_no = order.out_trade_no(index).ok_or(number)?;
        let algorithm = seller.merchant.sign_type;
        let request = {
            let unified_order = UnifiedOrder::new(
                &out_trade_no,
                &row.description,
                order.amount(),
                &seller.notify_url,
                seller.ip,
                (order.created_at(), order.expires_at()),
            )?;
            let mut request = String::new();
            unified_order
                .draft(&seller.merchant, algorithm)
                .write(&mut request)
                .map_err(|_| refuse("body", "must not hold a character that XML cannot carry"))?;
            request
        };
        let order_id = order.id().clone();
        Ok(AttemptRow { out_trade_no, order_id, index, sign_type: algorithm, request })
    }
}

impl Change<'_> {
    /// An order that may be changed in this transaction.
    pub(super) async fn order(&mut self, id: &OrderId) -> Result<Option<OrderRow>, StoreError> {
        OrderRow::get(&mut self.tx, id).await
    }

    /// Lets something happen to an order: the machine says what follows, and that is written.
    pub(super) async fn apply(
        &mut self,
        row: OrderRow,
        event: &Event,
    ) -> Result<(OrderRow, Vec<Effect>), StoreError> {
        let step = row.order.handle(event, self.now);
        let effects = step.effects.to_vec();
        if step.order == row.order && effects.is_empty() {
            return Ok((row, effects));
        }
        let (from, phase) = (row.version, row.order.watched_phase());
        let mut next = OrderRow { order: step.order, version: from + 1, ..row };
        next.due_at = self.due_at(&next);
        next.update(&mut self.tx, from, self.now).await?;
        self.changed.push(next.clone());
        if next.order.watched_phase() != phase {
            self.entered.push(next.order.watched_phase());
        }
        for effect in &effects {
            self.record(&next, effect, EntryState::Pending).await?;
        }
        Ok((next, effects))
    }

    /// When time next has something to do. At least a second away, so that not even an order
    /// whose time never ends can keep the server busy with nothing else.
    pub(super) fn due_at(&self, row: &OrderRow) -> Option<UnixTime> {
        row.order.due().map(|due| due.max(self.now.plus(1)))
    }

    /// Writes an effect down, so that it is performed once this is committed.
    pub(super) async fn record(
        &mut self,
        row: &OrderRow,
        effect: &Effect,
        state: EntryState,
    ) -> Result<(), StoreError> {
        let order_id = row.order.id();
        let number =
            |attempt: u8| row.order.out_trade_no(attempt).ok_or(StoreError::Corrupt("attempt"));
        // What may be needed again later is named by the order's version as well.
        let (key, state) = match effect {
            Effect::Place { attempt } => {
                let attempt = self.service.attempt(row, *attempt);
                let attempt = attempt.map_err(|_| StoreError::Corrupt("description"))?;
                attempt.insert(&mut self.tx, self.now).await?;
                (format!("place-{}", attempt.out_trade_no), state)
            }
            Effect::Query { attempt } => {
                (format!("query-{}-{}", number(*attempt)?, row.version), state)
            }
            Effect::Close { attempt } => {
                (format!("close-{}-{}", number(*attempt)?, row.version), state)
            }
            Effect::Ship { .. } => (format!("ship-{order_id}"), state),
            // The call for it comes later; until then a person sees it as an anomaly.
            Effect::Refund { transaction_id, .. } => {
                (format!("refund-{transaction_id}"), EntryState::Held)
            }
            Effect::Report { attempt, transaction_id, amount, anomaly } => {
                return self
                    .report(NewAnomaly {
                        kind: *anomaly,
                        transaction_id: transaction_id.clone(),
                        out_trade_no: number(*attempt)?,
                        order_id: Some(order_id.clone()),
                        paid: *amount,
                    })
                    .await;
            }
        };
        self.entry(NewEntry { key, order_id: Some(order_id), effect, state }).await
    }

    /// Writes an entry of the outbox down.
    pub(super) async fn entry(&mut self, entry: NewEntry<'_>) -> Result<(), StoreError> {
        entry.insert(&mut self.tx, self.now).await?;
        match (entry.state, entry.order_id) {
            (EntryState::LeasedUntil(_), Some(order_id)) => self.at_once.push(Entry {
                key: entry.key,
                order_id: order_id.clone(),
                effect: entry.effect.clone(),
                tries: 1,
            }),
            (EntryState::LeasedUntil(_) | EntryState::Pending | EntryState::Held, _) => {}
        }
        Ok(())
    }

    /// Records an anomaly, once.
    pub(super) async fn report(&mut self, anomaly: NewAnomaly) -> Result<(), StoreError> {
        if anomaly.insert(&mut self.tx, self.now).await? {
            self.anomalies.push(anomaly);
        }
        Ok(())
    }

    /// Makes it happen, and tells whoever must know.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await?;
        let bells = &self.service.bells;
        let metrics = &self.service.metrics;
        metrics.committed(1, self.began.elapsed());
        self.entered.iter().for_each(|phase| metrics.order_is(*phase));
        for anomaly in &self.anomalies {
            metrics.anomaly(anomaly.kind);
            tracing::warn!(
                kind = anomaly.kind.as_str(),
                order_id = anomaly.order_id.as_ref().map(OrderId::as_str),
                out_trade_no = anomaly.out_trade_no.as_str(),
                transaction_id = anomaly.transaction_id.as_str(),
                paid_fen = anomaly.paid.get(),
                refund = if anomaly.kind.is_refund_due() { "due" } else { "none" },
                "a payment may not ship"
            );
        }
        for entry in self.at_once {
            // Nobody performs any more only while the server stops; the lease ends at its start.
            let _ = bells.at_once.send(entry);
        }
        for row in &self.changed {
            let (order_id, phase) = (row.order.id(), row.order.watched_phase().as_str());
            tracing::info!(%order_id, phase, version = row.version, "order");
            self.service.watchers.knock(order_id);
        }
        bells.gateway.notify_one();
        bells.shop.notify_one();
        bells.time.notify_one();
        Ok(())
    }
}
