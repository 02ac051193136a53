//! The tables in memory, and what each statement does to them.

use super::super::db::Value;
use super::Row;
use super::statement::Statement as S;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tables whose rows are kept whole. Of settings, numbers and messages only the keys matter,
/// and nobody reads the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Setting,
    Orders,
    OrderNumber,
    Attempt,
    Payment,
    Message,
    Anomaly,
    Refund,
    Outbox,
}

const SETTING: &[&str] = &["name", "value"];
const ORDERS: &[&str] = &[
    "order_id",
    "shop",
    "order_no",
    "mch_id",
    "app_id",
    "amount_fen",
    "description",
    "phase",
    "state",
    "version",
    "due_at",
    "created_at",
    "expires_at",
    "updated_at",
    "device",
];
const ORDER_NUMBER: &[&str] = &["shop", "order_no", "order_id"];
const ATTEMPT: &[&str] = &[
    "out_trade_no",
    "order_id",
    "attempt_index",
    "mch_id",
    "app_id",
    "sign_type",
    "request",
    "created_at",
];
const PAYMENT: &[&str] = &[
    "transaction_id",
    "mch_id",
    "out_trade_no",
    "order_id",
    "total_fee_fen",
    "paid_at",
    "verdict",
    "recorded_at",
];
const MESSAGE: &[&str] =
    &["out_trade_no", "digest", "transaction_id", "body", "outcome", "received_at"];
const ANOMALY: &[&str] = &[
    "kind",
    "transaction_id",
    "mch_id",
    "out_trade_no",
    "order_id",
    "paid_fen",
    "refund",
    "noticed_at",
];
const REFUND: &[&str] = &[
    "out_refund_no",
    "mch_id",
    "app_id",
    "order_id",
    "refund_index",
    "transaction_id",
    "out_trade_no",
    "total_fen",
    "part_fen",
    "asked_by",
    "refund_no",
    "reason",
    "sign_type",
    "request",
    "state",
    "refund_id",
    "trouble",
    "sent_at",
    "accepted_at",
    "ended_at",
    "created_at",
    "updated_at",
];
const OUTBOX: &[&str] = &[
    "order_id",
    "key",
    "mch_id",
    "kind",
    "lane",
    "effect",
    "state",
    "due_at",
    "tries",
    "created_at",
    "updated_at",
    "last_error",
];
const DUE: &[&str] = &["due_at"];

type Cells = Arc<Vec<Value>>;

/// What undoes a change: the row that stood under a key before.
#[derive(Debug)]
pub(super) struct Undo {
    table: Name,
    key: String,
    before: Option<Cells>,
}

/// An order as a commit has left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) order_id: String,
    pub(crate) phase: String,
    pub(crate) version: i64,
}

/// All tables with their indexes.
#[derive(Debug, Default)]
pub(super) struct Tables {
    rows: BTreeMap<Name, BTreeMap<String, Cells>>,
    due_orders: BTreeSet<(i64, String)>,
    /// By lane: when an entry comes up, when it was written, and its key.
    due_entries: BTreeMap<String, BTreeSet<(i64, i64, String)>>,
    due_goods: BTreeSet<(i64, String)>,
    /// Keys of refunds by payment and by order.
    refunds: BTreeSet<(String, String)>,
    /// Orders that the open transaction has changed.
    touched: Vec<String>,
    /// What commits have left since somebody asked.
    pub(super) changed: Vec<Changed>,
}

fn text(value: Option<&Value>) -> &str {
    match value {
        Some(Value::Text(Some(text))) => text,
        _ => "",
    }
}

fn int(value: Option<&Value>) -> i64 {
    optional_int(value).unwrap_or(0)
}

fn optional_int(value: Option<&Value>) -> Option<i64> {
    match value {
        Some(Value::Int(number)) => *number,
        _ => None,
    }
}

/// The value of a column.
fn at<'r>(columns: &[&str], row: &'r [Value], column: &str) -> Option<&'r Value> {
    row.get(columns.iter().position(|name| *name == column)?)
}

