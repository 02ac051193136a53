//! Group commit: verbs that wait at the same moment share one transaction, and one wait for the
//! disk.
//!
//! A [`Verb`] decides on what a [`Change`] has loaded and puts down what is to be written; one that
//! fails leaves nothing behind. The writer gathers whatever waits, lets verb after verb decide,
//! writes everything with few statements, commits, and only then answers. It never waits for more
//! verbs to come: while one batch is being written or committed, the next gathers by itself.
//!
//! When a batch cannot be written as a whole, because somebody else has changed one of its orders
//! or because the database failed, its verbs are run again one by one, each from what is stored
//! then. So a verb may run more than once, and only its last run counts.
//!
//! Not so when the commit itself fails: it may have been made, and only its answer be lost. Run
//! again, a verb would find what it has done itself and take it for another's: a machine that
//! claims goods for the first time would hear that they were claimed before. So all of the batch
//! are told of the failure, and whoever asked asks again, as WeChat, shops, machines and the worker
//! do.
//!
//! On SQLite each writer has a thread of its own, because there it is the writer that waits for the
//! disk.

use super::change::Change;
pub(super) use super::change::Needs;
use super::context::Context;
use crate::clock::Stopwatch;
use crate::crash::point;
use crate::store::{OpenError, Store, StoreError};
use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, BoxFuture, abortable};
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::{Instrument as _, Span};

/// Most verbs of one transaction.
const BATCH_MAX: usize = 64;
/// Most verbs that may wait. More than that cannot be answered in time anyway.
const WAITING_MAX: usize = 4_096;
/// How often a verb that always loses a race is run before it fails.
const RACES_MAX: u32 = 20;

/// Something that the server can do: one transaction.
pub(super) trait Verb: Send + Sync + 'static {
    /// What it gives.
    type Out: Send;
    /// Why it does nothing.
    type Error: From<StoreError> + Send;

    /// What to load for it together with what others of its batch need.
    fn needs(&self, _needs: &mut Needs) {}

    /// Decides, and puts down in `change` what is to be written.
    fn run(
        &self,
        change: &mut Change,
    ) -> impl Future<Output = Result<Self::Out, Self::Error>> + Send;
}

/// A verb with somebody who waits for its end.
trait Job: Send {
    fn needs(&self, needs: &mut Needs);
    /// Runs the verb once; what it has put down is kept only if it ended well.
    fn run<'c>(&'c mut self, change: &'c mut Change) -> BoxFuture<'c, ()>;
    /// Says that the last run is committed, or why nothing could be.
    fn answer(self: Box<Self>, end: Result<(), StoreError>);
}

struct Waiting<V: Verb> {
    verb: V,
    /// What is said meanwhile belongs to whoever asked.
    span: Span,
    result: Option<Result<V::Out, V::Error>>,
    reply: oneshot::Sender<Result<V::Out, V::Error>>,
}

impl<V: Verb> Job for Waiting<V> {
    fn needs(&self, needs: &mut Needs) {
        self.verb.needs(needs);
    }

    fn run<'c>(&'c mut self, change: &'c mut Change) -> BoxFuture<'c, ()> {
        Box::pin(async move {
            let result = self.verb.run(change).instrument(self.span.clone()).await;
            match &result {
                Ok(_) => change.keep(),
                Err(_) => change.forget(),
            }
            self.result = Some(result);
        })
    }

    fn answer(self: Box<Self>, end: Result<(), StoreError>) {
        let result = match (end, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Stopped.into()),
            (Err(error), _) => Err(error.into()),
        };
        // Whoever asked may be gone; what was committed stands.
        let _ = self.reply.send(result);
    }
}

/// Where verbs wait. Dropped, the writers end at once, and what is not committed never happened.
#[derive(Debug)]
pub(super) struct Queue {
    jobs: mpsc::Sender<Box<dyn Job>>,
    _writers: Writers,
}

