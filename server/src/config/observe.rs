//! How the server is watched and stopped: logs, metrics, draining.

use super::error::{Problem, Problems};
use super::read::Section;
use super::{Secret, secret};
use std::net::SocketAddr;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Longest draining, in seconds.
const DRAIN_MAX_S: u32 = 300;

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A filter as `RUST_LOG` has it.
    pub filter: String,
    /// How lines are written; `None`: as text on a terminal, otherwise as JSON.
    pub format: Option<LogFormat>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: None }
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

/// How the server is watched and stopped.
#[derive(Clone, Debug)]
pub struct Watched {
    /// An address of its own for metrics; whoever reaches it may read them.
    pub metrics_listen: Option<SocketAddr>,
    /// Opens the metrics where everybody else calls.
    pub metrics_token: Option<Secret>,
    /// How long requests are still taken when the server is told to stop.
    pub drain: Duration,
}

pub(super) fn log(root: &mut Section<'_>, problems: &mut Problems) -> Option<LogConfig> {
    let default = LogConfig::default();
    let Some(mut section) = problems.keep(root.section("log", &["filter", "format"]))? else {
        return Some(default);
    };
    let filter = problems.keep(log_filter(&mut section));
    let format = problems.keep(log_format(&mut section));
    section.end(problems);
    Some(LogConfig { filter: filter?.unwrap_or(default.filter), format: format? })
}

/// A filter that is not understood would leave nothing but errors.
fn log_filter(section: &mut Section<'_>) -> Result<Option<String>, Problem> {
    let filter = section.optional("filter")?;
    let is_good = |filter: &String| !filter.trim().is_empty() && EnvFilter::try_new(filter).is_ok();
    if filter.as_ref().is_none_or(is_good) {
        return Ok(filter);
    }
    let rule =
        "must be a filter as RUST_LOG has it, such as \"info\" or \"info,saoma_server=debug\"";
    Err(section.error("filter", rule))
}

fn log_format(section: &mut Section<'_>) -> Result<Option<LogFormat>, Problem> {
    let format = section.optional("format")?.map(|name| name.parse());
    format.transpose().map_err(|rule: &str| section.error("format", rule))
}

pub(super) fn watched(root: &mut Section<'_>, problems: &mut Problems) -> Option<Watched> {
    let metrics_listen = problems.keep(metrics_listen(root));
    let metrics_token = problems.keep(metrics_token(root));
    let drain = problems.keep(root.number("stop_drain_s", (0, 1, DRAIN_MAX_S)));
    Some(Watched {
        metrics_listen: metrics_listen?,
        metrics_token: metrics_token?,
        drain: Duration::from_secs(drain?.into()),
    })
}

fn metrics_listen(root: &mut Section<'_>) -> Result<Option<SocketAddr>, Problem> {
    let address = root.optional("metrics_listen")?.map(|address| address.parse());
    address.transpose().map_err(|_| {
        let rule = "must be an address and a port, such as \"127.0.0.1:9464\"";
        root.error("metrics_listen", rule)
    })
}

fn metrics_token(root: &mut Section<'_>) -> Result<Option<Secret>, Problem> {
    let token = root.secret("metrics_token")?;
    token.map(|token| secret(root, "metrics_token", token)).transpose()
}
