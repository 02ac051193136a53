//! Many orders in the database, fast: one that the server itself has made and brought to where it
//! is wanted, copied row by row under other numbers by SQL. So the rows are what the server writes,
//! whatever its tables look like.

use crate::database::Database;
use crate::load::Line;
use crate::place::{Kind, Place};
use crate::requests::{notice, order, transaction_id};
use saoma_core::sign::ApiKey;
use std::time::Duration;

/// Tables that hold nothing of an order.
const OTHER_TABLES: [&str; 4] = ["setting", "api_key", "session", "_sqlx_migrations"];
/// Orders that are copied by one statement.
const CHUNK: u64 = 50_000;
/// Seconds between two stored orders: about ten thousand a day.
const STORED_GAP_S: u64 = 8;
/// Stored orders are paid by transactions from here on.
const STORED_FROM: u64 = 1_000_000_000;
/// The transactions that pay the patterns themselves end here.
const PATTERN_PAYMENTS: u64 = 999_999_999;

/// An order to be copied.
pub(crate) struct Pattern {
    pub(crate) order_id: String,
    order_no: String,
    /// The transaction that pays it.
    pub(crate) payment: String,
}

impl Pattern {
    /// Makes the `n`-th of its database through the server, and waits for its code.
    pub(crate) async fn open(place: &Place, order_no: &str, n: u64) -> Self {
        let mut line = Line::open(place.address()).await.expect("a line");
        let request = place.shop_post("/v1/orders", &order(order_no));
        let answer = line.call(request.as_bytes()).await.expect("an answer");
        let id = answer.split("\"order_id\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let order_id = id.unwrap_or_else(|| panic!("no order: {answer}")).to_owned();
        let payment = transaction_id(PATTERN_PAYMENTS - n);
        let pattern = Self { order_id, order_no: order_no.to_owned(), payment };
        pattern.until(place, "open").await;
        pattern
    }

    /// Pays it and waits until it is shipped.
    pub(crate) async fn ship(&self, place: &Place) {
        let key = ApiKey::new(&place.merchant_key).expect("a key");
        let xml = notice(&key, &self.order_id, &self.payment);
        let mut line = Line::open(place.address()).await.expect("a line");
        let request = crate::load::post("/wx/v2/notify", "content-type: text/xml\r\n", &xml);
        let answer = line.call(request.as_bytes()).await.expect("an answer");
        assert!(answer.contains("SUCCESS"), "{answer}");
        self.until(place, "shipped").await;
    }

    async fn until(&self, place: &Place, phase: &str) {
        let mut line = Line::open(place.address()).await.expect("a line");
        let request = place.shop_get(&format!("/v1/orders/{}", self.order_id));
        let wanted = format!("\"phase\":\"{phase}\"");
        for _ in 0..200 {
            let answer = line.call(request.as_bytes()).await.expect("an answer");
            if answer.contains(&wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the pattern never became {phase}: {:#?}", place.last_lines());
    }

    /// Copies it so many times as orders that wait for their payment, all of this minute. Gives
    /// their ids and the numbers of the transactions that may pay them.
    pub(crate) async fn copy_open(
        &self,
        into: &mut Database,
        from: u64,
        count: u64,
    ) -> Vec<(String, u64)> {
        let copy = Copy { pattern: self, from, count, stored: None };
        copy.run(into).await;
        // Time has nothing to do with them for the next hour, so that nothing but what is measured
        // happens.
        let id = copy.new_id_prefix();
        let far = "update orders set due_at = expires_at where due_at is not null and order_id";
        into.execute(format!("{far} like '{id}%'")).await;
        (from..from + count).map(|number| (copy.new_id(number), number)).collect()
    }

    /// Copies it so many times as orders of the past, one each eight seconds, of which there are to
    /// be `all`. Later ones have higher numbers, as they come in a shop.
    pub(crate) async fn copy_stored(&self, into: &mut Database, from: u64, count: u64, all: u64) {
        Copy { pattern: self, from, count, stored: Some(all) }.run(into).await;
    }
}

struct Copy<'a> {
    pattern: &'a Pattern,
    from: u64,
    count: u64,
    /// Of the past, each of its own time: how many there are to be.
    stored: Option<u64>,
}

struct Column {
    name: String,
    is_text: bool,
}

impl Copy<'_> {
    /// The date and time of the pattern, or, for orders of the past, an expression.
    fn new_id_prefix(&self) -> String {
        self.pattern.order_id.get(..14).unwrap_or_default().to_owned()
    }

    /// The id of an order that is not of the past: date and time and eight digits.
    fn new_id(&self, number: u64) -> String {
        format!("{}{number:08}", self.new_id_prefix())
    }

    async fn run(&self, into: &mut Database) {
        for table in tables(into).await {
            self.table(into, &table).await;
        }
    }

    async fn table(&self, into: &mut Database, table: &str) {
        let columns = columns(into, table).await;
        let Pattern { order_id: id, payment, .. } = self.pattern;
        let is_its = columns
            .iter()
            .filter(|column| column.is_text)
            .map(|Column { name, .. }| format!("{name} like '%{id}%' or {name} like '%{payment}%'"))
            .collect::<Vec<_>>()
            .join(" or ");
        if is_its.is_empty() {
            return;
        }
        into.execute("drop table if exists pattern".to_owned()).await;
        let pattern = format!("create temporary table pattern as select * from {table}");
        into.execute(format!("{pattern} where {is_its}")).await;
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let values: Vec<_> = columns.iter().map(|column| self.value(into.kind(), column)).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        let mut from = self.from;
        let end = self.from + self.count;
        while from < end {
            let to = end.min(from + CHUNK);
            let numbers = numbers(into.kind(), from, to);
            into.execute(format!(
                "insert into {table} ({names}) select {values}
                 from ({numbers}) as numbers cross join pattern order by n"
            ))
            .await;
            from = to;
        }
    }

    /// What stands in a column of the copy of number `n`.
    fn value(&self, kind: Kind, column: &Column) -> String {
        let Column { name, is_text } = column;
        if name == "digest" {
            // As random as a digest, and in order, so that the index is filled from one end.
            return match kind {
                Kind::Sqlite => "printf('%016x', n * 3000000000000) || hex(randomblob(24))".into(),
                Kind::Postgres => "lpad(to_hex(n * 3000000000000), 16, '0')
                     || md5(n::text) || md5((n + 1)::text)::char(16)"
                    .into(),
            };
        }
        if *is_text {
            let Pattern { order_id, order_no, payment: old_payment } = self.pattern;
            let (new_id, payment) =
                (self.sql_id(kind), sql_number(kind, "420000", 22, STORED_FROM));
            let new_no = sql_number(kind, &format!("{order_no}-"), 8, 0);
            return format!(
                "replace(replace(replace({name}, '{order_id}', {new_id}), '{order_no}', {new_no}),
                     '{old_payment}', {payment})"
            );
        }
        match self.stored {
            Some(all) if name.ends_with("_at") => format!("{name} - {STORED_GAP_S} * ({all} - n)"),
            _ => name.clone(),
        }
    }

    /// The new order's id, as an expression over `n`.
    fn sql_id(&self, kind: Kind) -> String {
        let prefix = self.new_id_prefix();
        let Some(all) = self.stored else { return sql_number(kind, &prefix, 8, 0) };
        let [year, month, day, hour, minute, second] =
            [(0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14)]
                .map(|(from, to)| prefix.get(from..to).unwrap_or_default());
        let time = format!("{year}-{month}-{day} {hour}:{minute}:{second}");
        let number = sql_number(kind, "", 8, 0);
        match kind {
            Kind::Sqlite => format!(
                "strftime('%Y%m%d%H%M%S', unixepoch('{time}') - {STORED_GAP_S} * ({all} - n),
                     'unixepoch')
                 || {number}"
            ),
            Kind::Postgres => format!(
                "to_char(timestamp '{time}' - ({all} - n) * interval '{STORED_GAP_S} s',
                     'YYYYMMDDHH24MISS')
                 || {number}"
            ),
        }
    }
}

