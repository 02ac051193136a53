//! What must be true of the database and of the gateway's ledger, in plain SQL and by counting.

use crate::load::Load;
use crate::never::NEVER;
use crate::rig::Rig;
use rusqlite::Connection;
use saoma_sandbox::OrderView;
use saoma_sandbox::gateway::PaymentView;
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The database, looked at from outside.
pub(crate) enum Books {
    Sqlite(PathBuf),
    Postgres(PgPool),
}

/// What was once so and must stay so.
#[derive(Default)]
pub(crate) struct Seen {
    paid: BTreeSet<String>,
}

impl Seen {
    /// An order that was paid stays so.
    fn look(&mut self, orders: &[Vec<String>], wrongs: &mut Vec<String>) {
        for row in orders {
            let is_paid = matches!(&*row[2], "paid" | "shipped");
            let goes_back = matches!(&*row[2], "refunding" | "refunded");
            if self.paid.contains(&row[0]) && !(is_paid || goes_back) {
                wrongs.push(format!("{row:?} was paid before"));
            }
            if is_paid {
                self.paid.insert(row[0].clone());
            }
        }
    }
}

impl Books {
    pub(crate) async fn of(database: &str, folder: &Path) -> Self {
        match database.strip_prefix("sqlite:") {
            Some(file) => Self::Sqlite(folder.join(file)),
            None => Self::Postgres(PgPool::connect(database).await.unwrap()),
        }
    }

    /// Rows of texts.
    async fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(file) => {
                let file = Connection::open(file).unwrap();
                file.busy_timeout(crate::rig::PATIENCE).unwrap();
                let mut statement = file.prepare(sql).unwrap();
                let columns = statement.column_count();
                let rows =
                    statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
                rows.unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(pool) => {
                let rows =
                    sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&*pool).await.unwrap();
                let texts =
                    |row: &sqlx::postgres::PgRow| (0..row.len()).map(|at| row.get(at)).collect();
                rows.iter().map(texts).collect()
            }
        }
    }

    /// Cuts the connections of all servers.
    pub(crate) async fn cut_connections(&mut self) -> u64 {
        let sql = "select cast(pg_terminate_backend(pid) as text) from pg_stat_activity
                   where datname = current_database()
                     and application_name like 'saoma-server%'";
        u64::try_from(self.rows(sql).await.len()).unwrap()
    }

    /// Everything that is wrong at any moment.
    pub(crate) async fn wrongs(&mut self, rig: &Rig, load: &Load, seen: &mut Seen) -> Vec<String> {
        // What others know is looked at first: the database can only know more.
        let (told, orders, calls) = (load.told(), rig.sandbox.orders(), rig.shop.calls());
        let mut wrongs = Vec::new();
        if let Self::Sqlite(_) = self {
            let check = self.rows("pragma quick_check").await;
            if check != [["ok"]] {
                wrongs.push(format!("the file is damaged: {check:?}"));
            }
        }
        for (what, sql) in NEVER {
            let found = self.rows(sql).await;
            wrongs.extend(found.iter().map(|row| format!("{what}: {row:?}")));
        }
        let sql = "select transaction_id, out_trade_no, cast(total_fee_fen as text), verdict,
                   order_id from payment";
        let payments = by_first(self.rows(sql).await);
        let sql = "select out_refund_no, transaction_id, cast(part_fen as text) from refund";
        let refunds = by_first(self.rows(sql).await);
        for order in &orders {
            for payment in &order.payments {
                ledger(order, payment, &payments, &mut wrongs);
                given_back(payment, &refunds, &mut wrongs);
            }
        }
        for call in &calls {
            let id = call["transaction_id"].as_str().unwrap();
            let is_ours = payments
                .get(id)
                .is_some_and(|row| row[3] == "ship" && call["order_id"] == row[4].as_str());
            if !is_ours {
                wrongs.push(format!("shipped for nothing: {call}"));
            }
        }
        let rows = self.rows("select order_id, order_no, phase from orders").await;
        let ids: BTreeMap<&str, &str> = rows.iter().map(|row| (&*row[1], &*row[0])).collect();
        for (order_no, id) in told {
            if ids.get(&*order_no) != Some(&&*id) {
                wrongs.push(format!("order {order_no} was told as {id}"));
            }
        }
        seen.look(&rows, &mut wrongs);
        wrongs
    }

    /// Payments at the gateway that are neither shipped for nor given back yet, or of which not
    /// what the shop was promised went back.
    pub(crate) async fn unsettled(&mut self, rig: &Rig, load: &Load) -> Vec<String> {
        let wanted = load.wanted();
        // A second payment of one number is a person's.
        let sql = "select transaction_id from anomaly where kind = 'conflict'";
        let persons = by_first(self.rows(sql).await);
        let mut ships: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for call in rig.shop.calls() {
            let text = |name: &str| call[name].as_str().unwrap().to_owned();
            ships.entry(text("transaction_id")).or_default().insert(text("ship_id"));
        }
        let mut unsettled = Vec::new();
        for order in rig.sandbox.orders() {
            for payment in &order.payments {
                if persons.contains_key(&payment.transaction_id) {
                    continue;
                }
                let back: u64 = payment.refunds.iter().map(|refund| refund.refund_fee).sum();
                let shipped = ships.get(&payment.transaction_id).map_or(0, BTreeSet::len);
                let is_whole = payment.total_fee == crate::load::PRICE;
                let of_shop = wanted.get(order.out_trade_no.split('-').next().unwrap_or_default());
                let is_of_shop =
                    payment.refunds.len() == 1 && of_shop.is_some_and(|wanted| wanted.fen == back);
                let is_settled = match shipped {
                    0 | 1 if is_whole && is_of_shop => true,
                    0 | 1 if is_whole && of_shop.is_some_and(|it| it.is_promised) => false,
                    0 => back == payment.total_fee && payment.refunds.len() == 1,
                    1 => back == 0 && is_whole,
                    _ => false,
                };
                if !is_settled {
                    let what = (&order.out_trade_no, payment.total_fee, back, shipped);
                    unsettled.push(format!("{what:?}"));
                }
            }
        }
        unsettled
    }
}

