//! What a bridge lets pass: the calls of [`wire`](crate::wire), and nothing else.
//!
//! A terminal that was taken over could else use the bridge's key for whatever the key opens.

use super::message::Method;
use saoma_core::ids::OrderId;

/// Whether this is a call of a terminal.
#[must_use]
pub fn is_allowed(method: Method, path: &str, body: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix("/v1/orders") else { return false };
    if rest.is_empty() {
        return method == Method::Post && !body.is_empty();
    }
    let Some(rest) = rest.strip_prefix('/') else { return false };
    if !body.is_empty() {
        return false;
    }
    match method {
        Method::Get => {
            let (order_id, query) = rest.split_once('?').unwrap_or((rest, ""));
            is_order_id(order_id) && (query.is_empty() || is_wait(query))
        }
        Method::Post => match rest.split_once('/') {
            Some((order_id, "cancel" | "dispense" | "shipped")) => is_order_id(order_id),
            Some(_) | None => false,
        },
    }
}

fn is_order_id(text: &str) -> bool {
    OrderId::new(text).is_ok()
}

fn is_wait(query: &str) -> bool {
    let Some(query) = query.strip_prefix("after_version=") else { return false };
    let Some((version, wait_s)) = query.split_once("&wait_s=") else { return false };
    [version, wait_s].iter().all(|number| {
        !number.is_empty() && number.len() <= 20 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::{Call, NewOrder},
        wire,
    };
    use heapless::String;
    use saoma_core::money::Fen;

    fn calls() -> [Call; 6] {
        let order_id = || OrderId::new("20261123192600K7Q2M9XB").unwrap();
        [
            Call::Make(NewOrder {
                order_no: String::try_from("K-1").unwrap(),
                amount_fen: Fen::new(1).unwrap(),
                description: String::try_from("茶").unwrap(),
                expires_in_s: 300,
            }),
            Call::Look { order_id: order_id(), after_version: None },
            Call::Look { order_id: order_id(), after_version: Some(u64::MAX) },
            Call::Cancel(order_id()),
            Call::Dispense(order_id()),
            Call::Shipped(order_id()),
        ]
    }

    #[test]
    fn every_call_of_a_terminal_passes() {
        for call in calls() {
            let method = if wire::method(&call) == "GET" { Method::Get } else { Method::Post };
            let body = wire::body(&call).unwrap_or_default();
            assert!(is_allowed(method, &wire::path(&call), body.as_bytes()), "{call:?}");
        }
    }

    #[test]
    fn nothing_else_passes() {
        let (get, post) = (Method::Get, Method::Post);
        for (method, path, body) in [
            (get, "/v1/orders", ""),
            (post, "/v1/orders", ""),
            (post, "/v1/ordersX", "{}"),
            (get, "/v1/bills", ""),
            (get, "/v1/anomalies", ""),
            (post, "/v1/orders/20261123192600K7Q2M9XB/refunds", "{}"),
            (post, "/v1/orders/20261123192600K7Q2M9XB/refunds", ""),
            (get, "/v1/orders/20261123192600K7Q2M9XB/events", ""),
            (get, "/v1/orders/20261123192600K7Q2M9XB?token=1", ""),
            (get, "/v1/orders/20261123192600K7Q2M9XB?after_version=1&wait_s=1&token=1", ""),
            (get, "/v1/orders/20261123192600K7Q2M9XB?after_version=&wait_s=1", ""),
            (get, "/v1/orders/20261123192600K7Q2M9XB", "{}"),
            (get, "/v1/orders/../bills", ""),
            (get, "/v1/orders/%2e%2e", ""),
            (get, "//evil.example/v1/orders/20261123192600K7Q2M9XB", ""),
            (get, "@evil.example/v1/orders/20261123192600K7Q2M9XB", ""),
            (get, "", ""),
        ] {
            assert!(!is_allowed(method, path, body.as_bytes()), "{method:?} {path}");
        }
    }
}
