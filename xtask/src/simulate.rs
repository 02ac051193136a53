//! `cargo xtask simulate`: the simulation of `tests/simulate`, and its short run as a step.
//!
//! It is a workspace of its own, because cargo unifies features and what is planted there must
//! never be in a server that is shipped.

use crate::failure::Failure;
use crate::process::{cargo, output, program, run as run_process};
use crate::workspace;

/// Bugs that the short run has to catch.
const CAUGHT_IN_SHORT: [&str; 3] = ["skip-amount-check", "ship-after-close", "skip-currency-check"];

fn simulate(profile: &[&str], arguments: &[String]) -> Result<(), Failure> {
    let manifest = workspace::root().join("tests/simulate/Cargo.toml");
    let mut command = cargo(&["run", "--quiet", "--locked"]);
    command.args(profile).arg("--manifest-path").arg(manifest);
    command.arg("--target-dir").arg(workspace::target());
    // A failure names the commit that it happened with.
    let commit = output(&mut program("git", &["rev-parse", "--short", "HEAD"]));
    command.env("SAOMA_COMMIT", commit.unwrap_or_default().trim());
    run_process(command.arg("--").args(arguments))
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    simulate(&["--release", "--features", "fast"], arguments)
}

/// The step of `cargo xtask test`.
pub(crate) fn short() -> Result<(), Failure> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    simulate(&[], &words("--seeds 12 --orders 40 --shrink"))?;
    simulate(&[], &words("--seeds 3 --orders 30 --twice"))?;
    // The store in memory says what SQLite says, and the same world stands on SQLite.
    simulate(&[], &words("--stores 10"))?;
    simulate(&[], &words("--seeds 2 --orders 10 --sqlite"))?;
    for bug in CAUGHT_IN_SHORT {
        simulate(&[], &words(&format!("--seeds 8 --orders 40 --bugs --bug {bug}")))?;
    }
    Ok(())
}
