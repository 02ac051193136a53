//! What the bridge does with what it hears: a machine of its own, in one thread.

use crate::{
    clock,
    http::{Call, Http, Outcome},
    line::Writer,
};
use saoma_kiosk::serial::{
    allow,
    message::{Ticket, ToBridge, ToTerminal, VERSION},
};
use std::{
    io::Write as _,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    time::Duration,
};

/// How often the terminal is told how things stand.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Most calls at once: one that counts, and looks that it has made void.
const CALLS_MAX: usize = 8;

/// What happens to a bridge.
pub(crate) enum Event {
    /// The line was opened, or broke off.
    Line(Option<Writer>),
    /// The line cannot be opened.
    NoLine(String),
    /// Something on the line that means nothing.
    Noise,
    /// The terminal starts or looks for us.
    Hello { version: u8, start: u32, name: String },
    /// The terminal asks.
    Asked(Call),
    /// The terminal logs.
    Log(String),
    /// Whether the server is there.
    Server(bool),
    /// What came of a call.
    Done(Outcome),
}

impl Event {
    /// What a message means.
    pub(crate) fn heard(message: ToBridge<'_>) -> Self {
        match message {
            ToBridge::Hello { version, start, name } => {
                Self::Hello { version, start, name: name.to_owned() }
            }
            ToBridge::Request { ticket, method, path, body } => {
                Self::Asked(Call { ticket, method, path: path.to_owned(), body: body.to_owned() })
            }
            ToBridge::Log { text } => Self::Log(text.to_owned()),
        }
    }
}

/// The bridge.
pub(crate) struct Bridge {
    http: Http,
    events: Sender<Event>,
    line: Option<Writer>,
    is_up: bool,
    /// The newest call.
    heard: Ticket,
    /// The answer to it, for when it is lost on the line.
    answer: Option<(u16, Vec<u8>)>,
    calls: usize,
}

impl Bridge {
    pub(crate) fn new(http: Http, events: Sender<Event>) -> Self {
        let heard = Ticket::default();
        Self { http, events, line: None, is_up: false, heard, answer: None, calls: 0 }
    }

    /// Works until nobody is left who could say anything, which is never.
    pub(crate) fn run(&mut self, events: &Receiver<Event>) {
        say("bridge ready");
        loop {
            match events.recv_timeout(STATUS_EVERY) {
                Ok(event) => self.on(event),
                Err(RecvTimeoutError::Timeout) => self.tell_status(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Line(line) => {
                say(if line.is_some() { "line open" } else { "line lost" });
                self.line = line;
                self.tell_status();
            }
            Event::NoLine(problem) => say(&format!("no line: {problem}")),
            Event::Noise => say("noise on the line"),
            Event::Hello { version, start, name } => {
                say(&format!("terminal {} start {start}", printable(&name)));
                if version != VERSION {
                    say(&format!("it speaks version {version}, this bridge {VERSION}: update one"));
                }
                self.tell_status();
            }
            Event::Asked(call) => self.on_call(call),
            Event::Log(text) => say(&format!("terminal: {}", printable(&text))),
            Event::Server(is_up) => self.tell_link(is_up),
            Event::Done(outcome) => self.on_outcome(outcome),
        }
    }

    fn on_call(&mut self, call: Call) {
        if call.ticket == self.heard {
            // Asked again: the answer was lost, or is still to come.
            return self.tell_answer();
        }
        self.heard = call.ticket;
        self.answer = None;
        if !allow::is_allowed(call.method, &call.path, &call.body) {
            let (method, path) = (call.method.name(), printable(&call.path));
            say(&format!("refused: {method} {path} is no call of a terminal"));
            self.answer = Some((403, Vec::new()));
            return self.tell_answer();
        }
        if self.calls >= CALLS_MAX {
            say("too many calls at once");
            self.answer = Some((0, Vec::new()));
            return self.tell_answer();
        }
        self.calls += 1;
        self.http.ask(call, self.events.clone());
    }

    fn on_outcome(&mut self, Outcome { ticket, answer }: Outcome) {
        self.calls = self.calls.saturating_sub(1);
        let is_up = match &answer {
            // Busy, or a proxy alone; whoever watches finds out.
            Ok((500.., _)) => self.is_up,
            Ok(_) => true,
            Err(problem) => {
                say(&format!("the server did not answer: {problem}"));
                false
            }
        };
        if ticket == self.heard {
            self.answer = Some(answer.unwrap_or_default());
            self.tell_answer();
        }
        self.tell_link(is_up);
    }

    fn tell_answer(&mut self) {
        let Some((status, body)) = &self.answer else { return };
        let mut frame = Vec::new();
        let answer = ToTerminal::Answer { ticket: self.heard, status: *status, body };
        answer.write(|bytes| frame.extend_from_slice(bytes));
        self.send(&frame);
    }

    fn tell_link(&mut self, is_up: bool) {
        if self.is_up != is_up {
            self.is_up = is_up;
            say(if is_up { "server reached" } else { "server not reached" });
        }
        self.tell_status();
    }

    fn tell_status(&mut self) {
        let mut frame = Vec::new();
        let status = ToTerminal::Status {
            version: VERSION,
            is_up: self.is_up,
            unix_s: clock::unix_s(),
            heard: self.heard,
            is_answered: self.answer.is_some(),
        };
        status.write(|bytes| frame.extend_from_slice(bytes));
        self.send(&frame);
    }

    fn send(&mut self, frame: &[u8]) {
        if let Some(line) = &mut self.line
            && line.write_all(frame).and_then(|()| line.flush()).is_err()
        {
            // Whoever reads the line notices as well, and opens it again.
            self.line = None;
        }
    }
}

/// What comes over the line may not write over the log.
fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

fn say(text: &str) {
    // A log that nobody reads any more is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{text}");
}
