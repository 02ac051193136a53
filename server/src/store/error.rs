//! Why something cannot be kept or read.

use crate::random::NoRandom;
use sqlx::migrate::MigrateError;
use std::sync::Arc;
use std::{fmt, io};

/// What is said of a PostgreSQL that is not asked anything.
pub(super) const STANDBY: &str = "the database's name leads to a standby, which takes nothing and \
                                  may be behind: it is not asked, until the name leads to the \
                                  primary";

/// Why a database cannot be used at all.
#[derive(Debug)]
pub enum OpenError {
    /// The file cannot be made.
    File(io::Error),
    /// It cannot be opened or read.
    Sql(sqlx::Error),
    /// Its tables could not be made or brought up to date.
    Migrate(MigrateError),
    /// Its tables are those of an older version, or there are none.
    OtherVersion,
    /// It would not keep what it is told to keep.
    Pragma {
        /// SQLite's name of the setting.
        name: &'static str,
        /// What it has to be.
        wanted: &'static str,
        /// What it is, although it was set.
        got: String,
    },
    /// It is a copy of another one, where that one should be.
    Standby,
    /// It could not be made ready.
    Store(StoreError),
    /// Nobody can write into it.
    Thread(io::Error),
    /// There are no random numbers to make its token key of.
    NoRandom,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "the database cannot be made: {error}"),
            Self::Sql(error) => write!(f, "the database cannot be opened: {error}"),
            Self::Migrate(MigrateError::VersionMissing(_)) => {
                f.write_str("the database's tables were made by a newer version: start that one")
            }
            Self::Migrate(error) => write!(f, "the database cannot be brought up to date: {error}"),
            Self::OtherVersion => f.write_str(
                "the database has not the tables of this version: start the server of this \
                 version first",
            ),
            Self::Pragma { name, wanted, got } => write!(
                f,
                "the database does not take {name} = {wanted} (it stays {got}), so that a payment \
                 could be forgotten; put the file on a local disk, or set PostgreSQL right"
            ),
            Self::Standby => f.write_str(STANDBY),
            Self::Store(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "a thread cannot be started: {error}"),
            Self::NoRandom => NoRandom.fmt(f),
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
#[derive(Clone, Debug)]
pub enum StoreError {
    /// The database failed.
    Sql(Arc<sqlx::Error>),
    /// SQLite, called directly, failed.
    Sqlite(Arc<rusqlite::Error>),
    /// A row holds what nobody of ours has written.
    Corrupt(&'static str),
    /// Somebody else changed the order in between, or its tables.
    Stale,
    /// The server stops.
    Stopped,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(error) => write!(f, "the database failed: {error}"),
            Self::Sqlite(error) => write!(f, "the database failed: {error}"),
            Self::Corrupt(column) => write!(f, "the database holds an impossible {column}"),
            Self::Stale => f.write_str("the order, or its table, was changed by somebody else"),
            Self::Stopped => f.write_str("the server stops"),
        }
    }
}

impl std::error::Error for StoreError {}

/// What PostgreSQL calls a prepared statement that does not fit the tables any more: "cached plan
/// must not change result type". A newer server has changed them beside us.
pub(super) const OF_OLD_TABLES: &str = "0A000";

/// What PostgreSQL calls a lost race: a unique key that somebody else has used meanwhile, two
/// transactions that cannot both be, a deadlock. And a statement that was prepared for other tables
/// than there are now: its connection is closed (`line`), so that another one prepares it anew.
const LOST_RACES: [&str; 4] = ["23505", "40001", "40P01", OF_OLD_TABLES];

impl StoreError {
    /// Whether it is an error that PostgreSQL calls by this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        let Self::Sql(error) = self else { return false };
        error.as_database_error().and_then(|error| error.code()).is_some_and(|got| got == code)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let error = Self::Sql(Arc::new(error));
        if LOST_RACES.iter().any(|code| error.is(code)) { Self::Stale } else { error }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}
