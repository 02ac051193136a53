//! The names of the screens.
#![expect(missing_docs, reason = "wasm-bindgen adds a hidden variant without documentation")]

use wasm_bindgen::prelude::*;

/// Which [`Screen`](saoma_core::watch::Screen) to show; in JavaScript a string.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenName {
    /// No code yet.
    Loading = "loading",
    /// The code, the amount and the time left.
    Waiting = "waiting",
    /// The last word is not in yet.
    Checking = "checking",
    /// Paid.
    Paid = "paid",
    /// Given up; nothing was paid.
    Cancelled = "cancelled",
    /// Too late; nothing was paid.
    Expired = "expired",
    /// A payment goes back.
    Refunding = "refunding",
    /// A payment is on its way back.
    Refunded = "refunded",
    /// The order could not be made.
    Failed = "failed",
}
