//! `saoma-core` for browsers: what the npm package `@saoma/checkout` is made from.
//!
//! Only plain numbers and strings cross the border. JSON is read, requests are sent and pixels
//! are drawn in JavaScript (`npm/src`), so this crate carries no parser, no text formatting and
//! no I/O. It is built without core's feature `merchant`: it cannot sign, and knows no key.
#![deny(missing_docs)]

mod checkout;
mod path;
mod qr;
mod screen_name;

pub use checkout::Checkout;
pub use qr::Qr;
pub use screen_name::ScreenName;
