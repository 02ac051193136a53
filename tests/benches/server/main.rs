//! How fast the server is, beside the limits of the same machine, database and disk, measured in
//! the same run. It prints tables that go into `docs/benchmarks.md` as they are.
//!
//! `cargo xtask bench server`, which builds the programs that it starts. Everything runs on this
//! machine and shares its processors, pinned to none of them: the load generator (this process),
//! the server, the database server, the sandbox.

mod acks;
mod bare_postgres;
mod creates;
mod curve;
mod database;
mod fill;
mod followers;
mod histogram;
mod limits;
mod load;
mod machine;
mod place;
mod postgres;
mod requests;
mod shop;
mod table;

use clap::Parser;
use place::Kind;
use std::time::Duration;
use tokio::task::LocalSet;

/// Measures the server.
#[derive(Debug, Parser)]
struct Arguments {
    /// A few seconds, to see that it works; the figures mean nothing
    #[arg(long)]
    short: bool,
    /// Measure only this: acks, creates, followers or curve
    #[arg(long)]
    only: Option<String>,
    /// Measure only on this database: sqlite or postgres
    #[arg(long)]
    database: Option<String>,
    /// The curve: how many orders are stored at most
    #[arg(long, default_value_t = 5_000_000)]
    orders: u64,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

/// How much is measured.
pub(crate) struct Scale {
    pub(crate) lines: [usize; 3],
    /// Requests at most, by lines.
    pub(crate) requests: [u64; 3],
    pub(crate) time: Duration,
    pub(crate) followers: u64,
    /// How many orders are stored, by points of the curve.
    pub(crate) stored: Vec<u64>,
    /// How many orders a point of the curve takes from their creation to the shop.
    pub(crate) walks: u64,
}

impl Scale {
    fn new(arguments: &Arguments) -> Self {
        let lines = [1, 8, 64];
        if arguments.short {
            return Self {
                lines,
                requests: [200, 500, 1_000],
                time: Duration::from_millis(500),
                followers: 200,
                stored: vec![1_000, 2_000],
                walks: 50,
            };
        }
        let points = [10_000, 100_000, 1_000_000, 5_000_000];
        Self {
            lines,
            requests: [60_000, 100_000, 150_000],
            time: Duration::from_secs(5),
            followers: 10_000,
            stored: points.into_iter().filter(|stored| *stored <= arguments.orders).collect(),
            walks: 3_000,
        }
    }
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some(limits::BARE_AXUM) {
        return limits::serve_bare_axum();
    }
    let arguments = Arguments::parse();
    histogram::check();
    machine::raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // One thread does it all: the generator is to take as little as it can.
    LocalSet::new().block_on(&runtime.expect("a runtime"), measure(&arguments));
}

async fn measure(arguments: &Arguments) {
    let scale = Scale::new(arguments);
    let wants = |name: &str| arguments.only.as_deref().is_none_or(|only| only == name);
    let kinds = [(Kind::Sqlite, "sqlite"), (Kind::Postgres, "postgres")];
    let is_wanted = |name: &str| arguments.database.as_deref().is_none_or(|only| only == name);
    for (kind, _) in kinds.into_iter().filter(|(_, name)| is_wanted(name)) {
        if wants("acks") {
            acks::measure(kind, &scale).await;
        }
        if wants("creates") {
            creates::measure(kind, &scale).await;
        }
        if wants("followers") {
            followers::measure(kind, &scale).await;
        }
        if wants("curve") {
            curve::measure(kind, &scale).await;
        }
    }
}

/// What happens now, for whoever waits.
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}
