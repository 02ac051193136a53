//! The one place that reads the clock, to tell how long a step took.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "the one clock of this binary")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
