//! What the parts of a running sandbox have in common: the gateway, the clock, and a bell that
//! rings when something has changed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::certificates::Certificates;
use crate::clock::Clock;
use crate::gateway::input::{Act, Input, Scan};
use crate::gateway::{Gateway, Person, ScanError, Scanned, Scanning};
use crate::state::{Journal, NotKept, Receipt};
use crate::time::UnixTime;

/// A gateway and its clock, shared by calls, phone, control and the sender of notifications.
pub(crate) struct Shared {
    kept: Mutex<Kept>,
    pub(crate) clock: Clock,
    pub(crate) certificates: Certificates,
    changed: watch::Sender<u64>,
}

/// The gateway, and where its inputs are written down, if anywhere.
struct Kept {
    gateway: Gateway,
    journal: Option<Journal>,
}

impl Shared {
    pub(crate) fn new(
        gateway: Gateway,
        journal: Option<Journal>,
        clock: Clock,
        certificates: Certificates,
    ) -> Self {
        let kept = Mutex::new(Kept { gateway, journal });
        Self { kept, clock, certificates, changed: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // After a panic, itself a bug, the maps are still whole: they only ever grow by insertions.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the gateway at the time of now, waits until it is written down, and
    /// rings the bell. For whatever is told to somebody outside of this process.
    pub(crate) async fn act<A: Act>(&self, act: A) -> Result<A::Output, NotKept> {
        let (output, receipt) = self.enter(act);
        self.ring();
        kept(receipt).await.map(|()| output)
    }

    /// The same without waiting, for whoever dies with this process.
    pub(crate) fn act_inside<A: Act>(&self, act: A) -> A::Output {
        let (output, _) = self.enter(act);
        self.ring();
        output
    }

    /// The same as [`Self::act`] without the bell, for whoever waits for the bell.
    pub(crate) async fn act_silently<A: Act>(&self, act: A) -> Result<A::Output, NotKept> {
        let (output, receipt) = self.enter(act);
        kept(receipt).await.map(|()| output)
    }

    fn enter<A: Act>(&self, act: A) -> (A::Output, Option<Receipt>) {
        let mut kept = self.lock();
        let now = self.clock.now();
        let Kept { gateway, journal } = &mut *kept;
        let Some(journal) = journal else { return (act.act(gateway, now), None) };
        let input: Input = act.clone().into();
        let output = act.act(gateway, now);
        let written = serde_json::to_string(&input).unwrap_or_else(|error| {
            // Plain data can always be written; were it not so, the next start would say so.
            tracing::error!(%error, "an input cannot be written");
            String::new()
        });
        let receipt = journal.input(now, written, A::digest(&output));
        (output, Some(receipt))
    }

    /// Looks at the gateway at the time of now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Gateway, UnixTime) -> T) -> T {
        let kept = self.lock();
        look(&kept.gateway, self.clock.now())
    }

    /// Scans a code as this person, or as whoever is meant when nobody is named. For a product's
    /// code it waits for what the shop says, as long as a notification may take.
    pub(crate) async fn scan(
        &self,
        person: Option<&Person>,
        code: &str,
    ) -> Result<Result<Scanned, ScanError>, NotKept> {
        let mut changes = self.changes();
        let scan = Scan { person: person.cloned(), code: code.to_owned() };
        let id = match self.act(scan).await? {
            Ok(Scanning::Asking(id)) => id,
            Ok(Scanning::Seen(scanned)) => return Ok(Ok(scanned)),
            Err(error) => return Ok(Err(error)),
        };
        loop {
            if let Some(result) = self.look(|gateway, _| gateway.scan_result(id)) {
                return Ok(result);
            }
            if changes.changed().await.is_err() {
                let reason = "the sandbox has ended".to_owned();
                return Ok(Err(ScanError::ShopSilent { reason }));
            }
        }
    }

    /// Moves the clock, and rings the bell.
    pub(crate) fn advance_inside(&self, seconds: i64) -> Option<UnixTime> {
        self.move_clock(seconds).map(|(now, _)| now)
    }

    /// The same, and waits until it is written down.
    pub(crate) async fn advance(&self, seconds: i64) -> Result<Option<UnixTime>, NotKept> {
        let Some((now, receipt)) = self.move_clock(seconds) else { return Ok(None) };
        kept(receipt).await.map(|()| Some(now))
    }

    fn move_clock(&self, seconds: i64) -> Option<(UnixTime, Option<Receipt>)> {
        let kept = self.lock();
        let now = self.clock.advance(seconds)?;
        let receipt = kept.journal.as_ref().map(|journal| journal.ahead(self.clock.ahead_s()));
        drop(kept);
        self.ring();
        Some((now, receipt))
    }

    /// Writes down what is not written yet, and closes the file. Nothing is kept afterwards.
    pub(crate) async fn end(&self) {
        let receipt = self.lock().journal.as_ref().map(Journal::end);
        // What could not be kept has been logged.
        let _ = kept(receipt).await;
    }

    /// Why nothing is kept any more, as soon as there is a reason.
    pub(crate) fn failure(&self) -> Option<watch::Receiver<Option<String>>> {
        self.lock().journal.as_ref().map(Journal::failure)
    }

    /// Changes the speed of the clock, and rings the bell; says whether it was done.
    pub(crate) fn set_speed(&self, speed: u32) -> bool {
        let done = self.clock.set_speed(speed);
        self.ring();
        done
    }

    /// Rings the bell: something has changed.
    pub(crate) fn ring(&self) {
        self.changed.send_modify(|rung| *rung += 1);
    }

    /// The bell, and how often it has rung.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

async fn kept(receipt: Option<Receipt>) -> Result<(), NotKept> {
    match receipt {
        Some(receipt) => receipt.kept().await,
        None => Ok(()),
    }
}
