//! Reading the fields of a verified document, each against its own rule (protocol §2.2, §3).

use crate::money::Fen;
use crate::sign::Verified;
use crate::time::UnixTime;
use crate::xml::Text;
use core::fmt;
use heapless::String;

/// A field that does not hold what it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// WeChat's name of the field.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: FieldFault,
}

/// What is wrong with a field.
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

/// The fields of a verified document by name.
#[derive(Clone, Copy)]
pub(super) struct Fields<'d, 'a, const N: usize>(pub(super) Verified<'d, 'a, N>);

impl<'a, const N: usize> Fields<'_, 'a, N> {
    /// A field that may be left out; an empty one counts as left out.
    pub(super) fn optional(self, name: &'static str) -> Option<Text<'a>> {
        self.0.doc().get(name).filter(|value| !value.is_empty())
    }

    pub(super) fn required(self, name: &'static str) -> Result<Text<'a>, FieldError> {
        self.optional(name).ok_or(missing(name))
    }

    /// A field read by its own rule; none that has one is longer than 64 bytes.
    pub(super) fn parsed<T, E>(
        self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, FieldError> {
        let text = self.required(name)?;
        let copy: String<64>;
        let plain = match text.as_plain() {
            Some(plain) => plain,
            None => {
                copy = text.copied().ok_or(invalid(name))?;
                &copy
            }
        };
        parse(plain).map_err(|_| invalid(name))
    }

    pub(super) fn fen(self, name: &'static str) -> Result<Fen, FieldError> {
        self.parsed(name, Fen::parse)
    }

    pub(super) fn time(self, name: &'static str) -> Result<UnixTime, FieldError> {
        self.parsed(name, UnixTime::parse_beijing)
    }

    /// A field that must say exactly this.
    pub(super) fn exactly(self, name: &'static str, expected: &str) -> Result<(), FieldError> {
        if self.required(name)? == expected { Ok(()) } else { Err(other(name)) }
    }
}
