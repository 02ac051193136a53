//! The sandbox's own authority: who it is in TLS, and the client certificates of its merchants.
//!
//! The authority and the merchants' certificates are made once and kept, in a folder if there is
//! one. The server's own certificate is made at each start, since only the authority is trusted:
//! so it always has the names of now, and never expires.
//!
//! A merchant's certificate looks like a real one (`C=CN, L=ShenZhen, O=微信商户系统, OU=` the
//! shop's name, `CN=` the merchant number; five years). Its key is P-256 where WeChat's is RSA.

mod folder;
mod make;
mod verify;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;

use crate::merchant::Merchant;
use crate::time::UnixTime;
use make::Authority;
pub(crate) use verify::{Asker, Holder};

/// Names that every server certificate has: this machine's, and those of the real gateway for
/// whoever leads these to the sandbox (`/etc/hosts`).
const NAMES: [&str; 5] =
    ["localhost", "127.0.0.1", "::1", "api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"];

/// A merchant's client certificate, in the three forms in which WeChat gives it.
#[derive(Clone)]
pub struct ClientCertificate {
    /// `apiclient_cert.pem`
    pub certificate_pem: String,
    /// `apiclient_key.pem` (PKCS#8)
    pub key_pem: String,
    /// `apiclient_cert.p12`: both together as PKCS#12. The password is the merchant number.
    pub p12: Vec<u8>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(..)")
    }
}

/// Why there are no certificates.
#[derive(Debug)]
pub enum CertificateError {
    /// A file or folder cannot be read or made.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// What is in the folder cannot be used.
    Unfit {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to delete, so that it is made anew.
        delete: PathBuf,
    },
    /// A certificate cannot be made.
    Make(String),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Unfit { path, problem, delete } => write!(
                f,
                "{}: {problem}. Nothing was changed; delete {} to have what is in it made anew",
                path.display(),
                delete.display()
            ),
            Self::Make(reason) => write!(f, "cannot make certificates: {reason}"),
        }
    }
}

impl std::error::Error for CertificateError {}

/// Anything that goes wrong while a certificate is made: not the user's fault.
fn unmade(error: impl fmt::Display) -> CertificateError {
    CertificateError::Make(error.to_string())
}

/// All certificates of a sandbox.
pub(crate) struct Certificates {
    authority: Authority,
    clients: BTreeMap<String, ClientCertificate>,
}

impl Certificates {
    /// Reads what `folder` holds, and makes what it lacks. Without a folder all is made, and
    /// forgotten in the end. Never changes a file.
    pub(crate) fn open(
        folder: Option<&Path>,
        merchants: &[Merchant],
        now: UnixTime,
    ) -> Result<Self, CertificateError> {
        let authority = match folder {
            Some(folder) => folder::authority(folder, now)?,
            None => Authority::new(now)?,
        };
        let client = |merchant: &Merchant| {
            let client = match folder {
                Some(folder) => folder::client(folder, &authority, merchant, now)?,
                None => authority.client(merchant, now)?,
            };
            Ok((merchant.mch_id.clone(), client))
        };
        let clients = merchants.iter().map(client).collect::<Result<_, CertificateError>>()?;
        Ok(Self { authority, clients })
    }

    /// What clients must trust.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.authority.certificate_pem
    }

    pub(crate) fn client(&self, mch_id: &str) -> Option<&ClientCertificate> {
        self.clients.get(mch_id)
    }

    /// The server's side of TLS, with a new certificate for [`NAMES`] and `names`.
    ///
    /// TLS 1.2 and 1.3, HTTP/1.1. Client certificates are asked for, and taken from anybody: see
    /// [`Asker`] for who is believed.
    pub(crate) fn server(
        &self,
        names: &[String],
        asker: Arc<Asker>,
        now: UnixTime,
    ) -> Result<ServerConfig, CertificateError> {
        let names = NAMES.into_iter().map(str::to_owned).chain(names.iter().cloned());
        let (certificate, key) = self.authority.server(names.collect(), now)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unmade)?
            .with_client_cert_verifier(asker)
            .with_single_cert(vec![certificate], key)
            .map_err(unmade)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Who asks for client certificates and judges them.
    pub(crate) fn asker(&self) -> Result<Arc<Asker>, CertificateError> {
        Asker::new(&self.authority.certificate_der).map(Arc::new)
    }
}
