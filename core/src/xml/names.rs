//! Field names: what they are made of, and their order.

use super::NAME_LEN_MAX;
use crate::bytes::copy;
use core::cmp::Ordering;

/// The letters, digits and marks that WeChat's names are made of (`coupon_fee_0`, and
/// `coupon_type_$0` as one page prints it).
pub(super) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$')
}

pub(super) const fn is_first_byte(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_name_byte)
}

/// How many bytes of a name are in its [`key`].
const KEY_BYTES: usize = 15;
/// The bits of a key that have room for an index.
const INDEX: u128 = 0xFF;

/// The beginning of a name as a number that sorts as the name does. Names hold no zero bytes, so
/// one sorts before those that it begins.
#[inline]
pub(super) fn key(name: &str) -> u128 {
    let mut first = [0; 16];
    let len = name.len().min(KEY_BYTES);
    if let (Some(to), Some(from)) = (first.get_mut(..len), name.as_bytes().get(..len)) {
        copy(to, from);
    }
    u128::from_be_bytes(first)
}

/// At most `N` distinct names in order, each by its [`key`] and its index in the document.
#[derive(Clone)]
pub(super) struct Order<const N: usize> {
    keys: [u128; N],
    len: usize,
}

const fn index_of(key: u128) -> u8 {
    key.to_le_bytes()[0]
}

/// Why a name has no place.
pub(super) enum OrderError {
    Duplicate,
    Full,
}

impl<const N: usize> Order<N> {
    pub(super) const fn new() -> Self {
        const { assert!(N <= 256, "fields are indexed by one byte") };
        Self { keys: [0; N], len: 0 }
    }

    /// Gives the next name its place. `compare` tells how it compares to that of an index; it is
    /// asked only where names begin alike.
    #[inline]
    pub(super) fn insert(
        &mut self,
        key: u128,
        compare: impl Fn(u8) -> Ordering,
    ) -> Result<(), OrderError> {
        let len = self.len;
        if len >= N {
            return Err(OrderError::Full);
        }
        // WeChat sends most documents in order, so the end is the likeliest place.
        let in_order = len.checked_sub(1).and_then(|last| self.keys.get(last)) < Some(&key);
        let place = if in_order { len } else { self.make_place(key, compare)? };
        if let Some(free) = self.keys.get_mut(place) {
            *free = key | len as u128;
        }
        self.len = len + 1;
        Ok(())
    }

    fn make_place(
        &mut self,
        key: u128,
        compare: impl Fn(u8) -> Ordering,
    ) -> Result<usize, OrderError> {
        let sorted = self.keys.get(..self.len).unwrap_or(&[]);
        let mut place = sorted.partition_point(|&other| other <= key | INDEX);
        while let Some(&other) = place.checked_sub(1).and_then(|before| sorted.get(before)) {
            if other & !INDEX != key {
                break;
            }
            match compare(index_of(other)) {
                Ordering::Equal => return Err(OrderError::Duplicate),
                Ordering::Less => place -= 1,
                Ordering::Greater => break,
            }
        }
        self.keys.copy_within(place..self.len, place + 1);
        Ok(place)
    }

    /// The indexes, by name.
    pub(super) fn indexes(&self) -> impl Iterator<Item = u8> {
        self.keys.iter().take(self.len).map(|&key| index_of(key))
    }
}

/// A name of at most [`KEY_BYTES`] small letters, digits and `_`, as nearly all of WeChat's are,
/// read sixteen bytes at a time.
pub(super) struct Usual {
    pub(super) len: usize,
    /// The name, its first byte lowest.
    word: u128,
    mask: u128,
}

const ONES: u128 = u128::MAX / 0xFF;
const HIGHS: u128 = ONES << 7;

impl Usual {
    /// The name at the start of the window, when it ends there with a `>`.
    #[inline]
    pub(super) fn new(window: &[u8; 16]) -> Option<Self> {
        let window = u128::from_le_bytes(*window);
        let other = window ^ (ONES * u128::from(b'>'));
        let ends = other.wrapping_sub(ONES) & !other & HIGHS;
        let len = (ends.trailing_zeros() / 8) as usize;
        if !(1..=KEY_BYTES).contains(&len) {
            return None;
        }
        let mask = (1 << (8 * len)) - 1;
        let word = window & mask;
        // Bytes below 0x80 plus what is added here never carry into their neighbours.
        let padded = word | ((ONES * u128::from(b'_')) & !mask);
        let at_least = |byte: u8| padded.wrapping_add(ONES * u128::from(0x80 - byte));
        let letters = at_least(b'a') & !at_least(b'z' + 1);
        let digits = at_least(b'0') & !at_least(b'9' + 1);
        let lines = at_least(b'_') & !at_least(b'_' + 1);
        let valid = (letters | digits | lines) & !padded & HIGHS == HIGHS;
        let [first, ..] = word.to_le_bytes();
        (valid && is_first_byte(first)).then_some(Self { len, word, mask })
    }

    /// Whether `rest` begins with this name and a `>`.
    #[inline]
    pub(super) fn is_at(&self, rest: &[u8]) -> bool {
        let Some(window) = rest.first_chunk() else {
            return false;
        };
        u128::from_le_bytes(*window) & self.mask == self.word && rest.get(self.len) == Some(&b'>')
    }

    /// Its [`key`].
    pub(super) const fn key(&self) -> u128 {
        self.word.swap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn keys_sort_as_names_do(a in "[a-z_][a-z_0-9]{0,20}", b in "[a-z_][a-z_0-9]{0,20}") {
            match key(&a).cmp(&key(&b)) {
                Ordering::Equal => prop_assert!(a == b || a.len().min(b.len()) >= KEY_BYTES),
                order => prop_assert_eq!(order, a.cmp(&b)),
            }
        }

        #[test]
        fn sixteen_at_a_time_finds_the_name_that_one_at_a_time_finds(
            name in prop_oneof!["[a-z_][a-z0-9_]{0,18}", "[ -~]{0,16}", "\\PC{0,5}"],
        ) {
            let text = format!("{name}>................");
            let window = text.as_bytes().first_chunk().unwrap();
            let end = name.find('>').unwrap_or(name.len());
            let short = &name[..end];
            let usual = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            let expected = (1..=KEY_BYTES).contains(&end)
                && short.bytes().all(usual)
                && is_first_byte(short.as_bytes()[0]);
            let found = Usual::new(window);
            prop_assert_eq!(found.is_some(), expected);
            if let Some(found) = found {
                prop_assert_eq!(found.len, end);
                prop_assert_eq!(found.key(), key(short));
                prop_assert!(found.is_at(text.as_bytes()));
                prop_assert!(!found.is_at(&[b"-", text.as_bytes()].concat()));
            }
        }

        #[test]
        fn names_find_their_order_and_no_name_comes_twice(
            names in prop::collection::vec("[ab]{1,2}|coupon_refund_fee_[01]{1,2}", 0..40),
        ) {
            let mut order = Order::<64>::new();
            let mut taken: Vec<&str> = Vec::new();
            for name in &names {
                let result = order.insert(key(name), |index| {
                    name.as_str().cmp(taken[usize::from(index)])
                });
                prop_assert_eq!(result.is_err(), taken.contains(&name.as_str()));
                if result.is_ok() {
                    taken.push(name);
                }
            }
            let name_of = |index| taken[usize::from(index)];
            let sorted: Vec<&str> = order.indexes().map(name_of).collect();
            taken.sort_unstable();
            prop_assert_eq!(sorted, taken);
        }
    }
}
