//! The merchant backend of Saoma: orders, WeChat's notifications, shipping, refunds, bills; on
//! SQLite or PostgreSQL.
//!
//! It is the only holder of the merchant key. Data flows one way:
//!
//! ```text
//! request -> core message -> order machine -> one transaction -> effects -> worker
//! ```
//!
//! `http` (axum, thin) calls `service` (the verbs, each one transaction), which calls `store` (rows
//! in, rows out). `worker` performs what was committed: it claims entries of the outbox, calls
//! WeChat or the shop, and commits what came of it by a verb of the service again. Time and random
//! numbers are arguments ([`Clock`], [`Random`]), so that tests and simulations run this very code.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod archive;
mod backup;
mod check;
mod clock;
mod config;
mod crash;
mod http;
mod keys;
mod life;
mod listen;
mod metrics;
mod operator;
mod password;
mod private;
mod random;
mod reconcile;
mod serve;
mod service;
#[cfg(feature = "simulation")]
pub mod simulation;
mod store;
#[cfg(test)]
mod testing;
mod watch;
mod webhook;
mod worker;

pub use archive::{ArchiveError, Archived, archive};
pub use backup::{BackupError, backup};
pub use check::{Finding, Level, check};
pub use clock::{Clock, ManualClock};
pub use config::{
    AnomalyPolicy, Config, ConfigError, Database, Env, Limits, LogConfig, LogFormat,
    MerchantConfig, OperatorConfig, Problem, Secret, ShopConfig, UnknownPolicy, Watched,
    WebhookConfig,
};
#[cfg(fuzzing)]
pub use http::fuzzing;
pub use keys::{KeyError, KeyInfo, Keys};
pub use password::{PasswordError, hash_password};
pub use random::{NoRandom, Random, Seeded};
pub use reconcile::{ReconcileError, Reconciled, reconcile};
pub use store::{KeyKind, Month, OpenError, StoreError};

use http::{App, MetricsFor};
use keys::KeyRing;
use life::Life;
use operator::Office;
use reconcile::Reconciler;
use saoma_core::ids::{AppId, MchId};
use saoma_core::native::{Gateway, GatewayError};
use saoma_core::time::UnixTime;
use serve::{HEAD_WITHIN, serve};
use service::{Seller, Sellers, Service, Shop};
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use webhook::{Reach, Webhooks};
use worker::Worker;

/// How long requests and calls that run may take to end when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(6);
/// How much of that requests may have: one caller who reads or writes slowly must not keep calls
/// from being ended in order.
const DOORS_WITHIN: Duration = Duration::from_secs(3);

/// A running server. Dropped, it is gone at once, as if it had crashed; nothing is lost by that.
#[derive(Debug)]
pub struct Server {
    base_url: String,
    metrics_url: Option<String>,
    /// Takes no more requests, and ends streams.
    close: tokio::sync::watch::Sender<bool>,
    /// Performs no more effects.
    stop: tokio::sync::watch::Sender<bool>,
    life: Life,
    drain: Duration,
    /// Who answers requests.
    doors: JoinSet<()>,
    tasks: JoinSet<()>,
    store: Store,
    /// Held as long as the server lives; the system takes it back from a process that was killed.
    _lock: Option<File>,
}

/// Why a server does not start.
#[derive(Debug)]
pub enum StartError {
    /// Nobody can listen at that address.
    Listen(io::Error),
    /// Nobody can listen there for the metrics.
    MetricsListen(io::Error),
    /// The database cannot be used.
    Open {
        /// Which one, without its password.
        database: String,
        /// Why.
        error: OpenError,
    },
    /// Another server uses the database.
    Taken(PathBuf),
    /// The gateway's hosts or TLS are wrong.
    Gateway(GatewayError),
    /// TLS cannot be set up for the webhook.
    Webhook,
    /// The machine's clock, which says this, cannot be right.
    Clock(UnixTime),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => write!(f, "listen: {error}"),
            Self::MetricsListen(error) => write!(f, "metrics_listen: {error}"),
            Self::Open { database, error } => write!(f, "database: {database}: {error}"),
            Self::Taken(path) => {
                write!(f, "database: {}: another server uses it; stop that first", path.display())
            }
            Self::Gateway(error) => write!(f, "merchant.gateway: {error}"),
            Self::Webhook => f.write_str("shop.webhook_url: TLS cannot be set up"),
            Self::Clock(now) => write!(
                f,
                "this machine's clock says {} Beijing time (yyyyMMddHHmmss), before this program \
                 was written. Set it, by NTP for instance, and start again: codes, signatures and \
                 bills go by it",
                now.beijing()
            ),
        }
    }
}

