//! Instants, and the Beijing time that WeChat writes.
//!
//! This module never asks what time it is: the time is always an argument. Beijing is UTC+8 all
//! year, so its calendar is plain arithmetic and no time zone data is needed (protocol §1).

use core::fmt;
use heapless::String;

/// Beijing's distance from UTC in seconds.
const BEIJING_OFFSET_S: u64 = 8 * 3600;
const DAY_S: u64 = 86_400;

/// An instant: whole seconds since 1970-01-01T00:00:00Z, up to the end of the year 9999 in Beijing.
///
/// ```
/// use saoma_core::time::UnixTime;
///
/// let paid = UnixTime::parse_beijing("20261123193142").unwrap();
/// assert_eq!(paid.get(), 1795433502);
/// assert_eq!(paid.beijing(), "20261123193142");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "u64", into = "u64"))]
pub struct UnixTime(u64);

impl UnixTime {
    /// 9999-12-31 23:59:59 in Beijing: the last instant that 14 digits can say.
    pub const MAX: Self = Self(253_402_271_999);

    /// The instant `seconds` after the epoch, or `None` after [`UnixTime::MAX`].
    #[must_use]
    pub const fn new(seconds: u64) -> Option<Self> {
        if seconds <= Self::MAX.0 { Some(Self(seconds)) } else { None }
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The instant `seconds` later; stops at [`UnixTime::MAX`].
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        let sum = self.0.saturating_add(seconds);
        if sum < Self::MAX.0 { Self(sum) } else { Self::MAX }
    }

    /// Seconds from `earlier` to this instant; 0 when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Beijing time as WeChat writes it, `yyyyMMddHHmmss`: 14 digits.
    #[must_use]
    pub fn beijing(self) -> String<14> {
        let local = self.0 + BEIJING_OFFSET_S;
        let (year, month, day) = civil_from_days(local / DAY_S);
        let second = local % DAY_S;
        let mut text = String::new();
        for (value, width) in [
            (year, 4_u32),
            (month, 2),
            (day, 2),
            (second / 3600, 2),
            (second / 60 % 60, 2),
            (second % 60, 2),
        ] {
            for place in (0..width).rev() {
                let digit = u8::try_from(value / 10_u64.pow(place) % 10).unwrap_or(0);
                // 4 + 5 * 2 digits are the capacity.
                let _ = text.push(char::from(b'0' + digit));
            }
        }
        text
    }

    /// Reads Beijing time of 14 digits.
    ///
    /// # Errors
    /// [`BeijingError`] when it is not 14 ASCII digits, or no such moment exists (30 February,
    /// 24:00, second 60), or it lies before 1970.
    pub fn parse_beijing(text: &str) -> Result<Self, BeijingError> {
        let bytes = text.as_bytes();
        if bytes.len() != 14 || !bytes.iter().all(u8::is_ascii_digit) {
            return Err(BeijingError::NotFourteenDigits);
        }
        let number = |range: core::ops::Range<usize>| {
            bytes[range].iter().fold(0, |sum, b| sum * 10 + u64::from(b - b'0'))
        };
        let (year, month, day) = (number(0..4), number(4..6), number(6..8));
        let (hour, minute, second) = (number(8..10), number(10..12), number(12..14));
        if year < 1970 {
            return Err(BeijingError::Before1970);
        }
        let month_valid = (1..=12).contains(&month);
        if !month_valid || day == 0 || day > days_in_month(year, month) {
            return Err(BeijingError::NoSuchMoment);
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(BeijingError::NoSuchMoment);
        }
        let local = days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
        // The first eight hours of 1970 in Beijing lie before the epoch.
        local.checked_sub(BEIJING_OFFSET_S).map(Self).ok_or(BeijingError::Before1970)
    }

    /// Reads Beijing time as refunds and bills have it, `yyyy-MM-dd HH:mm:ss`.
    ///
    /// # Errors
    /// [`BeijingError`] when it has another form or no such moment exists.
    pub fn parse_date_time(text: &str) -> Result<Self, BeijingError> {
        const FORM: &[u8; 19] = b"0000-00-00 00:00:00";
        let mut digits = String::<14>::new();
        for (byte, form) in text.bytes().zip(FORM) {
            let fits = match form {
                b'0' => byte.is_ascii_digit() && digits.push(char::from(byte)).is_ok(),
                mark => byte == *mark,
            };
            if !fits {
                return Err(BeijingError::NotADateTime);
            }
        }
        if text.len() == FORM.len() {
            Self::parse_beijing(&digits)
        } else {
            Err(BeijingError::NotADateTime)
        }
    }
}

impl From<UnixTime> for u64 {
    fn from(time: UnixTime) -> Self {
        time.0
    }
}

impl TryFrom<u64> for UnixTime {
    type Error = BeijingError;

