//! Core's [`Checkout`](watch::Checkout) with numbers and strings instead of types.

use crate::screen_name::ScreenName;
use saoma_core::time::UnixTime;
use saoma_core::watch::{self, Phase, Screen, Snapshot};
use wasm_bindgen::prelude::*;

/// One order on one screen: views, lost connections and time go in; what to show and when to
/// ask again come out.
///
/// `now_ms` is milliseconds on the page's clock since it began to follow the order.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Checkout(watch::Checkout);

#[wasm_bindgen]
impl Checkout {
    /// A screen that knows nothing yet.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The server answered with this view. `false`: the view is nonsense, and nothing changed.
    #[wasm_bindgen(js_name = onView)]
    pub fn on_view(
        &mut self,
        phase: &str,
        version: f64,
        expires_at: f64,
        server_time: f64,
        now_ms: f64,
    ) -> bool {
        let snapshot = || {
            Some(Snapshot {
                phase: Phase::from_name(phase)?,
                version: whole(version)?,
                expires_at: UnixTime::new(whole(expires_at)?)?,
                server_time: UnixTime::new(whole(server_time)?)?,
            })
        };
        let Some(snapshot) = snapshot() else { return false };
        self.0.on_view(snapshot, clock(now_ms));
        true
    }

    /// A question failed or the stream broke.
    #[wasm_bindgen(js_name = onLost)]
    pub fn on_lost(&mut self) {
        self.0.on_lost();
    }

    /// Whether the last question failed.
    #[must_use]
    pub fn offline(&self) -> bool {
        self.0.offline()
    }

    /// What to show now.
    #[must_use]
    pub fn screen(&self, now_ms: f64) -> ScreenName {
        match self.0.screen(clock(now_ms)) {
            Screen::Loading => ScreenName::Loading,
            Screen::Waiting { .. } => ScreenName::Waiting,
            Screen::Checking { .. } => ScreenName::Checking,
            Screen::Paid => ScreenName::Paid,
            Screen::Cancelled => ScreenName::Cancelled,
            Screen::Expired => ScreenName::Expired,
            Screen::Refunding => ScreenName::Refunding,
            Screen::Refunded => ScreenName::Refunded,
            Screen::Failed => ScreenName::Failed,
        }
    }

    /// Seconds left to pay; 0 on every screen but `waiting`.
    #[wasm_bindgen(js_name = leftSeconds)]
    #[must_use]
    pub fn left_s(&self, now_ms: f64) -> u32 {
        match self.0.screen(clock(now_ms)) {
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

    /// Milliseconds to wait before asking the server again; `undefined`: never again.
    #[wasm_bindgen(js_name = nextPollMs)]
    #[must_use]
    pub fn next_poll_ms(&self, now_ms: f64) -> Option<u32> {
        self.0.next_poll_ms(clock(now_ms)).map(|ms| u32::try_from(ms).unwrap_or(u32::MAX))
    }
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

    const NOW: f64 = 5_000.0;

    #[test]
    fn a_view_is_shown_with_its_time_left() {
        let mut checkout = Checkout::new();
        assert_eq!(checkout.screen(NOW), ScreenName::Loading);
        assert!(checkout.on_view("open", 1.0, 1_000.0, 940.0, NOW));
        assert_eq!(checkout.screen(NOW), ScreenName::Waiting);
        assert_eq!(checkout.left_s(NOW + 10_000.0), 50);
        assert_eq!(checkout.next_poll_ms(NOW), Some(2_000));
        assert_eq!(checkout.screen(NOW + 60_000.0), ScreenName::Checking);
        assert_eq!(checkout.left_s(NOW + 60_000.0), 0);
    }

    #[test]
    fn a_final_view_ends_the_questions() {
        let mut checkout = Checkout::new();
        assert!(checkout.on_view("shipped", 9.0, 1_000.0, 940.0, NOW));
        assert_eq!(checkout.screen(NOW), ScreenName::Paid);
        assert_eq!(checkout.next_poll_ms(NOW), None);
    }

    #[test]
    fn a_lost_connection_is_offline_until_the_next_view() {
        let mut checkout = Checkout::new();
        checkout.on_lost();
        assert!(checkout.offline());
        assert_eq!(checkout.next_poll_ms(0.0), Some(1_000));
        assert!(checkout.on_view("open", 1.0, 1_000.0, 940.0, NOW));
        assert!(!checkout.offline());
    }

    #[test]
    fn every_phase_has_a_screen() {
        for phase in Phase::ALL {
            let mut checkout = Checkout::new();
            assert!(checkout.on_view(phase.as_str(), 1.0, 1_000.0, 940.0, NOW));
            let loading = checkout.screen(NOW) == ScreenName::Loading;
            assert_eq!(loading, phase == Phase::Placing);
        }
    }

    #[test]
    fn nonsense_changes_nothing() {
        let mut checkout = Checkout::new();
        let bad = [-1.0, 0.5, f64::NAN, f64::INFINITY, 9_007_199_254_740_992.0, 1e300];
        for number in bad {
            assert!(!checkout.on_view("open", number, 1_000.0, 940.0, NOW), "version {number}");
            assert!(!checkout.on_view("open", 1.0, number, 940.0, NOW), "expires_at {number}");
            assert!(!checkout.on_view("open", 1.0, 1_000.0, number, NOW), "server_time {number}");
        }
        assert!(!checkout.on_view("OPEN", 1.0, 1_000.0, 940.0, NOW));
        assert_eq!(checkout.screen(NOW), ScreenName::Loading);
    }

    #[test]
    fn no_clock_breaks_it() {
        let mut checkout = Checkout::new();
        assert!(checkout.on_view("open", 1.0, 1_000.0, 940.0, f64::NAN));
        for now_ms in [f64::NAN, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
            let _ = (checkout.screen(now_ms), checkout.left_s(now_ms));
            let _ = checkout.next_poll_ms(now_ms);
        }
    }
}
