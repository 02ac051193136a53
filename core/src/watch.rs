//! What a screen may know of an order, when to ask again, and what to show meanwhile.
//!
//! A [`View`] is what the server tells: enough to draw a checkout, nothing that needs a secret.
//! [`Checkout`] is the screen's side: a machine without I/O and without a clock that turns views,
//! lost connections and time into a [`Screen`], the same in a browser and in a kiosk.

use crate::{ids::OrderId, money::Fen, time::UnixTime};
use heapless::String;

/// Longest `code_url`, which is the longest text of a QR code of ours: WeChat's page says 64 bytes,
/// longer ones have been seen (protocol §4).
pub const CODE_URL_MAX: usize = crate::qr::TEXT_MAX;
/// Longest description of the goods in bytes: WeChat's `body` (protocol §4).
pub const DESCRIPTION_MAX: usize = 127;
/// Longest name of the merchant in bytes, to show.
pub const MERCHANT_MAX: usize = 64;

/// Where an order is, as its customer sees it.
///
/// ```
/// use saoma_core::watch::Phase;
///
/// assert_eq!(Phase::from_name("refunding"), Some(Phase::Refunding));
/// assert!(!Phase::Refunding.is_final() && Phase::Refunded.is_final());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Phase {
    /// WeChat has not given a code yet.
    Placing,
    /// The customer may scan and pay.
    Open,
    /// Nobody should pay any more; WeChat is asked for its last word.
    Closing,
    /// Paid; the shop is being told.
    Paid,
    /// Paid, and the shop has confirmed.
    Shipped,
    /// Given up before payment.
    Cancelled,
    /// The time ran out before payment.
    Expired,
    /// A payment that may not be kept goes back.
    Refunding,
    /// The money is on its way back.
    Refunded,
    /// WeChat does not take the order; nothing was paid.
    Failed,
}

impl Phase {
    /// Every phase, in the order of an order's life.
    pub const ALL: [Self; 10] = [
        Self::Placing,
        Self::Open,
        Self::Closing,
        Self::Paid,
        Self::Shipped,
        Self::Cancelled,
        Self::Expired,
        Self::Refunding,
        Self::Refunded,
        Self::Failed,
    ];

    /// The name on the wire, `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placing => "placing",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
        }
    }

    /// The phase of a name, or `None`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }

    /// Whether a watcher may leave: nothing that the customer waits for follows.
    ///
    /// A late payment can still turn a `cancelled` or `expired` order into `refunding`.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Placing | Self::Open | Self::Closing | Self::Paid | Self::Refunding => false,
            Self::Shipped | Self::Cancelled | Self::Expired | Self::Refunded | Self::Failed => true,
        }
    }
}

/// An order as its watchers may see it; the server's answer, field by field (`docs/api.md` §2.2).
///
/// ```
/// use saoma_core::watch::{Checkout, Phase, Screen, View};
/// use saoma_core::{ids::OrderId, money::Fen, time::UnixTime};
///
/// let now = UnixTime::new(1_795_461_960).unwrap();
/// let view = View {
///     order_id: OrderId::new("20261124032600K7Q2M9XB")?,
///     version: 2,
///     phase: Phase::Paid,
///     amount_fen: Fen::new(1800).unwrap(),
///     merchant: "扫码示例店".try_into().unwrap(),
///     description: "拿铁".try_into().unwrap(),
///     code_url: None,
///     expires_at: now.plus(900),
///     server_time: now,
/// };
/// let mut checkout = Checkout::new();
/// checkout.on_view(view.snapshot(), 0);
/// assert_eq!(checkout.screen(0), Screen::Paid);
/// # Ok::<(), saoma_core::ids::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct View {
    /// Our number of the order.
    pub order_id: OrderId,
    /// Grows with each change.
    pub version: u64,
    /// Where the order is.
    pub phase: Phase,
    /// What it costs.
    pub amount_fen: Fen,
    /// The merchant's name, to show.
    pub merchant: String<MERCHANT_MAX>,
    /// The goods, to show.
    pub description: String<DESCRIPTION_MAX>,
    /// The text of the QR code, only while the customer may pay.
    pub code_url: Option<String<CODE_URL_MAX>>,
    /// The customer may pay before this instant.
    pub expires_at: UnixTime,
    /// The server's clock when it answered.
    pub server_time: UnixTime,
}

