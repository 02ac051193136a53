//! Who the merchant is to WeChat in TLS, and whom the merchant believes to be WeChat.

use base64ct::{Base64, Encoding as _};
use core::fmt;
use reqwest::{Certificate, Identity};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::string::String;
use std::vec::Vec;
use zeroize::Zeroizing;

/// The merchant's client certificate with its key, which refunds and fund bills need (protocol §1).
///
/// The merchant platform gives a zip file that holds both as PEM, `apiclient_cert.pem` and
/// `apiclient_key.pem`, and once more together as PKCS#12, `apiclient_cert.p12`. **Only PEM is
/// read**; who has nothing but the PKCS#12 file converts it once, with the merchant number as
/// password:
///
/// ```sh
/// openssl pkcs12 -legacy -in apiclient_cert.p12 -clcerts -nokeys -out apiclient_cert.pem
/// openssl pkcs12 -legacy -in apiclient_cert.p12 -nocerts -noenc -out apiclient_key.pem
/// chmod 600 apiclient_key.pem
/// ```
///
/// (OpenSSL 3; before it there is no `-legacy`, and `-noenc` is `-nodes`.)
///
/// ```no_run
/// use saoma_core::native::ClientCertificate;
///
/// let certificate = ClientCertificate::from_pem(
///     &std::fs::read("/etc/saoma/apiclient_cert.pem")?,
///     &std::fs::read("/etc/saoma/apiclient_key.pem")?,
/// )?;
/// assert_eq!(format!("{certificate:?}"), "ClientCertificate(..)", "the key cannot be printed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientCertificate(pub(super) Identity);

impl ClientCertificate {
    /// Reads the certificate (with those that lead to its root, if there are any) and its key. A
    /// file that holds both may be given twice.
    ///
    /// Whether it has expired, and whether it is this merchant's, only WeChat says
    /// ([`CallError::CertificateRefused`](super::CallError::CertificateRefused)).
    ///
    /// # Errors
    /// [`CertificateError`] when one of the two is missing or unreadable, or they do not belong
    /// together.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let certificates = read_certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            let encrypted = key.windows(9).any(|word| word == b"ENCRYPTED");
            if encrypted { CertificateError::KeyEncrypted } else { CertificateError::NoKey }
        })?;
        let pem = to_pem(&certificates, &key);
        let provider = rustls::crypto::ring::default_provider();
        CertifiedKey::from_der(certificates, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CertificateError::OtherKey,
            _ => CertificateError::Unreadable,
        })?;
        let identity = Identity::from_pem(pem.as_bytes());
        Ok(Self(identity.map_err(|_| CertificateError::Unreadable)?))
    }
}

/// One text without all that may stand between certificates and key in files. Base64 of a key is
/// as secret as the key.
fn to_pem(certificates: &[CertificateDer<'_>], key: &PrivateKeyDer<'_>) -> Zeroizing<String> {
    let mut pem = Zeroizing::new(String::new());
    let mut push = |label: &str, der: &[u8]| {
        let text = Zeroizing::new(Base64::encode_string(der));
        for part in ["-----BEGIN ", label, "-----\n", &text, "\n-----END ", label, "-----\n"] {
            pem.push_str(part);
        }
    };
    for certificate in certificates {
        push("CERTIFICATE", certificate);
    }
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    push(label, key.secret_der());
    pem
}

fn read_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = read.map_err(|_| CertificateError::Unreadable)?;
    if certificates.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(certificates) }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(..)")
    }
}

/// Whom to believe instead of the authorities that the system believes: a test gateway with an
/// authority of its own, or, in production, only those that sign for WeChat.
///
/// ```no_run
/// use saoma_core::native::RootCertificates;
///
/// let roots = RootCertificates::from_pem(&std::fs::read("sandbox-ca.pem")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RootCertificates(pub(super) Vec<Certificate>);

impl RootCertificates {
    /// Reads one certificate or more.
    ///
    /// # Errors
    /// [`CertificateError`] when there is none, or one that cannot be read.
    pub fn from_pem(certificates: &[u8]) -> Result<Self, CertificateError> {
        let mut believed = rustls::RootCertStore::empty();
        let read = |der: CertificateDer<'static>| {
            believed.add(der.clone()).map_err(|_| CertificateError::Unreadable)?;
            Certificate::from_der(&der).map_err(|_| CertificateError::Unreadable)
        };
        let roots: Result<_, _> = read_certificates(certificates)?.into_iter().map(read).collect();
        Ok(Self(roots?))
    }
}

impl fmt::Debug for RootCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootCertificates({})", self.0.len())
    }
}

/// Why certificates cannot be used. No error repeats what was read.
///
/// ```
/// use saoma_core::native::{CertificateError, ClientCertificate};
///
/// let error = ClientCertificate::from_pem(b"\x30\x82\x0A\xB5", b"").unwrap_err();
/// assert_eq!(error, CertificateError::NoCertificate);
/// assert!(error.to_string().contains("openssl pkcs12"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// There is no certificate in PEM.
    NoCertificate,
    /// There is no key in PEM.
    NoKey,
    /// The key is locked by a password.
    KeyEncrypted,
    /// The key is not the one of the certificate.
    OtherKey,
    /// Certificate or key are damaged, or of a kind that cannot be used.
    Unreadable,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => {
                "there is no certificate in PEM; a PKCS#12 file (apiclient_cert.p12) is converted \
                 by openssl pkcs12 -legacy -in apiclient_cert.p12 -clcerts -nokeys"
            }
            Self::NoKey => {
                "there is no key in PEM; a PKCS#12 file (apiclient_cert.p12) is converted by \
                 openssl pkcs12 -legacy -in apiclient_cert.p12 -nocerts -noenc"
            }
            Self::KeyEncrypted => "the key is locked by a password; openssl pkey unlocks it",
            Self::OtherKey => "the key is not the one of the certificate",
            Self::Unreadable => "certificate or key are damaged or of an unknown kind",
        })
    }
}

impl std::error::Error for CertificateError {}
