//! docs/operations.md, word by word: the commands that it marks as tested are taken from it and
//! run, each on the database that it is for, and by which it says that nothing is lost.
//!
//! The programs must be built before: `cargo build --workspace`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use saoma_core::sign::SignType;
use saoma_postgres::Cluster;
use saoma_sandbox::gateway::Direction;
use saoma_sandbox::{Merchant, Sandbox, Target, Tender};
use saoma_tests::Program;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use world::{APP_ID, KEY, MCH_ID, SHOP_KEY, Shop, WEBHOOK_SECRET};

const PAGE: &str = include_str!("../../docs/operations.md");
/// Rows as the first version of the server wrote them.
const FIRST_VERSION: &str = include_str!("../fixtures/server-first-version.sql");
const FIRST_ON_POSTGRES: &str = include_str!("../fixtures/server-first-version-postgres.sql");
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
        self.server = Some(self.program(config).await);
    }

    /// A server that is ready, and where.
    async fn program(&self, config: &str) -> (Program, String) {
        let mut command = Command::new(saoma_tests::binary("saoma-server").unwrap());
        command.arg("--config").arg(self.folder.path().join(config));
        let ready = "saoma-server ready on ";
        Program::start("server", &mut command, ready, false).await.unwrap()
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
        sh.kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, sh.output()).await;
        let output = output.unwrap_or_else(|_| panic!("without end: {commands}")).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(format!("{commands}{}\n{}", text(&output.stdout), text(&output.stderr)))
    }

    async fn order(&self, order_no: &str) -> reqwest::Response {
        let body = json!({ "order_no": order_no, "amount_fen": 1800, "description": "拿铁" });
        let url = format!("{}/v1/orders", self.server.as_ref().unwrap().1);
        self.http.post(url).bearer_auth(SHOP_KEY).json(&body).send().await.unwrap()
    }

    /// An order that is paid and shipped.
    async fn sell(&self, order_no: &str) -> String {
        let made: Value = self.order(order_no).await.json().await.unwrap();
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

    /// Archives while orders are sold, and what was archived is the one order of September.
    async fn archive(&self, old: &str, order_no: &str) {
        let selling = async {
            let mut sold = Vec::new();
            for no in 0..8 {
                sold.push(self.sell(&format!("T-{no}")).await);
            }
            sold
        };
        let (said, sold) = tokio::join!(self.run("archive"), selling);
        let said = said.unwrap();
        assert!(said.contains("2025-09: 1 orders moved to "), "{said}");
        for id in sold {
            assert_eq!(self.phase(&id).await, "shipped");
        }
        assert_eq!(self.phase(old).await, "none");
        assert_eq!(self.order(order_no).await.status(), 409, "its number is known for ever");
    }

    /// A program that is older than the tables does not start on them.
    async fn refuses_newer_tables(&self) {
        for command in ["", "check --offline"] {
            let start = format!("exec saoma-server --config server.toml {command}");
            let refused = self.sh(&start).await.unwrap_err();
            assert!(refused.contains("made by a newer version"), "{refused}");
        }
    }
}

/// What a program that is newer than ours will have left.
const NEWER: &str = "insert into _sqlx_migrations
    (version, description, success, checksum, execution_time)
    select 9999, 'newer', success, checksum, 0 from _sqlx_migrations where version = 1";

/// The tables that hold an order's id, and the texts in which it stands.
const HOLDS_ID: [(&str, &[&str]); 7] = [
    ("orders", &["order_id", "state"]),
    ("attempt", &["order_id", "out_trade_no", "request"]),
    ("message", &["out_trade_no", "body"]),
    ("outbox", &["order_id", "key", "effect"]),
    ("history", &["order_id", "text"]),
    ("payment", &["order_id", "out_trade_no"]),
    ("order_number", &["order_id"]),
];

/// Makes an order one of September 2025; gives its id and the statements for it.
fn aged(id: &str) -> (String, String) {
    let old = format!("202509{}", id.get(6..).unwrap());
    let table = |(table, columns): (&str, &[&str])| {
        let set = |column: &&str| format!("{column} = replace({column}, '{id}', '{old}')");
        let sets: Vec<_> = columns.iter().map(set).collect();
        format!("update {table} set {};", sets.join(", "))
    };
    let statements: String = HOLDS_ID.map(table).concat();
    (old, statements)
}

