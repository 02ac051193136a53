//! Whom the client shows what, and whom it believes.

use super::host::{Authority, Host, http};
use super::{KEY, MD5, merchant, message, nonce, stored_refund};
use crate::api::{Call, RefundAnswer};
use crate::ids::OutTradeNo;
use crate::native::{
    CallError, CertificateError, ClientCertificate, Gateway, RootCertificates, Settings, Unsent,
};
use std::format;
use std::string::{String, ToString};

pub(super) fn roots(authority: &Authority) -> Option<RootCertificates> {
    Some(RootCertificates::from_pem(authority.pem().as_bytes()).unwrap())
}

fn certificate(authority: &Authority) -> Option<ClientCertificate> {
    let (certificate, key) = authority.issue("1900000109");
    Some(ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap())
}

/// Gives back through a client of these settings, to a host whose certificate is by `wechat`, and
/// which wants one by `wechat`; what it says, and how often the host was asked.
pub(super) async fn give_back(
    wechat: &Authority,
    settings: Settings,
) -> (Result<String, CallError>, usize) {
    let host = Host::tls(http(200, message("M13")), wechat, wechat).await;
    let gateway = Gateway::with(merchant(), &[&host.url], settings).unwrap();
    let look = |answer: RefundAnswer<'_, '_, _>| match answer {
        RefundAnswer::Accepted(refund) => refund.refund_id.to_string(),
        RefundAnswer::Refused(refusal) => refusal.to_string(),
    };
    let result = gateway.refund(stored_refund().as_bytes(), MD5, &nonce(), look).await;
    (result, host.requests().len())
}

#[tokio::test]
async fn a_refund_is_made_with_the_merchants_certificate() {
    let wechat = Authority::new();
    let settings = Settings {
        certificate: certificate(&wechat),
        roots: roots(&wechat),
        ..Settings::default()
    };
    let (result, asked) = give_back(&wechat, settings).await;
    assert_eq!(result.unwrap(), "50300000000000000000000000001");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn without_a_certificate_no_refund_is_sent_and_the_error_tells_what_to_do() {
    let wechat = Authority::new();
    let settings = Settings { roots: roots(&wechat), ..Settings::default() };
    let (result, asked) = give_back(&wechat, settings).await;
    let error = result.unwrap_err();
    assert_eq!(error, CallError::Unsent(Unsent::NoCertificate(Call::Refund)));
    for word in ["/secapi/pay/refund", "apiclient_cert.pem", "ClientCertificate::from_pem"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn a_host_that_is_not_believed_is_told_nothing() {
    let (wechat, somebody) = (Authority::new(), Authority::new());
    for roots in [roots(&somebody), None] {
        let settings = Settings { certificate: certificate(&wechat), roots, ..Settings::default() };
        let (result, asked) = give_back(&wechat, settings).await;
        assert_eq!((result, asked), (Err(CallError::Untrusted), 0));
    }
}

#[tokio::test]
async fn a_host_of_another_name_is_not_believed() {
    let wechat = Authority::new();
    let host = Host::tls(http(200, ""), &wechat, &wechat).await;
    let url = host.url.replace("127.0.0.1", "localhost");
    let settings = Settings { roots: roots(&wechat), ..Settings::default() };
    let gateway = Gateway::with(merchant(), &[&url], settings).unwrap();
    let number = OutTradeNo::new("SM20261123192600000001").unwrap();
    let error = gateway.order_query(&number, MD5, &nonce()).await.unwrap_err();
    assert_eq!(error, CallError::Untrusted);
}

#[tokio::test]
async fn somebody_elses_certificate_is_refused_and_so_is_none() {
    let (wechat, somebody) = (Authority::new(), Authority::new());
    let settings = Settings {
        certificate: certificate(&somebody),
        roots: roots(&wechat),
        ..Settings::default()
    };
    let (result, asked) = give_back(&wechat, settings).await;
    assert_eq!((result, asked), (Err(CallError::CertificateRefused), 0));

    // This host asks for a certificate for every call; WeChat's does not.
    let host = Host::tls(http(200, ""), &wechat, &wechat).await;
    let settings = Settings { roots: roots(&wechat), ..Settings::default() };
    let gateway = Gateway::with(merchant(), &[&host.url], settings).unwrap();
    let number = OutTradeNo::new("SM20261123192600000001").unwrap();
    let error = gateway.order_query(&number, MD5, &nonce()).await.unwrap_err();
    assert_eq!(error, CallError::CertificateRefused);
}

#[test]
fn certificate_and_key_may_stand_in_one_file_among_other_things() {
    let (certificate, key) = Authority::new().issue("1900000109");
    let file = format!("Bag Attributes\n    friendlyName: x\n{certificate}\nKey:\n{key}\n");
    assert!(ClientCertificate::from_pem(file.as_bytes(), file.as_bytes()).is_ok());
}

#[test]
fn what_is_no_certificate_with_its_key_is_refused_with_the_reason() {
    use CertificateError as E;

    let authority = Authority::new();
    let ((certificate, key), (_, other)) = (authority.issue("a"), authority.issue("b"));
    let read = |certificate: &str, key: &str| {
        ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err()
    };
    assert_eq!(read("", &key), E::NoCertificate);
    assert_eq!(read(&key, &key), E::NoCertificate);
    assert_eq!(read(&certificate, &certificate), E::NoKey);
    assert_eq!(read(&certificate, &other), E::OtherKey);
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert_eq!(read(&certificate, &locked), E::KeyEncrypted);
    let label = |pem: &str| pem.replace("PRIVATE KEY", "CERTIFICATE");
    assert_eq!(read(&label(&key), &key), E::Unreadable);
    let label = |pem: &str| pem.replace("CERTIFICATE", "PRIVATE KEY");
    assert_eq!(read(&certificate, &label(&certificate)), E::Unreadable);
    for bad in ["", &key, &certificate[..80]] {
        assert!(RootCertificates::from_pem(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn no_text_holds_a_secret() {
    let authority = Authority::new();
    let (pem, key) = authority.issue("1900000109");
    let certificate = ClientCertificate::from_pem(pem.as_bytes(), key.as_bytes()).unwrap();
    let settings = Settings {
        certificate: Some(certificate.clone()),
        roots: roots(&authority),
        ..Settings::default()
    };
    let gateway = Gateway::with(merchant(), &["https://127.0.0.1:1"], settings.clone()).unwrap();
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let error = ClientCertificate::from_pem(pem.as_bytes(), locked.as_bytes()).unwrap_err();
    let texts = format!("{gateway:#?} {settings:#?} {certificate:?} {error:?} {error}");
    // As text, and as the list of bytes that a derived Debug would print.
    let secret = key.lines().nth(1).unwrap();
    let bytes = |text: &str| format!("{:?}", text.as_bytes());
    for secret in [KEY, secret, &bytes(KEY)[1..40], &bytes(secret)[1..40]] {
        assert!(!texts.contains(secret), "{texts}");
    }
}