impl View {
    /// What [`Checkout`] needs of it.
    #[must_use]
    pub const fn snapshot(&self) -> Snapshot {
        Snapshot {
            phase: self.phase,
            version: self.version,
            expires_at: self.expires_at,
            server_time: self.server_time,
        }
    }
}

/// The part of a [`View`] that decides what to show and when to ask again.
///
/// An example is at [`View`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where the order is.
    pub phase: Phase,
    /// Grows with each change; an older one is ignored.
    pub version: u64,
    /// The customer may pay before this instant.
    pub expires_at: UnixTime,
    /// The server's clock when it answered.
    pub server_time: UnixTime,
}

/// What a checkout shows.
///
/// An example is at [`View`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// No code yet.
    Loading,
    /// The code, the amount and the time left.
    Waiting {
        /// Seconds until the code may not be paid any more; at least 1.
        left_s: u64,
        /// The server cannot be reached; the code is still good.
        offline: bool,
    },
    /// The time is over or the order is being closed; the last word is not in yet.
    Checking {
        /// The server cannot be reached.
        offline: bool,
    },
    /// Paid, whether or not the shop has confirmed yet.
    Paid,
    /// Given up; nothing was paid.
    Cancelled,
    /// Too late; nothing was paid.
    Expired,
    /// A payment goes back.
    Refunding,
    /// A payment is on its way back.
    Refunded,
    /// The order could not be made.
    Failed,
}

/// Ask every 2 seconds in the first minute after news (protocol §5), then slower.
const POLL_FIRST_MS: u64 = 2_000;
const POLL_LATER_MS: u64 = 5_000;
const POLL_SLOW_MS: u64 = 30_000;
/// After a lost connection: doubling from 1 s up to this.
const RETRY_MAX_MS: u64 = 15_000;
/// Nothing polls for ever: half an hour without news after the order's end is enough.
const GIVE_UP_AFTER_MS: u64 = 1_800_000;
/// A server that never answered at all is given up after as long.
const GIVE_UP_AFTER_LOST: u32 = 120;
/// Clocks that differ by more than this have been set; less is the time an answer was on its way
/// and the fraction that whole seconds leave out.
const CLOCK_SET_MS: u64 = 2_000;

/// One order on one screen: views, lost connections and time go in, a [`Screen`] and the next
/// question's time come out.
///
/// `now_ms` is the screen's own clock in milliseconds, any origin; it need not be right, because
/// the server's time comes with each view.
///
/// ```
/// use saoma_core::{time::UnixTime, watch::{Checkout, Phase, Screen, Snapshot}};
///
/// let mut checkout = Checkout::new();
/// assert_eq!(checkout.screen(0), Screen::Loading);
/// checkout.on_view(
///     Snapshot {
///         phase: Phase::Open,
///         version: 1,
///         expires_at: UnixTime::new(1_000).unwrap(),
///         server_time: UnixTime::new(940).unwrap(),
///     },
///     5_000,
/// );
/// assert_eq!(checkout.screen(15_000), Screen::Waiting { left_s: 50, offline: false });
/// assert_eq!(checkout.next_poll_ms(5_000), Some(2_000));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Checkout {
    snapshot: Option<Snapshot>,
    /// The server's clock minus ours.
    offset_ms: i64,
    /// When the newest version came in, on our clock.
    news_at_ms: u64,
    /// Failures since the last answer.
    lost: u32,
}

