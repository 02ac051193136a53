//! The bridge between terminals without a network and the server: frames on a serial line on one
//! side (`docs/kiosk-serial.md`), HTTP on the other.
//!
//! It adds the device key, which never goes over the line, and lets only the calls of a terminal
//! pass. It keeps nothing: when it starts again, the terminal asks again.

mod args;
mod bridge;
mod clock;
mod http;
#[path = "../saoma-kiosk/key.rs"]
mod key;
mod line;

use clap::Parser as _;
use std::{process::ExitCode, sync::mpsc::channel};

fn main() -> ExitCode {
    let args = args::Args::parse();
    let key = match key::DeviceKey::of(&args) {
        Ok(key) => key,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let (events, heard) = channel();
    let http = http::Http::new(args.server, key);
    http.watch(events.clone());
    line::open(args.serial, events.clone());
    bridge::Bridge::new(http, events).run(&heard);
    ExitCode::SUCCESS
}
