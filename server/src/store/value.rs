//! What stands in a column.

use saoma_core::money::Fen;
use saoma_core::time::UnixTime;

/// What can be stored; `None` is null.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(Some(i64::from(number)))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<UnixTime> for Value {
    fn from(time: UnixTime) -> Self {
        Self::Int(Some(seconds(time)))
    }
}

impl From<Option<UnixTime>> for Value {
    fn from(time: Option<UnixTime>) -> Self {
        Self::Int(time.map(seconds))
    }
}

impl From<Fen> for Value {
    fn from(fen: Fen) -> Self {
        // At most 2^53 (`Fen::MAX`).
        Self::Int(Some(i64::try_from(fen.get()).unwrap_or(i64::MAX)))
    }
}

/// A time as it is stored. All of them are far below 2^63.
fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.get()).unwrap_or(i64::MAX)
}
