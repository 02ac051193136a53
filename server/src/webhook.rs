//! Telling the shop to ship (docs/api.md §5).

use crate::config::Secret;
use crate::random::hex;
use crate::service::ShipOrder;
use hmac::{Hmac, KeyInit as _, Mac as _};
use saoma_core::time::UnixTime;
use sha2::Sha256;
use std::fmt;
use std::time::Duration;

/// How long the shop may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The line to the shop.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    http: reqwest::Client,
    url: String,
    secret: Secret,
}

/// Why the shop has not confirmed. The texts do not repeat the URL, which may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookError {
    /// No connection.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Broken,
    /// An answer that is no yes.
    Status(u16),
}

impl WebhookError {
    /// Its name in the metrics.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Unreachable => "unreachable".to_owned(),
            Self::Timeout => "timeout".to_owned(),
            Self::Broken => "broken".to_owned(),
            Self::Status(status) => status.to_string(),
        }
    }
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the shop cannot be reached"),
            Self::Timeout => f.write_str("the shop did not answer within 10 s"),
            Self::Broken => f.write_str("the connection to the shop broke"),
            Self::Status(status) => write!(f, "the shop answered with HTTP status {status}"),
        }
    }
}

impl Webhook {
    /// A line to the shop at `url`, whose messages `secret` signs.
    pub(crate) fn new(url: String, secret: Secret) -> Result<Self, reqwest::Error> {
        // Another part of the program may have installed a provider already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, url, secret })
    }

    /// Tells the shop. `Ok`: it has confirmed.
    pub(crate) async fn ship(&self, ship: &ShipOrder, now: UnixTime) -> Result<(), WebhookError> {
        // Texts and numbers are always JSON.
        let body = serde_json::to_vec(ship).map_err(|_| WebhookError::Broken)?;
        let signature = signature(self.secret.expose(), now, &body);
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("idempotency-key", &ship.ship_id)
            .header("saoma-signature", signature)
            .body(body);
        let response = request.send().await.map_err(|error| {
            if error.is_timeout() {
                WebhookError::Timeout
            } else if error.is_connect() {
                WebhookError::Unreachable
            } else {
                WebhookError::Broken
            }
        })?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(WebhookError::Status(status.as_u16())) }
    }
}

/// `t=SECONDS,v1=HEX` with HMAC-SHA256 over `SECONDS.BODY`.
fn signature(secret: &str, now: UnixTime, body: &[u8]) -> String {
    let t = now.get().to_string();
    let mut digest = Vec::new();
    // An HMAC takes a key of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(t.as_bytes());
        mac.update(b".");
        mac.update(body);
        digest = mac.finalize().into_bytes().to_vec();
    }
    format!("t={t},v1={}", hex(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_time_and_body() {
        let at = |seconds| UnixTime::new(seconds).unwrap();
        // printf '1795461999.{"type":"order.paid"}' | openssl dgst -sha256 -hmac webhook-secret
        let expected =
            "t=1795461999,v1=d4ea3e6b311d873b7b05d45c7c6a2fbc4542dc94656b558df222ff5aca3bcfbb";
        let body = br#"{"type":"order.paid"}"#;
        assert_eq!(signature("webhook-secret", at(1_795_461_999), body), expected);
        assert_ne!(signature("webhook-secret", at(1_795_461_998), body)[13..], expected[13..]);
        assert_ne!(signature("webhook-secret", at(1_795_461_999), b"{}"), expected);
        assert_ne!(signature("webhook-secreT", at(1_795_461_999), body), expected);
    }
}
