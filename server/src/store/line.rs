//! A line to PostgreSQL that is never waited for without end.
//!
//! A database that goes away with its machine or its network says nothing, not even that it goes,
//! and nobody on our side of the line is told. Whoever waited for its answer would wait for ever,
//! at a desk that all others need (`service::verb`).

use super::error::OF_OLD_TABLES;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Error, PgConnection, Postgres, raw_sql};
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// How long an answer may take; every statement is short.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// A connection of a pool, alone or in a transaction. Given up in the middle of a question or of a
/// transaction, it is closed: its next answer would be somebody else's, or never come.
#[derive(Debug)]
pub(super) struct PgLine {
    conn: PoolConnection<Postgres>,
    is_asking: bool,
    in_transaction: bool,
    within: Option<Duration>,
}

impl Drop for PgLine {
    fn drop(&mut self) {
        if self.is_asking || self.in_transaction {
            self.conn.close_on_drop();
        }
    }
}

/// Whether a prepared statement does not fit the tables any more. Prepared again, on another
/// connection, it does.
fn is_of_old_tables(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == OF_OLD_TABLES)
}

impl PgLine {
    pub(super) const fn new(conn: PoolConnection<Postgres>) -> Self {
        Self { conn, is_asking: false, in_transaction: false, within: Some(ANSWER_WITHIN) }
    }

    /// How long each answer may take from now on; `None`: as long as it likes.
    pub(super) const fn within(&mut self, within: Option<Duration>) {
        self.within = within;
    }

    async fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.is_asking = true;
        let answer = question(&mut self.conn);
        let answer = match self.within {
            Some(within) => timeout(within, answer).await,
            None => Ok(answer.await),
        };
        let Ok(answer) = answer else {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        };
        // What it has prepared may be of other tables than there are now (an upgrade beside us).
        self.is_asking = answer.as_ref().is_err_and(is_of_old_tables);
        answer
    }

    pub(super) async fn begin(mut self) -> Result<Self, Error> {
        self.in_transaction = true;
        self.ask(async |conn| raw_sql("begin").execute(conn).await).await?;
        Ok(self)
    }

    pub(super) async fn fetch(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, Error> {
        self.ask(async |conn| query.fetch_all(conn).await).await
    }

    /// Gives the number of rows that it touched.
    pub(super) async fn execute(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, Error> {
        let done = self.ask(async |conn| query.execute(conn).await).await;
        done.map(|done| done.rows_affected())
    }

    /// Makes a transaction happen; outside of one there is nothing to do.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        if self.in_transaction {
            self.ask(async |conn| raw_sql("commit").execute(conn).await).await?;
            self.in_transaction = false;
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::Store;
    use crate::config::{Database, Secret};
    use saoma_postgres::Cluster;
    use std::io;
    use std::path::Path;
    use std::time::Duration;
    use tokio::io::copy_bidirectional;
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::watch;
    use tokio::time::{sleep, timeout};

    const SOCKET: &str = ".s.PGSQL.5432";

    /// A way to a database. Once told, the lines that are open say nothing any more.
    fn way(cluster: &Cluster, folder: &Path) -> io::Result<(Database, watch::Sender<bool>)> {
        let url = cluster.database()?;
        let database = url.rsplit('/').next().unwrap_or_default();
        let there = cluster.folder().join(SOCKET);
        let door = UnixListener::bind(folder.join(SOCKET))?;
        let here = folder.display().to_string().replace('/', "%2F");
        let (gone, is_gone) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut guest, _)) = door.accept().await {
                let (there, mut is_gone) = (there.clone(), is_gone.clone());
                tokio::spawn(async move {
                    let Ok(mut line) = UnixStream::connect(there).await else { return };
                    let is_new = *is_gone.borrow();
                    let silence = async {
                        let _ = is_gone.wait_for(|gone| *gone && !is_new).await;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut guest, &mut line) => return,
                        () = silence => {}
                    }
                    std::future::pending().await
                });
            }
        });
        let url = format!("postgres://postgres@{here}/{database}");
        Ok((Database::Postgres(Secret::new(url)), gone))
    }

    #[tokio::test]
    async fn a_database_that_is_gone_without_a_word_is_given_up_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let (database, gone) = way(Cluster::shared().unwrap(), folder.path()).unwrap();
        let store = Store::open(&database).await.unwrap();
        let soon = Some(Duration::from_millis(50));
        let mut lines = Vec::new();
        for _ in 0..2 {
            lines.push(store.begin().await.unwrap().within(soon));
            lines.push(store.reader().await.unwrap().within(soon));
            lines.push(store.reader().await.unwrap().within(soon));
            lines.push(store.begin().await.unwrap().within(soon));
            lines.push(store.begin().await.unwrap().within(soon));
        }
        gone.send_replace(true);
        let text = "the database failed: error communicating with database: timed out";
        for mut line in lines {
            let error = line.fetch("select 1 as one", vec![]).await.unwrap_err();
            assert_eq!(error.to_string(), text);
        }
        let again = async {
            loop {
                let all = async {
                    let mut tx = store.begin().await?;
                    tx.fetch("select 1 as one", vec![]).await?;
                    tx.commit().await?;
                    store.reader().await?.fetch("select 1 as one", vec![]).await
                };
                if all.await.is_ok() {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(60), again).await.expect("it is found again");
        store.close().await;
    }

    #[tokio::test]
    async fn a_column_that_is_added_beside_us_costs_one_answer() {
        let folder = tempfile::tempdir().unwrap();
        let (database, _stays) = way(Cluster::shared().unwrap(), folder.path()).unwrap();
        let store = Store::open(&database).await.unwrap();
        let look = async || {
            let mut reader = store.reader().await?;
            reader.fetch("select * from setting", vec![]).await
        };
        for _ in 0..20 {
            look().await.unwrap();
        }
        let alter = "alter table setting add column more text";
        store.writer().await.unwrap().execute(alter, vec![]).await.unwrap();
        let mut failures = 0;
        for _ in 0..20 {
            failures += usize::from(look().await.is_err());
        }
        assert!(failures <= 4, "{failures} of 20: each of the readers once at most");
        look().await.unwrap();
        store.close().await;
    }

    #[tokio::test]
    async fn what_is_not_committed_never_happened() {
        let folder = tempfile::tempdir().unwrap();
        let (database, _stays) = way(Cluster::shared().unwrap(), folder.path()).unwrap();
        let store = Store::open(&database).await.unwrap();
        let insert = "insert into setting (name, value) values ($1, 'x')";
        let mut dropped = store.begin().await.unwrap();
        dropped.execute(insert, vec!["a".into()]).await.unwrap();
        drop(dropped);
        let mut kept = store.begin().await.unwrap();
        kept.execute(insert, vec!["b".into()]).await.unwrap();
        kept.commit().await.unwrap();
        let select = "select name from setting where name in ('a', 'b')";
        let names = store.reader().await.unwrap().fetch(select, vec![]).await.unwrap();
        assert_eq!(names.iter().map(|row| row.text("name").unwrap()).collect::<Vec<_>>(), ["b"]);
        store.close().await;
    }
}
