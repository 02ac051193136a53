//! What is to be written.

use super::names::{self, Order, OrderError};
use super::sealed::{self, Value};
use super::{Doc, Field, Text};
use core::fmt;
use heapless::Vec;

/// Most fields of a draft unless its maker asks for more, up to 256; a unified order with every
/// field has 27, nonce and signature among them.
pub const DRAFT_FIELDS_MAX: usize = 32;

/// An ordered list of at most `N` fields with distinct names, made to be signed and written.
///
/// ```
/// use saoma_core::xml::{Draft, Text};
///
/// let mut draft: Draft<'_> = Draft::new();
/// draft.push("attach", Text::new("a&b"))?;
/// let mut xml = String::new();
/// draft.write(&mut xml)?;
/// assert_eq!(xml, "<xml><attach>a&amp;b</attach></xml>");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Draft<'a, const N: usize = DRAFT_FIELDS_MAX> {
    fields: Vec<Field<'a>, N>,
    order: Order<N>,
}

/// Why a field cannot be added.
///
/// ```
/// use saoma_core::xml::{Draft, PushError, Text};
///
/// let mut draft: Draft<'_> = Draft::new();
/// draft.push("body", Text::new("x"))?;
/// assert_eq!(draft.push("body", Text::new("y")), Err(PushError::Duplicate));
/// assert_eq!(draft.push("a b", Text::new("y")), Err(PushError::Name));
/// # Ok::<(), PushError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// The name is there already.
    Duplicate,
    /// There are `N` fields already.
    Full,
    /// The name is empty, too long or holds a character that no field name has.
    Name,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "a field name is there twice",
            Self::Full => "too many fields",
            Self::Name => "not a field name",
        })
    }
}

impl core::error::Error for PushError {}

impl<'a, const N: usize> Draft<'a, N> {
    /// A draft without fields.
    #[must_use]
    pub fn new() -> Self {
        Self { fields: Vec::new(), order: Order::new() }
    }

    /// A draft of the fields that were read.
    ///
    /// # Errors
    /// [`PushError::Full`] when there are more than `N`.
    pub fn copy_of<const M: usize>(doc: &Doc<'a, M>) -> Result<Self, PushError> {
        let mut draft = Self::new();
        doc.fields().try_for_each(|field| draft.append(field.name, field.value))?;
        Ok(draft)
    }

    /// Adds a field at the end.
    ///
    /// # Errors
    /// [`PushError`] when the name is no field name or there already, or the draft is full.
    pub fn push(&mut self, name: &'a str, value: Text<'a>) -> Result<(), PushError> {
        if names::is_name(name) { self.append(name, value) } else { Err(PushError::Name) }
    }

    /// [`push`](Self::push) for a name that is known to be one.
    #[inline]
    pub(crate) fn append(&mut self, name: &'a str, value: Text<'a>) -> Result<(), PushError> {
        let other = |index| self.fields.get(usize::from(index)).map_or("", |field| field.name);
        let place = self.order.insert(names::key(name), |index| name.cmp(other(index)));
        place.map_err(|error| match error {
            OrderError::Duplicate => PushError::Duplicate,
            OrderError::Full => PushError::Full,
        })?;
        self.fields.push(Field { name, value }).map_err(|_| PushError::Full)
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Text<'a>> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value)
    }

    /// The fields in the order of the draft.
    #[must_use]
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The fields by name in byte order (protocol §2).
    pub fn sorted(&self) -> impl Iterator<Item = Field<'a>> {
        self.order.indexes().filter_map(|index| self.fields.get(usize::from(index)).copied())
    }
}

impl<const N: usize> Default for Draft<'_, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> sealed::Signable for Draft<'_, N> {
    fn in_order(&self) -> impl Iterator<Item = (&[u8], Value<'_>)> {
        self.sorted().map(|field| {
            let value = match field.value.as_plain() {
                Some(plain) => Value::Plain(plain.as_bytes()),
                None => Value::Encoded(field.value),
            };
            (field.name.as_bytes(), value)
        })
    }
}

impl<const N: usize> fmt::Debug for Draft<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.fields.iter().map(|field| (field.name, field.value))).finish()
    }
}
