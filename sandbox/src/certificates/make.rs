//! Makes certificates.

use std::time::Duration;

use p12_keystore::{Certificate as P12Certificate, KeyStore, KeyStoreEntry};
use p12_keystore::{EncryptionAlgorithm, MacAlgorithm, PrivateKey, PrivateKeyChain};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{CertificateError, ClientCertificate, unmade};
use crate::merchant::Merchant;
use crate::time::UnixTime;

const DAY_S: i64 = 86_400;

/// How long the authority is good for.
const AUTHORITY_S: i64 = 20 * 365 * DAY_S;

/// How long a merchant's certificate is good for. WeChat's are good for five years.
const CLIENT_S: i64 = 5 * 365 * DAY_S;

/// How long the server's certificate is good for; some systems refuse more than 825 days.
const SERVER_S: i64 = 800 * DAY_S;

/// Signs certificates.
pub(super) struct Authority {
    pub(super) certificate_pem: String,
    pub(super) certificate_der: CertificateDer<'static>,
    pub(super) key_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(now: UnixTime) -> Result<Self, CertificateError> {
        let mut params = params(
            &[
                (DnType::CountryName, "CN"),
                (DnType::OrganizationName, "Saoma Sandbox"),
                (DnType::OrganizationalUnitName, "No real money"),
                (DnType::CommonName, "Saoma Sandbox Root CA"),
            ],
            now,
            AUTHORITY_S,
        )?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(unmade)?;
        let certificate = params.self_signed(&key).map_err(unmade)?;
        Self::of(certificate.pem(), certificate.der().clone(), key)
    }

    /// The authority that this certificate and its key make.
    pub(super) fn of(
        certificate_pem: String,
        certificate_der: CertificateDer<'static>,
        key: KeyPair,
    ) -> Result<Self, CertificateError> {
        let key_pem = key.serialize_pem();
        let issuer = Issuer::from_ca_cert_der(&certificate_der, key).map_err(unmade)?;
        Ok(Self { certificate_pem, certificate_der, key_pem, issuer })
    }

    /// A merchant's certificate, with the subject that WeChat gives it.
    pub(super) fn client(
        &self,
        merchant: &Merchant,
        now: UnixTime,
    ) -> Result<ClientCertificate, CertificateError> {
        let subject = [
            (DnType::CountryName, "CN"),
            (DnType::LocalityName, "ShenZhen"),
            (DnType::OrganizationName, "微信商户系统"),
            (DnType::OrganizationalUnitName, &*merchant.shop),
            (DnType::CommonName, &*merchant.mch_id),
        ];
        let mut params = params(&subject, now, CLIENT_S)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(unmade)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(unmade)?;
        Ok(ClientCertificate {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            p12: self.p12(&merchant.mch_id, certificate.der(), key.serialized_der())?,
        })
    }

    /// Certificate, key and authority as PKCS#12, with algorithms that OpenSSL 3 takes as they are
    /// (AES-256-CBC, PBKDF2 and HMAC with SHA-256). Java reads them from 8u301 on.
    fn p12(
        &self,
        mch_id: &str,
        certificate: &[u8],
        key: &[u8],
    ) -> Result<Vec<u8>, CertificateError> {
        let read = |der: &[u8]| P12Certificate::from_der(der).map_err(unmade);
        let chain = [read(certificate)?, read(&self.certificate_der)?];
        let key = PrivateKey::from_der(key).map_err(unmade)?;
        let entry = PrivateKeyChain::new("1", key, chain);
        let mut store = KeyStore::new();
        // The name that WeChat's files have as well.
        store.add_entry("Tenpay Certificate", KeyStoreEntry::PrivateKeyChain(entry));
        store
            .writer(mch_id)
            .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
            .mac_algorithm(MacAlgorithm::HmacSha256)
            .write()
            .map_err(unmade)
    }

    /// A server certificate for these names and addresses.
    pub(super) fn server(
        &self,
        names: Vec<String>,
        now: UnixTime,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), CertificateError> {
        let subject =
            [(DnType::OrganizationName, "Saoma Sandbox"), (DnType::CommonName, "Saoma Sandbox")];
        let named = CertificateParams::new(names).map_err(unmade)?;
        let mut params = params(&subject, now, SERVER_S)?;
        params.subject_alt_names = named.subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(unmade)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(unmade)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((certificate.der().clone(), key.into()))
    }
}

/// Subject and validity. It begins a day ago, for clients whose clock is behind.
fn params(
    subject: &[(DnType, &str)],
    now: UnixTime,
    life_s: i64,
) -> Result<CertificateParams, CertificateError> {
    let time = |time: UnixTime| {
        let seconds = u64::try_from(time.0).unwrap_or(0);
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::new([]).map_err(unmade)?;
    params.distinguished_name = DistinguishedName::new();
    for (kind, text) in subject {
        let text = match kind {
            // The only kind of text that a country may be.
            DnType::CountryName => DnValue::PrintableString((*text).try_into().map_err(unmade)?),
            _ => DnValue::from(*text),
        };
        params.distinguished_name.push(kind.clone(), text);
    }
    params.not_before = time(now.plus(-DAY_S));
    params.not_after = time(now.plus(life_s));
    Ok(params)
}
