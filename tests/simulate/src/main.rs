//! Saoma from one seed: the servers as they are shipped, the sandbox's gateway, a network, people
//! and time, in one thread; and a judge who shares nothing with what he judges.
//!
//! `cargo xtask simulate` runs it. What is proved by it, and what is not: `tests/PROOF.md`.

mod alarms;
mod args;
mod bills;
mod bugs;
mod bus;
mod careful;
mod fair;
mod heard;
mod hmac;
mod judge;
mod plan;
mod random;
mod rows;
mod run;
mod shrink;
mod told;
mod verdict;
mod world;

#[cfg(feature = "fast")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use args::Args;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match Args::read(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("error: {why}\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    if args.help {
        println!("{}", args::USAGE);
        return ExitCode::SUCCESS;
    }
    let held = if args.stores > 0 {
        run::stores(&args)
    } else if args.bugs {
        bugs::hunt(&args)
    } else if args.twice {
        run::twice(&args)
    } else {
        run::once(&args)
    };
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
