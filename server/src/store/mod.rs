//! What is kept, and nothing about why: rows in, rows out.
//!
//! SQLite is one file with one writer and several readers; PostgreSQL is a server that several
//! processes share. Both hold the same tables, and [`db`] makes one text of SQL serve both. What is
//! decided together is written in one transaction ([`Store::begin`]); what only looks uses
//! [`Store::reader`]. Batches of verbs go to SQLite without a pool in between ([`direct`]).

mod api_key;
mod bill;
pub(crate) mod db;
mod difference;
mod direct;
mod error;
pub(crate) mod figures;
mod glance;
mod history;
mod inspect;
mod line;
pub(crate) mod look;
#[cfg(feature = "simulation")]
pub(crate) mod memory;
mod month;
mod news;
mod order;
mod outbox;
mod partition;
mod payment;
#[cfg(test)]
pub(crate) mod plans;
mod postgres;
mod promise;
mod refund;
mod row;
mod session;
mod setting;
mod under_way;
mod value;
pub(crate) mod wal;

pub use api_key::KeyKind;
pub(crate) use api_key::KeyRow;
pub(crate) use bill::{BillDay, BillSum, BillSums, Recorded};
pub(crate) use db::{Conn, Dialect, Row, Value};
pub(crate) use difference::{DifferenceKey, DifferenceRow, End};
pub use error::{OpenError, StoreError};
pub(crate) use glance::glance;
pub(crate) use history::HistoryRow;
pub(crate) use inspect::{ForWhom, Tables, inspect};
pub use month::Month;
pub(crate) use order::{AttemptRow, ByNumber, OrderRow};
pub(crate) use outbox::{
    Entry, EntryEnd, EntryState, Fetch, FetchRow, Lane, NewEntry, hurry_queries, retry_entry,
};
pub(crate) use partition::{NO_MONTHS, TABLES, lock, make_months, months_of};
pub(crate) use payment::{
    AnomalyRow, MessageRow, NewAnomaly, OTHER_CURRENCY, PaymentRow, SeenTo, end_waits,
};
pub(crate) use refund::{AskedBy, RefundEnded, RefundRow, RefundState, tell_anomalies};
pub(crate) use session::SessionRow;
pub(crate) use setting::{may_have_lost, ping, put_start, setting, touch};
pub(crate) use under_way::{UnderWay, for_a_moment, under_way};

use crate::config::Database;
use crate::private;
use db::Line;
use direct::Direct;
use line::PgLine;
use postgres::Shown;
use promise::{check_pragmas, forget_statistics};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How many may read at once.
const READERS_MAX: u32 = 4;
/// Transactions on SQLite at once: while one writes, the other reads and decides.
const SQLITE_WRITERS: u32 = 2;
/// Transactions that PostgreSQL works on at once for one process.
const POSTGRES_WRITERS: u32 = 4;
/// How long PostgreSQL may take for what people ask for.
const PEOPLE_WITHIN: Duration = Duration::from_secs(120);
/// How long to wait for the writer or a reader. A notification is to be answered within five
/// seconds (protocol §9), so waiting longer helps nobody.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to wait for another program that has locked the file, say a backup.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 256;
/// Rows that SQLite may read before anybody has taken the first.
const ROWS_AHEAD: usize = 256;
/// How much of the file the writer keeps in memory, in KiB. SQLite's own 2 MiB are less than what
/// a full batch touches, and what does not fit is written and read again.
const WRITER_CACHE_KIB: u32 = 64 * 1024;
/// The same for each reader.
const READER_CACHE_KIB: u32 = 8 * 1024;
/// After how many pages of its log a commit copies into the file what [`wal`] has not copied, which
/// should never come to that.
const CHECKPOINT_PAGES: u32 = 64_000;

/// The database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pools: Pools,
    /// A copy of a PostgreSQL for people who look: may be behind, may be gone.
    replica: Option<PgPool>,
}

#[derive(Clone, Debug)]
enum Pools {
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        /// For [`Store::begin_late`], and where all who write wait for their turn.
        direct: Arc<Direct>,
        /// For [`wal`] alone.
        copier: SqlitePool,
    },
    /// Apart, so that those who look, however many, never keep a payment from being written.
    Postgres {
        writers: PgPool,
        readers: PgPool,
        /// For [`Store::for_people`] alone.
        people: PgPool,
        shown: Arc<Shown>,
    },
    #[cfg(feature = "simulation")]
    Memory(memory::Server),
}