impl std::error::Error for StartError {}

/// One line to WeChat for each merchant and app.
type Gateways = HashMap<(MchId, AppId), Gateway>;

/// The lines to the outside, which tell whether a configuration can be used.
fn lines(config: &Config) -> Result<(Gateways, Webhooks), StartError> {
    let mut gateways = Gateways::new();
    for merchant in &config.merchants {
        let hosts: Vec<&str> = merchant.gateway.iter().map(String::as_str).collect();
        for app in &merchant.apps {
            let gateway = Gateway::with(merchant.merchant(app), &hosts, merchant.settings());
            let gateway = gateway.map_err(StartError::Gateway)?;
            gateways.insert((merchant.mch_id.clone(), app.clone()), gateway);
        }
    }
    let reach = Reach::of(config.webhook_private);
    let webhooks = config.shops.iter().filter_map(|shop| Some((&*shop.id, shop.webhook.as_ref()?)));
    let webhooks = Webhooks::new(webhooks, reach).map_err(|_| StartError::Webhook)?;
    Ok((gateways, webhooks))
}

/// All who sell, reached at `public_url`.
fn sellers(config: &Config, public_url: &str) -> Sellers {
    let mut sellers = Sellers::default();
    for merchant in &config.merchants {
        sellers.sellers.extend(merchant.apps.iter().map(|app| Seller {
            merchant: merchant.merchant(app),
            name: merchant.name.clone(),
            notify_url: format!("{public_url}/wx/v2/notify"),
            refund_notify_url: format!("{public_url}/wx/v2/refund-notify"),
            anomalies: merchant.anomalies,
            ip: merchant.spbill_create_ip,
        }));
    }
    sellers.shops.extend(config.shops.iter().map(|shop| Shop {
        id: shop.id.clone(),
        mch_id: shop.mch_id.clone(),
        app_id: shop.app_id.clone(),
        has_webhook: shop.webhook.is_some(),
        fetch_within_s: u64::from(shop.fetch_within_s),
    }));
    sellers
}

fn can_be_right(clock: &Clock) -> Result<(), StartError> {
    if clock.has_lost_its_time() { Err(StartError::Clock(clock.now())) } else { Ok(()) }
}

/// Opens the database, and says for whom the configuration has no place any more.
async fn open(config: &Config) -> Result<Store, OpenError> {
    let mut store = Store::open(&config.database).await?;
    if let Some(replica) = &config.replica {
        store = store.with_replica(replica)?;
    }
    let under_way = async { store::under_way(&mut store.reader().await?).await };
    for text in check::stranded(config, store::for_a_moment(under_way).await) {
        tracing::warn!("{text}");
    }
    Ok(store)
}

/// Listens, and says under which URL.
async fn listen_at(address: SocketAddr) -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind(address).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    Ok((listener, base_url))
}

