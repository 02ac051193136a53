//! The steps of `cargo xtask test`, cheap ones first.

use std::process::Command;

use crate::cross::{self, Target};
use crate::failure::Failure;
use crate::process::{cargo, output, program, run};
use crate::{
    apps, bench, firmware, fuzz, merchant_free, npm, setup, simulate, tidy, torture, workspace,
};

/// Something that must hold.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Earlier steps without whose success this one means nothing.
    pub(crate) needs: &'static [&'static str],
    pub(crate) run: fn() -> Result<(), Failure>,
}

/// In the order in which they run; a step needs earlier ones only.
pub(crate) const STEPS: [Step; 24] = [
    Step { name: "format", about: "rustfmt would change nothing", needs: &[], run: format },
    Step { name: "tidy", about: "the house's rules of style", needs: &[], run: tidy::check },
    Step { name: "clippy", about: "no warning of compiler or clippy", needs: &[], run: clippy },
    Step { name: "deny", about: "licences and sources of dependencies", needs: &[], run: deny },
    Step { name: "no-std", about: "core builds for a chip without std", needs: &[], run: no_std },
    Step { name: "npm", about: "wasm and the npm package", needs: &[], run: || npm::run(&[]) },
    Step { name: "build", about: "the programs that tests start", needs: &[], run: build },
    Step {
        name: "merchant-free",
        about: "kiosk and wasm cannot sign",
        needs: &["npm", "build"],
        run: merchant_free::prove,
    },
    Step { name: "rust", about: "unit and end-to-end tests", needs: &["build"], run: rust_tests },
    Step {
        name: "postgres",
        about: "the server's tests and payments once more, on PostgreSQL",
        needs: &["build"],
        run: postgres,
    },
    Step {
        name: "torture",
        about: "the server killed at every named point, and power failures",
        needs: &["build"],
        run: torture::in_short,
    },
    Step { name: "fuzz", about: "each fuzz target, for seconds", needs: &[], run: fuzz::in_short },
    Step {
        name: "simulate",
        about: "orders by the thousand with everything going wrong, from one seed",
        needs: &[],
        run: simulate::short,
    },
    Step { name: "narrow", about: "QR codes on a machine of 32 bits", needs: &[], run: narrow },
    Step { name: "docs", about: "documentation and its examples", needs: &[], run: docs },
    Step { name: "node", about: "tests of package and shop", needs: &["npm"], run: node_tests },
    Step {
        name: "sdk",
        about: "the sandbox serves published SDKs from npm and PyPI",
        needs: &["build"],
        run: sdk_test,
    },
    Step {
        name: "bench",
        about: "the server's benchmark runs, shortened, on SQLite",
        needs: &["build"],
        run: bench::server_in_short,
    },
    Step {
        name: "demo",
        about: "the demo starts, and leaves nothing behind when it ends",
        needs: &["npm", "build"],
        run: demo_test,
    },
    Step {
        name: "firmware",
        about: "terminals without an operating system; one of them sells in an emulator",
        needs: &["build"],
        run: firmware::step,
    },
    Step {
        name: "browser",
        about: "a purchase, and every state, in a real Chromium",
        needs: &["npm", "build"],
        run: browser_test,
    },
    Step {
        name: "window",
        about: "the kiosk in a window on a desk without a screen, bought from by clicks",
        needs: &["build"],
        run: window_test,
    },
    Step {
        name: "follow",
        about: "an order followed over bad lines and in many tabs",
        needs: &["npm", "build"],
        run: follow_test,
    },
    Step {
        name: "apps",
        about: "pages that install the packed package, bought from in Chromium",
        needs: &["npm", "build"],
        run: || apps::test(&apps::QUICK),
    },
];

fn format() -> Result<(), Failure> {
    setup::component("fmt", "rustfmt")?;
    run(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), Failure> {
    setup::component("clippy", "clippy")?;
    let arguments = ["clippy", "--workspace", "--all-targets", "--all-features"];
    run(cargo(&arguments).args(["--", "--deny", "warnings"]))
}

/// What `deny.toml` says, where cargo-deny is installed. It needs no network for this part.
fn deny() -> Result<(), Failure> {
    if output(&mut cargo(&["deny", "--version"])).is_err() {
        let why = "cargo-deny is not installed (cargo install --locked cargo-deny)";
        return Err(Failure::skipped(why));
    }
    run(&mut cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]))
}

fn no_std() -> Result<(), Failure> {
    let core = ["--package", "saoma-core", "--no-default-features"];
    cross::build(Target::CortexM3, &core)?;
    cross::build(Target::CortexM3, &[core.as_slice(), &["--features", "merchant"]].concat())
}

fn build() -> Result<(), Failure> {
    run(&mut cargo(&["build", "--workspace", "--bins"]))
}

