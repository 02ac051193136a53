//! The one clock: the machine's with an offset that tests and desks may move, or one that stands
//! still until it is moved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::UnixTime;

/// Where the gateway's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// The machine's clock.
    System,
    /// A clock that starts here and moves only when told to: for tests that must repeat exactly.
    Standing(UnixTime),
}

/// The gateway's clock. It can be moved ahead, never back.
#[derive(Debug)]
pub struct Clock {
    kind: ClockKind,
    ahead_s: AtomicI64,
}

/// The most seconds one call may move the clock ahead: a hundred years.
pub const ADVANCE_S_MAX: i64 = 100 * 366 * 86_400;

impl Clock {
    /// A clock of this kind, not moved yet.
    pub const fn new(kind: ClockKind) -> Self {
        Self { kind, ahead_s: AtomicI64::new(0) }
    }

    /// The time now, in whole seconds.
    pub fn now(&self) -> UnixTime {
        let base = match self.kind {
            ClockKind::System => machine_time(),
            ClockKind::Standing(start) => start,
        };
        base.plus(self.ahead_s())
    }

    /// The same clock, `ahead_s` ahead of where it would be.
    pub(crate) const fn ahead(self, ahead_s: i64) -> Self {
        Self { ahead_s: AtomicI64::new(ahead_s), ..self }
    }

    /// How far the clock has been moved ahead, in seconds.
    pub fn ahead_s(&self) -> i64 {
        self.ahead_s.load(Ordering::SeqCst)
    }

    /// Moves the clock ahead by 0 to [`ADVANCE_S_MAX`] seconds and gives the new time; `None` when
    /// `seconds` is something else, or the sum of all moves grows beyond that.
    pub fn advance(&self, seconds: i64) -> Option<UnixTime> {
        let moved = |ahead: i64| {
            let sum = ahead.checked_add(seconds)?;
            (seconds >= 0 && sum <= ADVANCE_S_MAX).then_some(sum)
        };
        self.ahead_s.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved).ok()?;
        Some(self.now())
    }

    /// How long one has to wait until this clock shows `time`; `None` when waiting does not help,
    /// because the clock stands.
    pub fn wait_for(&self, time: UnixTime) -> Option<Duration> {
        match self.kind {
            ClockKind::System => {
                let until = time.plus(-self.ahead_s()).0;
                let until = Duration::from_secs(u64::try_from(until).unwrap_or(0));
                Some(until.saturating_sub(system_time()))
            }
            ClockKind::Standing(_) => (time <= self.now()).then_some(Duration::ZERO),
        }
    }
}

/// The machine's time, whatever the gateway's clock says: certificates are judged by it.
pub(crate) fn machine_time() -> UnixTime {
    UnixTime(seconds(system_time()))
}

fn seconds(since_epoch: Duration) -> i64 {
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time")]
fn system_time() -> Duration {
    // A machine whose clock is before 1970 is taken to be in 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_told_to() {
        let clock = Clock::new(ClockKind::Standing(UnixTime(100)));
        assert_eq!(clock.now(), UnixTime(100));
        assert_eq!(clock.wait_for(UnixTime(101)), None);
        assert_eq!(clock.advance(5), Some(UnixTime(105)));
        assert_eq!(clock.now(), UnixTime(105));
        assert_eq!(clock.wait_for(UnixTime(101)), Some(Duration::ZERO));
    }

    #[test]
    fn no_clock_goes_back_or_too_far() {
        let clock = Clock::new(ClockKind::Standing(UnixTime(100)));
        assert_eq!(clock.advance(-1), None);
        assert_eq!(clock.advance(ADVANCE_S_MAX + 1), None);
        assert_eq!(clock.advance(i64::MAX), None);
        assert_eq!(clock.now(), UnixTime(100));
    }

    #[test]
    fn the_system_clock_can_be_ahead() {
        let clock = Clock::new(ClockKind::System);
        let before = clock.now();
        clock.advance(1000).unwrap();
        assert!(clock.now().since(before) >= 1000);
        let wait = clock.wait_for(before.plus(1010)).unwrap();
        assert!(wait <= Duration::from_secs(10), "{wait:?}");
    }
}
