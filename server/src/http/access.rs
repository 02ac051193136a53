//! Who may call what (docs/api.md §1).

use super::App;
use super::error::ApiError;
use crate::config::Secret;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use saoma_core::ids::OrderId;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq as _};

/// The keys of the shop and its kiosks, as digests: those of any two texts have the same length,
/// so comparing them tells nothing.
#[derive(Clone)]
pub(crate) struct ShopKeys(Arc<[[u8; 32]]>);

impl ShopKeys {
    pub(crate) fn new(keys: &[Secret]) -> Self {
        Self(keys.iter().map(|key| Sha256::digest(key.expose()).into()).collect())
    }

    /// Whether this is one of them; all of them are compared, in constant time.
    fn holds(&self, key: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let one_of = |found: Choice, key: &[u8; 32]| found | key.ct_eq(&digest);
        self.0.iter().fold(Choice::from(0), one_of).into()
    }
}

/// The caller is the shop or a kiosk of it.
pub(super) struct ByShop;

impl FromRequestParts<App> for ByShop {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let key = bearer(&parts.headers).ok_or(ApiError::Unauthorized)?;
        if app.keys.holds(key) { Ok(Self) } else { Err(ApiError::Unauthorized) }
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
        let is_shop = bearer.is_some_and(|key| app.keys.holds(key));
        if is_shop || app.service.is_token(&order_id, token) {
            Ok(Self(order_id))
        } else {
            Err(ApiError::NotFound)
        }
    }
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
