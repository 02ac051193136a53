//! `saoma-desk`: sandbox, server and shop with made-up keys, for a person to try. This is what
//! `cargo xtask demo` runs once everything is built.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use saoma_tests::{Desk, DeskError, Options, Ports, Shop};

/// Sandbox, server and shop together, until Ctrl-C.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port of the shop on 127.0.0.1; any free one when left out.
    #[arg(long)]
    port_shop: Option<u16>,
    /// Port of the server.
    #[arg(long)]
    port_server: Option<u16>,
    /// Port of the sandbox.
    #[arg(long)]
    port_sandbox: Option<u16>,
    /// Do not show what the programs write.
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before anything is started, so that no signal is missed.
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return failed(&DeskError::Io(error)),
    };
    let starting = Desk::start(Options {
        ports: Ports {
            shop: arguments.port_shop,
            server: arguments.port_server,
            sandbox: arguments.port_sandbox,
        },
        shop: Shop::Demo,
        is_shown: !arguments.quiet,
        has_own_groups: true,
    });
    let started = tokio::select! {
        desk = starting => Some(desk),
        () = signals.any() => None,
    };
    let mut desk = match started {
        Some(Ok(desk)) => desk,
        Some(Err(error)) => return failed(&error),
        // Dropping what was started so far has stopped it.
        None => return ExitCode::SUCCESS,
    };
    say(&format!("open {} in a browser; Ctrl-C ends everything", desk.shop_url()));
    let death = tokio::select! {
        death = desk.death() => Some(death),
        () = signals.any() => None,
    };
    say("stopping");
    let stopped = desk.stop().await;
    match (death, stopped) {
        (None, Ok(())) => ExitCode::SUCCESS,
        (Some(Ok(death)), _) => failed(&death),
        (Some(Err(error)), _) | (None, Err(error)) => failed(&error),
    }
}

fn say(line: &str) {
    // When nobody reads our output any more there is nobody to tell.
    let _ = writeln!(io::stdout(), "{line}");
}

fn failed(error: &impl std::fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

/// What asks a program to stop: Ctrl-C, `kill`, a closed terminal.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn any(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
