//! The one clock of this program.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds, Unix, UTC; 0 on a machine whose clock stands before 1970.
#[expect(clippy::disallowed_methods, reason = "the one clock of this program")]
pub(crate) fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Waits.
pub(crate) fn wait(duration: Duration) {
    std::thread::sleep(duration);
}
