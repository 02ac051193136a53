//! Taking a TOML file apart, key by key, so that each error can name its key.

use super::ConfigError;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A table of the file; what is taken out of it is known, and the rest is refused at its end.
pub(super) struct Section {
    /// `""` or the section's name with a dot.
    prefix: String,
    /// Where relative paths start.
    folder: PathBuf,
    table: Table,
}

impl Section {
    pub(super) fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let table = text.parse::<Table>().map_err(|error| {
            // The error's own text quotes the line, which may hold a secret.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            ConfigError::new("", format!("line {line} is not TOML, or sets a key again"))
        })?;
        Ok(Self { prefix: String::new(), folder: folder.to_owned(), table })
    }

    /// The full name of a key.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::new(self.path(key), problem)
    }

    pub(super) fn section(&mut self, key: &str) -> Result<Self, ConfigError> {
        match self.table.remove(key) {
            Some(Value::Table(table)) => Ok(Self {
                prefix: format!("{}{key}.", self.prefix),
                folder: self.folder.clone(),
                table,
            }),
            Some(_) => Err(self.error(key, format!("must be a section, [{key}]"))),
            None => Err(self.error(key, format!("is missing: add the section [{key}]"))),
        }
    }

    pub(super) fn optional(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(key, "must be a text in quotes")),
        }
    }

    pub(super) fn whole(&mut self, key: &str) -> Result<Option<u64>, ConfigError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Integer(number)) if number >= 0 => Ok(Some(number.cast_unsigned())),
            Some(_) => Err(self.error(key, "must be a whole number, without quotes")),
        }
    }

    pub(super) fn required(&mut self, key: &str) -> Result<String, ConfigError> {
        self.optional(key)?.ok_or_else(|| self.error(key, "is missing"))
    }

    /// A text of `key`, or of the file that `{key}_file` names.
    pub(super) fn secret(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        let text = self.optional(key)?;
        let file = self.file(key)?;
        self.one_of(key, text, file.map(|text| text.trim().to_owned()))
    }

    /// The texts of `key`, or the lines of the file that `{key}_file` names.
    pub(super) fn secrets(&mut self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let not_texts = |section: &Self| section.error(key, "must be a list of texts in quotes");
        let texts = match self.table.remove(key) {
            None => None,
            Some(Value::Array(values)) => Some(
                values
                    .into_iter()
                    .map(|value| match value {
                        Value::String(text) => Ok(text),
                        _ => Err(not_texts(self)),
                    })
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            Some(_) => return Err(not_texts(self)),
        };
        let lines = self.file(key)?.map(|text| {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.map(str::to_owned).collect()
        });
        self.one_of(key, texts, lines)
    }

    /// Refuses what nobody has taken.
    pub(super) fn end(self) -> Result<(), ConfigError> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(key) => {
                Err(self.error(key, "is not a key that Saoma knows: remove or correct it"))
            }
        }
    }

    fn file(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        let key = format!("{key}_file");
        let Some(name) = self.optional(&key)? else { return Ok(None) };
        let path = self.folder.join(name);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            self.error(&key, format!("cannot read {}: {error}", path.display()))
        })?;
        Ok(Some(text))
    }

    fn one_of<T>(
        &self,
        key: &str,
        inline: Option<T>,
        in_file: Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        match (inline, in_file) {
            (Some(_), Some(_)) => {
                Err(self.error(key, format!("stands beside {key}_file: keep one of them")))
            }
            (inline, in_file) => Ok(inline.or(in_file)),
        }
    }
}
