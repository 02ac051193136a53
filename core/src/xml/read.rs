//! The reader.

use super::doc::{Growing, Span};
use super::names::{self, OrderError, Usual, is_first_byte, is_name_byte};
use super::scan::{CDATA, TEXT, next_stop};
use super::text::{CDATA_END, CDATA_START, decode_reference, is_xml_char, split_reference};
use super::{DOC_LEN_MAX, Doc, NAME_LEN_MAX};
use core::fmt;
use core::ops::Range;

/// Why bytes are not a document, and where.
///
/// ```
/// use saoma_core::xml::{Doc, ReadErrorKind};
///
/// let error = Doc::<64>::read(b"<!DOCTYPE xml><xml/>").unwrap_err();
/// assert_eq!(error.kind, ReadErrorKind::Doctype);
/// assert_eq!(error.to_string(), "a document type is not allowed (at byte 0)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Offset in bytes from the start of the input.
    pub at: usize,
    /// What is wrong there.
    pub kind: ReadErrorKind,
}

/// What is wrong with a document.
///
/// An example is at [`ReadError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// Nothing but white space.
    Empty,
    /// Longer than [`DOC_LEN_MAX`].
    TooLong,
    /// Not UTF-8.
    NotUtf8,
    /// The XML declaration names another encoding than UTF-8, or is malformed.
    Declaration,
    /// A document type, with which entities could be defined.
    Doctype,
    /// A processing instruction.
    ProcessingInstruction,
    /// A comment.
    Comment,
    /// The document's element has another name.
    Root,
    /// An element has an attribute.
    Attribute,
    /// An element's name has a prefix or another character that no field has.
    Name,
    /// An element's name is longer than [`NAME_LEN_MAX`].
    NameTooLong,
    /// An element inside a field.
    Nested,
    /// Text between the fields.
    TextBetweenFields,
    /// The closing tag does not fit the opening one.
    ClosingTag,
    /// The same name twice.
    Duplicate,
    /// More fields than the reader takes.
    TooManyFields,
    /// An entity that is not one of the five, or a reference to no character.
    Entity,
    /// `]]>` in text, or a CDATA section outside a field.
    CData,
    /// A control character.
    Character,
    /// Something after the end of the document.
    Trailing,
    /// The document ends too early.
    Truncated,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ReadErrorKind as K;
        let what = match self.kind {
            K::Empty => "the document is empty",
            K::TooLong => "the document is longer than 16384 bytes",
            K::NotUtf8 => "the document is not UTF-8",
            K::Declaration => "the XML declaration is malformed or names another encoding",
            K::Doctype => "a document type is not allowed",
            K::ProcessingInstruction => "a processing instruction is not allowed",
            K::Comment => "a comment is not allowed",
            K::Root => "the root element has another name",
            K::Attribute => "an attribute is not allowed",
            K::Name => "a field name holds a character that is not allowed",
            K::NameTooLong => "a field name is longer than 32 bytes",
            K::Nested => "an element inside a field is not allowed",
            K::TextBetweenFields => "text between the fields",
            K::ClosingTag => "the closing tag does not match",
            K::Duplicate => "a field name is there twice",
            K::TooManyFields => "too many fields",
            K::Entity => "an unknown entity or character reference",
            K::CData => "a CDATA mark where none may be",
            K::Character => "a control character",
            K::Trailing => "something follows the document",
            K::Truncated => "the document ends too early",
        };
        write!(f, "{what} (at byte {})", self.at)
    }
}

impl core::error::Error for ReadError {}

