//! Several servers on one PostgreSQL: whatever dies, nothing acknowledged is lost and nothing
//! ships twice.
//!
//! The programs must be built before: `cargo build --workspace`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_core::api::ACK_SUCCESS;
use saoma_core::sign::SignType;
use saoma_postgres::Cluster;
use saoma_sandbox::{Merchant, Sandbox, Target, Tender};
use saoma_tests::Program;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use world::{APP_ID, KEY, MCH_ID, SHOP_KEY, Shop, WEBHOOK_SECRET, World, notice};

const HMAC: SignType = SignType::HmacSha256;
/// How long everything may take to come to its end. Leases of the dead run out after a minute.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test]
async fn an_order_made_on_one_server_is_paid_on_another_and_its_followers_see_it() {
    let mut world = World::on_postgres().await;
    let other = world.another_server().await;
    let order = world.order("A-1").await;
    let mut stream = world.follow(&order.id).await;
    assert_eq!(stream.next().await["phase"], "open");
    let paid = notice(&order.number, KEY, HMAC, &[]);
    assert_eq!(world.notify_at(other.base_url(), paid).await, ACK_SUCCESS);
    let mut phases = BTreeSet::new();
    while !phases.contains("shipped") {
        phases.insert(stream.next().await["phase"].as_str().unwrap().to_owned());
    }
    assert_eq!(world.shop.calls().len(), 1);
    other.stop().await;
}

#[tokio::test]
async fn sixteen_equal_notifications_at_both_servers_ship_once() {
    let mut world = World::on_postgres().await;
    let other = world.another_server().await;
    let order = world.order("A-1").await;
    let paid = notice(&order.number, KEY, HMAC, &[]);
    let (here, there) = (world.base_url(), other.base_url());
    let all = (0..32).map(|n| world.notify_at(if n % 2 == 0 { here } else { there }, paid.clone()));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer, ACK_SUCCESS);
    }
    world.until(&order.id, "shipped").await;
    world.stays(&order.id, "shipped").await;
    assert_eq!(world.shop.calls().len(), 1);
    assert!(world.anomalies().await.is_empty());
    other.stop().await;
}

#[tokio::test]
async fn the_same_order_asked_for_at_both_servers_is_one_order() {
    let mut world = World::on_postgres().await;
    let other = world.another_server().await;
    let body = json!({ "order_no": "A-1", "amount_fen": 1800, "description": "拿铁" });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let all = (0..16).map(|n| {
        let base = if n % 2 == 0 { world.base_url() } else { other.base_url() };
        let request = http.post(format!("{base}/v1/orders")).bearer_auth(SHOP_KEY).json(&body);
        async { request.send().await.unwrap().json::<Value>().await.unwrap() }
    });
    let made = futures_util::future::join_all(all).await;
    let ids: BTreeSet<String> = made.iter().map(|one| one["order_id"].to_string()).collect();
    let tokens: BTreeSet<String> = made.iter().map(|one| one["token"].to_string()).collect();
    assert_eq!((ids.len(), tokens.len()), (1, 1), "{made:?}");
    assert!(!ids.contains("null"), "{made:?}");
    other.stop().await;
}

/// Real servers on one PostgreSQL, to be killed.
struct Group {
    cluster: Cluster,
    sandbox: Sandbox,
    shop: Shop,
    servers: Vec<(Program, String)>,
    http: reqwest::Client,
    folder: TempDir,
}

