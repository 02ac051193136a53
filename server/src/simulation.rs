//! A server for the simulation (`tests/simulate`): the verbs and the worker as they are shipped,
//! with a store in memory or on SQLite, and with the simulation in the place of every network.
//!
//! Nothing here decides anything about money. It is not in what is shipped: the feature
//! `simulation` is off there.

mod dump;
mod hands;
mod people;
mod time;

pub use crate::store::memory::{Listed, Memory, Trouble, TroubleMet};
pub use hands::Follower;
pub use people::{Asker, Begun, Wanted, WantedBack, Who};
pub use saoma_core::native::{CallError, Came};
pub use saoma_core::watch::View;

use crate::clock::{Clock, ManualClock};
use crate::config::{AnomalyPolicy, Database, Secret, UnknownPolicy, WebhookConfig};
use crate::http::acknowledgement;
use crate::random::Random;
use crate::reconcile::Reconciler;
use crate::service::{CancelError, DecideError, Seller, Sellers, Service, Shop};
use crate::store::{Entry, Lane, OpenError, Store, memory};
use crate::webhook::{Reach, Webhooks};
use crate::worker::Worker;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use saoma_core::api::{Call, Merchant};
use saoma_core::ids::{AppId, MchId, OrderId, OutRefundNo};
use saoma_core::native::{Gateway, Wire};
use saoma_core::sign::{ApiKey, SignType};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Notify, mpsc, watch};

/// The made-up merchant and its shop.
pub const MCH_ID: &str = "1900000109";
/// What customers read that it is called.
pub const NAME: &str = "扫码咖啡";
/// Its app.
pub const APP_ID: &str = "wx5a0mademeup0001";
/// Another app of the same merchant, under which [`BRANCH`] sells.
pub const OTHER_APP_ID: &str = "wx5a0mademeup0002";
/// Its key at WeChat.
pub const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
/// The one that it changes to.
pub const NEW_KEY: &str = "SaomaSampleKey000000000000000586";
/// Where WeChat tells of payments.
pub const NOTIFY_URL: &str = "http://shop.example/wx/v2/notify";
/// Where WeChat tells of refunds.
pub const REFUND_NOTIFY_URL: &str = "http://shop.example/wx/v2/refund-notify";

/// Everything beyond a server.
pub trait Outside: Send + Sync {
    /// A host of the gateway is asked; gives what came from it.
    fn gateway<'o>(&'o self, path: &'static str, body: &'o str) -> BoxFuture<'o, Came>;

    /// A shop's webhook is called; gives its status.
    fn shop<'o>(
        &'o self,
        shop: &'o str,
        ship_id: &'o str,
        body: &'o [u8],
        signature: &'o str,
    ) -> BoxFuture<'o, Option<u16>>;
}

/// A line to it.
#[derive(Clone)]
pub(crate) struct OutsideLine(pub(crate) Arc<dyn Outside>);

impl fmt::Debug for OutsideLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutsideLine")
    }
}

impl Wire for OutsideLine {
    fn ask<'w>(&'w self, _: &'w str, call: Call, body: &'w str) -> BoxFuture<'w, Came> {
        self.0.gateway(call.path(), body)
    }
}

/// Where a server's database is.
#[derive(Clone, Debug)]
pub enum Base {
    /// In memory.
    Memory(Memory),
    /// In this file.
    Sqlite(PathBuf),
}

/// Which of the merchant's keys a server holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// [`KEY`].
    #[default]
    Old,
    /// [`KEY`] and, as `next_key`, [`NEW_KEY`].
    Both,
    /// [`NEW_KEY`].
    New,
}

/// What a server is told at its start.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether payments that may not be kept wait for a person.
    pub hold: bool,
    /// What becomes of payments in a bill that nobody here knows.
    pub unknown: UnknownPolicy,
    /// Whether messages are signed by HMAC-SHA256 and not by MD5.
    pub hmac: bool,
    /// Its keys.
    pub held: Held,
    /// What its random numbers follow from.
    pub seed: u64,
}

/// Why a server did not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum No {
    /// It may not be done; nothing has changed.
    Refused(String),
    /// Not now, or nobody knows.
    Failed,
}

impl No {
    fn of(error: impl fmt::Debug) -> Self {
        Self::Refused(format!("{error:?}"))
    }
}

/// Goods that were claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goods {
    /// The same each time.
    pub ship_id: String,
    /// They were claimed before.
    pub again: bool,
}

/// Work that was claimed from the outbox.
#[derive(Clone, Debug)]
pub struct Work(Entry);

/// A server that lives. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Server {
    service: Arc<Service>,
    worker: Arc<Worker>,
    books: Arc<Reconciler>,
    life: u64,
}

/// The shop that sells by a webhook.
pub const SHOP: &str = "shop";
/// Another one that does, under another app.
pub const BRANCH: &str = "branch";
/// What both know webhooks by.
pub const WEBHOOK_SECRET: &str = "a secret of the made-up shop";
/// The shop whose machines hand out.
pub const MACHINES: &str = "machines";

