//! The one source of random numbers, and how they are written.

use hmac::digest::Digest;
use sha2::Sha256;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// 32 digits and letters without look-alikes (no I, L, O, U).
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Where random numbers come from.
#[derive(Clone, Debug)]
pub enum Random {
    /// The operating system: nobody can guess them.
    System,
    /// The same numbers for the same seed, for tests.
    Seeded(Arc<Mutex<Seeded>>),
}

/// SHA-256 over seed and a counter.
#[derive(Debug)]
pub struct Seeded {
    seed: u64,
    drawn: u64,
}

/// The operating system gives no random numbers.
#[derive(Clone, Copy, Debug)]
pub struct NoRandom;

impl fmt::Display for NoRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operating system gives no random numbers")
    }
}

impl std::error::Error for NoRandom {}

impl Random {
    /// A generator that repeats itself.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(Seeded { seed, drawn: 0 })))
    }

    /// `N` random bytes, at most 32.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub(crate) fn bytes<const N: usize>(&self) -> Result<[u8; N], NoRandom> {
        const { assert!(N <= 32, "one digest has 32 bytes") };
        let mut bytes = [0; N];
        match self {
            Self::System => fill(&mut bytes)?,
            Self::Seeded(seeded) => {
                let mut seeded = seeded.lock().unwrap_or_else(PoisonError::into_inner);
                seeded.drawn += 1;
                let text = format!("{}:{}", seeded.seed, seeded.drawn);
                bytes.iter_mut().zip(Sha256::digest(text)).for_each(|(to, from)| *to = from);
            }
        }
        Ok(bytes)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one generator of this crate")]
fn fill(bytes: &mut [u8]) -> Result<(), NoRandom> {
    getrandom::fill(bytes).map_err(|_| NoRandom)
}

/// Five bits a character, most significant first; bits that fill no character are left out.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| usize::from(bytes[at / 8] >> (7 - at % 8) & 1);
    let characters = bytes.len() * 8 / 5;
    (0..characters)
        .map(|i| (i * 5..i * 5 + 5).fold(0, |value, at| value << 1 | bit(at)))
        .map(|value| char::from(BASE32[value]))
        .collect()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_the_system_does_not() {
        let draw = |random: &Random| random.bytes::<16>().unwrap();
        let (one, other) = (Random::seeded(7), Random::seeded(7));
        let first = draw(&one);
        assert_eq!(first, draw(&other));
        assert_ne!(first, draw(&one));
        assert_ne!(draw(&Random::System), draw(&Random::System));
    }

    #[test]
    fn base32_has_a_character_for_each_five_bits_and_no_look_alikes() {
        assert_eq!(base32(&[0; 5]), "00000000");
        assert_eq!(base32(&[0xff; 5]), "ZZZZZZZZ");
        assert_eq!(base32(&[0x08, 0x86, 0x42, 0x98, 0xe8]), "12345678");
        assert_eq!(base32(&[0; 20]).len(), 32);
        assert!(!BASE32.iter().any(|c| b"ILOU".contains(c)));
    }

    #[test]
    fn hex_is_two_lower_case_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x9a, 0xff]), "009aff");
    }
}
