//! Certificates from PKCS#12 files that OpenSSL has made, in its old form and its new one.

use super::certificates::{give_back, roots};
use super::host::Authority;
use crate::native::{CertificateError, ClientCertificate, Settings};
use std::process::{Command, Stdio};
use std::string::ToString;
use std::vec::Vec;

const PASSWORD: &str = "1900000109";

/// What `openssl pkcs12 -export` makes of these files.
fn export(certificate: &str, key: &str, chain: &str, arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs12", "-export", "-name", "Tenpay Certificate", "-passout"]);
    openssl.arg(["pass:", PASSWORD].concat());
    if !chain.is_empty() {
        openssl.arg("-certfile").arg(write("rootca.pem", chain));
    }
    let output = openssl
        .arg("-in")
        .arg(write("apiclient_cert.pem", certificate))
        .arg("-inkey")
        .arg(write("apiclient_key.pem", key))
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("openssl 3 is needed: apt-get install openssl");
    assert!(output.status.success(), "openssl could not make the file");
    output.stdout
}

/// The ciphers of WeChat's own files, whatever this OpenSSL's defaults are.
const OLD: [&str; 7] =
    ["-legacy", "-certpbe", "PBE-SHA1-RC2-40", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"];

#[tokio::test]
async fn files_of_the_old_and_of_the_new_form_open_the_gateway() {
    let wechat = Authority::new();
    let (certificate, key) = wechat.issue(PASSWORD);
    for arguments in [&OLD[..], &["-legacy"], &[], &["-nomac"]] {
        let file = export(&certificate, &key, &wechat.pem(), arguments);
        let certificate = ClientCertificate::from_pkcs12(&file, PASSWORD);
        let certificate = Some(certificate.unwrap_or_else(|it| panic!("{it}: {arguments:?}")));
        let settings = Settings { certificate, roots: roots(&wechat), ..Settings::default() };
        let (result, asked) = give_back(&wechat, settings).await;
        assert_eq!((result.unwrap().len(), asked), (29, 1), "{arguments:?}");
    }
}

#[test]
fn another_password_is_told_from_a_damaged_file() {
    use CertificateError as E;

    let authority = Authority::new();
    let (certificate, key) = authority.issue(PASSWORD);
    for arguments in [&OLD[..], &[]] {
        let file = export(&certificate, &key, "", arguments);
        let read = |file: &[u8], password| ClientCertificate::from_pkcs12(file, password);
        assert!(read(&file, PASSWORD).is_ok());
        for password in ["", "1900000108", "商户"] {
            assert_eq!(read(&file, password).unwrap_err(), E::Password, "{password}");
        }
        for cut in [0, 1, 40, file.len() - 1] {
            assert_eq!(read(&file[..cut], PASSWORD).unwrap_err(), E::NotPkcs12, "{cut}");
        }
        assert_eq!(read(certificate.as_bytes(), PASSWORD).unwrap_err(), E::NotPkcs12);
        let mut spoilt = file.clone();
        spoilt[file.len() / 2] ^= 1;
        assert!(read(&spoilt, PASSWORD).is_err());
    }
    let file = export(&certificate, &key, "", &["-legacy", "-keypbe", "PBE-SHA1-RC4-128"]);
    let error = ClientCertificate::from_pkcs12(&file, PASSWORD).unwrap_err();
    assert!(error.to_string().contains("openssl pkcs12 -legacy"), "{error}");
}

#[test]
fn certificate_and_key_have_to_be_there_and_belong_together() {
    use CertificateError as E;

    let authority = Authority::new();
    let (certificate, key) = authority.issue(PASSWORD);
    let read = |arguments: &[&str]| {
        let file = export(&certificate, &key, "", arguments);
        ClientCertificate::from_pkcs12(&file, PASSWORD).unwrap_err()
    };
    assert_eq!(read(&["-nokeys"]), E::NoKey);
    assert_eq!(read(&["-nocerts"]), E::NoCertificate);
}