fn merchant(app_id: &str, hmac: bool, held: Held) -> Merchant {
    // All of them are good.
    let good = "a made-up merchant is a good one";
    let [old, new] = [KEY, NEW_KEY].map(|key| ApiKey::new(key).expect(good));
    Merchant {
        mch_id: MchId::new(MCH_ID).expect(good),
        app_id: AppId::new(app_id).expect(good),
        key: match held {
            Held::Old => old,
            Held::Both => old.or(&new),
            Held::New => new,
        },
        sign_type: if hmac { SignType::HmacSha256 } else { SignType::Md5 },
    }
}

fn shop(id: &str) -> Shop {
    let app_id = if id == BRANCH { OTHER_APP_ID } else { APP_ID };
    let Merchant { mch_id, app_id, .. } = merchant(app_id, true, Held::Old);
    Shop { id: id.to_owned(), mch_id, app_id, has_webhook: id != MACHINES, fetch_within_s: 600 }
}

fn sellers(options: Options) -> Sellers {
    let anomalies = if options.hold { AnomalyPolicy::Hold } else { AnomalyPolicy::Refund };
    let seller = Seller {
        merchant: merchant(APP_ID, options.hmac, options.held),
        name: NAME.to_owned(),
        notify_url: NOTIFY_URL.to_owned(),
        refund_notify_url: REFUND_NOTIFY_URL.to_owned(),
        anomalies,
        ip: [127, 0, 0, 1].into(),
    };
    let mut other = seller.clone();
    other.merchant = merchant(OTHER_APP_ID, options.hmac, options.held);
    let shops = vec![shop(SHOP), shop(MACHINES), shop(BRANCH)];
    Sellers { sellers: vec![seller, other], shops }
}

/// The lines are made once: TLS takes its time.
fn lines(hmac: bool, held: Held) -> ([Gateway; 2], Webhooks) {
    static LINES: [OnceLock<([Gateway; 2], Webhooks)>; 6] = [const { OnceLock::new() }; 6];
    let make = || {
        let hosts = ["http://gateway.example", "http://standby.example"];
        let gateway = |app_id| Gateway::new(merchant(app_id, hmac, held), &hosts);
        let gateways = [APP_ID, OTHER_APP_ID].map(gateway);
        let gateways = gateways.map(|gateway| gateway.expect("the hosts are good"));
        let [url, secret] = ["http://shop.example/webhook", WEBHOOK_SECRET].map(str::to_owned);
        let (url, secret) = (Secret::new(url), Secret::new(secret));
        let webhook = WebhookConfig { url, secret };
        let webhooks = Webhooks::new([(SHOP, &webhook), (BRANCH, &webhook)], Reach::of(true));
        (gateways, webhooks.expect("TLS can be set up"))
    };
    let held = match held {
        Held::Old => 0,
        Held::Both => 2,
        Held::New => 4,
    };
    LINES[held + usize::from(hmac)].get_or_init(make).clone()
}

impl Server {
    /// Starts on this database; gives also the entries that are to be performed at once.
    ///
    /// # Errors
    /// The database is not ready.
    pub async fn start(
        base: &Base,
        options: Options,
        clock: &ManualClock,
        outside: Arc<dyn Outside>,
    ) -> Result<(Self, AtOnce), OpenError> {
        let (store, life) = match base {
            Base::Memory(memory) => {
                let (store, server) = Store::in_memory(memory);
                (store, server.life())
            }
            Base::Sqlite(path) => (Store::open(&Database::Sqlite(path.clone())).await?, 0),
        };
        let random = Random::seeded(options.seed);
        let clock = Clock::Manual(clock.clone());
        let (service, at_once) = Service::open(store, clock, random, sellers(options)).await?;
        let outside = OutsideLine(outside);
        let (gateways, webhooks) = lines(options.hmac, options.held);
        let gateways = gateways.map(|gateway| {
            let Merchant { mch_id, app_id, .. } = gateway.merchant().clone();
            ((mch_id, app_id), gateway.wired(Arc::new(outside.clone())))
        });
        let gateways = HashMap::from(gateways);
        let service = Arc::new(service);
        let worker = Arc::new(Worker {
            service: service.clone(),
            gateways,
            webhooks: webhooks.simulated(outside),
        });
        let Merchant { mch_id, .. } = merchant(APP_ID, options.hmac, options.held);
        let unknown = HashMap::from([(mch_id, options.unknown)]);
        let books = Arc::new(Reconciler::with(worker.clone(), unknown));
        if let Base::Sqlite(_) = base {
            books.take_up().await;
        }
        Ok((Self { service, worker, books, life }, AtOnce(at_once)))
    }

    /// Names it among all that ever used a database in memory.
    #[must_use]
    pub const fn life(&self) -> u64 {
        self.life
    }

