//! `[merchant]`, or any number of `[[merchants]]`.

use super::error::{Problem, Problems};
use super::read::Section;
use saoma_core::api::Merchant;
use saoma_core::ids::{AppId, MchId};
use saoma_core::native::{
    CertificateError, ClientCertificate, RootCertificates, Settings, WECHAT_HOSTS,
};
use saoma_core::sign::{ApiKey, SignType};
use saoma_core::watch::MERCHANT_MAX;
use std::net::{IpAddr, Ipv4Addr};

const KEYS: &[&str] = &[
    "name",
    "mch_id",
    "key",
    "next_key",
    "apps",
    "app_id",
    "sign_type",
    "gateway",
    "root_certificate",
    "certificate",
    "certificate_key",
    "certificate_password",
    "spbill_create_ip",
    "anomalies",
    "bill_unknown",
];

/// Who we are to WeChat.
#[derive(Clone, Debug)]
pub struct MerchantConfig {
    /// The merchant's number.
    pub mch_id: MchId,
    /// Shown to customers: 1 to 64 bytes.
    pub name: String,
    /// The API v2 key.
    pub key: ApiKey,
    /// One that counts as well while it changes: the key that is to come, or that has counted until
    /// now.
    pub next_key: Option<ApiKey>,
    /// The apps that are bound to the merchant: at least one.
    pub apps: Vec<AppId>,
    /// The algorithm for new orders.
    pub sign_type: SignType,
    /// The gateway's hosts, the main one first.
    pub gateway: Vec<String>,
    /// Whom to believe to be the gateway, instead of the system's authorities.
    pub root_certificate: Option<RootCertificates>,
    /// What refunds and fund bills are asked for with.
    pub certificate: Option<ClientCertificate>,
    /// The address that unified orders name as their caller's.
    pub spbill_create_ip: IpAddr,
    /// What becomes of payments that may not be kept.
    pub anomalies: AnomalyPolicy,
    /// What becomes of payments in the daily bill that nobody here knows.
    pub bill_unknown: UnknownPolicy,
}

/// What becomes of a payment that may not be kept: too late, twice, a wrong amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnomalyPolicy {
    /// It is refunded in full, at once.
    #[default]
    Refund,
    /// It is held until an operator decides.
    Hold,
}

/// What becomes of a payment in the daily bill whose number nobody here knows. The bill is the
/// whole merchant's: another program, or another server, may have taken it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownPolicy {
    /// It is left to a person.
    Hold,
    /// It goes back when its number has the form of ours, unless there are many of them.
    #[default]
    Ours,
    /// It goes back: nobody else uses the merchant's number.
    All,
}

impl MerchantConfig {
    /// The merchant with one of its apps, as calls name them.
    #[must_use]
    pub fn merchant(&self, app_id: &AppId) -> Merchant {
        Merchant {
            mch_id: self.mch_id.clone(),
            app_id: app_id.clone(),
            key: match &self.next_key {
                Some(next_key) => self.key.clone().or(next_key),
                None => self.key.clone(),
            },
            sign_type: self.sign_type,
        }
    }

    /// How its line to the gateway is set up.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            certificate: self.certificate.clone(),
            roots: self.root_certificate.clone(),
            ..Settings::default()
        }
    }
}

/// All merchants; none when one of them cannot be read, so that shops do not complain as well.
pub(super) fn merchants(root: &mut Section<'_>, problems: &mut Problems) -> Vec<MerchantConfig> {
    let sections = problems.keep(root.one_or_many("merchant", "merchants", KEYS));
    let mut merchants: Vec<MerchantConfig> = Vec::new();
    let mut are_all_read = true;
    for mut section in sections.unwrap_or_default() {
        let merchant = merchant(&mut section, problems);
        let is_known = |other: &MerchantConfig| {
            merchant.as_ref().is_some_and(|merchant| merchant.mch_id == other.mch_id)
        };
        if merchants.iter().any(is_known) {
            problems.add(section.error("mch_id", "is the number of another merchant too"));
        }
        are_all_read &= merchant.is_some();
        merchants.extend(merchant);
        section.end(problems);
    }
    if are_all_read { merchants } else { Vec::new() }
}

fn merchant(section: &mut Section<'_>, problems: &mut Problems) -> Option<MerchantConfig> {
    let name = problems.keep(name(section));
    let mch_id = problems.keep(mch_id(section));
    let apps = problems.keep(apps(section));
    let key = problems.keep(key(section));
    let next_key = problems.keep(api_key(section, "next_key"));
    let sign_type = problems.keep(sign_type(section));
    let gateway = problems.keep(section.texts("gateway"));
    let root_certificate = problems.keep(root_certificate(section));
    let certificate = problems.keep(certificate(section, mch_id.as_ref()));
    let spbill_create_ip = problems.keep(spbill_create_ip(section));
    let anomalies = problems.keep(anomalies(section));
    let bill_unknown = problems.keep(bill_unknown(section));
    Some(MerchantConfig {
        mch_id: mch_id?,
        name: name?,
        key: key?,
        next_key: next_key?,
        apps: apps?,
        sign_type: sign_type?,
        gateway: gateway?.unwrap_or_else(|| WECHAT_HOSTS.map(str::to_owned).to_vec()),
        root_certificate: root_certificate?,
        certificate: certificate?,
        spbill_create_ip: spbill_create_ip?,
        anomalies: anomalies?,
        bill_unknown: bill_unknown?,
    })
}

fn name(section: &mut Section<'_>) -> Result<String, Problem> {
    let name = section.required("name", "say what customers are shown")?;
    if name.is_empty() || name.len() > MERCHANT_MAX || name.chars().any(char::is_control) {
        let rule = "must be 1 to 64 bytes of UTF-8 (21 Chinese characters)";
        return Err(section.error("name", rule));
    }
    Ok(name)
}

