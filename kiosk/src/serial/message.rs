//! What terminal and bridge say to each other, one message in each frame.
//!
//! Numbers are little-endian; a text is its length in one byte and its UTF-8; the last part of a
//! message goes on to the frame's end. See `docs/kiosk-serial.md` §3.

use super::frame::Writer;
use crate::wire::{BODY_MAX, PATH_MAX, REPLY_MAX};

/// The version of this protocol. A bridge and a terminal that disagree say so and do no business.
pub const VERSION: u8 = 1;
/// Longest line of a log, in bytes.
pub const LOG_MAX: usize = 120;
/// Longest name of a terminal, in bytes.
pub const NAME_MAX: usize = 32;
/// What a terminal's reader needs room for: an answer, its head and the frame's check.
pub const TO_TERMINAL_MAX: usize = 1 + 4 + 4 + 2 + REPLY_MAX + 4;
/// What a bridge's reader needs room for: a request, its head and the frame's check.
pub const TO_BRIDGE_MAX: usize = 1 + 4 + 4 + 1 + 1 + PATH_MAX + BODY_MAX + 4;

/// Tells requests apart for ever: those of a terminal since a start, and its starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The terminal's start.
    pub start: u32,
    /// The app's ticket within that start.
    pub number: u32,
}

/// The method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Ask.
    Get,
    /// Change.
    Post,
}

impl Method {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// From the terminal to the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToBridge<'m> {
    /// It has started, or has not heard the bridge for a while.
    Hello {
        /// [`VERSION`].
        version: u8,
        /// Its start.
        start: u32,
        /// Its name, for logs.
        name: &'m str,
    },
    /// A question to the server.
    Request {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The method.
        method: Method,
        /// The path below the server's address.
        path: &'m str,
        /// JSON; empty where there is none.
        body: &'m [u8],
    },
    /// A line for the bridge's log.
    Log {
        /// What it says.
        text: &'m str,
    },
}

/// From the bridge to the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToTerminal<'m> {
    /// How things stand: once a second, after each hello, and at once when the link changes.
    Status {
        /// [`VERSION`].
        version: u8,
        /// Whether the server can be reached, as far as the bridge knows.
        is_up: bool,
        /// The time in seconds, Unix, UTC.
        unix_s: u64,
        /// The newest request that the bridge has heard since its own start.
        heard: Ticket,
        /// Whether the answer to it was sent.
        is_answered: bool,
    },
    /// What the server said.
    Answer {
        /// The request's.
        ticket: Ticket,
        /// The status of HTTP; 0 when the server could not be asked.
        status: u16,
        /// JSON.
        body: &'m [u8],
    },
}

const HELLO: u8 = 1;
const REQUEST: u8 = 2;
const LOG: u8 = 3;
const STATUS: u8 = 0x81;
const ANSWER: u8 = 0x82;

impl<'m> ToBridge<'m> {
    /// Writes it as a frame. Texts are cut to what their limits allow.
    pub fn write(&self, sink: impl FnMut(&[u8])) {
        let mut frame = Writer::new(sink);
        match *self {
            Self::Hello { version, start, name } => {
                frame.push(&[HELLO, version]);
                frame.push(&start.to_le_bytes());
                frame.push(cut(name, NAME_MAX).as_bytes());
            }
            Self::Request { ticket, method, path, body } => {
                frame.push(&[REQUEST]);
                push_ticket(&mut frame, ticket);
                let path = cut(path, PATH_MAX);
                // PATH_MAX is below 256.
                let len = u8::try_from(path.len()).unwrap_or(0);
                frame.push(&[u8::from(method == Method::Post), len]);
                frame.push(path.as_bytes());
                frame.push(body);
            }
            Self::Log { text } => {
                frame.push(&[LOG]);
                frame.push(cut(text, LOG_MAX).as_bytes());
            }
        }
        frame.end();
    }

    /// Reads a frame's content; `None` when it is none of these.
    #[must_use]
    pub fn read(content: &'m [u8]) -> Option<Self> {
        let mut rest = Rest(content);
        match rest.byte()? {
            HELLO => {
                let (version, start) = (rest.byte()?, rest.u32()?);
                Some(Self::Hello { version, start, name: rest.text(NAME_MAX)? })
            }
            REQUEST => {
                let ticket = rest.ticket()?;
                let method = match rest.byte()? {
                    0 => Method::Get,
                    1 => Method::Post,
                    _ => return None,
                };
                let path = rest.byte()?;
                let path = core::str::from_utf8(rest.take(path.into())?).ok()?;
                let is_short = path.len() <= PATH_MAX && rest.0.len() <= BODY_MAX;
                is_short.then_some(Self::Request { ticket, method, path, body: rest.0 })
            }
            LOG => Some(Self::Log { text: rest.text(LOG_MAX)? }),
            _ => None,
        }
    }
}