    /// WeChat tells of a payment, or of a refund; gives status and body of the answer.
    pub async fn notify(&self, of_refund: bool, body: &[u8]) -> (u16, &'static str) {
        let taken = match of_refund {
            false => self.service.notify(body).await,
            true => self.service.notify_refund(body).await,
        };
        let (status, text) = acknowledgement(Some(&taken));
        (status.as_u16(), text)
    }

    /// What somebody who follows an order sees.
    ///
    /// # Errors
    /// [`No`].
    pub async fn view(&self, order_id: &str) -> Result<Option<View>, No> {
        self.service.view(&id(order_id)?).await.map_err(|_| No::Failed)
    }

    /// The customer gives an order up.
    ///
    /// # Errors
    /// [`No`].
    pub async fn cancel(&self, order_id: &str) -> Result<View, No> {
        self.service.cancel(&id(order_id)?).await.map_err(|error| match error {
            CancelError::Store(_) => No::Failed,
            error => No::of(error),
        })
    }

    /// An operator lets a refund go that was held, or decides against it.
    ///
    /// # Errors
    /// [`No`].
    pub async fn decide(&self, number: &str, release: bool) -> Result<(), No> {
        let number = OutRefundNo::new(number).map_err(No::of)?;
        let mch_id = MchId::new(MCH_ID).map_err(No::of)?;
        let decided = match release {
            true => self.service.release_refund((&number, &mch_id), "operator").await,
            false => self.service.dismiss_refund((&number, &mch_id), "operator").await,
        };
        decided.map(|_| ()).map_err(|error| match error {
            DecideError::Store(_) => No::Failed,
            error => No::of(error),
        })
    }

    /// Compares the bills that are due, and asks about what differs.
    ///
    /// # Errors
    /// [`No::Failed`].
    pub async fn reconcile(&self) -> Result<(), No> {
        let (_go_on, stop) = watch::channel(false);
        self.books.work(&stop).await.map_err(|_| No::Failed)
    }

    /// Takes what is due for WeChat, or for shops.
    ///
    /// # Errors
    /// [`No::Failed`].
    pub async fn claim(&self, for_shops: bool, limit: u32) -> Result<Vec<Work>, No> {
        let lane = if for_shops { Lane::Shop } else { Lane::Gateway };
        let claimed = self.service.claim(lane, limit).await.map_err(|_| No::Failed)?;
        Ok(claimed.into_iter().map(Work).collect())
    }

    /// Performs it, and settles what came of it.
    pub async fn perform(&self, work: Work) {
        self.worker.clone().perform(work.0).await;
    }

    /// Which bells have rung since this was last asked: for whoever calls WeChat, for whoever calls
    /// shops, for whoever keeps time.
    #[must_use]
    pub fn rung(&self) -> [bool; 3] {
        let bells = &self.service.context.bells;
        let rung = |bell: &Notify| bell.notified().now_or_never().is_some();
        [&bells.gateway, &bells.shop, &bells.time].map(rung)
    }
}

/// Entries that are to be performed at once.
#[derive(Debug)]
pub struct AtOnce(mpsc::UnboundedReceiver<Entry>);

impl AtOnce {
    /// The next one, if there is one.
    pub fn take(&mut self) -> Option<Work> {
        self.0.try_recv().ok().map(Work)
    }
}

/// Carries so many random transactions out on a store in memory and on SQLite, in a new file, and
/// compares what they come to. Gives how many statements there were.
///
/// # Errors
/// What is not the same.
pub async fn stores_agree(seed: u64, path: &Path, transactions: u32) -> Result<u64, String> {
    memory::agree(seed, path, transactions).await
}

fn id(text: &str) -> Result<OrderId, No> {
    OrderId::new(text).map_err(No::of)
}

/// An order that a commit has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which order.
    pub order_id: String,
    /// Its phase as a watcher sees it.
    pub phase: String,
    /// Its version.
    pub version: i64,
    /// The server that has committed it.
    pub life: u64,
}

impl Memory {
    /// Servers that have died by themselves since this was last asked.
    #[must_use]
    pub fn died(&self) -> Vec<u64> {
        self.take_died()
    }

    /// The power of a server goes.
    pub fn power_cut(&self, life: u64) {
        self.kill(life);
    }

    /// Orders that commits have changed since this was last asked.
    #[must_use]
    pub fn changed(&self) -> Vec<Changed> {
        let of = |changed: memory::Changed| {
            let memory::Changed { order_id, phase, version, life } = changed;
            Changed { order_id, phase, version, life }
        };
        self.take_changed().into_iter().map(of).collect()
    }

    /// When the first of these comes up: entries for WeChat, for shops, orders, goods, bills.
    #[must_use]
    pub fn next_due(&self) -> [Option<u64>; 5] {
        self.due().map(|due| due.and_then(|due| u64::try_from(due).ok()))
    }
}
