//! The program: arguments, logs, signals. Everything else is in the library.

use clap::{Parser, Subcommand};
use saoma_server::{Clock, Config, Env, LogConfig, Random, Server};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Longest line that is read as a password.
const PASSWORD_LINE_MAX: u64 = 1024;

/// The merchant backend of Saoma: takes orders from a shop, gets their QR codes from WeChat Pay,
/// hears of payments, and tells the shop to ship.
///
/// Each key of the configuration has an environment variable that wins over the file, such as
/// SAOMA_MERCHANT_KEY for `key` of `[merchant]`, so that the file may be left out.
///
/// It prints one line on standard output when it is ready; logs go to standard error (RUST_LOG
/// chooses them, default "info"). SIGINT and SIGTERM stop it in order.
#[derive(Debug, Parser)]
#[command(version, about, long_about)]
struct Args {
    /// The configuration, a TOML file; server/saoma.example.toml explains every key
    #[arg(long, value_name = "FILE", env = "SAOMA_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Write logs as JSON, one object in each line
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the configuration and start nothing
    Check,
    /// Compare WeChat's bill of a day with the records, ask about what differs, and print what came
    /// of it. Status 0: nothing is open; 1: differences are; 2: it could not be compared
    Reconcile {
        /// The day in Beijing, such as 2026-11-23
        date: String,
        /// One merchant of the configuration, instead of all
        #[arg(long, value_name = "MCH_ID")]
        merchant: Option<String>,
    },
    /// Ask for a password, or read a line of standard input, and print its hash for [[operators]]
    HashPassword,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Command::Reconcile { date, merchant }) = &args.command {
        return reconcile(&args, date, merchant.as_deref());
    }
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
    if let Some(Command::HashPassword) = args.command {
        let hash = saoma_server::hash_password(&password()?, &Random::System);
        return say(&hash.map_err(|error| error.to_string())?);
    }
    let env = Env::of_process();
    if args.config.is_none() && env.is_empty() {
        let what = "--config FILE (server/saoma.example.toml is a pattern)";
        return Err(format!("say which configuration: {what}"));
    }
    let place = args.config.as_ref().map_or("environment".into(), |file| file.to_string_lossy());
    let config =
        Config::load(args.config.as_deref(), &env).map_err(|error| format!("{place}: {error}"))?;
    log(&config.log, args.log_json);
    if !config.unknown_variables.is_empty() {
        let names = config.unknown_variables.join(", ");
        tracing::warn!(names, "environment variables that are no keys of Saoma");
    }
    match args.command {
        Some(Command::HashPassword | Command::Check | Command::Reconcile { .. }) => {
            saoma_server::check(&config).map_err(|error| format!("{place}: {error}"))?;
            say("the configuration is good")
        }
        None => tokio::runtime::Runtime::new()
            .map_err(|error| error.to_string())?
            .block_on(serve(config)),
    }
}

/// The status says how the books are.
fn reconcile(args: &Args, date: &str, merchant: Option<&str>) -> ExitCode {
    let compare = || {
        let config = Config::load(args.config.as_deref(), &Env::of_process());
        let config = config.map_err(|error| error.to_string())?;
        log(&config.log, args.log_json);
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        let (clock, random) = (Clock::System, Random::System);
        let compared = saoma_server::reconcile(config, clock, random, date, merchant);
        runtime.block_on(compared).map_err(|error| error.to_string())
    };
    match compare() {
        Ok(done) => {
            // Nobody may be reading; the status tells as well.
            let _ = write!(io::stdout(), "{}", done.text);
            ExitCode::from(if done.failed > 0 { 2 } else { u8::from(done.open > 0) })
        }
        Err(problem) => {
            let _ = writeln!(io::stderr(), "saoma-server: {problem}");
            ExitCode::from(2)
        }
    }
}

/// From the terminal, twice and unseen, or the first line of standard input.
fn password() -> Result<String, String> {
    let unread = |error: io::Error| format!("the password cannot be read: {error}");
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().take(PASSWORD_LINE_MAX).read_line(&mut line).map_err(unread)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let first = rpassword::prompt_password("Password: ").map_err(unread)?;
    let again = rpassword::prompt_password("Once more: ").map_err(unread)?;
    if first == again { Ok(first) } else { Err("the two passwords differ".to_owned()) }
}

async fn serve(config: Config) -> Result<(), String> {
    raise_open_files();
    let server = Server::start(config, Clock::System, Random::System)
        .await
        .map_err(|error| error.to_string())?;
    say(&format!("saoma-server ready on {}", server.base_url()))?;
    let signal = signal().await.map_err(|error| error.to_string());
    tracing::info!("stopping");
    server.stop().await;
    signal
}

/// Every follower of an order is an open file, and systems allow few unless they are asked.
#[cfg(unix)]
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum;
    // When the system refuses, those that it allows have to do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
}

#[cfg(not(unix))]
const fn raise_open_files() {}

fn say(line: &str) -> Result<(), String> {
    let mut out = io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

/// RUST_LOG wins over the configuration.
fn log(config: &LogConfig, json: bool) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&config.filter));
    let to_stderr = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let to_stderr = to_stderr.with_ansi(io::stderr().is_terminal());
    if json || config.json {
        to_stderr.json().init();
    } else {
        to_stderr.init();
    }
}

#[cfg(unix)]
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
