//! The sandbox as a program.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use saoma_sandbox::clock::{Clock, ClockKind, SPEED_MAX};
use saoma_sandbox::gateway::{CATALOGUE, Certificates, FaultEntry, Limits, Rules, Schedule};
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::{Config, Merchant, NOTIFY_DEADLINE, Sandbox, random, read_merchants};
use tracing_subscriber::EnvFilter;

/// A WeChat Pay v2 gateway for the desk and for tests. No real money.
///
/// Point a merchant's server at it instead of https://api.mch.weixin.qq.com, open its phone page
/// and pay. It prints one line when it is ready, and logs to standard error (RUST_LOG=debug for
/// more).
#[derive(Parser)]
#[command(name = "saoma-sandbox", version, max_term_width = 100, after_long_help = catalogue())]
struct Arguments {
    /// Where to listen. Port 0 takes a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,

    /// A merchant that may call: MCH_ID:APPID:KEY[:SHOP NAME]. May be given several times.
    ///
    /// KEY is the API key, 32 characters. Make one up; never use the key of a real merchant. Other
    /// users of the machine can see a command line, so the variable is there for whoever minds.
    // Taken as text: a parser of clap's would print a bad value, and with it the key.
    #[arg(
        long = "merchant",
        value_name = "MERCHANT",
        required_unless_present = "merchants_file",
        env = "SAOMA_SANDBOX_MERCHANT",
        hide_env_values = true,
        help_heading = "Merchants"
    )]
    merchants: Vec<String>,

    /// A TOML file of merchants with all their settings; merchants.example.toml describes it.
    #[arg(long = "merchants", value_name = "FILE", help_heading = "Merchants")]
    merchants_file: Option<PathBuf>,

    /// The folder of the certificates for HTTPS and refunds; what it lacks is made.
    ///
    /// ca.pem is what clients must trust. Each merchant has a folder with apiclient_cert.pem,
    /// apiclient_key.pem and apiclient_cert.p12 (whose password is the merchant number).
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "saoma-sandbox-certificates",
        help_heading = "Files"
    )]
    certificates: PathBuf,

    /// The file that keeps what happens, for the next start. Without it, all is forgotten at the
    /// end.
    ///
    /// Seed and clock go on from where they were; rules and merchants must be the same, but
    /// merchants may be added.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    state: Option<PathBuf>,

    /// A name or address at which clients reach it by HTTPS. May be given several times.
    ///
    /// It always goes by localhost, 127.0.0.1, ::1, api.mch.weixin.qq.com and
    /// api2.mch.weixin.qq.com.
    #[arg(long = "host-name", value_name = "NAME")]
    host_names: Vec<String>,

    /// When unacknowledged notifications are repeated: 15 times in 24 hours, or the old 9 in 3.
    #[arg(
        long,
        value_enum,
        value_name = "SCHEDULE",
        default_value = "current",
        help_heading = "Rules"
    )]
    notify_schedule: ScheduleName,

    /// How many seconds after its creation an order may be closed. WeChat says 300.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, help_heading = "Rules")]
    min_close_s: u32,

    /// Whether refunds and fund bills need the merchant's client certificate, as WeChat demands it.
    #[arg(
        long,
        value_enum,
        value_name = "RULE",
        default_value = "demanded",
        help_heading = "Rules"
    )]
    client_certificate: CertificateRule,

    /// How many seconds after it was accepted a refund ends.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, help_heading = "Rules")]
    refund_after_s: u32,

    /// How many seconds lie between two refunds of one payment at least. WeChat says 60.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, help_heading = "Rules")]
    refund_gap_s: u32,

    /// The order query says CLOSED of what has gone back as a whole, as some have seen it.
    #[arg(long, help_heading = "Rules")]
    closed_when_refunded: bool,

    /// Makes the numbers and codes that are given out, and the faults at random, the same each
    /// time. Without it, one is chosen and said at the start. With --state that of the first start
    /// counts.
    #[arg(long, value_name = "NUMBER", help_heading = "Faults and time")]
    seed: Option<u64>,

    /// No call, payment or notification goes wrong because of its amount.
    #[arg(long, help_heading = "Faults and time")]
    no_magic_amounts: bool,

    /// How many of a thousand calls, payments and notifications go wrong at random.
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = clap::value_parser!(u16).range(0..=1000),
          help_heading = "Faults and time")]
    faults_per_mille: u16,

    /// The same as --faults-per-mille 50.
    #[arg(long, conflicts_with = "faults_per_mille", help_heading = "Faults and time")]
    chaos: bool,

    /// Merchants may call as often as they like. WeChat takes 500 orders a second.
    #[arg(long, help_heading = "Faults and time")]
    no_limits: bool,

    /// How many times as fast as the machine's clock the gateway's clock runs. 60: a second counts
    /// as a minute.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(SPEED_MAX)),
          help_heading = "Faults and time")]
    speed: u32,

    /// Whose time counts: the machine's, or none, until POST /control/time moves it.
    #[arg(
        long,
        value_enum,
        value_name = "CLOCK",
        default_value = "system",
        help_heading = "Faults and time"
    )]
    clock: ClockName,

    /// Where a standing clock starts: 14 digits of Beijing time, yyyyMMddHHmmss. Without it, now.
    #[arg(long, value_name = "TIME", help_heading = "Faults and time")]
    clock_start: Option<String>,
}

