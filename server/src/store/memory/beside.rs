//! The rows beside a key that need not be there: what shows that a database was in use at a time.

use super::super::db::Value;
use super::Row;
use super::statement::Statement as S;
use super::table::{Name, ORDERS, SETTING, Tables, text, whole};
use std::ops::Bound::{Excluded, Unbounded};

impl Tables {
    /// The first row whose key is after the one value and before the other, or the last before it.
    pub(super) fn beside(&self, statement: S, values: &[Value]) -> Vec<Row> {
        let (name, columns) = match statement {
            S::SettingBetween => (Name::Setting, SETTING),
            _ => (Name::Orders, ORDERS),
        };
        let key = text(values.first());
        let found = match statement {
            S::OrderBefore => {
                let before = self.table(name).range::<str, _>((Unbounded, Excluded(key)));
                before.last()
            }
            _ => {
                let mut after = self.table(name).range::<str, _>((Excluded(key), Unbounded));
                after.next().filter(|(key, _)| ***key < *text(values.get(1)))
            }
        };
        found.map(|(_, row)| whole(columns)(row)).into_iter().collect()
    }
}
