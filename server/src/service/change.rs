//! What the verbs of one transaction have loaded, and what is to be written for them.
//!
//! Nothing is written before all of them have decided: what a verb puts down is kept when it ends
//! well ([`Change::keep`]) and forgotten otherwise. A later verb of the same transaction sees what
//! an earlier one has kept. Whoever must know of it is told after the commit, never before.

mod attempt;
mod commit;
mod entries;
mod messages;
mod refunds;

use super::context::Context;
use super::refund::Wish;
use crate::store::{
    AttemptRow, ByNumber, Conn, DifferenceKey, End, EntryEnd, EntryState, Fetch, FetchRow,
    HistoryRow, MessageRow, NewAnomaly, NewEntry, OrderRow, PaymentRow, RefundEnded, RefundRow,
    RefundState, StoreError,
};
use saoma_core::ids::{MchId, OrderId, OutRefundNo, OutTradeNo, TransactionId};
use saoma_core::order::{Effect, Event};
use saoma_core::planted;
use saoma_core::time::UnixTime;
use saoma_core::watch::Phase;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tracing::Span;

/// How long goods may wait whose shop has left the configuration, in seconds.
const FETCH_WITHIN_S: u64 = 600;

/// What is loaded for all verbs of a transaction at once, because one statement for sixty rows
/// costs little more than one for one.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(super) orders: Vec<OrderId>,
    /// Each with its order.
    pub(super) numbers: Vec<OutTradeNo>,
    pub(super) transactions: Vec<TransactionId>,
    /// Numbers and digests of messages.
    pub(super) messages: Vec<(OutTradeNo, String)>,
}

/// An order as this transaction knows it.
#[derive(Debug)]
struct Held {
    row: OrderRow,
    /// The version that is stored; `None`: it is new.
    stored: Option<u64>,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Writes {
    orders: Vec<OrderRow>,
    attempts: Vec<AttemptRow>,
    payments: Vec<PaymentRow>,
    messages: Vec<MessageRow>,
    anomalies: Vec<NewAnomaly>,
    refunds: Vec<RefundRow>,
    refund_ends: Vec<RefundEnded>,
    /// Refunds that a person decides on, each in the state in which it was read.
    decided: Vec<(OutRefundNo, MchId, RefundState)>,
    entries: Vec<NewEntry>,
    ends: Vec<EntryEnd>,
    history: Vec<HistoryRow>,
    differences: Vec<(DifferenceKey, End, Option<UnixTime>)>,
    /// Phases that orders came into.
    phases: Vec<Phase>,
    /// Seconds from a payment's commit to the shop's yes.
    shipped_after: Vec<u64>,
    /// Whose request it was that changed an order last.
    spans: HashMap<OrderId, Span>,
    /// Each with how far it was.
    fetches: Vec<(FetchRow, Fetch)>,
    /// Entries were made due.
    rings: bool,
}

impl Writes {
    fn append(&mut self, mut more: Self) {
        self.orders.append(&mut more.orders);
        self.attempts.append(&mut more.attempts);
        self.payments.append(&mut more.payments);
        self.messages.append(&mut more.messages);
        self.anomalies.append(&mut more.anomalies);
        self.refunds.append(&mut more.refunds);
        self.refund_ends.append(&mut more.refund_ends);
        self.decided.append(&mut more.decided);
        self.entries.append(&mut more.entries);
        self.ends.append(&mut more.ends);
        self.history.append(&mut more.history);
        self.rings |= more.rings;
        self.differences.append(&mut more.differences);
        self.phases.append(&mut more.phases);
        self.shipped_after.append(&mut more.shipped_after);
        self.spans.extend(more.spans);
        for (row, from) in more.fetches {
            // How far they were at first, and how far they are at last.
            match self.fetches.iter_mut().find(|(put, _)| put.order_id == row.order_id) {
                Some((put, _)) => *put = row,
                None => self.fetches.push((row, from)),
            }
        }
    }
}

/// A transaction that has begun. Dropped without [`commit`](Self::commit), it never happened.
#[derive(Debug)]
pub(crate) struct Change {
    pub(super) context: Arc<Context>,
    pub(super) conn: Conn,
    /// The time of everything in it.
    pub(super) now: UnixTime,
    orders: HashMap<OrderId, Option<Held>>,
    attempts: HashMap<OutTradeNo, Option<AttemptRow>>,
    payments: HashMap<TransactionId, Option<OutTradeNo>>,
    /// Digests of messages that are recorded, and numbers whose digests were looked up.
    messages: (HashSet<String>, HashSet<OutTradeNo>),
    /// Payments of which one of these messages says that some went back.
    told_back: HashSet<TransactionId>,
    kept: Writes,
    /// Put down by the verb that runs.
    open: Writes,
}

impl Change {
    /// A transaction in which nothing has been decided yet.
    pub(super) fn new(conn: Conn, context: &Arc<Context>) -> Self {
        Self {
            context: context.clone(),
            conn,
            now: context.clock.now(),
            orders: HashMap::new(),
            attempts: HashMap::new(),
            payments: HashMap::new(),
            messages: <_>::default(),
            told_back: HashSet::new(),
            kept: Writes::default(),
            open: Writes::default(),
        }
    }

