//! What each statement changes in the tables in memory.

use super::super::db::Value;
use super::Row;
use super::statement::Statement as S;
use super::table::{ANOMALY, Cells, Key, Name, ORDERS, OUTBOX, REFUND, Tables, Undo};
use super::table::{at, int, joined, set, text, whole};
use std::collections::BTreeSet;

impl Tables {
    /// Takes entries, as the statement's text says.
    pub(super) fn claim(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> Vec<Row> {
        let [now, until, lane, limit] = values else { panic!("a claim has four values") };
        let (now, limit) = (int(Some(now)), int(Some(limit)));
        let lane = text(Some(lane));
        let mut mine: Vec<Key> = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let due = self.due_entries.get(lane).into_iter().flatten();
        for (_, _, key) in due.take_while(|(due, ..)| *due <= now) {
            if mine.len() >= usize::try_from(limit).unwrap_or(0) {
                break;
            }
            let order_id = key.split('\n').next().unwrap_or_default();
            let is_free = order_id.is_empty() || seen.insert(order_id);
            let is_busy = |(_, row): (&Key, &Cells)| {
                text(row.get(4)) == lane && text(row.get(6)) == "leased" && int(row.get(7)) > now
            };
            if is_free && (order_id.is_empty() || !self.of(Name::Outbox, order_id).any(is_busy)) {
                mine.push(key.clone());
            }
        }
        let mut rows = Vec::new();
        for key in mine {
            let Some(row) = self.get(Name::Outbox, &key) else { continue };
            let mut row = Vec::clone(row);
            let tries = int(row.get(8)) + 1;
            set(OUTBOX, &mut row, "state", "leased".into());
            set(OUTBOX, &mut row, "due_at", until.clone());
            set(OUTBOX, &mut row, "tries", tries.into());
            set(OUTBOX, &mut row, "updated_at", now.into());
            self.write(undo, Name::Outbox, &key, row);
            rows.extend(self.get(Name::Outbox, &key).map(whole(OUTBOX)));
        }
        rows
    }

    /// Carries a statement out for one row, and says how many rows it has touched.
    pub(super) fn execute(
        &mut self,
        statement: S,
        mut row: Vec<Value>,
        undo: &mut Vec<Undo>,
    ) -> u64 {
        if let Some(touched) = self.execute_of_bills(statement, &row, undo) {
            return touched;
        }
        let first = || text(row.first()).to_owned();
        let key = |one: usize, other: usize| joined(text(row.get(one)), text(row.get(other)));
        let (table, key) = match statement {
            S::InsertSetting => (Name::Setting, first()),
            S::InsertOrder => (Name::Orders, first()),
            S::InsertOrderNumber => (Name::OrderNumber, key(0, 1)),
            S::InsertAttempt => (Name::Attempt, first()),
            S::InsertPayment => (Name::Payment, first()),
            S::InsertMessage => (Name::Message, key(0, 1)),
            S::InsertAnomaly => return self.put_anomaly(&key(1, 0), row, undo),
            S::InsertEntry => (Name::Outbox, key(0, 1)),
            S::InsertHistory => return 1,
            S::UpdateOrder => return self.update_order(&row, undo),
            S::TellAnomalies => return self.tell_anomalies(text(row.first()), undo),
            S::SeeTo => return self.end_anomaly(&key(1, 0), &["open"], "dismissed", undo),
            S::EndWaits => {
                let of = |kind| joined(text(row.first()), kind);
                let waits = ["not_fetched", "not_confirmed"].map(of);
                let from = ["open", "failed"];
                return waits.iter().map(|key| self.end_anomaly(key, &from, "done", undo)).sum();
            }
            S::PutRefund => return self.put_refund(&row, undo),
            S::RefundStill => return self.refund_still(&row, undo),
            S::EndRefund => return self.end_refund(&row, undo),
            other => return self.update_entries(other, &row, undo),
        };
        if self.get(table, &key).is_some() {
            return 0;
        }
        if table == Name::Outbox {
            // Its last error.
            row.push(Value::Text(None));
        }
        self.write(undo, table, &key, row);
        1
    }

    fn update_order(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let key = text(values.first());
        let Some(row) = self.get(Name::Orders, key) else { return 0 };
        if row.get(9) != values.get(1) {
            return 0;
        }
        let mut row = Vec::clone(row);
        let columns = ["phase", "state", "version", "due_at", "updated_at"];
        for (column, value) in columns.into_iter().zip(values.iter().skip(2)) {
            set(ORDERS, &mut row, column, value.clone());
        }
        self.write(undo, Name::Orders, key, row);
        1
    }

    fn put_anomaly(&mut self, key: &str, row: Vec<Value>, undo: &mut Vec<Undo>) -> u64 {
        let known = self.get(Name::Anomaly, key);
        let is_over =
            |row: &Cells| matches!(text(at(ANOMALY, row, "refund")), "done" | "dismissed");
        let row = match known {
            None => row,
            Some(known) if text(row.first()) == "elsewhere_closed" && is_over(known) => {
                let mut again = Vec::clone(known);
                for column in ["refund", "noticed_at"] {
                    let value = at(ANOMALY, &row, column).cloned();
                    set(ANOMALY, &mut again, column, value.unwrap_or(Value::Text(None)));
                }
                again
            }
            Some(_) => return 0,
        };
        self.write(undo, Name::Anomaly, key, row);
        1
    }

    fn tell_anomalies(&mut self, transaction_id: &str, undo: &mut Vec<Undo>) -> u64 {
        let refunds = self.refunds_of(transaction_id);
        let by_rule = refunds.iter().filter(|row| text(row.get("asked_by").ok()) == "rule");
        let last = by_rule.max_by_key(|row| int(row.get("refund_index").ok()));
        let could_not = refunds.iter().any(|row| {
            text(row.get("asked_by").ok()) == "elsewhere" && text(row.get("state").ok()) == "failed"
        });
        let is_dismissed = last.is_some_and(|last| text(last.get("state").ok()) == "dismissed");
        let by_rule = last.map(|last| match text(last.get("state").ok()) {
            state @ ("held" | "failed" | "dismissed") => state.to_owned(),
            "done" | "closed" if could_not => "failed".to_owned(),
            "done" | "closed" => "done".to_owned(),
            _ => "due".to_owned(),
        });
        let told: Vec<(Key, Cells)> = self
            .of(Name::Anomaly, transaction_id)
            .map(|(key, row)| (key.clone(), row.clone()))
            .collect();
        for (key, row) in &told {
            let is_closed = text(at(ANOMALY, row, "kind")) == "elsewhere_closed";
            let state = match (&by_rule, text(at(ANOMALY, row, "refund"))) {
                (Some(_), _) if is_closed && is_dismissed => None,
                (Some(state), _) => Some(state.as_str()),
                (None, "open" | "failed") => Some(self.without_rule(transaction_id, row)),
                (None, _) => None,
            };
            let mut row = Vec::clone(row);
            if let Some(state) = state {
                set(ANOMALY, &mut row, "refund", state.into());
            }
            self.write(undo, Name::Anomaly, key, row);
        }
        told.len() as u64
    }

    /// How far an anomaly is that was open, of a payment of which the rule gives nothing back.
    fn without_rule(&self, transaction_id: &str, anomaly: &[Value]) -> &'static str {
        let refunds = self.refunds_of(transaction_id);
        let of = |row: &Row, column| text(row.get(column).ok()).to_owned();
        let is_settled = |row: &&Row| match &*of(row, "state") {
            "done" => true,
            "dismissed" => of(row, "asked_by") == "elsewhere",
            _ => false,
        };
        let settled = refunds.iter().filter(is_settled);
        let settled: i64 = settled.map(|row| int(row.get("part_fen").ok())).sum();
        let has_failed = refunds.iter().any(|row| of(row, "state") == "failed");
        let is_told_anew = text(at(ANOMALY, anomaly, "kind")) == "refunded_elsewhere"
            && self.get(Name::Anomaly, &joined(transaction_id, "elsewhere_closed")).is_some();
        let is_back = int(at(ANOMALY, anomaly, "paid_fen")) <= settled;
        match (is_back, has_failed, is_told_anew) {
            (true, ..) | (false, false, true) => "done",
            (false, true, _) => "failed",
            (false, false, false) => "open",
        }
    }

