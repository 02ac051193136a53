//! docs/operations.md, word by word: the commands that it marks as tested are taken from it and
//! run, on both databases.
//!
//! The programs must be built before: `cargo build --workspace`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_core::sign::SignType;
use saoma_postgres::Cluster;
use saoma_sandbox::{Merchant, Sandbox, Target, Tender};
use saoma_tests::Program;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use world::{APP_ID, KEY, MCH_ID, SHOP_KEY, Shop, WEBHOOK_SECRET};

const PAGE: &str = include_str!("../../docs/operations.md");
/// Rows as the first version of the server wrote them.
const FIRST_VERSION: &str = include_str!("../fixtures/server-first-version.sql");
const PATIENCE: Duration = Duration::from_secs(120);

/// The block of commands that the page marks with this name.
fn commands(name: &str) -> &'static str {
    let mark = format!("<!-- tested: {name} -->\n```sh\n");
    let (_, rest) = PAGE.split_once(&mark).unwrap_or_else(|| panic!("{name} is not on the page"));
    rest.split_once("```").unwrap().0
}

/// A folder in which somebody operates a server.
struct Desk {
    folder: TempDir,
    sandbox: Sandbox,
    shop: Shop,
    config: String,
    environment: Vec<(&'static str, String)>,
    http: reqwest::Client,
    server: Option<(Program, String)>,
}

impl Desk {
    async fn new(database: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let merchant = Merchant::new(MCH_ID, APP_ID, KEY, "扫码咖啡").unwrap();
        let sandbox = Sandbox::start(saoma_sandbox::Config::new([merchant])).await.unwrap();
        let shop = Shop::default();
        shop.share_secret(WEBHOOK_SECRET);
        let hosts = format!("gateway = \"{}\"", sandbox.base_url());
        let config = world::server_config(SignType::HmacSha256, &hosts, &shop.start().await);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (environment, server) = (Vec::new(), None);
        let desk = Self { folder, sandbox, shop, config, environment, http, server };
        desk.configure("server.toml", database);
        desk
    }

    fn configure(&self, file: &str, database: &str) {
        let config = self.config.replace("sqlite:saoma.db", database);
        std::fs::write(self.folder.path().join(file), config).unwrap();
    }

    async fn start(&mut self, config: &str) {
        let mut command = Command::new(saoma_tests::binary("saoma-server").unwrap());
        command.arg("--config").arg(self.folder.path().join(config));
        let ready = "saoma-server ready on ";
        self.server = Some(Program::start("server", &mut command, ready, false).await.unwrap());
    }

    async fn stop(&mut self) {
        self.server.take().unwrap().0.stop().await.unwrap();
    }

    /// Runs what the page says, in the folder, and gives what it prints; errors end it.
    async fn run(&self, name: &str) -> Result<String, String> {
        self.sh(commands(name)).await
    }

    async fn sh(&self, commands: &str) -> Result<String, String> {
        let ours = saoma_tests::binary("saoma-server").unwrap();
        let mut path = vec![ours.parent().unwrap().to_owned()];
        path.push(saoma_postgres::binaries().unwrap());
        let system = std::env::var_os("PATH").unwrap();
        path.extend(std::env::split_paths(&system));
        let mut sh = Command::new("sh");
        sh.args(["-eu", "-c", commands]).current_dir(self.folder.path());
        sh.env("PATH", std::env::join_paths(path).unwrap());
        sh.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = sh.output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(format!("{commands}{}\n{}", text(&output.stdout), text(&output.stderr)))
    }

