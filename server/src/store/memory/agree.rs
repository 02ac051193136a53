//! Whether the store in memory does what SQLite does: the service's own statements, by their texts
//! and with random values, are carried out on both, in transactions that are committed or not, and
//! each must give the same rows and leave the same tables behind.
//!
//! What a column may hold is asked of SQLite; which column a value is for is read in the text.

use super::super::db::{Conn, Row, Value};
use super::super::{Store, StoreError};
use super::statement::{Statement as S, TEXTS};
use super::table::TABLES;
use super::{Memory, mix};
use crate::config::Database;
use sqlx::sqlite::SqliteColumn;
use sqlx::{AssertSqlSafe, Column as _, Row as _};
use std::collections::HashMap;
use std::path::Path;

/// Most statements of one transaction.
const STATEMENTS_MAX: u64 = 3;
/// Most rows of one statement.
const ROWS_MAX: u64 = 2;

/// Columns by table and name: whether they hold numbers, and whether they may hold nothing.
type Columns = HashMap<(String, String), (bool, bool)>;

/// A row as texts by column.
type Texts = Vec<(String, Option<String>)>;

/// Carries so many transactions out on both, in a new file. Gives how many statements there were.
pub(crate) async fn agree(seed: u64, path: &Path, transactions: u32) -> Result<u64, String> {
    let why = |error: &dyn std::fmt::Debug| format!("seed {seed}: {error:?}");
    let database = Database::Sqlite(path.to_owned());
    let sqlite = Store::open(&database).await.map_err(|error| why(&error))?;
    let memory = Memory::new(seed);
    let (store, _) = Store::in_memory(&memory);
    let columns = columns(&sqlite).await.map_err(|error| why(&error))?;
    let mut dice = Dice { random: seed, times: Vec::new() };
    let mut statements = 0;
    for _ in 0..transactions {
        let mut there = sqlite.begin().await.map_err(|error| why(&error))?;
        let mut here = store.begin().await.map_err(|error| why(&error))?;
        let mut may_commit = true;
        for _ in 0..=dice.below(STATEMENTS_MAX - 1) {
            let asked = Asked::draw(&columns, &mut dice);
            statements += 1;
            let Ok(wanted) = asked.carry_out(&mut there).await else {
                // A constraint that the service never meets; the whole transaction is undone.
                may_commit = false;
                break;
            };
            let got = asked.carry_out(&mut here).await.map_err(|error| why(&error))?;
            if !wanted.is_like(&got, asked.is_ordered()) {
                let came = format!("gives on SQLite {wanted:?}\nand in memory {got:?}");
                return Err(format!("seed {seed}: {asked:?}\n{came}"));
            }
        }
        if may_commit && dice.below(4) > 0 {
            there.commit().await.map_err(|error| why(&error))?;
            here.commit().await.map_err(|error| why(&error))?;
        } else {
            drop((there, here));
        }
        if let Some(differ) = differ(&sqlite, &memory).await.map_err(|error| why(&error))? {
            return Err(format!("seed {seed}: {differ}"));
        }
    }
    sqlite.close().await;
    Ok(statements)
}

async fn columns(sqlite: &Store) -> Result<Columns, StoreError> {
    let mut columns = HashMap::new();
    for (_, table, names) in TABLES {
        for column in *names {
            let sql = "select type, \"notnull\" as needed, pk from pragma_table_info($1)
                       where name = $2";
            let values = vec![(*table).into(), (*column).into()];
            let row = sqlite.reader().await?.fetch_one(sql, values).await?;
            let row = row.ok_or(StoreError::Corrupt("a column that SQLite has not"))?;
            let may_be_null = row.int("needed")? == 0 && row.int("pk")? == 0;
            let is_number = row.text("type")?.eq_ignore_ascii_case("bigint");
            let place = ((*table).to_owned(), (*column).to_owned());
            columns.insert(place, (is_number, may_be_null));
        }
    }
    Ok(columns)
}

/// The first table that is not the same on both.
async fn differ(sqlite: &Store, memory: &Memory) -> Result<Option<String>, StoreError> {
    let mut reader = sqlite.reader().await?;
    for (name, table, columns) in TABLES {
        let sql = format!("select {} from {table}", columns.join(", "));
        let rows = reader.fetch(AssertSqlSafe(sql), vec![]).await?;
        let mut there: Vec<Texts> = rows.iter().map(named_texts).collect();
        let mut here: Vec<Texts> = memory.shared().tables.whole_table(*name, columns);
        there.sort_unstable();
        here.sort_unstable();
        if there != here {
            let only = |of: &[Texts], other: &[Texts]| -> Vec<Texts> {
                of.iter().filter(|row| !other.contains(row)).cloned().collect()
            };
            let (there, here) = (only(&there, &here), only(&here, &there));
            return Ok(Some(format!("{table}: only SQLite has {there:#?}, only memory {here:#?}")));
        }
    }
    Ok(None)
}

