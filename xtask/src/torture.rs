//! `cargo xtask torture`: the server killed at random moments (`tests/tests/torture.rs`), at every
//! named point (`crash.rs`) and by a power failure (`power.rs`). The same seed gives the same run,
//! as far as a machine can repeat one.

use crate::failure::Failure;
use crate::process::{cargo, run as run_process};
use crate::setup;

pub(crate) const OPTIONS: &str = "[--seed N] [--orders N] [--kills N] [--point-kills N] \
    [--point-kills-postgres N] [--cuts N] [--power N] [--only torture|crash|power]";

/// The options and the variables by which the tests learn of them.
const NUMBERS: [(&str, &str); 7] = [
    ("--seed", "SAOMA_TORTURE_SEED"),
    ("--orders", "SAOMA_TORTURE_ORDERS"),
    ("--kills", "SAOMA_TORTURE_KILLS"),
    ("--point-kills", "SAOMA_TORTURE_POINT_KILLS"),
    ("--point-kills-postgres", "SAOMA_TORTURE_POINT_KILLS_POSTGRES"),
    ("--cuts", "SAOMA_TORTURE_CUTS"),
    ("--power", "SAOMA_TORTURE_POWER"),
];

/// The tests, each a file.
const TESTS: [&str; 3] = ["torture", "crash", "power"];

/// What was asked for: the tests, and the variables for them.
type Asked<'a> = (Vec<&'static str>, Vec<(&'static str, &'a String)>);

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let (tests, variables) = read(arguments)?;
    torture(&tests, &variables)
}

/// Once at each point, and a few power failures.
pub(crate) fn in_short() -> Result<(), Failure> {
    torture(&["crash", "power"], &[])
}

fn read(arguments: &[String]) -> Result<Asked<'_>, Failure> {
    let (mut tests, mut variables) = (TESTS.to_vec(), Vec::new());
    let mut arguments = arguments.iter();
    while let Some(option) = arguments.next() {
        let value = arguments.next();
        if option == "--only" {
            let name = TESTS.iter().find(|name| value.is_some_and(|value| value == *name));
            let name = name.ok_or_else(|| Failure::usage("`--only` needs the name of a test"))?;
            tests = vec![*name];
            continue;
        }
        let known = NUMBERS.iter().find(|(name, _)| name == option);
        let (_, variable) =
            known.ok_or_else(|| Failure::usage(format!("`torture` does not take `{option}`")))?;
        let number = value.filter(|number| number.parse::<u64>().is_ok());
        let number = number.ok_or_else(|| Failure::usage(format!("`{option}` needs a number")))?;
        variables.push((*variable, number));
    }
    Ok((tests, variables))
}

fn torture(tests: &[&str], variables: &[(&str, &String)]) -> Result<(), Failure> {
    setup::postgresql()?;
    if tests.contains(&"power") {
        setup::strace()?;
    }
    // With the whole workspace, as in the other steps, so that nothing is compiled a second time.
    run_process(&mut cargo(&["build", "--workspace", "--bins"]))?;
    let crash = ["--features", "saoma-server/crash-points", "--bin", "saoma-server-crash"];
    run_process(cargo(&["build", "--workspace"]).args(crash))?;
    let mut test = cargo(&["test", "--workspace"]);
    for name in tests {
        test.args(["--test", *name]);
    }
    test.args(["--", "--ignored", "--nocapture", "--test-threads=1"]);
    run_process(test.envs(variables.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_and_names_are_taken() {
        for line in ["--speed 1", "--seed", "--seed x", "--kills -1", "--only", "--only x"] {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(run(&words).expect_err(line).exit_code(), 2, "{line}");
        }
        let words = ["--only", "power", "--power", "9"].map(str::to_owned);
        let (tests, variables) = read(&words).expect("a good line");
        assert_eq!((tests, variables.len()), (vec!["power"], 1));
    }
}