async fn sqlite(folder: &Path, file: &str) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join(file));
    SqliteConnection::connect_with(&options.create_if_missing(true)).await.unwrap()
}

#[tokio::test]
async fn a_sqlite_database_is_backed_up_while_it_runs_and_restored() {
    let mut desk = Desk::new("sqlite:saoma.db").await;
    desk.start("server.toml").await;
    let kept = desk.sell("A-1").await;
    desk.run("sqlite-backup").await.unwrap();
    // Their numbers tell the second in which they were made.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let lost = desk.sell("A-2").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let again = desk.run("sqlite-backup").await.unwrap_err();
    assert!(again.contains("backup.db is there already"), "a backup is never overwritten: {again}");
    desk.stop().await;
    desk.run("sqlite-restore").await.unwrap();
    desk.start("server.toml").await;
    assert_eq!(desk.phase(&kept).await, "shipped");
    assert_eq!(desk.phase(&lost).await, "none", "it was made after the backup");
    assert_eq!(desk.shop.calls().len(), 2, "nothing ships again");
    // Its goods are out, so its money does not go back by itself.
    let sent = desk.sandbox.messages().into_iter();
    let mut told = sent.filter(|it| it.direction == Direction::Out && it.request.contains(&lost));
    let told = told.next().unwrap().request;
    let base_url = desk.server.as_ref().unwrap().1.clone();
    let answer = desk.http.post(format!("{base_url}/wx/v2/notify")).body(told).send().await;
    assert!(answer.unwrap().text().await.unwrap().contains("SUCCESS"));
    let anomalies = desk.http.get(format!("{base_url}/v1/anomalies")).bearer_auth(SHOP_KEY);
    let anomalies: Value = anomalies.send().await.unwrap().json().await.unwrap();
    let found = &anomalies["anomalies"][0];
    assert_eq!((&found["kind"], &found["refund"]), (&json!("unknown_order"), &json!("held")));
    desk.stop().await;
}

#[tokio::test]
async fn an_old_month_of_a_sqlite_database_is_archived_while_it_sells() {
    let mut desk = Desk::new("sqlite:saoma.db").await;
    desk.start("server.toml").await;
    let (old, aging) = aged(&desk.sell("A-1").await);
    let folder = desk.folder.path();
    sqlx::raw_sql(AssertSqlSafe(aging))
        .execute(&mut sqlite(folder, "saoma.db").await)
        .await
        .unwrap();
    assert_eq!(desk.phase(&old).await, "shipped");
    desk.archive(&old, "A-1").await;
    let mut archive = sqlite(folder, "saoma.archive-202509.db").await;
    let orders = sqlx::query_scalar::<_, String>("select order_id from orders");
    assert_eq!(orders.fetch_all(&mut archive).await.unwrap(), [old]);
    desk.stop().await;
}

#[tokio::test]
async fn an_old_month_of_a_postgresql_database_is_archived_while_two_servers_sell() {
    let cluster = Cluster::own().unwrap();
    let mut desk = Desk::new(&cluster.url("postgres")).await;
    desk.start("server.toml").await;
    let mut other = desk.program("server.toml").await;
    let (old, aging) = aged(&desk.sell("A-1").await);
    for table in ["orders", "attempt", "message", "outbox", "history"] {
        let month = format!(
            "create table {table}_202509 partition of {table} for values from ('202509') to \
             ('202510')"
        );
        cluster.psql("postgres", &month).unwrap();
    }
    cluster.psql("postgres", &aging).unwrap();
    assert_eq!(desk.phase(&old).await, "shipped");
    desk.archive(&old, "A-1").await;
    let archived = cluster.psql("postgres", "select order_id from archive.orders_202509").unwrap();
    assert_eq!(archived.trim(), old);
    other.0.stop().await.unwrap();
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
    let said = desk.run("sqlite-upgrade").await.unwrap();
    assert!(said.contains("brought up to date at the next start"), "{said}");
    assert!(desk.folder.path().join("before-upgrade.db").exists());
    desk.start("server.toml").await;
    assert_eq!(desk.phase("20261124032600K7Q2M9XB").await, "shipped");
    // Its time ran out long ago, and WeChat, here the sandbox, has never heard of it.
    desk.until("20261124032700ZZZZZZZZ", "expired").await;
    assert!(desk.shop.calls().is_empty(), "nothing ships again");
    // The number of an old order is that order's, for the shop that the only shop has become.
    let again: Value = desk.order("A-1").await.json().await.unwrap();
    assert_eq!(again["order_id"], "20261124032600K7Q2M9XB");
    desk.sell("B-1").await;
    desk.stop().await;
    sqlx::raw_sql(NEWER).execute(&mut sqlite(desk.folder.path(), "saoma.db").await).await.unwrap();
    desk.refuses_newer_tables().await;
}