    /// Ends an anomaly that is so far.
    fn end_anomaly(&mut self, key: &str, from: &[&str], end: &str, undo: &mut Vec<Undo>) -> u64 {
        let row = self.get(Name::Anomaly, key);
        let is_it = |row: &&Cells| from.contains(&text(at(ANOMALY, row, "refund")));
        let Some(row) = row.filter(is_it) else { return 0 };
        let mut row = Vec::clone(row);
        set(ANOMALY, &mut row, "refund", end.into());
        self.write(undo, Name::Anomaly, key, row);
        1
    }

    fn put_refund(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let key = joined(text(values.first()), text(values.get(1)));
        let row = match self.get(Name::Refund, &key) {
            None => values.to_vec(),
            Some(known) => {
                let mut row = Vec::clone(known);
                let state = |row| text(at(REFUND, row, "state"));
                let (from, to) = (state(&row), state(values));
                let is_end = |state| ["done", "failed", "closed", "dismissed"].contains(&state);
                let goes_on = ["held", "asked", "unsure", "accepted"].contains(&from);
                if from != to && !goes_on && (from == "done" || !is_end(to)) {
                    return 0;
                }
                for column in [
                    "state",
                    "refund_id",
                    "trouble",
                    "sent_at",
                    "accepted_at",
                    "ended_at",
                    "updated_at",
                ] {
                    let value = at(REFUND, values, column).cloned();
                    set(REFUND, &mut row, column, value.unwrap_or(Value::Text(None)));
                }
                row
            }
        };
        self.write(undo, Name::Refund, &key, row);
        1
    }