impl<'a, const N: usize> Doc<'a, N> {
    /// Reads a document whose root is `<xml>`.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong, and where.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ReadError> {
        Self::read_root(bytes, "xml")
    }

    /// Reads a document whose root is the element `root`.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong, and where.
    pub fn read_root(bytes: &'a [u8], root: &str) -> Result<Self, ReadError> {
        let error = |at, kind| ReadError { at, kind };
        if bytes.len() > DOC_LEN_MAX {
            return Err(error(DOC_LEN_MAX, ReadErrorKind::TooLong));
        }
        let text = core::str::from_utf8(bytes)
            .map_err(|e| error(e.valid_up_to(), ReadErrorKind::NotUtf8))?;
        let mut reader = Reader { text, at: 0 };
        let mut doc = Growing::over(text);
        match reader.document(root, &mut doc) {
            Ok(()) => Ok(doc.finish()),
            Err(kind) => Err(error(reader.at.min(text.len()), kind)),
        }
    }
}

/// A cursor over the text; on an error it stands where the error is.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

type Step<T> = Result<T, ReadErrorKind>;

impl<'a> Reader<'a> {
    fn document<const N: usize>(&mut self, root: &str, doc: &mut Growing<'a, N>) -> Step<()> {
        self.eat("\u{FEFF}");
        self.declaration()?;
        self.space();
        match self.peek() {
            None => return Err(ReadErrorKind::Empty),
            Some(b'<') => self.refuse_markup(ReadErrorKind::Root)?,
            Some(_) => return Err(ReadErrorKind::Root),
        }
        let (name, empty) = self.opening_tag()?;
        if name != root {
            return Err(ReadErrorKind::Root);
        }
        if !empty {
            self.children(root, doc)?;
        }
        self.space();
        if self.peek().is_none() { Ok(()) } else { Err(ReadErrorKind::Trailing) }
    }

    fn children<const N: usize>(&mut self, root: &str, doc: &mut Growing<'a, N>) -> Step<()> {
        loop {
            self.space();
            let start = self.at;
            let (span, key) = match self.usual_field() {
                Some(field) => field,
                None => match self.field(root)? {
                    Some(field) => field,
                    None => return Ok(()),
                },
            };
            if let Err(error) = doc.add(span, key) {
                self.at = start;
                return Err(match error {
                    OrderError::Duplicate => ReadErrorKind::Duplicate,
                    OrderError::Full => ReadErrorKind::TooManyFields,
                });
            }
        }
    }

    /// A field as WeChat writes nearly all, `<name><![CDATA[value]]></name>`, with a usual name. On
    /// anything else the cursor stays, and [`field`](Self::field) looks closer.
    #[inline]
    fn usual_field(&mut self) -> Option<(Span, u128)> {
        let field = self.text.as_bytes().get(self.at..)?.strip_prefix(b"<")?;
        let name = Usual::new(field.first_chunk()?)?;
        let inner = strip(field.get(name.len..)?, b"><![CDATA[")?;
        let len = next_stop(inner, CDATA);
        let closing = strip(inner.get(len..)?, b"]]></")?;
        if !name.is_at(closing) {
            return None;
        }
        let start = self.at + "<".len();
        let value = start + name.len + "><![CDATA[".len();
        self.at = value + len + "]]></".len() + name.len + ">".len();
        Some((Span::new(start..start + name.len, value..value + len, false), name.key()))
    }

    /// Any field, or the end of the document.
    fn field(&mut self, root: &str) -> Step<Option<(Span, u128)>> {
        match self.peek() {
            None => return Err(ReadErrorKind::Truncated),
            Some(b'<') => {}
            Some(_) => return Err(ReadErrorKind::TextBetweenFields),
        }
        match self.text.as_bytes().get(self.at + 1) {
            Some(b'/') => return self.closing_tag(root).map(|()| None),
            Some(b'!' | b'?') => self.refuse_markup(ReadErrorKind::CData)?,
            Some(_) | None => {}
        }
        let start = self.at + 1;
        let (name, empty) = self.opening_tag()?;
        let (value, encoded) = if empty { (0..0, false) } else { self.value(name)? };
        Ok(Some((Span::new(start..start + name.len(), value, encoded), names::key(name))))
    }

