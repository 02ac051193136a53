//! The store in memory, for the simulation only: the same statements as on a database, with real
//! transactions, and with everything going wrong that can go wrong with a database.
//!
//! It stands below the narrow waist ([`super::db`]): all that reads and writes rows runs as it is
//! shipped. Every statement that the service makes is known here by its text ([`statement`]); one
//! that is not known, because somebody has changed it, ends the simulation with its text.
//!
//! - A transaction sees what is committed and what it wrote itself (READ COMMITTED, as on
//!   PostgreSQL). Between two reads another server may commit; from the first write to the end
//!   nobody else comes in between, which is what a database's locks come to, since everything is
//!   written at the end.
//! - What a transaction wrote is undone when it fails, is dropped, or its server dies.
//! - [`Trouble`] says how often the database is busy or full, fails at a commit, loses the answer
//!   to a commit that was made, and how often a server dies at a write.

mod agree;
mod beside;
mod bill;
mod change;
mod list;
mod statement;
mod table;

use super::db::Value;
use sqlx::Error;
use statement::Statement;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use table::{Tables, Undo};

pub(crate) use agree::agree;
pub use list::Listed;
pub(crate) use table::Changed;

/// How often, of a million, something goes wrong with the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// A transaction cannot begin.
    pub busy: u32,
    /// A write fails.
    pub full: u32,
    /// A commit fails, and nothing was written.
    pub commit_fails: u32,
    /// A commit is made, and its answer is lost.
    pub commit_lost: u32,
    /// The server dies at a write: before it, or before or after the commit.
    pub crash: u32,
    /// Another server comes in between two reads.
    pub pause: u32,
}

/// How often each kind of trouble has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TroubleMet {
    /// See [`Trouble::busy`].
    pub busy: u64,
    /// See [`Trouble::full`].
    pub full: u64,
    /// See [`Trouble::commit_fails`].
    pub commit_fails: u64,
    /// See [`Trouble::commit_lost`].
    pub commit_lost: u64,
    /// See [`Trouble::crash`].
    pub crash: u64,
    /// See [`Trouble::pause`].
    pub pause: u64,
}

/// A database in memory. Clones are the same database.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    tables: Tables,
    known: HashMap<[usize; 4], Statement>,
    /// The text that is put together while the server runs, once it is known.
    claim: String,
    trouble: Trouble,
    met: TroubleMet,
    random: u64,
    /// Servers that live; whatever another one still does waits for ever.
    lives: BTreeSet<u64>,
    last_life: u64,
    last_transaction: u64,
    /// The transaction that has written something.
    writer: Option<Writer>,
    /// Servers that have died by themselves and are to be buried.
    died: Vec<u64>,
    /// Transactions that have changed something and were committed.
    commits: u64,
    /// Transactions that were committed, whether they have changed something or not.
    ended: u64,
}

#[derive(Debug)]
struct Writer {
    transaction: u64,
    life: u64,
    undo: Vec<Undo>,
}

impl Memory {
    /// An empty database whose troubles follow from this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            tables: Tables::default(),
            known: HashMap::new(),
            claim: String::new(),
            trouble: Trouble::default(),
            met: TroubleMet::default(),
            random: seed,
            lives: BTreeSet::new(),
            last_life: 0,
            last_transaction: 0,
            writer: None,
            died: Vec::new(),
            commits: 0,
            ended: 0,
        })))
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has this go wrong so often from now on.
    pub fn set_trouble(&self, trouble: Trouble) {
        self.shared().trouble = trouble;
    }

    /// What has gone wrong so far.
    #[must_use]
    pub fn met(&self) -> TroubleMet {
        self.shared().met
    }

    /// How many transactions have changed something.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.shared().commits
    }

    /// How many transactions were committed, those that have changed nothing included.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.shared().ended
    }

    /// Whether a payment is committed.
    #[must_use]
    pub fn has_payment(&self, transaction_id: &str) -> bool {
        let shared = self.shared();
        shared.writer.is_none() && shared.tables.has_payment(transaction_id)
    }

    /// Servers that have died since this was last asked, each by its life.
    pub(crate) fn take_died(&self) -> Vec<u64> {
        std::mem::take(&mut self.shared().died)
    }

    /// Orders that have changed since this was last asked, each once for each change.
    pub(crate) fn take_changed(&self) -> Vec<Changed> {
        std::mem::take(&mut self.shared().tables.changed)
    }

    /// A server begins to live.
    pub(super) fn live(&self) -> Server {
        let mut shared = self.shared();
        shared.last_life += 1;
        let life = shared.last_life;
        shared.lives.insert(life);
        Server { memory: self.clone(), life }
    }

    /// A server dies: what it has not committed never was.
    pub(crate) fn kill(&self, life: u64) {
        let mut shared = self.shared();
        shared.lives.remove(&life);
        if shared.writer.as_ref().is_some_and(|writer| writer.life == life) {
            shared.undo();
        }
    }

    /// These columns of all rows of a table, for whoever checks.
    pub(crate) fn rows(&self, table: &str, columns: &[&str]) -> Vec<Vec<Value>> {
        self.shared().tables.all(table, columns)
    }

    /// When the first of these comes up: entries for WeChat, entries for shops, orders, goods,
    /// bills.
    pub(crate) fn due(&self) -> [Option<i64>; 5] {
        self.shared().tables.due()
    }
}

