//! What stands outside: WeChat's gateway, the way from WeChat to us, the shops.

use super::{Finding, Level, finding};
use crate::clock::Clock;
use crate::config::{Config, MerchantConfig, WebhookConfig};
use crate::http::NOTIFY_PATH;
use crate::random::{Random, hex};
use crate::webhook::{Reach, literal};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use futures_util::future::join_all;
use saoma_core::api::{Call, Class, OrderQueryAnswer};
use saoma_core::ids::{AppId, Nonce, OutTradeNo};
use saoma_core::native::{CallError, Gateway, GatewayError};
use saoma_core::sign::ApiKey;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How wrong a clock may be, in seconds.
const CLOCK_S: u64 = 30;
/// How long anybody may take to answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// Longest answer of our own that is read.
const ANSWER_MAX: usize = 200;

/// Each merchant's clock and key.
pub(super) async fn gateways(config: &Config, clock: &Clock, random: &Random) -> Vec<Finding> {
    let all = config.merchants.iter().map(async |merchant| {
        let about = format!("merchant {}", merchant.mch_id);
        let mut found = Vec::new();
        for (index, app) in merchant.apps.iter().enumerate() {
            match gateway(merchant, app) {
                Ok(gateway) => {
                    if index == 0 {
                        found.push(time(&about, &gateway, clock).await);
                    }
                    found.push(keys(&about, merchant, app, random).await);
                }
                Err(error) => found.push(finding(Level::Fail, &about, error.to_string())),
            }
        }
        found
    });
    join_all(all).await.concat()
}

fn gateway(merchant: &MerchantConfig, app: &AppId) -> Result<Gateway, GatewayError> {
    let hosts: Vec<&str> = merchant.gateway.iter().map(String::as_str).collect();
    Gateway::with(merchant.merchant(app), &hosts, merchant.settings())
}

async fn time(about: &str, gateway: &Gateway, clock: &Clock) -> Finding {
    match gateway.date().await {
        Ok(Some(theirs)) => {
            let (ours, theirs) = (clock.now().get(), theirs.get());
            let wrong_by = ours.abs_diff(theirs);
            if wrong_by <= CLOCK_S {
                let text = format!("the clock agrees with the gateway's within {wrong_by} s");
                return finding(Level::Ok, about, text);
            }
            let way = if ours > theirs { "ahead of" } else { "behind" };
            let text = format!("the clock is {wrong_by} s {way} the gateway's: let NTP set it");
            finding(Level::Warn, about, text)
        }
        Ok(None) => {
            finding(Level::Warn, about, "the gateway says no time: see to the clock yourself")
        }
        Err(error) => finding(
            Level::Fail,
            about,
            format!("{error}: see to the network, `gateway` and `root_certificate`"),
        ),
    }
}

/// Whether WeChat takes `key`, or `next_key` while the key changes.
async fn keys(about: &str, merchant: &MerchantConfig, app: &AppId, random: &Random) -> Finding {
    let check = async |key: &ApiKey| {
        let alone = MerchantConfig { key: key.clone(), next_key: None, ..merchant.clone() };
        match gateway(&alone, app) {
            Ok(gateway) => key_of(about, &gateway, random).await,
            Err(error) => finding(Level::Fail, about, error.to_string()),
        }
    };
    let Some(next_key) = &merchant.next_key else { return check(&merchant.key).await };
    let (key, next) = tokio::join!(check(&merchant.key), check(next_key));
    let (level, text) = match (key.level, next.level) {
        (Level::Ok, Level::Ok) => (Level::Ok, "WeChat takes `key` and `next_key`".to_owned()),
        (Level::Ok, _) => {
            let text = "WeChat takes `key`, and not `next_key` yet: set that one on the merchant \
                        platform when every server has it";
            (Level::Ok, text.to_owned())
        }
        (_, Level::Ok) => {
            let text = "WeChat takes `next_key` and not `key` any more: move it to `key`";
            (Level::Warn, text.to_owned())
        }
        _ => return Finding { text: format!("{}; nor is `next_key` taken", key.text), ..key },
    };
    finding(level, about, format!("{text}, for app {app}"))
}

/// Asks for an order that nobody has: a signed "there is none" shows that the key is good.
async fn key_of(about: &str, gateway: &Gateway, random: &Random) -> Finding {
    let merchant = gateway.merchant();
    let app = &merchant.app_id;
    let (Ok(number), Ok(nonce)) = (random.bytes::<10>(), random.bytes::<16>()) else {
        return finding(Level::Fail, about, "the system gives no random numbers");
    };
    let Ok(number) = OutTradeNo::new(&format!("CHECK{}", hex(&number))) else {
        return finding(Level::Fail, about, "the made-up number is none");
    };
    let nonce = Nonce::from_random(nonce);
    match gateway.order_query(&number, merchant.sign_type, &nonce).await {
        Ok(OrderQueryAnswer::Refused(refusal))
            if refusal.class(Call::OrderQuery) == Class::NotFound =>
        {
            finding(Level::Ok, about, format!("the key is good, for app {app}"))
        }
        Ok(OrderQueryAnswer::Refused(refusal)) => {
            let text = format!(
                "WeChat says {refusal} for app {app}: compare `mch_id`, `app_id` and `key` with \
                 the merchant platform"
            );
            finding(Level::Fail, about, text)
        }
        Ok(OrderQueryAnswer::State(_)) => {
            finding(Level::Warn, about, "the gateway knows an order that nobody has made")
        }
        Err(error @ CallError::Answer(_)) => {
            let text = format!(
                "{error}; compare `mch_id`, `app_id` ({app}) and `key` with the merchant platform"
            );
            finding(Level::Fail, about, text)
        }
        Err(error) => finding(Level::Fail, about, format!("the key cannot be checked: {error}")),
    }
}

