//! Lists that people look at.

use super::super::db::Value;
use super::table::{ANOMALY, Cells, Name, ORDERS, OUTBOX, Tables, at, int, text};
use super::{Memory, Row};
use std::cmp::Reverse;
use std::sync::Arc;

/// What a shop reads of an anomaly: all of it, and what its order says.
const TOLD: &[&str] = &[
    "kind",
    "transaction_id",
    "mch_id",
    "out_trade_no",
    "order_id",
    "paid_fen",
    "refund",
    "noticed_at",
    "order_no",
    "amount_fen",
];

/// An entry of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its order; '' for a payment without one.
    pub order_id: String,
    /// What names it among its order's entries.
    pub key: String,
    /// What it does.
    pub kind: String,
    /// Whether a shop is called, and not WeChat.
    pub for_shops: bool,
    /// How far it is.
    pub state: String,
    /// When it comes up.
    pub due_at: i64,
    /// How often it was tried.
    pub tries: i64,
}

impl Listed {
    fn of(row: &Cells) -> Self {
        let word = |column| text(at(OUTBOX, row, column)).to_owned();
        let number = |column| int(at(OUTBOX, row, column));
        Self {
            order_id: word("order_id"),
            key: word("key"),
            kind: word("kind"),
            for_shops: word("lane") == "shop",
            state: word("state"),
            due_at: number("due_at"),
            tries: number("tries"),
        }
    }
}

impl Memory {
    /// Entries of the outbox that wait and come up after this time.
    #[must_use]
    pub fn waiting(&self, after_s: i64) -> Vec<Listed> {
        let shared = self.shared();
        let tables = &shared.tables;
        let mut waiting = Vec::new();
        for (due_at, _, key) in tables.due_entries.values().flatten() {
            let row = tables.get(Name::Outbox, key).filter(|_| *due_at > after_s);
            waiting.extend(row.map(Listed::of).filter(|it| it.state == "pending"));
        }
        waiting
    }

    /// All entries of an order.
    #[must_use]
    pub fn entries_of(&self, order_id: &str) -> Vec<Listed> {
        let shared = self.shared();
        shared.tables.of(Name::Outbox, order_id).map(|(_, row)| Listed::of(row)).collect()
    }
}

impl Tables {
    /// The newest anomalies of a shop's orders, and of its merchant's payments without an order.
    pub(super) fn anomalies_of_shop(&self, values: &[Value]) -> Vec<Row> {
        let [shop, mch_id, limit] = values else { panic!("a shop's anomalies have three values") };
        let mut found: Vec<(&Cells, Option<&Cells>)> = Vec::new();
        for row in self.table(Name::Anomaly).values() {
            let order_id = text(at(ANOMALY, row, "order_id"));
            let order = self.get(Name::Orders, order_id);
            let is_shops = order.is_some_and(|order| at(ORDERS, order, "shop") == Some(shop));
            let is_nobodys = order_id.is_empty() && at(ANOMALY, row, "mch_id") == Some(mch_id);
            if is_shops || is_nobodys {
                found.push((row, order));
            }
        }
        found.sort_by_cached_key(|(row, _)| {
            let of = |column| text(at(ANOMALY, row, column)).to_owned();
            (Reverse(int(at(ANOMALY, row, "noticed_at"))), of("transaction_id"), of("kind"))
        });
        found.truncate(usize::try_from(int(Some(limit))).unwrap_or(0));
        let mut told = Vec::new();
        for (row, order) in found {
            let mut values = Vec::clone(row);
            for (column, none) in
                [("order_no", Value::Text(None)), ("amount_fen", Value::Int(None))]
            {
                let known = order.and_then(|order| at(ORDERS, order, column));
                values.push(known.cloned().unwrap_or(none));
            }
            told.push(Row { columns: TOLD, values: Arc::new(values) });
        }
        told
    }
}
