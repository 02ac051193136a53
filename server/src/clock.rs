//! The one clock. Everybody else is told what time it is.

use saoma_core::time::UnixTime;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// The longest sleep at once, so that a corrected system clock is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Where time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands until it is moved, for tests.
    Manual(ManualClock),
}

/// A clock that stands until it is moved. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<watch::Sender<UnixTime>>);

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: UnixTime) -> Self {
        Self(Arc::new(watch::Sender::new(now)))
    }

    /// Puts it to another time, for a clock that is wrong or put right.
    #[cfg(feature = "simulation")]
    pub fn set(&self, now: UnixTime) {
        self.0.send_replace(now);
    }

    /// Moves it on and wakes who waits for that time.
    pub fn advance(&self, seconds: u64) {
        self.0.send_modify(|now| *now = now.plus(seconds));
    }
}

impl Clock {
    /// The time now, in whole seconds.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        match self {
            // Outside 1970 to 9999 the clock stands at its end; nothing can be right then.
            Self::System => UnixTime::new(since_epoch().as_secs()).unwrap_or(UnixTime::MAX),
            Self::Manual(clock) => *clock.0.borrow(),
        }
    }

    /// Whether the machine's clock stands before the day on which this program was written, as
    /// one does that has lost its battery. A clock for tests may stand anywhere.
    pub(crate) fn has_lost_its_time(&self) -> bool {
        match self {
            Self::System => is_before_us(self.now()),
            Self::Manual(_) => false,
        }
    }

    /// Waits until `at` has come.
    pub(crate) async fn sleep_until(&self, at: UnixTime) {
        match self {
            Self::System => loop {
                let left = Duration::from_secs(at.get()).saturating_sub(since_epoch());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(SLEEP_MAX)).await;
            },
            Self::Manual(clock) => {
                // The sender lives as long as `clock`, so waiting ends only when the time comes.
                let _ = clock.0.subscribe().wait_for(|now| *now >= at).await;
            }
        }
    }
}

/// How long something takes. It tells no time of day and decides nothing; it is for those who
/// watch the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

const fn is_before_us(now: UnixTime) -> bool {
    /// 2026-11-01, Beijing time.
    const WRITTEN_S: u64 = 1_793_462_400;
    now.get() < WRITTEN_S
}

#[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stands_before_this_program_was_written_has_lost_its_time() {
        let of = |text| is_before_us(UnixTime::parse_beijing(text).unwrap());
        assert_eq!(["19700101080000", "20261031235959"].map(of), [true, true]);
        assert_eq!(["20261101000000", "20380119111407"].map(of), [false, false]);
        assert!(!Clock::System.has_lost_its_time());
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_manual_clock_gets_there() {
        let manual = ManualClock::new(UnixTime::new(100).unwrap());
        let clock = Clock::Manual(manual.clone());
        let at = clock.now().plus(10);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(at).await }
        });
        manual.advance(9);
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        manual.advance(1);
        sleeper.await.unwrap();
        assert_eq!(clock.now(), at);
    }

    #[tokio::test]
    async fn the_system_clock_is_in_this_century_and_does_not_wait_for_the_past() {
        let now = Clock::System.now();
        assert!(now > UnixTime::parse_beijing("20260101000000").unwrap());
        Clock::System.sleep_until(now).await;
    }
}
