//! How the server is watched and stopped: logs, metrics, draining.

use super::read::Section;
use super::{ConfigError, Secret, secret};
use std::net::SocketAddr;
use std::time::Duration;

/// Longest draining, in seconds.
const DRAIN_MAX_S: u64 = 300;

/// How the server is watched and stopped.
#[derive(Clone, Debug)]
pub struct Watched {
    /// How logs are written; `None`: as text on a terminal, otherwise as JSON.
    pub log: Option<LogFormat>,
    /// An address of its own for metrics; whoever reaches it may read them.
    pub metrics_listen: Option<SocketAddr>,
    /// Opens the metrics where everybody else calls.
    pub metrics_token: Option<Secret>,
    /// How long requests are still taken when the server is told to stop.
    pub drain: Duration,
}

impl Default for Watched {
    fn default() -> Self {
        Self { log: None, metrics_listen: None, metrics_token: None, drain: Duration::from_secs(1) }
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object in each line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be \"text\" or \"json\""),
        }
    }
}

pub(super) fn watched(root: &mut Section) -> Result<Watched, ConfigError> {
    let default = Watched::default();
    let log = root.optional("log")?.map(|name| name.parse());
    let log = log.transpose().map_err(|rule: &str| root.error("log", rule))?;
    let listen = root.optional("metrics_listen")?.map(|address| address.parse());
    let metrics_listen = listen.transpose().map_err(|_| {
        let rule = "must be an address and a port, such as \"127.0.0.1:9464\"";
        root.error("metrics_listen", rule)
    })?;
    let token = root.secret("metrics_token")?;
    let metrics_token = token.map(|token| secret(root, "metrics_token", token)).transpose()?;
    let drain = match root.whole("stop_drain_s")? {
        None => default.drain,
        Some(seconds) if seconds <= DRAIN_MAX_S => Duration::from_secs(seconds),
        Some(_) => return Err(root.error("stop_drain_s", "must be 0 to 300")),
    };
    Ok(Watched { log, metrics_listen, metrics_token, drain })
}
