//! `saoma-server reconcile`: a day compared now, for whoever stands at the command line.

use super::report::{DayReport, day_of, differences_of};
use super::{Reconciler, read_date};
use crate::config::{Config, Database};
use crate::service::Service;
use crate::store::{BillDay, Conn, Store, StoreError};
use crate::worker::Worker;
use crate::{Clock, Random, StartError};
use saoma_core::bill::BillDate;
use saoma_core::ids::MchId;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// How often a running server is looked after that was asked for a day, and for how long.
const LOOK: (Duration, u32) = (Duration::from_millis(500), 1_800);
/// Differences that are written out; the table of the day has all of them.
const SHOWN_MAX: u32 = 100;

/// What came of `saoma-server reconcile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// What happened, for people.
    pub text: String,
    /// Differences that are open.
    pub open: u64,
    /// Merchants whose bill could not be compared.
    pub failed: u64,
}

/// Why nothing was compared.
#[derive(Debug)]
pub enum ReconcileError {
    /// It is not a day, or has no bill yet, or no longer.
    Date(String),
    /// The configuration has no such merchant.
    Merchant(String),
    /// The database or the lines to the outside cannot be used.
    Start(StartError),
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for ReconcileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(problem) => write!(f, "DATE {problem}"),
            Self::Merchant(mch_id) => {
                write!(f, "--merchant: the configuration has no merchant {mch_id}")
            }
            Self::Start(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReconcileError {}

impl From<StoreError> for ReconcileError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Compares a day's bills, of one merchant or of all. On SQLite a server that runs on the same file
/// is asked to do it, and this waits for it.
///
/// # Errors
/// [`ReconcileError`]; nothing was compared then.
pub async fn reconcile(
    config: Config,
    clock: Clock,
    random: Random,
    date: &str,
    merchant: Option<&str>,
) -> Result<Reconciled, ReconcileError> {
    let must = |problem: String| ReconcileError::Date(problem);
    let read = read_date(date).ok_or_else(|| must("must be a day such as 2026-11-23".to_owned()));
    let date = read?;
    date.ready(clock.now()).map_err(|error| must(error.rule.to_owned()))?;
    let all = config.merchants.iter().map(|known| known.mch_id.clone());
    let wanted = |mch_id: &MchId| merchant.is_none_or(|merchant| merchant == mch_id.as_str());
    let merchants: Vec<MchId> = all.filter(wanted).collect();
    if merchants.is_empty() {
        return Err(ReconcileError::Merchant(merchant.unwrap_or_default().to_owned()));
    }
    let lock = match &config.database {
        Database::Sqlite(path) => match crate::lock(path) {
            Ok(lock) => Some(lock),
            Err(StartError::Taken(_)) => None,
            Err(error) => return Err(ReconcileError::Start(error)),
        },
        Database::Postgres(_) => None,
    };
    let is_served = lock.is_none() && matches!(config.database, Database::Sqlite(_));
    let store = Store::open_beside(&config.database).await;
    let store = store.map_err(|error| not_open(&config, error))?;
    let outcome = if is_served {
        ask_server(&store, &clock, &merchants, &date).await
    } else {
        here(&config, store.clone(), clock, random, &merchants, &date).await
    };
    store.close().await;
    outcome
}

fn not_open(config: &Config, error: crate::OpenError) -> ReconcileError {
    ReconcileError::Start(StartError::Open { database: config.database.to_string(), error })
}

/// Compares in this process.
async fn here(
    config: &Config,
    store: Store,
    clock: Clock,
    random: Random,
    merchants: &[MchId],
    date: &BillDate,
) -> Result<Reconciled, ReconcileError> {
    let (gateways, webhooks) = crate::lines(config).map_err(ReconcileError::Start)?;
    // No order is placed here, so nobody is told where to notify.
    let sellers = crate::sellers(config, config.public_url.as_deref().unwrap_or_default());
    let opened = Service::open(store, clock, random, sellers).await;
    let (service, _at_once) = opened.map_err(|error| not_open(config, error))?;
    let service = Arc::new(service);
    let worker = Arc::new(Worker { service: service.clone(), gateways, webhooks });
    let reconciler = Reconciler::new(worker, config);
    let mut done = Reconciled { text: String::new(), open: 0, failed: 0 };
    for mch_id in merchants {
        let is_compared = reconciler.compare_now(mch_id, date).await?;
        let mut reader = service.store.reader().await?;
        tell(&mut done, &mut reader, mch_id, date, is_compared).await?;
    }
    Ok(done)
}

/// Has the server that runs on this file compare, and waits.
async fn ask_server(
    store: &Store,
    clock: &Clock,
    merchants: &[MchId],
    date: &BillDate,
) -> Result<Reconciled, ReconcileError> {
    let mut done = Reconciled { text: String::new(), open: 0, failed: 0 };
    for mch_id in merchants {
        let now = clock.now();
        let mut tx = store.begin().await?;
        let before = BillDay::get(&mut tx, mch_id, date).await?;
        let (runs, failures) = before.map_or((0, 0), |day| (day.runs, day.failures));
        BillDay::ask_for(&mut tx, mch_id, date, now).await?;
        tx.commit().await?;
        let mut compared = None;
        for _ in 0..LOOK.1 {
            tokio::time::sleep(LOOK.0).await;
            let mut reader = store.reader().await?;
            let day = BillDay::get(&mut reader, mch_id, date).await?;
            compared = day.filter(|day| day.runs > runs).and_then(|day| match day.due_at {
                None => Some(true),
                Some(_) if day.failures > failures => Some(false),
                Some(_) => None,
            });
            if compared.is_some() {
                break;
            }
        }
        tell(&mut done, &mut store.reader().await?, mch_id, date, compared == Some(true)).await?;
    }
    Ok(done)
}

async fn tell(
    done: &mut Reconciled,
    conn: &mut Conn,
    mch_id: &MchId,
    date: &BillDate,
    is_compared: bool,
) -> Result<(), ReconcileError> {
    add(done, day_of(conn, mch_id, date).await?, is_compared);
    for difference in differences_of(conn, (mch_id, date), None, SHOWN_MAX).await? {
        let [kind, state, why] = difference.words().map(|words| words.english);
        let yuan = |fen: Option<saoma_core::money::Fen>| {
            fen.map_or_else(|| "-".to_owned(), |fen| fen.yuan().to_string())
        };
        let (bill, here) = (yuan(difference.bill_fen), yuan(difference.here_fen));
        let numbers = [&difference.out_trade_no, &difference.transaction_id];
        let numbers = numbers.map(String::as_str).join(" ");
        let note = &difference.note;
        // Writing to a text cannot fail.
        let _ = writeln!(
            done.text,
            "  {state}: {kind}, bill {bill}, here {here} yuan: {numbers} ({why}) {note}"
        );
    }
    Ok(())
}

/// Adds what is told of one merchant's day.
fn add(done: &mut Reconciled, report: Option<DayReport>, is_compared: bool) {
    let Some(day) = report else {
        done.failed += 1;
        return;
    };
    let text = &mut done.text;
    let _ = write!(text, "{} {}: ", day.mch_id, day.date);
    if !is_compared {
        done.failed += 1;
        let why = day.last_error.as_deref().unwrap_or("nobody has compared it in time");
        let _ = writeln!(text, "could not be compared: {why}");
        return;
    }
    for (name, sums) in [("payments", day.payments), ("refunds", day.refunds)] {
        let Some(sums) = sums else { continue };
        let side = |sum: crate::store::BillSum| format!("{} of {} yuan", sum.count, sum.fen.yuan());
        let (bill, here) = (side(sums.bill), side(sums.here));
        let _ = write!(text, "{name} in the bill {bill}, here {here}; ");
        if sums.others.count > 0 {
            let _ = write!(text, "({} of other programs); ", side(sums.others));
        }
    }
    let _ = writeln!(text, "{} open, WeChat is being asked about {}", day.open, day.asking);
    done.open += day.open;
}
