//! Lists that people look at.

use super::super::db::Value;
use super::Row;
use super::table::{ANOMALY, Cells, Name, ORDERS, Tables, at, int, text};
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