/// A server's line to the database.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    memory: Memory,
    life: u64,
}

impl Server {
    pub(crate) const fn life(&self) -> u64 {
        self.life
    }

    /// Whether nobody else uses the database.
    pub(super) fn is_alone(&self) -> bool {
        self.memory.shared().lives.len() <= 1
    }

    pub(super) fn reader(&self) -> Session {
        Session { server: self.clone(), transaction: None }
    }

    pub(super) async fn begin(&self) -> Result<Session, Error> {
        self.pause().await;
        let mut shared = self.memory.shared();
        if shared.happens(|trouble| trouble.busy) {
            shared.met.busy += 1;
            return Err(Error::PoolTimedOut);
        }
        shared.last_transaction += 1;
        let transaction = Some(shared.last_transaction);
        Ok(Session { server: self.clone(), transaction })
    }

    /// Lets others come in between, now and then; a dead server stays here for ever.
    async fn pause(&self) {
        let mut paused = false;
        std::future::poll_fn(|context| {
            let mut shared = self.memory.shared();
            if !shared.lives.contains(&self.life) {
                return std::task::Poll::Pending;
            }
            let others_write = shared.writer.as_ref().is_some_and(|it| it.life != self.life);
            if others_write || !paused && shared.happens(|trouble| trouble.pause) {
                shared.met.pause += 1;
                paused = true;
                context.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(())
        })
        .await;
    }
}

/// A connection, alone or in a transaction.
#[derive(Debug)]
pub(crate) struct Session {
    server: Server,
    transaction: Option<u64>,
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut shared = self.server.memory.shared();
        let is_mine = |writer: &Writer| Some(writer.transaction) == self.transaction;
        if shared.writer.as_ref().is_some_and(is_mine) {
            shared.undo();
        }
    }
}

impl Session {
    /// The rows that a statement gives.
    pub(super) async fn fetch(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.server.memory.shared().statement(sql, "");
        if statement == Statement::Claim {
            // It takes what it gives.
            self.enter().await?;
            let mut shared = self.server.memory.shared();
            return Ok(shared.write(|tables, undo| tables.claim(values, undo)));
        }
        self.look().await;
        Ok(self.server.memory.shared().tables.fetch(statement, values))
    }

    /// The rows whose key is one of these.
    pub(super) async fn fetch_all(&self, sql: &str, keys: &[Value]) -> Result<Vec<Row>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let statement = self.server.memory.shared().statement(sql, "");
        self.look().await;
        Ok(self.server.memory.shared().tables.fetch_all(statement, keys))
    }

    /// Carries a statement out for each of these rows.
    pub(super) async fn execute(
        &self,
        head: &str,
        tail: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, Error> {
        if rows.is_empty() {
            return Ok(0);
        }
        let statement = self.server.memory.shared().statement(head, tail);
        self.enter().await?;
        let mut shared = self.server.memory.shared();
        Ok(shared.write(|tables, undo| {
            rows.into_iter().map(|row| tables.execute(statement, row, undo)).sum()
        }))
    }

    /// Others may come in between, unless something was written.
    async fn look(&self) {
        if !self.writes() {
            self.server.pause().await;
        }
    }

    fn writes(&self) -> bool {
        let shared = self.server.memory.shared();
        shared.writer.as_ref().is_some_and(|it| Some(it.transaction) == self.transaction)
    }

    /// A write is about to be made.
    async fn enter(&self) -> Result<(), Error> {
        self.look().await;
        self.point().await;
        let mut shared = self.server.memory.shared();
        if shared.happens(|trouble| trouble.full) {
            shared.met.full += 1;
            return Err(Error::Protocol("the disk is full".to_owned()));
        }
        if let (Some(transaction), None) = (self.transaction, &shared.writer) {
            let life = self.server.life;
            shared.writer = Some(Writer { transaction, life, undo: Vec::new() });
        }
        Ok(())
    }

    /// A point at which the server may die.
    async fn point(&self) {
        if self.server.memory.shared().may_die(self.server.life) {
            std::future::pending().await
        }
    }

    /// Makes a transaction happen.
    pub(super) async fn commit(self) -> Result<(), Error> {
        if self.transaction.is_none() || !self.writes() {
            self.server.memory.shared().ended += 1;
            return Ok(());
        }
        self.point().await;
        {
            let mut shared = self.server.memory.shared();
            if shared.happens(|trouble| trouble.commit_fails) {
                shared.met.commit_fails += 1;
                // Dropping this undoes what was written.
                return Err(Error::Protocol("the commit failed".to_owned()));
            }
            let written = shared.writer.take().is_some_and(|writer| !writer.undo.is_empty());
            shared.commits += u64::from(written);
            shared.ended += 1;
            shared.tables.committed(self.server.life);
        }
        self.point().await;
        let mut shared = self.server.memory.shared();
        if shared.happens(|trouble| trouble.commit_lost) {
            shared.met.commit_lost += 1;
            return Err(Error::Protocol("the connection broke at the commit".to_owned()));
        }
        Ok(())
    }
}

