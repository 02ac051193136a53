//! What every verb may need besides the database.

use crate::clock::Clock;
use crate::config::AnomalyPolicy;
use crate::metrics::Metrics;
use crate::random::{NoRandom, Random, base32, hex};
use crate::store::Entry;
use crate::watch::Watchers;
use saoma_core::api::Merchant;
use saoma_core::ids::{AppId, MchId, Nonce};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};

/// Who sells, and how WeChat is told about it: a merchant with one of its apps.
#[derive(Clone, Debug)]
pub(crate) struct Seller {
    pub(crate) merchant: Merchant,
    /// To show: 1 to 64 bytes.
    pub(crate) name: String,
    pub(crate) notify_url: String,
    pub(crate) refund_notify_url: String,
    /// What becomes of payments that may not be kept.
    pub(crate) anomalies: AnomalyPolicy,
    /// Named as the caller's in unified orders.
    pub(crate) ip: IpAddr,
}

/// Who has a customer's order made, in the name of a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shop {
    pub(crate) id: String,
    pub(crate) mch_id: MchId,
    pub(crate) app_id: AppId,
    /// Whether it is told to ship by a webhook. If not, whoever made an order fetches its goods.
    pub(crate) has_webhook: bool,
    /// How long a paid order may wait to be fetched, in seconds, before somebody is told.
    pub(crate) fetch_within_s: u64,
}

/// All who sell, and their shops.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sellers {
    pub(crate) sellers: Vec<Seller>,
    pub(crate) shops: Vec<Shop>,
}

impl Sellers {
    /// The seller of these ids.
    pub(crate) fn of(&self, mch_id: &MchId, app_id: &AppId) -> Option<&Seller> {
        let any = saoma_core::planted!("any-app-of-the-merchant");
        self.sellers.iter().find(|seller| {
            let merchant = &seller.merchant;
            merchant.mch_id == *mch_id && (merchant.app_id == *app_id || any)
        })
    }

    /// The shop of this id.
    pub(crate) fn shop(&self, id: &str) -> Option<&Shop> {
        self.shops.iter().find(|shop| shop.id == id)
    }
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
    /// Somebody wants a day's bill compared.
    pub(crate) bills: Notify,
}

/// What every verb may need besides the database.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) clock: Clock,
    pub(crate) watchers: Watchers,
    pub(crate) bells: Bells,
    pub(crate) sellers: Sellers,
    pub(super) random: Random,
    pub(crate) metrics: Arc<Metrics>,
}

impl Context {
    /// A nonce for one message.
    pub(crate) fn nonce(&self) -> Result<Nonce, NoRandom> {
        Ok(Nonce::from_random(self.random.bytes()?))
    }

    /// Forty random bits in eight characters.
    pub(super) fn short_random(&self) -> Result<String, NoRandom> {
        Ok(base32(&self.random.bytes::<5>()?))
    }

    /// A name for a request that came without one.
    pub(crate) fn trace_id(&self) -> String {
        self.random.bytes::<16>().map_or_else(|_| "unknown".to_owned(), |bytes| hex(&bytes))
    }
}
