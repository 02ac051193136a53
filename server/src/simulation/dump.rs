//! The tables, for whoever judges.

use super::{Base, Memory};
use crate::config::Database;
use crate::store::Store;
use crate::store::db::Value;
use std::collections::BTreeMap;

/// Columns that whoever judges wants to see.
const TABLES: [(&str, &[&str]); 7] = [
    ("orders", &["order_id", "phase", "due_at"]),
    (
        "payment",
        &["transaction_id", "out_trade_no", "order_id", "total_fee_fen", "paid_at", "verdict"],
    ),
    ("anomaly", &["kind", "transaction_id", "out_trade_no", "order_id", "paid_fen", "refund"]),
    (
        "refund",
        &[
            "out_refund_no",
            "transaction_id",
            "out_trade_no",
            "total_fen",
            "part_fen",
            "asked_by",
            "refund_no",
            "state",
            "trouble",
        ],
    ),
    ("outbox", &["key", "state", "tries", "last_error"]),
    (
        "bill_day",
        &[
            "bill_date",
            "state",
            "due_at",
            "last_error",
            "payments_there_count",
            "payments_there_fen",
            "payments_here_count",
            "payments_here_fen",
            "payments_others_count",
            "payments_others_fen",
            "refunds_there_count",
            "refunds_there_fen",
            "refunds_here_count",
            "refunds_here_fen",
            "refunds_others_count",
            "refunds_others_fen",
        ],
    ),
    (
        "bill_difference",
        &[
            "bill_date",
            "kind",
            "number",
            "out_trade_no",
            "there_fen",
            "here_fen",
            "state",
            "why",
            "note",
            "due_at",
        ],
    ),
];

impl Base {
    /// All rows of `orders`, `payment`, `anomaly`, `refund`, `outbox`, `bill_day` or
    /// `bill_difference`, as texts by column.
    pub async fn dump(&self, table: &str) -> Vec<BTreeMap<&'static str, String>> {
        let path = match self {
            Self::Memory(memory) => return memory.dump(table),
            Self::Sqlite(path) => path,
        };
        let columns = TABLES.iter().find(|(name, _)| *name == table).map_or(&[][..], |it| it.1);
        let cast = |name: &&str| format!("cast(coalesce({name}, '') as text) as {name}");
        let cast: Vec<String> = columns.iter().map(cast).collect();
        let sql = format!("select {} from {table}", cast.join(", "));
        let Ok(store) = Store::open(&Database::Sqlite(path.clone())).await else {
            return Vec::new();
        };
        let Ok(mut reader) = store.reader().await else { return Vec::new() };
        let rows = reader.fetch(sqlx::AssertSqlSafe(sql), vec![]).await.unwrap_or_default();
        let text = |row: &crate::store::Row, name: &&'static str| {
            (*name, row.text(name).unwrap_or_default())
        };
        rows.iter().map(|row| columns.iter().map(|name| text(row, name)).collect()).collect()
    }
}

impl Memory {
    /// All refunds: whose each is, and how far.
    #[must_use]
    pub fn refunds(&self) -> Vec<BTreeMap<&'static str, String>> {
        self.dump("refund")
    }

    /// All anomalies.
    #[must_use]
    pub fn anomalies(&self) -> Vec<BTreeMap<&'static str, String>> {
        self.dump("anomaly")
    }

    fn dump(&self, table: &str) -> Vec<BTreeMap<&'static str, String>> {
        let columns = TABLES.iter().find(|(name, _)| *name == table).map_or(&[][..], |it| it.1);
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone().unwrap_or_default(),
            Value::Int(number) => number.map(|number| number.to_string()).unwrap_or_default(),
        };
        let rows = self.rows(table, columns).into_iter();
        rows.map(|row| columns.iter().copied().zip(row.iter().map(text)).collect()).collect()
    }
}
