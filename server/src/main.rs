//! The program: arguments, logs, signals. Everything else is in the library.

mod log;

use clap::{Parser, Subcommand};
use saoma_server::{Clock, Config, LogFormat, Random, Server};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// The merchant backend of Saoma: takes orders from a shop, gets their QR codes from WeChat Pay,
/// hears of payments, and tells the shop to ship.
///
/// It prints one line on standard output when it is ready; logs go to standard error (RUST_LOG
/// chooses them, default "info"). SIGINT and SIGTERM stop it in order, a second one at once.
#[derive(Debug, Parser)]
#[command(version, about, long_about)]
struct Args {
    /// The configuration, a TOML file; server/saoma.example.toml explains every key
    #[arg(long, value_name = "FILE", env = "SAOMA_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// How to write logs, "text" or "json" (one object in each line); the default is text on a
    /// terminal and JSON elsewhere
    #[arg(long, value_name = "FORMAT", global = true)]
    log: Option<LogFormat>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the configuration and start nothing
    Check,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Nobody may be reading; the exit code tells as well.
            let _ = writeln!(io::stderr(), "saoma-server: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let file = args
        .config
        .as_deref()
        .ok_or("say which configuration: --config FILE (server/saoma.example.toml is a pattern)")?;
    let config = Config::load(file, |name| std::env::var(name).ok())
        .map_err(|error| format!("{}: {error}", file.display()))?;
    match args.command {
        Some(Command::Check) => {
            saoma_server::check(&config).map_err(|error| format!("{}: {error}", file.display()))?;
            say("the configuration is good")
        }
        None => {
            log::init(args.log.or(config.watched.log));
            serve_until_told(config)
        }
    }
}

fn serve_until_told(config: Config) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let served = runtime.block_on(serve(config));
    // What still runs was given its time, or somebody has none.
    runtime.shutdown_background();
    served
}

async fn serve(config: Config) -> Result<(), String> {
    let server = Server::start(config, Clock::System, Random::System)
        .await
        .map_err(|error| error.to_string())?;
    say(&format!("saoma-server ready on {}", server.base_url()))?;
    let mut signals = Signals::new().map_err(|error| error.to_string())?;
    signals.next().await;
    tracing::info!("stopping; a second signal stops at once");
    tokio::select! {
        () = server.stop() => Ok(()),
        () = signals.next() => Err("stopped at once, as told by a second signal".to_owned()),
    }
}

fn say(line: &str) -> Result<(), String> {
    let mut out = io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

/// What tells the program to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What tells the program to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nobody can tell us: only killing stops it.
            std::future::pending().await
        }
    }
}
