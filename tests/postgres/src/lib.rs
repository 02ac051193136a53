//! PostgreSQL for tests: the machine's own binaries, in a temporary folder, as a user that is not
//! root, reached by a socket that nobody else can reach.
//!
//! [`Cluster::shared`] is one PostgreSQL for all tests of a build, also when each runs in a
//! process of its own; [`Cluster::own`] is one that a test may kill. Each test takes a
//! [database](Cluster::database) of its own. A small shell script, `guard.sh`, holds each
//! PostgreSQL: it ends and deletes it when the last process that uses it is gone, whether that
//! ended well, panicked or was killed.
//!
//! Unix only: elsewhere PostgreSQL has no such sockets, and those tests are left out.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod binaries;

pub use binaries::find as binaries;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{Mode, OFlags};

/// Runs one PostgreSQL, and ends it.
const GUARD: &str = include_str!("guard.sh");
/// What the folders of our PostgreSQLs are called in the system's temporary folder.
const FOLDER_PREFIX: &str = "saoma-postgres-";
/// How long the shared one waits for its next test, in seconds.
const LINGER_S: &str = "10";
/// The names of databases differ in this process by it.
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Says which database tests that run on either are to use: `postgres`; a URL that begins with
/// `postgres://` or `postgresql://`, of a server that runs already, in which each test makes a
/// database of its own and leaves it there; or a file when it is not set.
pub const ENV_DATABASE: &str = "SAOMA_TEST_DATABASE";

/// A new database of the [shared](Cluster::shared) PostgreSQL, or of the one that
/// [`ENV_DATABASE`] names, if the tests are to run on that: its URL.
///
/// # Errors
/// As [`Cluster::shared`], and when [`ENV_DATABASE`] says something else.
pub fn chosen() -> io::Result<Option<String>> {
    match std::env::var(ENV_DATABASE).as_deref() {
        Err(_) | Ok("sqlite") => Ok(None),
        Ok("postgres") => Cluster::shared()?.database().map(Some),
        Ok(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            database_at(url).map(Some)
        }
        Ok(_) => {
            let what = "must be `sqlite`, `postgres` or a URL that begins with `postgres://`";
            Err(io::Error::other(format!("{ENV_DATABASE} {what}")))
        }
    }
}

/// A new database of a server that somebody else runs, whose URL names any of its databases.
fn database_at(url: &str) -> io::Result<String> {
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("saoma_test_{}_{number}", std::process::id());
    let mut psql = Command::new(binaries()?.join("psql"));
    psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url]);
    for what in [format!("drop database if exists {name}"), format!("create database {name}")] {
        psql.args(["--command", &what]);
    }
    output(&mut psql)?;
    let (server, options) = url.split_once('?').unwrap_or((url, ""));
    let host = server.find("://").map_or(0, |at| at + 3);
    let end =
        server.get(host..).and_then(|rest| rest.find('/')).map_or(server.len(), |at| host + at);
    let server = server.get(..end).unwrap_or(server);
    let mark = if options.is_empty() { "" } else { "?" };
    Ok(format!("{server}/{name}{mark}{options}"))
}

/// One PostgreSQL that runs as long as this value lives.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    /// Dropped, they tell the guard that we are gone.
    _line: Option<File>,
    guard: Option<Child>,
}

