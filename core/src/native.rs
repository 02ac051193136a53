//! The async client of WeChat's gateway, over reqwest with rustls.
//!
//! A call ends in a typed answer that WeChat has signed, or in a [`CallError`]. The error means in
//! every case that the **outcome is unknown**: the call may have been carried out. All calls of
//! this client may be sent again unchanged (protocol §4 to §6), so a host that cannot be reached or
//! answers nonsense is followed by the standby host at once.

use crate::api::{
    AnswerError, Call, CloseOrderAnswer, Merchant, OrderQueryAnswer, SealError, UnifiedOrderAnswer,
    close_order, order_query, seal,
};
use crate::ids::{Nonce, OutTradeNo};
use crate::sign::SignType;
use crate::xml::{DOC_LEN_MAX, Doc, Draft, ReadError};
use core::fmt;
use core::time::Duration;
use std::string::String;
use std::vec::Vec;

/// WeChat's main host and its standby (protocol §1).
pub const WECHAT_HOSTS: [&str; 2] =
    ["https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"];

/// Most fields of an answer: three for each coupon of a payment, so room for more than thirty.
const ANSWER_FIELDS_MAX: usize = 128;
/// Longest time to reach a host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for one call to one host.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A merchant's line to the gateway. Clones share its connections.
#[derive(Clone)]
pub struct Gateway {
    http: reqwest::Client,
    hosts: Vec<String>,
    merchant: Merchant,
}

impl Gateway {
    /// A client that calls the first host, and the others in turn when that fails; in production
    /// [`WECHAT_HOSTS`]. A host is `http(s)://name[:port]`; plain `http` is for desks and tests.
    ///
    /// # Errors
    /// [`GatewayError`] when no host is given, one is no such URL, or TLS cannot be set up.
    pub fn new(merchant: Merchant, hosts: &[&str]) -> Result<Self, GatewayError> {
        let hosts: Vec<String> = hosts
            .iter()
            .map(|host| parse_host(host))
            .collect::<Option<_>>()
            .filter(|hosts: &Vec<String>| !hosts.is_empty())
            .ok_or(GatewayError::Host)?;
        // Another part of the program may have installed a provider already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| GatewayError::Tls)?;
        Ok(Self { http, hosts, merchant })
    }

    /// Whose line it is.
    #[must_use]
    pub const fn merchant(&self) -> &Merchant {
        &self.merchant
    }

    /// Sends a stored unified order (`UnifiedOrder::doc`, written). The same bytes may be sent
    /// again and again, each time with another nonce; they ask for the same order.
    ///
    /// # Errors
    /// [`CallError`]: the outcome is unknown.
    pub async fn unified_order(
        &self,
        request: &[u8],
        algorithm: SignType,
        nonce: &Nonce,
    ) -> Result<UnifiedOrderAnswer, CallError> {
        let stored: Doc<'_> = Doc::read(request).map_err(CallError::Request)?;
        let request =
            Draft::copy_of(&stored).map_err(|error| CallError::Seal(SealError::Push(error)))?;
        self.call(Call::UnifiedOrder, request, algorithm, nonce, |doc| {
            UnifiedOrderAnswer::read(doc, &self.merchant, algorithm)
        })
        .await
    }

    /// Asks for the state of a number.
    ///
    /// # Errors
    /// [`CallError`]: nothing is known.
    pub async fn order_query(
        &self,
        out_trade_no: &OutTradeNo,
        algorithm: SignType,
        nonce: &Nonce,
    ) -> Result<OrderQueryAnswer, CallError> {
        let request = order_query(&self.merchant, algorithm, out_trade_no);
        self.call(Call::OrderQuery, request, algorithm, nonce, |doc| {
            OrderQueryAnswer::read(doc, &self.merchant, algorithm, out_trade_no)
        })
        .await
    }

    /// Closes a number.
    ///
    /// # Errors
    /// [`CallError`]: the outcome is unknown.
    pub async fn close_order(
        &self,
        out_trade_no: &OutTradeNo,
        algorithm: SignType,
        nonce: &Nonce,
    ) -> Result<CloseOrderAnswer, CallError> {
        let request = close_order(&self.merchant, algorithm, out_trade_no);
        self.call(Call::CloseOrder, request, algorithm, nonce, |doc| {
            CloseOrderAnswer::read(doc, &self.merchant, algorithm)
        })
        .await
    }

