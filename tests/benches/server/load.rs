//! The load generator: requests that are made beforehand, sent over lines that stay open, one
//! after the other on each. It does as little as can be, because it takes its share of the
//! processors from what it measures.

use crate::histogram::Histogram;
use crate::machine::now;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

/// Longest answer that is understood.
const ANSWER_MAX: usize = 16 * 1024;
/// How long the lines are busy before anything counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// Requests, ready to be sent.
pub(crate) struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// What a good answer holds.
    wanted: &'static str,
}

impl Requests {
    pub(crate) const fn new(wanted: &'static str) -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), wanted }
    }

    pub(crate) fn push(&mut self, request: &[u8]) {
        self.bytes.extend_from_slice(request);
        self.ends.push(self.bytes.len());
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        let start = if at == 0 { 0 } else { *self.ends.get(at - 1)? };
        self.bytes.get(start..*self.ends.get(at)?)
    }
}

/// A `POST` as it is on the wire.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
}

/// An open line to a server of HTTP/1.1.
pub(crate) struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(ANSWER_MAX) })
    }

    /// Sends a request and gives the answer: head and body.
    pub(crate) async fn call(&mut self, request: &[u8]) -> io::Result<&str> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if whole(&self.buffer).is_some() {
                return std::str::from_utf8(&self.buffer).map_err(io::Error::other);
            }
            if self.buffer.len() > ANSWER_MAX {
                return Err(io::Error::other("the answer is too long"));
            }
        }
    }
}

/// Where the body of an answer is, once all of it is there.
fn whole(answer: &[u8]) -> Option<Range<usize>> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(answer.get(..head)?).ok()?;
    let name = "\r\ncontent-length: ";
    let length = text.get(text.find(name)? + name.len()..)?.split('\r').next()?;
    let end = head + length.parse::<usize>().ok()?;
    (answer.len() >= end).then_some(head..end)
}

/// What a load came to.
pub(crate) struct Outcome {
    /// Good answers a second, after the warm-up.
    pub(crate) per_s: u64,
    pub(crate) latencies: Histogram,
    /// All requests, those of the warm-up as well.
    pub(crate) sent: u64,
    /// The first answer that was not good, if there was one, and how many.
    pub(crate) bad: Option<String>,
    pub(crate) bad_count: u64,
}

/// What the lines share.
struct Shared {
    requests: Rc<Requests>,
    next: Cell<usize>,
    warm_at: Instant,
    end_at: Instant,
}

/// Sends the requests over so many lines until there are no more or the time is over. The answers
/// that come between the warm-up and the moment at which the first line has nothing to send any
/// more are counted.
pub(crate) async fn run(
    address: SocketAddr,
    requests: &Rc<Requests>,
    lines: usize,
    time: Duration,
) -> io::Result<Outcome> {
    let mut open = Vec::new();
    for _ in 0..lines {
        open.push(Line::open(address).await?);
    }
    let start = now();
    let warm_at = start + WARM_UP.min(time / 4);
    let shared = Rc::new(Shared {
        requests: Rc::clone(requests),
        next: Cell::new(0),
        warm_at,
        end_at: start + time,
    });
    let tasks: Vec<_> =
        open.into_iter().map(|line| spawn_local(work(line, Rc::clone(&shared)))).collect();
    let (mut latencies, mut bad, mut bad_count) = (Histogram::new(), None, 0);
    let mut ended_at: Option<Instant> = None;
    for task in tasks {
        let done = task.await.map_err(io::Error::other)??;
        latencies.merge(&done.latencies);
        bad_count += done.bad_count;
        bad = bad.or(done.bad);
        ended_at = Some(ended_at.map_or(done.ended_at, |at| at.max(done.ended_at)));
    }
    let window = ended_at.unwrap_or(warm_at).saturating_duration_since(warm_at);
    let micros = u64::try_from(window.as_micros()).unwrap_or(u64::MAX).max(1);
    let per_s = latencies.total() * 1_000_000 / micros;
    let sent = shared.next.get() as u64;
    Ok(Outcome { per_s, latencies, sent, bad, bad_count })
}

struct Done {
    latencies: Histogram,
    bad: Option<String>,
    bad_count: u64,
    ended_at: Instant,
}

async fn work(mut line: Line, shared: Rc<Shared>) -> io::Result<Done> {
    let (mut latencies, mut bad, mut bad_count) = (Histogram::new(), None, 0);
    let mut sent_at = now();
    loop {
        let at = shared.next.get();
        let Some(request) = shared.requests.get(at).filter(|_| sent_at < shared.end_at) else {
            return Ok(Done { latencies, bad, bad_count, ended_at: sent_at });
        };
        shared.next.set(at + 1);
        let answer = line.call(request).await?;
        let is_good = answer.starts_with("HTTP/1.1 20") && answer.contains(shared.requests.wanted);
        if !is_good {
            bad_count += 1;
            bad = bad.or_else(|| Some(answer.to_owned()));
        }
        let answered_at = now();
        if answered_at > shared.warm_at && is_good {
            let micros = answered_at.duration_since(sent_at).as_micros();
            latencies.add(u64::try_from(micros).unwrap_or(u64::MAX));
        }
        sent_at = answered_at;
    }
}