fn set(columns: &[&str], row: &mut [Value], column: &str, value: Value) {
    let place = columns.iter().position(|name| *name == column);
    if let Some(cell) = place.and_then(|place| row.get_mut(place)) {
        *cell = value;
    }
}

fn joined(one: &str, other: &str) -> String {
    let mut key = String::with_capacity(one.len() + 1 + other.len());
    key.push_str(one);
    key.push('\n');
    key.push_str(other);
    key
}

fn whole(columns: &'static [&'static str]) -> impl Fn(&Cells) -> Row {
    move |values| Row { columns, values: values.clone() }
}

fn one(columns: &'static [&'static str], values: Vec<Value>) -> Vec<Row> {
    vec![Row { columns, values: Arc::new(values) }]
}

impl Tables {
    fn table(&self, name: Name) -> Option<&BTreeMap<String, Cells>> {
        self.rows.get(&name)
    }

    fn get(&self, name: Name, key: &str) -> Option<&Cells> {
        self.table(name)?.get(key)
    }

    /// Puts a row under a key, or takes it away, and keeps the indexes right.
    fn put(&mut self, table: Name, key: &str, row: Option<Cells>) -> Option<Cells> {
        let rows = self.rows.entry(table).or_default();
        let before = match &row {
            Some(row) => rows.insert(key.to_owned(), row.clone()),
            None => rows.remove(key),
        };
        match table {
            Name::Orders => {
                let due = |row: &Cells| Some((optional_int(row.get(10))?, key.to_owned()));
                if let Some(due) = before.as_ref().and_then(due) {
                    self.due_orders.remove(&due);
                }
                self.due_orders.extend(row.as_ref().and_then(due));
            }
            Name::Outbox => {
                if let Some(before) = &before {
                    self.index_entry(key, before, false);
                }
                if let Some(row) = &row {
                    self.index_entry(key, row, true);
                }
            }
            Name::Refund => {
                for (row, add) in [(&before, false), (&row, true)] {
                    let Some(row) = row else { continue };
                    for by in ["transaction_id", "order_id"] {
                        let by = (text(at(REFUND, row, by)).to_owned(), key.to_owned());
                        if add {
                            self.refunds.insert(by)
                        } else {
                            self.refunds.remove(&by)
                        };
                    }
                }
            }
            Name::Setting
            | Name::OrderNumber
            | Name::Attempt
            | Name::Payment
            | Name::Message
            | Name::Anomaly => {}
        }
        before
    }

    fn index_entry(&mut self, key: &str, row: &[Value], add: bool) {
        let due_at = int(row.get(7));
        match text(row.get(6)) {
            "pending" | "leased" => {
                let lane = text(row.get(4));
                if !self.due_entries.contains_key(lane) {
                    self.due_entries.insert(lane.to_owned(), BTreeSet::new());
                }
                let due = (due_at, int(row.get(9)), key.to_owned());
                if let Some(lane) = self.due_entries.get_mut(lane) {
                    if add {
                        lane.insert(due)
                    } else {
                        lane.remove(&due)
                    };
                }
            }
            "waiting" | "dispensing" => {
                let due = (due_at, key.to_owned());
                if add {
                    self.due_goods.insert(due)
                } else {
                    self.due_goods.remove(&due)
                };
            }
            _ => {}
        }
    }

    fn write(&mut self, undo: &mut Vec<Undo>, table: Name, key: &str, row: Vec<Value>) {
        if table == Name::Orders {
            self.touched.push(key.to_owned());
        }
        let before = self.put(table, key, Some(Arc::new(row)));
        undo.push(Undo { table, key: key.to_owned(), before });
    }

    pub(super) fn undo(&mut self, undo: Vec<Undo>) {
        for Undo { table, key, before } in undo.into_iter().rev() {
            self.put(table, &key, before);
        }
        self.touched.clear();
    }

