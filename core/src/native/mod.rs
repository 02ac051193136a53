//! The async client of WeChat's gateway, over reqwest with rustls.
//!
//! A [`Gateway`] makes every call of the protocol. A call ends in a typed answer that WeChat has
//! signed (bills are not signed), or in a [`CallError`]. The error means that the **outcome is
//! unknown**: the call may have been carried out; only [`CallError::Unsent`] says that it was not.
//! All calls of this client may be sent again unchanged (protocol §4 to §8), so a host that cannot
//! be reached or answers nonsense is followed by the standby host at once.
//!
//! While the merchant changes its key and has two ([`ApiKey::or`](crate::sign::ApiKey::or)), a call
//! that is refused without a signature is sent once more, signed with the other key. Which of them
//! WeChat took last is remembered, and used first.
//!
//! | call | needs the certificate | answer |
//! | --- | --- | --- |
//! | [`unified_order`](Gateway::unified_order) | | `code_url`, the text of the QR code |
//! | [`order_query`](Gateway::order_query) | | the payment, or that there is none yet |
//! | [`close_order`](Gateway::close_order) | | the number cannot be paid any more |
//! | [`refund`](Gateway::refund) | yes | accepted, not done |
//! | [`refund_query`](Gateway::refund_query) | | where each refund is |
//! | [`download_bill`](Gateway::download_bill) | | the payments and refunds of a day |
//! | [`download_fund_flow`](Gateway::download_fund_flow) | yes | an account's movements on a day |
//! | [`short_url`](Gateway::short_url) | | a shorter link |
//!
//! Amounts are integer fen; times are seconds since 1970, and Beijing time on the wire. Requests
//! and answers have 16 KiB at most; bills may be of any length and are read line by line in
//! constant memory. Nothing here has a clock or random numbers: the caller gives each call its
//! nonce.
//!
//! ```no_run
//! use saoma_core::api::{Merchant, OrderQueryAnswer, TradeState, UnifiedOrder, UnifiedOrderAnswer};
//! use saoma_core::ids::{AppId, MchId, Nonce, OutTradeNo};
//! use saoma_core::money::Fen;
//! use saoma_core::native::{Gateway, WECHAT_HOSTS};
//! use saoma_core::sign::{ApiKey, SignType};
//! use saoma_core::time::UnixTime;
//!
//! # fn random() -> [u8; 16] { [7; 16] }
//! # async fn sell() -> Result<(), Box<dyn std::error::Error>> {
//! let merchant = Merchant {
//!     mch_id: MchId::new("1900000109")?,
//!     app_id: AppId::new("wx5a0mademeup0001")?,
//!     key: ApiKey::new(std::fs::read_to_string("/etc/saoma/merchant.key")?.trim())?,
//!     sign_type: SignType::HmacSha256,
//! };
//! let gateway = Gateway::new(merchant.clone(), &WECHAT_HOSTS)?;
//!
//! let number = OutTradeNo::new("SM20261123192600000001")?;
//! let price = Fen::parse("1800")?;
//! let now = UnixTime::parse_beijing("20261123192600")?;
//! let notify_url = "https://pay.example.com/wx/v2/notify";
//! let times = (now, now.plus(900));
//! let order =
//!     UnifiedOrder::new(&number, "Latte", price, notify_url, "203.0.113.7".parse()?, times)?;
//! // To be stored before it is sent: another try sends the same text.
//! let mut request = String::new();
//! order.draft(&merchant, merchant.sign_type).write(&mut request)?;
//!
//! let nonce = Nonce::from_random(random());
//! match gateway.unified_order(request.as_bytes(), merchant.sign_type, &nonce).await? {
//!     UnifiedOrderAnswer::Placed { code_url, .. } => println!("to be scanned: {code_url}"),
//!     UnifiedOrderAnswer::Refused(refusal) => println!("{refusal}"),
//! }
//! let nonce = Nonce::from_random(random());
//! match gateway.order_query(&number, merchant.sign_type, &nonce).await? {
//!     OrderQueryAnswer::State(TradeState::Paid(payment)) if payment.total_fee == price => {
//!         println!("ship, once");
//!     }
//!     answer => println!("not yet: {answer:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `core/examples/backend.rs` is a whole backend that takes one payment from the sandbox, with the
//! notification.

mod bills;
mod calls;
mod certificate;
mod date;
mod error;
mod expiry;
#[cfg(feature = "simulation")]
mod simulated;
mod tap;
mod transport;

pub use certificate::{CertificateError, ClientCertificate, RootCertificates};
pub use error::{CallError, DownloadError, GatewayError, Unsent};
#[cfg(feature = "simulation")]
pub use simulated::{Came, Wire};
pub use tap::{Heard, Tap};
pub use transport::{ANSWER_FIELDS_MAX, REFUND_FIELDS_MAX};

use crate::api::Merchant;
use core::fmt;
use core::sync::atomic::AtomicBool;
use core::time::Duration;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

/// WeChat's main host and its standby (protocol §1).
pub const WECHAT_HOSTS: [&str; 2] =
    ["https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"];

