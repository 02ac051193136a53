//! Taking a TOML file and the environment apart, key by key, so that each error can name its key.

use super::env::Env;
use super::error::{Problem, Problems};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Most sections of a kind that the environment can add to those of the file.
const SECTIONS_ADDED_MAX: usize = 1_000;

/// A table of the file with what the environment says about its keys; what is taken out of it is
/// known, and the rest is refused at its end.
pub(super) struct Section<'e> {
    /// What the file calls it: `""`, or `merchant.`, or `shops[1].`.
    prefix: String,
    /// What its variables begin with: `SAOMA_`, or `SAOMA_MERCHANT_`, or `SAOMA_SHOPS_1_`.
    variable: String,
    /// Where relative paths start.
    folder: PathBuf,
    env: &'e Env,
    table: Table,
}

/// A value and the name of its place.
enum Found<'e> {
    /// The environment's.
    Variable(&'e str),
    /// The file's.
    Key(Value),
    Nothing,
}

impl<'e> Section<'e> {
    pub(super) fn parse(text: &str, folder: &Path, env: &'e Env) -> Result<Self, Problem> {
        let table = text.parse::<Table>().map_err(|error| {
            // The error's own text quotes the line, which may hold a secret.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            Problem::new("", format!("line {line} is not TOML, or sets a key again"))
        })?;
        let (prefix, variable) = (String::new(), "SAOMA_".to_owned());
        Ok(Self { prefix, variable, folder: folder.to_owned(), env, table })
    }

    /// The environment variable that stands for a key.
    fn variable(&self, key: &str) -> String {
        format!("{}{}", self.variable, key.to_ascii_uppercase())
    }

    /// A problem of a key; it is named as whoever has set it knows it.
    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> Problem {
        let variable = self.variable(key);
        let in_file = format!("{variable}_FILE");
        let named = [variable, in_file].into_iter().find(|name| self.env.has(name));
        Problem::new(named.unwrap_or_else(|| format!("{}{key}", self.prefix)), problem)
    }

    /// Something that is not there.
    pub(super) fn missing(&self, key: &str, what_to_do: &str) -> Problem {
        let variable = self.variable(key);
        self.error(key, format!("is missing: {what_to_do} (or set {variable})"))
    }

    /// The section `[key]`, or nothing when neither file nor environment know one of its keys.
    pub(super) fn section(&mut self, key: &str, keys: &[&str]) -> Result<Option<Self>, Problem> {
        let table = match self.table.remove(key) {
            Some(Value::Table(table)) => Some(table),
            Some(_) => return Err(self.error(key, format!("must be a section, [{key}]"))),
            None => None,
        };
        let variable = format!("{}_", self.variable(key));
        let table = table.or_else(|| self.is_set(&variable, keys).then(Table::new));
        Ok(table.map(|table| self.below(&format!("{key}."), variable, table)))
    }

    /// The sections `[[key]]`. The environment counts them from 0, and may add some at the end.
    pub(super) fn sections(&mut self, key: &str, keys: &[&str]) -> Result<Vec<Self>, Problem> {
        let not_sections = |section: &Self| {
            Err(section.error(key, format!("must be a list of sections, [[{key}]]")))
        };
        let tables = match self.table.remove(key) {
            None => Vec::new(),
            Some(Value::Array(tables)) => tables,
            Some(_) => return not_sections(self),
        };
        // The file may have any number: one that was dropped here would be missed by nobody.
        let most = tables.len().saturating_add(SECTIONS_ADDED_MAX);
        let mut tables = tables.into_iter();
        let mut sections = Vec::new();
        for index in 0..most {
            let variable = format!("{}_{index}_", self.variable(key));
            let table = match tables.next() {
                Some(Value::Table(table)) => table,
                Some(_) => return not_sections(self),
                None if self.is_set(&variable, keys) => Table::new(),
                None => break,
            };
            sections.push(self.below(&format!("{key}[{index}]."), variable, table));
        }
        Ok(sections)
    }

    /// `[one]`, or any number of `[[many]]`; at least one in all.
    pub(super) fn one_or_many(
        &mut self,
        one: &str,
        many: &str,
        keys: &[&str],
    ) -> Result<Vec<Self>, Problem> {
        let (alone, sections) = (self.section(one, keys)?, self.sections(many, keys)?);
        match (alone, sections.is_empty()) {
            (Some(_), false) => {
                Err(self.error(one, format!("stands beside [[{many}]]: keep one form")))
            }
            (None, true) => {
                let rule = format!("is missing: add [{one}], or [[{many}]] when there are several");
                Err(self.error(one, rule))
            }
            (Some(alone), true) => Ok(vec![alone]),
            (None, false) => Ok(sections),
        }
    }

    /// Whether it is `[one]` and not one of `[[many]]`.
    pub(super) fn is_alone(&self) -> bool {
        !self.prefix.ends_with("].")
    }

    fn below(&self, prefix: &str, variable: String, table: Table) -> Self {
        let prefix = format!("{}{prefix}", self.prefix);
        Self { prefix, variable, folder: self.folder.clone(), env: self.env, table }
    }

    /// Only known names count: a container may have been given others that begin alike.
    fn is_set(&self, variable: &str, keys: &[&str]) -> bool {
        keys.iter().any(|key| {
            let name = format!("{variable}{}", key.to_ascii_uppercase());
            self.env.has(&name) || self.env.has(&format!("{name}_FILE"))
        })
    }

