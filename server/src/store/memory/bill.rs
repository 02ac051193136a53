//! Days whose bills are compared, and what differs, in memory.

use super::super::db::Value;
use super::Row;
use super::statement::Statement as S;
use super::table::{Cells, Key, Name, PAYMENT, REFUND, Tables, Undo};
use super::table::{at, int, set, text, whole};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const BILL_DAY: &[&str] = &[
    "mch_id",
    "bill_date",
    "state",
    "due_at",
    "runs",
    "failures",
    "last_error",
    "compared_at",
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
];
pub(super) const DIFFERENCE: &[&str] = &[
    "mch_id",
    "bill_date",
    "kind",
    "number",
    "out_trade_no",
    "transaction_id",
    "out_refund_no",
    "refund_id",
    "app_id",
    "order_id",
    "there_fen",
    "here_fen",
    "happened_at",
    "state",
    "why",
    "note",
    "due_at",
    "tries",
    "run",
    "found_at",
    "ended_at",
];
const UNKNOWN: &[&str] = &["unknown"];

/// The key of the day, or of the difference, that these values name from a place on.
fn key(values: &[Value], from: usize, parts: usize) -> String {
    let parts = values.iter().skip(from).take(parts).map(|part| text(Some(part)));
    parts.collect::<Vec<_>>().join("\n")
}

/// Whether the columns hold these values.
fn holds(columns: &[&str], row: &[Value], wanted: &[(&str, Option<&Value>)]) -> bool {
    wanted.iter().all(|(column, value)| at(columns, row, column) == *value)
}

fn is_open(difference: &[Value]) -> bool {
    text(at(DIFFERENCE, difference, "state")) == "open"
}

fn due_at(difference: &[Value]) -> Option<&Value> {
    at(DIFFERENCE, difference, "due_at")
}

fn is_null(value: Option<&Value>) -> bool {
    matches!(value, None | Some(Value::Int(None) | Value::Text(None)))
}

/// What `min(due_at)` gives: a row in any case.
fn least(due: Option<i64>) -> Vec<Row> {
    vec![Row { columns: &["due_at"], values: Arc::new(vec![Value::Int(due)]) }]
}

impl Tables {
    fn table_of(&self, name: Name) -> impl Iterator<Item = (&Key, &Cells)> {
        self.table(name).iter()
    }

