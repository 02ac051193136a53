//! `cargo xtask tidy`: the rules of style that a program can judge, so that no reviewer has to.
//!
//! What rustfmt, rustc and clippy judge (form, missing documentation, `unsafe`, `allow`) is not
//! repeated here.

mod reach;
mod rules;
mod source;

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::process::{output, program};
use crate::workspace;
use reach::Role;
use source::Source;

/// One place where a rule is broken.
#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    /// From 1.
    line: usize,
    rule: &'static str,
    /// What is wrong and what to do.
    advice: String,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    crate::no_arguments("tidy", arguments)?;
    check()
}

/// Applies every rule to every text file that git knows or would take.
pub(crate) fn check() -> Result<(), Failure> {
    let files = read_files()?;
    let findings = findings(&files);
    for Finding { path, line, rule, advice } in &findings {
        println!("{path}:{line}: {rule}: {advice}");
    }
    match findings.len() {
        0 => {
            println!("    {} files are tidy", files.len());
            Ok(())
        }
        count => Err(Failure::Failed {
            message: format!("{count} places are not tidy"),
            last_lines: findings
                .iter()
                .map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.rule))
                .collect(),
        }),
    }
}

fn findings(files: &BTreeMap<String, String>) -> Vec<Finding> {
    let sources: BTreeMap<&str, Source> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, text)| (path.as_str(), Source::new(text.as_str())))
        .collect();
    let roles = reach::roles(files, &sources);
    let mut findings = Vec::new();
    for (path, text) in files {
        rules::any_text(path, text, &mut findings);
    }
    for (path, source) in &sources {
        let role = roles.get(path).copied();
        if role.is_none() {
            findings.push(Finding {
                path: (*path).to_owned(),
                line: 1,
                rule: "dead-file",
                advice: "no `mod` and no target leads here: delete it or declare it".to_owned(),
            });
        }
        rules::rust(path, source, role == Some(Role::Test), &mut findings);
    }
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}

/// The text files of the repository by their path, tracked or new but not ignored.
fn read_files() -> Result<BTreeMap<String, String>, Failure> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let list = output(&mut program("git", &arguments))?;
    let mut files = BTreeMap::new();
    for path in list.split_terminator('\0') {
        let Ok(bytes) = std::fs::read(workspace::root().join(path)) else {
            // Deleted but not yet committed, or a link to a folder.
            continue;
        };
        // What is not UTF-8 is a picture or the like.
        if let Ok(text) = String::from_utf8(bytes) {
            files.insert(path.to_owned(), text);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_broken(files: &[(&str, &str)]) -> Vec<(String, usize, &'static str)> {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect::<BTreeMap<_, _>>();
        findings(&files)
            .into_iter()
            .map(|finding| (finding.path, finding.line, finding.rule))
            .collect()
    }

    const MANIFEST: (&str, &str) = ("a/Cargo.toml", "[package]\nname = \"a\"\n");

    #[test]
    fn a_tidy_repository_has_no_findings() {
        let files = [MANIFEST, ("a/src/lib.rs", "mod b;\n"), ("a/src/b.rs", "fn f() {}\n")];
        assert_eq!(rules_broken(&files), []);
    }

    #[test]
    fn a_file_that_nothing_leads_to_is_dead() {
        let files = [MANIFEST, ("a/src/lib.rs", "// mod b;\n"), ("a/src/b.rs", "")];
        assert_eq!(rules_broken(&files), [("a/src/b.rs".to_owned(), 1, "dead-file")]);
    }

    #[test]
    fn unwrap_is_for_test_files_only() {
        let unwrap = "fn f() {\n    x.unwrap();\n}\n";
        let files = [
            MANIFEST,
            ("a/src/lib.rs", "mod b;\n#[cfg(test)]\nmod c;\n"),
            ("a/src/b.rs", unwrap),
            ("a/src/c.rs", unwrap),
            ("a/tests/d.rs", unwrap),
        ];
        assert_eq!(rules_broken(&files), [("a/src/b.rs".to_owned(), 2, "unwrap")]);
    }
}
