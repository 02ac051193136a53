//! Who may call what (docs/api.md §1).

use super::App;
use super::error::ApiError;
use crate::config::Secret;
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

impl App {
    /// Lets the shop and its kiosks in.
    pub(super) fn shop(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let key = bearer(headers).ok_or(ApiError::Unauthorized)?;
        if self.keys.holds(key) { Ok(()) } else { Err(ApiError::Unauthorized) }
    }

    /// Lets in whoever may see this order: the shop, its kiosks, and the page with its token.
    /// A token may stand in the URL, a shop's key may not.
    pub(super) fn order(
        &self,
        headers: &HeaderMap,
        token: Option<&str>,
        order_id: &str,
    ) -> Result<OrderId, ApiError> {
        let bearer = bearer(headers);
        let token = bearer.or(token).ok_or(ApiError::Unauthorized)?;
        let order_id = OrderId::new(order_id).map_err(|_| ApiError::NotFound)?;
        let is_shop = bearer.is_some_and(|key| self.keys.holds(key));
        if is_shop || self.service.is_token(&order_id, token) {
            Ok(order_id)
        } else {
            Err(ApiError::NotFound)
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