/// `prefix` and `n + from`, with so many digits.
fn sql_number(kind: Kind, prefix: &str, digits: u32, from: u64) -> String {
    match kind {
        Kind::Sqlite => format!("'{prefix}' || printf('%0{digits}d', n + {from})"),
        Kind::Postgres => format!("'{prefix}' || lpad((n + {from})::text, {digits}, '0')"),
    }
}

fn numbers(kind: Kind, from: u64, to: u64) -> String {
    let last = to - 1;
    match kind {
        Kind::Sqlite => format!(
            "with recursive numbers(n) as
                 (select {from} union all select n + 1 from numbers where n < {last})
             select n from numbers"
        ),
        Kind::Postgres => format!("select n from generate_series({from}::bigint, {last}) as n"),
    }
}

/// The tables that may hold something of an order, those first that others refer to.
async fn tables(of: &mut Database) -> Vec<String> {
    let sql = match of.kind() {
        Kind::Sqlite => {
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
        }
        Kind::Postgres => {
            "select relname::text from pg_class
             where relkind in ('r', 'p') and not relispartition
               and relnamespace = 'public'::regnamespace"
        }
    };
    let mut tables = of.texts(sql).await;
    tables.retain(|table| !OTHER_TABLES.contains(&table.as_str()));
    tables.sort_by_key(|table| table != "orders");
    tables
}

async fn columns(of: &mut Database, table: &str) -> Vec<Column> {
    let sql = match of.kind() {
        Kind::Sqlite => {
            format!("select name || ' ' || lower(type) from pragma_table_info('{table}')")
        }
        Kind::Postgres => format!(
            "select column_name || ' ' || data_type from information_schema.columns
             where table_schema = 'public' and table_name = '{table}' order by ordinal_position"
        ),
    };
    let column = |text: String| {
        let (name, kind) = text.split_once(' ')?;
        Some(Column { name: name.to_owned(), is_text: kind == "text" })
    };
    let columns = of.texts(&sql).await.into_iter().filter_map(column);
    // The database counts the lines of the history itself.
    columns.filter(|column| column.name != "id").collect()
}
