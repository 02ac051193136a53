//! WeChat's side of the v2 protocol, for desks and tests: a gateway that takes orders, tells and
//! closes them, a phone to pay them with, and the notifications that follow.
//!
//! It is an independent implementation: it shares no code with the merchant's side, so that each
//! checks the other. [`gateway`] is the model, without input, output, clock or system; the rest is
//! a thin shell around it. A test starts the whole of it in its own process:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use saoma_sandbox::{Config, Merchant, Sandbox, Target, Tender};
//!
//! let key = "192006250b4c09247ec02edce69f6a2d";
//! let merchant = Merchant::new("1900000109", "wx5a0mademeup0001", key, "Saoma Cafe")?;
//! let sandbox = Sandbox::start(Config::new([merchant])).await?;
//! println!("order at {}/pay/unifiedorder", sandbox.base_url());
//! // ... the server under test orders SM20261123000001 ...
//! sandbox.pay(&Target::of_number("SM20261123000001"), Tender::default())?;
//! sandbox.quiet().await; // the notification has been answered
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

mod broken;
mod certificates;
pub mod clock;
mod config;
mod door;
pub mod gateway;
mod http;
mod merchant;
mod merchants_file;
mod notify;
pub mod random;
mod sandbox;
pub mod seal;
mod shared;
pub mod sign;
mod state;
pub mod time;
pub mod xml;

pub use certificates::{CertificateError, ClientCertificate};
pub use config::{Config, NOTIFY_DEADLINE, StartError};
pub use gateway::{
    Certificates, ConsoleRefund, Coupon, CouponKind, Ending, Entry, Event, Fault, FaultName,
    FaultRule, Funds, LedgerRefund, Limits, Method, Often, OrderView, Paid, PayError, Person,
    RefundAccount, RefundChannel, RefundEnd, RefundError, RefundTarget, RefundView, Rules,
    ScanError, ScanRefusal, Scanned, Schedule, SettingsChange, SettingsError, SettingsView, Target,
    Tender,
};
pub use merchant::{BillFormat, BillSettings, Merchant, MerchantError, SHOP_BYTES_MAX};
pub use merchants_file::{MerchantsFileError, read_merchants};
pub use sandbox::Sandbox;
pub use state::StateError;
