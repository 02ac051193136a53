//! Who may call what (docs/api.md §1).

use super::App;
use super::error::ApiError;
use super::limit::{FollowedBy, Following};
use crate::keys::{Holder, KeyDigest};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use saoma_core::ids::OrderId;
use std::net::IpAddr;
use std::sync::Arc;

/// Most that follow an order before its page is told to wait. A customer has a few tabs, and a
/// phone that changes its network leaves some behind that are noticed later.
pub(super) const FOLLOWERS_MAX: usize = 100;

/// The caller holds a key: a shop, or a device of it.
pub(super) struct ByKey(pub(super) Holder);

impl FromRequestParts<App> for ByKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let key = bearer(&parts.headers).ok_or(ApiError::Unauthorized)?;
        match holder(key, app)? {
            Some((_, holder)) => Ok(Self(holder)),
            None => {
                count_address(parts, app)?;
                Err(ApiError::Unauthorized)
            }
        }
    }
}

/// The caller is a shop: its id.
pub(super) struct ByShop(pub(super) Arc<str>);

impl FromRequestParts<App> for ByShop {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let ByKey(Holder { shop, device }) = ByKey::from_request_parts(parts, app).await?;
        if device.is_some() { Err(ApiError::Forbidden) } else { Ok(Self(shop)) }
    }
}

/// The order in the path, and the caller may see it: its shop, the device that made it, or the
/// page that holds its token. There may be no such order.
pub(super) struct Allowed {
    pub(super) order_id: OrderId,
    /// Who would follow it; `None`: the shop itself.
    by: Option<FollowedBy>,
}

impl Allowed {
    /// Whether one more may follow, as long as what is given is kept. Each follower is an open
    /// connection; a page is anybody's, and a device's key may be stolen with it. A shop is trusted
    /// with its own.
    pub(super) fn may_follow(&self, app: &App) -> Result<Option<Following>, ApiError> {
        let context = &app.service.context;
        let (by, limit) = match self.by {
            None => return Ok(None),
            Some(by @ FollowedBy::Device(_)) => (by, "key"),
            Some(by @ FollowedBy::Page(_)) => {
                if context.watchers.followers(&self.order_id) >= FOLLOWERS_MAX {
                    context.metrics.rate_limited("order");
                    return Err(ApiError::TooMany);
                }
                (by, "address")
            }
        };
        let following = app.gate.follow(by);
        following.map(Some).inspect_err(|_| context.metrics.rate_limited(limit))
    }
}

/// `?token=`, where a browser cannot send headers. A shop's key may not stand in a URL.
#[derive(serde::Deserialize)]
struct InUrl {
    token: String,
}

impl FromRequestParts<App> for Allowed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let order_id = order_id(parts, app).await;
        let bearer = bearer(&parts.headers);
        let in_url = Query::<InUrl>::try_from_uri(&parts.uri).ok();
        let token = bearer.or(in_url.as_ref().map(|Query(in_url)| in_url.token.as_str()));
        let token = token.ok_or(ApiError::Unauthorized)?;
        let order_id = order_id.ok_or(ApiError::NotFound)?;
        if let Some((digest, holder)) = bearer.map_or(Ok(None), |key| holder(key, app))? {
            let owner = app.service.owner(&order_id).await?;
            let is_theirs =
                owner.is_some_and(|(shop, device)| may_see(&holder, &shop, device.as_deref()));
            let by = holder.device.is_some().then_some(FollowedBy::Device(digest));
            let allowed = Self { order_id, by };
            return if is_theirs { Ok(allowed) } else { Err(ApiError::NotFound) };
        }
        let client = count_address(parts, app)?;
        if app.service.is_token(&order_id, token) {
            Ok(Self { order_id, by: Some(FollowedBy::Page(client)) })
        } else {
            Err(ApiError::NotFound)
        }
    }
}

/// A shop sees all of its orders, a device those that it has made.
fn may_see(holder: &Holder, shop: &str, device: Option<&str>) -> bool {
    *holder.shop == *shop && (holder.device.is_none() || holder.device.as_deref() == device)
}

/// The order in the path, and a caller with a key. Whether the order is theirs is for the verb to
/// say.
pub(super) struct OrderByKey(pub(super) OrderId, pub(super) Holder);

impl FromRequestParts<App> for OrderByKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let ByKey(holder) = ByKey::from_request_parts(parts, app).await?;
        let order_id = order_id(parts, app).await.ok_or(ApiError::NotFound)?;
        Ok(Self(order_id, holder))
    }
}

async fn order_id(parts: &mut Parts, app: &App) -> Option<OrderId> {
    let Path(order_id) = Path::<String>::from_request_parts(parts, app).await.ok()?;
    OrderId::new(&order_id).ok()
}

/// The digest of this key and who holds it, counted against its limit; `None`: nobody does.
fn holder(key: &str, app: &App) -> Result<Option<(KeyDigest, Holder)>, ApiError> {
    let now = app.service.context.clock.now();
    let Some((digest, holder)) = app.keys.find(key, now) else { return Ok(None) };
    let within = app.gate.key(&digest, holder.device.is_some(), now);
    within.inspect_err(|_| app.service.context.metrics.rate_limited("key"))?;
    Ok(Some((digest, holder)))
}

/// Counts a call by the client's address, and gives that.
fn count_address(parts: &Parts, app: &App) -> Result<IpAddr, ApiError> {
    let client = app.gate.client(&parts.extensions, &parts.headers);
    let within = app.gate.address(client, app.service.context.clock.now());
    within.inspect_err(|_| app.service.context.metrics.rate_limited("address"))?;
    Ok(client)
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
