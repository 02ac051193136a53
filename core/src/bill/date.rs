//! The day of a bill.

use crate::api::RequestError;
use crate::time::UnixTime;
use core::fmt;
use heapless::String;

const DAY_S: u64 = 86_400;
/// WeChat keeps bills for three months; the longest three months have 92 days.
const KEPT_S: u64 = 93 * DAY_S;

/// A day in Beijing that a bill is asked for, `bill_date`: 8 digits, `yyyyMMdd`.
///
/// ```
/// use saoma_core::bill::BillDate;
/// use saoma_core::time::UnixTime;
///
/// let paid_at = UnixTime::parse_beijing("20261123193142")?;
/// let date = BillDate::of(paid_at);
/// assert_eq!(date.as_str(), "20261123");
/// assert_eq!(date.ready_at().beijing(), "20261124100000");
/// assert!(date.ready(paid_at).is_err());
/// # Ok::<(), saoma_core::time::BeijingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillDate {
    text: String<8>,
    /// When the day begins.
    begin: UnixTime,
}

impl BillDate {
    /// Reads 8 digits.
    ///
    /// # Errors
    /// [`RequestError`] when it is no day of the calendar from 2 January 1970 on.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let rule = "must be a day as 8 digits, yyyyMMdd";
        let error = RequestError { field: "bill_date", rule };
        let text = String::try_from(text).map_err(|_| error)?;
        let mut midnight: String<14> = String::new();
        for part in [text.as_str(), "000000"] {
            midnight.push_str(part).map_err(|_| error)?;
        }
        let begin = UnixTime::parse_beijing(&midnight).map_err(|_| error)?;
        Ok(Self { text, begin })
    }

    /// The day of an instant, in Beijing.
    #[must_use]
    pub fn of(time: UnixTime) -> Self {
        let digits = time.beijing();
        let text: &str = digits.get(..8).unwrap_or("");
        // The first day of all began before the epoch and so has no midnight that could be said.
        Self::parse(text).unwrap_or_else(|_| Self {
            text: String::try_from(text).unwrap_or_default(),
            begin: UnixTime::default(),
        })
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// When the day begins.
    #[must_use]
    pub const fn begins_at(&self) -> UnixTime {
        self.begin
    }

    /// When the next day begins.
    #[must_use]
    pub const fn ends_at(&self) -> UnixTime {
        self.begin.plus(DAY_S)
    }

    /// Whether an instant is in this day.
    #[must_use]
    pub fn contains(&self, time: UnixTime) -> bool {
        (self.begins_at()..self.ends_at()).contains(&time)
    }

    /// When the bill is surely there: 10 o'clock on the next day. WeChat begins at 9.
    #[must_use]
    pub const fn ready_at(&self) -> UnixTime {
        self.begin.plus(DAY_S + 10 * 3_600)
    }

    /// Refuses what WeChat would refuse: a day whose bill cannot be there yet, or no longer.
    ///
    /// # Errors
    /// [`RequestError`] before 9 o'clock on the next day, and after three months (93 days).
    pub fn ready(&self, now: UnixTime) -> Result<(), RequestError> {
        let refuse = |rule| Err(RequestError { field: "bill_date", rule });
        if now < self.begin.plus(DAY_S + 9 * 3_600) {
            return refuse("must be a day before today; from 9 o'clock in Beijing");
        }
        if now.since(self.begin) > KEPT_S {
            return refuse("must be within the last three months");
        }
        Ok(())
    }
}

impl fmt::Display for BillDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(beijing: &str) -> UnixTime {
        UnixTime::parse_beijing(beijing).unwrap()
    }

    #[test]
    fn a_day_is_eight_digits_of_the_calendar() {
        assert!(BillDate::parse("20280229").is_ok());
        for text in ["", "2026-11-23", "2026112", "202611230", "20260229", "20261301", "２０２６"]
        {
            assert_eq!(BillDate::parse(text).unwrap_err().field, "bill_date", "{text:?}");
        }
    }

    #[test]
    fn the_day_ends_at_midnight_in_beijing() {
        assert_eq!(BillDate::of(at("20261123000000")).as_str(), "20261123");
        assert_eq!(BillDate::of(at("20261123235959")).as_str(), "20261123");
        assert_eq!(BillDate::of(at("20261124000000")).as_str(), "20261124");
        assert_eq!(BillDate::of(UnixTime::default()).as_str(), "19700101");
    }

    #[test]
    fn midnight_belongs_to_the_day_that_begins() {
        let date = BillDate::parse("20261123").unwrap();
        for (time, inside) in [
            ("20261122235959", false),
            ("20261123000000", true),
            ("20261123235959", true),
            ("20261124000000", false),
        ] {
            assert_eq!(date.contains(at(time)), inside, "{time}");
        }
        assert_eq!(BillDate::of(date.ends_at()).as_str(), "20261124");
    }

    #[test]
    fn a_bill_is_there_from_the_next_morning_for_three_months() {
        let date = BillDate::parse("20261123").unwrap();
        assert!(date.ready(at("20261123235959")).is_err());
        assert!(date.ready(at("20261124085959")).is_err());
        assert!(date.ready(at("20261124090000")).is_ok());
        assert!(date.ready(at("20270223090000")).is_ok());
        assert!(date.ready(at("20270225000000")).is_err());
    }

    proptest! {
        #[test]
        fn every_day_is_read_as_it_is_written(seconds in 57_600..=UnixTime::MAX.get()) {
            let date = BillDate::of(UnixTime::new(seconds).unwrap());
            prop_assert_eq!(BillDate::parse(date.as_str()), Ok(date));
        }
    }
}
