//! What the pages need to answer: the service, where to read, who may come in, the day's figures.

use super::door::{Cookies, Operators, Patience};
use super::page::{Figures, MerchantItem, SettingsPage, ShopItem, Span};
use crate::config::{AnomalyPolicy, Config, Database};
use crate::http::Gate;
use crate::random::Random;
use crate::service::Service;
use crate::store::{Store, StoreError, figures};
use saoma_core::time::UnixTime;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long figures are good, in seconds; longer when counting takes long.
const FIGURES_GOOD_S: u64 = 10;
/// The pause between two counts is as many times as long as the last one took.
const PAUSE_TIMES: u64 = 20;
/// How long a page waits for the first figures.
const FIRST_WITHIN: Duration = Duration::from_millis(1_500);
const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 86_400;
/// Beijing is so far ahead of UTC.
const BEIJING_S: u64 = 8 * HOUR_S;
/// A day this long ago changes no more: its bill was compared.
const SETTLED_S: u64 = 3 * DAY_S;

/// The operator's office.
pub(crate) struct Office {
    pub(crate) service: Arc<Service>,
    /// Where pages are read: the replica, if there is one.
    pub(crate) looks: Store,
    pub(crate) operators: Operators,
    pub(crate) patience: Patience,
    /// Logins are counted with all other requests.
    pub(crate) gate: Arc<Gate>,
    pub(crate) cookies: Cookies,
    pub(crate) random: Random,
    pub(crate) settings: SettingsPage,
    counted: Mutex<Counted>,
}

/// What was counted, and when it is counted next.
#[derive(Default)]
struct Counted {
    figures: Option<Arc<Figures>>,
    again_at: Option<UnixTime>,
    is_counting: bool,
    /// Days that change no more.
    settled: BTreeMap<UnixTime, Span>,
}

