//! The tables in memory, and what each statement does to them.

use super::super::db::Value;
use super::Row;
use super::bill::{BILL_DAY, DIFFERENCE};
use super::statement::Statement as S;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Included, Unbounded};
use std::sync::Arc;

/// The tables whose rows are kept whole. Of settings, numbers and messages only the keys matter,
/// and nobody reads the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub(super) enum Name {
    Setting,
    Orders,
    OrderNumber,
    Attempt,
    Payment,
    Message,
    Anomaly,
    Refund,
    Outbox,
    BillDay,
    Difference,
}

pub(super) const SETTING: &[&str] = &["name", "value"];
pub(super) const ORDERS: &[&str] = &[
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
pub(super) const PAYMENT: &[&str] = &[
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
pub(super) const ANOMALY: &[&str] = &[
    "kind",
    "transaction_id",
    "mch_id",
    "out_trade_no",
    "order_id",
    "paid_fen",
    "refund",
    "noticed_at",
];
pub(super) const REFUND: &[&str] = &[
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
pub(super) const OUTBOX: &[&str] = &[
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

/// All of them, by their names in a database, with their columns.
pub(super) const TABLES: &[(Name, &str, &[&str])] = &[
    (Name::Setting, "setting", SETTING),
    (Name::Orders, "orders", ORDERS),
    (Name::OrderNumber, "order_number", ORDER_NUMBER),
    (Name::Attempt, "attempt", ATTEMPT),
    (Name::Payment, "payment", PAYMENT),
    (Name::Message, "message", MESSAGE),
    (Name::Anomaly, "anomaly", ANOMALY),
    (Name::Refund, "refund", REFUND),
    (Name::Outbox, "outbox", OUTBOX),
    (Name::BillDay, "bill_day", BILL_DAY),
    (Name::Difference, "bill_difference", DIFFERENCE),
];

pub(super) type Cells = Arc<Vec<Value>>;
/// What names a row: its first column, or its first two with a line's end between them.
pub(super) type Key = Arc<str>;

/// What undoes a change: the row that stood under a key before.
#[derive(Debug)]
pub(super) struct Undo {
    table: Name,
    key: Key,
    before: Option<Cells>,
}

/// An order as a commit has left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) order_id: String,
    pub(crate) phase: String,
    pub(crate) version: i64,
    /// The server that has committed it; 0 without a transaction.
    pub(crate) life: u64,
}

/// All tables with their indexes.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// In the order of [`Name`].
    rows: [BTreeMap<Key, Cells>; TABLES.len()],
    due_orders: BTreeSet<(i64, Key)>,
    /// By lane: when an entry comes up, when it was written, and its key.
    pub(super) due_entries: BTreeMap<String, BTreeSet<(i64, i64, Key)>>,
    due_goods: BTreeSet<(i64, Key)>,
    /// Days and differences.
    pub(super) due_bills: BTreeSet<(i64, Name, Key)>,
    /// Keys of refunds by payment and by order.
    pub(super) refunds: BTreeSet<(String, Key)>,
    /// Orders that the open transaction has changed.
    touched: Vec<Key>,
    /// What commits have left since somebody asked.
    pub(super) changed: Vec<Changed>,
}

pub(super) fn text(value: Option<&Value>) -> &str {
    match value {
        Some(Value::Text(Some(text))) => text,
        _ => "",
    }
}

pub(super) fn int(value: Option<&Value>) -> i64 {
    optional_int(value).unwrap_or(0)
}

fn optional_int(value: Option<&Value>) -> Option<i64> {
    match value {
        Some(Value::Int(number)) => *number,
        _ => None,
    }
}

/// The value of a column.
pub(super) fn at<'r>(columns: &[&str], row: &'r [Value], column: &str) -> Option<&'r Value> {
    row.get(columns.iter().position(|name| *name == column)?)
}

pub(super) fn set(columns: &[&str], row: &mut [Value], column: &str, value: Value) {
    let place = columns.iter().position(|name| *name == column);
    if let Some(cell) = place.and_then(|place| row.get_mut(place)) {
        *cell = value;
    }
}

