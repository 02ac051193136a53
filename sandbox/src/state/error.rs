//! Why a state file cannot be used.

use std::{fmt, io};

/// Why a state file cannot be used. It has not been changed.
#[derive(Debug)]
pub enum StateError {
    /// The file cannot be made.
    File(io::Error),
    /// It cannot be read or written.
    Sql(sqlx::Error),
    /// Another process has it.
    InUse,
    /// It is something else.
    NotOurs,
    /// It was made by another version, whose gateway answers otherwise.
    OtherVersion {
        /// The input at which this was seen.
        input: Option<i64>,
    },
    /// The rules were others.
    Rules {
        /// What they were.
        was: String,
        /// What they would be.
        is: String,
    },
    /// A merchant was there that is not here.
    MerchantMissing {
        /// Its number.
        mch_id: String,
    },
    /// A merchant was another one.
    MerchantChanged {
        /// Its number.
        mch_id: String,
        /// What differs.
        setting: String,
        /// What it was; of a key a fingerprint, which is not shown.
        was: String,
    },
    /// Something cannot be written as JSON.
    Json(String),
}

const NEW_FILE: &str = "or start with a new file";

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "it cannot be made: {error}"),
            Self::Sql(error) => write!(f, "it cannot be used: {error}"),
            Self::InUse => write!(f, "another sandbox has it: stop that one, {NEW_FILE}"),
            Self::NotOurs => f.write_str("it is not a sandbox's: give another name"),
            Self::OtherVersion { input: Some(input) } => write!(
                f,
                "it was made by another version of the sandbox (input {input} is answered \
                 otherwise now): start with a new file, or with the version that made it"
            ),
            Self::OtherVersion { input: None } => f.write_str(
                "it was made by another version of the sandbox: start with a new file, or with \
                 the version that made it",
            ),
            Self::Rules { was, is } => {
                write!(f, "it was made with other rules ({was}, now {is}): give those, {NEW_FILE}")
            }
            Self::MerchantMissing { mch_id } => {
                write!(f, "it knows merchant {mch_id}: give that one as well, {NEW_FILE}")
            }
            Self::MerchantChanged { mch_id, setting, .. } if setting == "key" => {
                write!(f, "merchant {mch_id} had another key: give that one, {NEW_FILE}")
            }
            Self::MerchantChanged { mch_id, setting, was } => {
                write!(f, "merchant {mch_id} had {setting} {was:?}: give that one, {NEW_FILE}")
            }
            Self::Json(error) => write!(f, "its text cannot be made: {error}"),
        }
    }
}

impl std::error::Error for StateError {}

impl From<sqlx::Error> for StateError {
    fn from(error: sqlx::Error) -> Self {
        // SQLite's own numbers: SQLITE_BUSY and SQLITE_NOTADB.
        let code = error.as_database_error().and_then(|error| error.code());
        match code.as_deref() {
            Some("5") => Self::InUse,
            Some("26") => Self::NotOurs,
            _ => Self::Sql(error),
        }
    }
}

impl StateError {
    pub(super) fn migrate(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => error.into(),
            _ => Self::OtherVersion { input: None },
        }
    }

    pub(super) fn json(error: impl fmt::Display) -> Self {
        Self::Json(error.to_string())
    }
}
