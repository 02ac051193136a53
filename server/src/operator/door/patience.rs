//! Slow-down after wrong passwords, by name. It lives in memory, for each process.
//!
//! A name that nobody has waits as one that somebody has: who is an operator cannot be told by it.

use saoma_core::time::UnixTime;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Mistakes that cost nothing.
const FREE: u32 = 3;
/// The longest wait, in seconds: somebody who only wants to lock an operator out gains little.
const WAIT_MAX_S: u64 = 60;
/// After so long without a mistake all is forgotten.
const FORGET_S: u64 = 3_600;

/// Who has failed how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience(Arc<Mutex<BTreeMap<String, Failures>>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: UnixTime,
}

impl Failures {
    /// When the next attempt is heard.
    fn next_at(self) -> UnixTime {
        let doubled = 1_u64.checked_shl(self.count.saturating_sub(FREE)).unwrap_or(WAIT_MAX_S);
        let wait = if self.count < FREE { 0 } else { doubled.min(WAIT_MAX_S) };
        self.last.plus(wait)
    }
}

impl Patience {
    /// Where names are kept: 1,024 places, which bounds the memory. `mark` is a text that only this
    /// server can make of the name, so nobody can look for names of one place.
    pub(crate) fn place(mark: &str) -> &str {
        mark.get(..2).unwrap_or(mark)
    }

    /// How long somebody of this name has to wait, in seconds; 0: not at all. The attempt counts
    /// as failed until [`succeeded`](Self::succeeded), so that many at once gain nothing.
    ///
    /// `who` is an operator's browser, or the [`place`](Self::place) of a name.
    pub(crate) fn attempt(&self, who: &str, now: UnixTime) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, failures| now.since(failures.last) < FORGET_S);
        let failures = all.entry(who.to_owned()).or_insert(Failures { count: 0, last: now });
        let wait = failures.next_at().since(now);
        if wait == 0 {
            *failures = Failures { count: failures.count.saturating_add(1), last: now };
        }
        wait
    }

    /// The right password came.
    pub(crate) fn succeeded(&self, who: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_ends_with_the_right_password() {
        let patience = Patience::default();
        let mut now = UnixTime::new(1_000_000).unwrap();
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait = patience.attempt("wang", now);
            waits.push(wait);
            if wait > 0 {
                // Asking again does not make it longer.
                assert_eq!(patience.attempt("wang", now), wait);
                now = now.plus(wait);
                assert_eq!(patience.attempt("wang", now), 0);
            }
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(patience.attempt("li", now), 0, "others are not held up");
        patience.succeeded("wang");
        assert_eq!(patience.attempt("wang", now), 0);
    }

    #[test]
    fn what_is_an_hour_ago_is_forgotten() {
        let patience = Patience::default();
        let now = UnixTime::new(1_000_000).unwrap();
        let waits: Vec<u64> = (0..5).map(|_| patience.attempt("QA", now)).collect();
        assert_eq!(waits, [0, 0, 0, 1, 1]);
        assert_eq!(patience.attempt("ZZ", now.plus(FORGET_S)), 0);
        assert_eq!(patience.0.lock().unwrap().len(), 1);
    }
}
