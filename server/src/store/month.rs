//! Months of Beijing's calendar: an order's id begins with the month that it was made in.

use saoma_core::time::UnixTime;
use std::fmt;

/// A month; it is shown as ids begin with it, `202611`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// Months since the beginning of the year 0.
    count: u32,
}

impl Month {
    /// The month of a moment, in Beijing.
    #[must_use]
    pub fn of(time: UnixTime) -> Self {
        // Fourteen digits, the first six of which are year and month.
        let digits = time.beijing();
        Self::from_digits(digits.get(..6).unwrap_or_default()).unwrap_or(Self { count: 0 })
    }

    /// Reads `2026-11`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        if (year.len(), month.len()) != (4, 2) {
            return None;
        }
        Self::from_digits(&format!("{year}{month}"))
    }

    /// Reads the first six digits of an order's id.
    pub(crate) fn from_digits(digits: &str) -> Option<Self> {
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u32 = digits.parse().ok()?;
        let (year, month) = (number / 100, number % 100);
        (1..=12).contains(&month).then(|| Self { count: year * 12 + month - 1 })
    }

    /// So many months later.
    #[must_use]
    pub const fn plus(self, months: u32) -> Self {
        Self { count: self.count + months }
    }

    /// As [`parse`](Self::parse) reads it, `2026-11`.
    #[must_use]
    pub fn with_dash(self) -> String {
        format!("{:04}-{:02}", self.count / 12, self.count % 12 + 1)
    }

    /// So many months earlier.
    #[must_use]
    pub const fn minus(self, months: u32) -> Self {
        Self { count: self.count.saturating_sub(months) }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}", self.count / 12, self.count % 12 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_beijings() {
        let of = |seconds| Month::of(UnixTime::new(seconds).unwrap()).to_string();
        // 2026-11-30 15:59:59 and 16:00:00 UTC: Beijing's midnight.
        assert_eq!(of(1_796_054_399), "202611");
        assert_eq!(of(1_796_054_400), "202612");
    }

    #[test]
    fn months_are_counted_over_the_year() {
        let month = Month::parse("2026-11").unwrap();
        assert_eq!(month.plus(2).to_string(), "202701");
        assert_eq!(month.minus(13).to_string(), "202510");
        assert!(month < month.plus(1) && month.plus(1) < month.plus(2));
    }

    #[test]
    fn only_a_year_and_a_month_is_a_month() {
        assert_eq!(Month::parse("2026-01").unwrap().to_string(), "202601");
        for text in ["", "2026", "202611", "2026-13", "2026-00", "26-11", "2026-1", "２０26-11"] {
            assert_eq!(Month::parse(text), None, "{text:?}");
        }
    }
}
