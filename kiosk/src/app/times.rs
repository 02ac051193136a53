//! How long things take, in milliseconds, and how long the terminal waits for them.

use crate::call::LOOK_WAIT_S;

/// An answer that takes longer than this is taken for lost.
pub const ANSWER_WITHIN_MS: u64 = 15_000;
/// The same for a look that the server may hold until there is news.
pub const HELD_WITHIN_MS: u64 = LOOK_WAIT_S * 1_000 + 5_000;
/// A dispenser that takes longer than this cannot tell any more what came of it.
pub const DISPENSE_WITHIN_MS: u64 = 90_000;
/// A dispenser that is asked about a job answers within this, or cannot know.
pub const RECALL_WITHIN_MS: u64 = 10_000;
/// A journal that is not written after this is not only slow.
pub(super) const STORE_WITHIN_MS: u64 = 10_000;
/// Until a journal that could not be written is tried again.
pub(super) const STORE_AGAIN_MS: u64 = 5_000;

/// Between two looks at the customer's order, where the server did not hold the first.
pub(super) const LOOK_AGAIN_MS: u64 = 2_000;
/// Between two looks at an order that nobody waits for.
pub(super) const BACKGROUND_MS: u64 = 10_000;
/// Between two looks at an order that waits for the staff: they may have settled it elsewhere.
pub(super) const HELP_MS: u64 = 60_000;
/// Until a refused key is tried again.
pub(super) const KEY_AGAIN_MS: u64 = 30_000;
/// The longest wait after a lost question; they begin at a second and double.
pub(super) const RETRY_MAX_MS: u64 = 15_000;

/// Whoever paid and is not there so long after the order's last second has left. In seconds, on
/// the server's clock.
pub const GONE_AFTER_S: u64 = 600;

/// One step of an animation.
pub const STEP_MS: u64 = 250;
/// Nobody has touched the terminal for so long that it may be darker.
pub const DIM_AFTER_MS: u64 = 120_000;
/// Presses of [`Key::Corner`](super::Key::Corner) that belong together.
pub(super) const CORNER_WITHIN_MS: u64 = 5_000;
/// How many of them open the staff's screen.
pub(super) const CORNER_PRESSES: u8 = 5;

/// A customer who presses no key has left: the menu, the basket, the staff's screen, an order that
/// does not come to its code or its last word.
pub const IDLE_MS: u64 = 60_000;
/// The same while the server cannot be reached: it may have been paid just then.
pub const IDLE_OFFLINE_MS: u64 = 120_000;
/// A second press on the same spot soon after paying does not mean to give the order up.
pub const CANCEL_AFTER_MS: u64 = 600;
/// How long an order's number is shown to whoever needs the staff: they have to come first.
pub const IDLE_HELP_MS: u64 = 180_000;
/// How long an order's end is shown, and that it is being given up.
pub const IDLE_END_MS: u64 = 15_000;
/// How long it is said that money goes back.
pub const IDLE_REFUND_MS: u64 = 30_000;
