//! Who may call what (docs/api.md §1).

use super::App;
use super::error::ApiError;
use crate::config::ShopConfig;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use saoma_core::ids::OrderId;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// The keys of shops and their kiosks, as digests, each with its shop's id: digests of any two
/// texts have the same length, so comparing them tells nothing.
#[derive(Clone)]
pub(crate) struct ShopKeys(Arc<[([u8; 32], Arc<str>)]>);

impl ShopKeys {
    pub(crate) fn new(shops: &[ShopConfig]) -> Self {
        let keys = shops.iter().flat_map(|shop| {
            let id: Arc<str> = shop.id.as_str().into();
            shop.keys.iter().map(move |key| (Sha256::digest(key.expose()).into(), id.clone()))
        });
        Self(keys.collect())
    }

    /// The digest and the shop of a key that is one of them; all of them are compared, in
    /// constant time.
    fn find(&self, key: &str) -> Option<([u8; 32], Arc<str>)> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let mut found = None;
        for (known, shop) in self.0.iter() {
            if bool::from(known.ct_eq(&digest)) {
                found = Some(shop);
            }
        }
        Some((digest, found?.clone()))
    }
}

/// The caller is a shop, or a kiosk of it: the shop's id.
pub(super) struct ByShop(pub(super) Arc<str>);

impl FromRequestParts<App> for ByShop {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let key = bearer(&parts.headers).ok_or(ApiError::Unauthorized)?;
        match app.keys.find(key) {
            Some((digest, shop)) => {
                count_key(&digest, app)?;
                Ok(Self(shop))
            }
            None => {
                count_address(parts, app)?;
                Err(ApiError::Unauthorized)
            }
        }
    }
}

/// The order in the path, and the caller may see it: the shop, a kiosk, or the page that holds its
/// token. There may be no such order.
pub(super) struct Allowed(pub(super) OrderId);

/// `?token=`, where a browser cannot send headers. A shop's key may not stand in a URL.
#[derive(serde::Deserialize)]
struct InUrl {
    token: String,
}

impl FromRequestParts<App> for Allowed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let order_id = Path::<String>::from_request_parts(parts, app).await;
        let bearer = bearer(&parts.headers);
        let in_url = Query::<InUrl>::try_from_uri(&parts.uri).ok();
        let token = bearer.or(in_url.as_ref().map(|Query(in_url)| in_url.token.as_str()));
        let token = token.ok_or(ApiError::Unauthorized)?;
        let order_id = order_id.ok().and_then(|Path(order_id)| OrderId::new(&order_id).ok());
        let order_id = order_id.ok_or(ApiError::NotFound)?;
        if let Some((digest, _)) = bearer.and_then(|key| app.keys.find(key)) {
            count_key(&digest, app)?;
            return Ok(Self(order_id));
        }
        count_address(parts, app)?;
        if app.service.is_token(&order_id, token) {
            Ok(Self(order_id))
        } else {
            Err(ApiError::NotFound)
        }
    }
}

fn count_address(parts: &Parts, app: &App) -> Result<(), ApiError> {
    let client = app.gate.client(&parts.extensions, &parts.headers);
    let within = app.gate.address(client, app.service.context.clock.now());
    within.inspect_err(|_| app.service.context.metrics.rate_limited("address"))
}

fn count_key(digest: &[u8; 32], app: &App) -> Result<(), ApiError> {
    let within = app.gate.key(digest, app.service.context.clock.now());
    within.inspect_err(|_| app.service.context.metrics.rate_limited("key"))
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
