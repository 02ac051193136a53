//! SQLite called directly, for the batches of verbs.
//!
//! A pool of sqlx's has a thread for each connection, to which every statement is handed over and
//! which hands every answer back. For what a batch does that costs more than all of its statements.
//! Here SQLite does its work on the thread that asks, which waits for the disk meanwhile: so
//! whoever uses this needs a thread of its own.
//!
//! Here is also where all writers of this process queue, those of the pool as well: to write is to
//! hold the [`Turn`].

use super::db::{Row, Value};
use super::{
    ACQUIRE_TIMEOUT, BUSY_TIMEOUT, CHECKPOINT_PAGES, READER_CACHE_KIB, SQLITE_WRITERS, STATEMENTS,
    StoreError, WRITER_CACHE_KIB,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Mutex as Queue, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A file's connections for those who have a thread of their own.
#[derive(Debug)]
pub(super) struct Direct {
    path: PathBuf,
    /// The one that writes; whoever has it may write. `None`: closed.
    writer: Arc<Queue<Option<Connection>>>,
    /// Those that read and that nobody uses now.
    idle: Mutex<Vec<Connection>>,
    readers: Arc<Semaphore>,
}

impl Direct {
    /// Opens a file that is there and has its journal already.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>, StoreError> {
        let writer = connect(path, WRITER_CACHE_KIB)?;
        Ok(Arc::new(Self {
            path: path.to_owned(),
            writer: Arc::new(Queue::new(Some(writer))),
            idle: Mutex::default(),
            readers: Arc::new(Semaphore::new(SQLITE_WRITERS as usize)),
        }))
    }

    /// A connection to read with.
    pub(super) async fn reader(self: &Arc<Self>) -> Result<Reader, StoreError> {
        let permit = timeout(ACQUIRE_TIMEOUT, self.readers.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let conn = match idle {
            Some(conn) => conn,
            None => {
                let conn = connect(&self.path, READER_CACHE_KIB)?;
                conn.pragma_update(None, "query_only", "on")?;
                conn
            }
        };
        Ok(Reader { conn: Some(conn), direct: self.clone(), _permit: permit })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else writes.
    pub(super) async fn turn(&self) -> Result<Turn, StoreError> {
        let turn = timeout(ACQUIRE_TIMEOUT, self.writer.clone().lock_owned()).await;
        Ok(Turn(turn.map_err(|_| sqlx::Error::PoolTimedOut)?))
    }

    /// The turn, if nobody has it.
    pub(super) fn free_turn(&self) -> Option<Turn> {
        self.writer.clone().try_lock_owned().ok().map(Turn)
    }

    /// Waits for what runs and closes the connections.
    pub(super) async fn close(&self) {
        // An error says that they are closed.
        if let Ok(all) = self.readers.acquire_many(SQLITE_WRITERS).await {
            self.readers.close();
            drop(all);
        }
        self.idle().clear();
        self.writer.lock().await.take();
    }
}

fn connect(path: &Path, cache_kib: u32) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // As the pools have it.
    conn.execute_batch(&format!(
        "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
         pragma wal_autocheckpoint = {CHECKPOINT_PAGES}; pragma temp_store = memory; \
         pragma cache_size = -{cache_kib}"
    ))?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// A connection that reads; dropped, it is kept for the next.
#[derive(Debug)]
pub(super) struct Reader {
    /// There until it is dropped.
    conn: Option<Connection>,
    direct: Arc<Direct>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.direct.idle().extend(self.conn.take());
    }
}

impl Reader {
    pub(super) fn fetch(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        fetch(self.conn.as_ref(), sql, values)
    }

    /// Where to wait for the turn to write.
    pub(super) fn direct(&self) -> Arc<Direct> {
        self.direct.clone()
    }
}

/// The right to write, and the connection to do it with. Dropped, what is not committed never
/// happened.
#[derive(Debug)]
pub(super) struct Turn(OwnedMutexGuard<Option<Connection>>);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(conn) = self.0.as_ref().filter(|conn| !conn.is_autocommit()) {
            // What fails here, the next one who begins is told.
            let _ = conn.execute_batch("rollback");
        }
    }
}

