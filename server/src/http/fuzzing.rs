//! What bodies are read as, for the fuzz targets (`tests/fuzz`). It is in no other build.

pub use crate::operator::fuzzing::{form, led_to, shown_yuan, typed_fen};

use super::{orders::new_order, refunds::new_refund};
use crate::service::{NewOrder, NewRefund};

/// Whether a body is taken as an order.
#[must_use]
pub fn takes_order(body: &[u8]) -> bool {
    new_order(body).is_ok()
}

/// Whether a body is taken as this order: number, fen, description, seconds.
#[must_use]
pub fn takes_as_order(body: &[u8], (no, fen, description, s): (&str, u64, &str, u64)) -> bool {
    let meant = NewOrder::new(no, fen, description, s).ok();
    meant.is_some() && new_order(body).ok() == meant
}

/// Whether a body is taken as a refund.
#[must_use]
pub fn takes_refund(body: &[u8]) -> bool {
    new_refund(body).is_ok()
}

/// Whether a body is taken as this refund: number, fen, reason.
#[must_use]
pub fn takes_as_refund(body: &[u8], (no, fen, reason): (&str, u64, &str)) -> bool {
    let meant = NewRefund::new(no, fen, reason).ok();
    meant.is_some() && new_refund(body).ok() == meant
}