    /// An order that is paid and shipped.
    async fn sell(&self, order_no: &str) -> String {
        let body = json!({ "order_no": order_no, "amount_fen": 1800, "description": "拿铁" });
        let url = format!("{}/v1/orders", self.server.as_ref().unwrap().1);
        let request = self.http.post(url).bearer_auth(SHOP_KEY).json(&body);
        let made: Value = request.send().await.unwrap().json().await.unwrap();
        let id = made["order_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        self.until(&id, "open").await;
        self.sandbox.pay(&Target::of_number(format!("{id}-1")), Tender::default()).unwrap();
        self.until(&id, "shipped").await;
        id
    }

    async fn phase(&self, id: &str) -> String {
        let url = format!("{}/v1/orders/{id}", self.server.as_ref().unwrap().1);
        let request = self.http.get(url).bearer_auth(SHOP_KEY);
        let view: Value = request.send().await.unwrap().json().await.unwrap();
        view["phase"].as_str().unwrap_or("none").to_owned()
    }

    async fn until(&self, id: &str, phase: &str) {
        let seen = async {
            while self.phase(id).await != phase {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("never {phase}"));
    }
}

#[tokio::test]
async fn a_sqlite_database_is_backed_up_while_it_runs_and_restored() {
    let mut desk = Desk::new("sqlite:saoma.db").await;
    desk.start("server.toml").await;
    let kept = desk.sell("A-1").await;
    desk.run("sqlite-backup").await.unwrap();
    let lost = desk.sell("A-2").await;
    let again = desk.run("sqlite-backup").await.unwrap_err();
    assert!(again.contains("backup.db is there already"), "a backup is never overwritten: {again}");
    desk.stop().await;
    desk.run("sqlite-restore").await.unwrap();
    desk.start("server.toml").await;
    assert_eq!(desk.phase(&kept).await, "shipped");
    assert_eq!(desk.phase(&lost).await, "none", "it was made after the backup");
    assert_eq!(desk.shop.calls().len(), 2, "nothing ships again");
    desk.run("archive").await.unwrap();
    desk.stop().await;
}

#[tokio::test]
async fn a_postgresql_database_is_dumped_while_it_runs_and_restored() {
    let cluster = Cluster::own().unwrap();
    let mut desk = Desk::new(&cluster.url("postgres")).await;
    desk.configure("restored.toml", &cluster.url("saoma_restored"));
    desk.environment = vec![
        ("DATABASE_URL", cluster.url("postgres")),
        ("MAINTENANCE_URL", cluster.url("template1")),
        ("RESTORED_URL", cluster.url("saoma_restored")),
    ];
    desk.start("server.toml").await;
    let kept = desk.sell("A-1").await;
    desk.run("postgres-backup").await.unwrap();
    let lost = desk.sell("A-2").await;
    desk.run("postgres-base-backup").await.unwrap();
    desk.run("archive").await.unwrap();
    let refused = desk.sh("saoma-server --config server.toml backup x.db").await.unwrap_err();
    assert!(refused.contains("pg_dump"), "{refused}");
    desk.stop().await;
    desk.run("postgres-restore").await.unwrap();
    desk.start("restored.toml").await;
    assert_eq!(desk.phase(&kept).await, "shipped");
    assert_eq!(desk.phase(&lost).await, "none");
    // It is whole: orders can be made in it, months and numbers go on.
    desk.sell("A-3").await;
    desk.stop().await;
}

#[tokio::test]
async fn a_database_of_the_first_version_is_upgraded_with_its_orders() {
    let mut desk = Desk::new("sqlite:saoma.db").await;
    first_version(desk.folder.path()).await;
    desk.run("upgrade").await.unwrap();
    assert!(desk.folder.path().join("before-upgrade.db").exists());
    desk.start("server.toml").await;
    assert_eq!(desk.phase("20261124032600K7Q2M9XB").await, "shipped");
    // Its time ran out long ago, and WeChat, here the sandbox, has never heard of it.
    desk.until("20261124032700ZZZZZZZZ", "expired").await;
    assert!(desk.shop.calls().is_empty(), "nothing ships again");
    // The number of an old order is taken, for the shop that the only shop has become.
    let body = json!({ "order_no": "A-1", "amount_fen": 1, "description": "x" });
    let url = format!("{}/v1/orders", desk.server.as_ref().unwrap().1);
    let taken = desk.http.post(url).bearer_auth(SHOP_KEY).json(&body).send().await.unwrap();
    assert_eq!(taken.status(), 409);
    desk.sell("B-1").await;
    desk.stop().await;
}

/// A database as the first version of the server made it.
async fn first_version(folder: &Path) {
    use sqlx::Connection as _;
    let tables = folder.join("tables");
    std::fs::create_dir(&tables).unwrap();
    let first = include_str!("../../server/migrations/sqlite/0001_orders.sql");
    std::fs::write(tables.join("0001_orders.sql"), first).unwrap();
    let tables = sqlx::migrate::Migrator::new(tables).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("saoma.db"));
    let options = options.create_if_missing(true);
    let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    tables.run(&mut conn).await.unwrap();
    sqlx::raw_sql(FIRST_VERSION).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}
