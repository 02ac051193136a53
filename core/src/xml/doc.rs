//! What was read.

use super::names::{Order, OrderError};
use super::sealed::{self, Value};
use super::{FIELDS_MAX, Field, Text};
use core::fmt;
use core::ops::Range;

/// At most `N` fields with distinct names, borrowed from the text they were read from.
///
/// It holds no copy of a name or a value, only where each stands, so that reading one costs little
/// more than looking at its bytes.
///
/// ```
/// use saoma_core::xml::Doc;
///
/// let doc: Doc<'_> = Doc::read(b"<xml><total_fee>1</total_fee><attach><![CDATA[a&b]]></attach></xml>")?;
/// assert!(doc.get("attach").is_some_and(|value| value == "a&b"));
/// # Ok::<(), saoma_core::xml::ReadError>(())
/// ```
#[derive(Clone)]
pub struct Doc<'a, const N: usize = FIELDS_MAX> {
    text: &'a str,
    spans: [Span; N],
    /// Indexes of `spans`, by name in byte order.
    sorted: [u8; N],
    /// How many of both are in use.
    len: usize,
}

/// Where a field stands in the text. Two bytes reach beyond
/// [`DOC_LEN_MAX`](super::DOC_LEN_MAX).
#[derive(Clone, Copy)]
pub(super) struct Span {
    name: u16,
    value: u16,
    value_len: u16,
    name_len: u8,
    /// The value holds entities or CDATA marks.
    encoded: bool,
}

impl Span {
    const EMPTY: Self = Self { name: 0, value: 0, value_len: 0, name_len: 0, encoded: false };

    #[expect(clippy::cast_possible_truncation, reason = "no document is longer than 16384 bytes")]
    pub(super) const fn new(name: Range<usize>, value: Range<usize>, encoded: bool) -> Self {
        Self {
            name: name.start as u16,
            value: value.start as u16,
            value_len: (value.end - value.start) as u16,
            name_len: (name.end - name.start) as u8,
            encoded,
        }
    }

    fn name(self, text: &str) -> &str {
        let start = usize::from(self.name);
        text.get(start..start + usize::from(self.name_len)).unwrap_or("")
    }

    fn field(self, text: &str) -> Field<'_> {
        let start = usize::from(self.value);
        let raw = text.get(start..start + usize::from(self.value_len)).unwrap_or("");
        let value = if self.encoded { Text::encoded(raw) } else { Text::new(raw) };
        Field { name: self.name(text), value }
    }
}

impl<'a, const N: usize> Doc<'a, N> {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Text<'a>> {
        // Most names differ in length already, which makes a plain walk quicker than a search.
        let same =
            |span: &&Span| usize::from(span.name_len) == name.len() && span.name(self.text) == name;
        self.spans().iter().find(same).map(|span| span.field(self.text).value)
    }

    /// The fields in the order of the document.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'a>> {
        self.spans().iter().map(|span| span.field(self.text))
    }

    /// The fields by name in byte order (protocol §2).
    pub fn sorted(&self) -> impl Iterator<Item = Field<'a>> {
        self.sorted_spans().map(|span| span.field(self.text))
    }

    fn sorted_spans(&self) -> impl Iterator<Item = &Span> {
        let order = self.sorted.get(..self.len).unwrap_or(&[]);
        order.iter().filter_map(|&index| self.spans.get(usize::from(index)))
    }

    fn spans(&self) -> &[Span] {
        self.spans.get(..self.len).unwrap_or(&[])
    }
}

impl<const N: usize> sealed::Signable for Doc<'_, N> {
    fn in_order(&self) -> impl Iterator<Item = (&[u8], Value<'_>)> {
        self.sorted_spans().map(|span| {
            let bytes = |start: u16, len: usize| {
                let start = usize::from(start);
                self.text.as_bytes().get(start..start + len).unwrap_or(&[])
            };
            let value = if span.encoded {
                Value::Encoded(span.field(self.text).value)
            } else {
                Value::Plain(bytes(span.value, span.value_len.into()))
            };
            (bytes(span.name, span.name_len.into()), value)
        })
    }
}

impl<const N: usize> PartialEq for Doc<'_, N> {
    /// The same fields in the same order, however they are written.
    fn eq(&self, other: &Self) -> bool {
        self.fields().eq(other.fields())
    }
}

impl<const N: usize> Eq for Doc<'_, N> {}

impl<const N: usize> fmt::Debug for Doc<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.fields().map(|field| (field.name, field.value))).finish()
    }
}

/// A document while it is read. Its names are kept in order from the start, so that one that comes
/// twice is noticed at once.
pub(super) struct Growing<'a, const N: usize> {
    doc: Doc<'a, N>,
    order: Order<N>,
}

impl<'a, const N: usize> Growing<'a, N> {
    /// A document without fields over this text.
    pub(super) const fn over(text: &'a str) -> Self {
        let doc = Doc { text, spans: [Span::EMPTY; N], sorted: [0; N], len: 0 };
        Self { doc, order: Order::new() }
    }

    /// Adds a field; `key` is its name's.
    #[inline]
    pub(super) fn add(&mut self, span: Span, key: u128) -> Result<(), OrderError> {
        let doc = &mut self.doc;
        self.order.insert(key, |index| {
            let other = doc.spans.get(usize::from(index)).map_or("", |other| other.name(doc.text));
            span.name(doc.text).cmp(other)
        })?;
        if let Some(free) = doc.spans.get_mut(doc.len) {
            *free = span;
            doc.len += 1;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Doc<'a, N> {
        for (to, index) in self.doc.sorted.iter_mut().zip(self.order.indexes()) {
            *to = index;
        }
        self.doc
    }
}