impl Shared {
    fn happens(&mut self, often: fn(&Trouble) -> u32) -> bool {
        let often = often(&self.trouble);
        often > 0 && mix(&mut self.random) % 1_000_000 < u64::from(often)
    }

    /// Whether a server dies here.
    fn may_die(&mut self, life: u64) -> bool {
        if !self.happens(|trouble| trouble.crash) {
            return false;
        }
        self.met.crash += 1;
        self.died.push(life);
        self.lives.remove(&life);
        if self.writer.as_ref().is_some_and(|writer| writer.life == life) {
            self.undo();
        }
        true
    }

    fn undo(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.tables.undo(writer.undo);
        }
    }

    /// Writes in the transaction that is open, or at once when there is none.
    fn write<T>(&mut self, write: impl FnOnce(&mut Tables, &mut Vec<Undo>) -> T) -> T {
        if let Some(writer) = &mut self.writer {
            return write(&mut self.tables, &mut writer.undo);
        }
        let written = write(&mut self.tables, &mut Vec::new());
        self.tables.committed(0);
        written
    }

    /// Which statement this is. Nearly all texts stand in the program, so their places tell.
    fn statement(&mut self, head: &str, tail: &str) -> Statement {
        let place = [head.as_ptr().addr(), head.len(), tail.as_ptr().addr(), tail.len()];
        // The one that is put together while the server runs.
        let stays = !head.starts_with("with mine");
        if !stays && self.claim == head {
            return Statement::Claim;
        }
        if stays && let Some(statement) = self.known.get(&place) {
            return *statement;
        }
        let statement = Statement::of(head, tail);
        if stays {
            self.known.insert(place, statement);
        } else {
            head.clone_into(&mut self.claim);
        }
        statement
    }
}

/// `SplitMix64`.
fn mix(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *random;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A row that was read.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    columns: &'static [&'static str],
    values: Arc<Vec<Value>>,
}

impl Row {
    pub(super) fn text(&self, column: &str) -> Result<&str, Error> {
        match self.get(column)? {
            Value::Text(Some(text)) => Ok(text),
            Value::Text(None) | Value::Int(_) => Err(Error::ColumnNotFound(column.to_owned())),
        }
    }

    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>, Error> {
        match self.get(column)? {
            Value::Text(text) => Ok(text.clone()),
            Value::Int(_) => Err(Error::ColumnNotFound(column.to_owned())),
        }
    }

    pub(super) fn int(&self, column: &str) -> Result<i64, Error> {
        self.optional_int(column)?.ok_or_else(|| Error::ColumnNotFound(column.to_owned()))
    }

    pub(super) fn optional_int(&self, column: &str) -> Result<Option<i64>, Error> {
        match self.get(column)? {
            Value::Int(number) => Ok(*number),
            Value::Text(_) => Err(Error::ColumnNotFound(column.to_owned())),
        }
    }

    /// All columns by name, as texts.
    pub(super) fn named_texts(&self) -> Vec<(String, Option<String>)> {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Int(number) => number.map(|number| number.to_string()),
        };
        let named = self.columns.iter().zip(self.values.iter());
        named.map(|(name, value)| ((*name).to_owned(), text(value))).collect()
    }

    /// What stands in a column.
    fn get(&self, column: &str) -> Result<&Value, Error> {
        let place = self.columns.iter().position(|name| *name == column);
        place
            .and_then(|place| self.values.get(place))
            .ok_or_else(|| Error::ColumnNotFound(column.to_owned()))
    }
}
