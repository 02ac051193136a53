//! The one clock: the machine's with an offset that tests and desks may move and a speed, or one
//! that stands still until it is moved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::UnixTime;

/// Where the gateway's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// The machine's clock.
    System,
    /// The machine's clock, from now on so many times as fast: 1 to [`SPEED_MAX`].
    Fast(u32),
    /// A clock that starts here and moves only when told to: for tests that must repeat exactly.
    Standing(UnixTime),
}

/// The gateway's clock. It can be moved ahead and run faster; it never goes back.
#[derive(Debug)]
pub struct Clock {
    kind: ClockKind,
    ahead_s: AtomicI64,
    pace: Mutex<Pace>,
    /// The latest time that was told: the machine's clock may be set back, this one is not.
    told: AtomicI64,
}

/// How fast the clock runs.
#[derive(Clone, Copy, Debug)]
struct Pace {
    speed: u32,
    /// The machine's time when this speed began.
    since: Duration,
    /// What was gained on the machine's clock before.
    gained: Duration,
}

impl Pace {
    /// What is gained on the machine's clock.
    fn gained(self, machine: Duration) -> Duration {
        self.gained + machine.saturating_sub(self.since) * (self.speed - 1)
    }
}

/// The most seconds one call may move the clock ahead: a hundred years.
pub const ADVANCE_S_MAX: i64 = 100 * 366 * 86_400;

/// The fastest a clock runs: a day in a second.
pub const SPEED_MAX: u32 = 86_400;

impl Clock {
    /// A clock of this kind, not moved yet. A speed beyond what is allowed counts as the nearest.
    pub fn new(kind: ClockKind) -> Self {
        let speed = match kind {
            ClockKind::Fast(speed) => speed.clamp(1, SPEED_MAX),
            ClockKind::System | ClockKind::Standing(_) => 1,
        };
        let pace = Pace { speed, since: system_time(), gained: Duration::ZERO };
        let (ahead_s, told) = (AtomicI64::new(0), AtomicI64::new(i64::MIN));
        Self { kind, ahead_s, pace: Mutex::new(pace), told }
    }

    /// The time now, in whole seconds.
    pub fn now(&self) -> UnixTime {
        let base = match self.kind {
            ClockKind::System | ClockKind::Fast(_) => UnixTime(seconds(self.running())),
            ClockKind::Standing(start) => start,
        };
        let now = base.plus(self.ahead_s.load(Ordering::SeqCst)).0;
        UnixTime(self.told.fetch_max(now, Ordering::SeqCst).max(now))
    }

    /// The same clock, `ahead_s` ahead of where it would be.
    pub(crate) fn ahead(self, ahead_s: i64) -> Self {
        Self { ahead_s: AtomicI64::new(ahead_s), told: AtomicI64::new(i64::MIN), ..self }
    }

    /// How far the clock is ahead of where it would be if nobody had touched it, in seconds.
    pub fn ahead_s(&self) -> i64 {
        let gained = match self.kind {
            ClockKind::System | ClockKind::Fast(_) => seconds(self.pace().gained(system_time())),
            ClockKind::Standing(_) => 0,
        };
        self.ahead_s.load(Ordering::SeqCst).saturating_add(gained)
    }

    /// How many times as fast as the machine's clock it runs; 0 when it stands.
    pub fn speed(&self) -> u32 {
        match self.kind {
            ClockKind::System | ClockKind::Fast(_) => self.pace().speed,
            ClockKind::Standing(_) => 0,
        }
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

    /// From now on it runs so many times as fast as the machine's clock, 1 to [`SPEED_MAX`]. Says
    /// whether it does: a standing clock does not.
    pub fn set_speed(&self, speed: u32) -> bool {
        if self.speed() == 0 || !(1..=SPEED_MAX).contains(&speed) {
            return false;
        }
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let machine = system_time();
        *pace = Pace { speed, since: machine, gained: pace.gained(machine) };
        true
    }

    /// How long one has to wait until this clock shows `time`; `None` when waiting does not help,
    /// because the clock stands.
    pub fn wait_for(&self, time: UnixTime) -> Option<Duration> {
        match self.kind {
            ClockKind::System | ClockKind::Fast(_) => {
                let until = time.plus(-self.ahead_s.load(Ordering::SeqCst)).0;
                let until = Duration::from_secs(u64::try_from(until).unwrap_or(0));
                let wait = until.saturating_sub(self.running());
                // A part of a nanosecond is waited for as well, lest one asks too early.
                Some(wait / self.pace().speed + Duration::from_nanos(u64::from(!wait.is_zero())))
            }
            ClockKind::Standing(_) => (time <= self.now()).then_some(Duration::ZERO),
        }
    }

    fn pace(&self) -> Pace {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine's time and what was gained on it.
    fn running(&self) -> Duration {
        let machine = system_time();
        machine + self.pace().gained(machine)
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

    #[test]
    fn a_fast_clock_runs_so_many_times_as_fast() {
        // A day in a second: the moments between two lines of this test do not matter.
        let clock = Clock::new(ClockKind::Fast(SPEED_MAX));
        assert_eq!(clock.speed(), SPEED_MAX);
        let before = clock.now();
        let wait = clock.wait_for(before.plus(86_400)).unwrap();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        std::thread::sleep(Duration::from_millis(100));
        let passed_s = clock.now().since(before);
        assert!(passed_s >= 8000, "{passed_s}");
        assert!(clock.ahead_s() >= passed_s - 1000);
    }

    #[test]
    fn another_speed_does_not_move_the_clock() {
        let clock = Clock::new(ClockKind::Fast(SPEED_MAX));
        std::thread::sleep(Duration::from_millis(50));
        let before = clock.now();
        assert!(clock.set_speed(1));
        let after = clock.now();
        assert!(after >= before, "never back");
        std::thread::sleep(Duration::from_millis(20));
        assert!(clock.now().since(after) <= 1, "slow again");
    }

    #[test]
    fn whoever_waits_as_long_as_it_says_is_not_too_early() {
        let clock = Clock::new(ClockKind::Fast(1000));
        let time = clock.now().plus(30);
        std::thread::sleep(clock.wait_for(time).unwrap());
        assert!(clock.now() >= time);
    }

    #[test]
    fn a_speed_that_is_none_is_refused() {
        let clock = Clock::new(ClockKind::System);
        assert!(!clock.set_speed(0) && !clock.set_speed(SPEED_MAX + 1));
        assert_eq!(clock.speed(), 1);
        let standing = Clock::new(ClockKind::Standing(UnixTime(100)));
        assert!(!standing.set_speed(2));
        assert_eq!(standing.speed(), 0);
    }

    #[test]
    fn what_was_told_is_not_taken_back() {
        let clock = Clock::new(ClockKind::System);
        let told = clock.advance(1000).unwrap();
        // As if the machine's clock had been set back.
        clock.ahead_s.store(-1000, Ordering::SeqCst);
        assert_eq!(clock.now(), told);
    }
}
