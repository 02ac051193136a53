//! Looking at a database without changing it, for `saoma-server check`.

use super::db::Line;
use super::promise::check_pragmas;
use super::{
    Conn, Database, OpenError, POSTGRES_TABLES, SQLITE_TABLES, StoreError, UnderWay, for_a_moment,
    under_way,
};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use std::str::FromStr as _;
use std::time::Duration;
use tokio::time::timeout;

/// How long to wait for the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether its tables are those of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// They are.
    Current,
    /// The next start brings them up to date.
    Older,
    /// A newer version has made them: this one must not touch them.
    Newer,
}

/// For whom something is under way, or why that cannot be seen now: whoever starts goes without.
pub(crate) type ForWhom = Result<Vec<UnderWay>, StoreError>;

/// Opens a database that is there, and looks whether it would keep what it is told, and for whom
/// something is under way in it. Only a replica may be a standby.
///
/// # Errors
/// [`OpenError`] says why it cannot be used.
pub(crate) async fn inspect(
    database: &Database,
    is_replica: bool,
) -> Result<(Tables, ForWhom), OpenError> {
    match database {
        Database::Sqlite(path) => {
            let options = SqliteConnectOptions::new()
                .filename(path)
                .foreign_keys(true)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(PATIENCE);
            let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
            let pool = pool.connect_with(options).await?;
            let mut conn = Line::Sqlite(pool.acquire().await?).into();
            let tables = tables(&mut conn, &SQLITE_TABLES).await?;
            // A file without tables has its journal set when they are made, and a backup that was
            // put back at the next start.
            if tables == Tables::Current && has_log(&mut conn).await? {
                check_pragmas(&mut conn).await?;
            }
            let under_way = look_for_whom(&mut conn, tables).await;
            drop(conn);
            // A question that was given up may hold it for longer.
            let _ = timeout(PATIENCE, pool.close()).await;
            Ok((tables, under_way))
        }
        Database::Postgres(url) => {
            let options = PgConnectOptions::from_str(url.expose())?;
            let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
            let pool = pool.connect_with(options).await?;
            let mut conn = pool.acquire().await?.into();
            if !is_replica && is_standby(&mut conn).await? {
                return Err(OpenError::Standby);
            }
            let tables = tables(&mut conn, &POSTGRES_TABLES).await?;
            for name in ["fsync", "full_page_writes"] {
                durable(&mut conn, name).await?;
            }
            let under_way = look_for_whom(&mut conn, tables).await;
            drop(conn);
            // A question that was given up may hold it for longer.
            let _ = timeout(PATIENCE, pool.close()).await;
            Ok((tables, under_way))
        }
    }
}

/// For whom something is under way; other versions' tables may say it in another way.
async fn look_for_whom(conn: &mut Conn, tables: Tables) -> ForWhom {
    match tables {
        Tables::Current => for_a_moment(under_way(conn)).await,
        Tables::Older | Tables::Newer => Ok(Vec::new()),
    }
}

/// Whether it is as a server has left it: its writes go to a log first.
async fn has_log(conn: &mut Conn) -> Result<bool, OpenError> {
    let row = conn.fetch_one("pragma journal_mode", vec![]).await.map_err(OpenError::Store)?;
    Ok(row.is_some_and(|row| row.text("journal_mode").is_ok_and(|mode| mode == "wal")))
}

async fn tables(conn: &mut Conn, migrator: &Migrator) -> Result<Tables, OpenError> {
    let ours = migrator.iter().map(|migration| migration.version).max();
    let sql = "select max(version) as version from _sqlx_migrations where success";
    // In a new database not even that table is there.
    let row = conn.fetch_one(sql, vec![]).await.ok().flatten();
    let theirs = row.and_then(|row| row.optional_int("version").ok().flatten());
    Ok(match theirs.cmp(&ours) {
        std::cmp::Ordering::Less => Tables::Older,
        std::cmp::Ordering::Equal => Tables::Current,
        std::cmp::Ordering::Greater => Tables::Newer,
    })
}

async fn is_standby(conn: &mut Conn) -> Result<bool, OpenError> {
    let sql = "select pg_is_in_recovery()::text as is_standby";
    let row = conn.fetch_one(sql, vec![]).await.map_err(OpenError::Store)?;
    Ok(row.is_some_and(|row| row.text("is_standby").is_ok_and(|standby| standby == "true")))
}

async fn durable(conn: &mut Conn, name: &'static str) -> Result<(), OpenError> {
    let sql = "select setting from pg_settings where name = $1";
    let row = conn.fetch_one(sql, vec![name.into()]).await.map_err(OpenError::Store)?;
    let got = row.map_or(Ok(String::new()), |row| row.text("setting")).map_err(OpenError::Store)?;
    if got == "on" { Ok(()) } else { Err(OpenError::Pragma { name, wanted: "on", got }) }
}