impl std::fmt::Debug for dyn Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl Queue {
    /// Begins to write, with as many writers as the database bears.
    pub(super) fn start(store: &Store, context: &Arc<Context>) -> Result<Self, OpenError> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let desks = Arc::new(Semaphore::new(store.desks()));
        let mut writers = Writers::default();
        for _ in 0..store.writers() {
            let (store, context, desks) = (store.clone(), context.clone(), desks.clone());
            let writer = Writer { store, context, desks };
            if writer.store.is_blocking() {
                writers.spawn_thread(writer.run(waiting.clone())).map_err(OpenError::Thread)?;
            } else {
                writers.tasks.spawn(writer.run(waiting.clone()));
            }
        }
        Ok(Self { jobs, _writers: writers })
    }

    /// Carries a verb out. It goes on even when nobody waits for it any more.
    pub(super) async fn execute<V: Verb>(&self, verb: V) -> Result<V::Out, V::Error> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Waiting { verb, span: Span::current(), result: None, reply });
        let stopped = || V::Error::from(StoreError::Stopped);
        self.jobs.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// Those who write. Dropped, they end at once.
#[derive(Debug, Default)]
struct Writers {
    tasks: JoinSet<()>,
    /// Those who would keep the runtime's threads from everything else while they wait for the
    /// disk. What else they wait for, the runtime sees to.
    threads: Vec<(AbortHandle, JoinHandle<()>)>,
}

impl Writers {
    fn spawn_thread(
        &mut self,
        writer: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (writer, end) = abortable(writer);
        let runtime = Handle::current();
        let thread = thread::Builder::new().name("saoma-writer".to_owned());
        // It is told when it has to end, or has ended by itself.
        let thread = thread.spawn(move || {
            let _ = runtime.block_on(writer);
        })?;
        self.threads.push((end, thread));
        Ok(())
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.threads.iter().for_each(|(end, _)| end.abort());
        for (_, thread) in self.threads.drain(..) {
            // It waits for nobody but the disk now. Once it is gone, nothing more is committed.
            let _ = thread.join();
        }
    }
}

#[derive(Clone, Debug)]
struct Writer {
    store: Store,
    context: Arc<Context>,
    /// Where batches are gathered, decided and written; those that are being committed have left.
    desks: Arc<Semaphore>,
}

impl Writer {
    async fn run(self, waiting: Arc<Mutex<mpsc::Receiver<Box<dyn Job>>>>) {
        loop {
            let Ok(desk) = self.desks.acquire().await else { return };
            let mut jobs = Vec::new();
            if waiting.lock().await.recv_many(&mut jobs, BATCH_MAX).await == 0 {
                return;
            }
            let batch = AssertUnwindSafe(self.batch(jobs, desk)).catch_unwind().await;
            if batch.is_err() {
                // Its transaction is gone, and so are those who would have answered.
                tracing::error!("a verb ended badly; nothing of its batch was kept");
            }
        }
    }

    async fn batch(&self, mut jobs: Vec<Box<dyn Job>>, desk: SemaphorePermit<'_>) {
        let mut desk = Some(desk);
        if jobs.len() > 1 {
            match self.attempt(&mut jobs, &mut desk).await {
                Ok(()) => return jobs.into_iter().for_each(|job| job.answer(Ok(()))),
                Err(Failed::NotBegun(error) | Failed::InDoubt(error)) => return fail(jobs, &error),
                Err(Failed::InBetween(_)) => {}
            }
        }
        let mut jobs = jobs.into_iter();
        while let Some(mut job) = jobs.next() {
            match self.alone(&mut job, &mut desk).await {
                Ok(()) => job.answer(Ok(())),
                Err(Failed::InBetween(error) | Failed::InDoubt(error)) => job.answer(Err(error)),
                Err(Failed::NotBegun(error)) => {
                    return fail(std::iter::once(job).chain(jobs), &error);
                }
            }
        }
    }

