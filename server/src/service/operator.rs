//! What operators do. Each of their actions stands in the order's history under the operator's
//! name, in the transaction that does it.

use super::Service;
use super::change::{Change, Needs};
use super::verb::Verb;
use crate::store::{AnomalyRow, SeenTo, SessionRow, StoreError, hurry_queries, retry_entry};
use saoma_core::ids::{OrderId, TransactionId};
use saoma_core::order::{Anomaly, Effect, Event};
use saoma_core::planted;

/// Why WeChat is not asked.
#[derive(Debug)]
pub(crate) enum AskError {
    /// There is no such order.
    NotFound,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Service {
    /// Begins an operator's session.
    pub(crate) async fn begin_session(&self, session: SessionRow) -> Result<(), StoreError> {
        self.execute(BeginSession(session)).await
    }

    /// The session of this digest, unless it is over. It is read where it was written, so that it
    /// is known at once.
    pub(crate) async fn session(&self, digest: &str) -> Result<Option<SessionRow>, StoreError> {
        let now = self.context.clock.now();
        SessionRow::get(&mut self.store.reader().await?, digest, now).await
    }

    /// Ends a session.
    pub(crate) async fn end_session(&self, digest: String) -> Result<(), StoreError> {
        self.execute(EndSession(digest)).await
    }

    /// Has an entry of the outbox tried at once that was given up or waits for its next try.
    /// `false`: there is no such entry any more.
    pub(crate) async fn retry(
        &self,
        order_id: Option<OrderId>,
        key: String,
        operator: &str,
    ) -> Result<bool, StoreError> {
        let operator = operator.to_owned();
        let is_retried = self.execute(Retry { order_id, key, operator }).await?;
        let bells = &self.context.bells;
        if !planted!("retry-bells-forgotten") {
            bells.gateway.notify_one();
            bells.shop.notify_one();
        }
        Ok(is_retried)
    }

    /// Ends an anomaly of this kind of which no money moves by itself: an operator has seen to it.
    pub(crate) async fn see_to(
        &self,
        transaction_id: TransactionId,
        kind: &str,
        operator: &str,
    ) -> Result<SeenTo, StoreError> {
        let (kind, operator) = (kind.to_owned(), operator.to_owned());
        self.execute(SeeTo { transaction_id, kind, operator }).await
    }

    /// Has WeChat asked about an order. `false`: it is being asked already, or has told everything.
    ///
    /// # Errors
    /// [`AskError`].
    pub(crate) async fn ask_wechat(
        &self,
        order_id: OrderId,
        operator: &str,
    ) -> Result<bool, AskError> {
        let is_asked = self.execute(Ask { order_id, operator: operator.to_owned() }).await?;
        if !planted!("ask-bell-forgotten") {
            self.context.bells.gateway.notify_one();
        }
        Ok(is_asked)
    }
}

struct BeginSession(SessionRow);

impl Verb for BeginSession {
    type Out = ();
    type Error = StoreError;

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        let now = change.now;
        self.0.insert(&mut change.conn, now).await
    }
}

struct EndSession(String);

impl Verb for EndSession {
    type Out = ();
    type Error = StoreError;

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        SessionRow::delete(&mut change.conn, &self.0).await
    }
}

struct Retry {
    /// `None`: of a payment for an unknown number.
    order_id: Option<OrderId>,
    key: String,
    operator: String,
}

impl Verb for Retry {
    type Out = bool;
    type Error = StoreError;

    async fn run(&self, change: &mut Change) -> Result<bool, StoreError> {
        let Self { order_id, key, operator } = self;
        let now = change.now;
        let of = order_id.as_ref().map_or("", OrderId::as_str);
        if !retry_entry(&mut change.conn, of, key, now).await? {
            return Ok(planted!("retry-always-says-yes"));
        }
        tracing::info!(operator, key, "an operator has an entry tried again");
        if let Some(order_id) = order_id {
            change.note(order_id, "note", operator, format!("retry {key}"));
        }
        Ok(true)
    }
}

struct SeeTo {
    transaction_id: TransactionId,
    kind: String,
    operator: String,
}

impl Verb for SeeTo {
    type Out = SeenTo;
    type Error = StoreError;

    async fn run(&self, change: &mut Change) -> Result<SeenTo, StoreError> {
        let Self { transaction_id, kind, operator } = self;
        let kind = if planted!("seen-to-is-conflict") { "conflict" } else { kind.as_str() };
        let seen = AnomalyRow::see_to(&mut change.conn, (kind, transaction_id)).await?;
        if let SeenTo::Now(order_id) = &seen {
            tracing::info!(operator, kind, %transaction_id, "an operator has seen to an anomaly");
            if let Some(order_id) = order_id {
                change.note(order_id, "note", operator, format!("seen_to {kind}"));
                self.keep_rest(change, order_id).await?;
            }
        }
        Ok(seen)
    }
}

impl SeeTo {
    /// Of a payment of which somebody gave some back, nothing moves after this word: its order is
    /// told, or it would wait for the rest for ever. One that is archived waits for nothing.
    async fn keep_rest(&self, change: &mut Change, order_id: &OrderId) -> Result<(), StoreError> {
        if self.kind != Anomaly::RefundedElsewhere.as_str() {
            return Ok(());
        }
        let Some(row) = change.order(order_id).await? else { return Ok(()) };
        if let Some(attempt) = row.order.attempt_of(&self.transaction_id) {
            change.apply(row, &Event::RestKept { attempt })?;
        }
        Ok(())
    }
}

struct Ask {
    order_id: OrderId,
    operator: String,
}

impl Verb for Ask {
    type Out = bool;
    type Error = AskError;

    fn needs(&self, needs: &mut Needs) {
        needs.orders.push(self.order_id.clone());
    }

    async fn run(&self, change: &mut Change) -> Result<bool, AskError> {
        let row = change.order(&self.order_id).await?.ok_or(AskError::NotFound)?;
        let (_, effects) = change.apply(row, &Event::Ask)?;
        let is_new = effects.iter().any(|effect| matches!(effect, Effect::Query { .. }));
        // A question that waits for its next try need not wait longer.
        let now = change.now;
        let hurries = !planted!("ask-hurries-nothing");
        let is_asked =
            is_new || hurries && hurry_queries(&mut change.conn, &self.order_id, now).await? > 0;
        if is_asked {
            change.note(&self.order_id, "note", &self.operator, "query".to_owned());
        }
        Ok(is_asked)
    }
}
