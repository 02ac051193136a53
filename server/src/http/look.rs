//! Looking at an order, now or as soon as there is news (docs/api.md §2.2).

use super::App;
use super::access::Allowed;
use super::error::ApiError;
use super::fields::field;
use crate::clock::Stopwatch;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use saoma_core::ids::OrderId;
use saoma_core::watch::View;
use std::time::Duration;

/// The longest wait for news in one look, in seconds: shorter than what proxies take for silence.
const WAIT_S_MAX: u64 = 25;
/// How much longer a look may take than other requests.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(WAIT_S_MAX);

/// How long an answer waited for news because the caller wished so. It is no slowness of the
/// server's, and not counted as such.
#[derive(Clone, Copy)]
pub(super) struct Waited(pub(super) Duration);

/// What the caller knows and how long it would wait for more.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    after_version: u64,
    wait: Duration,
}

pub(super) async fn view(
    allowed: Allowed,
    RawQuery(query): RawQuery,
    State(app): State<App>,
) -> Result<Response, ApiError> {
    let wish = wish(query.as_deref().unwrap_or_default())?;
    let order_id = &allowed.order_id;
    if wish.wait.is_zero() {
        let view = app.service.view(order_id).await?.ok_or(ApiError::NotFound)?;
        return Ok(Json(view).into_response());
    }
    let _following = allowed.may_follow(&app)?;
    let began = Stopwatch::start();
    let view = newer(app, order_id, &wish).await?.ok_or(ApiError::NotFound)?;
    Ok((Extension(Waited(began.elapsed())), Json(view)).into_response())
}

/// The view once it is newer than what the caller knows; as it stands when the time is over or
/// the server stops.
async fn newer(mut app: App, order_id: &OrderId, wish: &Wish) -> Result<Option<View>, ApiError> {
    let _open = app.service.context.metrics.open_stream();
    let service = app.service.clone();
    let enough = async {
        tokio::select! {
            // An error says that the server is gone, which is the same.
            _ = app.stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(wish.wait) => {}
        }
    };
    let is_known = |view: &View| view.version <= wish.after_version;
    Ok(service.view_unless(order_id, is_known, enough).await?)
}

/// Reads the two numbers of the query. Others may stand there, such as `token`.
fn wish(query: &str) -> Result<Wish, ApiError> {
    let after_version = number(query, "after_version")?.unwrap_or(0);
    let wait_s = number(query, "wait_s")?.unwrap_or(0);
    if wait_s > WAIT_S_MAX {
        return Err(field("wait_s", &format!("must be 0 to {WAIT_S_MAX}")));
    }
    Ok(Wish { after_version, wait: Duration::from_secs(wait_s) })
}

/// A number of the query that may be left out.
fn number(query: &str, name: &str) -> Result<Option<u64>, ApiError> {
    let is_name = |part: &&str| part.split('=').next() == Some(name);
    let mut parts = query.split('&').filter(is_name);
    let Some(part) = parts.next() else { return Ok(None) };
    if parts.next().is_some() {
        return Err(field(name, "stands there more than once"));
    }
    // `parse` alone would take a sign.
    let digits = part.split_once('=').map_or("", |(_, digits)| digits);
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(field(name, "must be a whole number, not negative")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_numbers_may_be_left_out_and_others_may_stand_beside_them() {
        let wish_of = |query: &str| wish(query).unwrap();
        let now = Wish { after_version: 0, wait: Duration::ZERO };
        assert_eq!(wish_of(""), now);
        assert_eq!(wish_of("token=abc.def&x"), now);
        assert_eq!(wish_of("after_version=7"), Wish { after_version: 7, wait: Duration::ZERO });
        let both = Wish { after_version: u64::MAX, wait: Duration::from_secs(25) };
        assert_eq!(wish_of("wait_s=25&token=t&after_version=18446744073709551615"), both);
    }

    #[test]
    fn what_is_no_number_is_named() {
        for (query, name) in [
            ("after_version=", "after_version"),
            ("after_version", "after_version"),
            ("after_version=-1", "after_version"),
            ("after_version=+1", "after_version"),
            ("after_version=1.5", "after_version"),
            ("after_version=18446744073709551616", "after_version"),
            ("after_version=1&after_version=2", "after_version"),
            ("wait_s=x&after_version=1", "wait_s"),
            ("wait_s=26", "wait_s"),
            ("wait_s=%31", "wait_s"),
        ] {
            match wish(query) {
                Err(ApiError::InvalidField { field, message }) => {
                    assert_eq!(field, name, "{query}");
                    assert!(message.starts_with(name), "{message}");
                }
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