impl Checkout {
    /// A screen that knows nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { snapshot: None, offset_ms: 0, news_at_ms: 0, lost: 0 }
    }

    /// The server answered. Versions never go back: an older one only proves that the server is
    /// there.
    pub fn on_view(&mut self, snapshot: Snapshot, now_ms: u64) {
        self.lost = 0;
        let known = self.snapshot.map(|known| known.version);
        if known.is_some_and(|version| snapshot.version < version) {
            return;
        }
        if known != Some(snapshot.version) {
            self.news_at_ms = now_ms;
        }
        let offset_ms = signed(snapshot.server_time.get().saturating_mul(1_000)) - signed(now_ms);
        let same_clock = known.is_some() && offset_ms.abs_diff(self.offset_ms) <= CLOCK_SET_MS;
        // The answer that was quickest and latest in its second is the nearest to the truth.
        self.offset_ms = if same_clock { offset_ms.max(self.offset_ms) } else { offset_ms };
        self.snapshot = Some(snapshot);
    }

    /// A question failed or the stream broke.
    pub fn on_lost(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    /// Whether the last question failed.
    #[must_use]
    pub const fn offline(&self) -> bool {
        self.lost > 0
    }

    /// What to show now.
    #[must_use]
    pub fn screen(&self, now_ms: u64) -> Screen {
        let Some(snapshot) = self.snapshot else { return Screen::Loading };
        match snapshot.phase {
            Phase::Placing => Screen::Loading,
            Phase::Open => match self.left_s(snapshot, now_ms) {
                0 => Screen::Checking { offline: self.offline() },
                left_s => Screen::Waiting { left_s, offline: self.offline() },
            },
            Phase::Closing => Screen::Checking { offline: self.offline() },
            Phase::Paid | Phase::Shipped => Screen::Paid,
            Phase::Cancelled => Screen::Cancelled,
            Phase::Expired => Screen::Expired,
            Phase::Refunding => Screen::Refunding,
            Phase::Refunded => Screen::Refunded,
            Phase::Failed => Screen::Failed,
        }
    }

    /// How long to wait before asking the server again, or `None` when there is nothing more to
    /// ask: the phase is final, or the order's end is long past. While it can be paid there is.
    #[must_use]
    pub fn next_poll_ms(&self, now_ms: u64) -> Option<u64> {
        let silent_ms = now_ms.saturating_sub(self.news_at_ms);
        let over = match self.snapshot {
            None => self.lost > GIVE_UP_AFTER_LOST,
            Some(snapshot) => {
                let late_ms = self.left_ms(snapshot, now_ms).saturating_neg();
                let late = late_ms.min(signed(silent_ms)) > signed(GIVE_UP_AFTER_MS);
                late || snapshot.phase.is_final()
            }
        };
        if over {
            return None;
        }
        if self.lost > 0 {
            return Some((500_u64 << self.lost.min(5)).min(RETRY_MAX_MS));
        }
        Some(match self.snapshot.map_or(0, |_| silent_ms) {
            0..60_000 => POLL_FIRST_MS,
            60_000..600_000 => POLL_LATER_MS,
            _ => POLL_SLOW_MS,
        })
    }

    /// Seconds until the expiry on the server's clock, rounded up.
    fn left_s(&self, snapshot: Snapshot, now_ms: u64) -> u64 {
        u64::try_from(self.left_ms(snapshot, now_ms)).unwrap_or(0).div_ceil(1_000)
    }

    /// Milliseconds until the expiry on the server's clock; negative after it.
    fn left_ms(&self, snapshot: Snapshot, now_ms: u64) -> i64 {
        let server_ms = signed(now_ms).saturating_add(self.offset_ms);
        let expires_ms = signed(snapshot.expires_at.get().saturating_mul(1_000));
        expires_ms.saturating_sub(server_ms)
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(phase: Phase, version: u64) -> Snapshot {
        Snapshot {
            phase,
            version,
            expires_at: UnixTime::new(10_900).unwrap(),
            server_time: UnixTime::new(10_000).unwrap(),
        }
    }

    fn watching(phase: Phase) -> Checkout {
        let mut checkout = Checkout::new();
        checkout.on_view(snapshot(phase, 1), 0);
        checkout
    }

    #[test]
    fn the_countdown_follows_the_servers_clock_not_ours() {
        let mut checkout = Checkout::new();
        let ours_is_wrong = 77_000_000;
        checkout.on_view(snapshot(Phase::Open, 1), ours_is_wrong);
        let later = ours_is_wrong + 899_000;
        assert_eq!(checkout.screen(ours_is_wrong), Screen::Waiting { left_s: 900, offline: false });
        assert_eq!(checkout.screen(later), Screen::Waiting { left_s: 1, offline: false });
        assert_eq!(checkout.screen(later + 1_000), Screen::Checking { offline: false });
    }

    #[test]
    fn the_countdown_never_jumps_back_by_a_slow_answer() {
        let mut checkout = watching(Phase::Open);
        // The same server second, asked 900 ms later: its clock has not visibly moved.
        checkout.on_view(snapshot(Phase::Open, 1), 900);
        assert_eq!(checkout.screen(1_000), Screen::Waiting { left_s: 899, offline: false });
        // A clock that was set is believed.
        checkout.on_view(snapshot(Phase::Open, 1), 50_000);
        assert_eq!(checkout.screen(50_000), Screen::Waiting { left_s: 900, offline: false });
    }

    #[test]
    fn before_the_first_view_any_clock_keeps_asking_but_not_for_ever() {
        let mut checkout = Checkout::new();
        let now_ms = 1_795_461_960_000;
        assert_eq!(checkout.next_poll_ms(now_ms), Some(2_000));
        for _ in 0..GIVE_UP_AFTER_LOST {
            checkout.on_lost();
            assert!(checkout.next_poll_ms(now_ms).is_some());
        }
        checkout.on_lost();
        assert_eq!(checkout.next_poll_ms(now_ms), None);
    }

    #[test]
    fn an_older_version_changes_nothing() {
        let mut checkout = Checkout::new();
        checkout.on_view(snapshot(Phase::Paid, 5), 0);
        checkout.on_view(snapshot(Phase::Open, 4), 10);
        assert_eq!(checkout.screen(10), Screen::Paid);
    }

    #[test]
    fn offline_keeps_the_code_says_so_and_comes_back() {
        let mut checkout = watching(Phase::Open);
        checkout.on_lost();
        assert_eq!(checkout.screen(1_000), Screen::Waiting { left_s: 899, offline: true });
        assert_eq!(checkout.screen(900_000), Screen::Checking { offline: true });
        checkout.on_view(snapshot(Phase::Open, 1), 2_000);
        assert!(!checkout.offline());
    }

    #[test]
    fn questions_slow_down_back_off_and_end() {
        let mut checkout = watching(Phase::Open);
        assert_eq!(checkout.next_poll_ms(59_999), Some(2_000));
        assert_eq!(checkout.next_poll_ms(60_000), Some(5_000));
        assert_eq!(checkout.next_poll_ms(600_000), Some(30_000));
        let retries: [u64; 6] = core::array::from_fn(|_| {
            checkout.on_lost();
            checkout.next_poll_ms(0).unwrap()
        });
        assert_eq!(retries, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
        assert_eq!(checkout.next_poll_ms(900_001 + GIVE_UP_AFTER_MS), None);
    }

    #[test]
    fn the_end_of_a_long_order_is_waited_for_as_long_as_that_of_a_short_one() {
        let mut checkout = Checkout::new();
        let expires_at = UnixTime::new(10_000 + 86_400).unwrap();
        checkout.on_view(Snapshot { expires_at, ..snapshot(Phase::Open, 1) }, 0);
        assert_eq!(checkout.next_poll_ms(86_400_000 + GIVE_UP_AFTER_MS), Some(POLL_SLOW_MS));
        assert_eq!(checkout.next_poll_ms(86_400_001 + GIVE_UP_AFTER_MS), None);
    }

    #[test]
    fn a_final_phase_is_never_asked_about_again() {
        for phase in Phase::ALL {
            assert_eq!(watching(phase).next_poll_ms(0).is_none(), phase.is_final(), "{phase:?}");
        }
    }

    #[test]
    fn every_phase_has_its_name() {
        for phase in Phase::ALL {
            assert_eq!(Phase::from_name(phase.as_str()), Some(phase));
        }
        assert_eq!(Phase::from_name("OPEN"), None);
    }

    #[test]
    fn a_clock_that_falls_back_from_its_end_to_its_beginning_is_only_wrong() {
        let mut checkout = Checkout::new();
        checkout.on_view(snapshot(Phase::Open, 1), u64::MAX);
        assert!(matches!(checkout.screen(0), Screen::Waiting { .. }));
    }

    proptest! {
        #[test]
        fn no_clock_panics(server in any::<u64>(), expires in any::<u64>(), now in any::<u64>(),
                           later in any::<u64>(), lost in 0..70_u32) {
            let clamp = |s: u64| UnixTime::new(s % (UnixTime::MAX.get() + 1)).unwrap();
            let mut checkout = Checkout::new();
            checkout.on_view(
                Snapshot {
                    phase: Phase::Open,
                    version: 1,
                    expires_at: clamp(expires),
                    server_time: clamp(server),
                },
                now,
            );
            for _ in 0..lost { checkout.on_lost(); }
            let _ = checkout.screen(later);
            let _ = checkout.next_poll_ms(later);
        }
    }
}
