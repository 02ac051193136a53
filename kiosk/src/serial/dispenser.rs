//! What terminal and dispenser say to each other on a serial line: short lines of ASCII, which a
//! maker's own controller can read and a person can type.
//!
//! ```text
//! terminal                          dispenser
//! DISPENSE ship-2026...B 1*2,4*1    OK ship-2026...B
//!                                   FAILED ship-2026...B jammed
//! STATE ship-2026...B               OK | FAILED | UNKNOWN ship-2026...B
//! ```
//!
//! `DISPENSE` is said once for a job, ever. `STATE` moves nothing; it is asked after a power cut,
//! and only a dispenser that keeps a record of its jobs can answer anything but `UNKNOWN`. Who says
//! `FAILED` is sure that nothing came out and nothing will. Lines end with LF; a line that means
//! nothing is left out, so noise can only make an outcome unknown.

use heapless::String;

/// Longest line in bytes.
pub const LINE_MAX: usize = 160;

/// What a dispenser says became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The goods are out.
    Done,
    /// Nothing came out, and nothing will.
    Failed,
    /// It does not know this job.
    Unknown,
}

/// Reads the dispenser's lines.
#[derive(Clone, Debug)]
pub struct Lines {
    line: String<LINE_MAX>,
    /// Whether the line is to be left out: it is too long or no text.
    is_bad: bool,
    /// Whether the line is complete.
    is_over: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl Lines {
    /// Before the first line.
    #[must_use]
    pub const fn new() -> Self {
        Self { line: String::new(), is_bad: false, is_over: false }
    }

    /// Takes the next byte; gives the job and what became of it at the end of a line that says so.
    pub fn take(&mut self, byte: u8) -> Option<(&str, Outcome)> {
        if self.is_over {
            *self = Self::new();
        }
        match byte {
            b'\n' => {
                self.is_over = true;
                if self.is_bad { None } else { read(&self.line) }
            }
            b'\r' => None,
            b' '..=b'~' => {
                self.is_bad |= self.line.push(char::from(byte)).is_err();
                None
            }
            _ => {
                self.is_bad = true;
                None
            }
        }
    }
}

fn read(line: &str) -> Option<(&str, Outcome)> {
    let (word, rest) = line.split_once(' ')?;
    let (job, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let outcome = match word {
        "OK" if reason.is_empty() => Outcome::Done,
        "FAILED" => Outcome::Failed,
        "UNKNOWN" if reason.is_empty() => Outcome::Unknown,
        _ => return None,
    };
    if job.is_empty() { None } else { Some((job, outcome)) }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::{borrow::ToOwned as _, string::String, vec::Vec};

    fn heard(bytes: &[u8]) -> Vec<(String, Outcome)> {
        let mut lines = Lines::new();
        let found = bytes
            .iter()
            .filter_map(|byte| lines.take(*byte).map(|(job, outcome)| (job.to_owned(), outcome)));
        found.collect()
    }

    #[test]
    fn a_line_says_what_became_of_a_job() {
        let said = b"OK ship-1\r\nFAILED ship-2 the flap is stuck\nFAILED ship-3\nUNKNOWN ship-4\n";
        let outcomes = [
            ("ship-1", Outcome::Done),
            ("ship-2", Outcome::Failed),
            ("ship-3", Outcome::Failed),
            ("ship-4", Outcome::Unknown),
        ];
        assert_eq!(heard(said), outcomes.map(|(job, outcome)| (job.to_owned(), outcome)));
    }

    #[test]
    fn what_is_no_such_line_says_nothing() {
        let long = ["OK ", &"x".repeat(LINE_MAX), "\n"].concat();
        for line in
            ["OK\n", "OK \n", "OK a b\n", "ok a\n", "READY\n", "\n", "OK a", "OK \u{7f}a\n", &long]
        {
            assert_eq!(heard(line.as_bytes()), [], "{line:?}");
        }
        // The line after a bad one is heard.
        assert_eq!(heard(b"OK \xff\xff\nOK a\n"), [("a".to_owned(), Outcome::Done)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_lines_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            for (job, _) in heard(&bytes) {
                prop_assert!(!job.is_empty() && job.len() < LINE_MAX);
            }
        }
    }
}