    /// Seals the request, sends it to each host until one gives an answer that can be read, and
    /// reads it.
    async fn call<T>(
        &self,
        call: Call,
        request: Draft<'_>,
        algorithm: SignType,
        nonce: &Nonce,
        read: impl Fn(&Doc<'_, ANSWER_FIELDS_MAX>) -> Result<T, AnswerError>,
    ) -> Result<T, CallError> {
        let mut body = String::new();
        seal(request, nonce, &self.merchant, algorithm, &mut body).map_err(CallError::Seal)?;
        let mut last = CallError::Unreachable;
        for host in &self.hosts {
            match self.post(host, call, &body).await {
                Ok(answer) => match Doc::read(&answer).map_err(AnswerError::Read) {
                    Ok(doc) => match read(&doc) {
                        Ok(answer) => return Ok(answer),
                        Err(error) => last = CallError::Answer(error),
                    },
                    Err(error) => last = CallError::Answer(error),
                },
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn post(&self, host: &str, call: Call, body: &str) -> Result<Vec<u8>, CallError> {
        let request = self
            .http
            .post(std::format!("{host}{}", call.path()))
            // The charset must be named: without it Chinese text has failed to verify (§1).
            .header("content-type", "text/xml; charset=utf-8")
            .body(String::from(body));
        let mut response = request.send().await.map_err(|error| CallError::from(&error))?;
        if !response.status().is_success() {
            return Err(CallError::Status(response.status().as_u16()));
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| CallError::from(&error))? {
            answer.extend_from_slice(&chunk);
            if answer.len() > DOC_LEN_MAX {
                return Err(CallError::TooLong);
            }
        }
        Ok(answer)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("hosts", &self.hosts)
            .field("merchant", &self.merchant)
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

/// Why a client cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayError {
    /// No host, or one that is not `http(s)://name[:port]`.
    Host,
    /// TLS cannot be set up.
    Tls,
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "a gateway host must be http(s)://name[:port]",
            Self::Tls => "TLS cannot be set up",
        })
    }
}

impl std::error::Error for GatewayError {}

/// Why a call's outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The stored request is not a document.
    Request(ReadError),
    /// The request cannot be sealed.
    Seal(SealError),
    /// No connection to the host.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Broken,
    /// An HTTP status other than success.
    Status(u16),
    /// An answer longer than a document may be.
    TooLong,
    /// An answer that is not a good document signed by WeChat about us.
    Answer(AnswerError),
}

impl From<&reqwest::Error> for CallError {
    fn from(error: &reqwest::Error) -> Self {
        // The error's own text is left out: it holds the URL and may hold more.
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() {
            Self::Unreachable
        } else {
            Self::Broken
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => write!(f, "the stored request is unreadable: {error}"),
            Self::Seal(error) => write!(f, "the request cannot be sealed: {error}"),
            Self::Unreachable => f.write_str("the gateway cannot be reached"),
            Self::Timeout => f.write_str("the gateway did not answer in time"),
            Self::Broken => f.write_str("the connection to the gateway broke"),
            Self::Status(status) => write!(f, "the gateway answered with HTTP status {status}"),
            Self::TooLong => f.write_str("the gateway's answer is too long"),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CallError {}

#[cfg(test)]
mod tests {
    use super::parse_host;

    #[test]
    fn a_host_is_a_bare_origin() {
        assert_eq!(parse_host("http://127.0.0.1:8090/").as_deref(), Some("http://127.0.0.1:8090"));
        assert_eq!(
            parse_host("https://api.mch.weixin.qq.com").as_deref(),
            Some("https://api.mch.weixin.qq.com")
        );
        for host in ["", "api.mch.weixin.qq.com", "ftp://a", "https://a/pay", "https://u:p@a"] {
            assert_eq!(parse_host(host), None, "{host:?}");
        }
    }
}