/// What `--chaos` means.
const CHAOS_PER_MILLE: u16 = 50;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ClockName {
    System,
    Standing,
}

/// All faults, for the long help.
fn catalogue() -> String {
    let line = |entry: &FaultEntry| {
        let parameter = entry.takes.describe().map(|takes| format!(" [{takes}]"));
        let parameter = parameter.unwrap_or_default();
        format!("  {}  {}{parameter}: {}", entry.magic_fen, entry.word, entry.line)
    };
    let lines: Vec<_> = CATALOGUE.iter().map(line).collect();
    format!(
        "Faults, by the header saoma-sandbox-fault: NAME[; PARAMETER], by POST /control/faults, or \
         by the total_fee of an order:\n{}",
        lines.join("\n")
    )
}

#[derive(Clone, Copy, ValueEnum)]
enum ScheduleName {
    Current,
    Old,
}

#[derive(Clone, Copy, ValueEnum)]
enum CertificateRule {
    Demanded,
    NotAsked,
}

impl Arguments {
    /// Those of the file, then those of the command line.
    fn merchants(&self) -> Result<Vec<Merchant>, String> {
        let mut merchants = match &self.merchants_file {
            None => Vec::new(),
            Some(path) => {
                let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
                read_merchants(&text).map_err(|error| named(&error))?
            }
        };
        for text in &self.merchants {
            let merchant = Merchant::from_argument(text);
            merchants.push(merchant.map_err(|error| format!("--merchant: {error}"))?);
        }
        Ok(merchants)
    }

    fn rules(&self) -> Rules {
        Rules {
            schedule: match self.notify_schedule {
                ScheduleName::Current => Schedule::Current,
                ScheduleName::Old => Schedule::Old,
            },
            min_close_s: i64::from(self.min_close_s),
            limits: if self.no_limits { Limits::OFF } else { Limits::default() },
            magic_amounts: !self.no_magic_amounts,
            certificates: match self.client_certificate {
                CertificateRule::Demanded => Certificates::Demanded,
                CertificateRule::NotAsked => Certificates::NotAsked,
            },
            refund_after_s: i64::from(self.refund_after_s),
            refund_gap_s: i64::from(self.refund_gap_s),
            closed_when_refunded: self.closed_when_refunded,
            faults_per_mille: if self.chaos { CHAOS_PER_MILLE } else { self.faults_per_mille },
        }
    }

    fn clock(&self) -> Result<ClockKind, String> {
        match (self.clock, &self.clock_start) {
            (ClockName::System, None) if self.speed == 1 => Ok(ClockKind::System),
            (ClockName::System, None) => Ok(ClockKind::Fast(self.speed)),
            (ClockName::System, Some(_)) => Err("--clock-start is for --clock standing".into()),
            (ClockName::Standing, _) if self.speed != 1 => {
                Err("--speed is not for --clock standing".into())
            }
            (ClockName::Standing, None) => {
                Ok(ClockKind::Standing(Clock::new(ClockKind::System).now()))
            }
            (ClockName::Standing, Some(text)) => UnixTime::from_beijing(text)
                .map(ClockKind::Standing)
                .ok_or_else(|| "--clock-start: not 14 digits of a time that exists".into()),
        }
    }

    fn config(&self) -> Result<Config, String> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => random::system_seed().map_err(|error| format!("no random seed: {error}"))?,
        };
        Ok(Config {
            listen: self.listen,
            merchants: self.merchants()?,
            rules: self.rules(),
            seed,
            clock: self.clock()?,
            state: self.state.clone(),
            certificates: Some(self.certificates.clone()),
            host_names: self.host_names.clone(),
            notify_deadline: NOTIFY_DEADLINE,
        })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // A closed standard error is no reason to fail in another way.
            let _ = writeln!(std::io::stderr(), "error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let config = arguments.config()?;
    let per_mille = config.rules.faults_per_mille;
    let mut signals = Signals::new().map_err(|error| format!("no signals: {error}"))?;
    let sandbox = Sandbox::start(config).await.map_err(|error| error.to_string())?;
    let seed = sandbox.seed();
    tracing::info!(seed, "started");
    if per_mille > 0 {
        tracing::warn!(per_mille, "faults at random; the same ones again with --seed {seed}");
    }
    let (base, phone) = (sandbox.base_url(), sandbox.phone_url());
    // Whoever started us may have gone away; then there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "saoma-sandbox ready on {base} phone {phone}");
    let failure = tokio::select! {
        () = signals.any() => None,
        reason = sandbox.failure() => Some(reason),
    };
    tracing::info!("stopping");
    sandbox.stop().await;
    match failure {
        Some(reason) => Err(format!("the state file cannot be written: {reason}")),
        None => Ok(()),
    }
}

/// The signals that ask a program to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Elsewhere there is Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn any(&mut self) {
        // Without a handler the system ends the program by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
