//! Where PostgreSQL's programs are, and who runs them.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps one folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Who runs PostgreSQL when we are root, which it refuses to run as.
const USER: &str = "postgres";

/// The folder of the programs of the newest PostgreSQL on this machine.
///
/// # Errors
/// When there is none; says what to do.
pub fn find() -> io::Result<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|folder| {
            let version: u32 = folder.file_name().to_str()?.parse().ok()?;
            Some((version, folder.path().join("bin")))
        })
        .filter(|(_, folder)| is_complete(folder))
        .max();
    if let Some((_, folder)) = newest {
        return Ok(folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).find(|folder| is_complete(folder)).ok_or_else(|| {
        io::Error::other(
            "these tests need PostgreSQL: `cargo xtask test` installs it, or as root: apt-get \
             install --no-install-recommends postgresql",
        )
    })
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "pg_basebackup", "postgres"].iter().all(|name| folder.join(name).exists())
}

/// A command of the user that PostgreSQL runs as: ourselves, unless we are root.
pub(crate) fn as_owner(program: impl AsRef<OsStr>) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(program);
        setpriv
    } else {
        Command::new(program)
    };
    // The folder that we are in need not be one that this user may look into.
    command.current_dir("/");
    command
}
