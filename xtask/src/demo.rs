//! `cargo xtask demo`: builds what a purchase needs and hands over to `saoma-desk`, the program
//! of `tests/` that starts sandbox, server and shop and stops them together.

use std::process::Command;

use crate::failure::Failure;
use crate::process::{self, cargo};
use crate::{npm, setup, workspace};

/// The options that `saoma-desk` takes with a port number.
const PORT_OPTIONS: [&str; 3] = ["--port-shop", "--port-server", "--port-sandbox"];

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    check(arguments)?;
    setup::node()?;
    println!("building server and sandbox");
    build()?;
    println!("building the npm package of the checkout");
    npm::build()?;
    println!("starting sandbox, server and shop");
    hand_over(program_of_the_desk().args(arguments))
}

/// The programs that a desk is made of.
pub(crate) fn build() -> Result<(), Failure> {
    let mut packages = cargo(&["build", "--bins"]);
    for package in ["saoma-sandbox", "saoma-server", "saoma-tests"] {
        packages.args(["--package", package]);
    }
    process::run(&mut packages)
}

fn program_of_the_desk() -> Command {
    process::program(workspace::binary("saoma-desk"), &[])
}

/// Told before the building starts, not after.
fn check(arguments: &[String]) -> Result<(), Failure> {
    let mut arguments = arguments.iter();
    while let Some(option) = arguments.next() {
        if option == "--quiet" {
            continue;
        }
        if !PORT_OPTIONS.contains(&option.as_str()) {
            return Err(Failure::usage(format!("`demo` does not take `{option}`")));
        }
        let port = arguments.next().map(|port| port.parse::<u16>());
        if !matches!(port, Some(Ok(1..))) {
            return Err(Failure::usage(format!("`{option}` needs a port number, 1 to 65535")));
        }
    }
    Ok(())
}

/// Becomes the desk, so that Ctrl-C and signals reach it and nobody else.
#[cfg(unix)]
fn hand_over(command: &mut Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    Err(Failure::io("cannot start saoma-desk")(command.exec()))
}

#[cfg(not(unix))]
fn hand_over(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(Failure::io("cannot start saoma-desk"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("saoma-desk ended ({status})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_words(line: &str) -> Result<(), Failure> {
        let arguments: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        check(&arguments)
    }

    #[test]
    fn ports_may_be_chosen() {
        assert!(check_words("").is_ok());
        assert!(check_words("--quiet --port-shop 3000 --port-server 8080").is_ok());
    }

    #[test]
    fn anything_else_is_refused_before_anything_is_built() {
        for line in ["--port-shop", "--port-shop x", "--port-shop 0", "--port-shop 65536", "3000"] {
            let failure = check_words(line).expect_err(line);
            assert_eq!(failure.exit_code(), 2, "{line}: {failure}");
        }
    }
}
