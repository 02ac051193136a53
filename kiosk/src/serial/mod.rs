//! The line between a terminal without a network and the bridge that has one, as
//! `docs/kiosk-serial.md` describes it.
//!
//! - [`allow`]: what a bridge lets pass;
//! - [`dispenser`]: the lines of a dispenser;
//! - [`frame`]: bytes in packets that are found again after noise;
//! - [`message`]: what is in them;
//! - [`terminal`]: the terminal's end, which asks until it is answered.

pub mod allow;
pub mod dispenser;
pub mod frame;
pub mod message;
pub mod terminal;