    /// `<?xml version="1.0" encoding="UTF-8"?>`: harmless, and many clients write it.
    fn declaration(&mut self) -> Step<()> {
        let Some(body) = self.rest().strip_prefix("<?xml") else { return Ok(()) };
        let (body, _) = body.split_once("?>").ok_or(ReadErrorKind::Declaration)?;
        let mut rest = body;
        let mut attribute = |name: &str, values: &[&str]| -> Step<bool> {
            let Some(after) = rest.trim_start_matches(is_space).strip_prefix(name) else {
                return Ok(false);
            };
            let after = after.trim_start_matches(is_space).strip_prefix('=');
            let after = after.ok_or(ReadErrorKind::Declaration)?.trim_start_matches(is_space);
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let quote = quote.ok_or(ReadErrorKind::Declaration)?;
            let quoted = after.strip_prefix(quote).and_then(|value| value.split_once(quote));
            let (value, after) = quoted.ok_or(ReadErrorKind::Declaration)?;
            rest = after;
            let known = values.iter().any(|known| known.eq_ignore_ascii_case(value));
            if known { Ok(true) } else { Err(ReadErrorKind::Declaration) }
        };
        let versioned = attribute("version", &["1.0"])?;
        attribute("encoding", &["UTF-8", "UTF8"])?;
        attribute("standalone", &["yes", "no"])?;
        if !versioned || !rest.trim_start_matches(is_space).is_empty() {
            return Err(ReadErrorKind::Declaration);
        }
        self.at += "<?xml".len() + body.len() + "?>".len();
        Ok(())
    }

    /// Stops at `<!` and `<?`, which no field begins with.
    fn refuse_markup(&self, cdata: ReadErrorKind) -> Step<()> {
        let rest = self.rest();
        if rest.starts_with("<?") {
            Err(ReadErrorKind::ProcessingInstruction)
        } else if rest.starts_with("<!--") {
            Err(ReadErrorKind::Comment)
        } else if rest.starts_with(CDATA_START) {
            Err(cdata)
        } else if rest.starts_with("<!") {
            // A document type, or the beginning of any of these three cut off.
            let cut = [CDATA_START, "<!--"].iter().any(|mark| mark.starts_with(rest));
            Err(if cut { ReadErrorKind::Truncated } else { ReadErrorKind::Doctype })
        } else {
            Ok(())
        }
    }

    /// `<name>` or `<name/>`; says whether it was the latter.
    fn opening_tag(&mut self) -> Step<(&'a str, bool)> {
        self.at += 1;
        let name = self.name()?;
        let spaced = self.space();
        if self.eat(">") {
            Ok((name, false))
        } else if self.eat("/>") {
            Ok((name, true))
        } else {
            Err(match self.rest() {
                "" | "/" => ReadErrorKind::Truncated,
                _ if spaced => ReadErrorKind::Attribute,
                _ => ReadErrorKind::Name,
            })
        }
    }

    fn closing_tag(&mut self, name: &str) -> Step<()> {
        let start = self.at;
        self.at += "</".len();
        if !self.eat(name) {
            let cut = name.starts_with(self.rest());
            self.at = start;
            return Err(if cut { ReadErrorKind::Truncated } else { ReadErrorKind::ClosingTag });
        }
        self.space();
        if self.eat(">") {
            Ok(())
        } else if self.peek().is_none() {
            Err(ReadErrorKind::Truncated)
        } else {
            Err(ReadErrorKind::ClosingTag)
        }
    }