/// A database as the first version of the server made it.
async fn first_version(folder: &Path) {
    let tables = first_tables(include_str!("../../server/migrations/sqlite/0001_orders.sql")).await;
    let mut conn = sqlite(folder, "saoma.db").await;
    tables.run(&mut conn).await.unwrap();
    sqlx::raw_sql(FIRST_VERSION).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

async fn first_tables(sql: &str) -> sqlx::migrate::Migrator {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0001_orders.sql"), sql).unwrap();
    sqlx::migrate::Migrator::new(folder.path()).await.unwrap()
}

/// Until somebody waits for a lock of this kind.
async fn somebody_waits(cluster: &Cluster, kind: &str) {
    let waiting =
        format!("select count(*) from pg_locks where not granted and locktype = '{kind}'");
    let seen = async {
        while cluster.psql("postgres", &waiting).unwrap().trim() != "1" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("nobody waits: {kind}"));
}

#[tokio::test]
async fn of_new_servers_on_postgresql_the_first_migrates_and_the_other_waits() {
    let cluster = Cluster::own().unwrap();
    let mut desk = Desk::new(&cluster.url("postgres")).await;
    desk.environment = vec![("DATABASE_URL", cluster.url("postgres"))];
    let mut old = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    let first = include_str!("../../server/migrations/postgres/0001_orders.sql");
    first_tables(first).await.run(&mut old).await.unwrap();
    sqlx::raw_sql(FIRST_ON_POSTGRES).execute(&mut old).await.unwrap();
    let said = desk.run("postgres-upgrade").await.unwrap();
    assert!(said.contains("brought up to date at the next start"), "{said}");
    assert!(desk.folder.path().join("before-upgrade.dump").exists());

    // A report keeps the first from the orders, and the first keeps the second from the tables.
    sqlx::raw_sql("begin; select count(*) from orders").execute(&mut old).await.unwrap();
    let report = async {
        somebody_waits(&cluster, "relation").await;
        somebody_waits(&cluster, "advisory").await;
        let device = "select count(*) from information_schema.columns
                      where table_name = 'orders' and column_name = 'device'";
        assert_eq!(cluster.psql("postgres", device).unwrap().trim(), "0");
        sqlx::raw_sql("commit").execute(&mut old).await.unwrap();
    };
    let (one, two, ()) =
        tokio::join!(desk.program("server.toml"), desk.program("server.toml"), report);
    for (name, server) in [("B-1", one), ("B-2", two)] {
        desk.server = Some(server);
        desk.until("20261124032600K7Q2M9XB", "shipped").await;
        desk.until("20261124032700ZZZZZZZZ", "expired").await;
        let again: Value = desk.order("A-1").await.json().await.unwrap();
        assert_eq!(again["order_id"], "20261124032600K7Q2M9XB");
        desk.sell(name).await;
        if name == "B-1" {
            // One that is still the old one goes on working, on the new tables.
            let more = FIRST_ON_POSTGRES.replace("K7Q2M9XB", "K7Q2M9XC").replace("ZZZZ", "YYYY");
            let more = more.replace("'A-1'", "'A-3'").replace("'A-2'", "'A-4'");
            let more = more.replace("4200009999202611240000000001", "4200009999202611240000000002");
            sqlx::raw_sql(AssertSqlSafe(more)).execute(&mut old).await.unwrap();
            desk.until("20261124032600K7Q2M9XC", "shipped").await;
            desk.until("20261124032700YYYYYYYY", "expired").await;
            desk.stop().await;
        }
    }
    assert_eq!(desk.shop.calls().len(), 2, "nothing ships again");

    // Now ours are the old ones: they go on beside what a newer one has made, and do not start.
    sqlx::raw_sql(NEWER).execute(&mut old).await.unwrap();
    desk.sell("B-3").await;
    desk.refuses_newer_tables().await;
    desk.stop().await;
}