    /// What was written stands.
    pub(super) fn committed(&mut self) {
        for order_id in std::mem::take(&mut self.touched) {
            let Some(row) = self.get(Name::Orders, &order_id) else { continue };
            let phase = text(row.get(7)).to_owned();
            let version = int(row.get(9));
            self.changed.push(Changed { order_id, phase, version });
        }
    }

    pub(super) fn has_payment(&self, transaction_id: &str) -> bool {
        self.get(Name::Payment, transaction_id).is_some()
    }

    pub(super) fn due(&self) -> [Option<i64>; 4] {
        let lane = |lane: &str| self.due_entries.get(lane)?.first().map(|(due, ..)| *due);
        let first = |due: &BTreeSet<(i64, String)>| due.first().map(|(due, _)| *due);
        [lane("gateway"), lane("shop"), first(&self.due_orders), first(&self.due_goods)]
    }

    /// The rows that a statement gives.
    pub(super) fn fetch(&self, statement: S, values: &[Value]) -> Vec<Row> {
        let key = text(values.first());
        let row = |name, columns| -> Vec<Row> {
            self.get(name, key).map(whole(columns)).into_iter().collect()
        };
        let numbers = || (int(values.first()), int(values.get(1)).unsigned_abs());
        match statement {
            S::Setting => row(Name::Setting, SETTING),
            S::Order | S::OrderOwner => row(Name::Orders, ORDERS),
            S::OrderByNo => {
                let key = joined(key, text(values.get(1)));
                let found = self.get(Name::OrderNumber, &key).map(whole(ORDER_NUMBER));
                found.into_iter().collect()
            }
            S::DueOrders => {
                let (now, limit) = numbers();
                let due = self.due_orders.iter().take_while(|(due, _)| *due <= now);
                let due = due.filter_map(|(_, key)| self.get(Name::Orders, key));
                due.take(usize::try_from(limit).unwrap_or(0)).map(whole(ORDERS)).collect()
            }
            S::NextDueOrder => one(DUE, vec![Value::Int(self.due()[2])]),
            S::Attempt => row(Name::Attempt, ATTEMPT),
            S::OurRefund => self.refunds_numbered(key),
            S::RefundsOfPayment | S::RefundsOfOrder => self.refunds_of(key),
            S::Goods => self.goods(key),
            S::LateGoods => {
                let (now, limit) = numbers();
                let late = self.due_goods.iter().take_while(|(due, _)| *due <= now);
                let late = late.filter_map(|(_, key)| self.get(Name::Outbox, key));
                late.take(usize::try_from(limit).unwrap_or(0)).map(whole(OUTBOX)).collect()
            }
            S::NextLateGoods => one(DUE, vec![Value::Int(self.due()[3])]),
            S::NextEntry => {
                let [gateway, shop, ..] = self.due();
                one(DUE, vec![Value::Int(if key == "shop" { shop } else { gateway })])
            }
            other => panic!("{other:?} gives no rows"),
        }
    }

    pub(super) fn fetch_all(&self, statement: S, keys: &[Value]) -> Vec<Row> {
        let mut found = Vec::new();
        for key in keys.iter().map(|key| text(Some(key))) {
            match statement {
                S::Order => found.extend(self.get(Name::Orders, key).map(whole(ORDERS))),
                S::Attempt => found.extend(self.get(Name::Attempt, key).map(whole(ATTEMPT))),
                S::Payments => found.extend(self.get(Name::Payment, key).map(whole(PAYMENT))),
                S::Messages => {
                    let of = self.of(Name::Message, key).map(|(_, row)| row);
                    found.extend(of.map(whole(MESSAGE)));
                }
                other => panic!("{other:?} does not take keys"),
            }
        }
        found
    }