    /// A field's name.
    fn name(&mut self) -> Step<&'a str> {
        let start = self.at;
        match self.peek() {
            None => return Err(ReadErrorKind::Truncated),
            Some(byte) if is_first_byte(byte) => {}
            Some(_) => return Err(ReadErrorKind::Name),
        }
        let mut end = start;
        while self.text.as_bytes().get(end).is_some_and(|&byte| is_name_byte(byte)) {
            end += 1;
        }
        if end - start > NAME_LEN_MAX {
            return Err(ReadErrorKind::NameTooLong);
        }
        self.at = end;
        Ok(self.slice(start, end))
    }

    /// A field's value with its closing tag: where it stands, and whether it needs decoding.
    fn value(&mut self, name: &str) -> Step<(Range<usize>, bool)> {
        let start = self.at;
        // The two shapes that WeChat writes are their own decoding: text, or one CDATA section.
        let (from, to) = if self.eat(CDATA_START) {
            let from = self.at;
            self.section()?;
            (from, self.at - CDATA_END.len())
        } else {
            self.run()?;
            (start, self.at)
        };
        if self.is_at("</") {
            self.closing_tag(name)?;
            return Ok((from..to, false));
        }
        Ok((self.mixed_value(start, name)?, true))
    }

    /// The rest of a value of several pieces that begins at `start`.
    fn mixed_value(&mut self, start: usize, name: &str) -> Step<Range<usize>> {
        loop {
            self.run()?;
            let rest = self.rest();
            if rest.starts_with('&') {
                self.reference()?;
            } else if self.eat(CDATA_START) {
                self.section()?;
            } else if rest.starts_with("</") {
                let value = start..self.at;
                self.closing_tag(name)?;
                return Ok(value);
            } else if matches!(rest, "" | "<") {
                return Err(ReadErrorKind::Truncated);
            } else {
                self.refuse_markup(ReadErrorKind::CData)?;
                return Err(ReadErrorKind::Nested);
            }
        }
    }

    /// Moves over text to the next markup, reference or the end.
    fn run(&mut self) -> Step<()> {
        loop {
            self.at += next_stop(self.rest().as_bytes(), TEXT);
            match self.text.as_bytes().get(self.at) {
                None | Some(b'<' | b'&') => return Ok(()),
                Some(b']') if self.is_at(CDATA_END) => {
                    return Err(ReadErrorKind::CData);
                }
                Some(_) => self.ordinary()?,
            }
        }
    }

    /// Moves over the inside of a CDATA section and its end.
    fn section(&mut self) -> Step<()> {
        loop {
            self.at += next_stop(self.rest().as_bytes(), CDATA);
            match self.text.as_bytes().get(self.at) {
                None => return Err(ReadErrorKind::Truncated),
                Some(b']') if self.eat(CDATA_END) => return Ok(()),
                Some(_) => self.ordinary()?,
            }
        }
    }

    /// Moves over one character that is allowed where it stands.
    fn ordinary(&mut self) -> Step<()> {
        let c = self.rest().chars().next().ok_or(ReadErrorKind::Truncated)?;
        if !is_xml_char(c) {
            return Err(ReadErrorKind::Character);
        }
        self.at += c.len_utf8();
        Ok(())
    }

    fn reference(&mut self) -> Step<()> {
        let rest = self.rest();
        match split_reference(rest) {
            Some((name, _)) if decode_reference(name).is_some() => {
                self.at += name.len() + "&;".len();
                Ok(())
            }
            None if rest.len() < LONGEST_REFERENCE => Err(ReadErrorKind::Truncated),
            Some(_) | None => Err(ReadErrorKind::Entity),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or("")
    }

    /// The next byte.
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn is_at(&self, mark: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..);
        rest.is_some_and(|rest| rest.starts_with(mark.as_bytes()))
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = self.is_at(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    /// Skips white space; says whether there was any.
    fn space(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.at > start
    }
}

/// What follows `mark`, compared as words and not byte by byte.
#[inline]
fn strip<'b, const N: usize>(bytes: &'b [u8], mark: &[u8; N]) -> Option<&'b [u8]> {
    let (first, rest) = bytes.split_first_chunk()?;
    (first == mark).then_some(rest)
}

/// `&#x0010FFFF;` and the like.
const LONGEST_REFERENCE: usize = 12;

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}
