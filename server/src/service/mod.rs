//! The verbs: what the server can do, free of HTTP.
//!
//! Each verb is one transaction ([`change::Change`]): the order as the machine has it, the message
//! that was received and the effects that follow are committed together, and only then is anybody
//! told. No verb calls anybody outside; that is the worker's part, which begins and ends with a
//! verb of its own ([`outbox`]).

mod change;
mod create;
mod look;
mod notify;
pub(crate) mod outbox;
mod outcome;
mod payment;
mod ready;
mod tick;

#[cfg(test)]
mod tests;

pub(crate) use create::{CreateError, EXPIRES_IN_DEFAULT_S, InvalidField, NewOrder};
pub(crate) use look::CancelError;
pub(crate) use notify::NoticeError;
pub(crate) use outbox::{Job, ShipOrder};
pub(crate) use outcome::Outcome;
use ready::Readiness;

use crate::clock::Clock;
use crate::metrics::{Gauges, Metrics};
use crate::random::{Random, base32, hex};
use crate::store::{Entry, OpenError, Store, setting};
use crate::watch::Watchers;
use hmac::{Hmac, KeyInit as _, Mac as _};
use saoma_core::api::{Merchant, UnifiedOrder};
use saoma_core::ids::{Nonce, OrderId};
use sha2::Sha256;
use std::net::IpAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use tokio::sync::{Notify, mpsc};

/// Who sells, and how WeChat is told about it.
#[derive(Clone, Debug)]
pub(crate) struct Seller {
    pub(crate) merchant: Merchant,
    /// To show: 1 to 64 bytes.
    pub(crate) name: String,
    pub(crate) notify_url: String,
    /// Named as the caller's in unified orders.
    pub(crate) ip: IpAddr,
}

/// How a committed transaction wakes those who perform what it decided.
#[derive(Debug)]
pub(crate) struct Bells {
    /// Entries that their writer has leased and that are to be performed at once.
    pub(crate) at_once: mpsc::UnboundedSender<Entry>,
    /// The outbox may hold something new for WeChat.
    pub(crate) gateway: Notify,
    /// The outbox may hold something new for the shop.
    pub(crate) shop: Notify,
    /// Time may have something else to do.
    pub(crate) time: Notify,
}

/// The verbs and what they need.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) watchers: Watchers,
    pub(crate) bells: Bells,
    random: Random,
    seller: Seller,
    /// Orders' tokens are made with it; it stays in the database.
    token_key: String,
    pub(crate) metrics: Arc<Metrics>,
    readiness: Readiness,
    gauges: Gauges,
}

impl Service {
    /// Makes a database ready for this seller.
    pub(crate) async fn open(
        store: Store,
        clock: Clock,
        random: Random,
        seller: Seller,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Entry>), OpenError> {
        let fresh_key = random.bytes::<32>().map_err(|_| OpenError::NoRandom)?;
        let mut tx = store.begin().await.map_err(OpenError::Store)?;
        let token_key = setting(&mut tx, "token_key", &base32(&fresh_key)).await?;
        let configured = seller.merchant.mch_id.as_str();
        let stored = setting(&mut tx, "mch_id", configured).await?;
        if stored != configured {
            let configured = configured.to_owned();
            return Err(OpenError::Setting { name: "merchant", stored, configured });
        }
        // Nobody else can hold a lease: one SQLite file serves one process.
        let released = Entry::release_all(&mut tx, clock.now()).await.map_err(OpenError::Store)?;
        tx.commit().await?;
        if released > 0 {
            tracing::info!(released, "taking up what was interrupted");
        }
        let (at_once, entries) = mpsc::unbounded_channel();
        let bells =
            Bells { at_once, gateway: Notify::new(), shop: Notify::new(), time: Notify::new() };
        let metrics = Arc::new(Metrics::new(clock.now()));
        let service = Self {
            store,
            clock,
            watchers: Watchers::default(),
            bells,
            random,
            seller,
            token_key,
            metrics,
            readiness: Readiness::default(),
            gauges: Gauges::default(),
        };
        Ok((service, entries))
    }

    /// The token of an order: 160 bits in 32 characters.
    ///
    /// It is made from the order's id with a key that only the database holds, so it need not be
    /// stored with the order, and a repeated create gives the same one again.
    pub(crate) fn token(&self, order_id: &OrderId) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.token_key.as_bytes());
        // An HMAC takes a key of any length.
        let Ok(mut mac) = mac else { return String::new() };
        mac.update(b"order token ");
        mac.update(order_id.as_str().as_bytes());
        let digest = mac.finalize().into_bytes();
        base32(digest.get(..20).unwrap_or_default())
    }

    /// Whether this is the order's token, in constant time.
    pub(crate) fn is_token(&self, order_id: &OrderId, token: &str) -> bool {
        let expected = self.token(order_id);
        !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(token.as_bytes()))
    }

    /// A nonce for one message.
    pub(crate) fn nonce(&self) -> Result<Nonce, crate::random::NoRandom> {
        Ok(Nonce::from_random(self.random.bytes()?))
    }

    /// How many notifications were refused since the start.
    #[cfg(test)]
    pub(crate) fn refused_notices(&self) -> u64 {
        self.metrics.refused_notices()
    }

    /// A name for a request that came without one.
    pub(crate) fn trace_id(&self) -> String {
        self.random.bytes::<16>().map_or_else(|_| "unknown".to_owned(), |bytes| hex(&bytes))
    }
}
