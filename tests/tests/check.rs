//! `saoma-server check` against a sandbox: what is good is said to be good, and each thing that is
//! wrong is found and named.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use saoma_core::time::UnixTime;
use saoma_sandbox::Sandbox;
use saoma_server::{Clock, Config, Env, Level, ManualClock, Random, Server};
use std::path::Path;
use tempfile::TempDir;

const MCH_ID: &str = "1900000109";
const APP_ID: &str = "wx5a0mademeup0001";
const KEY: &str = "CanaryMerchantKey000000000000042";

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";

struct Desk {
    sandbox: Sandbox,
    folder: TempDir,
    port: u16,
}

impl Desk {
    async fn start() -> Self {
        let merchant = saoma_sandbox::Merchant::new(MCH_ID, APP_ID, KEY, "Saoma Cafe").unwrap();
        let sandbox = Sandbox::start(saoma_sandbox::Config::new([merchant])).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ours = sandbox.client_certificate(MCH_ID).unwrap();
        std::fs::write(folder.path().join("ca.pem"), sandbox.ca_pem()).unwrap();
        std::fs::write(folder.path().join("apiclient_cert.p12"), &ours.p12).unwrap();
        let port = saoma_tests::free_port().unwrap();
        Self { sandbox, folder, port }
    }

    fn config(&self, replaced: &str, with: &str) -> Config {
        let (port, gateway) = (self.port, self.sandbox.https_url());
        let text = format!(
            "listen = \"127.0.0.1:{port}\"\ndatabase = \"sqlite:saoma.db\"\n\
             public_url = \"http://127.0.0.1:{port}\"\nwebhook_private = true\n\
             [merchant]\nname = \"Saoma Cafe\"\nmch_id = \"{MCH_ID}\"\napp_id = \"{APP_ID}\"\n\
             key = \"{KEY}\"\ngateway = \"{gateway}\"\nroot_certificate_file = \"ca.pem\"\n\
             certificate_file = \"apiclient_cert.p12\"\n\
             [shop]\nkeys = [\"shop-key-0123456789\"]\n\
             webhook_url = \"http://localhost:3000/hook\"\n\
             webhook_secret = \"webhook-secret-012\"\n\
             [[operators]]\nname = \"lin\"\n\
             password_hash = '{HASH}'\n"
        );
        assert!(text.contains(replaced), "{replaced}");
        let text = text.replacen(replaced, with, 1);
        Config::parse(&text, self.folder.path(), &Env::default()).unwrap()
    }

