//! The program: arguments, logs, signals. Everything else is in the library.

mod command;
mod log;

use clap::{Parser, Subcommand};
use saoma_server::{Clock, Config, Env, Level, LogFormat, Month, Random, Server};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Longest line that is read as a password.
const PASSWORD_LINE_MAX: u64 = 1024;

/// The merchant backend of Saoma: takes orders from a shop, gets their QR codes from WeChat Pay,
/// hears of payments, and tells the shop to ship.
///
/// Each key of the configuration has an environment variable that wins over the file, such as
/// SAOMA_MERCHANT_KEY for `key` of `[merchant]`, so that the file may be left out.
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
    /// Look at everything that the configuration names: database, clock, keys, certificates, notify
    /// URL, webhooks; one line each, with what to do. Status 1: something does not work
    Check {
        /// Look only at what the configuration says itself, and at its database; call nobody else
        #[arg(long)]
        offline: bool,
    },
    /// Make, list and take away keys of shops and devices, which the database keeps as digests
    #[command(subcommand)]
    Key(command::KeyCommand),
    /// Compare WeChat's bill of a day with the records, ask about what differs, and print what came
    /// of it. Status 0: nothing is open; 1: differences are; 2: it could not be compared
    Reconcile {
        /// The day in Beijing, such as 2026-11-23
        date: String,
        /// One merchant of the configuration, instead of all
        #[arg(long, value_name = "MCH_ID")]
        merchant: Option<String>,
    },
    /// Copy a SQLite database, also while the server runs, into a new file
    Backup {
        /// The copy; it must not be there yet
        file: PathBuf,
    },
    /// Move months of orders that are at rest away from the tables, also while servers run
    Archive {
        /// Every month before this one, such as 2025-10; thirteen months must stay
        #[arg(long, value_name = "YYYY-MM")]
        before: String,
    },
    /// Ask for a password, or read a line of standard input, and print its hash for [[operators]]
    HashPassword,
}

pub(crate) fn main() -> ExitCode {
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
    let config = match Config::load(args.config.as_deref(), &env) {
        Ok(config) => config,
        Err(error) => {
            if let Some(Command::Check { .. }) = args.command {
                for problem in error.problems() {
                    say(&format!("FAIL  configuration: {problem}"))?;
                }
            }
            return Err(format!("{place}: {error}"));
        }
    };
    log::init(&config.log.filter, args.log.or(config.log.format));
    if !config.unknown_variables.is_empty() {
        let names = config.unknown_variables.join(", ");
        tracing::warn!(names, "environment variables that are no keys of Saoma");
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let done = match &args.command {
        Some(Command::Key(key)) => runtime.block_on(key.run(&config)).and_then(|text| say(&text)),
        Some(Command::Check { offline }) => {
            let checked = saoma_server::check(&config, *offline, &Clock::System, &Random::System);
            let found = runtime.block_on(checked);
            let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
            say(&lines.join("\n"))?;
            let failed = found.iter().filter(|finding| finding.level == Level::Fail).count();
            if failed == 0 { Ok(()) } else { Err(format!("{failed} of these do not work")) }
        }
        Some(Command::Backup { file }) => runtime.block_on(backup(&config, file)),
        Some(Command::Archive { before }) => runtime.block_on(archive(&config, before)),
        Some(Command::HashPassword | Command::Reconcile { .. }) | None => {
            runtime.block_on(serve(config))
        }
    };
    // What still runs was given its time, or somebody has none.
    runtime.shutdown_background();
    done
}

async fn backup(config: &Config, file: &Path) -> Result<(), String> {
    let copied = saoma_server::backup(&config.database, file).await;
    copied.map_err(|error| error.to_string())?;
    say(&format!("{}: a whole copy of the database", file.display()))
}

async fn archive(config: &Config, before: &str) -> Result<(), String> {
    let before = Month::parse(before).ok_or("--before: must be a month, such as 2025-10")?;
    let moved = saoma_server::archive(&config.database, before, Clock::System.now()).await;
    let moved = moved.map_err(|error| error.to_string())?;
    for month in &moved {
        let (orders, place) = (month.orders, &month.place);
        say(&format!("{}: {orders} orders moved to {place}", month.month.with_dash()))?;
    }
    say(&format!("{} months moved", moved.len()))
}

/// The status says how the books are.
fn reconcile(args: &Args, date: &str, merchant: Option<&str>) -> ExitCode {
    let compare = || {
        let config = Config::load(args.config.as_deref(), &Env::of_process());
        let config = config.map_err(|error| error.to_string())?;
        log::init(&config.log.filter, args.log.or(config.log.format));
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
    let mut signals = Signals::new().map_err(|error| error.to_string())?;
    let server = Server::start(config, Clock::System, Random::System)
        .await
        .map_err(|error| error.to_string())?;
    say(&format!("saoma-server ready on {}", server.base_url()))?;
    signals.next().await;
    tracing::info!("stopping; a second signal stops at once");
    tokio::select! {
        () = server.stop() => Ok(()),
        () = signals.next() => Err("stopped at once, as told by a second signal".to_owned()),
    }
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
