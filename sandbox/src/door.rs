//! The door: plain HTTP and HTTPS on one port.
//!
//! The first byte of a connection tells them apart: a TLS handshake begins with 0x16, no HTTP
//! method does. So an SDK that insists on `https://` and a shell script that does not both need
//! another host name only. Whoever is slow at the door keeps nobody waiting behind.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificates::{Asker, Holder};

/// How long a client may take from its connection to the end of its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections may wait to be served.
const READY_MAX: usize = 64;

/// The first byte of a TLS handshake.
const TLS_FIRST_BYTE: u8 = 0x16;

/// Takes connections.
pub(crate) struct Door {
    address: SocketAddr,
    ready: mpsc::Receiver<(Stream, SocketAddr)>,
    accepting: JoinHandle<()>,
}

impl Door {
    /// Takes connections from this listener.
    pub(crate) fn open(
        listener: TcpListener,
        tls: TlsAcceptor,
        asker: Arc<Asker>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(READY_MAX);
        let accepting = tokio::spawn(accept(listener, tls, asker, sender));
        Ok(Self { address, ready, accepting })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // With it end the handshakes under way.
        self.accepting.abort();
    }
}

impl Listener for Door {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // Accepting ends with this door only.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    asker: Arc<Asker>,
    ready: mpsc::Sender<(Stream, SocketAddr)>,
) {
    let mut handshakes = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = handshakes.join_next() => continue,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (tls, asker, ready) = (tls.clone(), Arc::clone(&asker), ready.clone());
        handshakes.spawn(async move {
            match tokio::time::timeout(HANDSHAKE, greet(stream, tls, &asker)).await {
                Ok(Ok(Some(stream))) => {
                    // An error means that the door has been closed.
                    let _ = ready.send((stream, address)).await;
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tracing::info!(%address, %error, "no TLS connection"),
                Err(_) => tracing::debug!(%address, "said nothing, or too slowly"),
            }
        });
    }
}

/// Finds out what a client speaks, and does the handshake; `None` when it goes away at once.
async fn greet(stream: TcpStream, tls: TlsAcceptor, asker: &Asker) -> io::Result<Option<Stream>> {
    // Small answers must not wait for more; at worst they do.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    if first != [TLS_FIRST_BYTE] {
        return Ok(Some(Stream::Plain(stream)));
    }
    let stream = Box::new(tls.accept(stream).await?);
    let holder = asker.holder(stream.get_ref().1.peer_certificates());
    if let Holder::Unbelieved { reason } = &holder {
        tracing::warn!(reason, "a client certificate that is not by this sandbox's ca.pem");
    }
    Ok(Some(Stream::Secure { stream, holder }))
}

/// A connection of either kind.
pub(crate) enum Stream {
    Plain(TcpStream),
    Secure { stream: Box<TlsStream<TcpStream>>, holder: Holder },
}

impl Connected<IncomingStream<'_, Door>> for Holder {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        match stream.io() {
            Stream::Plain(_) => Self::Nobody,
            Stream::Secure { holder, .. } => holder.clone(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secure { stream, .. } => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure { stream, .. } => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure { stream, .. } => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure { stream, .. } => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
