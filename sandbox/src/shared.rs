//! What the parts of a running sandbox have in common: the gateway, the clock, and a bell that
//! rings when something has changed.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::certificates::Certificates;
use crate::clock::Clock;
use crate::gateway::{Gateway, Person, ScanError, Scanned, Scanning};
use crate::time::UnixTime;

/// A gateway and its clock, shared by calls, phone, control and the sender of notifications.
pub(crate) struct Shared {
    gateway: Mutex<Gateway>,
    pub(crate) clock: Clock,
    pub(crate) certificates: Certificates,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(gateway: Gateway, clock: Clock, certificates: Certificates) -> Self {
        let changed = watch::Sender::new(0);
        Self { gateway: Mutex::new(gateway), clock, certificates, changed }
    }

    /// Does something with the gateway at the time of now, and rings the bell.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Gateway, UnixTime) -> T) -> T {
        let done = self.look(act);
        self.ring();
        done
    }

    /// Looks at the gateway at the time of now. Whoever looks must not change what another waits
    /// for; [`Self::act`] is for that.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Gateway, UnixTime) -> T) -> T {
        // After a panic, itself a bug, the maps are still whole: they only ever grow by insertions.
        let mut gateway = self.gateway.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut gateway, self.clock.now())
    }

    /// Scans a code as this person, or as whoever is meant when nobody is named. For a product's
    /// code it waits for what the shop says, as long as a notification may take.
    pub(crate) async fn scan(
        &self,
        person: Option<&Person>,
        code: &str,
    ) -> Result<Scanned, ScanError> {
        let mut changes = self.changes();
        let id = match self.act(|gateway, now| gateway.begin_scan(person, code, now))? {
            Scanning::Seen(scanned) => return Ok(scanned),
            Scanning::Asking(id) => id,
        };
        loop {
            if let Some(result) = self.look(|gateway, _| gateway.scan_result(id)) {
                return result;
            }
            if changes.changed().await.is_err() {
                let reason = "the sandbox has ended".to_owned();
                return Err(ScanError::ShopSilent { reason });
            }
        }
    }

    /// Moves the clock, and rings the bell.
    pub(crate) fn advance(&self, seconds: i64) -> Option<UnixTime> {
        let now = self.clock.advance(seconds);
        self.ring();
        now
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
