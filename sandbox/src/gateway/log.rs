//! What was said lately, for people who look for a mistake. Holds no keys: a request holds a
//! signature, never what it was made with.

use std::collections::VecDeque;

use serde::Serialize;

/// How many messages are kept.
const MESSAGES_MAX: usize = 1000;

/// The way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A merchant called the gateway.
    In,
    /// The gateway called a merchant's `notify_url`.
    Out,
    /// A fault struck; there are no bodies.
    Fault,
    /// A person did something on a phone; there are no bodies.
    Phone,
}

/// A call and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// When, in Unix seconds of the gateway's clock.
    pub at: i64,
    /// Which way.
    pub direction: Direction,
    /// The path of the call, the address that was notified, what was done on the phone, or the
    /// fault.
    pub name: String,
    /// The merchant, when it is known.
    pub mch_id: Option<String>,
    /// The order, when it is known.
    pub out_trade_no: Option<String>,
    /// The body of the request.
    pub request: String,
    /// The body of the answer; empty when none came.
    pub response: String,
    /// The code of a refusal, also where the document does not say it.
    pub code: Option<&'static str>,
    /// What helps to find the mistake; of a notification, what came of it.
    pub detail: Option<String>,
}

/// The last messages.
#[derive(Debug, Default)]
pub(super) struct Log {
    messages: VecDeque<Message>,
    /// How many were dropped because newer ones came.
    dropped: u64,
}

/// A message and its number: 1 for the first ever, and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Numbered<'a> {
    /// The number.
    pub id: u64,
    /// The message.
    #[serde(flatten)]
    pub message: &'a Message,
}

impl Log {
    pub(super) fn push(&mut self, message: Message) {
        if self.messages.len() == MESSAGES_MAX {
            self.messages.pop_front();
            self.dropped += 1;
        }
        self.messages.push_back(message);
    }

    /// Takes the newest message out again.
    pub(super) fn pop(&mut self) -> Option<Message> {
        self.messages.pop_back()
    }

    pub(super) fn numbered(&self) -> impl Iterator<Item = Numbered<'_>> {
        (self.dropped + 1..).zip(&self.messages).map(|(id, message)| Numbered { id, message })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter()
    }
}