impl Turn {
    /// Begins a transaction, which locks the file.
    pub(super) fn begun(self) -> Result<Self, StoreError> {
        execute(self.0.as_ref(), "begin immediate", &[])?;
        Ok(self)
    }

    pub(super) fn fetch(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        fetch(self.0.as_ref(), sql, values)
    }

    /// Gives the number of rows that it touched.
    pub(super) fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        execute(self.0.as_ref(), sql, values)
    }

    pub(super) fn commit(self) -> Result<(), StoreError> {
        execute(self.0.as_ref(), "commit", &[]).map(drop)
    }
}

/// A statement with its values.
fn bound<'c>(
    conn: Option<&'c Connection>,
    sql: &str,
    values: &[Value],
) -> Result<CachedStatement<'c>, StoreError> {
    let conn = conn.ok_or(sqlx::Error::PoolClosed)?;
    let mut statement = conn.prepare_cached(sql)?;
    for place in 1..=statement.parameter_count() {
        // `$2` is the second value wherever it stands; a `?` is the value of its place.
        let number = statement.parameter_name(place).and_then(|name| name.get(1..)?.parse().ok());
        let value = values.get(number.unwrap_or(place).wrapping_sub(1));
        let value = value.ok_or(StoreError::Corrupt("statement"))?;
        statement.raw_bind_parameter(place, value)?;
    }
    Ok(statement)
}

fn execute(conn: Option<&Connection>, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
    let touched = bound(conn, sql, values)?.raw_execute()?;
    Ok(touched as u64)
}

fn fetch(conn: Option<&Connection>, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
    let mut statement = bound(conn, sql, values)?;
    let names: Arc<[Box<str>]> = statement.column_names().into_iter().map(Box::from).collect();
    let (mut rows, mut found) = (statement.raw_query(), Vec::new());
    while let Some(row) = rows.next()? {
        let cells = (0..names.len()).map(|place| cell(row.get_ref(place)?));
        let cells = cells.collect::<Result<_, StoreError>>()?;
        found.push(Row::Direct(DirectRow { names: names.clone(), cells }));
    }
    Ok(found)
}

fn cell(value: ValueRef<'_>) -> Result<Option<Cell>, StoreError> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(Cell::Int(number)),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| StoreError::Corrupt("text"))?;
            Some(Cell::Text(text.into()))
        }
        // Nobody of ours stores them.
        ValueRef::Real(_) | ValueRef::Blob(_) => return Err(StoreError::Corrupt("value")),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(Some(number)) => ValueRef::Integer(*number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Int(None) | Self::Text(None) => ValueRef::Null,
        }))
    }
}

/// What stands in a column and is not null.
#[derive(Debug)]
enum Cell {
    Int(i64),
    Text(Box<str>),
}

/// A row with all that it holds.
#[derive(Debug)]
pub(crate) struct DirectRow {
    /// Of the columns; all rows of a statement share them.
    names: Arc<[Box<str>]>,
    cells: Box<[Option<Cell>]>,
}

impl DirectRow {
    pub(super) fn str(&self, column: &str) -> Result<&str, StoreError> {
        self.optional_str(column)?.ok_or(StoreError::Corrupt("null"))
    }

