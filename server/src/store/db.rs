//! The narrow waist between the store and its two databases: SQL text and values in, rows out.
//!
//! Only texts and whole numbers are stored, and `$1` marks a value on both, so nearly every
//! statement exists once. Where one cannot, [`Conn::dialect`] tells which database it is.

use super::StoreError;
use super::direct::{Reader, Turn};
use super::line::PgLine;
pub(crate) use super::row::Row;
pub(crate) use super::value::Value;
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Database, Encode, Postgres, SqlSafeStr, Sqlite, Transaction, Type};
use std::fmt::Write as _;
use std::time::Duration;

/// Most rows of one statement; a power of two.
const ROWS_MAX: usize = 64;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// One file, one process.
    Sqlite,
    /// A server that several processes share.
    Postgres,
}

/// A connection, alone or in a transaction. Dropped, an open transaction never happened.
#[derive(Debug)]
pub(crate) struct Conn {
    line: Line,
    /// While a connection of the pool writes on SQLite; given back after it.
    _turn: Option<Turn>,
    failure: Option<StoreError>,
}

#[derive(Debug)]
pub(super) enum Line {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTx(Transaction<'static, Sqlite>),
    /// A transaction that has written nothing yet: what it reads, it reads beside the one that
    /// writes, and it waits for its turn when it writes itself.
    SqliteLate(Reader),
    /// The same once it writes.
    SqliteTurn(Turn),
    Postgres(PgLine),
    #[cfg(feature = "simulation")]
    Memory(super::memory::Session),
}

impl From<Line> for Conn {
    fn from(line: Line) -> Self {
        Self { line, _turn: None, failure: None }
    }
}

fn bound<'q, DB: Database>(sql: impl SqlSafeStr, values: Vec<Value>) -> Query<'q, DB, DB::Arguments>
where
    for<'t> Option<i64>: Encode<'t, DB> + Type<DB>,
    for<'t> Option<String>: Encode<'t, DB> + Type<DB>,
{
    and_bound(sqlx::query(sql), values)
}

/// Binds what its later marks stand for.
fn and_bound<'q, DB: Database>(
    query: Query<'q, DB, DB::Arguments>,
    values: Vec<Value>,
) -> Query<'q, DB, DB::Arguments>
where
    for<'t> Option<i64>: Encode<'t, DB> + Type<DB>,
    for<'t> Option<String>: Encode<'t, DB> + Type<DB>,
{
    values.into_iter().fold(query, |query, value| match value {
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
    })
}

impl Conn {
    /// A line that writes on SQLite beside those that are called directly.
    pub(super) fn in_turn(line: Line, turn: Turn) -> Self {
        Self { line, _turn: Some(turn), failure: None }
    }

