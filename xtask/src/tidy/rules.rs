//! The rules, each a function over one file.

use super::Finding;
use super::source::Source;

const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a file that are not for tests.
const FILE_LINES_MAX: usize = 500;
/// Characters of a line, line end not counted.
const COLUMNS_MAX: usize = 100;
/// A word longer than this cannot be broken, so its line may be as long as it must: an address,
/// a hash, a message as it is on the wire.
const WORD_COLUMNS_MAX: usize = 60;

/// Kinds of files that we write by hand.
const WRITTEN: [&str; 9] = [".rs", ".ts", ".mjs", ".js", ".css", ".html", ".md", ".sql", ".sh"];

/// Folders whose code handles money.
const MONEY: [&str; 2] = ["core/", "server/"];

/// Words of unfinished work, in two halves, because this file is judged as well.
const UNFINISHED: [&str; 5] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

/// Folders of one machine or one person, in two halves for the same reason.
const MACHINE_FOLDERS: [&str; 4] =
    [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Use", "rs/"), concat!("/wo", "rk/")];

/// The rules for every text file.
pub(super) fn any_text(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let mut report = |line, rule, advice: &str| {
        findings.push(Finding { path: path.to_owned(), line, rule, advice: advice.to_owned() });
    };
    let is_written = WRITTEN.iter().any(|kind| path.ends_with(kind));
    if is_written {
        for line in long_lines(text, path.ends_with(".md")) {
            report(line, "columns", "more than 100 columns: break the line");
        }
        for line in lines_with(text, unfinished) {
            report(line, "unfinished", "finish it, or take it out and write it down as an issue");
        }
    }
    for line in lines_with(text, machine_path) {
        report(line, "machine-path", "a folder of one machine: make it relative or an argument");
    }
    for line in lines_with(text, |line| foreign_host(path, line)) {
        report(line, "lock-host", "not the public registry: make the lock file anew");
    }
    if path.ends_with("Cargo.toml") && !lints_are_inherited(text) {
        report(1, "lints", "a crate of the workspace needs `[lints] workspace = true`");
    }
}

/// The rules for Rust. Code in test files and test items may `unwrap` and may be long.
pub(super) fn rust(path: &str, source: &Source, is_test: bool, findings: &mut Vec<Finding>) {
    let mut report = |line, rule, advice: String| {
        findings.push(Finding { path: path.to_owned(), line, rule, advice });
    };
    for function in source.functions() {
        if function.lines > FUNCTION_LINES_MAX {
            let advice = format!(
                "`{}` has {} lines, at most {FUNCTION_LINES_MAX}: give a part of it a name",
                function.name, function.lines
            );
            report(function.line, "function-length", advice);
        }
    }
    if MONEY.iter().any(|folder| path.starts_with(folder)) {
        for line in floats(source) {
            report(line, "float", "no floats where money is: integer fen, integer seconds".into());
        }
    }
    if is_test {
        return;
    }
    let lines = lines_outside_tests(source);
    if lines > FILE_LINES_MAX {
        let advice = format!("{lines} lines beside tests, at most {FILE_LINES_MAX}: split it");
        report(1, "file-length", advice);
    }
    for line in unwraps(source) {
        report(line, "unwrap", "handle it, or `expect` with the reason why it cannot fail".into());
    }
}

fn lines_with(text: &str, is_bad: impl Fn(&str) -> bool) -> Vec<usize> {
    let lines = text.lines().zip(1..);
    lines.filter(|(line, _)| is_bad(line)).map(|(_, number)| number).collect()
}

/// Tables and samples in Markdown are as wide as what they show.
fn long_lines(text: &str, is_markdown: bool) -> Vec<usize> {
    let mut long = Vec::new();
    let mut is_sample = false;
    for (line, number) in text.lines().zip(1..) {
        if is_markdown && line.trim_start().starts_with("```") {
            is_sample = !is_sample;
        }
        let is_table = is_table_row(line, is_markdown);
        let is_broken_up = line.split_whitespace().all(|word| columns(word) <= WORD_COLUMNS_MAX);
        if columns(line) > COLUMNS_MAX && is_broken_up && !is_table && !is_sample {
            long.push(number);
        }
    }
    long
}

/// In Markdown, or in a documentation comment.
fn is_table_row(line: &str, is_markdown: bool) -> bool {
    let line = line.trim_start();
    let comment = ["//!", "///", "* "].iter().find_map(|start| line.strip_prefix(start));
    let text = if is_markdown { Some(line) } else { comment };
    text.is_some_and(|text| text.trim_start().starts_with('|'))
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

fn unfinished(line: &str) -> bool {
    UNFINISHED.iter().any(|word| {
        line.match_indices(word).any(|(at, _)| {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
            let continues = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !continues(before) && (word.ends_with('!') || !continues(after))
        })
    })
}

fn machine_path(line: &str) -> bool {
    MACHINE_FOLDERS.iter().any(|folder| {
        line.match_indices(folder).any(|(at, _)| {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            // `https://example.org/home/` and `./home/` are no folders of a machine.
            !before.is_some_and(|c| c.is_alphanumeric() || "._-$}".contains(c))
        })
    })
}

/// A lock file that sends people to a registry of ours instead of the public one.
fn foreign_host(path: &str, line: &str) -> bool {
    let line = line.trim();
    let (start, public) = if path.ends_with("Cargo.lock") {
        ("source = \"", "registry+https://github.com/rust-lang/crates.io-index\"")
    } else if path.ends_with("package-lock.json") {
        ("\"resolved\": \"", "https://registry.npmjs.org/")
    } else {
        return false;
    };
    line.strip_prefix(start).is_some_and(|rest| !rest.starts_with(public))
}

/// A crate that takes its version from the workspace is one of its members.
fn lints_are_inherited(manifest: &str) -> bool {
    !manifest.contains("version.workspace = true") || manifest.contains("[lints]\nworkspace = true")
}

fn lines_outside_tests(source: &Source) -> usize {
    let all = source.text.lines().count();
    let test_lines =
        |item: std::ops::Range<usize>| source.code.get(item).map_or(0, |text| text.lines().count());
    all.saturating_sub(source.test_items().into_iter().map(test_lines).sum())
}

fn unwraps(source: &Source) -> Vec<usize> {
    let test_items = source.test_items();
    source
        .words("unwrap")
        .filter(|at| source.code.get(..*at).is_some_and(|code| code.trim_end().ends_with('.')))
        .filter(|at| !test_items.iter().any(|item| item.contains(at)))
        .map(|at| source.line_of(at))
        .collect()
}

/// `f32`, `f64`, `1.5`, `1e9`, `2f64`.
fn floats(source: &Source) -> Vec<usize> {
    let code = &source.code;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut lines = Vec::new();
    let mut at = 0;
    while let Some(rest) = code.get(at..).filter(|rest| !rest.is_empty()) {
        let token = rest.split(|c| !is_word(c)).next().unwrap_or_default();
        if token.is_empty() {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let after = rest.get(token.len()..).unwrap_or_default();
        // `pair.0.1` is a field of a field, `1..2` a range, `1.max(2)` a call.
        let is_field = code.get(..at).is_some_and(|before| before.ends_with('.'))
            && !code.get(..at).is_some_and(|before| before.ends_with(".."));
        let has_fraction = after
            .strip_prefix('.')
            .is_some_and(|fraction| fraction.starts_with(|c: char| c.is_ascii_digit()));
        if is_float(token, has_fraction && !is_field) {
            lines.push(source.line_of(at));
        }
        at += token.len();
    }
    lines
}

fn is_float(token: &str, has_fraction: bool) -> bool {
    if !token.starts_with(|c: char| c.is_ascii_digit()) {
        return token == "f32" || token == "f64";
    }
    let is_decimal = !["0x", "0b", "0o"].iter().any(|prefix| token.starts_with(prefix));
    let has_exponent = token.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let has_suffix = token.ends_with("f32") || token.ends_with("f64");
    is_decimal && (has_fraction || has_suffix || has_exponent.starts_with(['e', 'E']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let mut findings = Vec::new();
        any_text(path, text, &mut findings);
        if path.ends_with(".rs") {
            rust(path, &Source::new(text), false, &mut findings);
        }
        findings.into_iter().map(|finding| (finding.line, finding.rule)).collect()
    }

    /// A function of that many lines.
    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_may_have_70_lines_and_not_71() {
        assert_eq!(broken("a.rs", &function(70)), []);
        assert_eq!(broken("a.rs", &format!("\n{}", function(71))), [(2, "function-length")]);
    }

    #[test]
    fn a_file_may_have_500_lines_and_any_number_of_tests() {
        let code = "mod a;\n".repeat(500);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    mod b {}\n".repeat(100));
        assert_eq!(broken("a.rs", &code), []);
        assert_eq!(broken("a.rs", &format!("{code}{tests}")), []);
        assert_eq!(broken("a.rs", &format!("{code}mod z;\n{tests}")), [(1, "file-length")]);
        // A small test item at the top does not excuse what follows.
        let start = "#[cfg(test)]\nmod naive;\n";
        assert_eq!(broken("a.rs", &format!("{start}{code}mod z;\n")), [(1, "file-length")]);
    }

    /// A comment of that many characters, in short words.
    fn comment(columns: usize) -> String {
        let words = "// 码码 ".chars().chain("码码码 ".chars().cycle()).take(columns - 1);
        words.chain("码\n".chars()).collect()
    }

    #[test]
    fn a_line_may_have_100_characters_whatever_their_bytes() {
        assert_eq!(broken("a.rs", &comment(100)), []);
        assert_eq!(broken("a.rs", &comment(101)), [(1, "columns")]);
        assert_eq!(broken("a.css", &comment(101)), [(1, "columns")]);
        assert_eq!(broken("a.txt", &comment(101)), []);
    }

    #[test]
    fn what_cannot_be_broken_may_be_long() {
        let address = format!("// see https://example.org/{}\n", "a".repeat(100));
        assert_eq!(broken("a.rs", &address), []);
        let cells = format!("| {} |\n", "cell ".repeat(30));
        assert_eq!(broken("a.md", &cells), []);
        assert_eq!(broken("a.rs", &cells), [(1, "columns")]);
        assert_eq!(broken("a.rs", &format!("//! {cells}")), []);
        assert_eq!(broken("a.mjs", &format!(" * {cells}")), []);
        let sample = format!("```\n{}\n```\n{}\n", "x ".repeat(60), "y ".repeat(60));
        assert_eq!(broken("a.md", &sample), [(4, "columns")]);
    }

    #[test]
    fn unwrap_is_refused_outside_of_test_items_and_comments() {
        let text = "// x.unwrap()\nfn f() {\n    x.unwrap();\n    x\n        .unwrap();\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn f() { x.unwrap(); }\n}\n";
        assert_eq!(broken("a.rs", text), [(3, "unwrap"), (5, "unwrap")]);
        assert_eq!(broken("a.rs", "fn f() { x.unwrap_or(1); \".unwrap()\"; }"), []);
    }

    #[test]
    fn floats_are_refused_where_money_is() {
        for text in ["x: f64", "1.5", "1e9", "2f32", "0.5 + x", "[0.0; 3]", "1..2.5"] {
            assert_eq!(broken("core/src/a.rs", text), [(1, "float")], "{text}");
            assert_eq!(broken("server/src/a.rs", text), [(1, "float")], "{text}");
            assert_eq!(broken("kiosk/src/a.rs", text), [], "{text}");
        }
        for text in ["a.0.1", "1..2", "0..=9", "1.max(2)", "0xf32", "f32x", "\"1.5\"", "// f64"] {
            assert_eq!(broken("core/src/a.rs", text), [], "{text}");
        }
    }

    #[test]
    fn unfinished_work_is_refused_in_code_and_in_comments() {
        for word in UNFINISHED {
            assert_eq!(broken("a.ts", &format!("// {word}: later")), [(1, "unfinished")]);
        }
        let call = format!("{}()", UNFINISHED[0]);
        assert_eq!(broken("a.rs", &call), [(1, "unfinished")]);
        for (before, after) in [("A", ""), ("", "A"), ("_", "_")] {
            let inside = format!("{before}{}{after}", UNFINISHED[4]);
            assert_eq!(broken("a.rs", &inside), [], "{inside}");
        }
    }

    #[test]
    fn folders_of_a_machine_are_refused_everywhere() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(broken("a.toml", &format!("x = \"{folder}x\"")), [(1, "machine-path")]);
        }
        let address = format!("https://example.org{}x", MACHINE_FOLDERS[1]);
        assert_eq!(broken("a.md", &address), []);
    }

    #[test]
    fn lock_files_name_the_public_registries_only() {
        let npm = |host: &str| format!("  \"resolved\": \"https://{host}/a/-/a-1.tgz\",");
        assert_eq!(broken("w/package-lock.json", &npm("registry.npmjs.org")), []);
        assert_eq!(broken("w/package-lock.json", &npm("npm.example.org")), [(1, "lock-host")]);
        assert_eq!(broken("w/package.json", &npm("npm.example.org")), []);
        let cargo = |host: &str| format!("source = \"registry+https://{host}\"");
        assert_eq!(broken("Cargo.lock", &cargo("github.com/rust-lang/crates.io-index")), []);
        assert_eq!(broken("Cargo.lock", &cargo("example.org/index")), [(1, "lock-host")]);
    }

    #[test]
    fn a_crate_of_the_workspace_takes_the_workspace_lints() {
        let member = "[package]\nversion.workspace = true\n";
        assert_eq!(broken("a/Cargo.toml", member), [(1, "lints")]);
        assert_eq!(broken("a/Cargo.toml", &format!("{member}[lints]\nworkspace = true\n")), []);
        assert_eq!(broken("a/Cargo.toml", "[package]\nversion = \"1.0.0\"\n"), []);
    }
}
