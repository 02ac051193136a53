//! The real server program, made to be broken: its gateway and its shop are in this process, and
//! everything that it writes is kept in a file.

use super::world::{APP_ID, KEY, MCH_ID, SHOP_KEY, Shop, WEBHOOK_SECRET};
use rustix::process::{Pid, Signal, kill_process};
use saoma_sandbox::{Config, Merchant, Sandbox};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long anything may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    pub(crate) shop: Shop,
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    /// Which program it is.
    binary: &'static str,
    server: Mutex<Option<Child>>,
    filter: &'static str,
    folder: TempDir,
}

impl Rig {
    /// A rig whose server keeps its orders in `database`. `more` stands at the head of its
    /// configuration, and `filter` says what it logs.
    pub(crate) async fn start(
        database: &str,
        more: &str,
        filter: &'static str,
        faults_per_mille: u16,
    ) -> Self {
        Self::build("saoma-server", database, more, filter, faults_per_mille).await
    }

    /// A rig of another program that is a server too. Its gateway gives money back at once.
    pub(crate) async fn start_as(
        binary: &'static str,
        database: &str,
        faults_per_mille: u16,
    ) -> Self {
        Self::build(binary, database, "", "warn", faults_per_mille).await
    }

    async fn build(
        binary: &'static str,
        database: &str,
        more: &str,
        filter: &'static str,
        faults_per_mille: u16,
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let merchant = Merchant::new(MCH_ID, APP_ID, KEY, "扫码咖啡").unwrap();
        let mut config = Config::new([merchant]);
        config.rules.faults_per_mille = faults_per_mille;
        let sandbox = Sandbox::start(config).await.unwrap();
        let shop = Shop::default();
        shop.share_secret(WEBHOOK_SECRET);
        let folder = tempfile::tempdir().unwrap();
        let port = saoma_tests::free_port().unwrap();
        let ours = sandbox.client_certificate(MCH_ID).unwrap();
        std::fs::write(folder.path().join("ca.pem"), sandbox.ca_pem()).unwrap();
        std::fs::write(folder.path().join("apiclient_cert.p12"), &ours.p12).unwrap();
        let config = format!(
            "listen = \"127.0.0.1:{port}\"\ndatabase = \"{database}\"\n{more}\n\
             [merchant]\nname = \"扫码咖啡\"\nmch_id = \"{MCH_ID}\"\napp_id = \"{APP_ID}\"\n\
             key = \"{KEY}\"\ngateway = \"{}\"\nroot_certificate_file = \"ca.pem\"\n\
             certificate_file = \"apiclient_cert.p12\"\n\
             [shop]\nkeys = [\"{SHOP_KEY}\"]\nwebhook_url = \"{}\"\n\
             webhook_secret = \"{WEBHOOK_SECRET}\"\n",
            sandbox.https_url(),
            shop.start().await,
        );
        std::fs::write(folder.path().join("server.toml"), config).unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30));
        let http = http.build().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let server = Mutex::new(None);
        let rig = Self { sandbox, shop, http, url, binary, server, filter, folder };
        rig.start_server().await;
        rig
    }

    pub(crate) async fn start_server(&self) {
        self.start_server_with(&[]).await;
    }

    /// Starts it and does not wait until it is ready.
    pub(crate) async fn begin_server_with(&self, variables: &[(&str, &str)]) {
        let mut command = self.program();
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(self.log_file());
        *self.server.lock().await = Some(command.spawn().unwrap());
    }

    /// Starts it under strace, which writes down in `trace`, a file for each thread, what is done
    /// to the database.
    pub(crate) async fn start_server_traced(&self, trace: &std::path::Path) {
        let mut command = Command::new("strace");
        // As a grandchild, so that our child is the server.
        command.args(["-D", "-ff", "-ttt", "-y", "-xx", "-s", "1000000"]);
        command.args(["-e", "trace=pwrite64,pwritev,write,fsync,fdatasync,ftruncate,unlink"]);
        for name in ["saoma.db", "saoma.db-wal"] {
            command.arg("-P").arg(self.folder.path().join(name));
        }
        command.arg("-o").arg(trace.join("thread"));
        command.arg(saoma_tests::binary(self.binary).unwrap());
        command.arg("--config").arg(self.folder.path().join("server.toml"));
        command.env("RUST_LOG", self.filter).kill_on_drop(true);
        self.launch(command).await;
    }

    /// Whether it ends by itself within this time.
    pub(crate) async fn dies_within(&self, time: Duration) -> bool {
        let mut server = self.server.lock().await;
        timeout(time, server.as_mut().unwrap().wait()).await.is_ok()
    }

    /// Another server on the same database, which must be PostgreSQL.
    pub(crate) async fn another_server(&self) -> Child {
        let address = format!("127.0.0.1:{}", saoma_tests::free_port().unwrap());
        let mut command = self.program();
        self.ready(command.env("SAOMA_LISTEN", address)).await
    }

    /// The gateway does not wait for its timetable: it notifies of every payment that nobody has
    /// acknowledged, now.
    pub(crate) fn tell_again(&self) {
        for order in self.sandbox.orders() {
            let mut waiting = order.payments.iter().map(|payment| payment.notification.state);
            if waiting.any(|state| state == "pending") {
                let target = saoma_sandbox::Target::of_number(&order.out_trade_no);
                let _ = self.sandbox.send_again(&target, 1);
            }
        }
    }

    /// With these variables in its environment.
    pub(crate) async fn start_server_with(&self, variables: &[(&str, &str)]) {
        let mut command = self.program();
        command.envs(variables.iter().copied());
        self.launch(command).await;
    }

    /// Runs it until it is ready.
    async fn launch(&self, mut command: Command) {
        let server = self.ready(&mut command).await;
        *self.server.lock().await = Some(server);
    }

    async fn ready(&self, command: &mut Command) -> Child {
        let mut server = command.stdout(Stdio::piped()).stderr(self.log_file()).spawn().unwrap();
        let mut ready = BufReader::new(server.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, ready.next_line()).await.unwrap().unwrap();
        assert!(line.is_some_and(|line| line.contains("ready on")), "{}", self.last_words());
        server
    }

    fn log_file(&self) -> std::fs::File {
        std::fs::File::options().create(true).append(true).open(self.log_path()).unwrap()
    }

    /// The program with its configuration; arguments may follow.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(saoma_tests::binary(self.binary).unwrap());
        command.arg("--config").arg(self.folder.path().join("server.toml"));
        command.env("RUST_LOG", self.filter).kill_on_drop(true);
        command
    }

    /// As a power failure would.
    pub(crate) async fn kill(&self) {
        if let Some(mut server) = self.server.lock().await.take() {
            server.kill().await.unwrap();
        }
    }

    /// SIGTERM.
    pub(crate) async fn ask_to_stop(&self) {
        let id = self.server.lock().await.as_ref().unwrap().id().unwrap();
        let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// How it ended.
    pub(crate) async fn ended(&self) -> ExitStatus {
        let mut server = self.server.lock().await.take().unwrap();
        timeout(PATIENCE, server.wait()).await.expect("it ends").unwrap()
    }

    /// Where everything of it is kept.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    /// Everything that the server has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }

    /// The end of it.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}
