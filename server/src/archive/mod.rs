//! Old months leave the tables while servers run.
//!
//! A month may leave when nothing in it can change any more: it is older than a payment can be
//! refunded, and every order in it is at rest. What says that a payment or an order number is known
//! (`payment`, `order_number`) stays for ever, so that an old message that comes again, or an old
//! number, never looks like a new one.

mod postgres;
mod sqlite;

use crate::config::Database;
use crate::store::{Conn, Month, OpenError, Store, StoreError};
use saoma_core::time::UnixTime;
use saoma_core::watch::Phase;
use sqlx::AssertSqlSafe;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A payment can be refunded for a year (protocol §7); one month more for what is under way then.
const MONTHS_KEPT: u32 = 13;
/// States of refunds that are not at their end. One that failed needs its order until a person has
/// seen to it.
const OPEN_REFUNDS: &str = "'held', 'asked', 'unsure', 'accepted', 'failed'";
/// How many orders a refusal names.
const NAMED_MAX: u32 = 10;
/// How often to try to have for oneself what others hold.
const TRIES: u32 = 20;
/// How long to let the others go on between tries.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 1_000 });
/// What PostgreSQL calls a lock that was not to be had in time, and SQLite a file that is in use.
const NOT_NOW: [&str; 2] = ["55P03", "5"];

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Which month.
    pub month: Month,
    /// How many orders.
    pub orders: u64,
    /// Where they are now.
    pub place: String,
}

/// Why nothing more is moved. Months before stay moved.
#[derive(Debug)]
pub enum ArchiveError {
    /// Payments of such young orders may still be refunded.
    TooYoung {
        /// The latest that may be asked for.
        latest: Month,
    },
    /// Some orders are not at their end, and why.
    NotAtRest(Vec<String>),
    /// Somebody reads or writes the tables for a long time.
    Busy,
    /// The archive's file cannot be made.
    File(PathBuf, std::io::Error),
    /// The database cannot be opened.
    Open(OpenError),
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooYoung { latest } => write!(
                f,
                "a payment can be refunded for a year: at the latest --before {}",
                latest.with_dash()
            ),
            Self::NotAtRest(orders) => {
                f.write_str("not everything is at its end; nothing was moved:")?;
                orders.iter().try_for_each(|order| write!(f, "\n  {order}"))
            }
            Self::Busy => f.write_str(
                "somebody holds the tables for a long time, such as a dump or a report; try again \
                 when that is over",
            ),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Open(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ArchiveError {}

impl From<StoreError> for ArchiveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OpenError> for ArchiveError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

/// Moves every month before `before`, oldest first, and gives what was moved.
///
/// # Errors
/// [`ArchiveError`]; a month moves as a whole or not at all.
pub async fn archive(
    database: &Database,
    before: Month,
    now: UnixTime,
) -> Result<Vec<Archived>, ArchiveError> {
    let latest = Month::of(now).minus(MONTHS_KEPT);
    if before > latest {
        return Err(ArchiveError::TooYoung { latest });
    }
    let store = Store::open_as_it_is(database).await?;
    let busy = not_at_rest(&mut store.reader().await?.within(None), before).await?;
    let moved = if busy.is_empty() {
        match database {
            Database::Sqlite(path) => sqlite::archive(&store, path, before).await,
            Database::Postgres(_) => postgres::archive(&store, before).await,
        }
    } else {
        Err(ArchiveError::NotAtRest(busy))
    };
    store.close().await;
    moved
}

/// Gives way to whoever holds what is needed, and tries again.
async fn patiently<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, ArchiveError>,
) -> Result<T, ArchiveError> {
    for _ in 1..TRIES {
        match attempt().await {
            Err(error) if is_not_now(&error) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    attempt().await.map_err(|error| if is_not_now(&error) { ArchiveError::Busy } else { error })
}

/// Whether somebody else only was there first.
fn is_not_now(error: &ArchiveError) -> bool {
    let ArchiveError::Store(error) = error else { return false };
    matches!(error, StoreError::Stale) || NOT_NOW.iter().any(|code| error.is(code))
}

/// The first orders before a month that are not at their end, each with the reason.
async fn not_at_rest(conn: &mut Conn, before: Month) -> Result<Vec<String>, StoreError> {
    let ends = Phase::ALL.into_iter().filter(|phase| phase.is_final());
    let ends: Vec<String> = ends.map(|phase| format!("'{}'", phase.as_str())).collect();
    let sql = format!(
        "select order_id || ' ' || why as busy from (
             select order_id, 'is ' || phase as why from orders
             where order_id < $1 and (due_at is not null or phase not in ({}))
             union all
             select order_id, 'has ' || key || ', ' || state || ', in the outbox' as why
             from outbox where order_id <> '' and order_id < $1
                           and state not in ('done', 'unfetched', 'unconfirmed')
             union all
             select order_id, 'has refund ' || out_refund_no || ', ' || state as why
             from refund where order_id <> '' and order_id < $1 and state in ({OPEN_REFUNDS})
         ) as found order by order_id limit $2",
        ends.join(", ")
    );
    let values = vec![before.to_string().into(), NAMED_MAX.into()];
    let rows = conn.fetch(AssertSqlSafe(sql), values).await?;
    rows.iter().map(|row| row.text("busy")).collect()
}

#[cfg(test)]
pub(crate) mod tests;
