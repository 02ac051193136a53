//! A PostgreSQL of our own: from the machine's binaries, in a folder that goes away, on a free
//! port.

use rustix::process::{Pid, Signal, geteuid, kill_process};
use saoma_tests::free_port;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Where Debian keeps the binaries, newest first.
const VERSIONS: [&str; 4] = ["18", "17", "16", "15"];

/// A running PostgreSQL with the defaults of its version, but for a larger cache: durable commits
/// (`fsync` and `synchronous_commit`) above all.
pub(crate) struct Postgres {
    child: Child,
    port: u16,
    pid: u32,
}

/// `runuser -u postgres` where this is root, whom PostgreSQL refuses.
fn program(path: &Path) -> Command {
    if geteuid().is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    }
}

fn binaries() -> PathBuf {
    let debian = VERSIONS.map(|version| format!("/usr/lib/postgresql/{version}/bin"));
    let found = debian.iter().map(PathBuf::from).find(|folder| folder.join("initdb").exists());
    found.unwrap_or_default()
}

impl Postgres {
    pub(crate) async fn start(folder: &Path) -> Self {
        let folder = folder.join("postgres");
        std::fs::create_dir(&folder).expect("a folder");
        if geteuid().is_root() {
            give_to_postgres(&folder).await;
        }
        let data = folder.join("data");
        let mut initdb = program(&binaries().join("initdb"));
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=saoma"]);
        let made = initdb.arg("--pgdata").arg(&data).stdout(Stdio::null()).status().await;
        assert!(made.expect("initdb runs").success(), "initdb makes a cluster");
        let port = free_port().expect("a free port");
        let mut command = program(&binaries().join("postgres"));
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string()).arg("-k").arg(&folder);
        for setting in ["listen_addresses=127.0.0.1", "shared_buffers=1GB", "max_wal_size=8GB"] {
            command.arg("-c").arg(setting);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().expect("PostgreSQL starts");
        let pid = postmaster(&data).await;
        let postgres = Self { child, port, pid };
        postgres.ready().await;
        postgres
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://saoma@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    async fn ready(&self) {
        let mut is_ready = Command::new(binaries().join("pg_isready"));
        is_ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        for _ in 0..200 {
            if is_ready.status().await.is_ok_and(|status| status.success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("PostgreSQL is not ready after ten seconds");
    }

    /// Stops it at once, as nobody needs its data any more.
    pub(crate) async fn stop(&mut self) {
        self.signal(Signal::QUIT);
        let _ = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // `runuser` passes no signal on that cannot be caught.
        self.signal(Signal::QUIT);
    }
}

async fn give_to_postgres(folder: &Path) {
    let parent = folder.parent().expect("it has one");
    let mut open = Command::new("chmod");
    assert!(open.arg("711").arg(parent).status().await.expect("chmod runs").success());
    let mut give = Command::new("chown");
    assert!(give.arg("postgres").arg(folder).status().await.expect("chown runs").success());
}

/// The number of the server's first process, which it writes down when it starts.
async fn postmaster(data: &Path) -> u32 {
    for _ in 0..200 {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        if let Some(pid) = text.lines().next().and_then(|line| line.parse().ok()) {
            return pid;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("PostgreSQL does not start");
}
