//! The doors: HTTP/1.1 at an address, until told to stop.
//!
//! Who sends no head of a request within [`HEAD_WITHIN`], or none any more, or reads nothing of an
//! answer for as long, loses the connection: each is an open file, and a few thousand that were
//! left open would keep everybody else out.
//!
//! A stream of events is open for many minutes in which nearly nothing happens, and there may be
//! ten thousand of them. hyper keeps 16 KiB of buffers for each connection as long as it lives, so
//! it writes the head of such an answer and no more: [`stream`] sends the events.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{Version, header};
use axum::response::Response;
use futures_util::StreamExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::tcp::ReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, timeout};

/// How long a connection may say or read nothing, or take for the head of a request. Longer than
/// proxies keep their connections for the next request, mostly a minute.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(75);
/// Largest head of a request, which is kept until it is whole.
const HEAD_LEN_MAX: usize = 32 * 1024;
/// How long to wait when the system gives no more connections.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// The type of an answer that is a stream of events.
const EVENTS: &str = "text/event-stream";

/// Answers requests until told to stop, then finishes those that run.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    head_within: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_within).max_buf_size(HEAD_LEN_MAX);
    // Each connection holds a receiver as long as it is open.
    let (open, held) = watch::channel(());
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let (line, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                refused(&error).await;
                continue;
            }
        };
        let (http, router) = (http.clone(), router.clone());
        let (stopping, held) = (stopping.clone(), held.clone());
        tokio::spawn(async move {
            match answer(&http, line, peer, router, stopping, head_within).await {
                // A task of its own is a small one.
                Ok(Some((line, events))) => {
                    drop(tokio::spawn(stream(line, events, held, head_within)));
                }
                Ok(None) => {}
                Err(error) => tracing::trace!(%error, "a connection ended badly"),
            }
        });
    }
    drop((listener, held));
    open.closed().await;
}

/// Answers the requests of a connection until it is at its end. It goes on without hyper where an
/// answer is a stream of events: those are given.
async fn answer(
    http: &http1::Builder,
    line: TcpStream,
    peer: SocketAddr,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    within: Duration,
) -> hyper::Result<Option<(TcpStream, Body)>> {
    let router = TowerToHyperService::new(router);
    let events = Arc::new(Mutex::new(None));
    let found = Arc::clone(&events);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (response, found) = (router.call(request), Arc::clone(&found));
        Box::pin(async move {
            let mut response = response.await?;
            let events = take_events(&mut response);
            *found.lock().unwrap_or_else(PoisonError::into_inner) = events;
            Ok::<_, Infallible>(response)
        })
    });
    let line = Patient { line, within, stuck: None };
    let mut connection = http.serve_connection(TokioIo::new(line), service);
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(ended),
        _ = stopping.wait_for(|stop| *stop) => None,
    };
    match ended {
        Some(ended) => ended?,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await?;
        }
    }
    let mut line = connection.into_parts().io.into_inner().line;
    let events = events.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(events) = events {
        return Ok(Some((line, events)));
    }
    // Who is gone already needs no good-bye.
    let _ = line.shutdown().await;
    Ok(None)
}

/// Leaves an answer that is a stream of events nothing but its head, in the manner of HTTP/1.0,
/// where what follows ends with the connection. So hyper sends the head, and is done.
fn take_events(response: &mut Response) -> Option<Body> {
    let is_stream = response.headers().get(header::CONTENT_TYPE).is_some_and(|is| is == EVENTS);
    if !is_stream || response.body().is_end_stream() {
        return None;
    }
    *response.version_mut() = Version::HTTP_10;
    // Without a length that is known, which would be told.
    let nothing = Body::from_stream(futures_util::stream::empty::<Result<Bytes, Infallible>>());
    Some(std::mem::replace(response.body_mut(), nothing))
}

/// Sends events until there are no more, or until the caller has closed its side.
async fn stream(mut line: TcpStream, events: Body, _held: watch::Receiver<()>, within: Duration) {
    // Events are small and far between, and each is to go out at once.
    let _ = line.set_nodelay(true);
    let mut events = events.into_data_stream();
    let (mut reader, mut writer) = line.split();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = gone(&mut reader) => return,
        };
        let Some(Ok(event)) = event else { break };
        if !matches!(timeout(within, writer.write_all(&event)).await, Ok(Ok(()))) {
            return;
        }
    }
    let _ = writer.shutdown().await;
}

