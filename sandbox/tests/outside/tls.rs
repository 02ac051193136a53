//! HTTPS beside HTTP, the sandbox's own authority, and client certificates.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::shop::{self, KEY, MCH_ID, merchant};
use saoma_sandbox::{
    CertificateError, Certificates, Config, Merchant, Rules, Sandbox, StartError, Target, Tender,
};

const NO: &str = "SM20261123000001";

async fn in_folder(folder: &Path) -> Result<Sandbox, StartError> {
    let certificates = Some(folder.to_owned());
    Sandbox::start(Config { certificates, ..Config::new([merchant()]) }).await
}

/// Why a sandbox does not start in this folder.
async fn refusal(folder: &Path) -> CertificateError {
    match in_folder(folder).await.map(|_| ()) {
        Err(StartError::Certificates(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// A client that trusts the sandbox, and nobody else.
fn trusting(sandbox: &Sandbox) -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = reqwest::Certificate::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
    reqwest::Client::builder().no_proxy().tls_certs_only([ca])
}

#[tokio::test]
async fn both_http_and_https_are_spoken_at_one_port() {
    let sandbox = Sandbox::start(Config::new([merchant()])).await.unwrap();
    let client = trusting(&sandbox).build().unwrap();
    let port = sandbox.address().port();
    for base in [
        format!("http://127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
    ] {
        let answer = client.get(format!("{base}/healthz")).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().trim()), (200, "ok"));
    }
    shop::order_with(&client, &sandbox.https_url(), NO, "http://127.0.0.1:9/notify").await;
    assert!(sandbox.order(NO).is_some());
    sandbox.stop().await;
}

#[tokio::test]
async fn it_goes_by_the_real_gateways_names_and_by_names_of_ones_own() {
    let host_names = vec!["pay.shop.test".to_owned()];
    let sandbox = Sandbox::start(Config { host_names, ..Config::new([merchant()]) }).await.unwrap();
    for (name, is_known) in [
        ("api.mch.weixin.qq.com", true),
        ("api2.mch.weixin.qq.com", true),
        ("pay.shop.test", true),
        ("elsewhere.test", false),
    ] {
        let client = trusting(&sandbox).resolve(name, sandbox.address()).build().unwrap();
        let url = format!("https://{name}:{}/healthz", sandbox.address().port());
        assert_eq!(client.get(url).send().await.is_ok(), is_known, "{name}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn whoever_does_not_trust_its_authority_is_not_connected() {
    let (sandbox, other) = (
        Sandbox::start(Config::new([merchant()])).await.unwrap(),
        Sandbox::start(Config::new([merchant()])).await.unwrap(),
    );
    let client = trusting(&other).build().unwrap();
    assert!(client.get(format!("{}/healthz", sandbox.https_url())).send().await.is_err());
    sandbox.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_keeps_nobody_waiting() {
    let sandbox = Sandbox::start(Config::new([merchant()])).await.unwrap();
    let connect = || TcpStream::connect(sandbox.address()).unwrap();
    let silent: Vec<_> = (0..100).map(|_| connect()).collect();
    // The beginning of a handshake, and no more.
    let slow: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = connect();
            stream.write_all(&[0x16, 3, 1]).unwrap();
            stream
        })
        .collect();
    let client = trusting(&sandbox).build().unwrap();
    let answer = client.get(format!("{}/healthz", sandbox.https_url())).send();
    tokio::time::timeout(Duration::from_secs(5), answer).await.unwrap().unwrap();
    tokio::time::timeout(Duration::from_secs(5), sandbox.stop()).await.unwrap();
    for mut stream in silent.into_iter().chain(slow) {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // Closed, with or without a farewell.
        assert!(!matches!(stream.read(&mut [0]), Ok(1..)));
    }
}

#[tokio::test]
async fn certificates_can_be_taken_from_the_running_sandbox() {
    let sandbox = Sandbox::start(Config::new([merchant()])).await.unwrap();
    let get = async |path: &str| {
        let url = format!("{}/control/certificates/{path}", sandbox.base_url());
        let answer = shop::reqwest_client().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    };
    let client = sandbox.client_certificate(MCH_ID).unwrap();
    for (path, expected) in [
        ("ca.pem", sandbox.ca_pem().as_bytes()),
        ("1900000109/apiclient_cert.pem", client.certificate_pem.as_bytes()),
        ("1900000109/apiclient_key.pem", client.key_pem.as_bytes()),
        ("1900000109/apiclient_cert.p12", &client.p12),
    ] {
        assert_eq!(get(path).await, (200, expected.to_vec()), "{path}");
    }
    for path in ["ca_key.pem", "1900000109/ca_key.pem", "1/apiclient_key.pem", "..%2Fca.pem/x"] {
        assert_eq!(get(path).await.0, 404, "{path}");
    }
    let foreign = shop::reqwest_client()
        .get(format!("{}/control/certificates/ca.pem", sandbox.base_url()))
        .header("origin", "https://elsewhere.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_second_start_uses_what_the_first_made_and_adds_new_merchants() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not").join("there yet");
    let first = in_folder(&path).await.unwrap();
    let (ca, client) = (first.ca_pem().to_owned(), first.client_certificate(MCH_ID).unwrap());
    let key = client.key_pem.clone();
    let other = Merchant::new("1900000110", "wx5a0mademeup0002", KEY, "Second").unwrap();
    let second = Sandbox::start(Config {
        certificates: Some(path.clone()),
        ..Config::new([merchant(), other])
    });
    let second = second.await.unwrap();
    assert_eq!(second.ca_pem(), ca);
    assert_eq!(second.client_certificate(MCH_ID).unwrap().key_pem, key);
    let added = second.client_certificate("1900000110").unwrap();
    assert_eq!(std::fs::read(path.join("1900000110/apiclient_cert.p12")).unwrap(), added.p12);
    first.stop().await;
    second.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_a_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    in_folder(folder.path()).await.unwrap().stop().await;
    for file in ["ca_key.pem", "1900000109/apiclient_key.pem", "1900000109/apiclient_cert.p12"] {
        let mode = folder.path().join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn what_is_broken_is_named_with_what_to_delete_and_left_alone() {
    let cert = "1900000109/apiclient_cert.pem";
    let key = "1900000109/apiclient_key.pem";
    let p12 = "1900000109/apiclient_cert.p12";
    for (file, content, problem) in [
        ("ca.pem", None, "missing"),
        ("ca_key.pem", None, "missing"),
        ("ca.pem", Some("no PEM"), "no certificate"),
        ("ca_key.pem", Some("no PEM"), "no private key"),
        (cert, None, "missing"),
        (p12, None, "missing"),
        (cert, Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "X.509"),
        (key, Some("no PEM"), "no private key"),
        (p12, Some("no DER"), ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        in_folder(folder.path()).await.unwrap().stop().await;
        let path = folder.path().join(file);
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = refusal(folder.path()).await.to_string();
        let parent = path.parent().unwrap().display().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert!(error.contains(problem) && error.contains(&format!("delete {parent} ")), "{error}");
        assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), content, "left alone");
        // What it says helps.
        std::fs::remove_dir_all(parent).unwrap();
        in_folder(folder.path()).await.unwrap().stop().await;
    }
}

#[tokio::test]
async fn certificates_of_another_authority_or_merchant_or_key_are_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    in_folder(one.path()).await.unwrap().stop().await;
    in_folder(two.path()).await.unwrap().stop().await;
    let copy = |file: &str| {
        std::fs::copy(two.path().join(file), one.path().join(file)).unwrap();
    };
    copy("1900000109/apiclient_cert.p12");
    assert!(refusal(one.path()).await.to_string().contains("another certificate"));
    copy("1900000109/apiclient_cert.pem");
    assert!(refusal(one.path()).await.to_string().contains("not the key of"));
    copy("1900000109/apiclient_key.pem");
    assert!(refusal(one.path()).await.to_string().contains("not by the authority"));
    copy("ca_key.pem");
    assert!(refusal(one.path()).await.to_string().contains("not the key of"));
    copy("ca.pem");
    in_folder(one.path()).await.unwrap().stop().await;

    std::fs::rename(one.path().join(MCH_ID), one.path().join("1900000110")).unwrap();
    let other = Merchant::new("1900000110", "wx5a0mademeup0002", KEY, "Second").unwrap();
    let certificates = Some(one.path().to_owned());
    let error = Sandbox::start(Config { certificates, ..Config::new([other]) }).await.err();
    assert!(error.unwrap().to_string().contains("another merchant's"));
}

#[tokio::test]
async fn an_expired_certificate_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    in_folder(folder.path()).await.unwrap().stop().await;
    let files = folder.path().join(MCH_ID);
    // The same again by `openssl`, good for yesterday only.
    let made = run_in(
        folder.path(),
        "openssl req -new -key 1900000109/apiclient_key.pem -subj /CN=1900000109 -out r.csr && \
         openssl x509 -req -in r.csr -CA ca.pem -CAkey ca_key.pem -days -1 -set_serial 1 \
         -out 1900000109/apiclient_cert.pem",
        "",
    );
    if !made.status.success() {
        eprintln!("skipped: {}", String::from_utf8_lossy(&made.stderr));
        return;
    }
    let error = refusal(folder.path()).await.to_string();
    assert!(error.contains("it is good from"), "{error}");
    assert!(error.contains(&format!("delete {}", files.display())), "{error}");
}

/// Runs a shell command in a folder. `$URL` is the sandbox.
fn run_in(folder: &Path, command: &str, url: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("URL", url).stdin(Stdio::null());
    shell.output().unwrap()
}

/// The tools of others open what the sandbox makes. One that is not installed is left out, but
/// `openssl` and `curl` must be there.
#[tokio::test(flavor = "multi_thread")]
async fn openssl_curl_node_python_and_java_take_the_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = in_folder(folder.path()).await.unwrap();
    for (tool, command, says) in [
        ("openssl", "openssl verify -CAfile ca.pem 1900000109/apiclient_cert.pem", ": OK"),
        (
            "openssl",
            "openssl pkcs12 -in 1900000109/apiclient_cert.p12 -passin pass:1900000109 -nokeys \
             -nodes | grep -c BEGIN",
            "2",
        ),
        (
            "openssl",
            "openssl x509 -in 1900000109/apiclient_cert.pem -noout -subject \
             -nameopt RFC2253,-esc_msb",
            "CN=1900000109,OU=扫码示例店,O=微信商户系统,L=ShenZhen,C=CN",
        ),
        ("curl", "curl -sS --cacert ca.pem $URL/healthz", "ok"),
        (
            "curl",
            "curl -sS --tls-max 1.2 --cacert ca.pem --cert-type P12 \
             --cert 1900000109/apiclient_cert.p12:1900000109 $URL/healthz",
            "ok",
        ),
        ("node", NODE, "ok"),
        ("python3", PYTHON, "ok"),
        (
            "keytool",
            "keytool -list -storetype PKCS12 -storepass 1900000109 \
             -keystore 1900000109/apiclient_cert.p12",
            "PrivateKeyEntry",
        ),
    ] {
        let is_there = run_in(folder.path(), &format!("command -v {tool}"), "").status.success();
        if !is_there && !["openssl", "curl"].contains(&tool) {
            eprintln!("left out: {tool} is not installed");
            continue;
        }
        let output = run_in(folder.path(), command, &sandbox.https_url());
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(says), "{command}\n{text}\n{errors}");
    }
    sandbox.stop().await;
}

