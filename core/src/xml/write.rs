//! The writer: entity-escaped text, no CDATA, no declaration.

use super::text::is_xml_char;
use super::{Doc, Text};
use core::fmt;

/// Why a document cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A value holds a control character, which XML cannot carry.
    Character,
    /// The writer is full.
    Full,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "a value holds a control character, which XML cannot carry",
            Self::Full => "the buffer for the document is full",
        })
    }
}

impl core::error::Error for WriteError {}

impl From<fmt::Error> for WriteError {
    fn from(_: fmt::Error) -> Self {
        Self::Full
    }
}

impl<const N: usize> Doc<'_, N> {
    /// Writes the document with the root `<xml>`.
    ///
    /// # Errors
    /// [`WriteError`] when a value cannot be written, or `out` is full.
    pub fn write(&self, out: &mut impl fmt::Write) -> Result<(), WriteError> {
        out.write_str("<xml>")?;
        for field in self.fields() {
            write!(out, "<{}>", field.name)?;
            escape(field.value, out)?;
            write!(out, "</{}>", field.name)?;
        }
        Ok(out.write_str("</xml>")?)
    }
}

fn escape(value: Text<'_>, out: &mut impl fmt::Write) -> Result<(), WriteError> {
    let mut result = Ok(());
    value.each(|piece| result = result.and_then(|()| escape_piece(piece, out)));
    result
}

fn escape_piece(piece: &str, out: &mut impl fmt::Write) -> Result<(), WriteError> {
    let mut rest = piece;
    while let Some(at) = rest.find(|c| matches!(c, '&' | '<' | '>' | '\r') || !is_xml_char(c)) {
        let (before, marked) = rest.split_at(at);
        out.write_str(before)?;
        let mut chars = marked.chars();
        out.write_str(match chars.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            // Readers turn a bare carriage return into a line feed, and the signature would fail.
            Some('\r') => "&#13;",
            Some(_) | None => return Err(WriteError::Character),
        })?;
        rest = chars.as_str();
    }
    Ok(out.write_str(rest)?)
}
