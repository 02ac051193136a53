//! Core's [`Checkout`](watch::Checkout) for JavaScript, with numbers instead of types: views, lost
//! connections and time go in; what to show and when to ask again come out.
//!
//! `now_ms` is milliseconds on the page's clock since it began to follow the order.

use saoma_core::time::UnixTime;
use saoma_core::watch::{self, Phase, Screen, Snapshot};
use spin::Mutex;
use wasm_bindgen::prelude::*;

/// One order on one screen.
static CHECKOUT: Mutex<watch::Checkout> = Mutex::new(watch::Checkout::new());

/// The server answered with this view; `phase` counts the phases in core's order. `false`: the
/// view is nonsense, and nothing changed.
#[wasm_bindgen(js_name = checkoutView)]
#[must_use]
pub fn on_view(phase: usize, version: f64, expires_at: f64, server_time: f64, now_ms: f64) -> bool {
    let snapshot = || {
        Some(Snapshot {
            phase: *Phase::ALL.get(phase)?,
            version: whole(version)?,
            expires_at: UnixTime::new(whole(expires_at)?)?,
            server_time: UnixTime::new(whole(server_time)?)?,
        })
    };
    let Some(snapshot) = snapshot() else { return false };
    CHECKOUT.lock().on_view(snapshot, clock(now_ms));
    true
}

/// A question failed or the stream broke.
#[wasm_bindgen(js_name = checkoutLost)]
pub fn on_lost() {
    CHECKOUT.lock().on_lost();
}

/// Whether the last question failed.
#[wasm_bindgen(js_name = checkoutOffline)]
#[must_use]
pub fn offline() -> bool {
    CHECKOUT.lock().offline()
}

/// What to show now, counted from 0 in the order of core's screens.
#[wasm_bindgen(js_name = checkoutScreen)]
#[must_use]
pub fn screen(now_ms: f64) -> u32 {
    match CHECKOUT.lock().screen(clock(now_ms)) {
        Screen::Loading => 0,
        Screen::Waiting { .. } => 1,
        Screen::Checking { .. } => 2,
        Screen::Paid => 3,
        Screen::Cancelled => 4,
        Screen::Expired => 5,
        Screen::Refunding => 6,
        Screen::Refunded => 7,
        Screen::Failed => 8,
    }
}

/// Seconds left to pay; 0 on every screen but the waiting one.
#[wasm_bindgen(js_name = checkoutLeft)]
#[must_use]
pub fn left_s(now_ms: f64) -> u32 {
    match CHECKOUT.lock().screen(clock(now_ms)) {
        Screen::Waiting { left_s, .. } => u32::try_from(left_s).unwrap_or(u32::MAX),
        Screen::Loading
        | Screen::Checking { .. }
        | Screen::Paid
        | Screen::Cancelled
        | Screen::Expired
        | Screen::Refunding
        | Screen::Refunded
        | Screen::Failed => 0,
    }
}

/// Milliseconds to wait before asking the server again; negative: never again.
#[wasm_bindgen(js_name = checkoutPoll)]
#[must_use]
pub fn next_poll_ms(now_ms: f64) -> i32 {
    let next = CHECKOUT.lock().next_poll_ms(clock(now_ms));
    next.map_or(-1, |ms| i32::try_from(ms).unwrap_or(i32::MAX))
}

/// Milliseconds of JavaScript's clock; a clock that is not a number stands at zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn clock(now_ms: f64) -> u64 {
    now_ms as u64
}

/// A JavaScript number that is a whole one, up to 2^53 - 1.
fn whole(number: f64) -> Option<u64> {
    const MAX: u64 = (1 << 53) - 1;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked below")]
    let whole = number as u64;
    #[expect(clippy::cast_precision_loss, reason = "exact up to MAX")]
    #[expect(clippy::float_cmp, reason = "the question is whether they are the same number")]
    let same = whole as f64 == number;
    (same && whole <= MAX).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    const NOW: f64 = 5_000.0;
    const OPEN: usize = 1;

    /// The tests run side by side, and there is one checkout: each begins with a new one.
    fn anew() -> MutexGuard<'static, ()> {
        static ONE: Mutex<()> = Mutex::new(());
        let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        *CHECKOUT.lock() = watch::Checkout::new();
        guard
    }

    #[test]
    fn a_view_is_shown_with_its_time_left() {
        let _one = anew();
        assert_eq!(screen(NOW), 0);
        assert!(on_view(OPEN, 1.0, 1_000.0, 940.0, NOW));
        assert_eq!(screen(NOW), 1);
        assert_eq!(left_s(NOW + 10_000.0), 50);
        assert_eq!(next_poll_ms(NOW), 2_000);
        assert_eq!(screen(NOW + 60_000.0), 2);
        assert_eq!(left_s(NOW + 60_000.0), 0);
    }

    #[test]
    fn a_final_view_ends_the_questions() {
        let _one = anew();
        let shipped = Phase::ALL.iter().position(|&phase| phase == Phase::Shipped).unwrap();
        assert!(on_view(shipped, 9.0, 1_000.0, 940.0, NOW));
        assert_eq!(screen(NOW), 3);
        assert_eq!(next_poll_ms(NOW), -1);
    }

    #[test]
    fn a_lost_connection_is_offline_until_the_next_view() {
        let _one = anew();
        on_lost();
        assert!(offline());
        assert_eq!(next_poll_ms(0.0), 1_000);
        assert!(on_view(OPEN, 1.0, 1_000.0, 940.0, NOW));
        assert!(!offline());
    }

    #[test]
    fn every_phase_has_a_screen() {
        let _one = anew();
        for (number, phase) in Phase::ALL.into_iter().enumerate() {
            *CHECKOUT.lock() = watch::Checkout::new();
            assert!(on_view(number, 1.0, 1_000.0, 940.0, NOW));
            assert_eq!(screen(NOW) == 0, phase == Phase::Placing);
        }
    }

    #[test]
    fn nonsense_changes_nothing() {
        let _one = anew();
        let bad = [-1.0, 0.5, f64::NAN, f64::INFINITY, 9_007_199_254_740_992.0, 1e300];
        for number in bad {
            assert!(!on_view(OPEN, number, 1_000.0, 940.0, NOW), "version {number}");
            assert!(!on_view(OPEN, 1.0, number, 940.0, NOW), "expires_at {number}");
            assert!(!on_view(OPEN, 1.0, 1_000.0, number, NOW), "server_time {number}");
        }
        assert!(!on_view(Phase::ALL.len(), 1.0, 1_000.0, 940.0, NOW));
        assert_eq!(screen(NOW), 0);
    }

    #[test]
    fn no_clock_breaks_it() {
        let _one = anew();
        assert!(on_view(OPEN, 1.0, 1_000.0, 940.0, f64::NAN));
        for now_ms in [f64::NAN, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
            let _ = (screen(now_ms), left_s(now_ms), next_poll_ms(now_ms));
        }
    }
}