    /// The same, but PostgreSQL's answers may take so long; `None`: as long as they like. SQLite's
    /// come from this machine.
    pub(crate) fn within(mut self, within: Option<Duration>) -> Self {
        if let Line::Postgres(line) = &mut self.line {
            line.within(within);
        }
        self
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.line {
            Line::Sqlite(_) | Line::SqliteTx(_) | Line::SqliteLate(_) | Line::SqliteTurn(_) => {
                Dialect::Sqlite
            }
            Line::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "simulation")]
            Line::Memory(_) => Dialect::Sqlite,
        }
    }

    /// Whether every statement so far went well. After a failure nothing more can be done in a
    /// transaction.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Remembers a failure.
    fn end<T>(&mut self, result: Result<T, impl Into<StoreError>>) -> Result<T, StoreError> {
        result.map_err(|error| {
            let error = error.into();
            self.failure = Some(error.clone());
            error
        })
    }

    /// Waits for SQLite's one writer, if this is a transaction that has not begun to write.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        if let Line::SqliteLate(reader) = &self.line {
            let direct = reader.direct();
            let turn = direct.turn().await.and_then(Turn::begun);
            self.line = Line::SqliteTurn(self.end(turn)?);
        }
        Ok(())
    }

    /// The rows that a statement gives.
    pub(crate) async fn fetch(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        fn rows<R>(rows: Vec<R>, row: fn(R) -> Row) -> Vec<Row> {
            rows.into_iter().map(row).collect()
        }
        let sql = sql.into_sql_str();
        #[cfg(test)]
        super::plans::look_at(sql.as_str()).await;
        if !sql.as_str().starts_with("select ") {
            self.begin().await?;
        }
        let result = match &mut self.line {
            Line::SqliteLate(conn) => {
                let found = conn.fetch(sql.as_str(), &values);
                return self.end(found);
            }
            Line::SqliteTurn(conn) => {
                let found = conn.fetch(sql.as_str(), &values);
                return self.end(found);
            }
            Line::Sqlite(conn) => {
                let found = bound::<Sqlite>(sql, values).fetch_all(&mut **conn).await;
                found.map(|found| rows(found, Row::Sqlite))
            }
            Line::SqliteTx(conn) => {
                let found = bound::<Sqlite>(sql, values).fetch_all(&mut **conn).await;
                found.map(|found| rows(found, Row::Sqlite))
            }
            Line::Postgres(line) => {
                let found = line.fetch(bound::<Postgres>(sql, values)).await;
                found.map(|found| rows(found, Row::Postgres))
            }
            #[cfg(feature = "simulation")]
            Line::Memory(conn) => {
                let found = conn.fetch(sql.as_str(), &values).await;
                found.map(|found| rows(found, Row::Memory))
            }
        };
        self.end(result)
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_one(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch(sql, values).await?.into_iter().next())
    }

    /// The rows whose `key` is one of these; `select` ends before its `where`.
    pub(crate) async fn fetch_all(
        &mut self,
        select: &str,
        key: &str,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        #[cfg(feature = "simulation")]
        if let Line::Memory(conn) = &self.line {
            let found = conn.fetch_all(select, &keys).await;
            return self.end(found.map(|rows| rows.into_iter().map(Row::Memory).collect()));
        }
        if self.dialect() == Dialect::Postgres && !keys.is_empty() {
            return self.fetch_listed(select, key, keys).await;
        }
        let mut found = Vec::new();
        for keys in keys.chunks(ROWS_MAX) {
            // A key that is there twice is looked up once, so one statement does for many sizes.
            let size = keys.len().next_power_of_two();
            let last = keys.last().into_iter().cycle();
            let keys: Vec<Value> = keys.iter().chain(last).take(size).cloned().collect();
            let sql = format!("{select} where {key} in {}", marks(1, keys.len()));
            found.extend(self.fetch(AssertSqlSafe(sql), keys).await?);
        }
        Ok(found)
    }

    /// The same on PostgreSQL, which takes the keys as a list. Of a list it cannot tell which
    /// months it needs, so it is told between which keys it lies, byte by byte as months are.
    async fn fetch_listed(
        &mut self,
        select: &str,
        key: &str,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let bounds = ends(keys.iter());
        let keys = turned(keys.into_iter().map(|key| vec![key]).collect())?;
        let sql =
            format!("{select} where {key} = any($1) and {key} collate \"C\" between $2 and $3");
        let query = and_bound(bound_lists(AssertSqlSafe(sql), keys), bounds);
        let result = match &mut self.line {
            Line::Postgres(line) => line.fetch(query).await,
            Line::Sqlite(_) | Line::SqliteTx(_) | Line::SqliteLate(_) | Line::SqliteTurn(_) => {
                Ok(Vec::new())
            }
            #[cfg(feature = "simulation")]
            Line::Memory(_) => Ok(Vec::new()),
        };
        self.end(result.map(|rows| rows.into_iter().map(Row::Postgres).collect()))
    }

    /// Carries a statement out and gives the number of rows that it touched.
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        self.begin().await?;
        let sql = sql.into_sql_str();
        #[cfg(test)]
        super::plans::look_at(sql.as_str()).await;
        let result = match &mut self.line {
            // One that has not begun to write has begun now.
            Line::SqliteLate(_) => Err(sqlx::Error::PoolClosed),
            Line::SqliteTurn(conn) => {
                let done = conn.execute(sql.as_str(), &values);
                return self.end(done);
            }
            Line::Sqlite(conn) => {
                let done = bound::<Sqlite>(sql, values).execute(&mut **conn).await;
                done.map(|done| done.rows_affected())
            }
            Line::SqliteTx(conn) => {
                let done = bound::<Sqlite>(sql, values).execute(&mut **conn).await;
                done.map(|done| done.rows_affected())
            }
            Line::Postgres(line) => line.execute(bound::<Postgres>(sql, values)).await,
            #[cfg(feature = "simulation")]
            Line::Memory(conn) => conn.execute(sql.as_str(), "", vec![values]).await,
        };
        self.end(result)
    }

    /// Carries a statement out once for many rows: `head`, which ends with `values`, and `tail`
    /// stand before and after the list `(?, ?), (?, ?)`, whose columns are called `column1`,
    /// `column2` and so on.
    pub(crate) async fn execute_rows(
        &mut self,
        head: &str,
        rows: Vec<Vec<Value>>,
        tail: &str,
    ) -> Result<u64, StoreError> {
        #[cfg(feature = "simulation")]
        if let Line::Memory(conn) = &self.line {
            let done = conn.execute(head, tail, rows).await;
            return self.end(done);
        }
        if self.dialect() == Dialect::Postgres && !rows.is_empty() {
            return self.execute_lists(head, turned(rows)?, tail, vec![]).await;
        }
        // Nothing follows a statement that has failed, so SQLite need not keep what it would need
        // to undo one alone.
        let head = head.replacen("insert into ", "insert or fail into ", 1);
        let head = head.replacen("update ", "update or fail ", 1);
        let mut touched = 0;
        for rows in chunks(rows) {
            let columns = rows.first().map_or(0, Vec::len);
            let sql = format!("{head} {} {tail}", marks(rows.len(), columns));
            let values = rows.into_iter().flatten().collect();
            touched += self.execute(AssertSqlSafe(sql), values).await?;
        }
        Ok(touched)
    }

    /// As [`execute_rows`](Self::execute_rows) for an update whose `tail` compares `key` with the
    /// rows' first values. PostgreSQL plans such a comparison for all months there are, unless it
    /// is told between which keys they lie.
    pub(crate) async fn update_rows(
        &mut self,
        head: &str,
        rows: Vec<Vec<Value>>,
        tail: &str,
        key: &str,
    ) -> Result<u64, StoreError> {
        if self.dialect() == Dialect::Sqlite || rows.is_empty() {
            return self.execute_rows(head, rows, tail).await;
        }
        let columns = rows.first().map_or(0, Vec::len);
        let bounds = ends(rows.iter().filter_map(|row| row.first()));
        let tail = format!("{tail} and {key} between ${} and ${}", columns + 1, columns + 2);
        self.execute_lists(head, turned(rows)?, &tail, bounds).await
    }

    /// The same on PostgreSQL, which takes a list for each column: the statement is the same for
    /// any number of rows, and it has few values. What `tail` marks follows the lists.
    async fn execute_lists(
        &mut self,
        head: &str,
        lists: Vec<List>,
        tail: &str,
        more: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let head = head.trim_end().strip_suffix("values").unwrap_or(head);
        let sql = AssertSqlSafe(format!("{head} select * from {} {tail}", unnest(&lists)));
        let query = and_bound(bound_lists(sql, lists), more);
        let result = match &mut self.line {
            Line::Postgres(line) => line.execute(query).await,
            Line::Sqlite(_) | Line::SqliteTx(_) | Line::SqliteLate(_) | Line::SqliteTurn(_) => {
                return Ok(0);
            }
            #[cfg(feature = "simulation")]
            Line::Memory(_) => return Ok(0),
        };
        self.end(result)
    }

    /// Makes a transaction happen; outside of one there is nothing to do.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.line {
            Line::SqliteTx(tx) => tx.commit().await?,
            Line::Postgres(line) => line.commit().await?,
            Line::SqliteTurn(turn) => turn.commit()?,
            Line::Sqlite(_) | Line::SqliteLate(_) => {}
            #[cfg(feature = "simulation")]
            Line::Memory(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// A column of many rows.
#[derive(Debug, PartialEq, Eq)]
enum List {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
}

impl List {
    fn push(&mut self, value: Value) -> Result<(), StoreError> {
        match (self, value) {
            (Self::Ints(list), Value::Int(number)) => list.push(number),
            (Self::Texts(list), Value::Text(text)) => list.push(text),
            (Self::Ints(_), Value::Text(_)) | (Self::Texts(_), Value::Int(_)) => {
                return Err(StoreError::Corrupt("column"));
            }
        }
        Ok(())
    }
}

/// The first and the last of keys as they are ordered.
fn ends<'v>(keys: impl Iterator<Item = &'v Value> + Clone) -> Vec<Value> {
    [keys.clone().min(), keys.max()].into_iter().flatten().cloned().collect()
}