const NODE: &str = r#"node -e '
const https = require("https"), fs = require("fs");
const agent = new https.Agent({ ca: fs.readFileSync("ca.pem"),
  pfx: fs.readFileSync("1900000109/apiclient_cert.p12"), passphrase: "1900000109" });
https.get(process.env.URL + "/healthz", { agent }, (answer) => answer.pipe(process.stdout));
'"#;

const PYTHON: &str = r#"python3 -c '
import os, ssl, urllib.request
tls = ssl.create_default_context(cafile="ca.pem")
tls.load_cert_chain("1900000109/apiclient_cert.pem", "1900000109/apiclient_key.pem")
print(urllib.request.urlopen(os.environ["URL"] + "/healthz", context=tls).read().decode())
'"#;

/// The code of the answer to a refund by this client.
async fn refund_code(client: &reqwest::Client, base: &str) -> String {
    let fields = [
        ("out_trade_no", NO),
        ("out_refund_no", "R1"),
        ("total_fee", "1800"),
        ("refund_fee", "1800"),
    ];
    let call = client.post(format!("{base}/secapi/pay/refund")).body(shop::document(&fields));
    let answer = call.send().await.unwrap();
    let code = answer.headers().get("saoma-sandbox-code");
    code.map_or("ok", |code| code.to_str().unwrap()).to_owned()
}

