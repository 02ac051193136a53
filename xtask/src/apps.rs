//! `cargo xtask test-apps`: small apps in `tests/apps`, as web developers would make them, with the
//! packed package installed into each. They are built, served and bought from in Chromium.

use std::path::Path;

use crate::failure::Failure;
use crate::process::{cargo, program, run as run_program};
use crate::{npm, setup, steps, workspace};

/// The folders of `tests/apps`; each has a test of its name in `tests/tests/apps.rs`.
const APPS: [&str; 7] = ["plain", "vite", "webpack", "rollup", "react", "react-18", "next"];

/// Those that are built in seconds: they are a step of `cargo xtask test`.
pub(crate) const QUICK: [&str; 2] = ["plain", "vite"];

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let unknown = arguments.iter().find(|name| !APPS.contains(&name.as_str()));
    if let Some(name) = unknown {
        let apps = APPS.join(", ");
        return Err(Failure::usage(format!("no app `{name}`; there are: {apps}")));
    }
    let chosen: Vec<&str> = match arguments {
        [] => APPS.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    npm::run(&[])?;
    run_program(&mut cargo(&["build", "--workspace", "--bins"]))?;
    test(&chosen)
}

/// Builds these apps with the package as it was packed, and buys from each.
pub(crate) fn test(apps: &[&str]) -> Result<(), Failure> {
    setup::node()?;
    let chromium = setup::chromium()?;
    setup::npm_ci(&workspace::root().join("tests/browser"))?;
    let tarball = npm::tarball()?;
    for app in apps {
        println!("    app {app}");
        build(&workspace::root().join("tests/apps").join(app), &tarball)?;
    }
    // A test of an app begins with its name: `vite`, or `plain_with_a_strict_policy`.
    let mut command = steps::ignored_tests("apps");
    command.args(apps.iter().map(|app| format!("{}_", app.replace('-', "_"))));
    run_program(command.env("SAOMA_CHROMIUM", chromium))
}

fn build(folder: &Path, tarball: &Path) -> Result<(), Failure> {
    setup::npm_ci(folder)?;
    // Whatever was packed before under the same version goes first.
    let installed = folder.join("node_modules/@saoma");
    if installed.exists() {
        std::fs::remove_dir_all(&installed)
            .map_err(Failure::io(format!("cannot remove {}", installed.display())))?;
    }
    let install = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    run_program(program("npm", &install).arg(tarball).current_dir(folder))?;
    run_program(program("npm", &["run", "build", "--if-present"]).current_dir(folder))
}