/// Rows as columns.
fn turned(rows: Vec<Vec<Value>>) -> Result<Vec<List>, StoreError> {
    let count = rows.len();
    let list = |value: &Value| match value {
        Value::Int(_) => List::Ints(Vec::with_capacity(count)),
        Value::Text(_) => List::Texts(Vec::with_capacity(count)),
    };
    let mut lists: Vec<List> = rows.first().into_iter().flatten().map(list).collect();
    for row in rows {
        lists.iter_mut().zip(row).try_for_each(|(list, value)| list.push(value))?;
    }
    Ok(lists)
}

fn bound_lists<'q>(
    sql: impl SqlSafeStr,
    lists: Vec<List>,
) -> Query<'q, Postgres, <Postgres as Database>::Arguments> {
    lists.into_iter().fold(sqlx::query(sql), |query, list| match list {
        List::Ints(list) => query.bind(list),
        List::Texts(list) => query.bind(list),
    })
}

/// `unnest($1::text[], $2::bigint[]) as list (column1, column2)`
fn unnest(lists: &[List]) -> String {
    let (mut markers, mut names) = (String::new(), String::new());
    for (at, list) in (1..).zip(lists) {
        let comma = if at == 1 { "" } else { ", " };
        let kind = if matches!(list, List::Ints(_)) { "bigint" } else { "text" };
        // Writing to a text cannot fail.
        let _ = write!(markers, "{comma}${at}::{kind}[]");
        let _ = write!(names, "{comma}column{at}");
    }
    format!("unnest({markers}) as list ({names})")
}