    /// The rows that a statement about bills gives.
    pub(super) fn fetch_of_bills(&self, statement: S, values: &[Value]) -> Vec<Row> {
        let due_by = |name, columns: &'static [&'static str]| {
            let now = int(values.first());
            let due = self.due_bills.iter().take_while(|(due, ..)| *due <= now);
            let mut due = due.filter(|(_, of, _)| *of == name);
            let found = due.next().and_then(|(_, _, key)| self.get(name, key));
            found.map(whole(columns)).into_iter().collect()
        };
        match statement {
            S::NextDay => least(self.next_bill(Name::BillDay)),
            S::NextDifference => least(self.next_bill(Name::Difference)),
            S::DueDay => due_by(Name::BillDay, BILL_DAY),
            S::DueDifference => due_by(Name::Difference, DIFFERENCE),
            S::OneDay => {
                let wanted = ["mch_id", "bill_date"];
                let wanted: Vec<_> = wanted.into_iter().zip(values.iter().map(Some)).collect();
                let mut rows = self.table_of(Name::BillDay).map(|(_, row)| row);
                let day = rows.find(|row| holds(BILL_DAY, row, &wanted));
                day.map(whole(BILL_DAY)).into_iter().collect()
            }
            S::PaymentsOfDay => self.recorded(Name::Payment, PAYMENT, "paid_at", values),
            S::RefundsOfDay => self.recorded(Name::Refund, REFUND, "accepted_at", values),
            S::FirstPaid => {
                let is_ours = |row: &&Cells| {
                    at(PAYMENT, row, "mch_id") == values.first()
                        && !text(at(PAYMENT, row, "order_id")).is_empty()
                };
                let ours = self.table_of(Name::Payment).map(|(_, row)| row).filter(is_ours);
                let first = ours.min_by_key(|row| int(at(PAYMENT, row, "paid_at")));
                first.map(whole(PAYMENT)).into_iter().collect()
            }
            S::UnknownOfDay => {
                let nobodys = Value::from("");
                let wanted = ["mch_id", "bill_date", "kind", "order_id"];
                let wanted: Vec<_> = wanted
                    .into_iter()
                    .zip(values.iter().take(3).chain([&nobodys]).map(Some))
                    .collect();
                let is_unknown = |row: &&Cells| {
                    holds(DIFFERENCE, row, &wanted) && at(DIFFERENCE, row, "why") != values.get(3)
                };
                let rows = self.table_of(Name::Difference).map(|(_, row)| row);
                let count = i64::try_from(rows.filter(is_unknown).count()).unwrap_or(i64::MAX);
                vec![Row { columns: UNKNOWN, values: Arc::new(vec![count.into()]) }]
            }
            other => panic!("{other:?} gives no rows"),
        }
    }

    /// A merchant's payments or refunds of a day after a place, in their order.
    fn recorded(
        &self,
        name: Name,
        columns: &'static [&'static str],
        time: &str,
        values: &[Value],
    ) -> Vec<Row> {
        let [mch_id, until, from, last, limit] = values else { panic!("a day has five values") };
        let mut found: BTreeMap<(i64, &str), &Cells> = BTreeMap::new();
        for (_, row) in self.table_of(name) {
            // Both have their own number first.
            let place = (int(at(columns, row, time)), text(row.first()));
            let is_later = place > (int(Some(from)), text(Some(last)));
            let is_timed = !is_null(at(columns, row, time));
            if is_timed
                && at(columns, row, "mch_id") == Some(mch_id)
                && place.0 < int(Some(until))
                && is_later
            {
                found.insert(place, row);
            }
        }
        let limit = usize::try_from(int(Some(limit))).unwrap_or(0);
        found.into_values().take(limit).map(whole(columns)).collect()
    }

    /// The rows of a key, for a statement about bills.
    pub(super) fn fetch_all_of_bills(&self, statement: S, key: &str) -> Vec<Row> {
        match statement {
            S::RecordedPayments => {
                self.get(Name::Payment, key).map(whole(PAYMENT)).into_iter().collect()
            }
            S::RecordedRefunds => {
                self.of(Name::Refund, key).map(|(_, row)| row).map(whole(REFUND)).collect()
            }
            S::DifferencesNumbered => {
                let rows = self.table_of(Name::Difference).map(|(_, row)| row);
                let numbered = rows.filter(|row| text(at(DIFFERENCE, row, "number")) == key);
                numbered.map(whole(DIFFERENCE)).collect()
            }
            other => panic!("{other:?} does not take keys"),
        }
    }

    /// Carries a statement about bills out for one row; `None`: it is about something else.
    pub(super) fn execute_of_bills(
        &mut self,
        statement: S,
        values: &[Value],
        undo: &mut Vec<Undo>,
    ) -> Option<u64> {
        Some(match statement {
            S::InsertDays => self.insert_day(values, undo),
            S::TakeDay | S::DayCompared | S::DayFailed | S::DayLeft | S::DayAgain => {
                self.change_day(statement, values, undo)
            }
            S::PutDifferences => self.put_difference(values, undo),
            S::TakeDifference | S::SetDifference | S::EndUnseen => {
                self.change_differences(statement, values, undo)
            }
            _ => return None,
        })
    }

    fn insert_day(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let key = key(values, 0, 2);
        if self.get(Name::BillDay, &key).is_some() {
            return 0;
        }
        let mut row = values.to_vec();
        row.push(Value::Text(None));
        row.resize(BILL_DAY.len(), Value::Int(None));
        self.write(undo, Name::BillDay, &key, row);
        1
    }

    /// The statements that change a day.
    fn change_day(&mut self, statement: S, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let value = |place: usize| values.get(place).cloned().unwrap_or(Value::Int(None));
        let place = match statement {
            S::DayCompared => 14,
            S::DayFailed => 3,
            _ => 1,
        };
        let key = key(values, place, 2);
        let is_asked = |(_, row): (&Key, &Cells)| is_open(row) && !is_null(due_at(row));
        let is_asked = self.of(Name::Difference, &key).any(is_asked);
        let Some(row) = self.get(Name::BillDay, &key) else { return 0 };
        let due_at = at(BILL_DAY, row, "due_at");
        let next = |column| Value::from(int(at(BILL_DAY, row, column)) + 1);
        let is_whose = || due_at == values.get(3) && at(BILL_DAY, row, "runs") == values.get(4);
        let (matches, mut sets) = match statement {
            S::TakeDay => (is_whose(), vec![("due_at", value(0)), ("runs", next("runs"))]),
            S::DayLeft => (is_whose(), vec![("due_at", value(0))]),
            S::DayAgain => {
                // Nothing is later than null.
                let now = values.first().filter(|now| !is_null(Some(now)));
                let is_later = is_null(due_at) || now.is_some_and(|now| due_at > Some(now));
                (is_later && !is_asked, vec![("due_at", value(0))])
            }
            S::DayFailed => (
                at(BILL_DAY, row, "runs") == values.get(5),
                vec![("failures", next("failures")), ("last_error", value(0))],
            ),
            _ => (
                at(BILL_DAY, row, "runs") == values.get(16),
                vec![
                    ("state", "compared".into()),
                    ("failures", 0_i64.into()),
                    ("last_error", Value::Text(None)),
                    ("compared_at", value(0)),
                ],
            ),
        };
        match statement {
            S::DayFailed if due_at == values.get(1) => sets.push(("due_at", value(2))),
            S::DayCompared => {
                let sums = BILL_DAY.iter().copied().skip(8);
                sets.extend(sums.zip(values.iter().skip(1).cloned()));
                if due_at == values.get(13) {
                    sets.push(("due_at", Value::Int(None)));
                }
            }
            _ => {}
        }
        if !matches {
            return 0;
        }
        self.change(Name::BillDay, &key, sets, undo)
    }

    /// The statements that change differences.
    fn change_differences(&mut self, statement: S, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let value = |place: usize| values.get(place).cloned().unwrap_or(Value::Int(None));
        let all: Vec<(Key, Cells)> =
            self.table_of(Name::Difference).map(|(key, row)| (key.clone(), row.clone())).collect();
        let mut touched = 0;
        for (key, row) in all {
            let named = |wanted: &[&str], from: usize| {
                let values = values.iter().skip(from).map(Some);
                wanted
                    .iter()
                    .zip(values)
                    .all(|(column, value)| at(DIFFERENCE, &row, column) == value)
            };
            const KEY: [&str; 4] = ["mch_id", "bill_date", "kind", "number"];
            let (matches, sets): (bool, Vec<(&str, Value)>) = match statement {
                S::TakeDifference => (
                    named(&KEY, 1) && due_at(&row) == values.get(5),
                    vec![
                        ("due_at", value(0)),
                        ("tries", (int(at(DIFFERENCE, &row, "tries")) + 1).into()),
                    ],
                ),
                S::SetDifference => (
                    named(&KEY, 5) && is_open(&row),
                    ["state", "why", "note", "due_at", "ended_at"]
                        .into_iter()
                        .zip(values.iter().cloned())
                        .collect(),
                ),
                _ => (
                    named(&["mch_id", "bill_date"], 3)
                        && is_open(&row)
                        && int(at(DIFFERENCE, &row, "run")) < int(values.get(5)),
                    vec![
                        ("state", value(0)),
                        ("why", value(1)),
                        ("due_at", Value::Int(None)),
                        ("ended_at", value(2)),
                    ],
                ),
            };
            if matches {
                touched += self.change(Name::Difference, &key, sets, undo);
            }
        }
        touched
    }

    /// Sets columns of a row; gives how many rows that were.
    fn change(
        &mut self,
        name: Name,
        key: &str,
        sets: Vec<(&str, Value)>,
        undo: &mut Vec<Undo>,
    ) -> u64 {
        let columns = if name == Name::BillDay { BILL_DAY } else { DIFFERENCE };
        let Some(row) = self.get(name, key) else { return 0 };
        let mut row = Vec::clone(row);
        for (column, value) in sets {
            set(columns, &mut row, column, value);
        }
        self.write(undo, name, key, row);
        1
    }

    fn put_difference(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let key = key(values, 0, 4);
        let row = match self.get(Name::Difference, &key) {
            None => values.to_vec(),
            Some(known) => {
                let mut row = Vec::clone(known);
                let column = |column| at(DIFFERENCE, values, column).cloned();
                let run = column("run").unwrap_or(Value::Int(None));
                if int(Some(&run)) > int(at(DIFFERENCE, &row, "run")) {
                    set(DIFFERENCE, &mut row, "run", run);
                }
                if is_open(&row) && is_null(due_at(&row)) {
                    let due_at = column("due_at").unwrap_or(Value::Int(None));
                    set(DIFFERENCE, &mut row, "due_at", due_at);
                }
                row
            }
        };
        self.write(undo, Name::Difference, &key, row);
        1
    }
}