fn rust_tests() -> Result<(), Failure> {
    setup::postgresql()?;
    if output(&mut cargo(&["nextest", "--version"])).is_ok() {
        return run(&mut cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]));
    }
    println!("    cargo-nextest is not installed: `cargo test` does the same, more slowly");
    let targets = ["--lib", "--bins", "--tests", "--examples"];
    run(cargo(&["test", "--workspace", "--no-fail-fast"]).args(targets))
}

/// The tests that do not care which database it is, once more on the other one.
fn postgres() -> Result<(), Failure> {
    setup::postgresql()?;
    let on_postgres = |arguments: &[&str]| {
        let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
        run(tests.args(arguments).env("SAOMA_TEST_DATABASE", "postgres"))
    };
    // The words stand in the names of the server's tests only.
    on_postgres(&["--lib", "--", "service::", "store::", "http::", "archive::", "reconcile::"])?;
    let ends = ["payment", "processes", "server_refunds", "canary", "several"];
    on_postgres(&ends.map(|name| ["--test", name]).concat())
}

/// The tests of core's QR codes once more, with the words of small machines and of JavaScript.
fn narrow() -> Result<(), Failure> {
    let mut tests = cargo(&["test", "--package", "saoma-core", "--lib", "--target-dir"]);
    tests.arg(workspace::target().join("narrow")).arg("qr::");
    run(tests.env("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}saoma_narrow"))
}

fn docs() -> Result<(), Failure> {
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))?;
    run(&mut cargo(&["test", "--workspace", "--doc"]))
}

fn node_tests() -> Result<(), Failure> {
    setup::node()?;
    for folder in ["wasm/npm", "web-demo"] {
        let folder = workspace::root().join(folder);
        // Node finds the tests by itself, and is content when there are none. We are not.
        let tests = folder.join("test");
        let has_tests = std::fs::read_dir(&tests).is_ok_and(|mut files| files.next().is_some());
        if !has_tests {
            return Err(Failure::new(format!("no tests in {}", tests.display())));
        }
        run(program("node", &["--test", "--test-reporter=spec"])
            .current_dir(folder)
            .env("SAOMA_PACKAGE_DIR", npm::package_folder()))?;
    }
    Ok(())
}

fn demo_test() -> Result<(), Failure> {
    setup::node()?;
    run(&mut ignored_tests("demo"))
}

fn sdk_test() -> Result<(), Failure> {
    setup::node()?;
    let folder = workspace::root().join("tests/sdk");
    setup::npm_ci(&folder.join("npm"))?;
    let requirements = folder.join("pypi/requirements.txt");
    let python = setup::python(&workspace::target().join("sdk-python"), &requirements)?;
    run(ignored_tests("sdk").env("SAOMA_SDK_PYTHON", python))
}

fn browser_test() -> Result<(), Failure> {
    setup::node()?;
    let chromium = setup::chromium()?;
    setup::npm_ci(&workspace::root().join("tests/browser"))?;
    for name in ["browser", "element", "gallery", "operator"] {
        run(ignored_tests(name).env("SAOMA_CHROMIUM", &chromium))?;
    }
    Ok(())
}

fn window_test() -> Result<(), Failure> {
    setup::sdl2()?;
    setup::xvfb()?;
    run(&mut cargo(&["build", "--package", "saoma-kiosk", "--features", "window"]))?;
    // Kept beside, so that the other tests have the program that everybody builds.
    let (built, kept) =
        (workspace::binary("saoma-kiosk"), workspace::target().join("kiosk-window"));
    std::fs::copy(&built, &kept)
        .map_err(Failure::io(format!("cannot copy {}", built.display())))?;
    run(ignored_tests("kiosk_window").env("SAOMA_KIOSK_WINDOW", kept))?;
    run(&mut cargo(&["build", "--workspace", "--bins"]))
}

fn follow_test() -> Result<(), Failure> {
    setup::node()?;
    let chromium = setup::chromium()?;
    // They mostly wait, for lines that are down and for what a page does next.
    let mut tests = ignored_tests_at_once("follow", 4);
    // It measures and judges nothing: `cargo xtask bench follow`.
    run(tests.args(["--skip", "latency"]).env("SAOMA_CHROMIUM", chromium))
}

/// The tests of `tests/tests/NAME.rs` that need more than Rust, one after the other. With the
/// whole workspace, as in the steps before, so that nothing is compiled a second time.
pub(crate) fn ignored_tests(name: &str) -> Command {
    ignored_tests_at_once(name, 1)
}

fn ignored_tests_at_once(name: &str, threads: u32) -> Command {
    let mut command = cargo(&["test", "--workspace", "--test", name]);
    command.args(["--", "--ignored", "--nocapture", &format!("--test-threads={threads}")]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_needs_only_steps_that_come_before_it() {
        for (position, step) in STEPS.iter().enumerate() {
            for need in step.needs {
                let earlier = STEPS.iter().take(position).any(|earlier| earlier.name == *need);
                assert!(earlier, "{} needs {need}", step.name);
            }
        }
    }
}