impl Group {
    async fn start(servers: usize) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let merchant = Merchant::new(MCH_ID, APP_ID, KEY, "扫码咖啡").unwrap();
        let sandbox = Sandbox::start(saoma_sandbox::Config::new([merchant])).await.unwrap();
        let shop = Shop::default();
        shop.share_secret(WEBHOOK_SECRET);
        let hosts = format!("gateway = \"{}\"", sandbox.base_url());
        let config = world::server_config(HMAC, &hosts, &shop.start().await);
        let cluster = Cluster::own().unwrap();
        let url = cluster.url("postgres");
        let folder = tempfile::tempdir().unwrap();
        let config = config.replace("sqlite:saoma.db", &url);
        std::fs::write(folder.path().join("server.toml"), config).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut group = Self { cluster, sandbox, shop, servers: Vec::new(), http, folder };
        for _ in 0..servers {
            group.add().await;
        }
        group
    }

    async fn add(&mut self) {
        let mut command = Command::new(saoma_tests::binary("saoma-server").unwrap());
        command.arg("--config").arg(self.folder.path().join("server.toml"));
        let ready = "saoma-server ready on ";
        let server = Program::start("server", &mut command, ready, false).await.unwrap();
        self.servers.push(server);
    }

    async fn kill(&mut self, server: usize) {
        self.servers.remove(server).0.kill().await.unwrap();
    }

    /// An order, made at one of the servers; `None` when it could not say so.
    async fn order(&self, server: usize, order_no: &str) -> Option<String> {
        let body = json!({ "order_no": order_no, "amount_fen": 1800, "description": "拿铁" });
        let url = format!("{}/v1/orders", self.servers[server].1);
        let request = self.http.post(url).bearer_auth(SHOP_KEY).json(&body);
        let answer: Value = request.send().await.ok()?.json().await.ok()?;
        Some(answer["order_id"].as_str()?.to_owned())
    }

    /// Waits until the order has a code and has it paid.
    async fn pay(&self, id: &str) {
        let target = Target::of_number(format!("{id}-1"));
        let paid = async {
            while self.sandbox.pay(&target, Tender::default()).is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, paid).await.unwrap();
    }

    /// Waits until the shop was told of all of these, and checks that it was told of nothing else
    /// and that the books say the same.
    async fn all_ship_once(&self, ids: &[String]) {
        let expected: BTreeSet<String> = ids.iter().map(|id| format!("ship-{id}")).collect();
        let told = || -> BTreeSet<String> {
            let ships = self.shop.calls();
            ships.iter().map(|call| call["ship_id"].as_str().unwrap().to_owned()).collect()
        };
        let all = async {
            while told().len() < expected.len() || self.books("state <> 'done'") != "0" {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let all = tokio::time::timeout(PATIENCE, all).await;
        assert!(all.is_ok(), "{} of {}; {}", told().len(), expected.len(), self.books("true"));
        assert_eq!(told(), expected);
        assert_eq!(self.books("true"), ids.len().to_string());
        assert_eq!(self.cluster.psql("postgres", "select count(*) from anomaly").unwrap(), "0");
    }

    /// How many entries of the outbox tell the shop to ship.
    fn books(&self, condition: &str) -> String {
        let sql = format!("select count(*) from outbox where kind = 'ship' and {condition}");
        self.cluster.psql("postgres", &sql).unwrap_or_default()
    }
}

#[tokio::test]
async fn two_servers_die_at_any_moment_and_a_third_finishes() {
    let mut group = Group::start(2).await;
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(group.order(n % 2, &format!("A-{n}")).await.unwrap());
    }
    for (n, id) in ids.iter().enumerate() {
        group.pay(id).await;
        // Whatever the servers are at: a notification, a webhook, a commit.
        if n == 4 || n == 9 {
            tokio::time::sleep(Duration::from_millis([3, 11][n / 5])).await;
            group.kill(0).await;
        }
    }
    assert!(group.servers.is_empty());
    group.add().await;
    group.all_ship_once(&ids).await;
}

#[tokio::test]
async fn postgresql_dies_in_the_middle_of_payments_and_comes_back() {
    let group = Group::start(2).await;
    let mut ids = Vec::new();
    for n in 0..8 {
        ids.push(group.order(n % 2, &format!("A-{n}")).await.unwrap());
    }
    for (n, id) in ids.iter().enumerate() {
        group.pay(id).await;
        if n == 3 {
            tokio::time::sleep(Duration::from_millis(7)).await;
            group.cluster.crash().unwrap();
            // Nothing can be kept now, so nothing is promised.
            assert_eq!(group.order(0, "A-lost").await, None);
        }
    }
    group.cluster.start().unwrap();
    group.all_ship_once(&ids).await;
    // Both servers are well again.
    for server in 0..2 {
        let id = group.order(server, &format!("B-{server}")).await.unwrap();
        group.pay(&id).await;
        ids.push(id);
    }
    group.all_ship_once(&ids).await;
}
