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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::frame::Event;
    use super::*;
    use crate::call::Call;
    use saoma_core::ids::OrderId;
    use std::{string::String, vec, vec::Vec};

    const START: u32 = 7;

    fn request(number: u32) -> Request {
        let order_id = OrderId::new("20261123192600K7Q2M9XB").unwrap();
        Request { ticket: number, call: Call::Look { order_id, after_version: None } }
    }

    fn ticket(number: u32) -> Ticket {
        Ticket { start: START, number }
    }

    fn hear(terminal: &mut Terminal, message: &ToTerminal<'_>, now_ms: u64) -> Vec<Heard> {
        let mut heard = Vec::new();
        message.write(|run| {
            heard.extend(run.iter().filter_map(|byte| terminal.take(*byte, now_ms)));
        });
        heard
    }

    fn status(heard: Ticket, is_answered: bool) -> ToTerminal<'static> {
        ToTerminal::Status { version: VERSION, is_up: true, unix_s: 1, heard, is_answered }
    }

    /// What is said: `hello`, or the number of a request.
    fn said(terminal: &mut Terminal, now_ms: u64) -> Vec<String> {
        let (mut reader, mut said) = (Reader::<{ TO_TERMINAL_MAX }>::new(), Vec::new());
        terminal.say(now_ms, |run| {
            for byte in run {
                let Some(Event::Frame(content)) = reader.take(*byte) else { continue };
                said.push(match ToBridge::read(content) {
                    Some(ToBridge::Hello { .. }) => "hello".into(),
                    Some(ToBridge::Request { ticket, .. }) => std::format!("{}", ticket.number),
                    other => panic!("{other:?}"),
                });
            }
        });
        said
    }

    fn connected() -> Terminal {
        let mut terminal = Terminal::new("K-1", START);
        let heard = hear(&mut terminal, &status(Ticket::default(), false), 0);
        assert_eq!(heard, [Heard::Link { is_up: true }]);
        terminal
    }

    #[test]
    fn while_nobody_is_heard_it_says_hello_and_keeps_its_request() {
        let mut terminal = Terminal::new("K-1", START);
        terminal.ask(request(1));
        assert_eq!(said(&mut terminal, 0), ["hello"]);
        assert!(said(&mut terminal, HELLO_EVERY_MS - 1).is_empty());
        assert_eq!(said(&mut terminal, HELLO_EVERY_MS), ["hello"]);
        hear(&mut terminal, &status(Ticket::default(), false), 2_100);
        assert_eq!(said(&mut terminal, 2_200), ["1"]);
        assert!(said(&mut terminal, 2_300).is_empty());
    }

    #[test]
    fn it_asks_again_when_the_request_or_the_answer_was_lost_and_only_then() {
        let mut terminal = connected();
        terminal.ask(request(1));
        assert_eq!(said(&mut terminal, 100), ["1"]);
        // Under way when the request went out.
        hear(&mut terminal, &status(Ticket::default(), false), 100 + AGAIN_AFTER_MS - 1);
        assert!(said(&mut terminal, 700).is_empty());
        hear(&mut terminal, &status(ticket(1), false), 1_500);
        assert!(said(&mut terminal, 1_500).is_empty(), "it is heard, and being answered");
        hear(&mut terminal, &status(ticket(1), true), 2_500);
        assert_eq!(said(&mut terminal, 2_500), ["1"], "the answer was lost");
        hear(&mut terminal, &status(Ticket::default(), false), 3_500);
        assert_eq!(said(&mut terminal, 3_500), ["1"], "the bridge has started again");
        let answer = ToTerminal::Answer { ticket: ticket(1), status: 0, body: b"" };
        assert_eq!(hear(&mut terminal, &answer, 3_600), [Heard::Lost { ticket: 1 }]);
        hear(&mut terminal, &status(ticket(1), true), 4_500);
        assert!(said(&mut terminal, 4_500).is_empty(), "it is answered");
    }

    #[test]
    fn an_answer_for_another_request_or_another_start_is_none() {
        let mut terminal = connected();
        terminal.ask(request(1));
        terminal.ask(request(2));
        assert_eq!(said(&mut terminal, 100), ["2"]);
        for other in [ticket(1), Ticket { start: START - 1, number: 2 }] {
            let answer = ToTerminal::Answer { ticket: other, status: 404, body: b"" };
            assert_eq!(hear(&mut terminal, &answer, 200), []);
        }
        let answer = ToTerminal::Answer { ticket: ticket(2), status: 404, body: b"" };
        let heard = hear(&mut terminal, &answer, 200);
        assert!(matches!(heard[..], [Heard::Reply { ticket: 2, .. }]), "{heard:?}");
    }

    #[test]
    fn a_silent_bridge_or_one_of_another_version_is_no_link() {
        let mut terminal = connected();
        assert_eq!(terminal.tick(SILENT_MS), None);
        assert_eq!(terminal.tick(SILENT_MS + 1), Some(Heard::Link { is_up: false }));
        assert_eq!(terminal.tick(SILENT_MS + 2), None, "it is told once");
        let other = ToTerminal::Status {
            version: VERSION + 1,
            is_up: true,
            unix_s: 1,
            heard: Ticket::default(),
            is_answered: false,
        };
        assert_eq!(hear(&mut terminal, &other, 5_000), vec![Heard::Time { unix_s: 1 }]);
        assert!(!terminal.is_up());
    }
}