impl Office {
    pub(crate) fn new(
        config: &Config,
        service: Arc<Service>,
        store: &Store,
        random: Random,
        base_url: &str,
    ) -> Self {
        let public_url = config.public_url.as_deref().unwrap_or(base_url);
        Self {
            service,
            looks: store.clone(),
            operators: Operators::new(&config.operators),
            patience: Patience::default(),
            gate: Arc::new(Gate::new(config)),
            cookies: Cookies { is_secure: public_url.starts_with("https://") },
            random,
            settings: settings(config, public_url),
            counted: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.service.context.clock.now()
    }

    /// The day's figures: those that were counted last, while new ones are counted beside. `None`:
    /// the first ones are not ready yet.
    pub(crate) async fn figures(self: &Arc<Self>) -> Option<Arc<Figures>> {
        let (known, must_count) = self.take_turn();
        if must_count {
            let office = self.clone();
            let counting = tokio::spawn(async move { office.count().await });
            if known.is_none() {
                // It goes on when this waits no longer.
                let _ = tokio::time::timeout(FIRST_WITHIN, counting).await;
                return self.counted().figures.clone();
            }
        }
        known
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_turn(&self) -> (Option<Arc<Figures>>, bool) {
        let now = self.now();
        let mut counted = self.counted();
        let is_due = counted.again_at.is_none_or(|at| at <= now) && !counted.is_counting;
        counted.is_counting |= is_due;
        (counted.figures.clone(), is_due)
    }

    async fn count(&self) {
        let begun = self.now();
        let settled = self.counted().settled.clone();
        let figures = self.count_from(begun, settled).await;
        let took = self.now().since(begun);
        let mut counted = self.counted();
        counted.is_counting = false;
        counted.again_at = Some(self.now().plus(FIGURES_GOOD_S.max(took * PAUSE_TIMES)));
        match figures {
            Ok((figures, settled)) => {
                counted.figures = Some(Arc::new(figures));
                counted.settled = settled;
            }
            Err(error) => tracing::error!(%error, "the day's figures cannot be counted"),
        }
    }

    async fn count_from(
        &self,
        now: UnixTime,
        mut settled: BTreeMap<UnixTime, Span>,
    ) -> Result<(Figures, BTreeMap<UnixTime, Span>), StoreError> {
        let conn = &mut self.looks.for_people().await?;
        let merchants: Vec<String> =
            self.settings.merchants.iter().map(|merchant| merchant.mch_id.clone()).collect();
        let midnight = back(now, (now.get() + BEIJING_S) % DAY_S);
        let hour = back(now, now.get() % HOUR_S);
        let tomorrow = midnight.plus(DAY_S);
        let mut span = async |begins_at: UnixTime, length_s: u64| -> Result<Span, StoreError> {
            let ends_at = begins_at.plus(length_s);
            let ids = (begins_at.beijing(), ends_at.beijing());
            let orders = figures::orders_made(conn, (&ids.0, &ids.1)).await?;
            let paid = figures::paid(conn, &merchants, (begins_at, ends_at)).await?;
            Ok(Span { begins_at, orders, payments: paid.count, paid: paid.fen })
        };
        let mut hours = Vec::new();
        for ago in (0..24).rev() {
            hours.push(span(back(hour, ago * HOUR_S), HOUR_S).await?);
        }
        let mut days = Vec::new();
        for ago in (0..14).rev() {
            let begins_at = back(midnight, ago * DAY_S);
            let day = match settled.get(&begins_at) {
                Some(day) => day.clone(),
                None => span(begins_at, DAY_S).await?,
            };
            if now.since(begins_at) > SETTLED_S {
                settled.insert(begins_at, day.clone());
            }
            days.push(day);
        }
        settled.retain(|begins_at, _| now.since(*begins_at) < 15 * DAY_S);
        let ids = (midnight.beijing(), tomorrow.beijing());
        let today = figures::orders_by_phase(conn, (&ids.0, &ids.1)).await?;
        let delays = figures::ship_delays_s(conn, "9").await?;
        let gateway_errors = figures::gateway_errors(conn, &back(now, DAY_S).beijing()).await?;
        let last = days.last();
        let figures = Figures {
            today,
            paid_today: last.map(|day| day.paid).unwrap_or_default(),
            payments_today: last.map_or(0, |day| day.payments),
            ship_delay_s: delays.get(delays.len() / 2).copied().zip(delays.last().copied()),
            gateway_errors,
            hours,
            days,
        };
        Ok((figures, settled))
    }
}

fn back(time: UnixTime, seconds: u64) -> UnixTime {
    UnixTime::new(time.get().saturating_sub(seconds)).unwrap_or(time)
}

fn settings(config: &Config, public_url: &str) -> SettingsPage {
    let merchants = config.merchants.iter().map(|merchant| MerchantItem {
        mch_id: merchant.mch_id.to_string(),
        name: merchant.name.clone(),
        apps: merchant.apps.iter().map(ToString::to_string).collect(),
        sign_type: merchant.sign_type.as_str().to_owned(),
        gateway: merchant.gateway.clone(),
        anomalies: match merchant.anomalies {
            AnomalyPolicy::Refund => "refund",
            AnomalyPolicy::Hold => "hold",
        }
        .to_owned(),
        certificate: merchant.certificate.as_ref().map(|certificate| certificate.expires_at()),
    });
    let shops = config.shops.iter().map(|shop| ShopItem {
        id: shop.id.clone(),
        mch_id: shop.mch_id.to_string(),
        webhook: shop.webhook.as_ref().map(|webhook| origin(webhook.url.expose())),
        fixed_keys: shop.keys.len(),
        keys: Vec::new(),
    });
    SettingsPage {
        version: env!("CARGO_PKG_VERSION"),
        database: match &config.database {
            Database::Sqlite(_) => "SQLite",
            Database::Postgres(_) => "PostgreSQL",
        }
        .to_owned(),
        replica: config.replica.is_some(),
        notify_url: format!("{public_url}/wx/v2/notify"),
        merchants: merchants.collect(),
        shops: shops.collect(),
        operators: config.operators.iter().map(|operator| operator.name.clone()).collect(),
    }
}

/// Scheme and host of a URL.
fn origin(url: &str) -> String {
    reqwest::Url::parse(url)
        .map_or_else(|_| "…".to_owned(), |url| url.origin().ascii_serialization())
}