fn identity(sandbox: &Sandbox, mch_id: &str) -> reqwest::Identity {
    let client = sandbox.client_certificate(mch_id).unwrap();
    let pem = format!("{}{}", client.certificate_pem, client.key_pem);
    reqwest::Identity::from_pem(pem.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_refund_needs_the_certificate_of_this_merchant_by_this_authority() {
    let second = || Merchant::new("1900000110", "wx5a0mademeup0002", KEY, "Second").unwrap();
    let sandbox = Sandbox::start(Config::new([merchant(), second()])).await.unwrap();
    let other = Sandbox::start(Config::new([merchant()])).await.unwrap();
    let base = sandbox.https_url();
    shop::order(&sandbox.base_url(), NO, "http://127.0.0.1:9/notify").await;
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();

    let with = |identity| trusting(&sandbox).identity(identity).build().unwrap();
    let nobody = trusting(&sandbox).build().unwrap();
    assert_eq!(refund_code(&nobody, &base).await, "CERT_ERROR");
    let foreign = with(identity(&other, MCH_ID));
    assert_eq!(refund_code(&foreign, &base).await, "CERT_ERROR");
    let another = with(identity(&sandbox, "1900000110"));
    assert_eq!(refund_code(&another, &base).await, "CERT_ERROR");
    let own = with(identity(&sandbox, MCH_ID));
    assert_eq!(refund_code(&own, &sandbox.base_url()).await, "CERT_ERROR", "by plain HTTP");
    assert!(sandbox.order(NO).unwrap().payments[0].refunds.is_empty());
    // The other calls do not mind.
    let query = [("out_trade_no", NO)];
    let answer = shop::call_with(&foreign, &base, "/pay/orderquery", &query).await;
    assert_eq!(answer.get("trade_state"), Some("SUCCESS"));
    assert_eq!(refund_code(&own, &base).await, "ok");
    assert_eq!(sandbox.order(NO).unwrap().payments[0].refunds.len(), 1);
    sandbox.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_desk_with_plain_http_need_not_ask_for_certificates() {
    let rules = Rules { certificates: Certificates::NotAsked, ..Rules::default() };
    let sandbox = Sandbox::start(Config { rules, ..Config::new([merchant()]) }).await.unwrap();
    shop::order(&sandbox.base_url(), NO, "http://127.0.0.1:9/notify").await;
    sandbox.pay(&Target::of_number(NO), Tender::default()).unwrap();
    assert_eq!(refund_code(&shop::reqwest_client(), &sandbox.base_url()).await, "ok");
    sandbox.stop().await;
}
