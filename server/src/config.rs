//! The configuration: one TOML file, checked before anything starts.
//!
//! Every error names the key and says what to do. A value is never repeated in an error, because
//! it may be a secret that stands in the wrong place.

mod observe;
mod read;

pub use observe::{LogFormat, Watched};

use read::Section;
use saoma_core::api::Merchant;
use saoma_core::ids::{AppId, MchId};
use saoma_core::native::WECHAT_HOSTS;
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::watch::MERCHANT_MAX;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The environment variable that may hold the merchant key instead of the file.
pub const ENV_MERCHANT_KEY: &str = "SAOMA_MERCHANT_KEY";

/// Shortest shop key and webhook secret, in characters.
const SECRET_LEN_MIN: usize = 16;
/// Longest `public_url`: with our path it is a notify URL of at most 256 bytes (protocol §4).
const PUBLIC_URL_MAX: usize = 240;

/// Everything a server has to be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// The SQLite file.
    pub database: PathBuf,
    /// How WeChat reaches us, without a slash at the end. `None`: at the address we listen on,
    /// which is a loopback address then.
    pub public_url: Option<String>,
    /// Who we are to WeChat.
    pub merchant: Merchant,
    /// The merchant's name, to show: 1 to 64 bytes.
    pub merchant_name: String,
    /// The gateway's hosts, the main one first.
    pub gateway: Vec<String>,
    /// The address that unified orders name as their caller's.
    pub spbill_create_ip: IpAddr,
    /// The shop's keys, at least one.
    pub shop_keys: Vec<Secret>,
    /// Where the shop is told to ship.
    pub webhook_url: String,
    /// Signs what the shop is told.
    pub webhook_secret: Secret,
    /// How the server is watched and stopped.
    pub watched: Watched,
}

/// A text that is never shown.
#[derive(Clone)]
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

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, with its section: `merchant.key`. Empty when the file as a whole is wrong.
    pub key: String,
    /// What is wrong and what to do; never the value.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            return f.write_str(&self.problem);
        }
        write!(f, "{}: {}", self.key, self.problem)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads a file. Relative paths in it start at its own folder. `env` looks an environment
    /// variable up.
    ///
    /// # Errors
    /// [`ConfigError`] names the key and says what to do.
    pub fn load(file: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            ConfigError::new("", format!("cannot read {}: {error}", file.display()))
        })?;
        Self::parse(&text, file.parent().unwrap_or(Path::new("")), env)
    }

    /// Reads the text of a file that lies in `folder`.
    ///
    /// # Errors
    /// [`ConfigError`] names the key and says what to do.
    pub fn parse(
        text: &str,
        folder: &Path,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut root = Section::parse(text, folder)?;
        let listen = listen(&mut root)?;
        let database = database(&mut root, folder)?;
        let public_url = public_url(&mut root, listen)?;
        let watched = observe::watched(&mut root)?;
        let mut merchant = root.section("merchant")?;
        let mut shop = root.section("shop")?;
        root.end()?;
        let config = Self {
            listen,
            database,
            public_url,
            merchant_name: merchant_name(&mut merchant)?,
            gateway: gateway(&mut merchant)?,
            spbill_create_ip: spbill_create_ip(&mut merchant)?,
            merchant: who(&mut merchant, env)?,
            shop_keys: shop_keys(&mut shop)?,
            webhook_url: webhook_url(&mut shop)?,
            webhook_secret: webhook_secret(&mut shop)?,
            watched,
        };
        merchant.end()?;
        shop.end()?;
        Ok(config)
    }
}

fn listen(root: &mut Section) -> Result<SocketAddr, ConfigError> {
    root.required("listen")?.parse().map_err(|_| {
        root.error("listen", "must be an address and a port, such as \"127.0.0.1:8080\"")
    })
}

fn database(root: &mut Section, folder: &Path) -> Result<PathBuf, ConfigError> {
    let url = root.required("database")?;
    let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path {
        Some(path) if !path.is_empty() && !path.contains('?') => Ok(folder.join(path)),
        Some(_) | None => Err(root.error("database", "must be \"sqlite:\" and the path of a file")),
    }
}

