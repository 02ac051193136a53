//! Points in time and their Beijing text.
//!
//! Inside, time is Unix seconds. On the wire it is Beijing time (UTC+8, no daylight saving) in 14
//! digits, `yyyyMMddHHmmss` (`docs/protocol.md` §1). Both ways are arithmetic on the calendar;
//! nothing here asks a clock or a time-zone database.

use std::fmt;

/// Seconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

const BEIJING_OFFSET_S: i64 = 8 * 3600;
const DAY_S: i64 = 86_400;

/// The last second that 14 digits can say: 9999-12-31 23:59:59 in Beijing.
const LAST: i64 = 253_402_300_799 - BEIJING_OFFSET_S;

impl UnixTime {
    /// This time and `seconds` more (fewer, when negative). Saturates at the ends of the number.
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this time; negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The 14 digits of this time in Beijing, `yyyyMMddHHmmss`.
    ///
    /// Times before the year 0 or after 9999 are written as the nearest one with four digits.
    pub fn beijing(self) -> String {
        let (date, second) = self.beijing_day();
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            date.year,
            date.month,
            date.day,
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }

    /// The day in Beijing, counted from 1970-01-01: what a bill is made for.
    pub const fn day(self) -> i64 {
        self.0.saturating_add(BEIJING_OFFSET_S).div_euclid(DAY_S)
    }

    /// The day in Beijing, and the second in that day.
    fn beijing_day(self) -> (Date, i64) {
        let local = self.0.clamp(-62_167_219_200, LAST) + BEIJING_OFFSET_S;
        (Date::from_days(local.div_euclid(DAY_S)), local.rem_euclid(DAY_S))
    }

    /// Reads 14 digits of Beijing time; `None` for anything that is not an existing second.
    pub fn from_beijing(text: &str) -> Option<Self> {
        if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
        let date = Date { year: number(0, 4)?, month: number(4, 6)?, day: number(6, 8)? };
        let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
        if hour > 23 || minute > 59 || second > 59 || !date.exists() {
            return None;
        }
        let local = date.to_days() * DAY_S + hour * 3600 + minute * 60 + second;
        Some(Self(local - BEIJING_OFFSET_S))
    }
}

impl fmt::Display for UnixTime {
    /// Beijing time for people: `2026-11-23 19:26:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.beijing();
        write!(f, "{}-{}-{} {}:{}:{}", &t[..4], &t[4..6], &t[6..8], &t[8..10], &t[10..12], &t[12..])
    }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    fn exists(self) -> bool {
        (1..=12).contains(&self.month) && self.day >= 1 && Self::from_days(self.to_days()) == self
    }

    /// Days since 1970-01-01. Years are counted from March, so that the leap day is the last one.
    fn to_days(self) -> i64 {
        let (year, month) = if self.month > 2 {
            (self.year, self.month - 3)
        } else {
            (self.year - 1, self.month + 9)
        };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        // 153 days are five months in a row from March (31, 30, 31, 30, 31).
        let day_of_year = (153 * month + 2) / 5 + self.day - 1;
        year * 365 + leap_days + day_of_year - 719_468
    }

    fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        Self { year: era * 400 + year_of_era + carry, month, day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sample_second_is_written_and_read() {
        let time = UnixTime(1_795_433_160);
        assert_eq!(time.beijing(), "20261123192600");
        assert_eq!(UnixTime::from_beijing("20261123192600"), Some(time));
        assert_eq!(time.to_string(), "2026-11-23 19:26:00");
    }

    #[test]
    fn a_day_begins_at_midnight_in_beijing() {
        let day = |text| UnixTime::from_beijing(text).unwrap().day();
        assert_eq!(day("19700101235959"), 0);
        assert_eq!(day("20261123000000"), day("20261123235959"));
        assert_eq!(day("20261124000000"), day("20261123235959") + 1);
    }

    #[test]
    fn beijing_is_eight_hours_ahead_all_year() {
        assert_eq!(UnixTime(0).beijing(), "19700101080000");
        assert_eq!(UnixTime::from_beijing("20260701000000").map(|t| t.0 % DAY_S), Some(16 * 3600));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "20260230120000",
            "20260229120000",
            "20261301120000",
            "20260001120000",
            "20260100120000",
            "20260101240000",
            "20260101006000",
            "20260101000060",
            "2026010100000",
            "202601010000000",
            "2026010100000x",
            "+2026010100000",
            "",
        ] {
            assert_eq!(UnixTime::from_beijing(text), None, "{text}");
        }
        assert!(UnixTime::from_beijing("20280229120000").is_some(), "2028 is a leap year");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        // The naive twin: count days by the lengths of months, from 1970 to 2200.
        let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..84_000 {
            let date = Date { year, month, day };
            assert_eq!(Date::from_days(days), date);
            assert_eq!(date.to_days(), days);
            let lengths =
                [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            day += 1;
            if day > lengths[usize::try_from(month - 1).unwrap()] {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(seconds in -60_000_000_000_i64..=LAST) {
            let time = UnixTime(seconds);
            prop_assert_eq!(UnixTime::from_beijing(&time.beijing()), Some(time));
        }
    }
}
