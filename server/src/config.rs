//! The configuration: a TOML file and the environment, checked before anything starts.
//!
//! Each key has an environment variable, which wins over the file: `SAOMA_`, then the key's path
//! in capitals, joined by `_`. `database` is `SAOMA_DATABASE`, `key` of `[merchant]` is
//! `SAOMA_MERCHANT_KEY`, and `webhook_url` of the second `[[shops]]` is
//! `SAOMA_SHOPS_1_WEBHOOK_URL`. What may be secret can also stand in a file of its own, which
//! `KEY_file` or `SAOMA_..._FILE` names.
//!
//! Every error names the key and says what to do. A value is never repeated in an error, because
//! it may be a secret that stands in the wrong place.

mod env;
mod error;
mod merchant;
mod observe;
mod read;
mod shop;

pub use env::Env;
pub use error::{ConfigError, Problem};
pub use merchant::{AnomalyPolicy, MerchantConfig, UnknownPolicy};
pub use observe::{LogConfig, LogFormat, Watched};
pub use shop::{ShopConfig, WebhookConfig};

use crate::password::is_hash;
use crate::webhook::Reach;
use error::Problems;
use ipnet::IpNet;
use read::Section;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Shortest shop key and webhook secret, in characters.
const SECRET_LEN_MIN: usize = 16;
/// Longest `public_url`: with our path it is a notify URL of at most 256 bytes (protocol §4).
const PUBLIC_URL_MAX: usize = 240;
/// Longest name of an operator, in characters.
const OPERATOR_NAME_MAX: usize = 32;

/// Everything a server has to be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Where orders are kept.
    pub database: Database,
    /// The URL of a PostgreSQL server that follows the first one; operators' pages read from it.
    pub replica: Option<Secret>,
    /// How WeChat reaches us, without a slash at the end. `None`: at the address we listen on,
    /// which is a loopback address then.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether webhooks may go to private addresses. Left out, they may when there is no
    /// `public_url`: then WeChat reaches us on this machine only, so that this is somebody's desk.
    pub webhook_private: bool,
    /// Who we are to WeChat: at least one.
    pub merchants: Vec<MerchantConfig>,
    /// Who may take orders: at least one. Each belongs to one of the merchants.
    pub shops: Vec<ShopConfig>,
    /// Who may log in to the operator's page.
    pub operators: Vec<OperatorConfig>,
    /// How many requests a second are taken.
    pub limits: Limits,
    /// What is logged and how.
    pub log: LogConfig,
    /// How the server is watched and stopped.
    pub watched: Watched,
    /// `SAOMA_...` variables of the environment that are no keys: misspelt, or somebody else's.
    pub unknown_variables: Vec<String>,
}

/// Where orders are kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// One file on a local disk, for one process.
    Sqlite(PathBuf),
    /// The URL of a PostgreSQL server, for any number of processes.
    Postgres(Secret),
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            // The URL holds a password.
            Self::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}

/// Who may log in to the operator's page.
#[derive(Clone, Debug)]
pub struct OperatorConfig {
    /// 1 to 32 letters, digits, `_`, `-`, `.`, `@`.
    pub name: String,
    /// An Argon2 hash as a PHC string, as `saoma-server hash-password` prints it.
    pub password_hash: Secret,
}

/// How many requests are taken. A rate's burst is how many may come at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls a second with one key of a shop. A device's has a smaller limit of its own.
    pub key_per_s: u32,
    /// Calls at once with one key of a shop.
    pub key_burst: u32,
    /// Calls a second of one client address without a shop's key: pages.
    pub address_per_s: u32,
    /// Calls at once of one client address: pages.
    pub address_burst: u32,
    /// Pages of one client address that follow orders at the same time: each is a connection.
    pub address_followers: u32,
}