/// Whether what WeChat would call comes here. A server that runs is asked directly and by its
/// public address, and must say the same; when none runs, we listen in its place.
pub(super) async fn notify_url(config: &Config, random: &Random) -> Option<Finding> {
    let about = "notify URL";
    let Some(public_url) = &config.public_url else {
        let text = "no public_url: only a gateway on this machine can call";
        return Some(finding(Level::Warn, about, text));
    };
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build();
    let Ok(client) = client else {
        return Some(finding(Level::Fail, about, "TLS cannot be set up"));
    };
    let url = format!("{public_url}{NOTIFY_PATH}");
    let placeholder = Placeholder::start(config.listen, random).await;
    let expected = match &placeholder {
        Some(placeholder) => Ok(placeholder.says.clone()),
        None => ask(&client, &format!("http://{}{NOTIFY_PATH}", reachable(config.listen))).await,
    };
    let expected = match expected {
        Ok(expected) if expected.starts_with("saoma-server ") => expected,
        Ok(_) => {
            let text = format!("another program listens on {}: stop it", config.listen);
            return Some(finding(Level::Fail, about, text));
        }
        Err(why) => {
            let text = format!("nobody can listen on {}, and there is {why}", config.listen);
            return Some(finding(Level::Fail, about, text));
        }
    };
    let proxy = "let the proxy pass that path unchanged, with its method and body";
    Some(match ask(&client, &url).await {
        Ok(said) if said == expected => {
            finding(Level::Ok, about, format!("{url} leads here (asked from here)"))
        }
        Ok(_) => finding(Level::Fail, about, format!("{url} leads to somebody else: {proxy}")),
        Err(why) => finding(
            Level::Fail,
            about,
            format!("{url}: {why}; if this machine may not call itself, ask from outside; {proxy}"),
        ),
    })
}

/// The beginning of an answer, or why there is none.
async fn ask(client: &reqwest::Client, url: &str) -> Result<String, String> {
    let no_answer = |error: reqwest::Error| {
        let why = if error.is_timeout() { "no answer in time" } else { "no connection" };
        why.to_owned()
    };
    let mut response = client.get(url).send().await.map_err(no_answer)?;
    if !response.status().is_success() {
        return Err(format!("an answer with HTTP status {}", response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            break;
        }
    }
    body.truncate(ANSWER_MAX);
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Where a server that listens everywhere is reached on this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => [127, 0, 0, 1].into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(loopback, listen.port())
}

/// Listens in the server's place while it is looked for.
struct Placeholder {
    says: String,
    task: tokio::task::JoinHandle<()>,
}

impl Placeholder {
    async fn start(listen: SocketAddr, random: &Random) -> Option<Self> {
        let listener = tokio::net::TcpListener::bind(listen).await.ok()?;
        let says = format!("saoma-server {}", hex(&random.bytes::<16>().ok()?));
        let app = stand_in(says.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::warn!(%error, "nobody can be listened to");
            }
        });
        Some(Self { says, task })
    }
}

/// What is said in the server's place: who listens, to whoever asks for just that. Everybody else,
/// such as a proxy that asks whether the server lives, or WeChat, is told that it is not there.
fn stand_in(says: String) -> Router {
    async fn nobody_here() -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }
    Router::new()
        .route(NOTIFY_PATH, get(async move || says))
        .fallback(nobody_here)
        .method_not_allowed_fallback(nobody_here)
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether shops can be found at addresses that may be called.
pub(super) async fn webhooks(config: &Config) -> Vec<Finding> {
    let reach = Reach::of(config.webhook_private);
    let shops = config.shops.iter().map(async |shop| {
        let about = format!("shop {}", shop.id);
        let Some(webhook) = &shop.webhook else {
            let text = "no webhook: whoever makes an order fetches its goods";
            return finding(Level::Ok, about, text);
        };
        match resolve(webhook, reach).await {
            Ok(()) => finding(Level::Ok, about, "the webhook's host has an address"),
            Err(text) => finding(Level::Fail, about, format!("webhook_url {text}")),
        }
    });
    join_all(shops).await
}

async fn resolve(webhook: &WebhookConfig, reach: Reach) -> Result<(), &'static str> {
    let url = webhook.url.expose();
    if let Some(address) = literal(url) {
        return reach.check(&[address]);
    }
    let unknown = "has a host without an address: correct it, or the name service";
    let host = reqwest::Url::parse(url).ok();
    let host = host.as_ref().and_then(|url| url.host_str()).ok_or(unknown)?;
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await;
    let found = found.map_err(|_| unknown)?.map_err(|_| unknown)?;
    reach.check(&found.map(|address| address.ip()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_stands_in_for_the_server_answers_nothing_but_the_check() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = stand_in("saoma-server 1".to_owned());
        let task = tokio::spawn(async move { axum::serve(listener, app).await });
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let notify_url = format!("{url}{NOTIFY_PATH}");
        assert_eq!(ask(&client, &notify_url).await, Ok("saoma-server 1".to_owned()));
        for path in ["/", "/readyz", "/healthz", "/v1/orders/x", "/saoma/wx/v2/notify"] {
            let answer = client.get(format!("{url}{path}")).send().await.unwrap();
            assert_eq!(answer.status(), 503, "{path}");
        }
        let notice = client.post(notify_url).body("<xml/>").send().await.unwrap();
        assert_eq!(notice.status(), 503, "WeChat sends it again");
        task.abort();
    }
}