    fn refund_still(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let [now, number, mch_id, state] = values else { panic!("a refund as it was read") };
        let key = joined(text(Some(number)), text(Some(mch_id)));
        let row = self.get(Name::Refund, &key);
        let Some(row) = row.filter(|row| at(REFUND, row, "state") == Some(state)) else { return 0 };
        let mut row = Vec::clone(row);
        set(REFUND, &mut row, "updated_at", now.clone());
        self.write(undo, Name::Refund, &key, row);
        1
    }

    fn end_refund(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let [order_id, state, now, place] = values else {
            panic!("a refund's end has four values")
        };
        let order_id = text(Some(order_id));
        let from = (order_id.to_owned(), Key::default());
        let its = self.refunds.range(from..).take_while(|(of, _)| of == order_id);
        let its =
            its.filter_map(|(_, key)| Some((key.clone(), self.get(Name::Refund, key)?.clone())));
        let is_it = |row: &Cells| {
            text(at(REFUND, row, "order_id")) == order_id
                && int(at(REFUND, row, "refund_index")) == int(Some(place))
                && text(at(REFUND, row, "asked_by")) != "elsewhere"
        };
        let ours: Vec<(Key, Cells)> = its.filter(|(_, row)| is_it(row)).collect();
        for (key, row) in &ours {
            let mut row = Vec::clone(row);
            set(REFUND, &mut row, "state", state.clone());
            set(REFUND, &mut row, "ended_at", now.clone());
            set(REFUND, &mut row, "updated_at", now.clone());
            if text(Some(state)) != "failed" {
                set(REFUND, &mut row, "trouble", Value::Text(None));
            }
            self.write(undo, Name::Refund, key, row);
        }
        ours.len() as u64
    }

    /// The statements that change entries of the outbox.
    fn update_entries(&mut self, statement: S, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let value = |place: usize| values.get(place).cloned().unwrap_or(Value::Text(None));
        let woken = |place| {
            let (due_at, updated_at) = (value(place), value(place));
            vec![("state", "pending".into()), ("due_at", due_at), ("updated_at", updated_at)]
        };
        let keys: Vec<Key> = match statement {
            S::EndEntry | S::AgainEntry | S::UpdateGoods | S::WakeEntry => {
                vec![joined(text(values.first()), text(values.get(1))).into()]
            }
            S::RetryEntry => vec![joined(text(values.get(1)), text(values.get(2))).into()],
            S::HurryQueries => {
                self.of(Name::Outbox, text(values.get(1))).map(|(key, _)| key.clone()).collect()
            }
            S::ReleaseAll => self.table(Name::Outbox).keys().cloned().collect(),
            other => panic!("{other:?} changes nothing"),
        };
        let mut touched = 0;
        for key in keys {
            let Some(row) = self.get(Name::Outbox, &key) else { continue };
            let (state, due_at) = (text(row.get(6)), row.get(7));
            let later = due_at > values.first();
            let (matches, sets): (bool, Vec<(&str, Value)>) = match statement {
                S::EndEntry => (true, vec![("state", "done".into()), ("updated_at", value(2))]),
                S::AgainEntry => (
                    row.get(8) == values.get(3) && state == "leased",
                    vec![
                        ("state", value(6)),
                        ("updated_at", value(2)),
                        ("due_at", value(4)),
                        ("last_error", value(5)),
                        ("tries", value(7)),
                    ],
                ),
                S::UpdateGoods => {
                    let (from, to) = (text(values.get(2)), text(values.get(3)));
                    let fetched = ["waiting", "unfetched", "dispensing", "unconfirmed"];
                    let overrides =
                        ["dispensing", "done"].contains(&to) && fetched.contains(&state);
                    let sets =
                        vec![("state", value(3)), ("due_at", value(4)), ("updated_at", value(5))];
                    (state == from || overrides, sets)
                }
                S::WakeEntry => {
                    let anyhow = text(values.get(3)) == "anyhow" && state != "leased";
                    (state == "pending" || anyhow, woken(2))
                }
                S::RetryEntry => (state == "dead" || state == "pending" && later, woken(0)),
                S::HurryQueries => (
                    text(row.get(3)) == "query" && state == "pending" && later,
                    vec![("due_at", value(0)), ("updated_at", value(0))],
                ),
                S::ReleaseAll => {
                    (state == "leased", vec![("state", "pending".into()), ("due_at", value(0))])
                }
                _ => (false, Vec::new()),
            };
            if matches {
                let mut row = Vec::clone(row);
                for (column, value) in sets {
                    set(OUTBOX, &mut row, column, value);
                }
                self.write(undo, Name::Outbox, &key, row);
                touched += 1;
            }
        }
        touched
    }
}
