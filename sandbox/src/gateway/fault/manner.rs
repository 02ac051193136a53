//! How an answer goes out: what a socket has to do, as plain data.

/// How an answer goes out. The default is as any answer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How many milliseconds of real time pass before.
    pub delay_ms: u64,
    /// The HTTP status.
    pub status: u16,
    /// Whether it is an HTML page.
    pub is_page: bool,
    /// How it ends.
    pub ending: AnswerEnd,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerEnd {
    /// It is whole.
    Whole,
    /// It never comes, and the connection stays open.
    Never,
    /// The connection is cut before any answer.
    Cut,
    /// The whole length is announced, and the connection is cut after so many bytes of the body.
    CutAfter(usize),
}

impl Default for Manner {
    fn default() -> Self {
        Self { delay_ms: 0, status: 200, is_page: false, ending: AnswerEnd::Whole }
    }
}