fn public_url(root: &mut Section, listen: SocketAddr) -> Result<Option<String>, ConfigError> {
    let Some(url) = root.optional("public_url")? else {
        if listen.ip().is_loopback() {
            return Ok(None);
        }
        return Err(root.error(
            "public_url",
            "is missing: say how WeChat reaches this server, such as \"https://pay.example.com\"",
        ));
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

fn merchant_name(merchant: &mut Section) -> Result<String, ConfigError> {
    let name = merchant.required("name")?;
    if name.is_empty() || name.len() > MERCHANT_MAX || name.chars().any(char::is_control) {
        let rule = "must be 1 to 64 bytes of UTF-8 (21 Chinese characters)";
        return Err(merchant.error("name", rule));
    }
    Ok(name)
}

fn gateway(merchant: &mut Section) -> Result<Vec<String>, ConfigError> {
    let main = merchant.optional("gateway")?;
    let standby = merchant.optional("gateway_standby")?;
    let [wechat, wechat_standby] = WECHAT_HOSTS.map(str::to_owned);
    Ok(match (main, standby) {
        (None, None) => vec![wechat, wechat_standby],
        (None, Some(standby)) => vec![wechat, standby],
        (Some(main), standby) => std::iter::once(main).chain(standby).collect(),
    })
}

fn spbill_create_ip(merchant: &mut Section) -> Result<IpAddr, ConfigError> {
    let Some(ip) = merchant.optional("spbill_create_ip")? else {
        return Ok(Ipv4Addr::LOCALHOST.into());
    };
    ip.parse().map_err(|_| merchant.error("spbill_create_ip", "must be an IPv4 or IPv6 address"))
}

fn who(
    merchant: &mut Section,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Merchant, ConfigError> {
    let mch_id = MchId::new(&merchant.required("mch_id")?)
        .map_err(|error| merchant.error("mch_id", error.to_string()))?;
    let app_id = AppId::new(&merchant.required("app_id")?)
        .map_err(|error| merchant.error("app_id", error.to_string()))?;
    let in_file = merchant.secret("key")?;
    let (place, key) = match (env(ENV_MERCHANT_KEY), in_file) {
        (Some(key), _) => (ENV_MERCHANT_KEY.to_owned(), key),
        (None, Some(key)) => (merchant.path("key"), key),
        (None, None) => {
            let rule = format!("is missing: set it, or key_file, or {ENV_MERCHANT_KEY}");
            return Err(merchant.error("key", rule));
        }
    };
    let key = ApiKey::new(&key).map_err(|error| {
        ConfigError::new(place, format!("{error}; copy it from the merchant platform"))
    })?;
    let sign_type = match merchant.optional("sign_type")? {
        None => SignType::HmacSha256,
        Some(name) => SignType::from_name(&name)
            .ok_or_else(|| merchant.error("sign_type", "must be \"HMAC-SHA256\" or \"MD5\""))?,
    };
    Ok(Merchant { mch_id, app_id, key, sign_type })
}

fn shop_keys(shop: &mut Section) -> Result<Vec<Secret>, ConfigError> {
    let keys = shop.secrets("keys")?.unwrap_or_default();
    if keys.is_empty() {
        let rule = "is missing: set at least one key, or keys_file with one in each line";
        return Err(shop.error("keys", rule));
    }
    keys.into_iter().map(|key| secret(shop, "keys", key)).collect()
}

fn webhook_url(shop: &mut Section) -> Result<String, ConfigError> {
    let url = shop.required("webhook_url")?;
    if is_url(&url) {
        return Ok(url);
    }
    Err(shop.error("webhook_url", "must be http(s)://host[:port]/path without a user name"))
}

fn webhook_secret(shop: &mut Section) -> Result<Secret, ConfigError> {
    match shop.secret("webhook_secret")? {
        Some(text) => secret(shop, "webhook_secret", text),
        None => Err(shop.error("webhook_secret", "is missing: set it, or webhook_secret_file")),
    }
}

fn secret(section: &Section, key: &str, text: String) -> Result<Secret, ConfigError> {
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