    /// Loads what verbs need.
    pub(super) async fn load(&mut self, needs: Needs) -> Result<(), StoreError> {
        let Needs { mut orders, numbers, transactions, messages } = needs;
        for attempt in AttemptRow::get_all(&mut self.conn, &numbers).await? {
            orders.push(attempt.order_id.clone());
            self.attempts.insert(attempt.out_trade_no.clone(), Some(attempt));
        }
        for number in numbers {
            self.attempts.entry(number).or_insert(None);
        }
        orders.sort_unstable();
        orders.dedup();
        for row in OrderRow::get_all(&mut self.conn, &orders).await? {
            let stored = Some(row.version);
            self.orders.insert(row.order.id().clone(), Some(Held { row, stored }));
        }
        for order_id in orders {
            self.orders.entry(order_id).or_insert(None);
        }
        for (id, number) in PaymentRow::numbers_of(&mut self.conn, &transactions).await? {
            self.payments.insert(id, Some(number));
        }
        for id in transactions {
            self.payments.entry(id).or_insert(None);
        }
        for (digest, payment) in MessageRow::known(&mut self.conn, &messages).await? {
            self.messages.0.insert(digest);
            self.told_back.extend(payment);
        }
        self.messages.1.extend(messages.into_iter().map(|(number, _)| number));
        Ok(())
    }

    /// An order as it is now.
    pub(super) async fn order(&mut self, id: &OrderId) -> Result<Option<OrderRow>, StoreError> {
        if let Some(row) = self.open.orders.iter().rfind(|row| row.order.id() == id) {
            return Ok(Some(row.clone()));
        }
        if !self.orders.contains_key(id) {
            let row = OrderRow::get(&mut self.conn, id).await?;
            let held = row.map(|row| Held { stored: Some(row.version), row });
            self.orders.insert(id.clone(), held);
        }
        let held = self.orders.get(id).and_then(Option::as_ref);
        Ok(held.map(|held| held.row.clone()))
    }

    /// The order with this number of the shop's.
    pub(super) async fn order_by_no(
        &mut self,
        shop: &str,
        order_no: &str,
    ) -> Result<ByNumber, StoreError> {
        let new = self.kept.orders.iter().rfind(|row| row.shop == shop && row.order_no == order_no);
        if let Some(row) = new {
            return Ok(ByNumber::Order(Box::new(row.clone())));
        }
        OrderRow::get_by_no(&mut self.conn, shop, order_no).await
    }

    /// The attempt of a number.
    pub(super) async fn attempt(
        &mut self,
        number: &OutTradeNo,
    ) -> Result<Option<AttemptRow>, StoreError> {
        if let Some(row) = self.open.attempts.iter().find(|row| row.out_trade_no == *number) {
            return Ok(Some(row.clone()));
        }
        if !self.attempts.contains_key(number) {
            let row = AttemptRow::get(&mut self.conn, number).await?;
            self.attempts.insert(number.clone(), row);
        }
        Ok(self.attempts.get(number).cloned().flatten())
    }

    /// The number that a transaction belongs to, if it is known.
    pub(super) async fn number_of(
        &mut self,
        id: &TransactionId,
    ) -> Result<Option<OutTradeNo>, StoreError> {
        if !self.payments.contains_key(id) {
            let found = PaymentRow::numbers_of(&mut self.conn, std::slice::from_ref(id)).await?;
            let number = found.into_iter().next().map(|(_, number)| number);
            self.payments.insert(id.clone(), number);
        }
        Ok(self.payments.get(id).cloned().flatten())
    }