static SQLITE_TABLES: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES_TABLES: Migrator = sqlx::migrate!("./migrations/postgres");

/// The version of the tables of this program.
fn newest(database: &Database) -> i64 {
    let tables = match database {
        Database::Sqlite(_) => &SQLITE_TABLES,
        Database::Postgres(_) => &POSTGRES_TABLES,
    };
    tables.iter().map(|migration| migration.version).max().unwrap_or_default()
}

impl Store {
    /// Opens the database and brings its tables up to date.
    pub(crate) async fn open(database: &Database) -> Result<Self, OpenError> {
        match database {
            Database::Sqlite(path) => Self::open_sqlite(path).await,
            Database::Postgres(url) => Self::open_postgres(url).await,
        }
    }

    /// Opens a database that a server of this version has made ready, beside that server.
    ///
    /// # Errors
    /// [`OpenError::OtherVersion`] among others; a newer version is told as at a server's start.
    pub(crate) async fn open_as_it_is(database: &Database) -> Result<Self, OpenError> {
        match Self::with_version(database).await? {
            (store, Some(version)) if version == newest(database) => Ok(store),
            (_, Some(version)) if version > newest(database) => {
                Err(OpenError::Migrate(MigrateError::VersionMissing(version)))
            }
            _ => Err(OpenError::OtherVersion),
        }
    }

    /// The same, but one that nobody has used yet is made ready.
    pub(crate) async fn open_beside(database: &Database) -> Result<Self, OpenError> {
        let is_there = match database {
            Database::Sqlite(path) => path.exists(),
            Database::Postgres(_) => true,
        };
        if is_there && let (_, Some(_)) = Self::with_version(database).await? {
            return Self::open_as_it_is(database).await;
        }
        Self::open(database).await
    }

    /// Opens a database as it is, with the version of its tables if it has any.
    async fn with_version(database: &Database) -> Result<(Self, Option<i64>), OpenError> {
        let store = match database {
            Database::Sqlite(path) => Self::connect_sqlite(path).await?,
            Database::Postgres(url) => Self::connect_postgres(url).await?,
        };
        let mut conn = store.reader().await.map_err(OpenError::Store)?;
        let sql = "select max(version) as version from _sqlx_migrations where success";
        let version = conn.fetch_one(sql, vec![]).await.ok().flatten();
        let version = version.and_then(|row| row.int("version").ok());
        drop(conn);
        Ok((store, version))
    }

    /// Opens the file and makes it when it is not there.
    async fn open_sqlite(path: &Path) -> Result<Self, OpenError> {
        private::make(path).map_err(OpenError::File)?;
        let store = Self::connect_sqlite(path).await?;
        if let Pools::Sqlite { writer, .. } = &store.pools {
            SQLITE_TABLES.run(writer).await.map_err(OpenError::Migrate)?;
            forget_statistics(&mut writer.acquire().await?.into())
                .await
                .map_err(OpenError::Store)?;
        }
        Ok(store)
    }

