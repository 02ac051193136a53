//! The mutants: cargo-mutants' own list.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Failure;

/// One change of the source, as cargo-mutants would make it.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    /// Its number in this run, from 1: what `SAOMA_MUTANT` is set to.
    pub(crate) id: usize,
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) genre: String,
    pub(crate) replacement: String,
    /// Line and column, both from 1, columns in characters; the end is outside.
    pub(crate) start: (usize, usize),
    pub(crate) end: (usize, usize),
}

/// What `cargo mutants --list` says of these files.
pub(crate) fn list(root: &Path, files: &[String]) -> Result<Vec<Mutant>, Failure> {
    let mut command = Command::new("cargo");
    command.args(["mutants", "--list", "--json", "--package", "saoma-core"]).current_dir(root);
    for file in files {
        command.args(["--file", file]);
    }
    let output = command.output().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`cargo mutants --list` failed (is it installed?): {said}").into());
    }
    let listed: Value = serde_json::from_slice(&output.stdout)?;
    let listed = listed.as_array().ok_or("cargo-mutants gave no list")?;
    listed.iter().enumerate().map(|(index, one)| read(index + 1, one)).collect()
}

fn read(id: usize, one: &Value) -> Result<Mutant, Failure> {
    let text = |name: &str| one[name].as_str().map(str::to_owned).ok_or(format!("no {name}"));
    let place = |end: &str| {
        let number = |of: &str| one["span"][end][of].as_u64().and_then(|n| usize::try_from(n).ok());
        number("line").zip(number("column")).ok_or(format!("no span.{end}"))
    };
    Ok(Mutant {
        id,
        name: text("name")?,
        file: text("file")?,
        genre: text("genre")?,
        replacement: text("replacement")?,
        start: place("start")?,
        end: place("end")?,
    })
}
