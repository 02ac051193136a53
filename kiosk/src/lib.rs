//! The terminal's app: what a customer in front of a kiosk sees and does, without heap, without
//! a clock and without I/O.
//!
//! ```text
//! key, touch, answer, time -> app (machine) -> journal, one question, one job, what to draw
//!                                |
//!                 layout -> picture -> any DrawTarget
//! ```
//!
//! - [`app`]: the machine, and the rules it keeps; [`journal`]: what it must not forget;
//! - [`call`], [`wire`]: what it asks the server, as values and as the JSON of `docs/api.md`;
//! - [`layout`]: from what is shown and the display's size to a [`picture`];
//! - [`picture`]: things, back to front, and their pixels; [`lines`], [`font`], [`mark`],
//!   [`theme`] are what it is made of;
//! - [`serial`]: the line to a bridge, for terminals without a network;
//! - [`texts`], [`menu`], [`basket`]: the words, and what is sold.
//!
//! What is deliberately absent: keys and secrets of any kind (a shell holds the device key), the
//! merchant's half of [`saoma_core`], and anything that knows HTTP, files or a certain display.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

// What tests share with the program that makes the fonts.
#[cfg(test)]
extern crate self as saoma_kiosk;
#[cfg(test)]
extern crate std;

pub mod app;
pub mod art;
pub mod basket;
pub mod call;
pub mod check;
pub mod font;
#[cfg(feature = "gb2312")]
mod gb2312;
pub mod journal;
pub mod layout;
pub mod lines;
pub mod mark;
pub mod menu;
mod paint;
pub mod picture;
pub mod serial;
pub mod shape;
pub mod shown;
pub mod texts;
pub mod theme;
pub mod wire;
