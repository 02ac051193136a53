//! Whether the server can do its work now, for those who decide where requests go.

use super::Service;
use super::change::Change;
use super::verb::Verb;
use crate::clock::Stopwatch;
use crate::metrics::Glance;
use crate::store::{StoreError, glance, ping, touch};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long the database may take to answer.
const WITHIN: Duration = Duration::from_secs(1);
/// How long an answer is good for: whoever asks often must not keep the database busy.
const KEPT: Duration = Duration::from_millis(500);

/// Writes what nobody reads, on the way that everything takes.
struct Touch;

impl Verb for Touch {
    type Out = ();
    type Error = StoreError;

    async fn run(&self, change: &mut Change) -> Result<(), StoreError> {
        let nobodys = change.context.trace_id();
        touch(&mut change.conn, &nobodys, change.now).await
    }
}

/// The last answer.
#[derive(Debug, Default)]
pub(super) struct Readiness(Mutex<Option<(Stopwatch, Result<(), NotReady>)>>);

/// Why the server cannot do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReady {
    /// The database cannot be read.
    Read,
    /// The database cannot be written.
    Write,
    /// The database does not answer in time.
    Slow,
}

impl NotReady {
    /// What to tell.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Read => "the database cannot be read",
            Self::Write => "the database cannot be written",
            Self::Slow => "the database did not answer within 1 s",
        }
    }
}

impl Service {
    /// Reads and writes the database. Its tables are up to date, or there would be no service.
    pub(crate) async fn ready(&self) -> Result<(), NotReady> {
        let mut last = self.readiness.0.lock().await;
        if let Some((since, answer)) = *last
            && since.elapsed() < KEPT
        {
            return answer;
        }
        let answer = timeout(WITHIN, self.try_database()).await.unwrap_or(Err(NotReady::Slow));
        *last = Some((Stopwatch::start(), answer));
        answer
    }

    async fn try_database(&self) -> Result<(), NotReady> {
        let not = |why| {
            move |error: StoreError| {
                tracing::error!(%error, "not ready");
                why
            }
        };
        let read = async { ping(&mut self.store.reader().await?).await };
        read.await.map_err(not(NotReady::Read))?;
        self.execute(Touch).await.map_err(not(NotReady::Write))
    }

    /// How much waits; a moment old at most.
    pub(crate) async fn glance(&self) -> Result<Arc<Glance>, StoreError> {
        let look = async { glance(&mut self.store.reader().await?).await };
        self.gauges.glance(look).await
    }
}
