//! The part of the control interface that only looks: orders, messages with their signatures
//! explained, merchants, and the bell that tells a page to look again.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::control::{Answer, ControlError};
use crate::gateway::{Direction, Explanation, Gateway, Message, ORDERS_SHOWN, OrderFilter, Signer};
use crate::shared::Shared;

/// The most orders that one call shows.
const ORDERS_MAX: usize = 10_000;
/// How long the bell is listened to before a page is told that nothing has happened.
const LISTEN: Duration = Duration::from_secs(20);
/// Changes that come together are told together.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/orders", get(orders))
        .route("/messages", get(messages))
        .route("/messages/{id}", get(message))
        .route("/merchants", get(merchants))
        .route("/example", get(example))
        .route("/events", get(events))
}

/// What the address asks for; a refusal is JSON like all others.
struct Asked<T>(T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = ControlError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ControlError> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        let refused = |error: QueryRejection| ControlError::bad("invalid_query", error.body_text());
        query.map(|Query(asked)| Self(asked)).map_err(refused)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrdersQuery {
    out_trade_no: Option<String>,
    mch_id: Option<String>,
    state: Option<String>,
    text: Option<String>,
    limit: Option<usize>,
}

async fn orders(State(shared): State<Arc<Shared>>, Asked(query): Asked<OrdersQuery>) -> Answer {
    let filter = OrderFilter {
        out_trade_no: query.out_trade_no,
        mch_id: query.mch_id,
        state: query.state,
        text: query.text,
    };
    let limit = query.limit.unwrap_or(ORDERS_SHOWN);
    if !(1..=ORDERS_MAX).contains(&limit) {
        let message = format!("limit must be 1 to {ORDERS_MAX}");
        return Err(ControlError::bad("invalid_limit", message));
    }
    let (orders, now) = shared.look(|gateway, now| (gateway.find_orders(&filter, limit, now), now));
    Ok(Json(json!({ "now": now.0, "orders": orders })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessagesQuery {
    out_trade_no: Option<String>,
    mch_id: Option<String>,
    after: Option<u64>,
}

async fn messages(State(shared): State<Arc<Shared>>, Asked(query): Asked<MessagesQuery>) -> Answer {
    let same =
        |wanted: &Option<String>, known: &Option<String>| wanted.is_none() || wanted == known;
    let messages = shared.look(|gateway, _| {
        let wanted = gateway.numbered_messages().filter(|numbered| {
            query.after.is_none_or(|after| numbered.id > after)
                && same(&query.out_trade_no, &numbered.message.out_trade_no)
                && same(&query.mch_id, &numbered.message.mch_id)
        });
        json!(wanted.collect::<Vec<_>>())
    });
    Ok(Json(json!({ "messages": messages })))
}

async fn message(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let explained = shared.look(|gateway, _| {
        let id: u64 = id.parse().ok()?;
        let numbered = gateway.numbered_messages().find(|numbered| numbered.id == id)?;
        let (request, response) = explain(gateway, numbered.message);
        Some(json!({
            "message": numbered,
            "request_explained": request,
            "response_explained": response,
        }))
    });
    explained.map(Json).ok_or_else(|| {
        let message = "no such message, or it is too long ago";
        ControlError::not_found("unknown_message", message)
    })
}

/// Explains both bodies, as far as they are documents that somebody ought to have signed.
fn explain(gateway: &Gateway, message: &Message) -> (Option<Explanation>, Option<Explanation>) {
    let gateways = |body: &str| {
        let is_document = body.trim_start().starts_with('<');
        is_document.then(|| gateway.explain(body.as_bytes(), Signer::Gateway))
    };
    match message.direction {
        Direction::In => {
            let request = gateway.explain(message.request.as_bytes(), Signer::Merchant);
            (Some(request), gateways(&message.response))
        }
        Direction::Out => (gateways(&message.request), None),
        Direction::Phone | Direction::Fault => (None, None),
    }
}

async fn merchants(State(shared): State<Arc<Shared>>) -> Answer {
    let merchants: Vec<_> = shared.look(|gateway, _| {
        let merchant = |merchant: &crate::Merchant| {
            json!({
                "mch_id": merchant.mch_id, "appid": merchant.appid, "shop": merchant.shop,
            })
        };
        gateway.merchants().map(merchant).collect()
    });
    Ok(Json(json!({ "merchants": merchants })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleQuery {
    mch_id: String,
}

async fn example(State(shared): State<Arc<Shared>>, Asked(query): Asked<ExampleQuery>) -> Answer {
    let example = shared.look(|gateway, now| gateway.example_order(&query.mch_id, now));
    let example = example.ok_or_else(|| {
        ControlError::not_found("unknown_merchant", "no merchant has this number")
    })?;
    Ok(Json(json!({ "path": "/pay/unifiedorder", "body": example })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    after: Option<u64>,
}

/// Answers as soon as something has changed since `after`, or when nothing has for a while.
async fn events(State(shared): State<Arc<Shared>>, Asked(query): Asked<EventsQuery>) -> Answer {
    let mut changes = shared.changes();
    if let Some(after) = query.after {
        // A number that was never rung comes from a sandbox that was restarted: look again.
        let news = changes.wait_for(|rung| *rung != after);
        let news = tokio::time::timeout(LISTEN, news).await.is_ok();
        if news {
            tokio::time::sleep(PAUSE).await;
        }
    }
    let version = *changes.borrow_and_update();
    Ok(Json(json!({ "version": version })))
}
