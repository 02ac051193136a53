//! Who the merchant is to WeChat in TLS, and whom the merchant believes to be WeChat.

use super::expiry::not_after;
use crate::time::UnixTime;
use base64ct::{Base64, Encoding as _};
use core::fmt;
use p12_keystore::{Pkcs12Archive, error::Error as P12Error};
use reqwest::{Certificate, Identity};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use std::string::String;
use std::vec::Vec;
use zeroize::Zeroizing;

/// The merchant's client certificate with its key, which refunds and fund bills need (protocol §1).
///
/// The merchant platform gives a zip file that holds both as PEM, `apiclient_cert.pem` and
/// `apiclient_key.pem`, and once more together as PKCS#12, `apiclient_cert.p12`, locked by the
/// merchant number. Either is read. Of PKCS#12 the old form, which WeChat and OpenSSL before 3
/// write (certificates under 40-bit RC2, key under triple DES, SHA-1), and the new one (AES and
/// SHA-256) are read; whatever else a file may be locked by, OpenSSL turns into PEM:
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
///
/// let p12 = std::fs::read("/etc/saoma/apiclient_cert.p12")?;
/// let same = ClientCertificate::from_pkcs12(&p12, "1900000109")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientCertificate {
    pub(super) identity: Identity,
    expires_at: Option<UnixTime>,
}

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
        Self::from_der(&certificates, &key)
    }

    /// Reads a PKCS#12 file, which holds certificate and key; the password of WeChat's is the
    /// merchant number.
    ///
    /// # Errors
    /// [`CertificateError`] when the password is another one, the file is none or is locked in a
    /// way that is not read, or there are no certificate and key in it that belong together.
    pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Self, CertificateError> {
        let archive = Pkcs12Archive::from_pkcs12(file, password).map_err(|error| match error {
            // Without a checksum the key shows only by what it makes of the content.
            P12Error::MacError(_) | P12Error::UnpadError => CertificateError::Password,
            P12Error::UnsupportedEncryptionScheme | P12Error::UnsupportedMacAlgorithm => {
                CertificateError::Cipher
            }
            _ => CertificateError::NotPkcs12,
        })?;
        let [key, ..] = &archive.keys[..] else { return Err(CertificateError::NoKey) };
        let key = PrivatePkcs8KeyDer::from(key.key.as_der().to_vec());
        let certificates = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec().into());
        let mut certificates: Vec<CertificateDer<'static>> = certificates.collect();
        if certificates.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        // They stand in any order; the one that is shown comes first.
        let key = PrivateKeyDer::Pkcs8(key);
        let own = certificates.iter().position(|it| fits(core::slice::from_ref(it), &key).is_ok());
        certificates.swap(0, own.ok_or(CertificateError::OtherKey)?);
        Self::from_der(&certificates, &key)
    }

    fn from_der(
        certificates: &[CertificateDer<'static>],
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        fits(certificates, key)?;
        let pem = to_pem(certificates, key);
        let identity = Identity::from_pem(pem.as_bytes());
        let expires_at = certificates.first().and_then(|certificate| not_after(certificate));
        Ok(Self { identity: identity.map_err(|_| CertificateError::Unreadable)?, expires_at })
    }

    /// When the certificate ends, if it says so in a way that is understood; WeChat's last for
    /// five years. Nothing here refuses one that has ended: WeChat does.
    #[must_use]
    pub const fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }
}

/// Whether the key is that of the first certificate.
fn fits(
    certificates: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<(), CertificateError> {
    let provider = rustls::crypto::ring::default_provider();
    let checked = CertifiedKey::from_der(certificates.to_vec(), key.clone_key(), &provider);
    checked.map(drop).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => CertificateError::OtherKey,
        _ => CertificateError::Unreadable,
    })
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
/// assert!(error.to_string().contains("ClientCertificate::from_pkcs12"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// There is no certificate.
    NoCertificate,
    /// There is no key.
    NoKey,
    /// The file is not PKCS#12.
    NotPkcs12,
    /// The password of the PKCS#12 file is another one.
    Password,
    /// The PKCS#12 file is locked in a way that is not read.
    Cipher,
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
                "there is no certificate; PEM is meant, and a PKCS#12 file (apiclient_cert.p12) is \
                 read by ClientCertificate::from_pkcs12"
            }
            Self::NoKey => {
                "there is no key; PEM is meant, and a PKCS#12 file (apiclient_cert.p12) is read by \
                 ClientCertificate::from_pkcs12"
            }
            Self::NotPkcs12 => "this is no PKCS#12 file (apiclient_cert.p12), or it is damaged",
            Self::Password => {
                "the password of the PKCS#12 file is another one; WeChat's is the merchant number"
            }
            Self::Cipher => {
                "the PKCS#12 file is locked in a way that is not read; openssl pkcs12 -legacy -in \
                 apiclient_cert.p12 turns it into PEM"
            }
            Self::KeyEncrypted => "the key is locked by a password; openssl pkey unlocks it",
            Self::OtherKey => "the key is not the one of the certificate",
            Self::Unreadable => "certificate or key are damaged or of an unknown kind",
        })
    }
}

impl std::error::Error for CertificateError {}
