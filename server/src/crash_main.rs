//! `saoma-server` as it is, but for points at which a test makes it die (`src/crash.rs`).

#[path = "main.rs"]
mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