    fn try_from(seconds: u64) -> Result<Self, BeijingError> {
        Self::new(seconds).ok_or(BeijingError::NoSuchMoment)
    }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years are counted from March, so that the leap day is the last of the
/// year and a month's first day is linear in the month.
const fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    // 719_468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    // An era is 400 years, 146_097 days.
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Why a text is not an instant.
///
/// ```
/// use saoma_core::time::{BeijingError, UnixTime};
///
/// let leap_day = UnixTime::parse_beijing("20260229120000");
/// assert_eq!(leap_day, Err(BeijingError::NoSuchMoment));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeijingError {
    /// Not exactly 14 ASCII digits.
    NotFourteenDigits,
    /// Not of the form `yyyy-MM-dd HH:mm:ss`.
    NotADateTime,
    /// The calendar or the clock has no such moment.
    NoSuchMoment,
    /// Before 1970-01-01T00:00:00Z.
    Before1970,
}

impl fmt::Display for BeijingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFourteenDigits => "a time is 14 digits, yyyyMMddHHmmss",
            Self::NotADateTime => "a time has the form yyyy-MM-dd HH:mm:ss",
            Self::NoSuchMoment => "no such moment in the calendar",
            Self::Before1970 => "a time before 1970",
        })
    }
}

impl core::error::Error for BeijingError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Counts day by day: too simple to be wrong.
    fn naive_date(days: u64) -> (u64, u64, u64) {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for _ in 0..days {
            day += 1;
            if day > days_in_month(year, month) {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
        (year, month, day)
    }

    #[test]
    fn the_calendar_agrees_with_counting_days() {
        let mut date = (1970, 1, 1);
        for days in 0..146_097_u64 {
            if days % 10_000 == 0 {
                date = naive_date(days);
            }
            assert_eq!(civil_from_days(days), date, "day {days}");
            assert_eq!(days_from_civil(date.0, date.1, date.2), days);
            date.2 += 1;
            if date.2 > days_in_month(date.0, date.1) {
                (date.2, date.1) = (1, date.1 + 1);
            }
            if date.1 > 12 {
                (date.1, date.0) = (1, date.0 + 1);
            }
        }
    }

    #[test]
    fn beijing_is_eight_hours_ahead() {
        assert_eq!(UnixTime(0).beijing(), "19700101080000");
        assert_eq!(UnixTime(1_795_461_960).beijing(), "20261124032600");
        assert_eq!(UnixTime::MAX.beijing(), "99991231235959");
        assert_eq!(UnixTime(u64::from(u32::MAX)).beijing(), "21060207142815");
    }

    #[test]
    fn moments_that_do_not_exist_are_refused() {
        use BeijingError::{Before1970, NoSuchMoment, NotFourteenDigits};
        for (text, error) in [
            ("", NotFourteenDigits),
            ("2026112319314", NotFourteenDigits),
            ("202611231931420", NotFourteenDigits),
            ("2026-11-23 19:", NotFourteenDigits),
            ("+2026112319314", NotFourteenDigits),
            ("20260229000000", NoSuchMoment),
            ("21000229000000", NoSuchMoment),
            ("20261301000000", NoSuchMoment),
            ("20260001000000", NoSuchMoment),
            ("20261100000000", NoSuchMoment),
            ("20261131000000", NoSuchMoment),
            ("20261123240000", NoSuchMoment),
            ("20261123236000", NoSuchMoment),
            ("20261123235960", NoSuchMoment),
            ("19691231235959", Before1970),
            ("19700101075959", Before1970),
            ("00000101000000", Before1970),
        ] {
            assert_eq!(UnixTime::parse_beijing(text), Err(error), "{text:?}");
        }
        assert!(UnixTime::parse_beijing("20280229000000").is_ok());
        assert!(UnixTime::parse_beijing("20000229000000").is_ok());
        assert!(UnixTime::parse_beijing("20380119111408").is_ok());
    }

    #[test]
    fn a_date_and_time_has_one_form() {
        let parse = UnixTime::parse_date_time;
        assert_eq!(parse("2026-11-23 19:45:01"), UnixTime::parse_beijing("20261123194501"));
        for text in [
            "",
            "2026-11-23",
            "2026-11-23 19:45:0",
            "2026-11-23 19:45:011",
            "2026-11-23T19:45:01",
            "2026-11-23  19:45:01",
            "2026-11-2319:45:01",
            "2026-11-23 19：45：01",
            "２026-11-23 19:45",
            "20261123194501",
        ] {
            assert_eq!(parse(text), Err(BeijingError::NotADateTime), "{text:?}");
        }
        assert_eq!(parse("2026-02-29 00:00:00"), Err(BeijingError::NoSuchMoment));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..=UnixTime::MAX.get()) {
            let time = UnixTime(seconds);
            prop_assert_eq!(UnixTime::parse_beijing(&time.beijing()), Ok(time));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}") {
            let _ = UnixTime::parse_beijing(&text);
        }
    }
}
