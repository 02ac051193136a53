//! `cargo xtask mutants`: is there a test that sees each small change of core's source?
//!
//! `tests/mutants` does it. The list of changes is cargo-mutants', which is installed when missing.

use crate::failure::Failure;
use crate::process::{cargo, output, run as run_process};
use crate::workspace;

/// What decides about money: tried when no file is named.
const FILES: [&str; 7] = [
    "core/src/money.rs",
    "core/src/sign.rs",
    "core/src/api/pay_notice.rs",
    "core/src/api/payment.rs",
    "core/src/api/refund_notice.rs",
    "core/src/order/*.rs",
    "core/src/xml/*.rs",
];

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if output(&mut cargo(&["mutants", "--version"])).is_err() {
        run_process(&mut cargo(&["install", "--locked", "cargo-mutants"]))?;
    }
    let manifest = workspace::root().join("tests/mutants/Cargo.toml");
    let mut command = cargo(&["run", "--quiet", "--locked", "--manifest-path"]);
    command.arg(manifest).arg("--target-dir").arg(workspace::target()).arg("--");
    command.args(arguments);
    if !arguments.iter().any(|argument| argument.ends_with(".rs")) {
        command.args(FILES);
    }
    run_process(&mut command)
}
