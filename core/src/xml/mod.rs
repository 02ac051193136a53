//! The document: ordered names and values, as WeChat sends them (protocol §1).
//!
//! This module judges form and limits only. It knows no field by name, reads no number and checks
//! no signature; what a document means is [`api`](crate::api)'s business, and that comes after
//! [`sign`](crate::sign).
//!
//! Taken is one root with flat children whose values are text and CDATA, mixed and split as they
//! like, with the five named entities and character references. Refused are document types,
//! processing instructions, comments, attributes, prefixes, nesting, repeated names and every
//! encoding but UTF-8. Nothing is ever expanded or fetched, so entity attacks have nothing to
//! work on. Values keep their white space and line ends as they were sent.

mod read;
mod scan;
mod text;
mod write;

pub use read::{ReadError, ReadErrorKind};
pub use text::Text;
pub use write::WriteError;

use heapless::Vec;

/// Largest document in bytes. Notifications and answers have about 1 kB.
pub const DOC_LEN_MAX: usize = 16 * 1024;
/// Most fields of a document unless its reader asks for more.
pub const FIELDS_MAX: usize = 64;
/// Longest field name in bytes.
pub const NAME_LEN_MAX: usize = 32;

/// A name and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The element's name.
    pub name: &'a str,
    /// The decoded value, which may be empty.
    pub value: Text<'a>,
}

/// An ordered list of at most `N` fields with distinct names, borrowed from the text it was read
/// from or from the values it was made of.
///
/// ```
/// use saoma_core::xml::Doc;
///
/// let doc: Doc<'_> = Doc::read(b"<xml><total_fee>1</total_fee><attach><![CDATA[a&b]]></attach></xml>")?;
/// assert!(doc.get("attach").is_some_and(|value| value == "a&b"));
/// # Ok::<(), saoma_core::xml::ReadError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doc<'a, const N: usize = FIELDS_MAX> {
    fields: Vec<Field<'a>, N>,
    /// Indexes of `fields`, sorted by name in byte order: how signatures want them.
    sorted: Vec<u8, N>,
}

/// Why a field cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// The name is there already.
    Duplicate,
    /// There are `N` fields already.
    Full,
    /// The name is empty, too long or holds a character that no field name has.
    Name,
}

impl core::fmt::Display for PushError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "a field name is there twice",
            Self::Full => "too many fields",
            Self::Name => "not a field name",
        })
    }
}

impl core::error::Error for PushError {}

impl<'a, const N: usize> Doc<'a, N> {
    /// A document without fields.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N <= 256, "fields are indexed by one byte") };
        Self { fields: Vec::new(), sorted: Vec::new() }
    }

    /// Adds a field at the end.
    ///
    /// # Errors
    /// [`PushError`] when the name is no field name or there already, or the document is full.
    pub fn push(&mut self, name: &'a str, value: Text<'a>) -> Result<(), PushError> {
        if name.is_empty() || name.len() > NAME_LEN_MAX || !name.bytes().all(is_name_byte) {
            return Err(PushError::Name);
        }
        self.append(name, value)
    }

    /// [`push`](Self::push) for a name that is known to be one.
    fn append(&mut self, name: &'a str, value: Text<'a>) -> Result<(), PushError> {
        let index = u8::try_from(self.fields.len()).map_err(|_| PushError::Full)?;
        // WeChat sends most documents in order, so the last name is the likeliest neighbour.
        let place = match self.sorted.last() {
            Some(&last) if self.name(last) >= name => match self.find(name) {
                Ok(_) => return Err(PushError::Duplicate),
                Err(place) => place,
            },
            Some(_) | None => self.sorted.len(),
        };
        self.fields.push(Field { name, value }).map_err(|_| PushError::Full)?;
        self.sorted.insert(place, index).map_err(|_| PushError::Full)
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Text<'a>> {
        // Most names differ in length already, which makes a plain walk quicker than a search.
        self.fields.iter().find(|field| field.name == name).map(|field| field.value)
    }

    /// The fields in the order of the document.
    #[must_use]
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The fields sorted by name in byte order (protocol §2).
    pub fn sorted(&self) -> impl Iterator<Item = &Field<'a>> {
        self.sorted.iter().filter_map(|&index| self.fields.get(usize::from(index)))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.sorted.binary_search_by(|&index| self.name(index).cmp(name))
    }

    fn name(&self, index: u8) -> &'a str {
        self.fields.get(usize::from(index)).map_or("", |field| field.name)
    }
}

/// The letters, digits and marks that WeChat's names are made of (`coupon_fee_0`, and
/// `coupon_type_$0` as one page prints it).
const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$')
}

#[cfg(test)]
mod tests;