pub(super) fn joined(one: &str, other: &str) -> String {
    let mut key = String::with_capacity(one.len() + 1 + other.len());
    key.push_str(one);
    key.push('\n');
    key.push_str(other);
    key
}

pub(super) fn whole(columns: &'static [&'static str]) -> impl Fn(&Cells) -> Row {
    move |values| Row { columns, values: values.clone() }
}

fn one_due(due: Option<i64>) -> Vec<Row> {
    let row = |due| Row { columns: DUE, values: Arc::new(vec![Value::Int(Some(due))]) };
    due.map(row).into_iter().collect()
}

impl Tables {
    pub(super) const fn table(&self, name: Name) -> &BTreeMap<Key, Cells> {
        &self.rows[name as usize]
    }

    pub(super) fn get(&self, name: Name, key: &str) -> Option<&Cells> {
        self.table(name).get(key)
    }

    /// Puts a row under a key, or takes it away, and keeps the indexes right.
    fn put(&mut self, table: Name, key: &Key, row: Option<&Cells>) -> Option<Cells> {
        let rows = &mut self.rows[table as usize];
        let before = match row {
            Some(row) => rows.insert(key.clone(), row.clone()),
            None => rows.remove(key),
        };
        match table {
            Name::Orders => {
                let due = |row: &Cells| Some((optional_int(row.get(10))?, key.clone()));
                if let Some(due) = before.as_ref().and_then(due) {
                    self.due_orders.remove(&due);
                }
                self.due_orders.extend(row.and_then(due));
            }
            Name::Outbox => {
                if let Some(before) = &before {
                    self.index_entry(key, before, false);
                }
                if let Some(row) = row {
                    self.index_entry(key, row, true);
                }
            }
            Name::Refund => {
                for (row, add) in [(before.as_ref(), false), (row, true)] {
                    let Some(row) = row else { continue };
                    for by in ["transaction_id", "order_id"] {
                        let by = (text(at(REFUND, row, by)).to_owned(), key.clone());
                        if add {
                            self.refunds.insert(by)
                        } else {
                            self.refunds.remove(&by)
                        };
                    }
                }
            }
            Name::BillDay | Name::Difference => {
                let place = if table == Name::BillDay { 3 } else { 16 };
                let due = |row: &Cells| Some((optional_int(row.get(place))?, table, key.clone()));
                if let Some(due) = before.as_ref().and_then(due) {
                    self.due_bills.remove(&due);
                }
                self.due_bills.extend(row.and_then(due));
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

    fn index_entry(&mut self, key: &Key, row: &[Value], add: bool) {
        let due_at = int(row.get(7));
        match text(row.get(6)) {
            "pending" | "leased" => {
                let lane = text(row.get(4));
                if !self.due_entries.contains_key(lane) {
                    self.due_entries.insert(lane.to_owned(), BTreeSet::new());
                }
                let due = (due_at, int(row.get(9)), key.clone());
                if let Some(lane) = self.due_entries.get_mut(lane) {
                    if add {
                        lane.insert(due)
                    } else {
                        lane.remove(&due)
                    };
                }
            }
            "waiting" | "dispensing" => {
                let due = (due_at, key.clone());
                if add {
                    self.due_goods.insert(due)
                } else {
                    self.due_goods.remove(&due)
                };
            }
            _ => {}
        }
    }

    pub(super) fn write(&mut self, undo: &mut Vec<Undo>, table: Name, key: &str, row: Vec<Value>) {
        let key = Key::from(key);
        if table == Name::Orders {
            self.touched.push(key.clone());
        }
        let before = self.put(table, &key, Some(&Arc::new(row)));
        undo.push(Undo { table, key, before });
    }

    pub(super) fn undo(&mut self, undo: Vec<Undo>) {
        for Undo { table, key, before } in undo.into_iter().rev() {
            self.put(table, &key, before.as_ref());
        }
        self.touched.clear();
    }

    /// What this server wrote stands.
    pub(super) fn committed(&mut self, life: u64) {
        for order_id in std::mem::take(&mut self.touched) {
            let Some(row) = self.get(Name::Orders, &order_id) else { continue };
            let (order_id, phase) = (order_id.to_string(), text(row.get(7)).to_owned());
            let version = int(row.get(9));
            self.changed.push(Changed { order_id, phase, version, life });
        }
    }

    pub(super) fn has_payment(&self, transaction_id: &str) -> bool {
        self.get(Name::Payment, transaction_id).is_some()
    }

    pub(super) fn next_bill(&self, name: Name) -> Option<i64> {
        self.due_bills.iter().find(|(_, of, _)| *of == name).map(|(due, ..)| *due)
    }

    pub(super) fn due(&self) -> [Option<i64>; 5] {
        let lane = |lane: &str| self.due_entries.get(lane)?.first().map(|(due, ..)| *due);
        let first = |due: &BTreeSet<(i64, Key)>| due.first().map(|(due, _)| *due);
        let bills = self.due_bills.first().map(|(due, ..)| *due);
        [lane("gateway"), lane("shop"), first(&self.due_orders), first(&self.due_goods), bills]
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
            S::SettingBetween | S::OrderBetween | S::OrderBefore => self.beside(statement, values),
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
            S::NextDueOrder => one_due(self.due()[2]),
            S::AnomalyOrder => {
                let key = joined(text(values.get(1)), key);
                self.get(Name::Anomaly, &key).map(whole(ANOMALY)).into_iter().collect()
            }
            S::AnomaliesOfShop => self.anomalies_of_shop(values),
            S::Attempt => row(Name::Attempt, ATTEMPT),
            S::OurRefund => self.refunds_numbered(key, None),
            S::TheirRefund => self.refunds_numbered(key, values.get(1)),
            S::RefundsOfPayment | S::RefundsOfOrder => self.refunds_of(key),
            S::Goods => self.goods(key),
            S::LateGoods => {
                let (now, limit) = numbers();
                let late = self.due_goods.iter().take_while(|(due, _)| *due <= now);
                let late = late.filter_map(|(_, key)| self.get(Name::Outbox, key));
                late.take(usize::try_from(limit).unwrap_or(0)).map(whole(OUTBOX)).collect()
            }
            S::NextLateGoods => one_due(self.due()[3]),
            S::NextEntry => {
                let [gateway, shop, ..] = self.due();
                one_due(if key == "shop" { shop } else { gateway })
            }
            other => self.fetch_of_bills(other, values),
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
                other => found.extend(self.fetch_all_of_bills(other, key)),
            }
        }
        found
    }

    /// The rows whose keys begin with this.
    pub(super) fn of<'t>(
        &'t self,
        name: Name,
        first: &str,
    ) -> impl Iterator<Item = (&'t Key, &'t Cells)> {
        let from = joined(first, "");
        let found = self.table(name).range::<str, _>((Included(&*from), Unbounded));
        found.take_while(move |(key, _)| key.starts_with(&from))
    }

