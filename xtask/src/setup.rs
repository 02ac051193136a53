//! What the commands need beside Rust: found, or installed where we may, or named exactly.
//!
//! On Debian as root we may install packages. Anywhere else a missing thing ends the command
//! with the words to type.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::process::{cargo, output, program, run};

/// The oldest Node that runs the demo shop and its tests.
const NODE_MAJOR_MIN: u32 = 20;

/// Where a Chromium may be, first match wins.
const CHROMIUM_PATHS: [&str; 4] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// What a Python 3 may be called, first match wins.
const PYTHON_NAMES: [&str; 2] = ["python3", "python"];

/// Node and npm, which we never install: too many ways to have them.
pub(crate) fn node() -> Result<(), Failure> {
    let advice = format!("install Node.js {NODE_MAJOR_MIN} or newer with npm, https://nodejs.org");
    let version = output(&mut program("node", &["--version"]))
        .map_err(|failure| Failure::new(format!("{failure}; {advice}")))?;
    match node_major(&version) {
        Some(major) if major >= NODE_MAJOR_MIN => {}
        _ => return Err(Failure::new(format!("Node.js is {}; {advice}", version.trim()))),
    }
    output(&mut program("npm", &["--version"]))
        .map_err(|failure| Failure::new(format!("{failure}; {advice}")))?;
    Ok(())
}

/// The major number in what `node --version` prints, for example `v20.11.1`.
fn node_major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// A part of the toolchain that comes as a subcommand of cargo, such as `fmt` from `rustfmt`.
pub(crate) fn component(subcommand: &str, component: &str) -> Result<(), Failure> {
    let is_there = || output(&mut cargo(&[subcommand, "--version"]));
    if is_there().is_ok() {
        return Ok(());
    }
    println!("    cargo {subcommand} is not there: trying rustup");
    let added = output(&mut program("rustup", &["component", "add", component]));
    match added.and_then(|_| is_there()) {
        Ok(_) => Ok(()),
        Err(failure) => Err(Failure::new(format!(
            "{failure}; install the component {component} of your Rust toolchain"
        ))),
    }
}

/// A Chromium for the browser test, and fonts with Chinese characters for it.
pub(crate) fn chromium() -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os("SAOMA_CHROMIUM") {
        return Ok(path.into());
    }
    if is_debian() {
        let missing: Vec<_> = ["chromium", "fonts-noto-cjk"]
            .into_iter()
            .filter(|package| !is_debian_package_installed(package))
            .collect();
        if !missing.is_empty() {
            install(&missing)?;
        }
    }
    let found = CHROMIUM_PATHS.iter().map(Path::new).find(|path| path.exists());
    found.map(Path::to_owned).ok_or_else(|| {
        Failure::new(
            "the browser test needs Chromium: install it (and a font with Chinese characters, \
             for example Noto Sans CJK), or name it in SAOMA_CHROMIUM",
        )
    })
}

