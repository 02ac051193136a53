//! Sandbox, server and shop together: everything that a purchase needs, on one machine.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;

use crate::plan::{Plan, binary};
use crate::program::{Death, Program, ProgramError};

/// How often, and how far apart, to look whether the server knows a new key.
const KNOWN_TRIES: u32 = 300;
const KNOWN_PAUSE: Duration = Duration::from_millis(100);
/// How long a call to one of the programs may take.
const CALL_WITHIN: Duration = Duration::from_secs(15);

/// What a desk is made of.
#[derive(Debug, Default)]
pub struct Options {
    /// Ports to listen on, where they are not just any.
    pub ports: Ports,
    /// Who sells, and hears of it when something was paid.
    pub shop: Shop,
    /// Show what the programs write.
    pub is_shown: bool,
    /// The programs do not get the terminal's Ctrl-C; whoever has the desk stops them in order.
    pub has_own_groups: bool,
}

/// Ports of 127.0.0.1; `None` takes any that is free.
#[derive(Debug, Default)]
pub struct Ports {
    /// Of the shop.
    pub shop: Option<u16>,
    /// Of the server.
    pub server: Option<u16>,
    /// Of the sandbox.
    pub sandbox: Option<u16>,
}

/// Who sells.
#[derive(Debug, Default)]
pub enum Shop {
    /// The shop of `web-demo/`, in Node.
    #[default]
    Demo,
    /// Somebody else, who takes the server's webhook at this address.
    Webhook(String),
}

/// The running programs. Dropped, they are killed and their folder is removed.
pub struct Desk {
    /// The gateway's side.
    pub sandbox: Program,
    /// The merchant backend.
    pub server: Program,
    /// The demo shop, unless somebody else sells.
    pub shop: Option<Program>,
    phone_url: String,
    is_shown: bool,
    http: reqwest::Client,
    plan: Plan,
}

/// Why there is no desk, or why it could not be used.
#[derive(Debug)]
pub enum DeskError {
    /// Something of ours was not built.
    NotBuilt(PathBuf),
    /// A program did not start or did not stop.
    Program(ProgramError),
    /// A file could not be written, or the like.
    Io(io::Error),
    /// A call was not answered as it should.
    Call(String),
    /// The server's database could not be read.
    Database(sqlx::Error),
}

impl Desk {
    /// Starts everything and waits until it answers.
    ///
    /// # Errors
    ///
    /// When a program is not built, does not start, or does not answer. Nothing stays behind.
    pub async fn start(options: Options) -> Result<Self, DeskError> {
        let plan = Plan::make(&options)?;
        let is_shown = options.is_shown;
        let ready = "saoma-sandbox ready on ";
        let (sandbox, addresses) =
            Program::start("sandbox", &mut plan.sandbox()?, ready, is_shown).await?;
        let (_, phone_url) = addresses.split_once(" phone ").ok_or_else(|| {
            DeskError::Call(format!("the sandbox does not say where its phone is: {addresses}"))
        })?;
        let server = start_server(&plan, is_shown).await?;
        let shop = match options.shop {
            Shop::Webhook(_) => None,
            Shop::Demo => {
                let ready = "saoma-web-demo ready on ";
                Some(Program::start("shop", &mut plan.shop(phone_url)?, ready, is_shown).await?.0)
            }
        };
        let phone_url = phone_url.to_owned();
        let desk = Self { sandbox, server, shop, phone_url, is_shown, http: http_client()?, plan };
        desk.check().await?;
        Ok(desk)
    }

    /// Where the demo shop sells.
    pub fn shop_url(&self) -> String {
        format!("http://{}", self.plan.shop_address)
    }

    /// Where the server takes calls.
    pub fn server_url(&self) -> String {
        format!("http://{}", self.plan.server_address)
    }

    /// Where the sandbox takes calls.
    pub fn sandbox_url(&self) -> String {
        format!("http://{}", self.plan.sandbox_address)
    }

    /// The sandbox's phone page.
    pub fn phone_url(&self) -> &str {
        &self.phone_url
    }

    /// Opens the server to a shop.
    pub fn shop_key(&self) -> &str {
        &self.plan.shop_key
    }

