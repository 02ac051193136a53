//! The terminal as a Linux program: HTTP to the server, screens as PNG files. What it shows and
//! asks is decided by the library.

mod args;
mod clock;
mod gallery;
mod http;
mod key;
mod keys;
mod random;
mod run;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match run::run(&args) {
        Ok(outcome) => ExitCode::from(outcome as u8),
        Err(problem) => {
            run::warn(&problem);
            ExitCode::FAILURE
        }
    }
}
