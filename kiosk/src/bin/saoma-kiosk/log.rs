//! Logs: one line for each event on standard error, for people or as JSON for machines. They name
//! orders and jobs, and never a key: nobody who holds it writes it.

use clap::ValueEnum;
use std::{io, sync::Mutex};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::{LevelFilter, Targets},
    fmt::{layer, writer::BoxMakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One object in each line
    Json,
}

/// What is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// What stops the terminal
    Error,
    /// What somebody should look after
    Warn,
    /// Screens, orders, jobs
    Info,
    /// Questions and answers too
    Debug,
}

/// From now on lines are written; nowhere, when `is_silent`.
pub(crate) fn init(format: Format, level: Level, is_silent: bool) {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let out = if is_silent {
        BoxMakeWriter::new(io::sink)
    } else {
        BoxMakeWriter::new(Mutex::new(io::stderr()))
    };
    let is_text = format == Format::Text;
    let lines = layer::<Registry>().with_ansi(false).with_writer(out);
    let lines = if is_text {
        lines.with_target(false).boxed()
    } else {
        lines.json().flatten_event(true).boxed()
    };
    // Others would write headers, and those hold the key.
    let ours = Targets::new().with_target("saoma_kiosk", level);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
}
