//! What carries a terminal's wishes out on any board: ask the bridge, tell the dispenser, keep the
//! journal on a memory card.
//!
//! A board has drivers for what [`Board`] and [`card::Bus`] ask for, and a loop that calls
//! [`Shell::turn`].
#![no_std]
#![forbid(unsafe_code)]

pub mod card;
mod dispenser;
mod log;
mod ring;
mod screen;
mod shell;
pub mod store;
mod time;

pub use log::log;
pub use ring::Ring;
pub use screen::screen;
pub use shell::{Board, Shell};
pub use time::Time;