    /// The rows whose keys begin with this.
    fn of<'t>(&'t self, name: Name, first: &str) -> impl Iterator<Item = (&'t String, &'t Cells)> {
        let from = joined(first, "");
        let rows = self.table(name).into_iter();
        let found = rows.flat_map({
            let from = from.clone();
            move |rows| rows.range(from.clone()..)
        });
        found.take_while(move |(key, _)| key.starts_with(&from))
    }

    fn refunds_numbered(&self, number: &str) -> Vec<Row> {
        let ours = self.of(Name::Refund, number).map(|(_, row)| row);
        let ours = ours.filter(|row| text(at(REFUND, row, "asked_by")) != "elsewhere");
        ours.map(whole(REFUND)).collect()
    }

    fn refunds_of(&self, payment_or_order: &str) -> Vec<Row> {
        let from = (payment_or_order.to_owned(), String::new());
        let keys = self.refunds.range(from..).take_while(|(of, _)| of == payment_or_order);
        let mut rows: Vec<&Cells> =
            keys.filter_map(|(_, key)| self.get(Name::Refund, key)).collect();
        rows.sort_by_key(|row| {
            let number = |column| int(at(REFUND, row, column));
            (number("created_at"), number("refund_index"), row.first().cloned())
        });
        rows.into_iter().map(whole(REFUND)).collect()
    }

    fn goods(&self, order_id: &str) -> Vec<Row> {
        let ships = self.of(Name::Outbox, order_id).map(|(_, row)| row);
        ships.filter(|row| text(row.get(3)) == "ship").map(whole(OUTBOX)).collect()
    }

    /// Takes entries, as the statement's text says.
    pub(super) fn claim(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> Vec<Row> {
        let [now, until, lane, limit] = values else { panic!("a claim has four values") };
        let (now, limit) = (int(Some(now)), int(Some(limit)));
        let lane = text(Some(lane));
        let mut mine: Vec<String> = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let due = self.due_entries.get(lane).into_iter().flatten();
        for (_, _, key) in due.take_while(|(due, ..)| *due <= now) {
            if mine.len() >= usize::try_from(limit).unwrap_or(0) {
                break;
            }
            let order_id = key.split('\n').next().unwrap_or_default();
            let is_free = order_id.is_empty() || seen.insert(order_id);
            let is_busy = |(_, row): (&String, &Cells)| {
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
    pub(super) fn execute(&mut self, statement: S, row: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let key = |one: usize, other: usize| joined(text(row.get(one)), text(row.get(other)));
        let mut insert = |table, key: String, more: Option<Value>| {
            if self.get(table, &key).is_some() {
                return 0;
            }
            self.write(undo, table, &key, row.iter().cloned().chain(more).collect());
            1
        };
        let first = || text(row.first()).to_owned();
        match statement {
            S::InsertSetting => insert(Name::Setting, first(), None),
            S::InsertOrder => insert(Name::Orders, first(), None),
            S::InsertOrderNumber => insert(Name::OrderNumber, key(0, 1), None),
            S::InsertAttempt => insert(Name::Attempt, first(), None),
            S::InsertPayment => insert(Name::Payment, first(), None),
            S::InsertMessage => insert(Name::Message, key(0, 1), None),
            S::InsertAnomaly => insert(Name::Anomaly, key(1, 0), None),
            S::InsertEntry => insert(Name::Outbox, key(0, 1), Some(Value::Text(None))),
            S::InsertHistory => 1,
            S::UpdateOrder => self.update_order(row, undo),
            S::TellAnomalies => self.tell_anomalies(text(row.first()), undo),
            S::PutRefund => self.put_refund(row, undo),
            S::EndRefund => self.end_refund(row, undo),
            other => self.update_entries(other, row, undo),
        }
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

    fn tell_anomalies(&mut self, transaction_id: &str, undo: &mut Vec<Undo>) -> u64 {
        let refunds = self.refunds_of(transaction_id);
        let by_rule = refunds.iter().filter(|row| text(row.get("asked_by").ok()) == "rule");
        let last = by_rule.max_by_key(|row| int(row.get("refund_index").ok()));
        let Some(last) = last else { return 0 };
        let state = match text(last.get("state").ok()) {
            state @ ("held" | "done" | "failed" | "dismissed") => state.to_owned(),
            _ => "due".to_owned(),
        };
        let told: Vec<_> = self.of(Name::Anomaly, transaction_id).map(|(k, _)| k.clone()).collect();
        let mut touched = 0;
        for key in told {
            let Some(row) = self.get(Name::Anomaly, &key) else { continue };
            if text(at(ANOMALY, row, "refund")) != "none" {
                let mut row = Vec::clone(row);
                set(ANOMALY, &mut row, "refund", state.clone().into());
                self.write(undo, Name::Anomaly, &key, row);
                touched += 1;
            }
        }
        touched
    }

    fn put_refund(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let key = joined(text(values.first()), text(values.get(1)));
        let row = match self.get(Name::Refund, &key) {
            None => values.to_vec(),
            Some(known) => {
                let mut row = Vec::clone(known);
                for column in
                    ["state", "refund_id", "trouble", "sent_at", "accepted_at", "ended_at"]
                {
                    let value = at(REFUND, values, column).cloned();
                    set(REFUND, &mut row, column, value.unwrap_or(Value::Text(None)));
                }
                row
            }
        };
        self.write(undo, Name::Refund, &key, row);
        1
    }

    fn end_refund(&mut self, values: &[Value], undo: &mut Vec<Undo>) -> u64 {
        let [number, state, now] = values else { panic!("a refund's end has three values") };
        let ours = self.of(Name::Refund, text(Some(number)));
        let ours = ours.filter(|(_, row)| text(at(REFUND, row, "asked_by")) != "elsewhere");
        let ours: Vec<(String, Cells)> =
            ours.map(|(key, row)| (key.clone(), row.clone())).collect();
        for (key, row) in &ours {
            let mut row = Vec::clone(row);
            set(REFUND, &mut row, "state", state.clone());
            set(REFUND, &mut row, "ended_at", now.clone());
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
        let keys: Vec<String> = match statement {
            S::EndEntry | S::AgainEntry | S::UpdateGoods | S::WakeEntry => {
                vec![joined(text(values.first()), text(values.get(1)))]
            }
            S::RetryEntry => vec![joined(text(values.get(1)), text(values.get(2)))],
            S::HurryQueries => {
                self.of(Name::Outbox, text(values.get(1))).map(|(key, _)| key.clone()).collect()
            }
            S::ReleaseAll => {
                self.table(Name::Outbox).into_iter().flat_map(BTreeMap::keys).cloned().collect()
            }
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
                        ("state", "pending".into()),
                        ("updated_at", value(2)),
                        ("due_at", value(4)),
                        ("last_error", value(5)),
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
                    let sets = vec![("state", "pending".into()), ("due_at", value(2))];
                    (state == "pending" || anyhow, sets)
                }
                S::RetryEntry => (
                    state == "dead" || state == "pending" && later,
                    vec![("state", "pending".into()), ("due_at", value(0))],
                ),
                S::HurryQueries => (
                    text(row.get(3)) == "query" && state == "pending" && later,
                    vec![("due_at", value(0))],
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

/// All rows of a table, for whoever checks the simulation.
impl Tables {
    pub(super) fn all(&self, table: &str, wanted: &[&str]) -> Vec<Vec<Value>> {
        let (name, columns) = match table {
            "orders" => (Name::Orders, ORDERS),
            "payment" => (Name::Payment, PAYMENT),
            "anomaly" => (Name::Anomaly, ANOMALY),
            "refund" => (Name::Refund, REFUND),
            "outbox" => (Name::Outbox, OUTBOX),
            _ => return Vec::new(),
        };
        let cell =
            |row: &Cells, name: &&str| at(columns, row, name).cloned().unwrap_or(Value::Text(None));
        let rows = self.table(name).into_iter().flat_map(BTreeMap::values);
        rows.map(|row| wanted.iter().map(|name| cell(row, name)).collect()).collect()
    }
}
