//! `cargo xtask`: the only build helper of Saoma, and the only thing its CI calls.
//!
//! It uses none of Saoma's crates and, apart from the small program `bindgen`, nothing but std,
//! so that it builds in seconds. Each command says what it does while it does it.

mod apps;
mod bench;
mod clock;
mod cross;
mod demo;
mod elf;
mod failure;
mod firmware;
mod fuzz;
mod kiosk;
mod merchant_free;
mod mutants;
mod npm;
mod process;
mod setup;
mod simulate;
mod steps;
mod test;
mod tidy;
mod torture;
mod workspace;

use std::process::ExitCode;

use failure::Failure;

struct Command {
    name: &'static str,
    options: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const COMMANDS: [Command; 13] = [
    Command {
        name: "demo",
        options: "[--kiosk [DISPLAY]] [--port-shop|-server|-sandbox N] [--quiet]",
        about: "a shop, its server and a sandbox gateway to try out; Ctrl-C ends it",
        run: demo::run,
    },
    Command {
        name: "test",
        options: "[--list] [--only STEP]",
        about: "everything that must hold before a change goes in",
        run: test::run,
    },
    Command {
        name: "test-apps",
        options: "[APP ...]",
        about: "apps for Vite, webpack, Rollup, Next and React, built and bought from",
        run: apps::run,
    },
    Command { name: "tidy", options: "", about: "the house's rules of style", run: tidy::run },
    Command {
        name: "npm",
        options: "",
        about: "the npm package of the checkout, from wasm/, in target/npm",
        run: npm::run,
    },
    Command {
        name: "bench",
        options: bench::OPTIONS,
        about: "how fast core and checkout are, as tables of ratios",
        run: bench::run,
    },
    Command {
        name: "firmware",
        options: firmware::OPTIONS,
        about: "terminals without an operating system: built, measured, tried in an emulator",
        run: firmware::run,
    },
    Command {
        name: "torture",
        options: torture::OPTIONS,
        about: "the server killed, at random and at every point, on both databases; power failures",
        run: torture::run,
    },
    Command {
        name: "fuzz",
        options: "[TARGET] [--seconds N]",
        about: "every parser with inputs that a fuzzer makes up",
        run: fuzz::run,
    },
    Command {
        name: "mutants",
        options: "[--skip TESTS] [FILE ...]",
        about: "each small change of core's source: is there a test that sees it?",
        run: mutants::run,
    },
    Command {
        name: "simulate",
        options: "[--seed S] [--orders N] [--seeds K] [--sqlite] [--twice] [--bugs] [--shrink] ...",
        about: "servers, gateway, network and people from one seed, and a judge",
        run: simulate::run,
    },
    Command {
        name: "kiosk",
        options: kiosk::OPTIONS,
        about: "pictures of every screen of the kiosk, and its fonts",
        run: kiosk::run,
    },
    Command { name: "help", options: "", about: "this list", run: help },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = arguments.split_first() else { return help(&[]) };
    let name = if name == "--help" || name == "-h" { "help" } else { name };
    let command = COMMANDS.iter().find(|command| command.name == name).ok_or_else(|| {
        let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        Failure::usage(format!("no command `{name}`; there are: {}", names.join(", ")))
    })?;
    (command.run)(rest)
}

fn help(arguments: &[String]) -> Result<(), Failure> {
    no_arguments("help", arguments)?;
    for command in &COMMANDS {
        let line = format!("cargo xtask {:<9} {} {}", command.name, command.about, command.options);
        println!("{}", line.trim_end());
    }
    Ok(())
}

/// For commands that take no arguments: anything there is a mistake.
fn no_arguments(name: &str, arguments: &[String]) -> Result<(), Failure> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => Err(Failure::usage(format!("`{name}` does not take `{first}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_named_and_ends_with_exit_code_2() {
        let failure = dispatch(&["demmo".to_owned()]).expect_err("there is no such command");
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("no command `demmo`"), "{failure}");
        assert!(failure.to_string().contains("demo"), "it lists what there is: {failure}");
    }

    #[test]
    fn an_argument_too_many_ends_with_exit_code_2() {
        let failure = dispatch(&["tidy".to_owned(), "--fix".to_owned()]).expect_err("no such");
        assert_eq!(failure.exit_code(), 2);
    }
}
