//! Which Rust files cargo would compile, and whether for tests only.

use std::collections::{BTreeMap, HashMap};

use super::source::Source;

/// What a file is compiled for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    Program,
    Test,
}

/// A file to look into: its path, the folder of its modules, its role.
type Visit = (String, String, Role);

/// Follows `mod` from the roots of all packages; a file that is missing in the answer is dead.
pub(super) fn roles<'a>(
    files: &BTreeMap<String, String>,
    sources: &BTreeMap<&'a str, Source>,
) -> HashMap<&'a str, Role> {
    let mut found: HashMap<&str, Role> = HashMap::new();
    let mut visits = roots(files, sources);
    while let Some((path, folder, role)) = visits.pop() {
        let Some((path, source)) = sources.get_key_value(path.as_str()) else { continue };
        match (found.get(path), role) {
            (Some(Role::Program), _) | (Some(Role::Test), Role::Test) => continue,
            // Seen as a test before, but a program uses it as well.
            (Some(Role::Test), Role::Program) | (None, _) => found.insert(path, role),
        };
        visits.extend(children(path, source, &folder, role));
    }
    found
}

/// The roots that cargo finds by itself, and those that a manifest names.
fn roots(files: &BTreeMap<String, String>, sources: &BTreeMap<&str, Source>) -> Vec<Visit> {
    let mut roots = Vec::new();
    for (manifest, text) in files {
        let Some(package) = manifest.strip_suffix("Cargo.toml") else { continue };
        if !text.contains("[package]") {
            continue;
        }
        let named: Vec<_> = text.lines().filter_map(target_path).collect();
        for path in sources.keys() {
            let Some(inside) = path.strip_prefix(package) else { continue };
            if let Some(role) = role_of_root(inside, &named) {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                roots.push(((*path).to_owned(), folder.to_owned(), role));
            }
        }
    }
    roots
}

/// `path = "src/x.rs"` in a manifest: a target that cargo would not find by itself.
fn target_path(line: &str) -> Option<&str> {
    let value = line.trim().strip_prefix("path")?.trim_start().strip_prefix('=')?;
    value.trim().trim_matches('"').strip_suffix(".rs")
}

fn role_of_root(inside: &str, named: &[&str]) -> Option<Role> {
    let stem = inside.strip_suffix(".rs")?;
    let parts: Vec<_> = stem.split('/').collect();
    match parts.as_slice() {
        ["build"] | ["src", "lib" | "main"] => Some(Role::Program),
        ["src", "bin", _] | ["src", "bin", _, "main"] => Some(Role::Program),
        ["examples", _] | ["examples", _, "main"] => Some(Role::Program),
        ["tests" | "benches", _] | ["tests" | "benches", _, "main"] => Some(Role::Test),
        _ if named.contains(&stem) => Some(Role::Program),
        _ => None,
    }
}

/// The files that a file leads to by `mod`.
fn children(path: &str, source: &Source, folder: &str, role: Role) -> Vec<Visit> {
    let modules = source.modules();
    let test_items = source.test_items();
    let mut visits = Vec::new();
    for module in modules.iter().filter(|module| module.body.is_none()) {
        let is_test = test_items.iter().any(|item| item.contains(&module.at));
        let role = if is_test { Role::Test } else { role };
        // `mod a { mod b; }` is a/b.rs.
        let around = modules
            .iter()
            .filter(|outer| outer.body.as_ref().is_some_and(|body| body.contains(&module.at)));
        let mut folder = folder.to_owned();
        for outer in around {
            folder = join(&folder, &outer.name);
        }
        if let Some(file) = &module.path {
            let beside = path.rsplit_once('/').map_or("", |(beside, _)| beside);
            visits.push((join(beside, file), beside.to_owned(), role));
            continue;
        }
        let inner = join(&folder, &module.name);
        visits.push((format!("{inner}.rs"), inner.clone(), role));
        visits.push((format!("{inner}/mod.rs"), inner, role));
    }
    visits
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles_of(files: &[(&str, &str)]) -> Vec<(String, Role)> {
        let files: BTreeMap<_, _> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let sources = files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.as_str(), Source::new(text.as_str())))
            .collect();
        let mut found: Vec<_> = roles(&files, &sources)
            .into_iter()
            .map(|(path, role)| (path.to_owned(), role))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    fn program(path: &str) -> (String, Role) {
        (path.to_owned(), Role::Program)
    }

    fn test(path: &str) -> (String, Role) {
        (path.to_owned(), Role::Test)
    }

    #[test]
    fn modules_are_followed_through_folders_and_inline_modules() {
        let found = roles_of(&[
            ("p/Cargo.toml", "[package]"),
            ("p/src/lib.rs", "mod a;\nmod inline { mod b; }"),
            ("p/src/a/mod.rs", "pub(crate) mod c;"),
            ("p/src/a/c.rs", "mod d;"),
            ("p/src/a/c/d.rs", ""),
            ("p/src/inline/b.rs", ""),
            ("p/src/other.rs", ""),
        ]);
        let expected = ["a/c.rs", "a/c/d.rs", "a/mod.rs", "inline/b.rs", "lib.rs"];
        assert_eq!(found, expected.map(|path| program(&format!("p/src/{path}"))));
    }

    #[test]
    fn roots_are_what_cargo_finds_and_what_the_manifest_names() {
        let found = roles_of(&[
            ("p/Cargo.toml", "[package]\n[[bin]]\npath = \"targets/x.rs\"\n"),
            ("p/build.rs", ""),
            ("p/src/bin/one.rs", ""),
            ("p/targets/x.rs", ""),
            ("p/targets/y.rs", ""),
            ("p/tests/e2e.rs", "mod common;"),
            ("p/tests/common/mod.rs", ""),
        ]);
        assert_eq!(
            found,
            [
                program("p/build.rs"),
                program("p/src/bin/one.rs"),
                program("p/targets/x.rs"),
                test("p/tests/common/mod.rs"),
                test("p/tests/e2e.rs"),
            ]
        );
    }

    #[test]
    fn a_workspace_without_a_package_has_no_roots() {
        assert_eq!(roles_of(&[("Cargo.toml", "[workspace]"), ("src/lib.rs", "")]), []);
    }

    #[test]
    fn a_module_for_tests_makes_test_files_unless_a_program_uses_them_too() {
        let found = roles_of(&[
            ("p/Cargo.toml", "[package]"),
            ("p/src/lib.rs", "#[cfg(test)]\nmod a;\n#[cfg(test)]\n#[path = \"b.rs\"]\nmod b;\n"),
            ("p/src/main.rs", "mod b;"),
            ("p/src/a.rs", "mod c;"),
            ("p/src/a/c.rs", ""),
            ("p/src/b.rs", ""),
        ]);
        assert_eq!(
            found,
            [
                test("p/src/a.rs"),
                test("p/src/a/c.rs"),
                program("p/src/b.rs"),
                program("p/src/lib.rs"),
                program("p/src/main.rs"),
            ]
        );
    }
}
