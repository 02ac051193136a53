//! Who a client is, by the certificate that it has proved to hold.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime as TlsTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_parser::parse_x509_certificate;

use super::{CertificateError, unmade};

/// Who stands at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody has shown a certificate.
    Nobody,
    /// The merchant with this number.
    Merchant(String),
    /// Somebody with a certificate that is not believed.
    Unbelieved {
        /// Why not.
        reason: String,
    },
}

/// Asks every client for a certificate, and lets in whoever has the key of the one it shows, or
/// none. Whether the certificate is believed is asked afterwards ([`Self::holder`]): a handshake
/// that fails tells the user of an SDK much less than the answer to a call.
#[derive(Debug)]
pub(crate) struct Asker(Arc<dyn ClientCertVerifier>);

impl Asker {
    /// Believes what this authority has signed.
    pub(super) fn new(authority: &CertificateDer<'static>) -> Result<Self, CertificateError> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).map_err(unmade)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let strict = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self(strict.build().map_err(unmade)?))
    }

    /// Who has shown these certificates.
    pub(crate) fn holder(&self, shown: Option<&[CertificateDer<'_>]>) -> Holder {
        let Some([certificate, between @ ..]) = shown else { return Holder::Nobody };
        let unbelieved = |reason: String| Holder::Unbelieved { reason };
        match self.0.verify_client_cert(certificate, between, TlsTime::now()) {
            Err(error) => unbelieved(error.to_string()),
            Ok(_) => match common_name(certificate) {
                Some(mch_id) => Holder::Merchant(mch_id),
                None => unbelieved("the certificate holds no merchant number".to_owned()),
            },
        }
    }
}

/// The CN of a certificate's subject: the merchant number.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let name = certificate.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}

impl ClientCertVerifier for Asker {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: some clients show no certificate at all when theirs is not by one of these.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: TlsTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