impl Cluster {
    /// The one that all tests of this build share. It is not to be crashed.
    ///
    /// # Errors
    /// When there is no PostgreSQL on this machine, or it does not start; says what to do.
    pub fn shared() -> io::Result<&'static Self> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        let made = SHARED.get_or_init(|| Self::find_or_start().map_err(|error| error.to_string()));
        made.as_ref().map_err(|why| io::Error::other(why.as_str()))
    }

    /// A new one, for a test that does what others must not feel.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub fn own() -> io::Result<Self> {
        sweep()?;
        Self::start_new("0", None)
    }

    /// A new one that follows this one: a streaming replica, read only.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub fn replica(&self) -> io::Result<Self> {
        Self::start_new("0", Some(&self.folder))
    }

    /// A new, empty database; gives its URL. It is deleted with the cluster.
    ///
    /// # Errors
    /// When PostgreSQL does not make it.
    pub fn database(&self) -> io::Result<String> {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        self.psql("postgres", &format!("create database {name}"))?;
        Ok(self.url(&name))
    }

    /// The URL of a database of this cluster.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{folder}/{database}")
    }

    /// Runs SQL, each statement by itself, and gives what it says: a line for each row, `|` between
    /// values.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn psql(&self, database: &str, sql: &str) -> io::Result<String> {
        let mut psql = Command::new(binaries()?.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
        psql.args(["--set=ON_ERROR_STOP=1", "--username=postgres", "--dbname", database]);
        output(psql.arg("--host").arg(&self.folder).args(["--command", sql]))
    }

    /// Ends it at once, as a power failure would, with whatever it was at.
    ///
    /// # Errors
    /// When it does not run.
    pub fn crash(&self) -> io::Result<()> {
        self.control(&["--mode=immediate", "--wait", "stop"])
    }

    /// Starts it again after [`crash`](Self::crash), and waits until it takes connections.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self) -> io::Result<()> {
        let log = format!("--log={}", self.folder.join("log").display());
        self.control(&[&log, "--wait", "start"])
    }

    /// Where its socket and its data are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn control(&self, arguments: &[&str]) -> io::Result<()> {
        let mut control = binaries::as_owner(binaries()?.join("pg_ctl"));
        control.arg("--pgdata").arg(self.folder.join("data")).args(arguments);
        // PostgreSQL would keep our pipes open.
        control.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = control.status()?;
        if status.success() {
            return Ok(());
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(io::Error::other(format!("pg_ctl {arguments:?}: {status}; its log:\n{log}")))
    }

    /// The file beside this build's programs names the shared one; whoever finds it gone starts
    /// the next, one at a time.
    fn find_or_start() -> io::Result<Self> {
        let path = std::env::current_exe()?.with_file_name("postgres-for-tests");
        let mut options = File::options();
        let mut name = options.create(true).truncate(false).read(true).write(true).open(path)?;
        name.lock()?;
        let mut folder = String::new();
        name.read_to_string(&mut folder)?;
        if let Some(mut line) = open_line(&Path::new(&folder).join("line"))? {
            line.write_all(b"here\n")?;
            return Ok(Self { folder: folder.into(), _line: Some(line), guard: None });
        }
        sweep()?;
        let cluster = Self::start_new(LINGER_S, None)?;
        name.set_len(0)?;
        name.rewind()?;
        name.write_all(cluster.folder.as_os_str().as_encoded_bytes())?;
        Ok(cluster)
    }

    fn start_new(linger_s: &str, primary: Option<&Path>) -> io::Result<Self> {
        let programs = binaries()?;
        // The guard makes the folder, because it must be its own; here it only gets a free name.
        let folder = tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir()?.keep();
        std::fs::remove_dir(&folder)?;
        let mut guard = binaries::as_owner("/bin/sh");
        guard.args(["-c", GUARD, "guard.sh"]).arg(&programs).arg(&folder).arg(linger_s);
        guard.args(primary).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // The terminal's Ctrl-C is for us; the guard ends in order once we are gone.
        std::os::unix::process::CommandExt::process_group(&mut guard, 0);
        let mut guard = guard.spawn()?;
        let mut said = String::new();
        if let Some(stdout) = guard.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line?;
                if line == "ready" {
                    return Ok(Self { folder, _line: None, guard: Some(guard) });
                }
                said.push_str(&line);
                said.push('\n');
            }
        }
        let status = guard.wait()?;
        Err(io::Error::other(format!("PostgreSQL did not start ({status}):\n{said}")))
    }
}

impl Drop for Cluster {
    /// Waits until it is gone, so that nothing is left even when the machine stops next.
    fn drop(&mut self) {
        if let Some(guard) = &mut self.guard {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

/// Holds the line of a guard, or `None` when there is no guard any more.
fn open_line(line: &Path) -> io::Result<Option<File>> {
    use rustix::io::Errno;
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::open(line, flags, Mode::empty()) {
        Ok(line) => Ok(Some(line.into())),
        Err(Errno::NXIO | Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Ends and deletes what guards that were killed themselves have left behind.
fn sweep() -> io::Result<()> {
    for folder in std::fs::read_dir(std::env::temp_dir())?.flatten() {
        let is_ours = folder.file_name().to_string_lossy().starts_with(FOLDER_PREFIX);
        let line = ["line", "line-closed"].map(|name| folder.path().join(name));
        let Some(line) = line.iter().find(|line| line.exists()).filter(|_| is_ours) else {
            continue;
        };
        // One of another user is that user's to sweep.
        if matches!(open_line(line), Ok(None)) && line.exists() {
            let mut stop = binaries::as_owner(binaries()?.join("pg_ctl"));
            stop.arg("--pgdata").arg(folder.path().join("data"));
            stop.args(["--mode=immediate", "stop"]).stdout(Stdio::null()).stderr(Stdio::null());
            // It may not run any more.
            let _ = stop.status()?;
            std::fs::remove_dir_all(folder.path())?;
        }
    }
    Ok(())
}

/// What a command writes when it succeeds; what it complains of when it does not.
fn output(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()))
}

#[cfg(test)]
mod tests;