    /// Lets something happen to an order: the machine says what follows, and that is written.
    pub(super) fn apply(
        &mut self,
        row: OrderRow,
        event: &Event,
    ) -> Result<(OrderRow, Vec<Effect>), StoreError> {
        self.apply_as(row, event, None)
    }

    /// The same, with what a shop says about the refund that it asks for.
    pub(super) fn apply_as(
        &mut self,
        row: OrderRow,
        event: &Event,
        wish: Option<&Wish>,
    ) -> Result<(OrderRow, Vec<Effect>), StoreError> {
        let step = row.order.handle(event, self.now);
        let effects = step.effects.to_vec();
        if step.order == *row.order && effects.is_empty() {
            return Ok((row, effects));
        }
        let phase = row.order.watched_phase();
        let mut next = OrderRow { order: Arc::new(step.order), version: row.version + 1, ..row };
        next.due_at = self.due_at(&next);
        if next.order.watched_phase() != phase {
            self.entered(next.order.watched_phase());
        }
        self.put_order(next.clone());
        self.tell(&next, event, &effects)?;
        self.end_refund(&next, event);
        let soon = EntryState::PendingFrom(self.now);
        for effect in &effects {
            match effect {
                Effect::Refund { refund, .. } => self.begin_refund(&next, *refund, effect, wish)?,
                effect => self.record(&next, effect, soon)?,
            }
        }
        Ok((next, effects))
    }

    /// Puts an order down as it is from now on.
    pub(super) fn put_order(&mut self, row: OrderRow) {
        self.open.spans.insert(row.order.id().clone(), Span::current());
        self.open.orders.push(row);
    }

    /// Counts an order that has come into this phase.
    pub(super) fn entered(&mut self, phase: Phase) {
        self.open.phases.push(phase);
    }

    /// Counts an order that was shipped so many seconds after its payment was committed.
    pub(super) fn shipped_after(&mut self, seconds: u64) {
        self.open.shipped_after.push(seconds);
    }

    /// When time next has something to do. At least a second away, so that not even an order
    /// whose time never ends can keep the server busy with nothing else.
    pub(super) fn due_at(&self, row: &OrderRow) -> Option<UnixTime> {
        if planted!("never-due") && row.version > 2 {
            return None;
        }
        row.order.due().map(|due| due.max(self.now.plus(1)))
    }

