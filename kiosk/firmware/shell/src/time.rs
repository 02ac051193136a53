//! Time that never goes round.

/// Makes a long count of a short one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Time {
    last: u32,
    rounds: u32,
}

impl Time {
    /// Before the first millisecond.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: 0, rounds: 0 }
    }

    /// Milliseconds since the start, from a count of them that goes round after 49 days. To be
    /// asked at least that often.
    pub fn now_ms(&mut self, ms: u32) -> u64 {
        if ms < self.last {
            self.rounds = self.rounds.wrapping_add(1);
        }
        self.last = ms;
        u64::from(self.rounds) << 32 | u64::from(ms)
    }
}
