//! Random numbers: a small seeded generator, and the one place that asks the system for a seed.
//!
//! Numbers, codes and nonces of the gateway come from [`Random`], so that a run can be repeated
//! from its seed. None of them is a secret; the merchant's key is the only one here.

/// `SplitMix64`: one addition and a few shifts a number, the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator that `seed` names.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which must not be 0.
    pub const fn below(&mut self, limit: u64) -> u64 {
        // The remainder favours small numbers by less than one in 2^57 for the limits used here.
        self.next() % limit
    }

    /// `length` characters of `alphabet`, which must be ASCII and not empty.
    pub fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        let limit = alphabet.len() as u64;
        (0..length)
            .map(|_| {
                let at = usize::try_from(self.below(limit)).unwrap_or(0);
                char::from(alphabet[at])
            })
            .collect()
    }
}

/// A seed from the operating system, for runs that nobody wants to repeat.
///
/// # Errors
///
/// When the system has no random numbers.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the system for numbers")]
pub fn system_seed() -> Result<u64, getrandom::Error> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)?;
    Ok(u64::from_le_bytes(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_its_numbers() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        // The published first outputs of SplitMix64 for the seed 1234567.
        let known =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(numbers(1_234_567), known);
    }

    #[test]
    fn every_character_of_the_alphabet_comes() {
        let text = Random::new(1).text(b"abc", 100);
        assert!(text.len() == 100 && ['a', 'b', 'c'].iter().all(|c| text.contains(*c)));
    }

    #[test]
    fn the_system_gives_different_seeds() {
        assert_ne!(system_seed().unwrap(), system_seed().unwrap());
    }
}
