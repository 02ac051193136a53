//! `cargo xtask torture`: the long run of `tests/tests/torture.rs`, of which the tests run a short
//! one. The same numbers give the same run, as far as a machine can repeat one.

use crate::failure::Failure;
use crate::process::{cargo, run as run_process};
use crate::{demo, setup};

/// The options and the variables by which the test learns of them.
const OPTIONS: [(&str, &str); 3] = [
    ("--seed", "SAOMA_TORTURE_SEED"),
    ("--orders", "SAOMA_TORTURE_ORDERS"),
    ("--kills", "SAOMA_TORTURE_KILLS"),
];

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut variables = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(option) = arguments.next() {
        let known = OPTIONS.iter().find(|(name, _)| name == option);
        let (_, variable) =
            known.ok_or_else(|| Failure::usage(format!("`torture` does not take `{option}`")))?;
        let number = arguments.next().filter(|number| number.parse::<u64>().is_ok());
        let number = number.ok_or_else(|| Failure::usage(format!("`{option}` needs a number")))?;
        variables.push((*variable, number));
    }
    setup::postgresql()?;
    demo::build()?;
    let mut test = cargo(&["test", "--package", "saoma-tests", "--test", "torture"]);
    test.args(["--", "--ignored", "--nocapture", "--test-threads=1"]);
    run_process(test.envs(variables))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_taken() {
        for line in ["--speed 1", "--seed", "--seed x", "--kills -1"] {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(run(&words).expect_err(line).exit_code(), 2, "{line}");
        }
    }
}
