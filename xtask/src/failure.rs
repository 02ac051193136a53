//! What a command of `cargo xtask` ends with when it does not succeed.

use std::fmt;

/// Why a command did not succeed, and whose turn it is.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense: exit code 2.
    Usage(String),
    /// A tool is not on this machine and cannot be asked for: what it would have shown was not
    /// looked at. A step of `cargo xtask test` is told of as skipped then.
    Skipped(String),
    /// Something did not work: exit code 1.
    Failed {
        /// What went wrong and, where that is known, what to do.
        message: String,
        /// The last lines a failed program wrote, oldest first.
        last_lines: Vec<String>,
    },
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), last_lines: Vec::new() }
    }

    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Self::Skipped(why.into())
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// `Err` for a file or folder that could not be read or written.
    pub(crate) fn io(doing: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::new(format!("{doing}: {error}"))
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed { .. } | Self::Skipped(_) => 1,
        }
    }
}

/// The message alone; the last lines of a failed program were shown when they came.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Skipped(message) | Self::Failed { message, .. } => {
                f.write_str(message)
            }
        }
    }
}
