//! Reading the fields of a verified document, each against its own rule (protocol §2.2, §3).

use crate::ids::IdError;
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

    pub(super) fn id<T>(
        self,
        name: &'static str,
        new: impl FnOnce(&str) -> Result<T, IdError>,
    ) -> Result<T, FieldError> {
        let text: String<64> = self.required(name)?.copied().ok_or(invalid(name))?;
        new(&text).map_err(|_| invalid(name))
    }

    pub(super) fn fen(self, name: &'static str) -> Result<Fen, FieldError> {
        let text: String<16> = self.required(name)?.copied().ok_or(invalid(name))?;
        Fen::parse(&text).map_err(|_| invalid(name))
    }

    pub(super) fn time(self, name: &'static str) -> Result<UnixTime, FieldError> {
        let text: String<14> = self.required(name)?.copied().ok_or(invalid(name))?;
        UnixTime::parse_beijing(&text).map_err(|_| invalid(name))
    }

    /// A field that must say exactly this.
    pub(super) fn exactly(self, name: &'static str, expected: &str) -> Result<(), FieldError> {
        if self.required(name)? == expected { Ok(()) } else { Err(other(name)) }
    }
}