impl<'m> ToTerminal<'m> {
    /// Writes it as a frame.
    pub fn write(&self, sink: impl FnMut(&[u8])) {
        let mut frame = Writer::new(sink);
        match *self {
            Self::Status { version, is_up, unix_s, heard, is_answered } => {
                frame.push(&[STATUS, version, u8::from(is_up)]);
                frame.push(&unix_s.to_le_bytes());
                push_ticket(&mut frame, heard);
                frame.push(&[u8::from(is_answered)]);
            }
            Self::Answer { ticket, status, body } => {
                frame.push(&[ANSWER]);
                push_ticket(&mut frame, ticket);
                frame.push(&status.to_le_bytes());
                frame.push(body);
            }
        }
        frame.end();
    }

    /// Reads a frame's content; `None` when it is none of these.
    #[must_use]
    pub fn read(content: &'m [u8]) -> Option<Self> {
        let mut rest = Rest(content);
        match rest.byte()? {
            STATUS => {
                let (version, is_up) = (rest.byte()?, rest.flag()?);
                let (unix_s, heard, is_answered) = (rest.u64()?, rest.ticket()?, rest.flag()?);
                let status = Self::Status { version, is_up, unix_s, heard, is_answered };
                rest.0.is_empty().then_some(status)
            }
            ANSWER => {
                let (ticket, status) = (rest.ticket()?, rest.u16()?);
                let body = rest.0;
                (body.len() <= REPLY_MAX).then_some(Self::Answer { ticket, status, body })
            }
            _ => None,
        }
    }
}

fn push_ticket<S: FnMut(&[u8])>(frame: &mut Writer<S>, ticket: Ticket) {
    frame.push(&ticket.start.to_le_bytes());
    frame.push(&ticket.number.to_le_bytes());
}

/// As much of a text as fits, in whole characters.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

/// What is still to be read of a frame.
struct Rest<'m>(&'m [u8]);

impl<'m> Rest<'m> {
    fn take(&mut self, len: usize) -> Option<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn ticket(&mut self) -> Option<Ticket> {
        Some(Ticket { start: self.u32()?, number: self.u32()? })
    }

    fn text(&mut self, most: usize) -> Option<&'m str> {
        let text = core::str::from_utf8(self.0).ok()?;
        (text.len() <= most).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::frame::{Event, Reader};
    use super::*;
    use proptest::prelude::*;
    use std::{string::String, vec::Vec};

    fn content(write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<u8> {
        let mut reader = Reader::<{ TO_TERMINAL_MAX }>::new();
        let mut content = None;
        write(&mut |run: &[u8]| {
            for byte in run {
                if let Some(Event::Frame(frame)) = reader.take(*byte) {
                    content = Some(frame.to_vec());
                }
            }
        });
        content.expect("a frame was written")
    }

    fn tickets() -> impl Strategy<Value = Ticket> {
        any::<(u32, u32)>().prop_map(|(start, number)| Ticket { start, number })
    }

    proptest! {
        #[test]
        fn what_a_terminal_says_is_read(
            ticket in tickets(), is_post: bool, path in "[/a-z0-9?=&_]{0,96}", name in "\\PC{0,8}",
            body in prop::collection::vec(any::<u8>(), 0..=BODY_MAX))
        {
            let method = if is_post { Method::Post } else { Method::Get };
            let name = cut(&name, NAME_MAX);
            for message in [
                ToBridge::Hello { version: VERSION, start: ticket.start, name },
                ToBridge::Request { ticket, method, path: &path, body: &body },
                ToBridge::Log { text: &path },
            ] {
                let content = content(|sink| message.write(sink));
                prop_assert!(content.len() + 4 <= TO_BRIDGE_MAX);
                prop_assert_eq!(ToBridge::read(&content), Some(message));
            }
        }

        #[test]
        fn what_a_bridge_says_is_read(
            heard in tickets(), is_up: bool, is_answered: bool, unix_s: u64, status: u16,
            body in prop::collection::vec(any::<u8>(), 0..=REPLY_MAX))
        {
            for message in [
                ToTerminal::Status { version: VERSION, is_up, unix_s, heard, is_answered },
                ToTerminal::Answer { ticket: heard, status, body: &body },
            ] {
                let content = content(|sink| message.write(sink));
                prop_assert!(content.len() + 4 <= TO_TERMINAL_MAX);
                prop_assert_eq!(ToTerminal::read(&content), Some(message));
            }
        }

        #[test]
        fn any_bytes_are_a_message_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(message) = ToBridge::read(&bytes) {
                prop_assert_eq!(content(|sink| message.write(sink)), bytes.clone());
            }
            if let Some(message) = ToTerminal::read(&bytes) {
                prop_assert_eq!(content(|sink| message.write(sink)), bytes);
            }
        }
    }

    #[test]
    fn what_is_too_long_is_cut_when_it_is_written_and_refused_when_it_is_read() {
        let long: String = "码".repeat(60);
        let content = content(|sink| ToBridge::Log { text: &long }.write(sink));
        assert_eq!(content.len(), 1 + LOG_MAX);
        let longer = [&[LOG], long.as_bytes()].concat();
        assert_eq!(ToBridge::read(&longer), None);
        let flag = [&[STATUS, VERSION, 2][..], &[0; 17]].concat();
        assert_eq!(ToTerminal::read(&flag), None);
    }
}
