//! SQLite's log, copied into the file beside those who write.
//!
//! SQLite copies the log itself when a commit makes it too long, and whoever commits waits for
//! that. Here a connection of its own copies what there is every few moments, which keeps nobody
//! waiting. When the log has become long, it is copied once more while nobody may write, and then
//! all of it is in the file and it begins anew; little is left for that, so it does not take long.

use super::{Pools, Store};
use crate::store::db::{Conn, Line};
use crate::store::direct::Direct;
use sqlx::SqlitePool;
use std::fs::File;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long to wait while there is something to copy, and while there is not.
const WHEN_BUSY: Duration = Duration::from_millis(100);
const WHEN_QUIET: Duration = Duration::from_secs(2);

/// A log of so many pages is to begin anew.
const LONG_PAGES: i64 = 12_000;

/// Copies until told to stop. PostgreSQL does it by itself.
pub(crate) async fn keep_short(store: Store, mut stop: watch::Receiver<bool>) {
    let Some(copier) = Copier::of(&store) else { return };
    let mut before = Log::default();
    loop {
        let wait = async {
            let now = copier.copy(LONG_PAGES).await.unwrap_or(before);
            let is_quiet = now == before;
            before = now;
            sleep(if is_quiet { WHEN_QUIET } else { WHEN_BUSY }).await;
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = wait => {}
        }
    }
}

/// How long the log is, and how much of it is in the file, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Log {
    pages: i64,
    copied: i64,
}

/// Copies what commits have written.
#[derive(Debug)]
struct Copier<'s> {
    line: &'s SqlitePool,
    /// Who has the turn keeps everybody else from writing.
    direct: &'s Direct,
    file: Option<&'static File>,
}

impl<'s> Copier<'s> {
    /// `None`: it is not SQLite.
    fn of(store: &'s Store) -> Option<Self> {
        let Pools::Sqlite { copier, direct, .. } = &store.pools else { return None };
        let file = File::open(copier.connect_options().get_filename()).ok();
        // It stays open for ever: closing it would take all locks from the file that this process
        // has, SQLite's as well.
        let file = file.map(|file| &*Box::leak(Box::new(file)));
        Some(Self { line: copier, direct, file })
    }

    /// Copies what there is; all of it when the log has `long` pages. `None`: it could not.
    async fn copy(&self, long: i64) -> Option<Log> {
        let mut conn = Line::Sqlite(self.line.acquire().await.ok()?).into();
        let log = copy(&mut conn).await?;
        self.flush().await;
        if log.pages < long {
            return Some(log);
        }
        // What was written during the first copy, and then what was written during this one.
        copy(&mut conn).await?;
        self.flush().await;
        let nobody_writes = self.direct.turn().await.ok()?;
        let log = copy(&mut conn).await;
        drop(nobody_writes);
        log
    }

    /// Has the disk keep what was copied. SQLite does so itself, but only before the log begins
    /// anew, and then all at once.
    async fn flush(&self) {
        if let Some(file) = self.file {
            // What fails here fails there as well, and is not lost: the log stays as it is then.
            let _ = spawn_blocking(move || file.sync_data()).await;
        }
    }
}

/// Copies what is there. `None`: it could not, and a commit will do it in the end.
async fn copy(conn: &mut Conn) -> Option<Log> {
    let row = conn.fetch_one("pragma wal_checkpoint(passive)", vec![]).await.ok()??;
    Some(Log { pages: row.int("log").ok()?, copied: row.int("checkpointed").ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_committed_is_copied_into_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saoma.db");
        let store = Store::open_sqlite(&path).await.unwrap();
        let Pools::Sqlite { copier, .. } = &store.pools else { panic!("not SQLite") };
        let mut line: Conn = Line::Sqlite(copier.acquire().await.unwrap()).into();
        let before = copy(&mut line).await.unwrap();
        assert!(before.copied > 0, "the tables themselves");
        let mut tx = store.begin().await.unwrap();
        let insert = "insert into setting (name, value) values ('a', 'b')";
        tx.execute(insert, vec![]).await.unwrap();
        assert_eq!(copy(&mut line).await, Some(before), "not committed yet");
        tx.commit().await.unwrap();
        let after = copy(&mut line).await.unwrap();
        assert!(after != before && after.copied == after.pages, "{after:?} after {before:?}");
        drop(line);
        store.close().await;
    }

    #[tokio::test]
    async fn a_long_log_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("saoma.db")).await.unwrap();
        let copier = Copier::of(&store).unwrap();
        let write = async |name: &str| {
            let mut tx = store.begin().await.unwrap();
            let insert = "insert into setting (name, value) values ($1, 'b')";
            tx.execute(insert, vec![name.into()]).await.unwrap();
            tx.commit().await.unwrap();
        };
        write("a").await;
        let long = copier.copy(i64::MAX).await.unwrap();
        let all = copier.copy(long.pages).await.unwrap();
        assert_eq!(all, Log { pages: long.pages, copied: long.pages });
        write("b").await;
        let short = copier.copy(i64::MAX).await.unwrap();
        assert!(short.pages < long.pages, "{short:?} after {long:?}");
        store.close().await;
    }
}
