//! Telling shops to ship (docs/api.md §5).
//!
//! Only hosts of the configuration are called, at addresses that it allows ([`reach`]); redirects
//! and proxies are not followed, and what a shop answers beyond its status is not kept.

mod pace;
mod reach;

pub(crate) use reach::{Reach, literal};

use crate::config::WebhookConfig;
use crate::random::hex;
use crate::service::ShipOrder;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pace::{Pace, Places};
use reach::{Guard, OutOfReach};
use saoma_core::time::UnixTime;
use sha2::Sha256;
use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a shop may take until its status.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer that is read, so that its connection serves for the next call as well.
const ANSWER_LEN_MAX: u64 = 16 * 1024;
/// How long such an answer may take to come.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The lines to all shops that are told by a webhook.
#[derive(Clone, Debug)]
pub(crate) struct Webhooks {
    http: reqwest::Client,
    /// By the shop's id.
    shops: Arc<HashMap<String, Line>>,
    reach: Reach,
    #[cfg(feature = "simulation")]
    outside: Option<crate::simulation::OutsideLine>,
}

/// The line to a shop.
#[derive(Debug)]
struct Line {
    webhook: WebhookConfig,
    pace: Pace,
}

/// Why a shop has not confirmed. The texts do not repeat the URL, which may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookError {
    /// The configuration has no webhook for this shop any more.
    NoWebhook,
    /// Its host leads nowhere that may be called.
    OutOfReach,
    /// No connection.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// It was not called: it is slow, and others wait for an answer already.
    Waits {
        /// When to come back, in seconds.
        in_s: u64,
    },
    /// The connection broke.
    Broken,
    /// An answer that is no yes.
    Status(u16),
}

impl WebhookError {
    /// Its name in the metrics.
    pub(crate) fn name(self) -> String {
        match self {
            Self::NoWebhook => "no_webhook".to_owned(),
            Self::OutOfReach => "out_of_reach".to_owned(),
            Self::Unreachable => "unreachable".to_owned(),
            Self::Timeout => "timeout".to_owned(),
            Self::Waits { .. } => "waits".to_owned(),
            Self::Broken => "broken".to_owned(),
            Self::Status(status) => status.to_string(),
        }
    }
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWebhook => f.write_str("the configuration has no webhook for this shop"),
            Self::OutOfReach => f.write_str(
                "the shop's host has no public address; webhook_private = true allows others",
            ),
            Self::Unreachable => f.write_str("the shop cannot be reached"),
            Self::Timeout => f.write_str("the shop did not answer within 10 s"),
            Self::Waits { .. } => {
                f.write_str("not called, for the shop is slow and lets others wait already")
            }
            Self::Broken => f.write_str("the connection to the shop broke"),
            Self::Status(status) => write!(f, "the shop answered with HTTP status {status}"),
        }
    }
}

impl From<reqwest::Error> for WebhookError {
    fn from(error: reqwest::Error) -> Self {
        let mut source = error.source();
        while let Some(inner) = source {
            if inner.is::<OutOfReach>() {
                return Self::OutOfReach;
            }
            source = inner.source();
        }
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() {
            Self::Unreachable
        } else {
            Self::Broken
        }
    }
}

/// A line to each of these shops. One that is alone need not leave places to others.
fn lines(shops: &HashMap<String, WebhookConfig>) -> Arc<HashMap<String, Line>> {
    let places = (shops.len() > 1).then(Places::default);
    let line = |(id, webhook): (&String, &WebhookConfig)| {
        let pace = Pace::new(places.clone());
        (id.clone(), Line { webhook: webhook.clone(), pace })
    };
    Arc::new(shops.iter().map(line).collect())
}

impl Webhooks {
    /// Lines to these shops, by their ids.
    pub(crate) fn new<'a>(
        shops: impl IntoIterator<Item = (&'a str, &'a WebhookConfig)>,
        reach: Reach,
    ) -> Result<Self, reqwest::Error> {
        let shops = shops.into_iter().map(|(id, webhook)| (id.to_owned(), webhook.clone()));
        let shops = lines(&shops.collect());
        let host = |line: &Line| {
            reqwest::Url::parse(line.webhook.url.expose()).ok()?.host_str().map(str::to_owned)
        };
        let hosts = Arc::new(shops.values().filter_map(host).collect());
        // Another part of the program may have installed a provider already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Guard { hosts, reach })
            .build()?;
        Ok(Self {
            http,
            shops,
            reach,
            #[cfg(feature = "simulation")]
            outside: None,
        })
    }

    /// Lines to the same shops with the simulation in the place of the network; what these have
    /// seen of the shops is not shared.
    #[cfg(feature = "simulation")]
    pub(crate) fn simulated(&self, outside: crate::simulation::OutsideLine) -> Self {
        // No time passes there by which a shop could be slow.
        let line = |(id, line): (&String, &Line)| {
            (id.clone(), Line { webhook: line.webhook.clone(), pace: Pace::new(None) })
        };
        let shops = Arc::new(self.shops.iter().map(line).collect());
        Self { shops, outside: Some(outside), ..self.clone() }
    }

    /// Tells a shop. `Ok`: it has confirmed.
    pub(crate) async fn ship(
        &self,
        shop: &str,
        ship: &ShipOrder,
        now: UnixTime,
    ) -> Result<(), WebhookError> {
        let line = self.shops.get(shop).ok_or(WebhookError::NoWebhook)?;
        let turn = line.pace.turn(now).map_err(|in_s| WebhookError::Waits { in_s })?;
        turn.watch(self.call(&line.webhook, ship, now)).await
    }

    async fn call(
        &self,
        webhook: &WebhookConfig,
        ship: &ShipOrder,
        now: UnixTime,
    ) -> Result<(), WebhookError> {
        let url = webhook.url.expose();
        if literal(url).is_some_and(|address| !self.reach.allows(address)) {
            return Err(WebhookError::OutOfReach);
        }
        // Texts and numbers are always JSON.
        let body = serde_json::to_vec(ship).map_err(|_| WebhookError::Broken)?;
        let signature = signature(webhook.secret.expose(), now, &body);
        #[cfg(feature = "simulation")]
        if let Some(outside) = &self.outside {
            return match outside.0.shop(&ship.shop, &ship.ship_id, &body, &signature).await {
                Some(200..300) => Ok(()),
                Some(status) => Err(WebhookError::Status(status)),
                None => Err(WebhookError::Timeout),
            };
        }
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("idempotency-key", &ship.ship_id)
            .header("saoma-signature", signature)
            .body(body);
        let response = request.send().await?;
        let status = response.status();
        if response.content_length().is_some_and(|length| length <= ANSWER_LEN_MAX) {
            // What it says, and whether it comes whole, changes nothing.
            let _ = tokio::time::timeout(ANSWER_WITHIN, response.bytes()).await;
        }
        if status.is_success() { Ok(()) } else { Err(WebhookError::Status(status.as_u16())) }
    }
}

/// `t=SECONDS,v1=HEX` with HMAC-SHA256 over `SECONDS.BODY`.
fn signature(secret: &str, now: UnixTime, body: &[u8]) -> String {
    let t = now.get().to_string();
    let mut digest = Vec::new();
    // An HMAC takes a key of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        if !saoma_core::planted!("webhook-signs-no-time") {
            mac.update(t.as_bytes());
            mac.update(b".");
        }
        mac.update(body);
        digest = mac.finalize().into_bytes().to_vec();
    }
    format!("t={t},v1={}", hex(&digest))
}

#[cfg(test)]
mod tests;