    /// What a check says, one line each, without what is as it should be.
    async fn wrong(&self, config: &Config, clock: Clock) -> String {
        let found = saoma_server::check(config, false, &clock, &Random::System).await;
        let all: Vec<String> = found.iter().map(ToString::to_string).collect();
        let shown = all.join("\n");
        for secret in [KEY, "shop-key", "webhook-secret", "/hook", "argon2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let expected = "public_url begins with http";
        let wrong =
            found.iter().filter(|one| one.level != Level::Ok && !one.text.contains(expected));
        wrong.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

fn system() -> Clock {
    Clock::System
}

#[tokio::test]
async fn what_is_good_is_said_to_be_good_before_the_server_runs_and_while_it_does() {
    let desk = Desk::start().await;
    let config = desk.config("", "");
    let found = saoma_server::check(&config, false, &system(), &Random::System).await;
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    let said = lines.join("\n");
    for expected in [
        "ok    configuration: 1 merchant, 1 shop, 1 operator",
        "ok    merchant 1900000109: the certificate is good until 2",
        "saoma.db is made at the first start",
        "ok    merchant 1900000109: the clock agrees with the gateway's within ",
        "ok    merchant 1900000109: the key is good, for app wx5a0mademeup0001",
        "/wx/v2/notify leads here",
        "ok    shop shop: the webhook's host has an address",
    ] {
        assert!(said.contains(expected), "{said}\n  expected: {expected}");
    }
    assert_eq!(desk.wrong(&config, system()).await, "");
    assert!(!desk.folder.path().join("saoma.db").exists(), "a check makes nothing");
    let server = Server::start(config.clone(), system(), Random::System).await.unwrap();
    assert_eq!(desk.wrong(&config, system()).await, "", "while it runs");
    server.stop().await;
}

#[tokio::test]
async fn whatever_is_wrong_is_found_and_named() {
    let desk = Desk::start().await;
    let other = Desk::start().await;
    let elsewhere = other.sandbox.base_url();
    let public_url = format!("public_url = \"http://127.0.0.1:{}", desk.port);
    let gateway = desk.sandbox.https_url();
    for (replaced, with, expected) in [
        ("Canary", "Wrong!", "FAIL  merchant 1900000109: "),
        (APP_ID, "wxanother", "FAIL  merchant 1900000109: the gateway refused the call: appid"),
        (&*gateway, "https://127.0.0.1:1", "FAIL  merchant 1900000109: "),
        ("root_certificate_file", "#", "FAIL  merchant 1900000109: "),
        ("certificate_file = \"a", "#", "warn  merchant 1900000109: no certificate"),
        ("localhost", "no-such-host.invalid", "FAIL  shop shop: webhook_url has a host without"),
        (&*public_url, &format!("public_url = \"{elsewhere}"), "FAIL  notify URL: "),
        ("sqlite:", "sqlite:no-such-folder/", "FAIL  database: there is no folder"),
    ] {
        let wrong = desk.wrong(&desk.config(replaced, with), system()).await;
        assert!(wrong.starts_with(expected), "{replaced}: {wrong}\n  expected: {expected}");
    }
    let private = "webhook_private = true";
    let wrong = desk.wrong(&desk.config(private, "webhook_private = false"), system()).await;
    assert!(wrong.contains("must lead to a public address; webhook_private = true"), "{wrong}");
    let slow = ManualClock::new(UnixTime::new(1_795_433_160).unwrap());
    let wrong = desk.wrong(&desk.config("", ""), Clock::Manual(slow)).await;
    assert!(wrong.contains("the gateway's: let NTP set it"), "{wrong}");
}

#[tokio::test]
async fn an_app_that_is_taken_out_while_an_order_of_it_is_not_over_is_missed() {
    let desk = Desk::start().await;
    let config = desk.config("", "");
    let server = Server::start(config.clone(), system(), Random::System).await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let order = http.post(format!("{}/v1/orders", server.base_url())).json(&serde_json::json!({
        "order_no": "A-1", "amount_fen": 1800, "description": "拿铁"
    }));
    let made = order.bearer_auth("shop-key-0123456789").send().await.unwrap();
    assert_eq!(made.status().as_u16(), 201);
    server.stop().await;
    assert_eq!(desk.wrong(&config, system()).await, "");
    let missed = format!(
        "warn  database: merchant {MCH_ID} with app {APP_ID} is not in the configuration, and 1 of"
    );
    let wrong = desk.wrong(&desk.config(APP_ID, "wx5a0mademeup0002"), system()).await;
    assert!(wrong.starts_with(&missed), "{wrong}");
}

#[tokio::test]
async fn while_the_key_changes_it_is_said_which_one_wechat_takes() {
    const NEXT: &str = "CanaryMerchantKey000000000000043";
    let desk = Desk::start().await;
    for (keys, expected) in [
        (
            format!("key = \"{KEY}\"\nnext_key = \"{NEXT}\"\n"),
            "ok    merchant 1900000109: WeChat takes `key`, and not `next_key` yet",
        ),
        (
            format!("key = \"{NEXT}\"\nnext_key = \"{KEY}\"\n"),
            "warn  merchant 1900000109: WeChat takes `next_key` and not `key` any more: move it",
        ),
        (
            format!("key = \"{NEXT}\"\nnext_key = \"{NEXT}\"\n"),
            "FAIL  merchant 1900000109: the gateway says that our signature is wrong",
        ),
    ] {
        let config = desk.config(&format!("key = \"{KEY}\"\n"), &keys);
        let found = saoma_server::check(&config, false, &system(), &Random::System).await;
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        let said = said.join("\n");
        assert!(said.contains(expected), "{said}\n  expected: {expected}");
        assert!(!said.contains("Canary"), "{said}");
    }
}

#[tokio::test]
async fn a_port_that_somebody_else_holds_and_a_file_that_is_no_database_are_found() {
    let desk = Desk::start().await;
    let address = format!("127.0.0.1:{}", desk.port);
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let app = axum::Router::new().fallback(async || "hello");
    let task = tokio::spawn(async move { axum::serve(listener, app).await });
    let config = desk.config("", "");
    let wrong = desk.wrong(&config, system()).await;
    assert!(wrong.starts_with("FAIL  notify URL: another program listens on 127.0.0.1"), "{wrong}");
    task.abort();
    std::fs::write(Path::new(desk.folder.path()).join("saoma.db"), "no database").unwrap();
    let wrong = desk.wrong(&config, system()).await;
    assert!(wrong.contains("  database: ") && wrong.contains("saoma.db"), "{wrong}");
}