fn mch_id(section: &mut Section<'_>) -> Result<MchId, Problem> {
    let mch_id = section.required("mch_id", "copy it from the merchant platform")?;
    MchId::new(&mch_id).map_err(|error| section.error("mch_id", error.to_string()))
}

/// `apps = [...]`, or `app_id = "..."` for a single one.
fn apps(section: &mut Section<'_>) -> Result<Vec<AppId>, Problem> {
    let (one, all) = (section.optional("app_id")?, section.texts("apps")?);
    let (key, texts) = match (one, all) {
        (Some(_), Some(_)) => {
            return Err(section.error("app_id", "stands beside apps: keep one of them"));
        }
        (Some(one), None) => ("app_id", vec![one]),
        (None, Some(all)) if !all.is_empty() => ("apps", all),
        (None, _) => {
            let what = "copy it from the merchant platform; for several there is `apps`";
            return Err(section.missing("app_id", what));
        }
    };
    let mut apps = Vec::new();
    for text in texts {
        let app = AppId::new(&text).map_err(|error| section.error(key, error.to_string()))?;
        if apps.contains(&app) {
            return Err(section.error(key, "names an app twice"));
        }
        apps.push(app);
    }
    Ok(apps)
}

fn key(section: &mut Section<'_>) -> Result<ApiKey, Problem> {
    let key = api_key(section, "key")?;
    key.ok_or_else(|| section.missing("key", "set it, or key_file"))
}

fn api_key(section: &mut Section<'_>, name: &str) -> Result<Option<ApiKey>, Problem> {
    let Some(key) = section.secret(name)? else { return Ok(None) };
    ApiKey::new(&key).map(Some).map_err(|error| {
        section.error(name, format!("{error}; copy it from the merchant platform"))
    })
}

fn sign_type(section: &mut Section<'_>) -> Result<SignType, Problem> {
    match section.optional("sign_type")? {
        None => Ok(SignType::HmacSha256),
        Some(name) => SignType::from_name(&name)
            .ok_or_else(|| section.error("sign_type", "must be \"HMAC-SHA256\" or \"MD5\"")),
    }
}

fn root_certificate(section: &mut Section<'_>) -> Result<Option<RootCertificates>, Problem> {
    let Some(pem) = section.content("root_certificate")? else { return Ok(None) };
    let roots = RootCertificates::from_pem(&pem);
    roots.map(Some).map_err(|error| section.error("root_certificate", error.to_string()))
}

/// PEM, with its key beside it or in the same text; or PKCS#12, whose password is the merchant's
/// number unless it was changed.
fn certificate(
    section: &mut Section<'_>,
    mch_id: Option<&MchId>,
) -> Result<Option<ClientCertificate>, Problem> {
    let certificate = section.content("certificate")?;
    let key = section.content("certificate_key")?;
    let password = section.secret("certificate_password")?;
    let Some(certificate) = certificate else {
        let alone = [
            key.is_some().then_some("certificate_key"),
            password.is_some().then_some("certificate_password"),
        ];
        return match alone.into_iter().flatten().next() {
            Some(alone) => Err(section.error(alone, "needs certificate_file beside it")),
            None => Ok(None),
        };
    };
    // PKCS#12 is a sequence in DER; PEM is text and cannot begin with that byte and such a one.
    if matches!(certificate.as_slice(), [b'0', 0x80..=0xff, ..]) {
        if key.is_some() {
            let rule = "stands beside a PKCS#12 file, which holds the key as well: leave it out";
            return Err(section.error("certificate_key", rule));
        }
        let number = mch_id.map_or("", MchId::as_str);
        let password = password.as_deref().unwrap_or(number);
        let read = ClientCertificate::from_pkcs12(&certificate, password);
        return read.map(Some).map_err(|error| section.error("certificate", error.to_string()));
    }
    let read = ClientCertificate::from_pem(&certificate, key.as_ref().unwrap_or(&certificate));
    read.map(Some).map_err(|error| match (error, &key) {
        (CertificateError::NoKey, None) => {
            let rule = "is missing: set certificate_key_file (apiclient_key.pem), or take \
                        apiclient_cert.p12 as certificate_file";
            section.error("certificate_key", rule)
        }
        (error, _) => section.error("certificate", error.to_string()),
    })
}

fn spbill_create_ip(section: &mut Section<'_>) -> Result<IpAddr, Problem> {
    let Some(ip) = section.optional("spbill_create_ip")? else {
        return Ok(Ipv4Addr::LOCALHOST.into());
    };
    ip.parse().map_err(|_| section.error("spbill_create_ip", "must be an IPv4 or IPv6 address"))
}

fn anomalies(section: &mut Section<'_>) -> Result<AnomalyPolicy, Problem> {
    match section.optional("anomalies")?.as_deref() {
        None | Some("refund") => Ok(AnomalyPolicy::Refund),
        Some("hold") => Ok(AnomalyPolicy::Hold),
        Some(_) => Err(section.error("anomalies", "must be \"refund\" or \"hold\"")),
    }
}

fn bill_unknown(section: &mut Section<'_>) -> Result<UnknownPolicy, Problem> {
    match section.optional("bill_unknown")?.as_deref() {
        None | Some("ours") => Ok(UnknownPolicy::Ours),
        Some("hold") => Ok(UnknownPolicy::Hold),
        Some("all") => Ok(UnknownPolicy::All),
        Some(_) => Err(section.error("bill_unknown", "must be \"ours\", \"hold\" or \"all\"")),
    }
}
