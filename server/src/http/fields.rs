//! The fields of a JSON body, each read by its own rule, so that an error can name it.

use super::error::ApiError;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};
use std::fmt;

/// The fields of a JSON object.
struct Fields {
    all: Map<String, Value>,
    /// One that is there more than once.
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields { all: Map::new(), twice: None };
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.all.contains_key(&name) {
                        fields.twice = Some(name);
                    } else {
                        fields.all.insert(name, value);
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The fields of a JSON object, each once: of two of a name, a program before us may have read the
/// other one.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let fields: Fields = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = match error.classify() {
            Category::Data => "the body must be a JSON object".to_owned(),
            _ => format!("the body is not JSON (line {line}, column {column})"),
        };
        ApiError::InvalidJson { message }
    })?;
    match fields.twice {
        Some(name) => Err(field(&name, "is there twice")),
        None => Ok(fields.all),
    }
}

/// A misspelt field would silently have its default.
pub(super) fn none_left(fields: &Map<String, Value>, rule: &str) -> Result<(), ApiError> {
    fields.keys().next().map_or(Ok(()), |unknown| Err(field(unknown, rule)))
}

pub(super) fn text(fields: &mut Map<String, Value>, name: &str) -> Result<String, ApiError> {
    match fields.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(field(name, "must be a text")),
        None => Err(field(name, "is missing")),
    }
}

/// A number that may be left out or `null`.
pub(super) fn number(fields: &mut Map<String, Value>, name: &str) -> Result<Option<u64>, ApiError> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(field(name, "must be a whole number, not negative, without quotes")),
        },
    }
}

pub(super) fn field(name: &str, rule: &str) -> ApiError {
    let shown: String = name.chars().take(64).collect();
    ApiError::InvalidField { message: format!("{shown} {rule}"), field: shown }
}
