//! The writer: entity-escaped text, no CDATA, no declaration.

use super::scan::{WRITTEN, next_stop};
use super::text::is_xml_char;
use super::{Draft, Field};
use crate::bytes::Staged;
use core::fmt;

/// Why a document cannot be written.
///
/// ```
/// use saoma_core::xml::{Draft, Text, WriteError};
///
/// let mut draft: Draft<'_> = Draft::new();
/// draft.push("body", Text::new("\u{1}"))?;
/// assert_eq!(draft.write(&mut String::new()), Err(WriteError::Character));
/// # Ok::<(), saoma_core::xml::PushError>(())
/// ```
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

impl<const N: usize> Draft<'_, N> {
    /// Writes the draft with the root `<xml>`.
    ///
    /// # Errors
    /// [`WriteError`] when a value cannot be written, or `out` is full.
    pub fn write(&self, out: &mut impl fmt::Write) -> Result<(), WriteError> {
        self.write_with(None, out)
    }

    /// Writes the draft with one more field at its end.
    pub(crate) fn write_with(
        &self,
        last: Option<Field<'_>>,
        out: &mut impl fmt::Write,
    ) -> Result<(), WriteError> {
        let mut result = Ok(());
        // Whole texts are gathered, so what is given on is text as well.
        let mut staged = Staged::new(|bytes: &[u8]| {
            if result.is_ok() {
                let text = core::str::from_utf8(bytes).map_err(|_| fmt::Error);
                result = text.and_then(|text| out.write_str(text));
            }
        });
        // Each field is written with the `<` of what follows, which makes one piece less.
        staged.push([b"<xml><"]);
        for field in self.fields().iter().copied().chain(last) {
            let name = field.name.as_bytes();
            match field.value.as_plain().map(str::as_bytes) {
                Some(value) if next_stop(value, WRITTEN) == value.len() => {
                    staged.push([name, b">", value, b"</", name, b"><"]);
                }
                Some(_) | None => {
                    staged.push([name, b">"]);
                    let mut escaped = Ok(());
                    field.value.each(|piece| {
                        escaped = escaped.and_then(|()| escape(piece, &mut staged));
                    });
                    escaped?;
                    staged.push([b"</", name, b"><"]);
                }
            }
        }
        staged.push([b"/xml>"]);
        staged.flush();
        Ok(result?)
    }
}

fn escape(text: &str, out: &mut Staged<impl FnMut(&[u8])>) -> Result<(), WriteError> {
    let mut rest = text;
    while let Some(at) = rest.find(|c| matches!(c, '&' | '<' | '>' | '\r') || !is_xml_char(c)) {
        let (before, marked) = rest.split_at(at);
        let mut chars = marked.chars();
        let escaped: &[u8] = match chars.next() {
            Some('&') => b"&amp;",
            Some('<') => b"&lt;",
            Some('>') => b"&gt;",
            // Readers turn a bare carriage return into a line feed, and the signature would fail.
            Some('\r') => b"&#13;",
            Some(_) | None => return Err(WriteError::Character),
        };
        out.push([before.as_bytes(), escaped]);
        rest = chars.as_str();
    }
    out.push([rest.as_bytes()]);
    Ok(())
}
