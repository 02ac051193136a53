//! Money: integer fen, checked, never a float.

use core::fmt;

/// An amount of money in fen (1 yuan = 100 fen), from 0 to [`Fen::MAX`].
///
/// There is no `+`: adding money can fail, so it is written [`checked_add`](Fen::checked_add).
///
/// ```
/// use saoma_core::money::Fen;
///
/// let price = Fen::parse("1800").unwrap();
/// assert_eq!(price.get(), 1800);
/// assert_eq!(price.yuan().to_string(), "18.00");
/// assert_eq!(price.checked_add(Fen::MAX), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "u64", into = "u64"))]
pub struct Fen(u64);

impl Fen {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount: 2^53 - 1 fen, the largest integer that survives JavaScript.
    pub const MAX: Self = Self(9_007_199_254_740_991);
    /// The largest amount of one order: what WeChat's `Int` holds (protocol §1).
    pub const ORDER_MAX: Self = Self(2_147_483_647);

    /// An amount of `fen`, or `None` above [`Fen::MAX`].
    #[must_use]
    pub const fn new(fen: u64) -> Option<Self> {
        if fen <= Self::MAX.0 { Some(Self(fen)) } else { None }
    }

    /// The amount as a number of fen.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, or `None` above [`Fen::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        // Both are at most 2^53, so the sum fits u64.
        Self::new(self.0 + other.0)
    }

    /// The difference, or `None` below zero.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(fen) => Some(Self(fen)),
            None => None,
        }
    }

    /// Reads an amount as WeChat writes it: ASCII digits, no sign, no space, no leading zero
    /// (protocol §1).
    ///
    /// # Errors
    /// [`FenError`] says which of these rules is broken.
    pub fn parse(text: &str) -> Result<Self, FenError> {
        Self::parse_digits(text.bytes())
    }

    pub(crate) fn parse_digits(digits: impl Iterator<Item = u8>) -> Result<Self, FenError> {
        let mut fen = 0_u64;
        let mut count = 0_usize;
        for byte in digits {
            if !byte.is_ascii_digit() {
                return Err(FenError::NotADigit);
            }
            if count > 0 && fen == 0 {
                return Err(FenError::LeadingZero);
            }
            // At most 2^53 * 10 + 9, which fits.
            fen = fen * 10 + u64::from(byte - b'0');
            if fen > Self::MAX.0 {
                return Err(FenError::TooLarge);
            }
            count += 1;
        }
        if count == 0 { Err(FenError::Empty) } else { Ok(Self(fen)) }
    }

    /// The amount in yuan with two decimals, to show: `18.00`.
    #[must_use]
    pub const fn yuan(self) -> Yuan {
        Yuan(self)
    }
}

impl fmt::Display for Fen {
    /// The number of fen, as on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Fen> for u64 {
    fn from(fen: Fen) -> Self {
        fen.0
    }
}

impl TryFrom<u64> for Fen {
    type Error = FenError;

    fn try_from(fen: u64) -> Result<Self, FenError> {
        Self::new(fen).ok_or(FenError::TooLarge)
    }
}

/// An amount written in yuan; made by [`Fen::yuan`].
///
/// ```
/// use saoma_core::money::Fen;
///
/// assert_eq!(Fen::parse("2599")?.yuan().to_string(), "25.99");
/// # Ok::<(), saoma_core::money::FenError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yuan(Fen);

impl fmt::Display for Yuan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0.0 / 100, self.0.0 % 100)
    }
}

/// Why a text is not an amount of fen.
///
/// ```
/// use saoma_core::money::{Fen, FenError};
///
/// assert_eq!(Fen::parse("25.99"), Err(FenError::NotADigit));
/// assert_eq!(Fen::parse("0025"), Err(FenError::LeadingZero));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenError {
    /// There is no digit.
    Empty,
    /// Something else than an ASCII digit.
    NotADigit,
    /// A zero before other digits.
    LeadingZero,
    /// Above [`Fen::MAX`].
    TooLarge,
}

impl fmt::Display for FenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an amount in fen is missing",
            Self::NotADigit => "an amount in fen holds ASCII digits only",
            Self::LeadingZero => "an amount in fen has no leading zero",
            Self::TooLarge => "an amount in fen is at most 9007199254740991",
        })
    }
}

impl core::error::Error for FenError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};

    #[test]
    fn only_plain_digits_are_an_amount() {
        assert_eq!(Fen::parse("0"), Ok(Fen::ZERO));
        assert_eq!(Fen::parse("1800"), Ok(Fen(1800)));
        assert_eq!(Fen::parse(""), Err(FenError::Empty));
        for text in [" 1", "1 ", "+1", "-1", "1.0", "1e3", "0x1", "１", "1,000"] {
            assert_eq!(Fen::parse(text), Err(FenError::NotADigit), "{text:?}");
        }
        for text in ["01", "00", "0000001"] {
            assert_eq!(Fen::parse(text), Err(FenError::LeadingZero), "{text:?}");
        }
    }

    #[test]
    fn every_integer_limit_and_one_more() {
        for limit in [
            u64::from(u8::MAX),
            u64::from(u16::MAX),
            u64::from(u32::MAX),
            2_147_483_647,
            Fen::MAX.get(),
        ] {
            assert_eq!(Fen::parse(&limit.to_string()), Ok(Fen(limit)));
            let more = (limit + 1).to_string();
            assert_eq!(Fen::parse(&more).is_ok(), limit < Fen::MAX.get(), "{more}");
        }
        assert_eq!(Fen::parse("18446744073709551616"), Err(FenError::TooLarge));
        assert_eq!(Fen::new(Fen::MAX.get() + 1), None);
        assert_eq!(Fen::MAX.checked_add(Fen(1)), None);
        assert_eq!(Fen::ZERO.checked_sub(Fen(1)), None);
    }

    #[test]
    fn a_number_is_an_amount_up_to_the_limit() {
        assert_eq!(Fen::try_from(1800).map(u64::from), Ok(1800));
        assert_eq!(Fen::try_from(Fen::MAX.get()), Ok(Fen::MAX));
        assert_eq!(Fen::try_from(Fen::MAX.get() + 1), Err(FenError::TooLarge));
    }

    #[test]
    fn an_error_says_what_an_amount_is() {
        let said = |text: &str| Fen::parse(text).unwrap_err().to_string();
        assert_eq!(said(""), "an amount in fen is missing");
        assert_eq!(said("1.0"), "an amount in fen holds ASCII digits only");
        assert_eq!(said("01"), "an amount in fen has no leading zero");
        assert_eq!(said("9007199254740992"), "an amount in fen is at most 9007199254740991");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fen in 0..=Fen::MAX.get()) {
            prop_assert_eq!(Fen::parse(&Fen(fen).to_string()), Ok(Fen(fen)));
        }

        #[test]
        fn yuan_holds_the_same_digits(fen in 0..=Fen::MAX.get()) {
            let digits: String =
                Fen(fen).yuan().to_string().chars().filter(|c| *c != '.').collect();
            prop_assert_eq!(digits.parse::<u64>(), Ok(fen));
        }
    }
}