    /// Writes into an order's history what happened and what follows.
    fn tell(
        &mut self,
        row: &OrderRow,
        event: &Event,
        effects: &[Effect],
    ) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Told<'e> {
            event: &'e Event,
            phase: &'static str,
            version: u64,
            effects: &'e [Effect],
        }
        let (phase, version) = (row.order.watched_phase().as_str(), row.version);
        let text = serde_json::to_string(&Told { event, phase, version, effects });
        let text = text.map_err(|_| StoreError::Corrupt("event"))?;
        // `{"event":"name",..` or `{"event":{"name":..`
        let name = text.split('"').nth(3).unwrap_or_default().to_owned();
        self.note(row.order.id(), "event", &name, text);
        Ok(())
    }

    /// Adds a line to an order's history.
    pub(super) fn note(&mut self, order_id: &OrderId, kind: &str, name: &str, text: String) {
        self.open.history.push(HistoryRow {
            order_id: order_id.clone(),
            at: self.now,
            kind: kind.to_owned(),
            name: name.to_owned(),
            text,
        });
    }

    /// Writes an effect down, so that it is performed once this is committed.
    pub(super) fn record(
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
                let attempt = self.new_attempt(row, *attempt);
                let attempt = attempt.map_err(|_| StoreError::Corrupt("description"))?;
                let key = format!("place-{}", attempt.out_trade_no);
                self.open.attempts.push(attempt);
                (key, state)
            }
            Effect::Renew { attempt } => {
                (format!("renew-{}-{}", number(*attempt)?, row.version), state)
            }
            Effect::Query { attempt } if planted!("query-key-reused") => {
                (format!("query-{}", number(*attempt)?), state)
            }
            Effect::Query { attempt } => {
                (format!("query-{}-{}", number(*attempt)?, row.version), state)
            }
            Effect::Close { attempt } => {
                (format!("close-{}-{}", number(*attempt)?, row.version), state)
            }
            Effect::Ship { .. } => (format!("ship-{order_id}"), self.shipping(row, state)),
            Effect::Refund { refund, .. } => {
                return self.begin_refund(row, *refund, effect, None);
            }
            Effect::RefundQuery { transaction_id, .. } => {
                (format!("refunds-{transaction_id}-{}", row.version), state)
            }
            Effect::Report { attempt, transaction_id, amount, anomaly } => {
                self.report(NewAnomaly {
                    kind: *anomaly,
                    transaction_id: transaction_id.clone(),
                    mch_id: row.mch_id.clone(),
                    out_trade_no: number(*attempt)?,
                    order_id: Some(order_id.clone()),
                    paid: *amount,
                });
                return Ok(());
            }
        };
        self.put_entry(NewEntry {
            key,
            order_id: Some(order_id.clone()),
            mch_id: row.mch_id.clone(),
            effect: effect.clone(),
            state,
        });
        Ok(())
    }

    /// Goods of an order are told to its shop's webhook, if it has one and the shop itself made
    /// the order; otherwise whoever made it fetches them.
    fn shipping(&self, row: &OrderRow, soon: EntryState) -> EntryState {
        let shop = self.context.sellers.shop(&row.shop);
        let has_webhook = shop.is_none_or(|shop| shop.has_webhook) || planted!("no-webhook-told");
        let is_shops = row.device.is_none() || planted!("webhook-for-devices");
        if is_shops && has_webhook {
            return soon;
        }
        EntryState::WaitingUntil(self.now.plus(self.fetch_within_s(row)))
    }

    /// How long goods may wait before somebody is told, in seconds.
    pub(super) fn fetch_within_s(&self, row: &OrderRow) -> u64 {
        let shop = self.context.sellers.shop(&row.shop);
        shop.map_or(FETCH_WITHIN_S, |shop| shop.fetch_within_s)
    }

    /// The goods of an order, or `None` when they are not to be fetched.
    pub(super) async fn goods(&mut self, id: &OrderId) -> Result<Option<FetchRow>, StoreError> {
        match self.kept.fetches.iter().find(|(row, _)| row.order_id == *id) {
            Some((row, _)) => Ok(Some(row.clone())),
            None => FetchRow::get(&mut self.conn, id).await,
        }
    }

    /// Puts down how far goods are that are fetched; `from` is how far they were.
    pub(super) fn put_fetch(&mut self, row: FetchRow, from: Fetch) {
        self.open.fetches.push((row, from));
    }

    /// Puts a payment down that was not known.
    pub(super) fn put_payment(&mut self, payment: PaymentRow) {
        self.open.payments.push(payment);
    }

    /// Puts a message down that was not known.
    pub(super) fn put_message(&mut self, message: MessageRow) {
        self.open.messages.push(message);
    }

    /// Puts an anomaly down.
    pub(super) fn report(&mut self, anomaly: NewAnomaly) {
        if planted!("nobody-is-told") && anomaly.kind.is_refund_due() {
            return;
        }
        self.open.anomalies.push(anomaly);
    }

    /// Puts down where a difference between bill and records is; it is asked about again, or not.
    pub(super) fn end_difference(&mut self, key: DifferenceKey, end: End, again: Option<UnixTime>) {
        self.open.differences.push((key, end, again));
    }

    /// The verb has ended well: what it has put down is to be written.
    pub(super) fn keep(&mut self) {
        let open = std::mem::take(&mut self.open);
        for row in &open.orders {
            let id = row.order.id();
            match self.orders.get_mut(id).and_then(Option::as_mut) {
                Some(_) if planted!("batch-forgets-earlier") => {}
                Some(held) => held.row = row.clone(),
                None => {
                    let held = Held { row: row.clone(), stored: None };
                    self.orders.insert(id.clone(), Some(held));
                }
            }
        }
        for row in &open.attempts {
            self.attempts.insert(row.out_trade_no.clone(), Some(row.clone()));
        }
        for row in &open.payments {
            let (id, number) = (&row.payment.transaction_id, &row.payment.out_trade_no);
            self.payments.insert(id.clone(), Some(number.clone()));
        }
        for row in &open.messages {
            self.messages.0.insert(row.digest.clone());
            let of_refund = row.outcome == MessageRow::OF_REFUND;
            self.told_back.extend(of_refund.then(|| row.transaction_id.clone()));
        }
        self.kept.append(open);
    }

    /// The verb has failed: what it has put down never was.
    pub(super) fn forget(&mut self) {
        self.open = Writes::default();
    }
}