    /// Signs what the server tells the shop.
    pub fn webhook_secret(&self) -> &str {
        &self.plan.webhook_secret
    }

    /// What must never be seen outside: merchant key, shop key, webhook secret.
    pub fn secrets(&self) -> [&str; 3] {
        [&self.plan.merchant_key, &self.plan.shop_key, &self.plan.webhook_secret]
    }

    /// A client for calls that the desk has no method for.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// `GET` of a path of the server, as the shop.
    ///
    /// # Errors
    ///
    /// When the answer is not 200 with JSON.
    pub async fn server_get(&self, path: &str) -> Result<Value, DeskError> {
        let request = self.http.get(format!("{}{path}", self.server_url()));
        answer(request.bearer_auth(self.shop_key())).await
    }

    /// `POST` of JSON to a path of the server, as the shop.
    ///
    /// # Errors
    ///
    /// When the answer is not 200 or 201 with JSON.
    pub async fn server_post(&self, path: &str, body: &Value) -> Result<Value, DeskError> {
        let request = self.http.post(format!("{}{path}", self.server_url())).json(body);
        answer(request.bearer_auth(self.shop_key())).await
    }

    /// The customer scans this code and pays what the phone shows.
    ///
    /// # Errors
    ///
    /// When the sandbox does not know the code or does not take the payment.
    pub async fn pay(&self, code_url: &str) -> Result<Value, DeskError> {
        let request = self.http.post(format!("{}/control/pay", self.sandbox_url()));
        answer(request.json(&json!({ "code_url": code_url }))).await
    }

    /// What the demo shop wrote down, one JSON object for each fact, oldest first.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn shop_ledger(&self) -> Result<Vec<Value>, DeskError> {
        let text = std::fs::read_to_string(self.plan.shop_folder().join("ledger.jsonl"))?;
        let facts = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        Ok(facts.map_err(io::Error::from)?)
    }

    /// Looks into the server's database while the server runs: the first column, a text, of each
    /// row. The SQL must be such that both databases take it.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn texts(&self, sql: &'static str) -> Result<Vec<String>, DeskError> {
        let texts = match self.plan.database.strip_prefix("sqlite:") {
            Some(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let mut conn = SqliteConnection::connect_with(&options).await?;
                sqlx::query_scalar(sql).fetch_all(&mut conn).await?
            }
            None => {
                let mut conn = PgConnection::connect(&self.plan.database).await?;
                sqlx::query_scalar(sql).fetch_all(&mut conn).await?
            }
        };
        Ok(texts)
    }

    /// Makes a key for a device of the shop, as an operator would.
    ///
    /// # Errors
    ///
    /// When the server's program does not make one.
    pub async fn device_key(&self, name: &str) -> Result<String, DeskError> {
        let mut command = self.plan.server()?;
        command.args(["key", "add", "--shop", "shop", "--name", name, "--device"]);
        let output = command.stdin(Stdio::null()).output().await?;
        let said = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        let key = said(&output.stdout);
        if output.status.success() && !key.is_empty() && !key.contains(char::is_whitespace) {
            self.until_known(&key).await?;
            return Ok(key);
        }
        let words = format!("{} {}", said(&output.stdout), said(&output.stderr));
        Err(DeskError::Call(format!("`saoma-server key add` failed: {words}")))
    }

    /// Waits until the server knows a key: it reads them again every two seconds.
    async fn until_known(&self, key: &str) -> Result<(), DeskError> {
        for _ in 0..KNOWN_TRIES {
            // No order can be made of it, but the key is looked at first.
            let request = self.http.post(format!("{}/v1/orders", self.server_url())).body("{}");
            if request.bearer_auth(key).send().await?.status() != reqwest::StatusCode::UNAUTHORIZED
            {
                return Ok(());
            }
            tokio::time::sleep(KNOWN_PAUSE).await;
        }
        Err(DeskError::Call("the server does not learn of a new key".to_owned()))
    }

    /// The command line of a kiosk with a key of its own, but for its display.
    ///
    /// # Errors
    ///
    /// When it is not built, or gets no key.
    pub async fn kiosk(&self, name: &str) -> Result<Command, DeskError> {
        let program = binary("saoma-kiosk")?;
        let folder = self.plan.kiosk_folder(name)?;
        let key = folder.join("device.key");
        write_secret(&key, &self.device_key(name).await?)?;
        let mut command = Command::new(program);
        command.args(["--server", &self.server_url()]).arg("--device-key-file").arg(key);
        command.arg("--journal").arg(folder.join("journal"));
        Ok(command)
    }

    /// Kills the server as a power failure would, and starts it again at the same place.
    ///
    /// # Errors
    ///
    /// When it does not come back.
    pub async fn crash_server(&mut self) -> Result<(), DeskError> {
        self.server.kill().await?;
        self.server = start_server(&self.plan, self.is_shown).await?;
        Ok(())
    }

    /// Waits until one of the programs ends by itself, which none of them should.
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub async fn death(&mut self) -> Result<Death, DeskError> {
        let shop = async {
            match &mut self.shop {
                Some(shop) => shop.wait().await,
                None => std::future::pending().await,
            }
        };
        let death = tokio::select! {
            death = self.sandbox.wait() => death,
            death = self.server.wait() => death,
            death = shop => death,
        };
        Ok(death?)
    }

    /// Stops the programs, those first that call the others, and removes the folder.
    ///
    /// # Errors
    ///
    /// When one of them had to be killed or ended with an error; the others are stopped as well.
    pub async fn stop(mut self) -> Result<(), DeskError> {
        let shop = match &mut self.shop {
            Some(shop) => stop_well(shop).await,
            None => Ok(()),
        };
        let server = stop_well(&mut self.server).await;
        let sandbox = stop_well(&mut self.sandbox).await;
        Ok(shop.and(server).and(sandbox)?)
    }

    /// Everything answers.
    async fn check(&self) -> Result<(), DeskError> {
        let mut addresses = vec![format!("{}/healthz", self.server_url()), self.phone_url.clone()];
        if self.shop.is_some() {
            addresses.push(self.shop_url());
        }
        for address in addresses {
            let response = self.http.get(&address).send().await?;
            if !response.status().is_success() {
                let status = response.status();
                return Err(DeskError::Call(format!("{address} answers {status}")));
            }
        }
        Ok(())
    }
}

