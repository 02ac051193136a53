//! The server under test, the gateway that it asks, and the shop that it tells: a place like a real
//! one, each program a process of its own.

use crate::load::post;
use crate::machine::resident_kib;
use crate::postgres::Postgres;
use saoma_tests::{Program, binary, free_port, key};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// The made-up merchant; its numbers have the form of WeChat's own examples.
pub(crate) const MCH_ID: &str = "1900000109";
pub(crate) const APP_ID: &str = "wx5a0mademeup0001";
const MERCHANT_NAME: &str = "扫码咖啡";

/// Where orders are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A server's configuration, its database, and what stands around it.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) merchant_key: String,
    pub(crate) shop_key: String,
    postgres: Option<Postgres>,
    sandbox: Program,
    sandbox_url: String,
    webhook_url: String,
    server: Option<(Program, SocketAddr)>,
    folder: TempDir,
}

impl Place {
    /// Makes everything ready but the server.
    pub(crate) async fn make(kind: Kind, webhook_url: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("saoma-bench-").tempdir().expect("a folder");
        let merchant_key = key().expect("random numbers");
        let merchant = format!("{MCH_ID}:{APP_ID}:{merchant_key}:{MERCHANT_NAME}");
        let mut command = Command::new(binary("saoma-sandbox").expect("the sandbox is built"));
        command.args(["--listen", "127.0.0.1:0", "--no-limits", "--no-magic-amounts"]);
        command.arg("--certificates").arg(folder.path().join("certificates"));
        command.env("SAOMA_SANDBOX_MERCHANT", merchant).env("RUST_LOG", "warn");
        let (sandbox, rest) =
            Program::start("sandbox", &mut command, "saoma-sandbox ready on ", false)
                .await
                .expect("the sandbox starts");
        let sandbox_url = rest.split(' ').next().unwrap_or_default().to_owned();
        let postgres = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Postgres::start(folder.path()).await),
        };
        Self {
            kind,
            merchant_key,
            shop_key: key().expect("random numbers"),
            postgres,
            sandbox,
            sandbox_url,
            webhook_url: webhook_url.to_owned(),
            server: None,
            folder,
        }
    }

    /// Starts the server; logs are on, at the level of a server in use, and are read by us.
    pub(crate) async fn start_server(&mut self) -> SocketAddr {
        let address = format!("127.0.0.1:{}", free_port().expect("a free port"));
        let config = self.folder.path().join("server.toml");
        std::fs::write(&config, self.config(&address)).expect("a file");
        let mut command = Command::new(binary("saoma-server").expect("the server is built"));
        command.arg("--config").arg(&config).args(["--log", "json"]).env("RUST_LOG", "info");
        let (program, _) = Program::start("server", &mut command, "saoma-server ready on ", false)
            .await
            .expect("the server starts");
        let address = address.parse().expect("an address");
        self.server = Some((program, address));
        address
    }

    pub(crate) async fn stop_server(&mut self) {
        if let Some((mut program, _)) = self.server.take() {
            let death = program.stop().await.expect("the server stops");
            assert!(death.status.success(), "{death}");
        }
    }

    /// Ends the server at once: what it had begun is taken up at its next start.
    pub(crate) async fn kill_server(&mut self) {
        if let Some((mut program, _)) = self.server.take() {
            program.kill().await.expect("the server ends");
        }
    }

    /// Stops everything and removes what it wrote.
    pub(crate) async fn close(mut self) {
        self.stop_server().await;
        let _ = self.sandbox.stop().await;
        if let Some(postgres) = &mut self.postgres {
            postgres.stop().await;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.as_ref().expect("the server runs").1
    }

    pub(crate) fn sandbox_address(&self) -> SocketAddr {
        let address = self.sandbox_url.trim_start_matches("http://");
        address.parse().expect("an address")
    }

    fn server_pid(&self) -> u32 {
        self.server.as_ref().and_then(|(program, _)| program.id()).expect("the server runs")
    }

    /// The memory of the server's process.
    pub(crate) fn server_kib(&self) -> u64 {
        resident_kib(self.server_pid())
    }

    /// Whose processor time counts: this program, server, database server (or nobody), sandbox.
    pub(crate) fn families(&self) -> [u32; 4] {
        let postgres = self.postgres.as_ref().map_or(0, Postgres::pid);
        [std::process::id(), self.server_pid(), postgres, self.sandbox.id().unwrap_or(0)]
    }

    /// What the server and its database wrote, for a look at what went wrong.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        self.server.as_ref().map(|(program, _)| program.last_lines()).unwrap_or_default()
    }

    /// The folder of the database.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of an SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("saoma.db")
    }

    /// The URL of a PostgreSQL database.
    pub(crate) fn url(&self) -> Option<String> {
        self.postgres.as_ref().map(Postgres::url)
    }

    /// A `POST` of the shop's.
    pub(crate) fn shop_post(&self, path: &str, body: &str) -> String {
        post(path, &format!("authorization: Bearer {}\r\n", self.shop_key), body)
    }

    /// A `GET` of the shop's.
    pub(crate) fn shop_get(&self, path: &str) -> String {
        let key = &self.shop_key;
        format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n\r\n")
    }

    fn config(&self, address: &str) -> String {
        let database = self.url().unwrap_or_else(|| format!("sqlite:{}", self.file().display()));
        format!(
            "listen = \"{address}\"\ndatabase = \"{database}\"\n\n\
             [merchant]\nname = \"{MERCHANT_NAME}\"\nmch_id = \"{MCH_ID}\"\napp_id = \"{APP_ID}\"\n\
             key = \"{}\"\nsign_type = \"HMAC-SHA256\"\ngateway = \"{}\"\n\n\
             [shop]\nkeys = [\"{}\"]\nwebhook_url = \"{}\"\nwebhook_secret = \"{}\"\n\n\
             [limits]\nkey_per_s = 1000000\nkey_burst = 1000000\n\
             address_per_s = 1000000\naddress_burst = 1000000\n",
            self.merchant_key, self.sandbox_url, self.shop_key, self.webhook_url, self.shop_key,
        )
    }
}

/// How much room files take, folders included.
pub(crate) fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| -> io::Result<u64> {
        let data = entry.metadata()?;
        Ok(if data.is_dir() { bytes_in(&entry.path()) } else { data.len() })
    };
    entries.map(|entry| size(entry).unwrap_or(0)).sum()
}