/// Pieces of 64, 32, 16, 8, 4, 2, 1 rows, so that few different statements are prepared.
fn chunks<T>(mut rows: Vec<T>) -> Vec<Vec<T>> {
    let mut pieces = Vec::new();
    while !rows.is_empty() {
        let largest = 1 << rows.len().ilog2();
        let rest = rows.split_off(ROWS_MAX.min(largest));
        pieces.push(std::mem::replace(&mut rows, rest));
    }
    pieces
}

/// `(?, ?), (?, ?)`: for SQLite a `$1` is a name, and it looks for each name among all of them.
fn marks(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_in_pieces_of_few_sizes() {
        let sizes =
            |rows: usize| -> Vec<usize> { chunks(vec![0; rows]).iter().map(Vec::len).collect() };
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(13), [8, 4, 1]);
        assert_eq!(sizes(200), [64, 64, 64, 8]);
        assert_eq!(chunks(vec![1, 2, 3]), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn rows_are_turned_into_columns_of_one_kind() {
        let lists = turned(vec![vec![1_i64.into(), "a".into()], vec![2_i64.into(), "b".into()]]);
        let lists = lists.unwrap();
        let texts = vec![Some("a".to_owned()), Some("b".to_owned())];
        assert_eq!(lists, [List::Ints(vec![Some(1), Some(2)]), List::Texts(texts)]);
        let sql = "unnest($1::bigint[], $2::text[]) as list (column1, column2)";
        assert_eq!(unnest(&lists), sql);
        assert!(turned(vec![vec![1_i64.into()], vec!["a".into()]]).is_err());
    }

    #[test]
    fn there_is_a_mark_for_each_value() {
        assert_eq!(marks(1, 3), "(?, ?, ?)");
        assert_eq!(marks(2, 2), "(?, ?), (?, ?)");
    }
}
