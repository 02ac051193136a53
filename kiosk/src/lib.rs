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
//! - [`texts`], [`menu`], [`basket`]: the words, and what is sold.
//!
//! What is deliberately absent: keys and secrets of any kind (a shell holds the device key), the
//! merchant's half of [`saoma_core`], and anything that knows HTTP, files or a certain display.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod app;
pub mod basket;
pub mod call;
pub mod font;
pub mod journal;
pub mod layout;
pub mod lines;
pub mod mark;
pub mod menu;
pub mod picture;
pub mod serial;
pub mod texts;
pub mod theme;
pub mod wire;
