//! The terminal as a Linux program: displays, touch, dispensers, the journal on a disk and the way
//! to the server. What it shows, asks and hands over is decided by the library.

mod args;
mod check;
mod clock;
mod config;
mod dispenser;
mod display;
mod http;
mod journal;
mod key;
mod keys;
mod log;
mod random;
mod run;
mod signals;
mod touch;
mod typing;
mod watchdog;

use std::{io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    let ended = config::read().and_then(|config| {
        if config.args.check_config {
            return check::check(&config);
        }
        run::run(&config).map(|outcome| ExitCode::from(outcome as u8))
    });
    display::restore_terminal();
    ended.unwrap_or_else(|problem| {
        // Nobody may be reading; the exit code says it too.
        let _ = writeln!(std::io::stderr(), "saoma-kiosk: {problem}");
        ExitCode::FAILURE
    })
}