/// A line whose caller has to read: what it leaves lying for too long ends it.
struct Patient {
    line: TcpStream,
    within: Duration,
    /// Runs out when nothing could be written since then.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    /// What came of writing, or that it took too long.
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.line), cx);
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(self.within)));
        stuck.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written(cx, |line, cx| line.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.written(cx, |line, cx| line.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

/// Waits until the caller has closed its side. It has nothing more to say, and whatever it says
/// is not heard.
async fn gone(reader: &mut ReadHalf<'_>) {
    let mut unheard = [0; 64];
    while reader.read(&mut unheard).await.is_ok_and(|count| count > 0) {}
}

/// A caller that went away is nobody's trouble; that there are no more files is.
async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "no connection can be taken for a moment");
        sleep(AFTER_FAILURE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocation_counter::measure;
    use axum::extract::State;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use futures_util::stream::unfold;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    const PATIENCE: Duration = Duration::from_secs(30);
    const SOON: Duration = Duration::from_millis(10);
    /// More than a connection holds on its way.
    const LARGE: usize = 16 * 1024 * 1024;

    /// Gives the sender of its events for each stream that was opened.
    type Streams = UnboundedReceiver<UnboundedSender<&'static str>>;

    async fn follow(
        State(opened): State<UnboundedSender<UnboundedSender<&'static str>>>,
    ) -> Response {
        let (sender, receiver) = unbounded_channel();
        opened.send(sender).unwrap();
        let events = unfold(receiver, async |mut receiver: UnboundedReceiver<_>| {
            Some((Ok::<_, Infallible>(receiver.recv().await?), receiver))
        });
        ([(header::CONTENT_TYPE, EVENTS)], Body::from_stream(events)).into_response()
    }

    async fn open(head_within: Duration) -> (SocketAddr, watch::Sender<bool>, Streams) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let who = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
        let (stop, stopping) = watch::channel(false);
        let (opened, streams) = unbounded_channel();
        let router = Router::new()
            .route("/", get(who))
            .route("/large", get(async || "x".repeat(LARGE)))
            .route("/events", get(follow))
            .with_state(opened);
        tokio::spawn(serve(listener, router, stopping, head_within));
        (address, stop, streams)
    }

    async fn door(head_within: Duration) -> (SocketAddr, watch::Sender<bool>) {
        let (address, stop, _) = open(head_within).await;
        (address, stop)
    }

    fn request(method: &str, path: &str) -> String {
        format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    /// What comes until it ends like this.
    async fn until(line: &mut TcpStream, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let read = timeout(PATIENCE, line.read_buf(&mut text)).await.expect("something comes");
            assert!(read.unwrap() > 0, "no {end:?}: {}", String::from_utf8_lossy(&text));
        }
        String::from_utf8(text).unwrap()
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
        line.write_all(request("GET", "/").as_bytes()).await.unwrap();
        assert!(rest(&mut line).await.ends_with(&own));
    }

    #[tokio::test]
    async fn nobody_keeps_a_large_head_here() {
        let (address, _stop) = door(PATIENCE * 10).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        let begin = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(2 * HEAD_LEN_MAX));
        line.write_all(begin.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // The connection is closed with something unread, so that the answer may be lost.
        let _ = timeout(PATIENCE, line.read_to_end(&mut answer)).await.expect("refused");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"));
    }

    #[tokio::test]
    async fn who_does_not_read_loses_the_connection() {
        let (address, _stop, mut streams) = open(Duration::from_millis(200)).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(request("GET", "/large").as_bytes()).await.unwrap();
        // It comes back only when the other side has given up: nothing is read meanwhile.
        let ended = async {
            while line.write_all(b"x").await.is_ok() {
                sleep(SOON).await
            }
        };
        timeout(PATIENCE, ended).await.expect("the connection ends");

        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(request("GET", "/events").as_bytes()).await.unwrap();
        let events = timeout(PATIENCE, streams.recv()).await.unwrap().unwrap();
        let large: &'static str = "x".repeat(LARGE).leak();
        events.send(large).unwrap();
        timeout(PATIENCE, events.closed()).await.expect("the stream is gone");
        drop(line);
    }

    #[tokio::test]
    async fn when_it_stops_it_takes_nobody_more_and_says_good_bye() {
        let (address, stop) = door(PATIENCE).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(request("GET", "/").as_bytes()).await.unwrap();
        let mut first = [0; 15];
        line.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        stop.send_replace(true);
        rest(&mut line).await;
        let gone = async {
            while TcpStream::connect(address).await.is_ok() {
                sleep(SOON).await;
            }
        };
        timeout(PATIENCE, gone).await.expect("nobody listens");
    }

    #[tokio::test]
    async fn events_come_one_by_one_and_the_connection_ends_with_them() {
        let (address, _stop, mut streams) = open(PATIENCE).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(request("GET", "/events").as_bytes()).await.unwrap();
        let events = timeout(PATIENCE, streams.recv()).await.unwrap().unwrap();
        let head = until(&mut line, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        assert!(!head.contains("content-length") && !head.contains("chunked"), "{head}");
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            events.send(event).unwrap();
            assert_eq!(until(&mut line, "\n\n").await, event);
        }
        // Whatever else the caller says is not heard.
        line.write_all(request("GET", "/").repeat(100).as_bytes()).await.unwrap();
        events.send("data: 3\n\n").unwrap();
        assert_eq!(until(&mut line, "\n\n").await, "data: 3\n\n");
        drop(events);
        assert_eq!(rest(&mut line).await, "");
    }

    #[tokio::test]
    async fn who_goes_away_is_followed_by_nobody() {
        let (address, _stop, mut streams) = open(PATIENCE).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(request("GET", "/events").as_bytes()).await.unwrap();
        let events = timeout(PATIENCE, streams.recv()).await.unwrap().unwrap();
        until(&mut line, "\r\n\r\n").await;
        assert!(!events.is_closed());
        drop(line);
        timeout(PATIENCE, events.closed()).await.expect("the stream is gone");
    }

    #[tokio::test]
    async fn what_was_asked_before_is_answered_in_full_before_events_come() {
        let (address, _stop, mut streams) = open(PATIENCE).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        let all = ["/", "/large", "/events"].map(|path| request("GET", path)).concat();
        line.write_all(all.as_bytes()).await.unwrap();
        tokio::spawn(async move {
            let events = streams.recv().await.unwrap();
            events.send("data: 1\n\n").unwrap();
        });
        let text = rest(&mut line).await;
        let (large, events) = text.split_once("HTTP/1.0 200 OK\r\n").expect("events");
        assert!(large.ends_with(&"x".repeat(LARGE)), "{} of {LARGE} bytes", large.len());
        assert!(events.ends_with("\r\n\r\ndata: 1\n\n"), "{events}");
    }

    #[tokio::test]
    async fn the_head_of_a_stream_is_to_be_had_alone() {
        let (address, _stop, _streams) = open(PATIENCE).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(request("HEAD", "/events").as_bytes()).await.unwrap();
        let head = until(&mut line, "\r\n\r\n").await;
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        line.write_all(request("GET", "/").as_bytes()).await.unwrap();
        let own = line.local_addr().unwrap().to_string();
        until(&mut line, &own).await;
    }

    #[test]
    fn a_stream_in_which_nothing_happens_takes_little_room() {
        const COUNT: usize = 100;
        // What is counted is one thread's.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (address, _stop, mut streams) = runtime.block_on(open(PATIENCE));
        let mut held = Vec::with_capacity(COUNT);
        let mut all = async |held: &mut Vec<_>| {
            for _ in 0..COUNT {
                let mut line = TcpStream::connect(address).await.unwrap();
                line.write_all(request("GET", "/events").as_bytes()).await.unwrap();
                until(&mut line, "\r\n\r\n").await;
                held.push((line, streams.recv().await.unwrap()));
            }
        };
        let info = measure(|| runtime.block_on(all(&mut held)));
        let each = info.bytes_current / i64::try_from(COUNT).unwrap();
        assert!(each < 4 * 1024, "{each} bytes, the caller's included");
    }
}