    async fn connect_sqlite(path: &Path) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS)
            // Whoever reads many rows is not woken for each.
            .row_buffer_size(ROWS_AHEAD)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
            // What a statement would need to undo itself; otherwise a file of its own each time.
            .pragma("temp_store", "memory")
            .busy_timeout(BUSY_TIMEOUT);
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        // In KiB, which SQLite tells from pages by the sign.
        let cached = |kib: u32| options.clone().pragma("cache_size", format!("-{kib}"));
        let writer = pool().max_connections(1).connect_with(cached(WRITER_CACHE_KIB)).await?;
        check_pragmas(&mut writer.acquire().await?.into()).await?;
        let readers = cached(READER_CACHE_KIB).pragma("query_only", "on");
        let readers = pool().max_connections(READERS_MAX).connect_lazy_with(readers);
        let copier = pool().max_connections(1).connect_lazy_with(options);
        let direct = Direct::open(path).map_err(OpenError::Store)?;
        let turn = direct.turn().await.map_err(OpenError::Store)?;
        check_pragmas(&mut Line::SqliteTurn(turn).into()).await?;
        Ok(Self { pools: Pools::Sqlite { writer, readers, direct, copier }, replica: None })
    }

    /// A server's store in a database that is in memory.
    #[cfg(feature = "simulation")]
    pub(crate) fn in_memory(memory: &memory::Memory) -> (Self, memory::Server) {
        let server = memory.live();
        (Self { pools: Pools::Memory(server.clone()), replica: None }, server)
    }

    /// How many transactions may be decided and written at once, while others are being committed.
    /// On PostgreSQL one: fewer batches are larger ones, which cost less for each verb. On SQLite
    /// one is decided while the other has the writer.
    pub(crate) fn desks(&self) -> usize {
        if self.dialect() == Dialect::Postgres { 1 } else { 2 }
    }

    /// How many transactions may be under way at once.
    pub(crate) fn writers(&self) -> u32 {
        match &self.pools {
            Pools::Sqlite { .. } => SQLITE_WRITERS,
            Pools::Postgres { .. } => POSTGRES_WRITERS,
            #[cfg(feature = "simulation")]
            Pools::Memory(_) => 2,
        }
    }

    /// Whether those who begin late need a thread of their own each. The simulation has but one.
    pub(crate) fn is_blocking(&self) -> bool {
        matches!(self.pools, Pools::Sqlite { .. }) && !cfg!(feature = "simulation")
    }

    /// Which database it is.
    pub(crate) fn dialect(&self) -> Dialect {
        match &self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres { .. } => Dialect::Postgres,
            #[cfg(feature = "simulation")]
            Pools::Memory(_) => Dialect::Sqlite,
        }
    }

    /// Begins a transaction that may write.
    ///
    /// What waits for a connection of a pool is a state of 14 KiB. Were it not in a box, everything
    /// that reads or writes would carry it around.
    pub(crate) async fn begin(&self) -> Result<Conn, StoreError> {
        Ok(match &self.pools {
            Pools::Sqlite { writer, direct, .. } => {
                let turn = direct.turn().await?;
                let line = Line::SqliteTx(Box::pin(writer.begin_with("begin immediate")).await?);
                Conn::in_turn(line, turn)
            }
            Pools::Postgres { writers, .. } => {
                let line = PgLine::new(Box::pin(writers.acquire()).await?);
                Line::Postgres(line.begin().await?).into()
            }
            #[cfg(feature = "simulation")]
            Pools::Memory(server) => Line::Memory(server.begin().await?).into(),
        })
    }

    /// Begins a transaction that shares the file's one writer as shortly as it can: on SQLite, it
    /// waits for the writer at its first write. As on PostgreSQL, what it has read may be changed
    /// by others until then, so whatever it writes must be kept from being wrong by a unique key or
    /// by the version that it was made from.
    ///
    /// One verb alone that finds the writer free has it at once: what it reads and then writes is
    /// in the memory of one connection. Many are decided beside the one that writes.
    ///
    /// On SQLite the thread that carries it out is the one that waits for the disk
    /// ([`is_blocking`](Self::is_blocking)).
    pub(crate) async fn begin_late(&self, verbs: usize) -> Result<Conn, StoreError> {
        match &self.pools {
            Pools::Sqlite { direct, .. } => {
                let turn = direct.free_turn().filter(|_| verbs == 1);
                Ok(match turn {
                    Some(turn) => Line::SqliteTurn(turn.begun()?),
                    None => Line::SqliteLate(direct.reader().await?),
                }
                .into())
            }
            Pools::Postgres { .. } => self.begin().await,
            #[cfg(feature = "simulation")]
            Pools::Memory(_) => self.begin().await,
        }
    }

    /// A connection that may write, outside of any transaction.
    pub(crate) async fn writer(&self) -> Result<Conn, StoreError> {
        Ok(match &self.pools {
            Pools::Sqlite { writer, direct, .. } => {
                let turn = direct.turn().await?;
                Conn::in_turn(Line::Sqlite(Box::pin(writer.acquire()).await?), turn)
            }
            Pools::Postgres { writers, .. } => Box::pin(writers.acquire()).await?.into(),
            #[cfg(feature = "simulation")]
            Pools::Memory(server) => Line::Memory(server.reader()).into(),
        })
    }

    /// A connection to look with.
    pub(crate) async fn reader(&self) -> Result<Conn, StoreError> {
        Ok(match &self.pools {
            Pools::Sqlite { readers, .. } => {
                Line::Sqlite(Box::pin(readers.acquire()).await?).into()
            }
            Pools::Postgres { readers, .. } => Box::pin(readers.acquire()).await?.into(),
            #[cfg(feature = "simulation")]
            Pools::Memory(server) => Line::Memory(server.reader()).into(),
        })
    }

    /// A connection for people who look: to the replica, if there is one that answers. What it
    /// shows may be old, so nothing may be decided by it.
    pub(crate) async fn for_people(&self) -> Result<Conn, StoreError> {
        if let Some(replica) = &self.replica {
            match replica.acquire().await {
                Ok(conn) => return Ok(Conn::from(conn).within(Some(PEOPLE_WITHIN))),
                Err(error) => tracing::warn!(%error, "the replica does not answer"),
            }
        }
        match &self.pools {
            Pools::Sqlite { .. } => self.reader().await,
            Pools::Postgres { people, .. } => {
                Ok(Conn::from(people.acquire().await?).within(Some(PEOPLE_WITHIN)))
            }
            #[cfg(feature = "simulation")]
            Pools::Memory(server) => Ok(Line::Memory(server.reader()).into()),
        }
    }

    /// Waits for what runs and closes the database.
    pub(crate) async fn close(&self) {
        if let Some(replica) = &self.replica {
            replica.close().await;
        }
        match &self.pools {
            Pools::Sqlite { writer, readers, direct, copier } => {
                copier.close().await;
                direct.close().await;
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { writers, readers, people, .. } => {
                people.close().await;
                readers.close().await;
                writers.close().await;
            }
            #[cfg(feature = "simulation")]
            Pools::Memory(_) => {}
        }
    }
}

