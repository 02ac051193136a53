//! SQLite's log, copied into the file beside those who write.
//!
//! SQLite copies the log itself when a commit makes it too long, and whoever commits waits for
//! that. Here a connection of its own copies what there is every few moments, which keeps nobody
//! waiting; what is left for such a commit is little, and after it the log begins anew.

use super::{Pools, Store};
use crate::store::db::{Conn, Line};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long to wait while there is something to copy, and while there is not.
const WHEN_BUSY: Duration = Duration::from_millis(100);
const WHEN_QUIET: Duration = Duration::from_secs(2);

/// Copies until told to stop. PostgreSQL does it by itself.
pub(crate) async fn keep_short(store: Store, mut stop: watch::Receiver<bool>) {
    let Pools::Sqlite { copier, .. } = &store.pools else { return };
    let mut copied = 0;
    loop {
        let wait = async {
            let Ok(conn) = copier.acquire().await else { return sleep(WHEN_QUIET).await };
            let now = copy(&mut Line::Sqlite(conn).into()).await;
            let is_quiet = now.is_none_or(|now| now == copied);
            copied = now.unwrap_or(copied);
            sleep(if is_quiet { WHEN_QUIET } else { WHEN_BUSY }).await;
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = wait => {}
        }
    }
}

/// Copies what is there, and gives how many pages of the log are in the file then. `None`: it
/// could not, and a commit will do it.
async fn copy(conn: &mut Conn) -> Option<i64> {
    let row = conn.fetch_one("pragma wal_checkpoint(passive)", vec![]).await.ok()??;
    row.int("checkpointed").ok()
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
        assert!(before > 0, "the tables themselves");
        let mut tx = store.begin().await.unwrap();
        let insert = "insert into setting (name, value) values ('a', 'b')";
        tx.execute(insert, vec![]).await.unwrap();
        assert_eq!(copy(&mut line).await, Some(before), "not committed yet");
        tx.commit().await.unwrap();
        assert!(copy(&mut line).await.unwrap() != before);
        drop(line);
        store.close().await;
    }
}
