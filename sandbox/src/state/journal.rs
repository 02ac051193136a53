//! The journal while the sandbox runs: inputs go in at one end, in the order in which they happen,
//! and are committed at the other.

use std::fmt;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot, watch};

use super::AHEAD;
use super::hex;
use crate::gateway::input::Digest;
use crate::time::UnixTime;

/// The most entries of one commit.
const COMMIT_MAX: usize = 512;

/// Something could not be written down. Nothing is answered any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotKept;

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sandbox cannot write to its state file, or is being stopped")
    }
}

/// The promise that something is written down.
pub(crate) struct Receipt(oneshot::Receiver<()>);

impl Receipt {
    /// Waits until it is.
    pub(crate) async fn kept(self) -> Result<(), NotKept> {
        self.0.await.map_err(|_| NotKept)
    }
}

struct Entry {
    what: What,
    kept: oneshot::Sender<()>,
}

enum What {
    Input { number: i64, at: UnixTime, input: String, digest: Digest },
    Ahead(i64),
    End,
}

/// The end at which entries go in.
pub(crate) struct Journal {
    entries: mpsc::UnboundedSender<Entry>,
    failure: watch::Receiver<Option<String>>,
    next: i64,
}

impl Journal {
    pub(super) fn start(connection: SqliteConnection, next: i64) -> Self {
        let (entries, written) = mpsc::unbounded_channel();
        let (failed, failure) = watch::channel(None);
        tokio::spawn(write(connection, written, failed));
        Self { entries, failure, next }
    }

    /// Writes down an input of the gateway.
    pub(crate) fn input(&mut self, at: UnixTime, input: String, digest: Digest) -> Receipt {
        let number = self.next;
        self.next += 1;
        self.push(What::Input { number, at, input, digest })
    }

    /// Writes down how far the clock is ahead.
    pub(crate) fn ahead(&self, ahead_s: i64) -> Receipt {
        self.push(What::Ahead(ahead_s))
    }

    /// Writes what is still to be written, and closes the file. Nothing is kept afterwards.
    pub(crate) fn end(&self) -> Receipt {
        self.push(What::End)
    }

    /// Why nothing is kept any more, as soon as there is a reason.
    pub(crate) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failure.clone()
    }

    fn push(&self, what: What) -> Receipt {
        let (kept, receipt) = oneshot::channel();
        // An error drops the sender, which is what the receipt's owner will see.
        let _ = self.entries.send(Entry { what, kept });
        Receipt(receipt)
    }
}

/// Writes until the end, or until something cannot be written.
async fn write(
    mut connection: SqliteConnection,
    mut entries: mpsc::UnboundedReceiver<Entry>,
    failed: watch::Sender<Option<String>>,
) {
    let mut batch = Vec::new();
    while entries.recv_many(&mut batch, COMMIT_MAX).await > 0 {
        let ends = batch.iter().position(|entry| matches!(entry.what, What::End));
        // What comes after the end is not kept.
        batch.truncate(ends.map_or(batch.len(), |at| at + 1));
        if let Err(error) = commit(&mut connection, &batch).await {
            tracing::error!(%error, "the state file cannot be written");
            failed.send_replace(Some(error.to_string()));
            return;
        }
        if ends.is_some() {
            // Everything is committed; an error here loses nothing.
            let _ = connection.close().await;
            batch.into_iter().for_each(tell);
            return;
        }
        batch.drain(..).for_each(tell);
    }
}

fn tell(entry: Entry) {
    // Nobody may be waiting.
    let _ = entry.kept.send(());
}

async fn commit(connection: &mut SqliteConnection, batch: &[Entry]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for entry in batch {
        match &entry.what {
            What::Input { number, at, input, digest } => {
                sqlx::query(
                    "insert into input (number, at, input, digest) values ($1, $2, $3, $4)",
                )
                .bind(number)
                .bind(at.0)
                .bind(input)
                .bind(hex(*digest))
                .execute(&mut *transaction)
                .await?;
            }
            What::Ahead(ahead_s) => {
                sqlx::query("update setting set value = $1 where name = $2")
                    .bind(ahead_s.to_string())
                    .bind(AHEAD)
                    .execute(&mut *transaction)
                    .await?;
            }
            What::End => {}
        }
    }
    transaction.commit().await
}