    pub(super) fn optional_str(&self, column: &str) -> Result<Option<&str>, StoreError> {
        match self.get(column)? {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Int(_)) => Err(StoreError::Corrupt("number")),
            None => Ok(None),
        }
    }

    pub(super) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.optional_int(column)?.ok_or(StoreError::Corrupt("null"))
    }

    pub(super) fn optional_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        match self.get(column)? {
            Some(Cell::Int(number)) => Ok(Some(*number)),
            Some(Cell::Text(_)) => Err(StoreError::Corrupt("text")),
            None => Ok(None),
        }
    }

    /// All columns by name, as texts.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn named_texts(&self) -> Vec<(String, Option<String>)> {
        let text = |cell: &Cell| match cell {
            Cell::Int(number) => number.to_string(),
            Cell::Text(text) => text.to_string(),
        };
        let named = self.names.iter().zip(&self.cells);
        named.map(|(name, cell)| (name.to_string(), cell.as_ref().map(text))).collect()
    }

    /// All columns as texts.
    #[cfg(test)]
    pub(super) fn texts(&self) -> Vec<Option<String>> {
        self.named_texts().into_iter().map(|(_, text)| text).collect()
    }

    fn get(&self, column: &str) -> Result<Option<&Cell>, StoreError> {
        let place = self.names.iter().position(|name| **name == *column);
        let cell = place.and_then(|place| self.cells.get(place));
        let cell = cell.ok_or_else(|| sqlx::Error::ColumnNotFound(column.to_owned()))?;
        Ok(cell.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::super::db::{Conn, Line};
    use super::super::promise::check_pragmas;
    use super::super::{Pools, Store};
    use super::*;
    use crate::config::Database;
    use tempfile::TempDir;

    const INSERT: &str = "insert into setting (name, value) values ($1, $2)";
    const SELECT: &str = "select name, value from setting where name in ('a', 'b') order by name";

    async fn open() -> (TempDir, Store, Arc<Direct>) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("saoma.db"));
        let store = Store::open(&database).await.unwrap();
        let Pools::Sqlite { direct, .. } = &store.pools else { panic!("not SQLite") };
        let direct = direct.clone();
        (folder, store, direct)
    }

    /// A transaction that has begun while somebody else had the turn.
    async fn beside(store: &Store, direct: &Direct) -> Conn {
        let turn = direct.turn().await.unwrap();
        let tx = store.begin_late(1).await.unwrap();
        drop(turn);
        tx
    }

    async fn insert(tx: &mut Conn, name: &str, value: &str) -> Result<u64, StoreError> {
        tx.execute(INSERT, vec![name.into(), value.into()]).await
    }

    async fn names(conn: &mut Conn) -> Vec<String> {
        let rows = conn.fetch(SELECT, vec![]).await.unwrap();
        rows.iter().map(|row| row.text("name").unwrap()).collect()
    }

    #[tokio::test]
    async fn its_connections_keep_what_they_are_told_to_keep() {
        let (_folder, store, direct) = open().await;
        let turn = direct.turn().await.unwrap();
        let reader = direct.reader().await.unwrap();
        let pragma = |sql: &str| {
            let of = |rows: Vec<Row>| rows.first().and_then(|row| row.texts().pop().flatten());
            (of(turn.fetch(sql, &[]).unwrap()), of(reader.fetch(sql, &[]).unwrap()))
        };
        let both = |value: &str| (Some(value.to_owned()), Some(value.to_owned()));
        assert_eq!(pragma("pragma journal_mode"), both("wal"));
        assert_eq!(pragma("pragma synchronous"), both("2"));
        assert_eq!(pragma("pragma foreign_keys"), both("1"));
        assert_eq!(pragma("pragma busy_timeout"), both("2000"));
        assert_eq!(pragma("pragma temp_store"), both("2"));
        assert_eq!(pragma("pragma wal_autocheckpoint"), both("64000"));
        let sizes = (Some("-65536".to_owned()), Some("-8192".to_owned()));
        assert_eq!(pragma("pragma cache_size"), sizes);
        assert_eq!(pragma("pragma query_only"), (Some("0".to_owned()), Some("1".to_owned())));
        check_pragmas(&mut Line::SqliteTurn(turn).into()).await.unwrap();
        drop(reader);
        store.close().await;
    }

    #[tokio::test]
    async fn a_transaction_that_is_dropped_never_happened() {
        let (_folder, store, direct) = open().await;
        for is_late in [false, true] {
            let mut tx = match is_late {
                false => store.begin_late(1).await.unwrap(),
                true => beside(&store, &direct).await,
            };
            insert(&mut tx, "a", "1").await.unwrap();
            assert_eq!(names(&mut tx).await, ["a"], "it sees what it has written");
            drop(tx);
        }
        let mut tx = store.begin_late(1).await.unwrap();
        assert!(names(&mut tx).await.is_empty());
        insert(&mut tx, "b", "1").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(names(&mut store.reader().await.unwrap()).await, ["b"]);
        store.close().await;
    }

    #[tokio::test]
    async fn a_statement_that_fails_ends_its_transaction_and_tells_no_values() {
        let (_folder, store, _) = open().await;
        let mut tx = store.begin_late(1).await.unwrap();
        insert(&mut tx, "a", "secret").await.unwrap();
        let error = insert(&mut tx, "a", "secret").await.unwrap_err();
        let text = "the database failed: UNIQUE constraint failed: setting.name";
        assert_eq!(error.to_string(), text);
        assert_eq!(tx.check().unwrap_err().to_string(), text);
        drop(tx);
        assert!(names(&mut store.reader().await.unwrap()).await.is_empty());
        store.close().await;
    }

    #[tokio::test]
    async fn those_of_the_pool_wait_for_the_same_turn() {
        let (_folder, store, direct) = open().await;
        let mut tx = store.begin_late(1).await.unwrap();
        insert(&mut tx, "a", "1").await.unwrap();
        let (begun, ()) = tokio::join!(store.begin(), async { tx.commit().await.unwrap() });
        let mut begun = begun.unwrap();
        assert_eq!(names(&mut begun).await, ["a"]);
        assert!(direct.writer.try_lock().is_err(), "it has the turn until its end");
        begun.commit().await.unwrap();
        assert!(direct.writer.try_lock().is_ok());
        store.close().await;
    }

    #[tokio::test]
    async fn a_file_that_somebody_else_has_locked_is_waited_for_and_then_given_up() {
        let (folder, store, direct) = open().await;
        let mut late = beside(&store, &direct).await;
        let other = Connection::open(folder.path().join("saoma.db")).unwrap();
        other.execute_batch("begin immediate").unwrap();
        for error in [store.begin_late(1).await.map(drop), late.begin().await] {
            let text = error.unwrap_err().to_string();
            assert_eq!(text, "the database failed: database is locked");
        }
        drop(late);
        other.execute_batch("rollback").unwrap();
        let mut tx = store.begin_late(1).await.unwrap();
        insert(&mut tx, "a", "1").await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
    }

    #[tokio::test]
    async fn values_stand_where_they_are_marked_and_rows_hold_what_is_there() {
        let (_folder, store, direct) = open().await;
        let reader = direct.reader().await.unwrap();
        let sql = "select $2 as second, $1 as first, null as empty where $1 = $1";
        let rows = reader.fetch(sql, &["a".into(), 7_i64.into()]).unwrap();
        let row = rows.first().unwrap();
        assert_eq!((row.text("first").unwrap(), row.int("second").unwrap()), ("a".to_owned(), 7));
        assert_eq!(row.optional_text("empty").unwrap(), None);
        assert_eq!(row.optional_int("empty").unwrap(), None);
        for refused in [row.int("first").err(), row.int("empty").err(), row.int("more").err()] {
            assert!(refused.is_some());
        }
        for refused in [row.text("second").err(), row.text("empty").err()] {
            assert!(refused.is_some());
        }
        let rows = reader.fetch("select ? as a, ? as b", &["x".into(), "y".into()]).unwrap();
        assert_eq!(rows.first().unwrap().texts(), [Some("x".to_owned()), Some("y".to_owned())]);
        assert!(reader.fetch("select ? as a", &[]).is_err(), "a value is missing");
        drop(reader);
        store.close().await;
    }

    #[tokio::test]
    async fn nothing_is_left_open() {
        let (folder, store, direct) = open().await;
        let mut tx = store.begin_late(1).await.unwrap();
        insert(&mut tx, "a", "1").await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
        assert!(store.begin_late(1).await.is_err());
        assert!(direct.turn().await.unwrap().begun().is_err());
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1, "the log is in the file: {files:?}");
    }
}
