//! How many calls to a shop may be under way, so that one that is slow leaves places to others.
//!
//! All shops share the places of the worker (`worker::PARALLEL_MAX`). While a shop answers quickly
//! its calls are soon out of the way, however many they are, and nothing is limited. Whether an
//! answer is a yes has no say in it: a shop that refuses after nine seconds holds its places as
//! long as one that hangs.

use saoma_core::time::UnixTime;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A call that takes longer is slow.
const SLOW_AFTER: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 1_000 });
/// Most calls to a slow shop that are under way: half of all places.
const SLOW_MAX: usize = 8;
/// Most calls to all slow shops together: some places are left to the others.
const ALL_SLOW_MAX: usize = 12;
/// So many quick answers in a row show that a shop is not slow any more: one that hangs now and
/// then has quick answers in between as well.
const QUICK_ENOUGH: u32 = 8;
/// So many calls that found no place come back each second, which is more than a slow shop takes:
/// all at once they would keep the database busy for nothing.
const BACK_PER_S: u64 = 8;
/// The latest that one comes back, in seconds.
const BACK_WITHIN_S: u64 = 60;

/// What the slow shops share.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL_SLOW_MAX)))
    }
}

/// How quick one shop is.
#[derive(Debug)]
pub(super) struct Pace {
    state: Mutex<State>,
    /// `None`: there is no other shop to which it could leave a place.
    places: Option<Places>,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// Those under way that are slow already.
    slow: usize,
    /// Quick answers that are wanted before it is trusted again.
    to_prove: u32,
    /// When the next one may come back that finds no place, in parts of a second.
    back_at: u64,
}

impl State {
    const fn is_slow(&self) -> bool {
        self.slow > 0 || self.to_prove > 0
    }

    /// In how many seconds one may come back that found no place.
    fn back_in_s(&mut self, now: UnixTime) -> u64 {
        let now_s = now.get();
        let (first, last) = (now_s + 1, now_s + BACK_WITHIN_S);
        let at = self.back_at.clamp(first * BACK_PER_S, last * BACK_PER_S);
        self.back_at = at + 1;
        at / BACK_PER_S - now_s
    }
}

impl Pace {
    pub(super) fn new(places: Option<Places>) -> Self {
        Self { state: Mutex::default(), places }
    }

    /// Begins a call; or says in how many seconds to come back, because the shop is slow and as
    /// many wait for it as may.
    pub(super) fn turn(&self, now: UnixTime) -> Result<Turn<'_>, u64> {
        let mut state = self.state();
        let mut place = None;
        if let Some(places) = &self.places
            && state.is_slow()
        {
            let free = if state.under_way < SLOW_MAX { places.0.try_acquire().ok() } else { None };
            if free.is_none() {
                return Err(state.back_in_s(now));
            }
            place = free;
        }
        state.under_way += 1;
        drop(state);
        Ok(Turn { pace: self, is_slow: false, _place: place })
    }

    /// How many slow calls are under way.
    #[cfg(test)]
    pub(super) fn slow(&self) -> usize {
        self.state().slow
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers are right at every moment, whoever panicked meanwhile.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way, until this is gone.
#[derive(Debug)]
pub(super) struct Turn<'p> {
    pace: &'p Pace,
    is_slow: bool,
    _place: Option<SemaphorePermit<'p>>,
}

impl Turn<'_> {
    /// Waits for the call, and notices as soon as it is slow: others are not to wait for its end.
    pub(super) async fn watch<T>(mut self, call: impl Future<Output = T>) -> T {
        if self.pace.places.is_none() {
            return call.await;
        }
        let mut call = pin!(call);
        match tokio::time::timeout(SLOW_AFTER, call.as_mut()).await {
            Ok(answer) => answer,
            Err(_) => {
                self.is_late();
                call.await
            }
        }
    }

    fn is_late(&mut self) {
        self.is_slow = true;
        self.pace.state().slow += 1;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.under_way -= 1;
        if self.is_slow {
            state.slow -= 1;
            state.to_prove = QUICK_ENOUGH;
        } else if state.slow == 0 {
            state.to_prove = state.to_prove.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(1_795_433_160 + seconds).unwrap()
    }

    /// So many calls at once, as many of them as find a place.
    fn turns(pace: &Pace, count: usize) -> Vec<Turn<'_>> {
        (0..count).filter_map(|_| pace.turn(at(0)).ok()).collect()
    }

    #[test]
    fn a_quick_shop_has_all_places_and_a_slow_one_half_until_it_was_quick_again() {
        let pace = Pace::new(Some(Places::default()));
        let mut quick = turns(&pace, 16);
        assert_eq!(quick.len(), 16);
        quick[0].is_late();
        assert!(pace.turn(at(0)).is_err(), "those that were begun before count as well");
        quick.drain(1..).for_each(drop);
        assert_eq!(turns(&pace, 16).len(), SLOW_MAX - 1, "quick answers beside a slow call");
        drop(quick);
        for _ in 1..QUICK_ENOUGH {
            assert_eq!(turns(&pace, 1).len(), 1);
        }
        let mut half = turns(&pace, 16);
        assert_eq!(half.len(), SLOW_MAX, "one is missing");
        half[0].is_late();
        drop(half);
        for _ in 0..QUICK_ENOUGH {
            assert_eq!(turns(&pace, 1).len(), 1);
        }
        assert_eq!(turns(&pace, 16).len(), 16);
    }

    #[test]
    fn slow_shops_together_leave_places_to_the_others() {
        let places = Places::default();
        let [one, two, good] = [(); 3].map(|()| Pace::new(Some(places.clone())));
        for slow in [&one, &two] {
            turns(slow, 1)[0].is_late();
        }
        let (of_one, of_two) = (turns(&one, 16), turns(&two, 16));
        assert_eq!((of_one.len(), of_two.len()), (SLOW_MAX, ALL_SLOW_MAX - SLOW_MAX));
        assert_eq!(turns(&good, 16).len(), 16, "it needs none of their places");
        drop(of_one);
        assert_eq!(turns(&two, 16).len(), SLOW_MAX - of_two.len());
    }

    #[test]
    fn who_finds_no_place_comes_back_later_the_more_of_them_there_are() {
        let pace = Pace::new(Some(Places::default()));
        let mut all = turns(&pace, SLOW_MAX);
        all[0].is_late();
        let back = |now| pace.turn(now).unwrap_err();
        let waits: Vec<u64> = (0..20).map(|_| back(at(0))).collect();
        assert_eq!(waits, [[1_u64; 8].as_slice(), &[2; 8], &[3; 4]].concat());
        assert_eq!(back(at(1)), 2, "the same moment, a second later");
        assert_eq!(back(at(100)), 1);
        assert_eq!((0..1_000).map(|_| back(at(100))).max(), Some(BACK_WITHIN_S));
        assert_eq!(back(at(0)), BACK_WITHIN_S, "a clock that was set back");
    }

    #[test]
    fn a_shop_alone_has_all_places_however_slow_it_is() {
        let pace = Pace::new(None);
        let mut all = turns(&pace, 16);
        all.iter_mut().for_each(Turn::is_late);
        assert_eq!(turns(&pace, 16).len(), 16);
    }
}
