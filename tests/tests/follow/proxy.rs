//! A bad line between page and server: it cuts, refuses, delays, and holds event streams back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::Failure;

/// What the line does and what went over it.
#[derive(Default)]
struct Line {
    refuses: AtomicBool,
    holds_events: AtomicBool,
    delay_ms: AtomicU64,
    /// Bytes of answers until a connection breaks in the middle; 0: never.
    truncates_after: AtomicUsize,
    requests: Mutex<Vec<String>>,
    streams: AtomicUsize,
    streams_most: AtomicUsize,
    /// Events that went over it.
    events: AtomicUsize,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    line: Arc<Line>,
    cut: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn start(server: &str) -> Result<Self, Failure> {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let line = Arc::new(Line::default());
        let (cut, cuts) = watch::channel(0);
        let shared = Arc::clone(&line);
        tokio::spawn(async move {
            while let Ok((page, _)) = listener.accept().await {
                if shared.refuses.load(Ordering::Relaxed) {
                    continue;
                }
                let (line, server, mut cuts) = (Arc::clone(&shared), server.clone(), cuts.clone());
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    let mut is_stream = false;
                    tokio::select! {
                        _ = carry(page, &server, &line, &mut is_stream) => {}
                        _ = cuts.changed() => {}
                    }
                    if is_stream {
                        line.streams.fetch_sub(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Ok(Self { address, line, cut })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks every connection.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    pub(crate) fn refuse(&self, refuses: bool) {
        self.line.refuses.store(refuses, Ordering::Relaxed);
    }

    pub(crate) fn hold_events(&self, holds: bool) {
        self.line.holds_events.store(holds, Ordering::Relaxed);
    }

    pub(crate) fn delay(&self, ms: u64) {
        self.line.delay_ms.store(ms, Ordering::Relaxed);
    }

    pub(crate) fn truncate_after(&self, bytes: usize) {
        self.line.truncates_after.store(bytes, Ordering::Relaxed);
    }

    /// From now on it is a good line.
    pub(crate) fn heal(&self) {
        self.refuse(false);
        self.delay(0);
        self.truncate_after(0);
    }

    /// The first lines of the requests since the last call.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        self.line.requests.lock().map(|mut list| std::mem::take(&mut *list)).unwrap_or_default()
    }

    /// Event streams that are open now.
    pub(crate) fn streams(&self) -> usize {
        self.line.streams.load(Ordering::Relaxed)
    }

    /// Pieces of event streams with an event in them, since the beginning.
    pub(crate) fn events(&self) -> usize {
        self.line.events.load(Ordering::Relaxed)
    }

    /// Event streams that were open at the same time, at most.
    pub(crate) fn streams_most(&self) -> usize {
        self.line.streams_most.load(Ordering::Relaxed)
    }
}

/// Carries bytes both ways until one side ends.
async fn carry(
    mut page: TcpStream,
    server: &str,
    line: &Line,
    is_stream: &mut bool,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut up, mut down) = (vec![0; 16_384], vec![0; 16_384]);
    let mut answered = 0;
    loop {
        tokio::select! {
            read = page.read(&mut up) => {
                let count = read?;
                if count == 0 { return Ok(()) }
                note(&up[..count], line, is_stream);
                tokio::time::sleep(Duration::from_millis(line.delay_ms.load(Ordering::Relaxed))).await;
                server.write_all(&up[..count]).await?;
            }
            read = server.read(&mut down) => {
                let count = read?;
                if count == 0 { return Ok(()) }
                if *is_stream && line.holds_events.load(Ordering::Relaxed) { continue }
                let limit = line.truncates_after.load(Ordering::Relaxed);
                if limit > 0 && answered + count > limit {
                    let rest = limit.saturating_sub(answered).min(count);
                    return page.write_all(&down[..rest]).await;
                }
                answered += count;
                page.write_all(&down[..count]).await?;
                if *is_stream && down[..count].windows(5).any(|word| word == b"data:") {
                    line.events.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Writes a request down. A page's requests are small: each comes in one piece.
fn note(bytes: &[u8], line: &Line, is_stream: &mut bool) {
    let text = String::from_utf8_lossy(bytes);
    let Some(first) = text.lines().next().filter(|first| first.contains(" HTTP/1.1")) else {
        return;
    };
    // A browser asks first whether it may send the token: that is no question about the order.
    if first.starts_with("OPTIONS ") {
        return;
    }
    if first.contains("/events ") && !*is_stream {
        *is_stream = true;
        let open = line.streams.fetch_add(1, Ordering::Relaxed) + 1;
        line.streams_most.fetch_max(open, Ordering::Relaxed);
    }
    if let Ok(mut list) = line.requests.lock() {
        list.push(first.to_owned());
    }
}
