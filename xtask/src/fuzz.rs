//! `cargo xtask fuzz`: the fuzz targets of `tests/fuzz`, one or all, for as long as one likes.
//!
//! They need a nightly compiler for the coverage that guides them, and no cargo-fuzz.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::process::{output, program, run as run_process};
use crate::workspace;

/// One for each parser, as in `tests/fuzz/Cargo.toml`.
const TARGETS: [&str; 14] = [
    "xml",
    "differential",
    "pay_notice",
    "answers",
    "refund_notice",
    "messages_out",
    "bill",
    "beijing_time",
    "kiosk_serial",
    "kiosk_answers",
    "kiosk_journal",
    "http_bodies",
    "operator_forms",
    "gateway",
];
/// Where they are built for: the sanitizer is named with its target.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";
/// What cargo-fuzz would give the compiler.
const FLAGS: &str = "--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// How long a target runs when nobody says how long.
const SECONDS: u32 = 60;
/// The same in the tests.
const SECONDS_IN_SHORT: u32 = 3;

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let (target, seconds) = read(arguments)?;
    let targets: Vec<&str> = match target {
        Some(target) => vec![target],
        None => TARGETS.to_vec(),
    };
    fuzz(&targets, "release", seconds)
}

/// Each for a few seconds, where a nightly compiler is there.
pub(crate) fn in_short() -> Result<(), Failure> {
    if output(&mut nightly(&["--version"])).is_err() {
        let why =
            "nothing is fuzzed without a nightly toolchain (rustup toolchain install nightly)";
        return Err(Failure::skipped(why));
    }
    fuzz(&TARGETS, "short", SECONDS_IN_SHORT)
}

fn read(arguments: &[String]) -> Result<(Option<&str>, u32), Failure> {
    let (mut target, mut seconds) = (None, SECONDS);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            seconds = number.ok_or_else(|| Failure::usage("`--seconds` needs a number"))?;
        } else if let Some(known) = TARGETS.iter().find(|known| *known == argument) {
            target = Some(*known);
        } else {
            let all = TARGETS.join(", ");
            return Err(Failure::usage(format!("no target `{argument}`; there are: {all}")));
        }
    }
    Ok((target, seconds))
}

fn folder() -> PathBuf {
    workspace::root().join("tests/fuzz")
}

fn nightly(arguments: &[&str]) -> Command {
    let mut cargo = program("cargo", &["+nightly"]);
    // What the stable cargo that runs this has set is not for another one.
    for variable in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        cargo.env_remove(variable);
    }
    cargo.args(arguments).current_dir(folder());
    cargo
}

fn fuzz(targets: &[&str], profile: &str, seconds: u32) -> Result<(), Failure> {
    let mut build = nightly(&["build", "--profile", profile, "--target", TRIPLE]);
    build.args(["--example", "seeds"]);
    for target in targets {
        build.args(["--bin", *target]);
    }
    run_process(build.env("RUSTFLAGS", FLAGS))?;
    let built = folder().join("target").join(TRIPLE).join(profile);
    run_process(&mut program(built.join("examples/seeds"), &[]))?;
    for target in targets {
        let corpus = folder().join("corpus").join(target);
        if !std::fs::read_dir(&corpus).is_ok_and(|mut seeds| seeds.next().is_some()) {
            return Err(Failure::new(format!("examples/seeds.rs writes nothing for {target}")));
        }
        let mut fuzzer = program(built.join(target), &["-max_len=20000", "-print_final_stats=1"]);
        fuzzer.arg(corpus).arg(format!("-max_total_time={seconds}")).current_dir(folder());
        run_process(&mut fuzzer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_a_time_are_taken_and_nothing_else() {
        let words =
            |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(read(&words("")).expect("all"), (None, SECONDS));
        assert_eq!(read(&words("bill --seconds 5")).expect("one"), (Some("bill"), 5));
        for line in ["bills", "--seconds", "--seconds x", "--speed 1"] {
            assert_eq!(read(&words(line)).expect_err(line).exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn the_targets_are_those_of_the_folder() {
        let files = std::fs::read_dir(folder().join("fuzz_targets")).expect("the folder");
        let mut found: Vec<String> = files
            .filter_map(|file| file.ok()?.path().file_stem()?.to_str().map(str::to_owned))
            .collect();
        found.sort();
        let mut known = TARGETS.to_vec();
        known.sort_unstable();
        assert_eq!(found, known);
    }
}
