//! A value: decoded text, borrowed from the document and decoded only when it is looked at.

use core::fmt;
use heapless::String;

/// A decoded value. Most are plain and borrowed as they stand; the others are decoded piece by
/// piece each time they are read, so that no buffer is needed.
///
/// ```
/// use saoma_core::xml::Doc;
///
/// let doc: Doc<'_> = Doc::read(b"<xml><body>a &amp; <![CDATA[b]]></body><fee>1</fee></xml>")?;
/// for field in doc.fields() {
///     println!("{} = {}", field.name, field.value);
/// }
/// let body = doc.get("body").unwrap();
/// assert!(body == "a & b" && body.len() == 5);
/// assert_eq!(body.as_plain(), None, "it has to be decoded");
/// assert_eq!(body.copied::<8>().as_deref(), Some("a & b"));
/// assert_eq!(doc.get("fee").unwrap().as_plain(), Some("1"));
/// # Ok::<(), saoma_core::xml::ReadError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Text<'a> {
    raw: &'a str,
    /// `raw` is the decoded text itself: no entity, no CDATA marks.
    plain: bool,
}

impl<'a> Text<'a> {
    /// A value that is this text.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { raw: text, plain: true }
    }

    /// A value still encoded; its encoding has been checked by the reader.
    pub(super) const fn encoded(raw: &'a str) -> Self {
        Self { raw, plain: false }
    }

    /// The text itself, when it stands in the document without any encoding.
    #[must_use]
    pub const fn as_plain(self) -> Option<&'a str> {
        if self.plain { Some(self.raw) } else { None }
    }

    /// Calls `f` with each piece of the decoded text, in order.
    pub fn each(self, mut f: impl FnMut(&str)) {
        if self.plain {
            return f(self.raw);
        }
        let mut rest = self.raw;
        while let Some(at) = rest.find(['&', '<']) {
            let (before, marked) = rest.split_at(at);
            f(before);
            rest = if let Some(section) = marked.strip_prefix(CDATA_START) {
                let (inner, after) = section.split_once(CDATA_END).unwrap_or((section, ""));
                f(inner);
                after
            } else {
                let (name, after) = split_reference(marked).unwrap_or(("", ""));
                if let Some(decoded) = decode_reference(name) {
                    f(decoded.encode_utf8(&mut [0; 4]));
                }
                after
            };
        }
        f(rest);
    }

    /// Whether the decoded text is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        if self.plain { self.raw.is_empty() } else { self.len() == 0 }
    }

    /// Length of the decoded text in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        let mut len = 0;
        self.each(|piece| len += piece.len());
        len
    }

    /// A copy of the decoded text, or `None` when it is longer than `N` bytes.
    #[must_use]
    pub fn copied<const N: usize>(self) -> Option<String<N>> {
        let mut copy = String::new();
        let mut fits = true;
        self.each(|piece| fits = fits && copy.push_str(piece).is_ok());
        fits.then_some(copy)
    }

    /// A copy of the beginning of the decoded text: whole characters, at most `N` bytes.
    #[must_use]
    pub fn head<const N: usize>(self) -> String<N> {
        let mut head = String::new();
        let mut full = false;
        self.each(|piece| {
            for c in piece.chars() {
                full = full || head.push(c).is_err();
            }
        });
        head
    }
}

pub(super) const CDATA_START: &str = "<![CDATA[";
pub(super) const CDATA_END: &str = "]]>";

/// Splits `&name;rest` into `name` and `rest`.
pub(super) fn split_reference(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('&')?.split_once(';')
}

/// The character of an entity or a character reference, given without `&` and `;`.
pub(super) fn decode_reference(name: &str) -> Option<char> {
    let code = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(hex) => parse_code(hex, 16)?,
            None => parse_code(name.strip_prefix('#')?, 10)?,
        },
    };
    char::from_u32(code).filter(|&c| is_xml_char(c))
}

/// Digits only: `from_str_radix` alone would take a sign.
fn parse_code(digits: &str, radix: u32) -> Option<u32> {
    let valid = digits.len() <= 8 && digits.chars().all(|c| c.is_digit(radix));
    if valid { u32::from_str_radix(digits, radix).ok() } else { None }
}

/// The characters of XML 1.0 (its production 2).
pub(super) const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.as_plain(), other.as_plain()) {
            (Some(text), _) => *other == text,
            (None, Some(text)) => *self == text,
            (None, None) => {
                // Both encoded, perhaps differently: each piece must continue the other's text.
                let mut at = 0;
                let mut equal = true;
                self.each(|piece| {
                    equal = equal && other.holds_at(at, piece);
                    at += piece.len();
                });
                equal && at == other.len()
            }
        }
    }
}

impl Eq for Text<'_> {}

impl Text<'_> {
    /// Whether the decoded text holds `part` at byte `start`.
    fn holds_at(self, start: usize, part: &str) -> bool {
        let part = part.as_bytes();
        let mut at = 0_usize;
        let mut matched = 0;
        self.each(|piece| {
            for &byte in piece.as_bytes() {
                let expected = at.checked_sub(start).and_then(|at| part.get(at));
                if expected == Some(&byte) {
                    matched += 1;
                }
                at += 1;
            }
        });
        matched == part.len()
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        let mut rest = Some(other);
        self.each(|piece| rest = rest.and_then(|rest| rest.strip_prefix(piece)));
        rest == Some("")
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.each(|piece| result = result.and_then(|()| f.write_str(piece)));
        result
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut result = Ok(());
        self.each(|piece| {
            for c in piece.chars() {
                result = result.and_then(|()| write!(f, "{}", c.escape_debug()));
            }
        });
        result?;
        f.write_str("\"")
    }
}
