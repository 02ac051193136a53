//! Why a client cannot be made, and why a call told nothing.

use crate::api::{AnswerError, Call, FieldError, RequestError, SealError};
use crate::bill::{BillError, BillErrorKind, BillFailure};
use crate::xml::ReadError;
use core::fmt;
use rustls::AlertDescription;
use std::error::Error as StdError;
use std::io;

/// Why a client cannot be made; an example is at [`Gateway::new`](super::Gateway::new).
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

impl StdError for GatewayError {}

/// Why a call told nothing. Its outcome is **unknown**, unless it was [`Unsent`](Self::Unsent);
/// with several hosts the error is the last one's.
///
/// ```
/// use saoma_core::api::Call;
/// use saoma_core::native::{CallError, Unsent};
///
/// /// Whether the same request is to be sent again, or first to be repaired.
/// fn is_worth_another_try(error: &CallError) -> bool {
///     !matches!(error, CallError::Unsent(_))
/// }
/// assert!(is_worth_another_try(&CallError::Timeout));
/// let error = CallError::Unsent(Unsent::NoCertificate(Call::Refund));
/// assert!(!is_worth_another_try(&error));
/// assert!(error.to_string().contains("ClientCertificate"), "it tells what to do");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// Nothing was sent.
    Unsent(Unsent),
    /// No connection to the host.
    Unreachable,
    /// The host's certificate is not to be believed: no authority that we believe signed it, it is
    /// another host's, or it has expired. The host was told nothing.
    Untrusted,
    /// The host wants a client certificate, or another one than it was shown.
    CertificateRefused,
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

/// Why nothing was sent; an example is at [`CallError`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsent {
    /// The call needs the merchant's certificate, and the client has none
    /// ([`Settings::certificate`](super::Settings::certificate)).
    NoCertificate(Call),
    /// The stored request is not a document.
    Stored(ReadError),
    /// The stored request lacks a field, or it holds no such value.
    Field(FieldError),
    /// A value that WeChat would refuse.
    Value(RequestError),
    /// The request cannot be sealed.
    Seal(SealError),
}

impl From<Unsent> for CallError {
    fn from(unsent: Unsent) -> Self {
        Self::Unsent(unsent)
    }
}

impl From<&reqwest::Error> for CallError {
    fn from(error: &reqwest::Error) -> Self {
        // The error's own text is left out: it holds the URL and may hold more.
        match tls_error(error) {
            Some(rustls::Error::InvalidCertificate(_)) => return Self::Untrusted,
            Some(rustls::Error::AlertReceived(alert)) if is_about_us(*alert) => {
                return Self::CertificateRefused;
            }
            _ => {}
        }
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() {
            Self::Unreachable
        } else {
            Self::Broken
        }
    }
}

/// What TLS says, somewhere below.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        // An error of input and output hides the one it holds from its sources.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

/// Whether a host says this of a client's certificate.
fn is_about_us(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::AccessDenied
            | A::BadCertificate
            | A::CertificateExpired
            | A::CertificateRequired
            | A::CertificateRevoked
            | A::CertificateUnknown
            | A::DecryptError
            | A::NoCertificate
            | A::UnknownCA
            | A::UnsupportedCertificate
    )
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent(unsent) => unsent.fmt(f),
            Self::Unreachable => f.write_str("the gateway cannot be reached"),
            Self::Untrusted => f.write_str("the gateway's certificate is not to be trusted"),
            Self::CertificateRefused => {
                f.write_str("the gateway refuses our client certificate, or the lack of one")
            }
            Self::Timeout => f.write_str("the gateway did not answer in time"),
            Self::Broken => f.write_str("the connection to the gateway broke"),
            Self::Status(status) => write!(f, "the gateway answered with HTTP status {status}"),
            Self::TooLong => f.write_str("the gateway's answer is too long"),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

impl StdError for CallError {}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate(call) => write!(
                f,
                "{} needs the merchant's certificate: give apiclient_cert.pem and \
                 apiclient_key.pem of the merchant platform to ClientCertificate::from_pem",
                call.path()
            ),
            Self::Stored(error) => write!(f, "the stored request is unreadable: {error}"),
            Self::Field(error) => write!(f, "the stored request is incomplete: {error}"),
            Self::Value(error) => error.fmt(f),
            Self::Seal(error) => write!(f, "the request cannot be sealed: {error}"),
        }
    }
}

impl StdError for Unsent {}

/// Why there is no bill, or none that can be trusted. Lines that were handed on before the error
/// are good lines, but nobody can say what the bill adds up to: begin again.
///
/// ```
/// use saoma_core::api::Class;
/// use saoma_core::native::DownloadError;
///
/// fn what_next(error: &DownloadError) -> Class {
///     match error.failure() {
///         Some(failure) => failure.kind.class(),
///         None => Class::RetrySame,
///     }
/// }
/// # use saoma_core::native::CallError;
/// # assert_eq!(what_next(&DownloadError::Call(CallError::Timeout)), Class::RetrySame);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownloadError {
    /// The call, or the connection while the bill came.
    Call(CallError),
    /// What came compressed cannot be unpacked, or ends too early.
    Unpack,
    /// The bill itself, or a message of WeChat why there is none.
    Bill(BillError),
}

impl DownloadError {
    /// Why WeChat gives no bill, when it says so.
    #[must_use]
    pub fn failure(&self) -> Option<&BillFailure> {
        match self {
            Self::Bill(BillError { kind: BillErrorKind::Failure(failure), .. }) => Some(failure),
            Self::Call(_) | Self::Unpack | Self::Bill(_) => None,
        }
    }
}

impl From<CallError> for DownloadError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Unpack => f.write_str("the bill cannot be unpacked"),
            Self::Bill(error) => error.fmt(f),
        }
    }
}

impl StdError for DownloadError {}