/// Installs the packages of `wasm/npm` or `tests/browser` as their lock file names them, unless
/// the very same lock file was installed before.
pub(crate) fn npm_ci(folder: &Path) -> Result<(), Failure> {
    let lock_path = folder.join("package-lock.json");
    let lock = std::fs::read(&lock_path)
        .map_err(Failure::io(format!("cannot read {}", lock_path.display())))?;
    let installed = folder.join("node_modules").join(".saoma-installed-lock");
    if std::fs::read(&installed).is_ok_and(|before| before == lock) {
        println!("    node_modules is what package-lock.json says: kept");
        return Ok(());
    }
    println!("    fetching the packages of package-lock.json from npm");
    run(program("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(folder))?;
    std::fs::create_dir_all(folder.join("node_modules"))
        .and_then(|()| std::fs::write(&installed, &lock))
        .map_err(Failure::io(format!("cannot write {}", installed.display())))
}

/// A Python of its own in `folder` with what the list of `requirements` names, unless the very same
/// list was installed there before. Gives its interpreter.
pub(crate) fn python(folder: &Path, requirements: &Path) -> Result<PathBuf, Failure> {
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let installed = folder.join("installed.txt");
    let list = std::fs::read(requirements)
        .map_err(Failure::io(format!("cannot read {}", requirements.display())))?;
    if std::fs::read(&installed).is_ok_and(|before| before == list) && python.exists() {
        println!("    the Python packages are what requirements.txt says: kept");
        return Ok(python);
    }
    let system = python_with_venv()?;
    println!("    fetching the packages of requirements.txt from PyPI");
    run(program(system, &["-m", "venv"]).arg(folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(program(&python, &pip).arg(requirements))?;
    std::fs::write(&installed, &list)
        .map_err(Failure::io(format!("cannot write {}", installed.display())))?;
    Ok(python)
}

/// A Python 3 that can make virtual environments. Debian keeps that in a package of its own.
fn python_with_venv() -> Result<&'static str, Failure> {
    let import = ["-c", "import ensurepip, venv"];
    let find = || PYTHON_NAMES.into_iter().find(|name| output(&mut program(name, &import)).is_ok());
    if let Some(name) = find() {
        return Ok(name);
    }
    if is_debian() {
        install(&["python3-venv"])?;
    }
    let advice = "install Python 3.9 or newer with its venv module, https://www.python.org";
    find().ok_or_else(|| Failure::new(advice))
}

/// The programs of PostgreSQL, which tests start by themselves; Debian keeps them out of PATH.
pub(crate) fn postgresql() -> Result<(), Failure> {
    let in_debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    if in_debian.into_iter().any(|version| version.path().join("bin/initdb").exists()) {
        return Ok(());
    }
    if output(&mut program("initdb", &["--version"])).is_ok() {
        return Ok(());
    }
    if is_debian() {
        return install(&["postgresql"]);
    }
    Err(Failure::new(
        "the tests need PostgreSQL 14 or newer: install it, with its programs in PATH",
    ))
}

/// SDL2, which the kiosk's window is made with.
pub(crate) fn sdl2() -> Result<(), Failure> {
    let is_there = || output(&mut program("sdl2-config", &["--version"])).is_ok();
    if is_there() {
        return Ok(());
    }
    if is_debian() {
        install(&["libsdl2-dev"])?;
    }
    let advice = "the kiosk's window needs SDL2: install its library with headers";
    if is_there() { Ok(()) } else { Err(Failure::new(advice)) }
}

/// A desk without a screen, and a hand for its mouse.
pub(crate) fn xvfb() -> Result<(), Failure> {
    let is_there = |name: &str| output(&mut program("which", &[name])).is_ok();
    let needed = [("Xvfb", "xvfb"), ("xdotool", "xdotool")];
    let missing = || needed.into_iter().filter(|(name, _)| !is_there(name));
    let packages: Vec<&str> = missing().map(|(_, package)| package).collect();
    if !packages.is_empty() && is_debian() {
        install(&packages)?;
    }
    match missing().next() {
        None => Ok(()),
        Some((name, _)) => Err(Failure::new(format!("the kiosk's window is tested with {name}"))),
    }
}

pub(crate) fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

fn is_debian_package_installed(package: &str) -> bool {
    output(&mut program("dpkg-query", &["--show", "--showformat=${Status}", package]))
        .is_ok_and(|status| status.ends_with(" installed"))
}

/// Installs Debian packages, or says which to install when we may not.
pub(crate) fn install(packages: &[&str]) -> Result<(), Failure> {
    let list = packages.join(" ");
    let is_root = output(&mut program("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    if !is_root {
        return Err(Failure::new(format!(
            "missing: {list}; as root: apt-get install --no-install-recommends {list}"
        )));
    }
    println!("    installing Debian packages: {list}");
    let arguments = ["install", "--yes", "--no-install-recommends"];
    let mut apt = program("apt-get", &arguments);
    apt.args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    if run(&mut apt).is_ok() {
        return Ok(());
    }
    println!("    once more, with a fresh list of packages");
    run(&mut program("apt-get", &["update"]))?;
    run(&mut apt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read_from_its_own_words() {
        assert_eq!(node_major("v20.11.1\n"), Some(20));
        assert_eq!(node_major("v9.0.0"), Some(9));
        assert_eq!(node_major("20.11.1"), None);
        assert_eq!(node_major(""), None);
    }
}
