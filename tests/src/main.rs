//! `saoma-desk`: sandbox, server and shop with made-up keys, for a person to try. This is what
//! `cargo xtask demo` runs once everything is built.

use std::io::{self, Write as _};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
use saoma_tests::{Death, Desk, DeskError, Options, Ports, Shop};
use tokio::process::Child;
use tokio::time::timeout;

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
    /// A kiosk beside the shop, on this display: window, terminal, png:DIR, ... (`saoma-kiosk
    /// --help`).
    #[arg(long, value_name = "DISPLAY")]
    kiosk: Option<String>,
    /// Do not show what the programs write.
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A kiosk in this terminal has it to itself.
    let in_terminal = arguments.kiosk.as_deref() == Some("terminal");
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
        is_shown: !arguments.quiet && !in_terminal,
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
    let mut kiosk = match &arguments.kiosk {
        Some(display) => match start_kiosk(&desk, display).await {
            Ok(kiosk) => Some(kiosk),
            Err(error) => return failed(&error),
        },
        None => None,
    };
    let end = wait_for_end(&mut desk, kiosk.as_mut(), &mut signals).await;
    say("stopping");
    if let Some(kiosk) = &mut kiosk {
        stop_kiosk(kiosk).await;
    }
    let stopped = desk.stop().await;
    match (end, stopped) {
        (End::Wished, Ok(())) => ExitCode::SUCCESS,
        (End::KioskFailed, Ok(())) => ExitCode::FAILURE,
        (End::Death(Ok(death)), _) => failed(&death),
        (End::Death(Err(error)), _) | (End::Wished | End::KioskFailed, Err(error)) => {
            failed(&error)
        }
    }
}

/// Why it is over.
enum End {
    /// Somebody wants it so, or has closed the kiosk.
    Wished,
    /// The kiosk could not work; it has said why.
    KioskFailed,
    /// One of the programs has ended.
    Death(Result<Death, DeskError>),
}

async fn wait_for_end(desk: &mut Desk, kiosk: Option<&mut Child>, signals: &mut Signals) -> End {
    let closed = async {
        match kiosk {
            // Whoever closes the window or leaves the terminal has seen enough.
            Some(kiosk) => kiosk.wait().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        death = desk.death() => End::Death(death),
        ended = closed => match ended {
            Ok(status) if status.success() => End::Wished,
            Ok(_) | Err(_) => End::KioskFailed,
        },
        () = signals.any() => End::Wished,
    }
}

/// Starts a kiosk with a key of its own on the desk's server.
async fn start_kiosk(desk: &Desk, display: &str) -> Result<Child, DeskError> {
    let mut command = desk.kiosk("kiosk-1").await?;
    command.args(["--display", display]).kill_on_drop(true);
    if display != "terminal" {
        command.stdin(Stdio::null());
        #[cfg(unix)]
        command.process_group(0);
    }
    if display.starts_with("window") {
        command.args(["--size", "800x480"]);
    }
    say(&format!("the kiosk sells, too: pay its codes at {}", desk.phone_url()));
    Ok(command.spawn()?)
}

/// Asks it to end, as systemd would.
async fn stop_kiosk(kiosk: &mut Child) {
    #[cfg(unix)]
    if let Some(pid) = kiosk.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
        let _ = kill_process(pid, Signal::TERM);
    }
    if timeout(Duration::from_secs(5), kiosk.wait()).await.is_err() {
        let _ = kiosk.kill().await;
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