/// Rows by their first column.
fn by_first(rows: Vec<Vec<String>>) -> BTreeMap<String, Vec<String>> {
    rows.into_iter().map(|row| (row[0].clone(), row)).collect()
}

/// A payment at the gateway against the database.
fn ledger(
    order: &OrderView,
    payment: &PaymentView,
    payments: &BTreeMap<String, Vec<String>>,
    wrongs: &mut Vec<String>,
) {
    let (id, number) = (&payment.transaction_id, &order.out_trade_no);
    match payments.get(id) {
        None if payment.notification.state == "acknowledged" => {
            wrongs.push(format!("{id} was acknowledged and is not there"));
        }
        Some(row) if row[1] != *number || row[2] != payment.total_fee.to_string() => {
            wrongs.push(format!("{row:?} is {number} {} at the gateway", payment.total_fee));
        }
        _ => {}
    }
}

/// What the gateway has given back of a payment, against the database.
fn given_back(
    payment: &PaymentView,
    refunds: &BTreeMap<String, Vec<String>>,
    wrongs: &mut Vec<String>,
) {
    let back: u64 = payment.refunds.iter().map(|refund| refund.refund_fee).sum();
    if back > payment.total_fee {
        wrongs.push(format!("{}: {back} of {} back", payment.transaction_id, payment.total_fee));
    }
    for refund in &payment.refunds {
        let row = refunds.get(&refund.out_refund_no);
        let is_same = row.is_some_and(|row| {
            row[1] == payment.transaction_id && row[2] == refund.refund_fee.to_string()
        });
        if !is_same {
            wrongs.push(format!("{} is {row:?} here", refund.out_refund_no));
        }
    }
}
