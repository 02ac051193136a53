//! The terminal's end of the line: it says a request until it has the answer, and knows whether
//! anybody listens.
//!
//! Nothing is confirmed frame by frame. The bridge says every second which request it has heard
//! last and whether it has answered it; a terminal that is still waiting then knows that the
//! request or the answer was lost, and asks again with the same ticket. So noise costs a second,
//! and a bridge that starts again is told what it has forgotten.

use super::{
    frame::{self, Reader},
    message::{Method, NAME_MAX, TO_TERMINAL_MAX, Ticket, ToBridge, ToTerminal, VERSION},
};
use crate::{
    call::{Answer, Request},
    wire,
};
use heapless::String;

/// A bridge that has been silent for this long is not there.
pub const SILENT_MS: u64 = 4_000;
/// How often a terminal that hears nothing says hello.
pub const HELLO_EVERY_MS: u64 = 2_000;
/// The least time between a request and its repetition, so that a status which was under way when
/// the request went out does not repeat it.
pub const AGAIN_AFTER_MS: u64 = 500;

/// The terminal's end of the line.
#[derive(Clone, Debug)]
pub struct Terminal {
    name: String<NAME_MAX>,
    start: u32,
    reader: Reader<TO_TERMINAL_MAX>,
    asked: Option<Asked>,
    /// When the bridge was heard last.
    heard_ms: Option<u64>,
    /// When the next hello is due, while the bridge is silent.
    hello_ms: u64,
    is_up: bool,
}

/// The request that waits for its answer.
#[derive(Clone, Debug)]
struct Asked {
    request: Request,
    /// When it was said last.
    said_ms: Option<u64>,
}

/// What the terminal has heard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the answer on")]
pub enum Heard {
    /// The link to the server has come up or gone down.
    Link {
        /// Which of both.
        is_up: bool,
    },
    /// The bridge tells the time: seconds, Unix, UTC.
    Time {
        /// The time.
        unix_s: u64,
    },
    /// The server has answered.
    Reply {
        /// The request's ticket.
        ticket: u32,
        /// The answer.
        answer: Answer,
    },
    /// The server could not be asked, or said nothing that can be read.
    Lost {
        /// The request's ticket.
        ticket: u32,
    },
}

impl Terminal {
    /// The end of a terminal with this name, at its `start`th start.
    #[must_use]
    pub fn new(name: &str, start: u32) -> Self {
        let cut = name.get(..name.floor_char_boundary(NAME_MAX)).unwrap_or_default();
        Self {
            name: String::try_from(cut).unwrap_or_default(),
            start,
            reader: Reader::new(),
            asked: None,
            heard_ms: None,
            hello_ms: 0,
            is_up: false,
        }
    }

    /// Whether the server can be reached, as far as is known.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.is_up
    }

    /// Asks from now on, in place of what was asked before.
    pub fn ask(&mut self, request: Request) {
        self.asked = Some(Asked { request, said_ms: None });
    }

    /// Takes the next byte of the line.
    pub fn take(&mut self, byte: u8, now_ms: u64) -> Option<Heard> {
        let Some(frame::Event::Frame(content)) = self.reader.take(byte) else { return None };
        match ToTerminal::read(content)? {
            ToTerminal::Status { version, is_up, unix_s, heard, is_answered } => {
                self.heard_ms = Some(now_ms);
                let is_up = is_up && version == VERSION;
                let start = self.start;
                if let Some(asked) = &mut self.asked {
                    let is_heard = heard == ticket(start, &asked.request) && !is_answered;
                    let is_fresh = asked
                        .said_ms
                        .is_some_and(|said_ms| now_ms.saturating_sub(said_ms) < AGAIN_AFTER_MS);
                    if !is_heard && !is_fresh {
                        asked.said_ms = None;
                    }
                }
                if is_up == self.is_up {
                    return Some(Heard::Time { unix_s });
                }
                self.is_up = is_up;
                Some(Heard::Link { is_up })
            }
            ToTerminal::Answer { ticket: answered, status, body } => {
                let start = self.start;
                let asked =
                    self.asked.take_if(|asked| ticket(start, &asked.request) == answered)?;
                let Request { ticket, call } = asked.request;
                match wire::read(&call, status, body) {
                    Ok(answer) if status != 0 => Some(Heard::Reply { ticket, answer }),
                    Ok(_) | Err(_) => Some(Heard::Lost { ticket }),
                }
            }
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now_ms: u64) -> Option<Heard> {
        if self.is_up && self.is_silent(now_ms) {
            self.is_up = false;
            return Some(Heard::Link { is_up: false });
        }
        None
    }

    fn is_silent(&self, now_ms: u64) -> bool {
        self.heard_ms.is_none_or(|heard_ms| now_ms.saturating_sub(heard_ms) > SILENT_MS)
    }

    /// Writes what is to be said now, if anything.
    pub fn say(&mut self, now_ms: u64, sink: impl FnMut(&[u8])) {
        if self.is_silent(now_ms) {
            if now_ms >= self.hello_ms {
                self.hello_ms = now_ms.saturating_add(HELLO_EVERY_MS);
                let (start, name) = (self.start, self.name.as_str());
                ToBridge::Hello { version: VERSION, start, name }.write(sink);
            }
            return;
        }
        let start = self.start;
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.said_ms.is_none()) else {
            return;
        };
        asked.said_ms = Some(now_ms);
        let call = &asked.request.call;
        let method = if wire::method(call) == "POST" { Method::Post } else { Method::Get };
        let (path, body) = (wire::path(call), wire::body(call).unwrap_or_default());
        let ticket = ticket(start, &asked.request);
        ToBridge::Request { ticket, method, path: &path, body: body.as_bytes() }.write(sink);
    }
}

const fn ticket(start: u32, request: &Request) -> Ticket {
    Ticket { start, number: request.ticket }
}
