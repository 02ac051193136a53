//! Building for targets beyond the host: wasm for browsers, Cortex-M for terminals.
//!
//! A toolchain of rustup that has the target comes first. Some machines cannot fetch targets;
//! on Debian their distribution's compiler with its own library source takes the place.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::process::{cargo, output, program, run};
use crate::{setup, workspace};

/// A target that something of ours is built for.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// `wasm32-unknown-unknown`, to become plain JavaScript: in words of 32 bits.
    Wasm,
    /// The same to stay WebAssembly: in words of 64 bits.
    WideWasm,
    /// `thumbv7m-none-eabi`, a Cortex-M3 without any operating system.
    CortexM3,
    /// `thumbv7em-none-eabihf`, a Cortex-M4 with a unit for floating point.
    CortexM4,
}

impl Target {
    fn triple(self) -> &'static str {
        match self {
            Self::Wasm | Self::WideWasm => "wasm32-unknown-unknown",
            Self::CortexM3 => "thumbv7m-none-eabi",
            Self::CortexM4 => "thumbv7em-none-eabihf",
        }
    }

    /// The libraries to build where they do not come ready made.
    fn build_std(self) -> &'static str {
        match self {
            Self::Wasm | Self::WideWasm => "-Zbuild-std=std,panic_abort",
            Self::CortexM3 | Self::CortexM4 => "-Zbuild-std=core",
        }
    }

    /// A folder of its own, so that these builds and the host's do not undo each other's work.
    pub(crate) fn folder(self) -> PathBuf {
        workspace::target().join(match self {
            Self::Wasm => "wasm",
            Self::WideWasm => "wasm-wide",
            Self::CortexM3 => "cortex-m3",
            Self::CortexM4 => "cortex-m4",
        })
    }

    /// The profile of the workspace's `Cargo.toml` that it is built with.
    fn profile(self) -> &'static str {
        match self {
            Self::Wasm | Self::WideWasm => "browser",
            Self::CortexM3 | Self::CortexM4 => "release",
        }
    }

    /// Where the build of the target leaves what it made.
    pub(crate) fn release_folder(self) -> PathBuf {
        self.folder().join(self.triple()).join(self.profile())
    }
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LIBRARY_SOURCE: &str = "/usr/lib/rustlib/src/rust/library";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// An optimised build for `target` with the arguments that are added by the caller.
pub(crate) fn build(target: Target, arguments: &[&str]) -> Result<(), Failure> {
    let mut command = match linker_of_debians_compiler(target)? {
        None => cargo(&["build"]),
        Some(linker) => debian(target, &linker),
    };
    command.args(["--profile", target.profile(), "--target", target.triple()]);
    command.arg("--target-dir").arg(target.folder());
    let mut flags = remap_paths()?;
    if let Target::Wasm | Target::WideWasm = target {
        // The default is a megabyte, which JavaScript would have to fill with zeros.
        flags += "\u{1f}-Clink-arg=-zstack-size=32768";
    }
    if let Target::WideWasm = target {
        flags += "\u{1f}--cfg\u{1f}saoma_wide";
    }
    command.args(arguments).env("CARGO_ENCODED_RUSTFLAGS", flags);
    run(&mut command)
}

/// `None`: the usual compiler knows the target. Else: the linker for Debian's compiler.
fn linker_of_debians_compiler(target: Target) -> Result<Option<PathBuf>, Failure> {
    if is_installed(target)? {
        return Ok(None);
    }
    let triple = target.triple();
    println!("    the target {triple} is not installed: trying rustup");
    match output(&mut program("rustup", &["target", "add", triple])) {
        Ok(_) if is_installed(target)? => return Ok(None),
        Ok(_) => println!("    rustup does not manage this compiler"),
        Err(failure) => println!("    {failure}"),
    }
    if !setup::is_debian() {
        return Err(Failure::new(format!(
            "the compiler has no target {triple}: rustup target add {triple}"
        )));
    }
    println!("    using Debian's compiler instead");
    if !debians_compiler_is_complete()? {
        setup::install(&DEBIAN_PACKAGES)?;
    }
    if !debians_compiler_is_complete()? {
        return Err(Failure::new(format!(
            "{DEBIAN_RUSTC} is older than {}: rustup target add {triple}",
            env!("CARGO_PKG_RUST_VERSION")
        )));
    }
    linker().map(Some)
}

fn is_installed(target: Target) -> Result<bool, Failure> {
    let question = ["--print", "target-libdir", "--target", target.triple()];
    let folder = output(&mut program("rustc", &question))?;
    Ok(Path::new(folder.trim()).exists())
}

fn debians_compiler_is_complete() -> Result<bool, Failure> {
    let needed = [DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_LIBRARY_SOURCE];
    if !needed.iter().all(|path| Path::new(path).exists()) {
        return Ok(false);
    }
    let version = output(&mut program(DEBIAN_RUSTC, &["--version"]))?;
    Ok(minor_version(&version) >= minor_version(env!("CARGO_PKG_RUST_VERSION")))
}

/// The 95 of `1.95`, `1.95.0` or `rustc 1.95.0 (...)`.
fn minor_version(version: &str) -> Option<u32> {
    let number = version.trim_start_matches("rustc ").strip_prefix("1.")?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// rust-lld of the usual toolchain, or Debian's LLVM linker.
fn linker() -> Result<PathBuf, Failure> {
    let sysroot = output(&mut program("rustc", &["--print", "sysroot"]))?;
    let host = output(&mut program("rustc", &["--print", "host-tuple"]))?;
    let rust_lld =
        Path::new(sysroot.trim()).join("lib/rustlib").join(host.trim()).join("bin/rust-lld");
    let debian = ["/usr/bin/wasm-ld-22", "/usr/bin/wasm-ld-19", "/usr/bin/wasm-ld"];
    let mut candidates = std::iter::once(rust_lld).chain(debian.map(PathBuf::from));
    candidates.find(|path| path.exists()).ok_or_else(|| {
        Failure::new("no linker for wasm: apt-get install --no-install-recommends lld-19")
    })
}

fn debian(target: Target, linker: &Path) -> Command {
    let mut command = program(DEBIAN_CARGO, &["build", target.build_std()]);
    let variable = target.triple().to_ascii_uppercase().replace('-', "_");
    command
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env(format!("CARGO_TARGET_{variable}_LINKER"), linker)
        // Set by rustup for its own compiler only.
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTUP_TOOLCHAIN");
    command
}

/// Panic messages name source files: without this machine's folders, please.
fn remap_paths() -> Result<String, Failure> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let home = home.ok_or_else(|| Failure::new("neither CARGO_HOME nor a home folder is set"))?;
    let root = workspace::root().display();
    // Cargo wants the unit separator between flags, so that paths may contain spaces.
    Ok(format!(
        "--remap-path-prefix={root}=saoma\u{1f}--remap-path-prefix={}=cargo",
        home.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_compiler_are_compared_by_number() {
        assert_eq!(minor_version("rustc 1.96.0 (ac68faa20 2026-05-25)\n"), Some(96));
        assert_eq!(minor_version("1.95"), Some(95));
        assert!(minor_version("1.100") > minor_version("1.95"));
        assert!(minor_version("something else") < minor_version("1.95"));
    }
}
