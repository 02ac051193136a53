//! The limit of PostgreSQL: the rows that a notification writes, in batches, one statement for each
//! table of a batch, over as many connections as the server writes with; nothing is read.

use crate::machine::now;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::spawn_local;

/// The tables that a notification writes to, and which rows of an order that is shipped those are.
const WRITTEN: [(&str, &str); 5] = [
    ("orders", "true"),
    ("payment", "true"),
    ("message", "true"),
    ("outbox", "kind = 'ship'"),
    ("history", "kind = 'event' and lower(name) like '%paid%'"),
];
/// Batches that are made before the time is taken, for each connection.
const BATCHES: u64 = 400;

/// A table with the rows that are written for one notification.
struct Table {
    insert: String,
    /// Column by column, row after row; `Err` is a number.
    columns: Vec<Vec<Result<Option<String>, Option<i64>>>>,
}

/// Notifications a second, at the faster of the two: few connections with large batches, or more
/// with smaller ones.
pub(crate) async fn measure(url: &str, order_id: &str, payment: &str, time: Duration) -> u64 {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let mut tables = Vec::new();
    for (name, is_written) in WRITTEN {
        tables.push(table(&mut connection, name, is_written, order_id).await);
    }
    let tables = Rc::new(tables);
    let mut best = 0;
    for (round, (connections, batch)) in [(1, 64), (2, 32), (4, 16)].into_iter().enumerate() {
        let mut tasks = Vec::new();
        for at in 0..connections {
            let connection = PgConnection::connect(url).await.expect("a connection");
            let from = (round as u64 * 10 + at) * BATCHES * 64;
            let made = batches(&tables, (order_id, payment), from, batch);
            tasks.push((connection, made));
        }
        let start = now();
        let insert =
            |(connection, made)| spawn_local(write(connection, Rc::clone(&tables), made, time));
        let tasks: Vec<_> = tasks.into_iter().map(insert).collect();
        let mut written = 0;
        for task in tasks {
            written += task.await.expect("a connection ends well") * batch;
        }
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        best = best.max(written * 1_000_000 / micros);
    }
    for (name, _) in WRITTEN {
        let drop = format!("drop table bare_{name}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.expect("it goes");
    }
    best
}

/// Makes an empty table like the server's, and reads what one notification writes to it.
async fn table(of: &mut PgConnection, name: &str, is_written: &str, order_id: &str) -> Table {
    let make = format!("create table bare_{name} (like {name} including all)");
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut *of).await.expect("a table");
    let sql = "select column_name::text, data_type::text from information_schema.columns
         where table_schema = 'public' and table_name = $1 and column_name <> 'id'
         order by ordinal_position";
    let columns = sqlx::query(sql).bind(name).fetch_all(&mut *of).await.expect("columns");
    let columns: Vec<(String, bool)> =
        columns.iter().map(|row| (row.get(0), row.get::<String, _>(1) == "text")).collect();
    let key = if name == "message" { "out_trade_no" } else { "order_id" };
    let sql = format!("select * from {name} where {key} like '{order_id}%' and {is_written}");
    let query = sqlx::query(AssertSqlSafe(sql));
    let rows = query.fetch_all(of).await.expect("rows");
    assert!(!rows.is_empty(), "a notification writes to {name}");
    let value = |row: &sqlx::postgres::PgRow, (column, is_text): &(String, bool)| {
        if *is_text { Ok(row.get(column.as_str())) } else { Err(row.get(column.as_str())) }
    };
    let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let arrays: Vec<_> = columns
        .iter()
        .zip(1..)
        .map(|((_, is_text), at)| format!("${at}::{}[]", if *is_text { "text" } else { "bigint" }))
        .collect();
    let (names, arrays) = (names.join(", "), arrays.join(", "));
    let insert = format!("insert into bare_{name} ({names}) select * from unnest({arrays})");
    let all = |column| rows.iter().map(|row| value(row, column)).collect();
    Table { insert, columns: columns.iter().map(all).collect() }
}

/// What is bound for one table: a list for each column.
enum Column {
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
}

type Batch = Vec<Vec<Column>>;

/// The same rows again and again, under other numbers.
fn batches(tables: &[Table], of: (&str, &str), from: u64, batch: u64) -> Vec<Batch> {
    (0..BATCHES)
        .map(|at| {
            let numbers = from + at * batch..from + (at + 1) * batch;
            let column = |values: &Vec<Result<Option<String>, Option<i64>>>| {
                many(values, of, numbers.clone())
            };
            tables.iter().map(|table| table.columns.iter().map(column).collect()).collect()
        })
        .collect()
}

fn many(
    values: &[Result<Option<String>, Option<i64>>],
    (order_id, payment): (&str, &str),
    numbers: std::ops::Range<u64>,
) -> Column {
    if let Some(Err(_)) = values.first() {
        let number = |value: &Result<_, Option<i64>>| value.as_ref().err().copied().flatten();
        return Column::Numbers(numbers.flat_map(|_| values.iter().map(number)).collect());
    }
    let text = |n: u64, value: &Result<Option<String>, _>| {
        let text = value.as_ref().ok()?.as_ref()?;
        let (new_id, new_payment) = (format!("{}{n:08}", &order_id[..14]), format!("{n:028}"));
        let text = text.replace(order_id, &new_id).replace(payment, &new_payment);
        // The shop's own number is a key as well.
        Some(if text.starts_with("ACK") { format!("{text}-{n}") } else { text })
    };
    Column::Texts(numbers.flat_map(|n| values.iter().map(move |value| text(n, value))).collect())
}

/// Writes batch after batch, each in a transaction of its own; gives how many.
async fn write(
    mut connection: PgConnection,
    tables: Rc<Vec<Table>>,
    batches: Vec<Batch>,
    time: Duration,
) -> u64 {
    let start = now();
    let mut written = 0;
    for batch in batches {
        if start.elapsed() > time {
            break;
        }
        let mut transaction = connection.begin().await.expect("a transaction");
        for (table, columns) in tables.iter().zip(batch) {
            let query = sqlx::query(AssertSqlSafe(table.insert.clone()));
            let query = columns.into_iter().fold(query, |query, column| match column {
                Column::Texts(texts) => query.bind(texts),
                Column::Numbers(numbers) => query.bind(numbers),
            });
            query.execute(&mut *transaction).await.expect("rows");
        }
        transaction.commit().await.expect("a commit");
        written += 1;
    }
    written
}
