//! The doors: HTTP/1.1 at an address, until told to stop.
//!
//! Who sends no head of a request within [`HEAD_WITHIN`], or none any more, loses the connection:
//! each is an open file, and a few thousand that were left open would keep everybody else out.

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long a connection may say nothing, or take for the head of a request. Longer than proxies
/// keep their connections for the next request, mostly a minute.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(75);
/// How long to wait when the system gives no more connections.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Answers requests until told to stop, then finishes those that run.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    head_within: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_within);
    let service = TowerToHyperService::new(router);
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                refused(&error).await;
                continue;
            }
        };
        let service = service.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            service.call(request)
        });
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection ended badly");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// A caller that went away is nobody's trouble; that there are no more files is.
async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "no connection can be taken for a moment");
        tokio::time::sleep(AFTER_FAILURE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn door(head_within: Duration) -> (SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let who = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
        let (stop, stopping) = watch::channel(false);
        let router = Router::new().route("/", get(who));
        tokio::spawn(serve(listener, router, stopping, head_within));
        (address, stop)
    }

    /// What comes until the connection is closed.
    async fn rest(line: &mut TcpStream) -> String {
        let mut text = String::new();
        timeout(PATIENCE, line.read_to_string(&mut text)).await.expect("closed").unwrap();
        text
    }

    #[tokio::test]
    async fn who_does_not_finish_a_head_loses_the_connection() {
        let (address, _stop) = door(Duration::from_millis(200)).await;
        for begin in ["", "GE", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            let mut line = TcpStream::connect(address).await.unwrap();
            line.write_all(begin.as_bytes()).await.unwrap();
            let end = rest(&mut line).await;
            assert!(end.is_empty() || end.starts_with("HTTP/1.1 408"), "{begin:?}: {end}");
        }
        // One that has had its answer and says nothing more, too.
        let mut line = TcpStream::connect(address).await.unwrap();
        let own = line.local_addr().unwrap().to_string();
        line.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert!(rest(&mut line).await.ends_with(&own));
    }

    #[tokio::test]
    async fn when_it_stops_it_takes_nobody_more_and_says_good_bye() {
        let (address, stop) = door(PATIENCE).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut first = [0; 15];
        line.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        stop.send_replace(true);
        rest(&mut line).await;
        let gone = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, gone).await.expect("nobody listens");
    }
}
