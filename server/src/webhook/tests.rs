use super::*;
use crate::config::Secret;
use saoma_core::ids::{OrderId, TransactionId};
use saoma_core::money::Fen;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

fn at(seconds: u64) -> UnixTime {
    UnixTime::new(seconds).unwrap()
}

fn order() -> ShipOrder {
    ShipOrder {
        shop: "shop".to_owned(),
        kind: "order.paid",
        ship_id: "ship-1".to_owned(),
        order_id: OrderId::new("20261123192600K7Q2M9XB").unwrap(),
        order_no: "A-1".to_owned(),
        amount_fen: Fen::new(1).unwrap(),
        transaction_id: TransactionId::new("4200009999202611230000000001").unwrap(),
        paid_at: at(1_795_461_990),
    }
}

/// A shop that says yes with a body of any length, or of one that never ends. Gives its port and
/// how often it was called.
async fn shop(answer_len: Option<usize>) -> (u16, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let app = axum::Router::new().fallback(async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        match answer_len {
            Some(len) => axum::body::Body::from(vec![b'x'; len]),
            None => {
                let mut is_first = true;
                let endless = futures_util::stream::poll_fn(move |_| {
                    let first = std::mem::take(&mut is_first);
                    if first { Poll::Ready(Some(Ok::<_, String>("x"))) } else { Poll::Pending }
                });
                axum::body::Body::from_stream(endless)
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (port, calls)
}

fn webhooks(url: String, reach: Reach) -> Webhooks {
    let secret = Secret::new("webhook-secret-0123".to_owned());
    let webhook = WebhookConfig { url: Secret::new(url), secret };
    Webhooks::new([("shop", &webhook)], reach).unwrap()
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_called_with_permission_only() {
    let (port, calls) = shop(Some(2)).await;
    for url in [format!("http://localhost:{port}/webhook"), format!("http://127.0.0.1:{port}/")] {
        let before = calls.load(Ordering::SeqCst);
        let refused = webhooks(url.clone(), Reach::Public).ship("shop", &order(), at(1)).await;
        assert_eq!(refused, Err(WebhookError::OutOfReach), "{url}");
        assert_eq!(calls.load(Ordering::SeqCst), before, "nobody was called");
        let allowed = webhooks(url.clone(), Reach::Private).ship("shop", &order(), at(1)).await;
        assert_eq!(allowed, Ok(()), "{url}");
        assert_eq!(calls.load(Ordering::SeqCst), before + 1);
    }
}

#[tokio::test]
async fn only_hosts_of_the_configuration_are_called() {
    let (port, calls) = shop(Some(2)).await;
    let webhooks = webhooks(format!("http://127.0.0.1:{port}/"), Reach::Private);
    let elsewhere = webhooks.http.get(format!("http://localhost:{port}/")).send().await;
    assert_eq!(WebhookError::from(elsewhere.unwrap_err()), WebhookError::OutOfReach);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let unknown = webhooks.ship("another", &order(), at(1)).await;
    assert_eq!(unknown, Err(WebhookError::NoWebhook));
}

#[tokio::test]
async fn what_a_shop_says_besides_yes_is_not_waited_for() {
    for answer_len in [Some(0), Some(3), Some(1 << 24), None] {
        let (port, calls) = shop(answer_len).await;
        let webhooks = webhooks(format!("http://127.0.0.1:{port}/"), Reach::Private);
        for _ in 0..2 {
            assert_eq!(webhooks.ship("shop", &order(), at(1)).await, Ok(()), "{answer_len:?}");
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_unreachable() {
    let webhooks = webhooks("http://no-such-host.invalid/".to_owned(), Reach::Private);
    let result = webhooks.ship("shop", &order(), at(1)).await;
    assert_eq!(result, Err(WebhookError::Unreachable));
}

/// A shop that answers 503, but not while the flag is up.
async fn slow_shop() -> (String, Arc<AtomicBool>) {
    let holds = Arc::new(AtomicBool::new(true));
    let is_holding = holds.clone();
    let app = axum::Router::new().fallback(async move || {
        while is_holding.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        axum::http::StatusCode::SERVICE_UNAVAILABLE
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, holds)
}

#[tokio::test]
async fn a_slow_shop_leaves_places_to_others_whatever_it_answers() {
    const REFUSED: Result<(), WebhookError> = Err(WebhookError::Status(503));
    let (url, holds) = slow_shop().await;
    let (port, _) = shop(Some(2)).await;
    let secret = Secret::new("webhook-secret-0123".to_owned());
    let [slow, quick] = [url, format!("http://127.0.0.1:{port}/")]
        .map(|url| WebhookConfig { url: Secret::new(url), secret: secret.clone() });
    let webhooks = Webhooks::new([("slow", &slow), ("quick", &quick)], Reach::Private).unwrap();
    let order = order();
    let all = async |shop: &str| {
        let tell = || webhooks.ship(shop, &order, at(1));
        futures_util::future::join_all((0..12).map(|_| tell())).await
    };
    // It answers once so many calls are slow.
    let until = async |calls: usize| {
        while webhooks.shops["slow"].pace.slow() < calls {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        holds.store(false, Ordering::SeqCst);
    };
    // As long as nobody knows, it is called as every shop is.
    assert_eq!(tokio::join!(all("slow"), until(12)).0, [REFUSED; 12]);
    holds.store(true, Ordering::SeqCst);
    let (answers, others, ()) = tokio::join!(all("slow"), all("quick"), until(8));
    assert_eq!(answers[..8], [REFUSED; 8]);
    assert_eq!(answers[8..], [Err(WebhookError::Waits { in_s: 1 }); 4]);
    assert_eq!(others, [Ok(()); 12]);
    let trusted = async { while all("slow").await != [REFUSED; 12] {} };
    let trusted = tokio::time::timeout(Duration::from_secs(30), trusted).await;
    assert!(trusted.is_ok(), "one that was quick again is called as before");
}

#[tokio::test]
async fn a_shop_that_is_alone_has_all_places() {
    let (url, _holds) = slow_shop().await;
    let webhooks = webhooks(url, Reach::Private);
    let http = reqwest::Client::builder().timeout(Duration::from_millis(200)).no_proxy();
    let webhooks = Webhooks { http: http.build().unwrap(), ..webhooks };
    let order = order();
    for _ in 0..2 {
        let all = (0..12).map(|_| webhooks.ship("shop", &order, at(1)));
        let answers = futures_util::future::join_all(all).await;
        assert_eq!(answers, [Err(WebhookError::Timeout); 12]);
    }
}

#[test]
fn the_signature_covers_time_and_body() {
    // printf '1795461999.{"type":"order.paid"}' | openssl dgst -sha256 -hmac webhook-secret
    let expected =
        "t=1795461999,v1=d4ea3e6b311d873b7b05d45c7c6a2fbc4542dc94656b558df222ff5aca3bcfbb";
    let body = br#"{"type":"order.paid"}"#;
    assert_eq!(signature("webhook-secret", at(1_795_461_999), body), expected);
    assert_ne!(signature("webhook-secret", at(1_795_461_998), body)[13..], expected[13..]);
    assert_ne!(signature("webhook-secret", at(1_795_461_999), b"{}"), expected);
    assert_ne!(signature("webhook-secreT", at(1_795_461_999), body), expected);
}
