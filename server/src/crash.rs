//! Named points at which a test makes the server die, as `kill -9` would.
//!
//! Only a build with the feature `crash-points` knows them; elsewhere a point is nothing at all.
//! `CRASH_POINT=NAME:N` in the environment means the N-th time that the point is passed, and
//! `any:N` the N-th passing of whichever points.

/// A moment between two writes, or between a write and what tells of it.
#[cfg(not(feature = "crash-points"))]
pub(crate) const fn point(_name: &'static str) {}

/// A moment between two writes, or between a write and what tells of it.
#[cfg(feature = "crash-points")]
pub(crate) fn point(name: &'static str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    /// Which one, and how often it may still be passed.
    static DEATH: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let text = std::env::var("CRASH_POINT").ok()?;
        let (name, passings) = text.split_once(':')?;
        Some((name.to_owned(), AtomicU64::new(passings.parse().ok()?)))
    });
    let Some((wanted, left)) = &*DEATH else { return };
    if wanted == name || wanted == "any" {
        // Nobody counts below zero: the last one does not come back.
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            die();
        }
    }
}

/// At once, without a word, and without what a program does when it ends.
#[cfg(feature = "crash-points")]
fn die() -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}