    /// What the environment says, or else the file.
    fn take(&mut self, key: &str) -> Result<Found<'e>, Problem> {
        let in_file = self.table.remove(key);
        let in_env = self.env.get(&self.variable(key))?;
        Ok(match (in_env, in_file) {
            (Some(text), _) => Found::Variable(text),
            (None, Some(value)) => Found::Key(value),
            (None, None) => Found::Nothing,
        })
    }

    pub(super) fn optional(&mut self, key: &str) -> Result<Option<String>, Problem> {
        match self.take(key)? {
            Found::Nothing => Ok(None),
            Found::Variable(text) => Ok(Some(text.to_owned())),
            Found::Key(Value::String(text)) => Ok(Some(text)),
            Found::Key(_) => Err(self.error(key, "must be a text in quotes")),
        }
    }

    /// A text that must be there; `what_to_do` follows "is missing: ".
    pub(super) fn required(&mut self, key: &str, what_to_do: &str) -> Result<String, Problem> {
        self.optional(key)?.ok_or_else(|| self.missing(key, what_to_do))
    }

    /// A whole number of `min..=max`, or `default`.
    pub(super) fn number(
        &mut self,
        key: &str,
        (min, default, max): (u32, u32, u32),
    ) -> Result<u32, Problem> {
        let number = match self.take(key)? {
            Found::Nothing => return Ok(default),
            Found::Variable(text) => text.parse().ok(),
            Found::Key(Value::Integer(number)) => u32::try_from(number).ok(),
            Found::Key(_) => None,
        };
        let number = number.filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| self.error(key, format!("must be a whole number, {min} to {max}")))
    }

    /// A yes or no, or `default`.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> Result<bool, Problem> {
        match self.take(key)? {
            Found::Nothing => Ok(default),
            Found::Variable("false") | Found::Key(Value::Boolean(false)) => Ok(false),
            Found::Variable("true") | Found::Key(Value::Boolean(true)) => Ok(true),
            Found::Variable(_) | Found::Key(_) => Err(self.error(key, "must be true or false")),
        }
    }

    /// Texts: a list in the file, and joined by commas in the environment. One may stand alone.
    pub(super) fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, Problem> {
        let text = |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        let texts = match self.take(key)? {
            Found::Nothing => return Ok(None),
            Found::Variable(text) => {
                Some(text.split(',').map(|text| text.trim().to_owned()).collect())
            }
            Found::Key(Value::String(text)) => Some(vec![text]),
            Found::Key(Value::Array(values)) => values.into_iter().map(text).collect(),
            Found::Key(_) => None,
        };
        match texts {
            Some(texts) => Ok(Some(texts)),
            None => Err(self.error(key, "must be a list of texts in quotes")),
        }
    }

    /// A text of `key`, or of the file that `{key}_file` names.
    pub(super) fn secret(&mut self, key: &str) -> Result<Option<String>, Problem> {
        let Some(bytes) = self.content(key)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| self.error(key, "must be UTF-8"))?;
        Ok(Some(text.trim().to_owned()))
    }

    /// The texts of `key`, or the lines of the file that `{key}_file` names.
    pub(super) fn secrets(&mut self, key: &str) -> Result<Option<Vec<String>>, Problem> {
        let Some(bytes) = self.file(key, |section| section.texts(key))? else { return Ok(None) };
        let bytes = match bytes {
            Content::Here(texts) => return Ok(Some(texts)),
            Content::File(bytes) => bytes,
        };
        let text = String::from_utf8(bytes).map_err(|_| self.error(key, "must be UTF-8"))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(Some(lines.map(str::to_owned).collect()))
    }

    /// The bytes of `key`, or of the file that `{key}_file` names.
    pub(super) fn content(&mut self, key: &str) -> Result<Option<Vec<u8>>, Problem> {
        Ok(self.file(key, |section| section.optional(key))?.map(|content| match content {
            Content::Here(text) => text.into_bytes(),
            Content::File(bytes) => bytes,
        }))
    }

    /// The value of `key`, which `here` reads, or what the file holds that `{key}_file` names.
    /// What the environment says about one of the two wins over what the file says about both.
    fn file<T>(
        &mut self,
        key: &str,
        here: impl FnOnce(&mut Self) -> Result<Option<T>, Problem>,
    ) -> Result<Option<Content<T>>, Problem> {
        let file_key = format!("{key}_file");
        let is_set = |key: &str| self.env.has(&self.variable(key));
        match (is_set(key), is_set(&file_key)) {
            (true, true) => return Err(self.both(key)),
            (true, false) => _ = self.table.remove(&file_key),
            (false, true) => _ = self.table.remove(key),
            (false, false) => {}
        }
        let (here, name) = (here(self)?, self.optional(&file_key)?);
        let name = match (here, name) {
            (Some(_), Some(_)) => return Err(self.both(key)),
            (Some(here), None) => return Ok(Some(Content::Here(here))),
            (None, None) => return Ok(None),
            (None, Some(name)) => name,
        };
        let path = self.folder.join(name);
        let bytes = std::fs::read(&path).map_err(|error| {
            // The name may be the secret itself, in the wrong place.
            let folder = match self.folder.as_os_str().is_empty() {
                true => Path::new("."),
                false => &self.folder,
            }
            .display();
            let rule = format!("cannot read that file: {error} (relative paths start at {folder})");
            self.error(&file_key, rule)
        })?;
        Ok(Some(Content::File(bytes)))
    }

    fn both(&self, key: &str) -> Problem {
        self.error(key, format!("stands beside {key}_file: keep one of them"))
    }

    /// Where a relative path leads.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Refuses what nobody has taken.
    pub(super) fn end(self, problems: &mut Problems) {
        for key in self.table.keys() {
            let rule = "is not a key that Saoma knows: remove or correct it";
            problems.add(Problem::new(format!("{}{key}", self.prefix), rule));
        }
    }
}

/// Where a value that may stand in a file of its own was found.
enum Content<T> {
    Here(T),
    File(Vec<u8>),
}
