//! Slow-down after wrong passwords, by name and by address. It lives in memory, for each process.
//!
//! A name that nobody has waits as one that somebody has: who is an operator cannot be told by it.
//! And whoever makes mistakes elsewhere, were it under an operator's name, holds up nobody here.

use crate::http::Origin;
use saoma_core::time::UnixTime;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Mistakes that cost nothing: of one browser, and of one address with one name.
const FREE: u32 = 3;
/// Those of one address with all names: an office may stand behind it.
const FREE_OF_ADDRESS: u32 = 30;
/// Those with one name from all addresses: who has so many of them is no person.
const FREE_OF_NAME: u32 = 100;
/// The longest wait, in seconds: somebody who only wants to lock an operator out gains little.
const WAIT_MAX_S: u64 = 60;
/// After so long without a mistake all is forgotten.
const FORGET_S: u64 = 3_600;
/// How often what is forgotten is cleared away, in seconds.
const CLEAR_S: u64 = 60;
/// Most that are kept; beyond it no address comes in any more, while names are counted on.
const KEPT_MAX: usize = if cfg!(test) { 1_024 } else { 65_536 };

/// Somebody who tries to come in.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// By the mark of a browser from which an operator has come in before.
    Known(String),
    /// From anywhere else.
    Stranger {
        /// Where the name is kept.
        place: String,
        origin: Origin,
    },
}

impl Who {
    /// Names are kept in 1,024 places, which bounds the memory. `mark` is a text that only this
    /// server can make of the name, so nobody can look for names of one place.
    pub(crate) fn stranger(mark: &str, origin: Origin) -> Self {
        let place = mark.get(..2).unwrap_or(mark).to_owned();
        Self::Stranger { place, origin }
    }

    /// An address that everybody shares has no count of its own: one stranger would use it up for
    /// all who have made no mistake.
    fn counts(&self) -> Vec<Count> {
        match self {
            Self::Known(mark) => vec![Count::Browser(mark.clone())],
            Self::Stranger { place, origin: Origin { address, is_shared } } => {
                let mut counts = vec![Count::Both(place.clone(), *address)];
                counts.extend((!is_shared).then_some(Count::Address(*address)));
                counts.push(Count::Name(place.clone()));
                counts
            }
        }
    }
}

/// Whose mistakes are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Count {
    Browser(String),
    Both(String, IpAddr),
    Address(IpAddr),
    Name(String),
}

impl Count {
    const fn free(&self) -> u32 {
        match self {
            Self::Browser(_) | Self::Both(..) => FREE,
            Self::Address(_) => FREE_OF_ADDRESS,
            Self::Name(_) => FREE_OF_NAME,
        }
    }

    /// Whether there may be any number of them.
    const fn are_many(&self) -> bool {
        matches!(self, Self::Both(..) | Self::Address(_))
    }
}

/// Who has failed how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    all: BTreeMap<Count, Failures>,
    cleared_at: Option<UnixTime>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: UnixTime,
}

impl Failures {
    fn is_forgotten(self, now: UnixTime) -> bool {
        now.since(self.last) >= FORGET_S
    }

    /// When the next attempt is heard.
    fn next_at(self, free: u32) -> UnixTime {
        let doubled = 1_u64.checked_shl(self.count.saturating_sub(free)).unwrap_or(WAIT_MAX_S);
        let wait = if self.count < free { 0 } else { doubled.min(WAIT_MAX_S) };
        self.last.plus(wait)
    }
}

impl Kept {
    fn clear(&mut self, now: UnixTime) {
        if self.cleared_at.is_none_or(|at| now.since(at) >= CLEAR_S) {
            self.all.retain(|_, failures| !failures.is_forgotten(now));
            self.cleared_at = Some(now);
        }
    }

    fn get(&self, count: &Count, now: UnixTime) -> Option<Failures> {
        self.all.get(count).copied().filter(|failures| !failures.is_forgotten(now))
    }

    fn failed(&mut self, count: Count, now: UnixTime) {
        if count.are_many() && self.all.len() >= KEPT_MAX && !self.all.contains_key(&count) {
            return;
        }
        let before = self.get(&count, now).map_or(0, |failures| failures.count);
        self.all.insert(count, Failures { count: before.saturating_add(1), last: now });
    }
}

impl Patience {
    /// How long somebody has to wait, in seconds; 0: not at all. The attempt counts as failed until
    /// [`succeeded`](Self::succeeded), so that many at once gain nothing.
    pub(crate) fn attempt(&self, who: &Who, now: UnixTime) -> u64 {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear(now);
        let counts = who.counts();
        let wait = |count: &Count| {
            kept.get(count, now).map_or(0, |failures| failures.next_at(count.free()).since(now))
        };
        let wait = counts.iter().map(wait).max().unwrap_or(0);
        if wait == 0 {
            counts.into_iter().for_each(|count| kept.failed(count, now));
        }
        wait
    }