/// What is not the same for everybody; the default is good for production without refunds.
///
/// ```
/// use saoma_core::native::Settings;
/// use std::time::Duration;
///
/// // A shop with a slow line.
/// let settings = Settings { call_timeout: Duration::from_secs(20), ..Settings::default() };
/// assert!(settings.certificate.is_none(), "no refunds");
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// The merchant's certificate, for refunds and fund bills. All hosts are shown it that ask.
    pub certificate: Option<ClientCertificate>,
    /// Whom to believe instead of the system's authorities.
    pub roots: Option<RootCertificates>,
    /// Longest time to reach a host; 3 s.
    pub connect_timeout: Duration,
    /// Longest time for a call to one host, and longest silence while a bill comes; 10 s.
    pub call_timeout: Duration,
    /// Longest time for a whole bill; 600 s.
    pub bill_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            certificate: None,
            roots: None,
            connect_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(10),
            bill_timeout: Duration::from_mins(10),
        }
    }
}

/// A merchant's line to the gateway. Clones are cheap and share its connections.
///
/// An example is at [the module](self).
#[derive(Clone)]
pub struct Gateway {
    http: reqwest::Client,
    hosts: Arc<[String]>,
    merchant: Merchant,
    /// The same with its other key, while it has two.
    other: Option<Merchant>,
    /// Whether it is the other key that WeChat took last.
    other_signs: Arc<AtomicBool>,
    has_certificate: bool,
    bill_timeout: Duration,
    tap: Option<Arc<dyn Tap>>,
    #[cfg(feature = "simulation")]
    wire: Option<Arc<dyn Wire>>,
}

impl Gateway {
    /// A client that calls the first host, and the others in turn when that fails; in production
    /// [`WECHAT_HOSTS`]. A host is `http(s)://name[:port]`; plain `http` is for desks and tests.
    ///
    /// ```
    /// use saoma_core::native::{Gateway, GatewayError};
    ///
    /// # use saoma_core::{api::Merchant, ids::{AppId, MchId}, sign::{ApiKey, SignType}};
    /// # let merchant = Merchant {
    /// #     mch_id: MchId::new("1900000109")?,
    /// #     app_id: AppId::new("wx5a0mademeup0001")?,
    /// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
    /// #     sign_type: SignType::Md5,
    /// # };
    /// let error = Gateway::new(merchant, &["api.mch.weixin.qq.com"]).unwrap_err();
    /// assert_eq!(error, GatewayError::Host, "https:// is missing");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`GatewayError`] when no host is given, one is no such URL, or TLS cannot be set up.
    pub fn new(merchant: Merchant, hosts: &[&str]) -> Result<Self, GatewayError> {
        Self::with(merchant, hosts, Settings::default())
    }

    /// The same with settings: with the merchant's certificate for refunds, say.
    ///
    /// ```no_run
    /// use saoma_core::native::{ClientCertificate, Gateway, Settings, WECHAT_HOSTS};
    ///
    /// # fn make(merchant: saoma_core::api::Merchant) -> Result<(), Box<dyn std::error::Error>> {
    /// let certificate = ClientCertificate::from_pem(
    ///     &std::fs::read("/etc/saoma/apiclient_cert.pem")?,
    ///     &std::fs::read("/etc/saoma/apiclient_key.pem")?,
    /// )?;
    /// let settings = Settings { certificate: Some(certificate), ..Settings::default() };
    /// let gateway = Gateway::with(merchant, &WECHAT_HOSTS, settings)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`GatewayError`] when no host is given, one is no such URL, or TLS cannot be set up.
    pub fn with(
        merchant: Merchant,
        hosts: &[&str],
        settings: Settings,
    ) -> Result<Self, GatewayError> {
        let hosts: Vec<String> = hosts
            .iter()
            .map(|host| parse_host(host))
            .collect::<Option<_>>()
            .filter(|hosts: &Vec<String>| !hosts.is_empty())
            .ok_or(GatewayError::Host)?;
        // Another part of the program may have installed a provider already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.call_timeout)
            .read_timeout(settings.call_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(roots) = settings.roots {
            http = http.tls_certs_only(roots.0);
        }
        let has_certificate = settings.certificate.is_some();
        if let Some(certificate) = settings.certificate {
            http = http.identity(certificate.identity);
        }
        let http = http.build().map_err(|_| GatewayError::Tls)?;
        let bill_timeout = settings.bill_timeout;
        Ok(Self {
            http,
            hosts: hosts.into(),
            other: Self::other_of(&merchant),
            merchant,
            other_signs: Arc::default(),
            has_certificate,
            bill_timeout,
            tap: None,
            #[cfg(feature = "simulation")]
            wire: None,
        })
    }

    /// The merchant with its other key first, while it has two.
    fn other_of(merchant: &Merchant) -> Option<Merchant> {
        merchant.key.other_first().map(|key| Merchant { key, ..merchant.clone() })
    }

    /// Whose line it is.
    #[must_use]
    pub const fn merchant(&self) -> &Merchant {
        &self.merchant
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("hosts", &self.hosts)
            .field("merchant", &self.merchant)
            .field("has_certificate", &self.has_certificate)
            .finish_non_exhaustive()
    }
}

/// `http(s)://name[:port]` without a slash at the end.
fn parse_host(host: &str) -> Option<String> {
    let url = reqwest::Url::parse(host).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let scheme = matches!(url.scheme(), "http" | "https");
    let named = url.has_host() && url.username().is_empty() && url.password().is_none();
    (bare && scheme && named).then(|| String::from(url.as_str().trim_end_matches('/')))
}

#[cfg(test)]
mod tests;
