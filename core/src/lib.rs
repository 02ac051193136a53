//! Everything that is true about a WeChat Pay v2 Native payment and about an order, without I/O,
//! without a clock and without heap.
//!
//! The crate has two floors. The ground floor is always there and needs no secret: [`money`],
//! [`time`], [`ids`], the QR code ([`qr`]) and what a screen may know of an order ([`watch`]).
//! Browsers and kiosks are built from it alone. The feature `merchant` adds what only the holder
//! of the merchant key may do: the document (`xml`), signatures (`sign`), typed messages (`api`),
//! timetables (`timetable`), bills (`bill`), the order machine (`order`), and bills compared with
//! what is known (`reconcile`). The feature `native` adds an async client of WeChat's gateway;
//! `examples/backend.rs` takes a payment with it.
//!
//! New to WeChat Pay? `guide` walks along one payment in ten minutes.
//!
//! Each module uses only those above it in this list. Rules of the protocol are numbered in
//! `docs/protocol.md` and cited as *protocol §N*.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(any(test, feature = "native"))]
extern crate std;

pub mod ids;
pub mod money;
pub mod qr;
pub mod time;
pub mod watch;

#[cfg(feature = "merchant")]
pub mod api;
#[cfg(feature = "merchant")]
pub mod bill;
#[cfg(feature = "merchant")]
pub mod bugs;
#[cfg(feature = "merchant")]
mod bytes;
#[cfg(feature = "merchant")]
pub mod guide;
#[cfg(feature = "native")]
pub mod native;
#[cfg(feature = "merchant")]
pub mod order;
#[cfg(feature = "merchant")]
pub mod reconcile;
#[cfg(feature = "merchant")]
pub mod sign;
#[cfg(feature = "merchant")]
pub mod timetable;
#[cfg(feature = "merchant")]
pub mod xml;
