//! `cargo xtask demo`: builds what a purchase needs and hands over to `saoma-desk`, the program
//! of `tests/` that starts sandbox, server and shop and stops them together.

use std::io::IsTerminal as _;
use std::process::Command;

use crate::failure::Failure;
use crate::process::{self, cargo};
use crate::{npm, setup, workspace};

/// The options that `saoma-desk` takes with a port number.
const PORT_OPTIONS: [&str; 3] = ["--port-shop", "--port-server", "--port-sandbox"];
/// A kiosk beside the shop; where it is seen may follow.
const KIOSK_OPTION: &str = "--kiosk";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    check(arguments)?;
    setup::node()?;
    println!("building server and sandbox");
    build()?;
    let mut arguments = arguments.to_vec();
    if let Some(at) = arguments.iter().position(|option| option == KIOSK_OPTION) {
        let named = arguments.get(at + 1).filter(|word| !word.starts_with("--")).cloned();
        let display = build_kiosk(named.as_deref())?;
        if named.is_none() {
            arguments.insert(at + 1, display);
        }
    }
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

/// Builds the kiosk and says where it will be seen: where it was asked for, or in a window where
/// there is a desk and SDL2, or in this terminal, or in pictures.
fn build_kiosk(named: Option<&str>) -> Result<String, Failure> {
    let has_desk = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let wants_window = named.map_or(has_desk, |display| display.starts_with("window"));
    let sdl = if wants_window { setup::sdl2() } else { Ok(()) };
    let has_window = wants_window && sdl.is_ok();
    let display = match (named, sdl) {
        (Some(_), Err(failure)) => return Err(failure),
        (Some(display), Ok(())) => display.to_owned(),
        (None, Ok(())) if has_desk => "window".to_owned(),
        (None, sdl) => {
            let why =
                sdl.err().map_or("there is no desk (DISPLAY)".to_owned(), |it| it.to_string());
            let display = if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
                "terminal".to_owned()
            } else {
                format!("png:{}", workspace::target().join("kiosk-demo").display())
            };
            println!("no window for the kiosk: {why}; it is shown on {display}");
            display
        }
    };
    println!("building the kiosk for {display}");
    let mut kiosk = cargo(&["build", "--package", "saoma-kiosk"]);
    if has_window {
        kiosk.args(["--features", "window"]);
    }
    process::run(&mut kiosk)?;
    Ok(display)
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
        if option == KIOSK_OPTION {
            // Where it is seen may be said, such as `--kiosk terminal`.
            let rest = arguments.as_slice();
            if rest.first().is_some_and(|word| !word.starts_with("--")) {
                arguments.next();
            }
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
        assert!(check_words("--kiosk --quiet").is_ok());
        assert!(check_words("--quiet --kiosk terminal --port-shop 3000").is_ok());
    }

    #[test]
    fn anything_else_is_refused_before_anything_is_built() {
        for line in ["--port-shop", "--port-shop x", "--port-shop 0", "--port-shop 65536", "3000"] {
            let failure = check_words(line).expect_err(line);
            assert_eq!(failure.exit_code(), 2, "{line}: {failure}");
        }
    }
}
