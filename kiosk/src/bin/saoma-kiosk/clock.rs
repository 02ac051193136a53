//! The one clock: milliseconds since the program began.

use std::time::Instant;

/// Counts from its making on, and never goes back.
pub(crate) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now_ms(&self) -> u64 {
        // More than half a billion years.
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