impl From<sqlx::pool::PoolConnection<sqlx::Sqlite>> for Conn {
    fn from(conn: sqlx::pool::PoolConnection<sqlx::Sqlite>) -> Self {
        Line::Sqlite(conn).into()
    }
}

impl From<sqlx::pool::PoolConnection<sqlx::Postgres>> for Conn {
    fn from(conn: sqlx::pool::PoolConnection<sqlx::Postgres>) -> Self {
        Line::Postgres(PgLine::new(conn)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_keeps_what_it_is_told_to_keep() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("saoma.db")).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        check_pragmas(&mut tx).await.unwrap();
        drop(tx);
        let mut reader = store.reader().await.unwrap();
        check_pragmas(&mut reader).await.unwrap();
        let refused = reader.execute("delete from setting", vec![]).await;
        assert!(refused.is_err(), "a reader must not write");
        drop(reader);
        store.close().await;
    }

    #[tokio::test]
    #[cfg(unix)]
    async fn nobody_else_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("saoma.db")).await.unwrap();
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
        let error = check_pragmas(&mut pool.acquire().await.unwrap().into()).await.unwrap_err();
        assert!(error.to_string().contains("synchronous = full (it stays 1)"), "{error}");
        pool.close().await;
    }

    #[tokio::test]
    async fn what_was_counted_while_a_table_was_small_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saoma.db");
        let plan = async |store: &Store| {
            let mut reader = store.reader().await.unwrap();
            let sql = "explain query plan select * from payment where transaction_id in ('a', 'b')";
            reader.fetch_one(sql, vec![]).await.unwrap().unwrap().text("detail").unwrap()
        };
        let store = Store::open_sqlite(&path).await.unwrap();
        crate::testing::alter(
            &store,
            "insert into payment values ('a', 'b', 'c', 'd', 1, 1, 'e', 1)",
        )
        .await;
        crate::testing::alter(&store, "analyze").await;
        store.close().await;
        let as_it_is = Store::connect_sqlite(&path).await.unwrap();
        assert_eq!(plan(&as_it_is).await, "SCAN payment", "all of it, however much comes");
        as_it_is.close().await;
        let store = Store::open_sqlite(&path).await.unwrap();
        assert!(plan(&store).await.starts_with("SEARCH payment USING INDEX"));
        store.close().await;
    }

    #[tokio::test]
    async fn a_transaction_waits_for_the_writer_no_sooner_than_it_writes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("saoma.db")).await.unwrap();
        let mut first = store.begin_late(1).await.unwrap();
        let mut second = store.begin_late(1).await.unwrap();
        assert_eq!(setting(&mut first, "a", "1").await.unwrap(), "1");
        let sql = "select value from setting where name in ($1, $1)";
        let seen = second.fetch(sql, vec!["a".into()]).await.unwrap();
        assert!(seen.is_empty(), "it reads beside the one that writes");
        first.commit().await.unwrap();
        assert_eq!(second.fetch(sql, vec!["a".into()]).await.unwrap().len(), 1, "and again");
        assert_eq!(setting(&mut second, "a", "2").await.unwrap(), "1");
        drop(second);
        store.close().await;
    }

    #[tokio::test]
    async fn a_setting_is_decided_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("saoma.db")).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        assert_eq!(setting(&mut tx, "mch_id", "1").await.unwrap(), "1");
        assert_eq!(setting(&mut tx, "mch_id", "2").await.unwrap(), "1");
    }
}
