//! The state of a sandbox in a file: how it began, and a journal of everything that happened.
//!
//! The gateway is replayable: the same inputs give the same outputs. So its inputs are written
//! down, each with a digest of what came of it and before its answer leaves the process, and a
//! start replays them. A digest that differs means that the file was made by another version,
//! whose gateway is another one: the file is refused, not misread.
//!
//! One process has the file at a time. Commits are grouped: while one is written, the inputs that
//! come meanwhile wait for the next.

mod error;
mod journal;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _};

pub use error::StateError;
pub(crate) use journal::{Journal, NotKept, Receipt};

use crate::gateway::input::Input;
use crate::gateway::{Gateway, Rules};
use crate::merchant::Merchant;
use crate::time::UnixTime;

/// How long to wait for another process that has the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// The name of the setting that holds how far the clock is ahead.
const AHEAD: &str = "ahead_s";

/// What a file holds.
pub(crate) struct State {
    pub(crate) gateway: Gateway,
    /// How far the clock was ahead of the machine's, in seconds.
    pub(crate) ahead_s: i64,
    /// When the last input came.
    pub(crate) last_at: Option<UnixTime>,
    connection: SqliteConnection,
    next: i64,
}

impl State {
    /// Opens the file, makes it when it is not there, and replays it.
    ///
    /// The seed of the first start counts. Rules and merchants must be those of before, but
    /// merchants may be added.
    pub(crate) async fn open(
        path: &Path,
        rules: Rules,
        merchants: &[Merchant],
        seed: u64,
    ) -> Result<Self, StateError> {
        make_private(path).map_err(StateError::File)?;
        let mut connection = connect(path).await?;
        check_is_ours(&mut connection).await?;
        sqlx::migrate!("./migrations").run(&mut connection).await.map_err(StateError::migrate)?;
        let seed = setting(&mut connection, "seed", &seed.to_string()).await?;
        let seed = seed.parse().map_err(|_| StateError::OtherVersion { input: None })?;
        let asked = format!("{rules:?}");
        let was = setting(&mut connection, "rules", &asked).await?;
        if was != asked {
            return Err(StateError::Rules { was, is: asked });
        }
        let ahead_s = setting(&mut connection, AHEAD, "0").await?;
        let ahead_s = ahead_s.parse().map_err(|_| StateError::OtherVersion { input: None })?;
        let next = next_number(&mut connection).await?;
        let since = merchants_since(&mut connection, merchants, next).await?;
        let gateway = Gateway::new(rules, [], seed);
        let mut replay = Replay { gateway, waiting: since, last_at: None };
        replay.run(&mut connection).await?;
        let Replay { gateway, last_at, .. } = replay;
        Ok(Self { gateway, ahead_s, last_at, connection, next })
    }

    /// The gateway, and the journal that is continued.
    pub(crate) fn into_parts(self) -> (Gateway, Journal) {
        (self.gateway, Journal::start(self.connection, self.next))
    }
}

/// A replay under way.
struct Replay {
    gateway: Gateway,
    /// Merchants that are not there yet, by the number of their first input, the last one first.
    waiting: Vec<(i64, Merchant)>,
    last_at: Option<UnixTime>,
}

impl Replay {
    async fn run(&mut self, connection: &mut SqliteConnection) -> Result<(), StateError> {
        let mut rows = sqlx::query("select number, at, input, digest from input order by number")
            .fetch(connection);
        while let Some(row) = rows.try_next().await? {
            let number: i64 = row.try_get(0)?;
            let other_version = StateError::OtherVersion { input: Some(number) };
            self.admit(number);
            let at = UnixTime(row.try_get(1)?);
            let Ok(input) = serde_json::from_str::<Input>(row.try_get(2)?) else {
                return Err(other_version);
            };
            let digest = input.replay(&mut self.gateway, at);
            if hex(digest) != row.try_get::<&str, _>(3)? {
                return Err(other_version);
            }
            self.last_at = Some(at);
        }
        drop(rows);
        self.admit(i64::MAX);
        Ok(())
    }