/// All columns of a row, as texts.
fn named_texts(row: &Row) -> Texts {
    let row = match row {
        Row::Sqlite(row) => row,
        Row::Postgres(_) => return Vec::new(),
        Row::Direct(row) => return row.named_texts(),
        Row::Memory(row) => return row.named_texts(),
    };
    let text = |column: &SqliteColumn| match row.try_get(column.ordinal()) {
        Ok(text) => text,
        Err(_) => row.try_get::<i64, usize>(column.ordinal()).ok().map(|it| it.to_string()),
    };
    row.columns().iter().map(|column| (column.name().to_owned(), text(column))).collect()
}

/// Random numbers, and times that are never written twice, so that their order is certain.
struct Dice {
    random: u64,
    times: Vec<i64>,
}

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        mix(&mut self.random) % limit
    }

    fn pick<'p>(&mut self, of: &[&'p str]) -> &'p str {
        let place = self.below(of.len() as u64);
        usize::try_from(place).ok().and_then(|place| of.get(place)).copied().unwrap_or_default()
    }

    fn small(&mut self, limit: u64) -> i64 {
        self.below(limit).cast_signed()
    }

    /// A time; one that is compared was often written before.
    fn time(&mut self, is_written: bool) -> i64 {
        let known = self.times.len() as u64;
        if !is_written && known > 0 && self.below(2) == 0 {
            let place = usize::try_from(self.below(known)).unwrap_or(0);
            return self.times.get(place).copied().unwrap_or_default();
        }
        let time = self.small(1_000) * 100_000 + known.cast_signed();
        self.times.push(time);
        time
    }

    /// Something that can stand in a column.
    fn value(&mut self, column: &str, is_number: bool, is_written: bool) -> Value {
        if is_number {
            return Value::from(match column {
                "version" => 1 + self.small(3),
                "attempt_index" | "tries" | "run" | "runs" => self.small(4),
                // Never twice either.
                "refund_index" => self.time(true),
                column if column.ends_with("at") => self.time(is_written),
                _ => 1 + self.small(50),
            });
        }
        Value::from(self.pick(match column {
            "order_id" => &["", "A", "B", "C"],
            "lane" => &["gateway", "shop"],
            "kind" => &[
                "ship",
                "query",
                "place",
                "paid_twice",
                "unknown",
                "not_fetched",
                "refunded_elsewhere",
                "elsewhere_closed",
            ],
            "asked_by" => &["rule", "shop", "elsewhere"],
            "refund" => &["none", "due", "held", "open", "failed"],
            "state" => &[
                "pending",
                "leased",
                "done",
                "dead",
                "held",
                "waiting",
                "dispensing",
                "unfetched",
                "unconfirmed",
                "failed",
                "dismissed",
                "open",
                "sent",
            ],
            _ => &["p", "q", "r"],
        }))
    }
}

/// A statement with its values.
#[derive(Debug)]
struct Asked {
    statement: S,
    text: &'static str,
    rows: Vec<Vec<Value>>,
}

/// What it came to.
#[derive(Debug)]
struct Came {
    touched: Option<u64>,
    rows: Vec<Texts>,
}

impl Came {
    /// Whether the other one says the same of all columns that were asked for here.
    fn is_like(&self, other: &Self, is_ordered: bool) -> bool {
        let names: Vec<&str> =
            self.rows.iter().take(1).flatten().map(|(name, _)| &**name).collect();
        let asked_for = |row: &Texts| -> Texts {
            row.iter().filter(|(name, _)| names.contains(&&**name)).cloned().collect()
        };
        // Each side has its own order of columns.
        let told = |rows: &[Texts]| -> Vec<Texts> {
            let mut rows: Vec<Texts> = rows.iter().map(asked_for).collect();
            rows.iter_mut().for_each(|row| row.sort_unstable());
            if !is_ordered {
                rows.sort_unstable();
            }
            rows
        };
        self.touched == other.touched && told(&self.rows) == told(&other.rows)
    }
}

impl Asked {
    fn draw(columns: &Columns, dice: &mut Dice) -> Self {
        // Of the history nothing is kept in memory.
        let known: Vec<_> = TEXTS.iter().filter(|(it, _)| *it != S::InsertHistory).collect();
        let place = usize::try_from(dice.below(known.len() as u64)).unwrap_or(0);
        let (statement, text) = *known[place];
        let names = names(text);
        let rows = if key_of(text).is_some() || takes_rows(text) { ROWS_MAX } else { 1 };
        let rows = (0..=dice.below(rows)).map(|_| row(text, &names, columns, dice));
        let mut rows: Vec<Vec<Value>> = rows.collect();
        if !takes_rows(text) && key_of(text).is_none() {
            rows.truncate(1);
        }
        // What one statement is told twice of one row is the service's to avoid.
        rows.dedup_by_key(|row| row.iter().take(4).cloned().collect::<Vec<_>>());
        if rows.len() > 1 && takes_rows(text) && rows[0].first() == rows[1].first() {
            rows.truncate(1);
        }
        Self { statement, text, rows }
    }

