//! The verbs: what the server can do, free of HTTP.
//!
//! Each verb is one transaction ([`verb`]): the order as the machine has it, the message that was
//! received and the effects that follow are committed together, and only then is anybody told. No
//! verb calls anybody outside; that is the worker's part, which begins and ends with a verb of its
//! own ([`outbox`]).

mod billed;
mod change;
mod context;
mod create;
mod dispense;
mod history;
mod look;
mod notify;
mod operator;
pub(crate) mod outbox;
mod outcome;
mod payment;
mod ready;
mod refund;
mod tick;
mod verb;

#[cfg(test)]
mod tests;

pub(crate) use context::{Context, Seller, Sellers, Shop};
pub(crate) use create::{CreateError, EXPIRES_IN_DEFAULT_S, InvalidField, NewOrder};
pub(crate) use dispense::{Claimed, DispenseError};
pub(crate) use history::Line;
pub(crate) use look::CancelError;
pub(crate) use notify::NoticeError;
pub(crate) use operator::AskError;
pub(crate) use outbox::{Job, ShipOrder, ToDo};
pub(crate) use outcome::Outcome;
pub(crate) use refund::{
    AskRefundError, DecideError, Decided, NewRefund, RefundBy, RefundJob, RefundLook, RefundNews,
    ToldRefund,
};

use crate::clock::Clock;
use crate::metrics::{Gauges, Metrics};
use crate::random::{Random, base32};
use crate::store::{
    Entry, NO_MONTHS, OpenError, Store, StoreError, make_months, put_start, setting,
};
use crate::watch::Watchers;
use context::Bells;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ready::Readiness;
use saoma_core::ids::OrderId;
use saoma_core::time::UnixTime;
use sha2::Sha256;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use tokio::sync::{Notify, mpsc};
use verb::{Queue, Verb};

/// The verbs and what they need.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) context: Arc<Context>,
    queue: Queue,
    readiness: Readiness,
    gauges: Gauges,
    /// Orders' tokens are made with it; it stays in the database.
    token_key: String,
}

impl Service {
    /// Makes a database ready for these sellers.
    pub(crate) async fn open(
        store: Store,
        clock: Clock,
        random: Random,
        sellers: Sellers,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Entry>), OpenError> {
        let fresh_key = random.bytes::<32>().map_err(|_| OpenError::NoRandom)?;
        if let Err(error) = make_months(&store, clock.now()).await {
            // Nothing is refused for want of them, and `keep_months` tries again.
            tracing::error!(%error, "{NO_MONTHS}");
        }
        let token_key = begin(&store, clock.now(), &base32(&fresh_key)).await;
        let token_key = match saoma_core::planted!("token-key-is-fresh") {
            true => base32(&fresh_key),
            false => token_key.map_err(OpenError::Store)?,
        };
        let (at_once, entries) = mpsc::unbounded_channel();
        let bells = Bells {
            at_once,
            gateway: Notify::new(),
            shop: Notify::new(),
            time: Notify::new(),
            bills: Notify::new(),
        };
        let metrics = Arc::new(Metrics::new(clock.now()));
        let context = Arc::new(Context {
            clock,
            watchers: Watchers::default(),
            bells,
            sellers,
            random,
            metrics,
        });
        let queue = Queue::start(&store, &context)?;
        let (readiness, gauges) = (Readiness::default(), Gauges::default());
        Ok((Self { store, context, queue, readiness, gauges, token_key }, entries))
    }

    /// Carries a verb out: one transaction, shared with whatever waits at the same moment.
    async fn execute<V: Verb>(&self, verb: V) -> Result<V::Out, V::Error> {
        self.queue.execute(verb).await
    }

    /// Names this server and all that share its database; it tells nothing else.
    pub(crate) fn public_id(&self) -> String {
        self.mac(b"public id")
    }

    /// The token of an order: 160 bits in 32 characters.
    ///
    /// It is made from the order's id with a key that only the database holds, so it need not be
    /// stored with the order, and a repeated create gives the same one again.
    pub(crate) fn token(&self, order_id: &OrderId) -> String {
        let of = if saoma_core::planted!("token-of-any-order") { "" } else { order_id.as_str() };
        self.mac(format!("order token {of}").as_bytes())
    }

    /// 160 bits that nobody can make who does not hold the database.
    fn mac(&self, text: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.token_key.as_bytes());
        // An HMAC takes a key of any length.
        let Ok(mut mac) = mac else { return String::new() };
        mac.update(text);
        let digest = mac.finalize().into_bytes();
        base32(digest.get(..20).unwrap_or_default())
    }

    /// Whether this is the order's token, in constant time.
    pub(crate) fn is_token(&self, order_id: &OrderId, token: &str) -> bool {
        is_same(&self.token(order_id), token)
    }

    /// What a browser shows from which this operator has come in before.
    pub(crate) fn mark(&self, operator: &str) -> String {
        self.mac(format!("browser of {operator}").as_bytes())
    }

    /// Whether this is the operator's mark, in constant time.
    pub(crate) fn is_mark(&self, operator: &str, mark: &str) -> bool {
        is_same(&self.mark(operator), mark)
    }

    /// How many notifications were refused since the start.
    #[cfg(test)]
    pub(crate) fn refused_notices(&self) -> u64 {
        self.context.metrics.noticed(crate::metrics::NoticeOutcome::Refused)
    }
}

/// What is to be done once when a server starts; gives the key that orders' tokens are made with,
/// this one if there is none yet.
async fn begin(store: &Store, now: UnixTime, fresh_key: &str) -> Result<String, StoreError> {
    let mut tx = store.begin().await?;
    let token_key = setting(&mut tx, "token_key", fresh_key).await?;
    let timeline = store.note_timeline(&mut tx, now).await?;
    let is_alone = store.is_alone(&mut tx).await?;
    if is_alone {
        put_start(&mut tx, now).await?;
    }
    // Beside others, leases of a server that has died run out by themselves.
    let released = match is_alone && !store.sees_others(&mut tx).await? {
        true => Entry::release_all(&mut tx, now).await?,
        false => 0,
    };
    tx.commit().await?;
    store.keep_timeline(timeline);
    if released > 0 {
        tracing::info!(released, "taking up what was interrupted");
    }
    Ok(token_key)
}

fn is_same(expected: &str, got: &str) -> bool {
    !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(got.as_bytes()))
}
