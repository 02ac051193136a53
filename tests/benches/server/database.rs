//! The database from outside, while the server does not run: to fill it, and to count in it.

use crate::place::{Kind, Place};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

/// A connection of its own.
pub(crate) enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    /// Opens it for filling: nothing is durable before [`Database::close`].
    pub(crate) async fn open(place: &Place) -> Self {
        match place.url() {
            None => {
                let options = SqliteConnectOptions::new()
                    .filename(place.file())
                    .journal_mode(SqliteJournalMode::Off)
                    .synchronous(SqliteSynchronous::Off)
                    .foreign_keys(false)
                    .pragma("cache_size", "-2000000")
                    .pragma("locking_mode", "exclusive");
                let opened = SqliteConnection::connect_with(&options).await;
                Self::Sqlite(opened.expect("the database opens"))
            }
            Some(url) => {
                let mut connection = PgConnection::connect(&url).await.expect("a connection");
                let settings = "set synchronous_commit = off; set maintenance_work_mem = '1GB';
                     set session_replication_role = replica";
                sqlx::raw_sql(settings).execute(&mut connection).await.expect("settings");
                Self::Postgres(connection)
            }
        }
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    pub(crate) async fn execute(&mut self, sql: String) {
        let told = sql.clone();
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        let done = match self {
            Self::Sqlite(connection) => sql.execute(connection).await.map(drop),
            Self::Postgres(connection) => sql.execute(connection).await.map(drop),
        };
        if let Err(error) = done {
            panic!("{error}: {told}");
        }
    }

    /// The first column of all rows, which is text.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let texts: Result<Vec<String>, _> = match self {
            Self::Sqlite(connection) => query
                .fetch_all(connection)
                .await
                .and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect()),
            Self::Postgres(connection) => query
                .fetch_all(connection)
                .await
                .and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect()),
        };
        texts.unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// How much room these tables take, with their indexes.
    pub(crate) async fn bytes_of(&mut self, tables: &[&str]) -> u64 {
        let names = tables.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ");
        let sizes = match self.kind() {
            // Their pages are counted; by their names, so that no other's are read.
            Kind::Sqlite => format!(
                "select cast((select sum(pgsize) from dbstat where name = it.name) as text)
                 from sqlite_master as it where tbl_name in ({names}) and rootpage > 0"
            ),
            Kind::Postgres => format!(
                "select pg_total_relation_size(oid)::text from pg_class
                 where relname in ({names}) and relkind = 'r'"
            ),
        };
        let sizes = self.texts(&sizes).await;
        sizes.iter().map(|size| size.parse::<u64>().expect("a size")).sum()
    }

    /// Writes everything down and makes SQLite's file what the server expects.
    pub(crate) async fn close(mut self) {
        let tidy = match self.kind() {
            Kind::Sqlite => "analyze",
            // What filling leaves behind is not cleaned up in the middle of what is measured.
            Kind::Postgres => "vacuum analyze",
        };
        self.execute(tidy.to_owned()).await;
        match self {
            Self::Sqlite(connection) => connection.close().await.expect("it closes"),
            Self::Postgres(mut connection) => {
                sqlx::raw_sql("checkpoint").execute(&mut connection).await.expect("a checkpoint");
                connection.close().await.expect("it closes");
            }
        }
    }
}