    /// Runs a verb in a transaction of its own, again when it loses a race.
    async fn alone(
        &self,
        job: &mut Box<dyn Job>,
        desk: &mut Option<SemaphorePermit<'_>>,
    ) -> Result<(), Failed> {
        let mut races = 0;
        loop {
            match self.attempt(std::slice::from_mut(job), desk).await {
                Err(Failed::InBetween(StoreError::Stale)) if races < RACES_MAX => races += 1,
                end => return end,
            }
        }
    }

    /// One transaction, at whose end `desk` is free again. `Ok`: it is committed, and whoever must
    /// know of it was told.
    async fn attempt(
        &self,
        jobs: &mut [Box<dyn Job>],
        desk: &mut Option<SemaphorePermit<'_>>,
    ) -> Result<(), Failed> {
        let (began, verbs) = (Stopwatch::start(), jobs.len());
        point("before-begin");
        let conn = self.store.begin_late(verbs).await.map_err(Failed::NotBegun)?;
        point("begun");
        let mut change = Change::new(conn, &self.context);
        let decided = async {
            let timeline = self.store.note_timeline(&mut change.conn, change.now).await?;
            let mut needs = Needs::default();
            jobs.iter().for_each(|job| job.needs(&mut needs));
            change.load(needs).await?;
            point("loaded");
            for job in jobs {
                job.run(&mut change).await;
                change.conn.check()?;
            }
            Ok(timeline)
        };
        let timeline = decided.await.map_err(Failed::InBetween)?;
        point("decided");
        change.conn.begin().await.map_err(Failed::NotBegun)?;
        let committed = async {
            let changed = change.write().await.map_err(Failed::InBetween)?;
            drop(desk.take());
            change.commit(changed).await.map_err(Failed::at_commit)
        };
        match committed.await {
            Err(_) if saoma_core::planted!("commit-failure-is-success") => {}
            decided => decided?,
        }
        self.store.keep_timeline(timeline);
        point("told");
        self.context.metrics.committed(verbs, began.elapsed());
        Ok(())
    }
}

/// Why a batch is not committed.
enum Failed {
    /// There is no connection; the next verb will not get one either.
    NotBegun(StoreError),
    /// Something went wrong later, and nothing is kept.
    InBetween(StoreError),
    /// The commit failed. It may have been made all the same.
    InDoubt(StoreError),
}

impl Failed {
    fn at_commit(error: StoreError) -> Self {
        match error {
            // The database says that it has not made it.
            StoreError::Stale => Self::InBetween(error),
            error => Self::InDoubt(error),
        }
    }
}

fn fail(jobs: impl IntoIterator<Item = Box<dyn Job>>, error: &StoreError) {
    jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
}

#[cfg(test)]
mod tests {
    use crate::clock::{Clock, ManualClock};
    use crate::config::Database;
    use crate::random::Random;
    use crate::service::{NewOrder, Service};
    use crate::store::Store;
    use crate::testing::{START, only_shop, rows, sellers};
    use saoma_core::sign::SignType;
    use saoma_core::time::UnixTime;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn once_it_is_dropped_nobody_writes_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("saoma.db"));
        let store = Store::open(&database).await.unwrap();
        let clock = Clock::Manual(ManualClock::new(UnixTime::new(START).unwrap()));
        let sellers = sellers(SignType::HmacSha256);
        let opened = Service::open(store.clone(), clock, Random::seeded(1), sellers).await;
        let (service, entries) = opened.unwrap();
        let context = Arc::downgrade(&service.context);
        let new = |order_no| NewOrder::new(order_no, 1, "Saoma Cafe - Latte", 900).unwrap();
        let (shop, late) = (only_shop(), new("A-2"));
        service.create(&shop, &new("A-1")).await.unwrap();
        let busy = store.begin().await.unwrap();
        let waits = timeout(Duration::from_millis(50), service.create(&shop, &late));
        assert!(waits.await.is_err(), "somebody else has the turn");
        drop((service, entries));
        assert!(context.upgrade().is_none(), "the threads have ended");
        busy.commit().await.unwrap();
        assert_eq!(rows(&store, "select order_no from orders").await, ["A-1"]);
        store.close().await;
    }
}
