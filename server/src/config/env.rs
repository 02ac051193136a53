//! The environment variables that may stand instead of keys of the file.

use super::error::Problem;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

/// What the names of all our variables begin with.
const PREFIX: &str = "SAOMA_";
/// Known variables that are no keys.
const NO_KEYS: &[&str] = &["SAOMA_CONFIG"];

/// The variables of a process whose names begin with `SAOMA_`. An empty one counts as not set:
/// that is what files of containers leave behind where nothing was given.
#[derive(Debug, Default)]
pub struct Env {
    /// `None`: the value is no UTF-8.
    values: BTreeMap<String, Option<String>>,
    /// What somebody asked for.
    asked: RefCell<BTreeSet<String>>,
}

impl Env {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        let text = |(name, value): (String, OsString)| (name, value.into_string().ok());
        Self::new(std::env::vars_os().filter_map(named).map(text))
    }

    fn new(all: impl Iterator<Item = (String, Option<String>)>) -> Self {
        let ours = |(name, value): &(String, Option<String>)| {
            name.starts_with(PREFIX) && value.as_ref().is_none_or(|value| !value.is_empty())
        };
        let values = all.filter(ours).collect();
        Self { values, asked: RefCell::default() }
    }

    /// Whether no key is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.keys().all(|name| NO_KEYS.contains(&name.as_str()))
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, Problem> {
        self.asked.borrow_mut().insert(name.to_owned());
        match self.values.get(name) {
            None => Ok(None),
            Some(Some(value)) => Ok(Some(value)),
            Some(None) => Err(Problem::new(name, "must be UTF-8")),
        }
    }

    /// Whether it is set; nobody has asked for it by that.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The names of variables that nobody asked for: misspelt, or somebody else's. A container may
    /// have them for a service of this name, so they are told and not refused.
    pub(super) fn not_asked_for(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let unknown = |name: &&String| !asked.contains(*name) && !NO_KEYS.contains(&name.as_str());
        self.values.keys().filter(unknown).cloned().collect()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        Self::new(all.into_iter().map(|(name, value)| (name.into(), Some(value.into()))))
    }
}
