//! A copy of a SQLite database while a server writes to it.

use crate::config::Database;
use crate::private;
use crate::store::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

/// How long to wait for a server that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no backup.
#[derive(Debug)]
pub enum BackupError {
    /// The database is not a file.
    NotSqlite,
    /// The file of the backup is there already, or cannot be made.
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The database cannot be read.
    Database(StoreError),
    /// The copy is not whole: what SQLite's check says about it.
    Broken(String),
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSqlite => f.write_str(
                "the database is PostgreSQL: use pg_dump or pg_basebackup \
                 (docs/operations.md §3.2)",
            ),
            Self::File { path, error } if error.kind() == io::ErrorKind::AlreadyExists => {
                let path = path.display();
                write!(f, "{path} is there already, and is not overwritten: take another name")
            }
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Database(error) => write!(f, "the database cannot be read: {error}"),
            Self::Broken(what) => write!(
                f,
                "the copy is broken ({what}), and so may be the database: keep the last backup, \
                 and run `pragma integrity_check` on the database"
            ),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Copies the database, as it is at one moment, into a new file, which is there only once it is
/// whole and on the disk.
///
/// # Errors
/// [`BackupError`]; the file is not there then.
pub async fn backup(database: &Database, to: &Path) -> Result<(), BackupError> {
    let Database::Sqlite(from) = database else { return Err(BackupError::NotSqlite) };
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::File { path, error }
    };
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    if to.exists() {
        return Err(at(to)(io::ErrorKind::AlreadyExists.into()));
    }
    // Whoever may read the copy may read everything.
    private::make_new(&part).map_err(at(&part))?;
    let copied = async {
        copy(from, &part).await?;
        check(&part).await?;
        File::open(&part).and_then(|file| file.sync_all()).map_err(at(&part))?;
        // Unlike a renaming, a link takes no other file's place.
        std::fs::hard_link(&part, to).map_err(at(to))
    };
    let copied = copied.await;
    std::fs::remove_file(&part).map_err(at(&part))?;
    copied?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

async fn connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
    options.disable_statement_logging().connect().await
}

async fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut conn = connect(from).await?;
    // One reading transaction: writers go on beside it.
    let to = to.to_string_lossy();
    sqlx::query("vacuum into $1").bind(to.as_ref()).execute(&mut conn).await?;
    conn.close().await?;
    Ok(())
}

async fn check(path: &Path) -> Result<(), BackupError> {
    let mut conn = connect(path).await?;
    let said: String = sqlx::query_scalar("pragma quick_check").fetch_one(&mut conn).await?;
    conn.close().await?;
    if said == "ok" { Ok(()) } else { Err(BackupError::Broken(said)) }
}