    /// The right password came. What others did under the name is not forgotten by that.
    pub(crate) fn succeeded(&self, who: &Who) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for count in who.counts() {
            if let Count::Name(_) = count {
                if let Some(failures) = kept.all.get_mut(&count) {
                    failures.count = failures.count.saturating_sub(1);
                }
            } else {
                kept.all.remove(&count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> UnixTime {
        UnixTime::new(1_000_000).unwrap()
    }

    fn known(mark: &str) -> Who {
        Who::Known(mark.to_owned())
    }

    fn stranger(name: &str, address: u32) -> Who {
        let address = IpAddr::from(address.to_be_bytes());
        Who::stranger(name, Origin { address, is_shared: false })
    }

    fn behind_a_proxy(name: &str) -> Who {
        let address = IpAddr::from([127, 0, 0, 1]);
        Who::stranger(name, Origin { address, is_shared: true })
    }

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_ends_with_the_right_password() {
        for (wang, li) in [(known("wang"), known("li")), (stranger("wang", 1), stranger("li", 1))] {
            let patience = Patience::default();
            let mut now = start();
            let mut waits = Vec::new();
            for _ in 0..12 {
                let wait = patience.attempt(&wang, now);
                waits.push(wait);
                if wait > 0 {
                    // Asking again does not make it longer.
                    assert_eq!(patience.attempt(&wang, now), wait);
                    now = now.plus(wait);
                    assert_eq!(patience.attempt(&wang, now), 0);
                }
            }
            assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
            assert_eq!(patience.attempt(&li, now), 0, "others are not held up");
            patience.succeeded(&wang);
            assert_eq!(patience.attempt(&wang, now), 0);
        }
    }

    #[test]
    fn mistakes_from_one_address_hold_nobody_up_at_another() {
        let patience = Patience::default();
        while patience.attempt(&stranger("wang", 1), start()) == 0 {}
        assert_eq!(patience.attempt(&stranger("wang", 2), start()), 0);
    }

    #[test]
    fn a_name_that_very_many_addresses_try_waits_everywhere_and_no_other_name_does() {
        let patience = Patience::default();
        for address in 0..FREE_OF_NAME {
            assert_eq!(patience.attempt(&stranger("wang", address), start()), 0);
        }
        let operator = stranger("wang", FREE_OF_NAME);
        assert_eq!(patience.attempt(&operator, start()), 1);
        assert_eq!(patience.attempt(&operator, start().plus(1)), 0);
        // It has come in, and the strangers have been there all the same.
        patience.succeeded(&operator);
        assert_eq!(patience.attempt(&operator, start().plus(1)), 1);
        assert_eq!(patience.attempt(&stranger("li", FREE_OF_NAME), start()), 0);
        assert_eq!(patience.attempt(&known("wang's browser"), start()), 0);
    }

    #[test]
    fn an_address_that_tries_very_many_names_waits_with_each_and_no_other_address_does() {
        let patience = Patience::default();
        let names: Vec<String> = (10..).take(31).map(|name| name.to_string()).collect();
        for name in &names[..30] {
            assert_eq!(patience.attempt(&stranger(name, 1), start()), 0);
        }
        assert_eq!(patience.attempt(&stranger(&names[30], 1), start()), 1);
        assert_eq!(patience.attempt(&stranger(&names[30], 2), start()), 0);
    }

    #[test]
    fn behind_a_proxy_that_nobody_named_a_name_waits_and_no_other_name_does() {
        let patience = Patience::default();
        for name in 10..=10 + 2 * FREE_OF_ADDRESS {
            let name = name.to_string();
            assert_eq!(patience.attempt(&behind_a_proxy(&name), start()), 0, "{name}");
        }
        let waits = [(); 4].map(|()| patience.attempt(&behind_a_proxy("wang"), start()));
        assert_eq!(waits, [0, 0, 0, 1]);
        assert_eq!(patience.attempt(&behind_a_proxy("li"), start()), 0);
    }

    #[test]
    fn what_is_an_hour_ago_is_forgotten() {
        let patience = Patience::default();
        let waits: Vec<u64> = (0..5).map(|_| patience.attempt(&known("QA"), start())).collect();
        assert_eq!(waits, [0, 0, 0, 1, 1]);
        assert_eq!(patience.attempt(&known("ZZ"), start().plus(FORGET_S - 1)), 0);
        // It may not be cleared away yet.
        let later = start().plus(FORGET_S);
        assert_eq!([(); 3].map(|()| patience.attempt(&known("QA"), later)), [0; 3]);
        assert_eq!(patience.attempt(&known("AA"), later.plus(FORGET_S)), 0);
        assert_eq!(patience.0.lock().unwrap().all.len(), 1);
    }

    #[test]
    fn memory_is_bounded_and_names_are_counted_all_the_same() {
        let patience = Patience::default();
        let len = || patience.0.lock().unwrap().all.len();
        let mut address = 0;
        while len() < KEPT_MAX {
            address += 1;
            patience.attempt(&stranger(&format!("{:02}", address % 64), address), start());
        }
        let full = len();
        for more in 1..=FREE_OF_NAME {
            assert_eq!(patience.attempt(&stranger("XX", address + more), start()), 0);
        }
        assert_eq!(patience.attempt(&stranger("XX", address), start()), 1);
        assert_eq!(len(), full + 1, "the name");
    }
}
