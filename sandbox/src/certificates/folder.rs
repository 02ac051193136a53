//! The folder of certificates:
//!
//! ```text
//! ca.pem  ca_key.pem  1900000109/apiclient_cert.pem  apiclient_key.pem  apiclient_cert.p12
//! ```
//!
//! What is there is checked and used, what is not is made; nothing is ever overwritten.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::parse_x509_certificate;

use super::make::Authority;
use super::verify::common_name;
use super::{CertificateError, ClientCertificate};
use crate::merchant::Merchant;
use crate::time::UnixTime;

/// The authority of this folder.
pub(super) fn authority(folder: &Path, now: UnixTime) -> Result<Authority, CertificateError> {
    make_folder(folder)?;
    let files = Files { folder, delete: folder };
    let Some([certificate, key]) = files.all(["ca.pem", "ca_key.pem"])? else {
        let made = Authority::new(now)?;
        // The key first: a certificate is never without its key.
        files.write("ca_key.pem", made.key_pem.as_bytes(), 0o600)?;
        files.write("ca.pem", made.certificate_pem.as_bytes(), 0o644)?;
        return Ok(made);
    };
    let (der, key) = files.pair(("ca.pem", &certificate), ("ca_key.pem", &key), now)?;
    let pem = String::from_utf8_lossy(&certificate).into_owned();
    Authority::of(pem, der, key).map_err(|error| files.unfit("ca.pem", error.to_string()))
}

/// A merchant's certificate in this folder.
pub(super) fn client(
    folder: &Path,
    authority: &Authority,
    merchant: &Merchant,
    now: UnixTime,
) -> Result<ClientCertificate, CertificateError> {
    const NAMES: [&str; 3] = ["apiclient_cert.pem", "apiclient_key.pem", "apiclient_cert.p12"];
    let folder = folder.join(&merchant.mch_id);
    make_folder(&folder)?;
    let files = Files { folder: &folder, delete: &folder };
    let Some([certificate, key, p12]) = files.all(NAMES)? else {
        let made = authority.client(merchant, now)?;
        files.write(NAMES[0], made.certificate_pem.as_bytes(), 0o644)?;
        files.write(NAMES[1], made.key_pem.as_bytes(), 0o600)?;
        files.write(NAMES[2], &made.p12, 0o600)?;
        return Ok(made);
    };
    let (der, _) = files.pair((NAMES[0], &certificate), (NAMES[1], &key), now)?;
    if !is_signed_by(&der, &authority.certificate_der) {
        return Err(files.unfit(NAMES[0], "it is not by the authority in ca.pem"));
    }
    if common_name(&der).as_deref() != Some(&*merchant.mch_id) {
        return Err(files.unfit(NAMES[0], "it is another merchant's"));
    }
    let opened = KeyStore::from_pkcs12(&p12, &merchant.mch_id, Pkcs12ImportPolicy::Relaxed);
    let opened = opened.map_err(|error| files.unfit(NAMES[2], error.to_string()))?;
    let chain = opened.private_key_chain().map(|(_, chain)| chain.certs());
    if chain.and_then(<[_]>::first).is_none_or(|first| first.as_der() != &*der) {
        return Err(files.unfit(NAMES[2], "it holds another certificate than apiclient_cert.pem"));
    }
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok(ClientCertificate { certificate_pem: text(&certificate), key_pem: text(&key), p12 })
}

fn is_signed_by(certificate: &[u8], authority: &[u8]) -> bool {
    let certificate = parse_x509_certificate(certificate);
    let authority = parse_x509_certificate(authority);
    match (certificate, authority) {
        (Ok((_, certificate)), Ok((_, authority))) => {
            certificate.verify_signature(Some(authority.public_key())).is_ok()
        }
        _ => false,
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> CertificateError {
    move |error| CertificateError::File { path: path.to_owned(), error }
}

/// Makes a folder for its owner alone, unless it is there.
fn make_folder(folder: &Path) -> Result<(), CertificateError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed(folder))
}

/// Files that belong together.
struct Files<'a> {
    folder: &'a Path,
    /// What to delete when one of them is unfit.
    delete: &'a Path,
}

impl Files<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn unfit(&self, name: &str, problem: impl Into<String>) -> CertificateError {
        let (path, delete) = (self.path(name), self.delete.to_owned());
        CertificateError::Unfit { path, problem: problem.into(), delete }
    }

    /// All of these files; `None` when none of them is there.
    fn all<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<Option<[Vec<u8>; N]>, CertificateError> {
        let mut read = Vec::new();
        let mut missing = None;
        for name in names {
            let path = self.path(name);
            match fs::read(&path) {
                Ok(bytes) => read.push(bytes),
                Err(error) if error.kind() == ErrorKind::NotFound => missing = Some(name),
                Err(error) => return Err(failed(&path)(error)),
            }
        }
        match (read.try_into(), missing) {
            (Ok(all), None) => Ok(Some(all)),
            (Err(some), Some(name)) if !some.is_empty() => {
                Err(self.unfit(name, "it is missing, while others beside it are there"))
            }
            _ => Ok(None),
        }
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), CertificateError> {
        let path = self.path(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        let mut file = options.open(&path).map_err(failed(&path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed(&path))
    }

    /// A certificate that is valid now and the key that belongs to it.
    fn pair(
        &self,
        (certificate_name, certificate): (&str, &[u8]),
        (key_name, key): (&str, &[u8]),
        now: UnixTime,
    ) -> Result<(CertificateDer<'static>, KeyPair), CertificateError> {
        let unreadable = |_| self.unfit(certificate_name, "it is no certificate in PEM");
        let der = CertificateDer::from_pem_slice(certificate).map_err(unreadable)?;
        let (_, parsed) = parse_x509_certificate(&der)
            .map_err(|_| self.unfit(certificate_name, "it is no X.509 certificate"))?;
        let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
        if now.0 < from.timestamp() || now.0 > until.timestamp() {
            let problem = format!("it is good from {from} until {until} only");
            return Err(self.unfit(certificate_name, problem));
        }
        // The reader's own words might hold a part of the key.
        let pem = str::from_utf8(key).ok().and_then(|pem| KeyPair::from_pem(pem).ok());
        let key = pem.ok_or_else(|| self.unfit(key_name, "it is no private key in PEM"))?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(self.unfit(key_name, format!("it is not the key of {certificate_name}")));
        }
        drop(parsed);
        Ok((der, key))
    }
}
