//! A host of the gateway that says what it is told to say, byte for byte.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::format;
use std::string::{String, ToString};
use std::sync::{Arc, Mutex};
use std::vec::Vec;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a host was asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: String,
}

/// What a host says.
#[derive(Clone)]
pub(super) enum Reply {
    /// These bytes, and then the connection ends.
    Bytes(Vec<u8>),
    /// These bytes, and then nothing more, while the connection stays.
    Stall(Vec<u8>),
    /// To its first request this, to its second one that, and so on.
    EachInTurn(Vec<Reply>),
}

/// A whole answer.
pub(super) fn http(status: u16, body: impl AsRef<[u8]>) -> Reply {
    Reply::Bytes(http_bytes(status, body.as_ref()))
}

pub(super) fn http_bytes(status: u16, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A host that runs until it is dropped.
pub(super) struct Host {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Host {
    /// Plain HTTP.
    pub(super) async fn plain(reply: Reply) -> Self {
        Self::start(reply, None).await
    }

    /// HTTPS; the host's certificate is by `its`, and it wants a client's certificate by
    /// `clients`.
    pub(super) async fn tls(reply: Reply, its: &Authority, clients: &Authority) -> Self {
        Self::start(reply, Some(tls_config(its, clients))).await
    }

    async fn start(reply: Reply, tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                match &acceptor {
                    None => serve(stream, &reply, &heard).await,
                    Some(acceptor) => match acceptor.accept(stream).into_fallible().await {
                        Ok(stream) => serve(stream, &reply, &heard).await,
                        // Closed at once, with something unread, it could take back the alert
                        // that says why.
                        Err((_, mut stream)) => {
                            let _ = stream.read_to_end(&mut Vec::new()).await;
                        }
                    },
                }
            }
        });
        Self { url, requests, task }
    }

    /// What it was asked so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address at which nobody listens.
pub(super) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    reply: &Reply,
    heard: &Mutex<Vec<Request>>,
) {
    let Some(request) = read_request(&mut stream).await else { return };
    let turn = {
        let mut heard = heard.lock().unwrap();
        heard.push(request);
        heard.len() - 1
    };
    let reply = match reply {
        Reply::EachInTurn(replies) => &replies[turn],
        reply => reply,
    };
    let (bytes, stalls) = match reply {
        Reply::EachInTurn(_) => unreachable!("no turn within a turn"),
        Reply::Bytes(bytes) => (bytes, false),
        Reply::Stall(bytes) => (bytes, true),
    };
    // A client that has gone away is not this host's business.
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    if stalls {
        // Until the client gives up.
        let _ = stream.read(&mut [0]).await;
    }
    let _ = stream.shutdown().await;
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let len = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let len: usize = len.unwrap_or("0").parse().ok()?;
        if body.len() == len {
            let is_call = head.contains("content-type: text/xml; charset=utf-8");
            assert!(is_call || head.starts_with("head "), "{head}");
            let path = head.split(' ').nth(1)?.to_string();
            return Some(Request { path, body: body.to_string() });
        }
    }
}

/// Somebody who signs certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate as PEM.
    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key as PEM.
    pub(super) fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_string()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn believed(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }
}

fn tls_config(its: &Authority, clients: &Authority) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(clients.believed(), Arc::clone(&provider));
    let (certificate, key) = its.issue("127.0.0.1");
    let chain = std::vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
        .unwrap()
}
