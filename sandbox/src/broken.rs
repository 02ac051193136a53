//! A body that breaks off, for faults: its end is an error, at which a connection is cut.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body that announces its whole length, gives the beginning, and breaks off.
#[derive(Debug)]
pub(crate) struct Broken {
    beginning: Option<Bytes>,
    whole_bytes: u64,
    /// Whether what was given had the time to be sent.
    is_sent: bool,
}

/// The end of it.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken off on purpose: a fault")
    }
}

impl std::error::Error for BrokenOff {}

impl Broken {
    /// Breaks off before anything is sent, the head of the message neither.
    pub(crate) const fn at_once() -> Self {
        Self { beginning: None, whole_bytes: 1, is_sent: true }
    }

    /// Breaks off after so many bytes, at least one before the end.
    pub(crate) fn after(bytes: usize, body: &[u8]) -> Self {
        let beginning = &body[..bytes.min(body.len().saturating_sub(1))];
        Self {
            beginning: (!beginning.is_empty()).then(|| Bytes::copy_from_slice(beginning)),
            whole_bytes: (body.len() as u64).max(1),
            is_sent: false,
        }
    }
}

impl Body for Broken {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(beginning) = self.beginning.take() {
            return Poll::Ready(Some(Ok(Frame::data(beginning))));
        }
        if !self.is_sent {
            // While it waits, whoever sends it writes out what it has.
            self.is_sent = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(BrokenOff)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.whole_bytes)
    }
}