async fn start_server(plan: &Plan, is_shown: bool) -> Result<Program, DeskError> {
    let ready = "saoma-server ready on ";
    let (server, _) = Program::start("server", &mut plan.server()?, ready, is_shown).await?;
    Ok(server)
}

async fn stop_well(program: &mut Program) -> Result<(), ProgramError> {
    let death = program.stop().await?;
    if death.status.success() { Ok(()) } else { Err(ProgramError::StoppedBadly(death)) }
}

/// Writes a file that nobody else may read.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}

fn http_client() -> Result<reqwest::Client, DeskError> {
    // Fails when somebody in this process has done it before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().timeout(CALL_WITHIN).build()?)
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, DeskError> {
    let response = request.send().await?;
    let (url, status) = (response.url().clone(), response.status());
    let body = response.text().await?;
    if !status.is_success() {
        return Err(DeskError::Call(format!("{url} answers {status}: {body}")));
    }
    serde_json::from_str(&body)
        .map_err(|error| DeskError::Call(format!("{url} answers no JSON ({error}): {body}")))
}

impl std::error::Error for DeskError {}

impl fmt::Display for DeskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt(path) => write!(
                f,
                "{} is not there: `cargo xtask demo` and `cargo xtask test` build it",
                path.display()
            ),
            Self::Program(error) => write!(f, "{error}"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Call(error) => write!(f, "{error}"),
            Self::Database(error) => write!(f, "{error}"),
        }
    }
}

impl From<ProgramError> for DeskError {
    fn from(error: ProgramError) -> Self {
        Self::Program(error)
    }
}

impl From<io::Error> for DeskError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<reqwest::Error> for DeskError {
    fn from(error: reqwest::Error) -> Self {
        Self::Call(error.to_string())
    }
}

impl From<sqlx::Error> for DeskError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}
