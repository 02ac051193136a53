//! What is kept, and nothing about why: rows in, rows out.
//!
//! One writer and several readers on one SQLite file. A verb of the service is one transaction of
//! the writer ([`Store::begin`]); what only looks uses [`Store::reader`]. The SQL text is portable;
//! what only SQLite knows stands in this file.

mod glance;
mod order;
mod outbox;
mod payment;

pub(crate) use glance::glance;
pub(crate) use order::{AttemptRow, OrderRow};
pub(crate) use outbox::{Entry, EntryState, Lane, NewEntry};
pub(crate) use payment::{
    AnomalyRow, NewAnomaly, insert_message, insert_payment, number_of, set_message_outcome,
};

use crate::random::NoRandom;
use saoma_core::time::UnixTime;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Row as _, Sqlite, SqliteConnection, SqlitePool};
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

/// Any connection of this store.
pub(crate) type Conn = SqliteConnection;
/// One transaction of the writer; dropped, it never happened.
pub(crate) type Tx = sqlx::Transaction<'static, Sqlite>;
/// A connection that only reads.
pub(crate) type Reader = PoolConnection<Sqlite>;

/// How many may read at once.
const READERS_MAX: u32 = 4;
/// How long to wait for the writer or a reader. A notification is to be answered within five
/// seconds (protocol §9), so waiting longer helps nobody.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to wait for another program that has locked the file, say a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Why a database cannot be used at all.
#[derive(Debug)]
pub enum OpenError {
    /// The file cannot be made.
    File(io::Error),
    /// It cannot be opened or read.
    Sql(sqlx::Error),
    /// Its tables could not be made or brought up to date.
    Migrate(sqlx::migrate::MigrateError),
    /// It would not keep what it is told to keep.
    Pragma {
        /// SQLite's name of the setting.
        name: &'static str,
        /// What it has to be.
        wanted: &'static str,
        /// What it is, although it was set.
        got: String,
    },
    /// It could not be made ready.
    Store(StoreError),
    /// There are no random numbers to make its token key of.
    NoRandom,
    /// It belongs to somebody else.
    Setting {
        /// What differs.
        name: &'static str,
        /// What the database says.
        stored: String,
        /// What the configuration says.
        configured: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "the database cannot be made: {error}"),
            Self::Sql(error) => write!(f, "the database cannot be opened: {error}"),
            Self::Migrate(error) => write!(f, "the database cannot be brought up to date: {error}"),
            Self::Pragma { name, wanted, got } => write!(
                f,
                "the database does not take {name} = {wanted} (it stays {got}), so that a payment \
                 could be forgotten; put the file on a local disk"
            ),
            Self::Store(error) => error.fmt(f),
            Self::NoRandom => NoRandom.fmt(f),
            Self::Setting { name, stored, configured } => write!(
                f,
                "the database belongs to {name} {stored}, not {configured}; take another file"
            ),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// Why something could not be read or kept now.
#[derive(Debug)]
pub enum StoreError {
    /// The database failed.
    Sql(sqlx::Error),
    /// A row holds what nobody of ours has written.
    Corrupt(&'static str),
    /// Somebody else changed the order in between.
    Stale,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(error) => write!(f, "the database failed: {error}"),
            Self::Corrupt(column) => write!(f, "the database holds an impossible {column}"),
            Self::Stale => f.write_str("the order was changed by somebody else"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl Store {
    /// Opens the file, makes it when it is not there, and brings its tables up to date.
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        make_private(path).map_err(OpenError::File)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let writer = pool().max_connections(1).connect_with(options.clone()).await?;
        check_pragmas(&mut *writer.acquire().await?).await?;
        sqlx::migrate!("./migrations").run(&writer).await.map_err(OpenError::Migrate)?;
        let readers = options.pragma("query_only", "on");
        let readers = pool().max_connections(READERS_MAX).connect_with(readers).await?;
        Ok(Self { writer, readers })
    }

    /// Begins a transaction that may write. There is one at a time.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.writer.begin_with("begin immediate").await?)
    }

    /// A connection to look with.
    pub(crate) async fn reader(&self) -> Result<Reader, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// Waits for what runs and closes the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes the file, if it is not there, for its owner alone; SQLite's other files follow it.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What was set when connecting is read back: a payment that was acknowledged must survive a power
/// failure.
async fn check_pragmas(conn: &mut Conn) -> Result<(), OpenError> {
    let read = async |conn: &mut Conn, sql| -> Result<String, sqlx::Error> {
        let row = sqlx::query(sql).fetch_one(conn).await?;
        // Some answers are text, some are numbers.
        row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string()))
    };
    for (name, sql, wanted, is_good) in [
        ("journal_mode", "pragma journal_mode", "wal", &["wal"][..]),
        ("synchronous", "pragma synchronous", "full", &["2", "3"]),
        ("foreign_keys", "pragma foreign_keys", "on", &["1"]),
    ] {
        let got = read(conn, sql).await?;
        if !is_good.contains(&got.as_str()) {
            return Err(OpenError::Pragma { name, wanted, got });
        }
    }
    conn.ping().await?;
    Ok(())
}

/// A decision of the first start: kept when there is none yet, and what is kept is returned.
pub(crate) async fn setting(
    conn: &mut Conn,
    name: &str,
    value: &str,
) -> Result<String, sqlx::Error> {
    sqlx::query("insert into setting (name, value) values ($1, $2) on conflict (name) do nothing")
        .bind(name)
        .bind(value)
        .execute(&mut *conn)
        .await?;
    sqlx::query_scalar("select value from setting where name = $1").bind(name).fetch_one(conn).await
}

/// Whether the database can be read: this reads a table, which must be there.
pub(crate) async fn ping(conn: &mut Conn) -> Result<(), StoreError> {
    sqlx::query("select count(*) from setting").fetch_one(conn).await?;
    Ok(())
}

/// Whether the database can be written: this writes a row, and its value says when.
pub(crate) async fn touch(conn: &mut Conn, now: UnixTime) -> Result<(), StoreError> {
    sqlx::query(
        "insert into setting (name, value) values ('written_at', $1)
         on conflict (name) do update set value = excluded.value",
    )
    .bind(now.get().to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// A time as it is stored. All of them are far below 2^63.
fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.get()).unwrap_or(i64::MAX)
}

fn time(column: &'static str, seconds: i64) -> Result<UnixTime, StoreError> {
    let time = u64::try_from(seconds).ok().and_then(UnixTime::new);
    time.ok_or(StoreError::Corrupt(column))
}

/// A stored text that is one of ours.
fn parsed<T: std::str::FromStr>(column: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_keeps_what_it_is_told_to_keep() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("saoma.db")).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        check_pragmas(&mut tx).await.unwrap();
        tx.rollback().await.unwrap();
        let mut reader = store.reader().await.unwrap();
        check_pragmas(&mut reader).await.unwrap();
        let refused = sqlx::query("delete from setting").execute(&mut *reader).await;
        assert!(refused.is_err(), "a reader must not write");
        drop(reader);
        store.close().await;
    }

    #[tokio::test]
    #[cfg(unix)]
    async fn nobody_else_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("saoma.db")).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert!(files.len() > 1, "the write-ahead log is there as well");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{file:?}");
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_database_that_could_forget_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("weak.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let error = check_pragmas(&mut pool.acquire().await.unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("synchronous = full (it stays 1)"), "{error}");
        pool.close().await;
    }

    #[tokio::test]
    async fn a_setting_is_decided_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("saoma.db")).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        assert_eq!(setting(&mut tx, "mch_id", "1").await.unwrap(), "1");
        assert_eq!(setting(&mut tx, "mch_id", "2").await.unwrap(), "1");
    }
}