impl Server {
    /// Opens the database, listens, and takes up whatever was left to do.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(config: Config, clock: Clock, random: Random) -> Result<Self, StartError> {
        can_be_right(&clock)?;
        let (gateways, webhooks) = lines(&config)?;
        let lock = match &config.database {
            Database::Sqlite(path) => Some(lock(path)?),
            Database::Postgres(_) => None,
        };
        let not_open = |error| StartError::Open { database: config.database.to_string(), error };
        let store = open(&config).await.map_err(not_open)?;
        let (listener, base_url) = listen_at(config.listen).await.map_err(StartError::Listen)?;
        let sellers = sellers(&config, config.public_url.as_deref().unwrap_or(&base_url));
        let (service, at_once) =
            Service::open(store.clone(), clock, random.clone(), sellers).await.map_err(not_open)?;
        let service = Arc::new(service);
        let keys = Arc::new(KeyRing::new(&config.shops));
        keys.refresh(&store).await.map_err(|error| not_open(OpenError::Store(error)))?;
        let (close, closing) = tokio::sync::watch::channel(false);
        let office = Arc::new(Office::new(&config, service.clone(), &store, random, &base_url));
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let life = Life::default();
        let watched = &config.watched;
        let app = App {
            gate: office.gate.clone(),
            office,
            service: service.clone(),
            keys: keys.clone(),
            stop: closing.clone(),
            life: life.clone(),
            metrics_for: metrics_for(watched, config.public_url.is_some()),
        };
        let worker = Arc::new(Worker { service: service.clone(), gateways, webhooks });
        let books = Reconciler::new(worker.clone(), &config);
        books.plan().await.map_err(|error| not_open(OpenError::Store(error)))?;
        let (mut doors, mut tasks) = (JoinSet::new(), JoinSet::new());
        let mut metrics_url = None;
        if let Some(address) = watched.metrics_listen {
            let (listener, url) = listen_at(address).await.map_err(StartError::MetricsListen)?;
            metrics_url = Some(url);
            let router = http::observe_router(app.clone());
            doors.spawn(serve(listener, router, closing.clone(), HEAD_WITHIN));
        }
        listen::begin(&mut tasks, &store, &service.context.watchers, &stopping).await;
        tasks.spawn(books.keep_books(stopping.clone()));
        tasks.spawn(worker::compare_clocks(worker.clone(), stopping.clone()));
        tasks.spawn(worker.clone().call_gateway(at_once, stopping.clone()));
        tasks.spawn(worker.call_shop(stopping.clone()));
        tasks.spawn(keys.keep(store.clone(), stopping.clone()));
        tasks.spawn(store::wal::keep_short(store.clone(), stopping.clone()));
        tasks.spawn(worker::keep_months(service.clone(), stopping.clone()));
        tasks.spawn(worker::keep_time(service, stopping));
        doors.spawn(serve(listener, http::router(app), closing, HEAD_WITHIN));
        let drain = watched.drain;
        Ok(Self {
            base_url,
            metrics_url,
            close,
            stop,
            life,
            drain,
            doors,
            tasks,
            store,
            _lock: lock,
        })
    }

    /// Where it listens, `http://ADDRESS:PORT`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where the metrics are read when they have an address of their own.
    #[must_use]
    pub fn metrics_url(&self) -> Option<&str> {
        self.metrics_url.as_deref()
    }

    /// Says that requests should go elsewhere, takes them for a while, then takes no more,
    /// finishes what runs, and closes the database.
    pub async fn stop(mut self) {
        self.life.drain();
        tokio::time::sleep(self.drain).await;
        self.close.send_replace(true);
        if timeout(STOP_WITHIN, end(&mut self.doors, &self.stop, &mut self.tasks)).await.is_err() {
            // Whatever it was, it is taken up at the next start.
            tracing::warn!("something did not end in time and was cut off");
            self.doors.shutdown().await;
            self.tasks.shutdown().await;
        }
        self.store.close().await;
    }
}

/// Waits until what runs has ended: requests first, for a while, since they may still want
/// something performed.
async fn end(
    doors: &mut JoinSet<()>,
    stop: &tokio::sync::watch::Sender<bool>,
    tasks: &mut JoinSet<()>,
) {
    let closed = async { while doors.join_next().await.is_some() {} };
    if timeout(DOORS_WITHIN, closed).await.is_err() {
        tracing::warn!("a request did not end in time and was cut off");
        doors.shutdown().await;
    }
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
}

/// Makes sure that nobody else serves this database: followers are told within one process, and
/// whoever starts takes up what it finds begun.
fn lock(database: &Path) -> Result<File, StartError> {
    let mut path = database.as_os_str().to_owned();
    path.push("-lock");
    let not_open = |error| StartError::Open {
        database: database.display().to_string(),
        error: OpenError::File(error),
    };
    let file = File::create(&path).map_err(not_open)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Taken(database.to_owned())),
        Err(TryLockError::Error(error)) => Err(not_open(error)),
    }
}

/// Where the server can only be called from this machine, everybody may read what it counts.
fn metrics_for(watched: &Watched, is_public: bool) -> MetricsFor {
    match &watched.metrics_token {
        Some(token) => MetricsFor::holder_of(token),
        None if is_public || watched.metrics_listen.is_some() => MetricsFor::Nobody,
        None => MetricsFor::Everybody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_never_ends_does_not_keep_what_is_performed_from_ending_in_order() {
        let (stop, mut stopping) = tokio::sync::watch::channel(false);
        let (mut doors, mut tasks) = (JoinSet::new(), JoinSet::new());
        doors.spawn(std::future::pending());
        tasks.spawn(async move { drop(stopping.wait_for(|stop| *stop).await) });
        let ended = timeout(STOP_WITHIN, end(&mut doors, &stop, &mut tasks)).await;
        assert!(ended.is_ok() && tasks.is_empty());
    }
}
