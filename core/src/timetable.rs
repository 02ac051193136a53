//! When WeChat repeats a notification and when to ask instead, as data (protocol §5, §9).
//!
//! ```
//! use saoma_core::timetable::{NOTIFICATION_S, due};
//!
//! // The third repeat comes a minute after the first send.
//! assert_eq!(due(&NOTIFICATION_S).nth(2), Some(60));
//! ```

/// When to ask for a payment whose notification may be lost: seconds after the attempt was made.
///
/// After the last one the number is closed, and asked for once more.
pub const QUERY_S: [u64; 7] = [5, 30, 60, 180, 300, 600, 1_800];

/// How long WeChat waits before it sends a notification again that was not acknowledged: seconds
/// after the send before. Fifteen repeats, a little more than a day in all.
pub const NOTIFICATION_S: [u64; 15] = [
    15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600,
];

/// The same as older pages have it, to about 2018: nine repeats in three hours.
pub const NOTIFICATION_OLD_S: [u64; 9] = [15, 15, 30, 180, 1_800, 1_800, 1_800, 1_800, 3_600];

/// How long an acknowledgement may take before the notification counts as not acknowledged.
pub const ACKNOWLEDGE_WITHIN_S: u64 = 5;

/// The repeats as seconds after the first send.
pub fn due(gaps_s: &[u64]) -> impl Iterator<Item = u64> {
    gaps_s.iter().scan(0, |sum: &mut u64, gap| {
        *sum = sum.saturating_add(*gap);
        Some(*sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedules_add_up_to_what_the_pages_say() {
        assert_eq!(due(&NOTIFICATION_S).last(), Some(86_640), "24 hours and 4 minutes");
        assert_eq!(due(&NOTIFICATION_OLD_S).last(), Some(11_040), "3 hours and 4 minutes");
        assert_eq!(due(&NOTIFICATION_S).next(), Some(15));
    }

    #[test]
    fn queries_come_ever_later_and_end_with_half_an_hour() {
        assert!(QUERY_S.is_sorted());
        assert_eq!(QUERY_S.last(), Some(&1_800));
    }
}
