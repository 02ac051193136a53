//! What crosses Saoma's crates.
//!
//! [`Desk`] starts the real programs (sandbox, server, shop) on free ports of 127.0.0.1, with
//! made-up keys, and stops them. The end-to-end tests buy on it, and `cargo xtask demo` is
//! nothing but a desk with a person in front of it. [`Browser`] is a real Chromium to buy with,
//! [`SdkMerchant`] a merchant with a published SDK.

mod browser;
mod desk;
mod made_up;
mod plan;
mod program;
mod screenshot;
mod sdk;

pub use browser::{Browser, BrowserError, Screen};
pub use desk::{Desk, DeskError, Options, Ports, Shop};
pub use made_up::{free_port, key};
pub use plan::binary;
pub use program::{Death, Program, ProgramError};
pub use screenshot::{ScreenshotError, qr_texts};
pub use sdk::{Certificate, Sdk, SdkError, SdkMerchant, Us};
