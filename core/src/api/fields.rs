//! Reading the fields of a verified document, each against its own rule (protocol §2.2, §3).

use crate::money::Fen;
use crate::sign::Verified;
use crate::time::UnixTime;
use crate::xml::{NAME_LEN_MAX, Text};
use core::fmt::{self, Write};
use heapless::String;

/// A field that does not hold what it must.
///
/// ```
/// use saoma_core::api::{FieldError, FieldFault};
///
/// let error = FieldError { field: "total_fee", fault: FieldFault::Missing };
/// assert_eq!(error.to_string(), "total_fee is missing");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// WeChat's name of the field; numbers are written `$n` and `$m`, as on its pages.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: FieldFault,
}

/// What is wrong with a field; an example is at [`FieldError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// It is missing or empty.
    Missing,
    /// Its value breaks the field's rule: characters, length, range.
    Invalid,
    /// It names somebody or something else than was asked about.
    Other,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            FieldFault::Missing => "is missing",
            FieldFault::Invalid => "has an invalid value",
            FieldFault::Other => "is not ours",
        };
        write!(f, "{} {what}", self.field)
    }
}

impl core::error::Error for FieldError {}

pub(super) const fn missing(field: &'static str) -> FieldError {
    FieldError { field, fault: FieldFault::Missing }
}

pub(super) const fn invalid(field: &'static str) -> FieldError {
    FieldError { field, fault: FieldFault::Invalid }
}

pub(super) const fn other(field: &'static str) -> FieldError {
    FieldError { field, fault: FieldFault::Other }
}

/// A field's name as on WeChat's pages, with the numbers that stand for `$n` and `$m` in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    page: &'static str,
    numbers: Option<[u8; 2]>,
}

impl From<&'static str> for Name {
    fn from(page: &'static str) -> Self {
        Self { page, numbers: None }
    }
}

impl From<(&'static str, [u8; 2])> for Name {
    fn from((page, numbers): (&'static str, [u8; 2])) -> Self {
        Self { page, numbers: Some(numbers) }
    }
}

impl Name {
    /// The name on the wire: `coupon_fee_0`, or with `mark` as the pages print it, `coupon_fee_$0`.
    /// `None` when it is longer than any document's names.
    fn on_wire(self, numbers: [u8; 2], mark: &str) -> Option<String<NAME_LEN_MAX>> {
        let mut wire = String::new();
        let mut numbers = numbers.into_iter();
        let mut pieces = self.page.split('$');
        wire.push_str(pieces.next()?).ok()?;
        for piece in pieces {
            // A piece begins with the number's letter.
            write!(wire, "{mark}{}{}", numbers.next()?, piece.get(1..)?).ok()?;
        }
        Some(wire)
    }
}

/// The fields of a verified document by name.
#[derive(Clone, Copy)]
pub(super) struct Fields<'d, 'a, const N: usize>(pub(super) Verified<'d, 'a, N>);

impl<const N: usize> fmt::Debug for Fields<'_, '_, N> {
    /// Not the fields: what was read from them is shown where it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields(..)")
    }
}

impl<'a, const N: usize> Fields<'_, 'a, N> {
    /// A field that may be left out; an empty one counts as left out. A numbered one is invalid
    /// when both spellings of its name are there.
    pub(super) fn optional(self, name: impl Into<Name>) -> Result<Option<Text<'a>>, FieldError> {
        let name = name.into();
        let Some(numbers) = name.numbers else { return Ok(self.get(name.page)) };
        let spelt = |mark| self.get(name.on_wire(numbers, mark).as_deref()?);
        match (spelt(""), spelt("$")) {
            (Some(_), Some(_)) => Err(invalid(name.page)),
            (plain, marked) => Ok(plain.or(marked)),
        }
    }

    fn get(self, name: &str) -> Option<Text<'a>> {
        self.0.doc().get(name).filter(|value| !value.is_empty())
    }

    pub(super) fn required(self, name: impl Into<Name>) -> Result<Text<'a>, FieldError> {
        let name = name.into();
        self.optional(name)?.ok_or(missing(name.page))
    }

    /// A field read by its own rule; none that has one is longer than 128 bytes.
    pub(super) fn parsed<T, E>(
        self,
        name: impl Into<Name>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, FieldError> {
        let name = name.into();
        self.optional_parsed(name, parse)?.ok_or(missing(name.page))
    }

    /// The same for a field that may be left out.
    pub(super) fn optional_parsed<T, E>(
        self,
        name: impl Into<Name>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, FieldError> {
        let name = name.into();
        let Some(text) = self.optional(name)? else { return Ok(None) };
        let copy: String<128>;
        let plain = match text.as_plain() {
            Some(plain) => plain,
            None => {
                copy = text.copied().ok_or(invalid(name.page))?;
                &copy
            }
        };
        parse(plain).map(Some).map_err(|_| invalid(name.page))
    }

    pub(super) fn fen(self, name: impl Into<Name>) -> Result<Fen, FieldError> {
        self.parsed(name, Fen::parse)
    }

    /// A time of 14 digits.
    pub(super) fn time(self, name: impl Into<Name>) -> Result<UnixTime, FieldError> {
        self.parsed(name, UnixTime::parse_beijing)
    }

    /// A field that must say exactly this.
    pub(super) fn exactly(self, name: &'static str, expected: &str) -> Result<(), FieldError> {
        if self.required(name)? == expected { Ok(()) } else { Err(other(name)) }
    }
}

/// A small number, as counts are.
pub(super) fn count(text: &str) -> Result<u8, ()> {
    let number = Fen::parse(text).map_err(|_| ())?;
    u8::try_from(number.get()).map_err(|_| ())
}

/// A word of capitals, digits and `_`, as WeChat's constants are.
pub(super) fn word<const N: usize>(text: &str) -> Result<String<N>, ()> {
    let is_word = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    if text.bytes().all(is_word) { String::try_from(text).map_err(|_| ()) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_name_has_two_spellings_on_the_wire() {
        let wire = |name: Name, mark| name.on_wire(name.numbers.unwrap(), mark);
        let one = Name::from(("coupon_fee_$n", [0, 0]));
        assert_eq!(wire(one, "").unwrap(), "coupon_fee_0");
        assert_eq!(wire(one, "$").unwrap(), "coupon_fee_$0");
        let two = Name::from(("coupon_refund_fee_$n_$m", [1, 12]));
        assert_eq!(wire(two, "").unwrap(), "coupon_refund_fee_1_12");
        assert_eq!(wire(two, "$").unwrap(), "coupon_refund_fee_$1_$12");
        let long = Name::from(("a_name_that_is_much_too_long_for_us_$n", [1, 0]));
        assert_eq!(wire(long, ""), None);
    }
}