impl Default for Limits {
    /// Far above what is needed, and far below what hurts: a chain of shops may share a key, and
    /// behind one address may stand a shopping centre full of phones.
    fn default() -> Self {
        Self {
            key_per_s: 1_000,
            key_burst: 5_000,
            address_per_s: 100,
            address_burst: 1_000,
            address_followers: 500,
        }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Config {
    /// Reads a file, if there is one; the environment can say everything. Relative paths start at
    /// the file's folder.
    ///
    /// # Errors
    /// [`ConfigError`] names every key that is wrong and says what to do.
    pub fn load(file: Option<&Path>, env: &Env) -> Result<Self, ConfigError> {
        let Some(file) = file else { return Self::parse("", Path::new(""), env) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Problem::new("", format!("cannot read it: {error}")))?;
        Self::parse(&text, file.parent().unwrap_or(Path::new("")), env)
    }

    /// Reads the text of a file that lies in `folder`.
    ///
    /// # Errors
    /// [`ConfigError`] names every key that is wrong and says what to do.
    pub fn parse(text: &str, folder: &Path, env: &Env) -> Result<Self, ConfigError> {
        let mut root = Section::parse(text, folder, env)?;
        let mut problems = Problems::default();
        let at = &mut problems;
        let listen = at.keep(listen(&mut root));
        let database = at.keep(database(&mut root));
        let replica = at.keep(replica(&mut root, database.as_ref()));
        let public_url = at.keep(public_url(&mut root, listen));
        let trusted_proxies = at.keep(trusted_proxies(&mut root));
        let desk = !matches!(public_url, Some(Some(_)));
        let webhook_private = at.keep(root.flag("webhook_private", desk));
        let limits = limits(&mut root, at);
        let log = observe::log(&mut root, at);
        let watched = observe::watched(&mut root, at);
        let merchants = merchant::merchants(&mut root, at);
        let reach = Reach::of(webhook_private.unwrap_or(true));
        let shops = shop::shops(&mut root, &merchants, reach, at);
        let operators = operators(&mut root, at);
        root.end(at);
        let config = (|| {
            Some(Self {
                listen: listen?,
                database: database?,
                replica: replica?,
                public_url: public_url?,
                trusted_proxies: trusted_proxies?,
                webhook_private: webhook_private?,
                merchants,
                shops,
                operators,
                limits: limits?,
                log: log?,
                watched: watched?,
                unknown_variables: env.not_asked_for(),
            })
        })();
        problems.end(config)
    }

    /// The merchant of this number.
    #[must_use]
    pub fn merchant(&self, mch_id: &saoma_core::ids::MchId) -> Option<&MerchantConfig> {
        self.merchants.iter().find(|merchant| merchant.mch_id == *mch_id)
    }
}

fn listen(root: &mut Section<'_>) -> Result<SocketAddr, Problem> {
    let rule = "must be an address and a port, such as \"127.0.0.1:8080\"";
    let listen = root.required("listen", "say where, such as \"127.0.0.1:8080\"")?;
    listen.parse().map_err(|_| root.error("listen", rule))
}

fn database(root: &mut Section<'_>) -> Result<Database, Problem> {
    let url = root.secret("database")?.ok_or_else(|| {
        root.missing("database", "say where orders are kept, such as \"sqlite:saoma.db\"")
    })?;
    if is_postgres(&url) {
        return Ok(Database::Postgres(Secret(url)));
    }
    let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path {
        Some(path) if !path.is_empty() && !path.contains('?') => {
            Ok(Database::Sqlite(root.path(path)))
        }
        Some(_) | None => {
            let rule = "must be \"sqlite:\" and the path of a file, or \
                        \"postgres://user:password@host/name\"";
            Err(root.error("database", rule))
        }
    }
}

fn is_postgres(url: &str) -> bool {
    let parsed = reqwest::Url::parse(url).ok();
    parsed.is_some_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host())
}

fn replica(root: &mut Section<'_>, database: Option<&Database>) -> Result<Option<Secret>, Problem> {
    let Some(url) = root.secret("replica")? else { return Ok(None) };
    if !is_postgres(&url) {
        return Err(root.error("replica", "must be \"postgres://user:password@host/name\""));
    }
    if matches!(database, Some(Database::Sqlite(_))) {
        return Err(root.error("replica", "goes with a PostgreSQL database only: remove it"));
    }
    Ok(Some(Secret(url)))
}

fn public_url(
    root: &mut Section<'_>,
    listen: Option<SocketAddr>,
) -> Result<Option<String>, Problem> {
    let Some(url) = root.optional("public_url")? else {
        if listen.is_none_or(|listen| listen.ip().is_loopback()) {
            return Ok(None);
        }
        let what = "say how WeChat reaches this server, such as \"https://pay.example.com\"";
        return Err(root.missing("public_url", what));
    };
    let url = url.trim_end_matches('/').to_owned();
    if is_url(&url) && url.len() <= PUBLIC_URL_MAX && !url.contains('?') {
        return Ok(Some(url));
    }
    Err(root.error(
        "public_url",
        "must be http(s)://host[:port][/path] of at most 240 ASCII characters, without a query",
    ))
}

fn trusted_proxies(root: &mut Section<'_>) -> Result<Vec<IpNet>, Problem> {
    let net = |text: &String| {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        text.parse::<IpNet>().ok().or_else(address)
    };
    let texts = root.texts("trusted_proxies")?.unwrap_or_default();
    texts.iter().map(net).collect::<Option<_>>().ok_or_else(|| {
        let rule = "must be addresses or networks, such as [\"127.0.0.1\", \"10.0.0.0/8\"]";
        root.error("trusted_proxies", rule)
    })
}

fn limits(root: &mut Section<'_>, problems: &mut Problems) -> Option<Limits> {
    const KEYS: &[&str] =
        &["key_per_s", "key_burst", "address_per_s", "address_burst", "address_followers"];
    let default = Limits::default();
    let Some(mut section) = problems.keep(root.section("limits", KEYS))? else {
        return Some(default);
    };
    let mut number = |key, default| problems.keep(section.number(key, (1, default, 1_000_000)));
    let limits = [
        number("key_per_s", default.key_per_s),
        number("key_burst", default.key_burst),
        number("address_per_s", default.address_per_s),
        number("address_burst", default.address_burst),
        number("address_followers", default.address_followers),
    ];
    section.end(problems);
    let [key_per_s, key_burst, address_per_s, address_burst, address_followers] = limits;
    Some(Limits {
        key_per_s: key_per_s?,
        key_burst: key_burst?,
        address_per_s: address_per_s?,
        address_burst: address_burst?,
        address_followers: address_followers?,
    })
}

fn operators(root: &mut Section<'_>, problems: &mut Problems) -> Vec<OperatorConfig> {
    const KEYS: &[&str] = &["name", "password_hash"];
    let sections = problems.keep(root.sections("operators", KEYS)).unwrap_or_default();
    let mut operators: Vec<OperatorConfig> = Vec::new();
    for mut section in sections {
        let name = problems.keep(operator_name(&mut section, &operators));
        let hash = problems.keep(password_hash(&mut section));
        section.end(problems);
        if let (Some(name), Some(password_hash)) = (name, hash) {
            operators.push(OperatorConfig { name, password_hash });
        }
    }
    operators
}

fn operator_name(section: &mut Section<'_>, others: &[OperatorConfig]) -> Result<String, Problem> {
    let name = section.required("name", "say who logs in")?;
    let is_good = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
    if name.is_empty() || name.len() > OPERATOR_NAME_MAX || !name.chars().all(is_good) {
        return Err(section.error("name", "must be 1 to 32 letters, digits, _, -, . or @"));
    }
    if others.iter().any(|other| other.name == name) {
        return Err(section.error("name", "is the name of another operator too"));
    }
    Ok(name)
}

fn password_hash(section: &mut Section<'_>) -> Result<Secret, Problem> {
    let hash = section.secret("password_hash")?;
    let what = "let `saoma-server hash-password` make one";
    let hash = hash.ok_or_else(|| section.missing("password_hash", what))?;
    if is_hash(&hash) {
        return Ok(Secret(hash));
    }
    let rule = "must be what `saoma-server hash-password` prints, $argon2id$...";
    Err(section.error("password_hash", rule))
}

fn secret(section: &Section<'_>, key: &str, text: String) -> Result<Secret, Problem> {
    if text.len() >= SECRET_LEN_MIN && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Secret(text));
    }
    let rule = "must be at least 16 visible ASCII characters; `openssl rand -hex 32` makes one";
    Err(section.error(key, rule))
}

/// `http(s)://host...` of visible ASCII, without user name, password and fragment.
fn is_url(url: &str) -> bool {
    let Ok(parsed) = reqwest::Url::parse(url) else { return false };
    matches!(parsed.scheme(), "http" | "https")
        && parsed.has_host()
        && parsed.username().is_empty()
        && parsed.password().is_none()
        && parsed.fragment().is_none()
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
