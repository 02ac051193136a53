//! Decimal yuan to integers, without floats.

use crate::money::Fen;
use core::fmt;

/// A fee, exact to the five places that bills have: in thousandths of a fen (1 yuan = 100 000).
/// Below zero when WeChat gives a fee back with a refund.
///
/// ```
/// use saoma_core::bill::Fee;
///
/// let fee = Fee::parse("-0.02").unwrap();
/// assert_eq!(fee.millifen(), -2_000);
/// assert_eq!(fee.to_string(), "-0.02000");
/// assert_eq!(Fee::parse("0.000001"), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fee(i64);

impl Fee {
    /// Reads a decimal number of yuan with at most five places, with `-` before it when it is below
    /// zero. `None` for anything else, and beyond 90 000 000 000 000 yuan.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = sign(text);
        let millifen = i64::try_from(decimal(digits, 5)?).ok()?;
        (millifen <= Self::LIMIT).then_some(Self(sign * millifen))
    }

    /// The largest; half of what fits, so that a sum of two fits as well.
    const LIMIT: i64 = i64::MAX / 2;

    /// The fee in thousandths of a fen.
    #[must_use]
    pub const fn millifen(self) -> i64 {
        self.0
    }

    pub(super) fn checked_add(self, other: Self) -> Option<Self> {
        let sum = self.0.checked_add(other.0)?;
        (-Self::LIMIT..=Self::LIMIT).contains(&sum).then_some(Self(sum))
    }
}

impl fmt::Display for Fee {
    /// Yuan with five places, as bills have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let millifen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:05}", millifen / 100_000, millifen % 100_000)
    }
}

/// Reads yuan with at most two places as fen.
pub(super) fn fen(text: &str) -> Option<Fen> {
    Fen::new(decimal(text, 2)?)
}

/// The same with `-` before it when it is below zero.
pub(super) fn signed_fen(text: &str) -> Option<i64> {
    let (sign, digits) = sign(text);
    Some(sign * i64::try_from(fen(digits)?.get()).ok()?)
}

/// The sign of a number, and what follows it.
fn sign(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    }
}

/// Reads a whole number; one page writes counts as `20.0`.
pub(super) fn whole(text: &str) -> Option<u64> {
    let hundredfold = decimal(text, 2)?;
    hundredfold.is_multiple_of(100).then_some(hundredfold / 100)
}

/// A decimal number of ASCII digits with at most `places` behind the point, times 10 to that power.
/// No sign, no space, no leading zero but the one before the point, and never a point alone.
fn decimal(text: &str, places: u32) -> Option<u64> {
    let mut sum = 0_u64;
    let mut whole = 0;
    let mut fraction = None;
    for byte in text.bytes() {
        match (byte, &mut fraction) {
            (b'.', None) => fraction = Some(0),
            // A zero stands before the point alone.
            (b'0'..=b'9', None) if whole == 1 && sum == 0 => return None,
            (b'0'..=b'9', count) => {
                sum = sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
                *count.as_mut().unwrap_or(&mut whole) += 1;
            }
            _ => return None,
        }
    }
    let missing = places.checked_sub(fraction.unwrap_or(0))?;
    if whole == 0 || fraction == Some(0) {
        return None;
    }
    sum.checked_mul(10_u64.checked_pow(missing)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn a_balance_may_be_below_zero() {
        for (text, expected) in [("25.99", 2_599), ("-0.01", -1), ("-125.99", -12_599)] {
            assert_eq!(signed_fen(text), Some(expected), "{text}");
        }
        for text in ["", "-", "--1", "+1", "- 1", "-01", "-0.001"] {
            assert_eq!(signed_fen(text), None, "{text}");
        }
    }

    #[test]
    fn yuan_have_at_most_two_places() {
        for (text, expected) in [
            ("0", 0),
            ("0.0", 0),
            ("0.00", 0),
            ("0.01", 1),
            ("0.1", 10),
            ("1.2", 120),
            ("25.99", 2_599),
            ("1000.00", 100_000),
            ("90071992547409.91", Fen::MAX.get()),
        ] {
            assert_eq!(fen(text), Fen::new(expected), "{text}");
        }
        for text in [
            "",
            " 1",
            "1 ",
            "+1",
            "-1",
            "-0.01",
            "01",
            "00.01",
            ".5",
            "1.",
            ".",
            "0.001",
            "1.0.0",
            "1e3",
            "0x1",
            "1,000.00",
            "１.００",
            "¥1",
            "90071992547409.92",
            "184467440737095516.16",
            "99999999999999999999",
        ] {
            assert_eq!(fen(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_fee_has_five_places_and_may_go_back() {
        for (text, millifen) in [("0.00000", 0), ("-0.02000", -2_000), ("0", 0), ("0.05940", 5_940)]
        {
            assert_eq!(Fee::parse(text).map(Fee::millifen), Some(millifen), "{text}");
        }
        for text in ["", "-", "--1", "- 1", "+1", "0.000001", "1e5", "99999999999999999999"] {
            assert_eq!(Fee::parse(text), None, "{text:?}");
        }
        let largest = Fee(Fee::LIMIT);
        assert_eq!(largest.checked_add(Fee(1)), None);
        assert_eq!(Fee(-Fee::LIMIT).checked_add(Fee(-1)), None);
        assert_eq!(Fee::parse(&Fee(-Fee::LIMIT).to_string()), Some(Fee(-Fee::LIMIT)));
    }

    #[test]
    fn a_count_is_whole() {
        assert_eq!((whole("20"), whole("20.0"), whole("0")), (Some(20), Some(20), Some(0)));
        assert_eq!((whole("20.5"), whole("-1"), whole("")), (None, None, None));
    }

    proptest! {
        #[test]
        fn fen_written_as_yuan_are_read(amount in 0..=Fen::MAX.get()) {
            let amount = Fen::new(amount).unwrap();
            prop_assert_eq!(fen(&amount.yuan().to_string()), Some(amount));
        }

        #[test]
        fn fees_written_are_read(millifen in -Fee::LIMIT..=Fee::LIMIT) {
            prop_assert_eq!(Fee::parse(&Fee(millifen).to_string()), Some(Fee(millifen)));
        }

        #[test]
        fn decimals_agree_with_their_parts(whole in 0..1_000_000_u64, cents in 0..100_u64) {
            let text = format!("{whole}.{cents:02}");
            prop_assert_eq!(decimal(&text, 2), Some(whole * 100 + cents));
            prop_assert_eq!(decimal(&text, 5), Some((whole * 100 + cents) * 1_000));
        }
    }
}