    async fn carry_out(&self, conn: &mut Conn) -> Result<Came, StoreError> {
        let first = || self.rows.first().cloned().unwrap_or_default();
        if let Some((head, tail)) = self.text.split_once(" .. ") {
            let touched = conn.execute_rows(head, self.rows.clone(), tail).await?;
            return Ok(Came { touched: Some(touched), rows: Vec::new() });
        }
        let rows = if let Some(key) = key_of(self.text) {
            conn.fetch_all(self.text, key, self.rows.concat()).await?
        } else if self.text.starts_with("select") || self.text.starts_with("with") {
            conn.fetch(self.text, first()).await?
        } else {
            let touched = conn.execute(self.text, first()).await?;
            return Ok(Came { touched: Some(touched), rows: Vec::new() });
        };
        let rows = rows.iter().map(named_texts).collect();
        Ok(Came { touched: None, rows })
    }

    /// Whether the order of its rows is told.
    fn is_ordered(&self) -> bool {
        self.text.contains("order by") && self.statement != S::Claim
    }
}

fn takes_rows(text: &str) -> bool {
    text.contains(" .. ")
}

/// The table that a statement is about.
fn table_of(text: &str) -> &str {
    let after = |word: &str| text.split_once(word).and_then(|(_, rest)| rest.split(' ').next());
    let table = match text.split(' ').next() {
        Some("insert") => after("insert into "),
        Some("update") => after("update "),
        _ => after("from "),
    };
    table.unwrap_or_default()
}

/// By which column rows are picked whose keys are told in a list.
fn key_of(text: &str) -> Option<&'static str> {
    if !text.starts_with("select") || text.contains('$') || text.contains(" where ") {
        return None;
    }
    match table_of(text) {
        "orders" => Some("order_id"),
        "attempt" | "message" => Some("out_trade_no"),
        "payment" => Some("transaction_id"),
        "refund" => Some("out_refund_no"),
        "bill_difference" => Some("number"),
        _ => None,
    }
}

/// The columns that a statement's values are for, each with whether it is written, not compared.
fn names(text: &str) -> Vec<(String, bool)> {
    if let Some(key) = key_of(text) {
        return vec![(key.to_owned(), false)];
    }
    if text.starts_with("insert") {
        let columns = text.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let columns = columns.map_or("", |(columns, _)| columns).split(", ");
        return columns.map(|name| (name.to_owned(), true)).collect();
    }
    let words: Vec<&str> = text.split(' ').collect();
    let bare = |word: &str| word.trim_matches(['(', ')', ',']).to_owned();
    let ends_writing = words.iter().position(|word| *word == "where").unwrap_or(0);
    let mut names = Vec::new();
    loop {
        let number = names.len() + 1;
        let marks = [format!("${number}"), format!("v.column{number}")];
        let at = words.iter().position(|word| marks.contains(&bare(word)));
        let Some(at) = at else { return names };
        let word = |back: usize| at.checked_sub(back).map_or("", |at| words[at]);
        let column = match (words[at], word(1)) {
            (_, "limit") => "limit",
            // `(a, b) > ($1, $2)`: as far before the sign as behind it.
            (mark, ">") if mark.starts_with('(') => word(3),
            (_, before) if before.starts_with("($") => word(3),
            (_, "=" | "<>" | "<" | "<=" | ">" | ">=") => word(2),
            _ => "due_at",
        };
        let column = bare(column);
        let column = column.rsplit_once('.').map_or(column.as_str(), |(_, name)| name).to_owned();
        // What is compared is never null, wherever it is compared.
        let is_written = at < ends_writing && word(3) != "when";
        names.push((column, text.starts_with("update") && is_written));
    }
}

fn row(text: &str, names: &[(String, bool)], columns: &Columns, dice: &mut Dice) -> Vec<Value> {
    let table = table_of(text);
    let mut values = Vec::new();
    for (name, is_written) in names {
        let kind = columns.get(&(table.to_owned(), name.clone())).copied();
        let (is_number, may_be_null) = kind.unwrap_or((name == "limit", false));
        values.push(match (is_number, *is_written && may_be_null && dice.below(4) == 0) {
            (true, true) => Value::Int(None),
            (false, true) => Value::Text(None),
            // Those who are leased together come up together, and any may be taken first.
            _ if name == "limit" && text.starts_with("with") => Value::from(100_i64),
            _ => dice.value(name, is_number, *is_written),
        });
    }
    if text.starts_with("insert into attempt ")
        && let [number, order_id, index, ..] = values.as_mut_slice()
    {
        // As the service makes them: of order and place.
        *number = Value::from(format!("{order_id:?}-{index:?}"));
    }
    values
}