    /// Takes the merchants that were there for this input.
    fn admit(&mut self, number: i64) {
        while self.waiting.last().is_some_and(|(since, _)| *since <= number) {
            if let Some((_, merchant)) = self.waiting.pop() {
                self.gateway.admit(merchant);
            }
        }
    }
}

/// Makes the file, if it is not there, for its owner alone; SQLite's other files follow it.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn connect(path: &Path) -> Result<SqliteConnection, StateError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        // The inputs are replayed while they are read: that is slow by its nature.
        .disable_statement_logging();
    Ok(options.connect().await?)
}

/// Refuses the database of something else, before a table is added to it.
async fn check_is_ours(connection: &mut SqliteConnection) -> Result<(), StateError> {
    let tables = "select name from sqlite_master where type = 'table'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(connection).await?;
    if tables.is_empty()
        || ["input", "merchant"].iter().all(|name| tables.iter().any(|t| t == name))
    {
        Ok(())
    } else {
        Err(StateError::NotOurs)
    }
}

/// A decision of the first start: kept when there is none yet, and what is kept is returned.
async fn setting(
    connection: &mut SqliteConnection,
    name: &str,
    value: &str,
) -> Result<String, sqlx::Error> {
    sqlx::query("insert into setting (name, value) values ($1, $2) on conflict (name) do nothing")
        .bind(name)
        .bind(value)
        .execute(&mut *connection)
        .await?;
    let kept = "select value from setting where name = $1";
    sqlx::query_scalar(kept).bind(name).fetch_one(connection).await
}

async fn next_number(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let last: Option<i64> =
        sqlx::query_scalar("select max(number) from input").fetch_one(connection).await?;
    Ok(last.map_or(1, |last| last + 1))
}

/// Since which input each merchant is there, the last one first. All that were there before must
/// be there again, as they were.
async fn merchants_since(
    connection: &mut SqliteConnection,
    merchants: &[Merchant],
    next: i64,
) -> Result<Vec<(i64, Merchant)>, StateError> {
    let rows: Vec<(String, i64, String)> =
        sqlx::query_as("select mch_id, since, settings from merchant")
            .fetch_all(&mut *connection)
            .await?;
    let mut known: BTreeMap<_, _> =
        rows.into_iter().map(|(mch_id, since, settings)| (mch_id, (since, settings))).collect();
    let mut all = Vec::new();
    for merchant in merchants {
        let since = match known.remove(&merchant.mch_id) {
            Some((since, was)) => {
                check_settings(merchant, &was)?;
                since
            }
            None => {
                add_merchant(connection, merchant, next).await?;
                next
            }
        };
        all.push((since, merchant.clone()));
    }
    if let Some((mch_id, _)) = known.pop_first() {
        return Err(StateError::MerchantMissing { mch_id });
    }
    all.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
    Ok(all)
}

async fn add_merchant(
    connection: &mut SqliteConnection,
    merchant: &Merchant,
    since: i64,
) -> Result<(), StateError> {
    let settings = serde_json::to_string(&merchant.settings()).map_err(StateError::json)?;
    sqlx::query("insert into merchant (mch_id, since, settings) values ($1, $2, $3)")
        .bind(&merchant.mch_id)
        .bind(since)
        .bind(settings)
        .execute(connection)
        .await?;
    Ok(())
}

fn check_settings(merchant: &Merchant, was: &str) -> Result<(), StateError> {
    let was: BTreeMap<String, String> =
        serde_json::from_str(was).map_err(|_| StateError::OtherVersion { input: None })?;
    let is = merchant.settings();
    let names = was.keys().map(String::as_str).chain(is.keys().copied());
    for name in names {
        let (was, is) = (was.get(name), is.get(name));
        if was != is {
            return Err(StateError::MerchantChanged {
                mch_id: merchant.mch_id.clone(),
                setting: name.to_owned(),
                was: was.cloned().unwrap_or_default(),
            });
        }
    }
    Ok(())
}

fn hex(bytes: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(bytes))
}
