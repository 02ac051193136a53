//! `cargo xtask bench`: the benchmarks of the core, the npm package and the server. `core` first
//! installs the published SDKs that it is compared with, from npm and PyPI, under `target/`.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::process::{self, cargo, program};
use crate::{firmware, npm, setup, workspace};

/// What the command takes.
pub(crate) const OPTIONS: &str = "core|bill|checkout|follow|kiosk|server [OPTION ...]";

const HELP: &str = "\
cargo xtask bench core   verify, sign, QR codes and bills against the limit, other crates and
                         published SDKs, which are installed under target/bench-sdks; when they
                         cannot be, the rest is measured and the exit status is 1
cargo xtask bench bill   bills of a million lines, streaming, in constant memory
cargo xtask bench checkout
                         sizes and speeds of the npm package beside published QR packages, in
                         Node and in Chromium
cargo xtask bench follow
                         from a payment to the page, in Chromium with server and sandbox, by
                         events and by questions
cargo xtask bench kiosk [--all]
                         what each change of the kiosk's screen sends to a display against what
                         really changed, for every size; with --all a line for each change;
                         then the firmware: instructions, flash and memory by part, stack
cargo xtask bench server [--only acks|creates|followers|curve] [--database sqlite|postgres]
                         [--orders N] [--short]
                         the server on SQLite and PostgreSQL beside its limits; the curve fills a
                         database with N orders (5000000), which takes 25 GB for a while

Each prints tables for docs/benchmarks.md. Leave the machine alone while they run.";

/// The programs that drive the SDKs, and the exact versions of what they need.
const SDKS: &str = "core/benches/sdk";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["core"] => core(),
        ["bill"] => process::run(&mut bench("bill")),
        ["follow"] => follow(),
        ["checkout"] => checkout(),
        ["kiosk"] => kiosk(&[]),
        ["kiosk", "--all"] => kiosk(&["--all"]),
        ["server", options @ ..] => server(options),
        ["--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(Failure::usage(format!("`bench` takes one of these:\n{HELP}"))),
    }
}

fn bench(name: &str) -> std::process::Command {
    cargo(&["bench", "--package", "saoma-core", "--features", "native", "--bench", name])
}

fn kiosk(options: &[&str]) -> Result<(), Failure> {
    let display = ["bench", "--package", "saoma-kiosk", "--bench", "display", "--"];
    process::run(cargo(&display).args(options))?;
    firmware::bench()
}

fn follow() -> Result<(), Failure> {
    npm::build()?;
    let chromium = setup::chromium()?;
    process::run(&mut cargo(&["build", "--workspace", "--bins"]))?;
    let mut test = cargo(&["test", "--package", "saoma-tests", "--test", "follow"]);
    test.args(["--", "--ignored", "--exact", "--nocapture", "latency::latency"]);
    process::run(test.env("SAOMA_CHROMIUM", chromium))
}

fn core() -> Result<(), Failure> {
    let folder = workspace::target().join("bench-sdks");
    let installed = install(&folder);
    let mut bench = bench("core");
    match &installed {
        Ok(()) => process::run(bench.env("SAOMA_BENCH_SDKS", &folder)),
        Err(failure) => {
            println!("    the published SDKs cannot be installed: {failure}");
            println!("    nothing is compared with them; the rest is measured");
            // It ends with a failure as well, because it has no SDKs, and says the same.
            let _ = process::run(&mut bench);
            Err(Failure::new(format!("nothing was compared with the published SDKs: {failure}")))
        }
    }
}

/// The programs as they are released, and what drives them.
fn server(options: &[&str]) -> Result<(), Failure> {
    setup::postgresql()?;
    let programs = ["--package", "saoma-server", "--package", "saoma-sandbox", "--bins"];
    process::run(cargo(&["build", "--release"]).args(programs))?;
    let mut bench = cargo(&["bench", "--package", "saoma-tests", "--bench", "server", "--"]);
    process::run(bench.args(options))
}

/// The same with the programs of the tests, on SQLite, in seconds: it shows that it runs, and no
/// figures that mean anything.
pub(crate) fn server_in_short() -> Result<(), Failure> {
    let mut bench = cargo(&["test", "--workspace", "--bench", "server", "--"]);
    process::run(bench.args(["--short", "--database", "sqlite"]))
}

/// The npm package, built anew, beside the packages that `wasm/npm/bench` names.
fn checkout() -> Result<(), Failure> {
    npm::build()?;
    let chromium = setup::chromium()?;
    setup::npm_ci(&workspace::root().join("tests/browser"))?;
    let folder = workspace::root().join("wasm/npm/bench");
    setup::npm_ci(&folder)?;
    let mut node = program("node", &[]);
    node.arg(folder.join("run.mjs")).arg(npm::package_folder()).env("SAOMA_CHROMIUM", chromium);
    process::run(&mut node)
}

/// Lays each language's folder out under `target/` and installs there what it names.
fn install(folder: &Path) -> Result<(), Failure> {
    let npm = lay_out(folder, "npm")?;
    setup::node()?;
    setup::npm_ci(&npm)?;
    let pypi = lay_out(folder, "pypi")?;
    setup::python(&pypi, &pypi.join("requirements.txt")).map(drop)
}

/// Copies `core/benches/sdk/NAME` to `target/bench-sdks/NAME`.
fn lay_out(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let (from, to) = (workspace::root().join(SDKS).join(name), folder.join(name));
    let copy = || {
        std::fs::create_dir_all(&to)?;
        for file in std::fs::read_dir(&from)? {
            let file = file?;
            std::fs::copy(file.path(), to.join(file.file_name()))?;
        }
        Ok(())
    };
    copy().map_err(Failure::io(format!("cannot copy {SDKS}/{name} to {}", to.display())))?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_is_named_and_there_is_help() {
        assert!(run(&["--help".to_owned()]).is_ok());
        for arguments in [&[][..], &["corr".to_owned()], &["core".to_owned(), "x".to_owned()]] {
            let failure = run(arguments).expect_err("no such benchmark");
            assert_eq!(failure.exit_code(), 2);
            assert!(failure.to_string().contains("cargo xtask bench bill"), "{failure}");
        }
    }
}
