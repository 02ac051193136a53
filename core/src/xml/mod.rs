//! The document: ordered names and values, as WeChat sends them (protocol §1).
//!
//! A [`Doc`] is what was read, a [`Draft`] what is to be written; both are [`Signable`].
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

mod doc;
mod draft;
mod names;
mod read;
mod scan;
mod text;
mod write;

pub use doc::Doc;
pub use draft::{DRAFT_FIELDS_MAX, Draft, PushError};
pub use read::{ReadError, ReadErrorKind};
pub use text::Text;
pub use write::WriteError;

/// Largest document in bytes. Notifications and answers have about 1 kB.
pub const DOC_LEN_MAX: usize = 16 * 1024;
/// Most fields of a document unless its reader asks for more, up to 256.
pub const FIELDS_MAX: usize = 64;
/// Longest field name in bytes.
pub const NAME_LEN_MAX: usize = 32;

/// A name and its value.
///
/// An example is at [`Text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The element's name.
    pub name: &'a str,
    /// The decoded value, which may be empty.
    pub value: Text<'a>,
}

/// What a signature can stand over: [`Doc`] and [`Draft`], and nothing else.
///
/// An example is at [`ApiKey`](crate::sign::ApiKey).
pub trait Signable: sealed::Signable {}

impl<const N: usize> Signable for Doc<'_, N> {}
impl<const N: usize> Signable for Draft<'_, N> {}

pub(crate) mod sealed {
    use super::Text;

    pub trait Signable {
        /// The fields by name in byte order (protocol §2).
        fn in_order(&self) -> impl Iterator<Item = (&[u8], Value<'_>)>;
    }

    /// A value's bytes, or what must be decoded first.
    pub enum Value<'a> {
        Plain(&'a [u8]),
        Encoded(Text<'a>),
    }
}

#[cfg(test)]
mod tests;
