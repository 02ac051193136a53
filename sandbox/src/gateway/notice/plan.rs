//! How the sendings of one notification differ from what its schedule says. Faults make such
//! plans; the plan of a notification without faults is empty.

/// What a fault does to the sendings of one notification.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Plan {
    /// Nothing is ever sent, unless by hand.
    pub(in crate::gateway) lost: bool,
    /// How many sendings of the schedule get lost on their way.
    pub(in crate::gateway) first_lost: u32,
    /// How many seconds later than at once the first one is sent.
    pub(in crate::gateway) late_s: i64,
    /// Sent before the first true one, each once the one before is answered.
    pub(in crate::gateway) before: Vec<False>,
    /// What the first sending of the schedule says instead of the truth.
    pub(in crate::gateway) first_body: Option<String>,
    /// Whether the first sending of the schedule is cut off in the middle of its body.
    pub(in crate::gateway) cut_first: bool,
    /// How many copies go out at the same instant as the first one.
    pub(in crate::gateway) together: u32,
    /// How many copies follow the first one, each once the one before is answered.
    pub(in crate::gateway) repeats: u32,
    /// How many seconds after the first one its bytes are sent once more, whatever came of it.
    pub(in crate::gateway) replay_after_s: Option<i64>,
    /// Whether it waits until a later notification of the same merchant was answered.
    pub(in crate::gateway) held: bool,
}

/// A notification that WeChat never sent.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct False {
    /// Its bytes.
    pub(in crate::gateway) body: String,
    /// The fault that made it.
    pub(in crate::gateway) fault: &'static str,
}