    /// Ours of a number, or that of a merchant which is not ours.
    fn refunds_numbered(&self, number: &str, elsewhere: Option<&Value>) -> Vec<Row> {
        let rows = self.of(Name::Refund, number).map(|(_, row)| row);
        let rows = rows.filter(|row| {
            let is_ours = text(at(REFUND, row, "asked_by")) != "elsewhere";
            let is_of = at(REFUND, row, "mch_id") == elsewhere;
            if elsewhere.is_none() { is_ours } else { !is_ours && is_of }
        });
        rows.map(whole(REFUND)).collect()
    }

    pub(super) fn refunds_of(&self, payment_or_order: &str) -> Vec<Row> {
        let from = (payment_or_order.to_owned(), Key::default());
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
            "bill_day" => (Name::BillDay, BILL_DAY),
            "bill_difference" => (Name::Difference, DIFFERENCE),
            _ => return Vec::new(),
        };
        let cell =
            |row: &Cells, name: &&str| at(columns, row, name).cloned().unwrap_or(Value::Text(None));
        let rows = self.table(name).values();
        rows.map(|row| wanted.iter().map(|name| cell(row, name)).collect()).collect()
    }

    /// All rows of a table, each as texts by column.
    pub(super) fn whole_table(
        &self,
        name: Name,
        columns: &'static [&'static str],
    ) -> Vec<Vec<(String, Option<String>)>> {
        let rows = self.table(name).values();
        rows.map(|values| whole(columns)(values).named_texts()).collect()
    }
}
