//! `cargo xtask kiosk`: what belongs to the terminal and is made by a program.

use crate::failure::Failure;
use crate::process::{cargo, run as run_command};
use crate::workspace;

/// What the command takes.
pub(crate) const OPTIONS: &str = "sheet [DIR] | fonts [--check]";

const HELP: &str = "\
cargo xtask kiosk sheet [DIR]
                         every screen in every size and language as a PNG, and all of them on
                         overview.png, into DIR or target/kiosk-sheet
cargo xtask kiosk fonts [--check]
                         the bitmap fonts anew from Noto Sans CJK SC (Debian: fonts-noto-cjk), or
                         with --check only whether they are what it gives";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["sheet"] => sheet(&workspace::target().join("kiosk-sheet").to_string_lossy()),
        ["sheet", folder] if !folder.starts_with('-') => sheet(folder),
        ["fonts"] => fonts(&[]),
        ["fonts", "--check"] => fonts(&["--check"]),
        ["--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(Failure::usage(format!("`kiosk` takes one of these:\n{HELP}"))),
    }
}

fn sheet(folder: &str) -> Result<(), Failure> {
    let example = ["run", "--package", "saoma-kiosk", "--example", "kiosk-sheet", "--"];
    run_command(cargo(&example).arg(folder))
}

fn fonts(options: &[&str]) -> Result<(), Failure> {
    let example = ["run", "--package", "saoma-kiosk", "--example", "kiosk-font"];
    let features = ["--no-default-features", "--features", "font-tool", "--"];
    run_command(cargo(&example).args(features).args(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_makes_is_named_and_there_is_help() {
        assert!(run(&["--help".to_owned()]).is_ok());
        for arguments in [&[][..], &["sheets".to_owned()], &["sheet".into(), "--all".into()]] {
            let failure = run(arguments).expect_err("no such thing");
            assert_eq!(failure.exit_code(), 2);
            assert!(failure.to_string().contains("cargo xtask kiosk sheet"), "{failure}");
        }
    }
}
