//! A Rust file as the rules see it: the text, and the same text with comments and the insides
//! of literals blanked out, so that a word in a comment is not taken for code.
//!
//! This is no parser. It knows enough of the language's surface to find functions, modules and
//! test code in files that rustfmt has formatted.

use std::ops::Range;

/// One Rust file.
pub(super) struct Source {
    /// As it is on the disk.
    pub(super) text: String,
    /// The same bytes, with blanks for comments, strings and characters; line ends are kept.
    pub(super) code: String,
}

/// A function with its body.
pub(super) struct Function {
    pub(super) name: String,
    /// Number of the line with `fn`, from 1.
    pub(super) line: usize,
    /// Lines from `fn` to the closing brace, both counted.
    pub(super) lines: usize,
}

/// `mod name;` or `mod name { ... }`.
pub(super) struct Module {
    pub(super) name: String,
    /// Where the word `mod` stands.
    pub(super) at: usize,
    /// What lies between the braces; `None` when the module is a file of its own.
    pub(super) body: Option<Range<usize>>,
    /// The file named by a `#[path]` attribute before it.
    pub(super) path: Option<String>,
}

impl Source {
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let code = blank_out(&text);
        Self { text, code }
    }

    /// Number of the line in which a byte lies, from 1.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.code.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
    }

    /// Places of a word of the language or an identifier.
    pub(super) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let before = self.code.get(..*at).and_then(|code| code.chars().next_back());
            let after = self.code.get(at + word.len()..).and_then(|code| code.chars().next());
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
    }

    pub(super) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for at in self.words("fn") {
            // `fn(u8)` is a type, not a function.
            let Some(name) = self.identifier_after(at + "fn".len()) else { continue };
            let Some(body) = self.body_after(at) else { continue };
            let line = self.line_of(at);
            functions.push(Function { name, line, lines: self.line_of(body.end) + 1 - line });
        }
        functions
    }

    pub(super) fn modules(&self) -> Vec<Module> {
        let mut modules = Vec::new();
        for at in self.words("mod") {
            let Some(name) = self.identifier_after(at + "mod".len()) else { continue };
            let path = self.path_attribute_before(at);
            modules.push(Module { name, at, body: self.body_after(at), path });
        }
        modules
    }

    /// The items that are compiled for tests only: `#[cfg(test)]`, `#[cfg(all(test, ...))]`.
    pub(super) fn test_items(&self) -> Vec<Range<usize>> {
        let mut items: Vec<Range<usize>> = Vec::new();
        for start in ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test"] {
            for (at, _) in self.code.match_indices(start) {
                items.push(at..self.end_of_item(at));
            }
        }
        // A file that is a test from its first line on.
        if self.code.trim_start().starts_with("#![cfg(test)]") {
            items.push(0..self.code.len());
        }
        items
    }

    /// The name that follows, or nothing.
    fn identifier_after(&self, at: usize) -> Option<String> {
        let rest = self.code.get(at..)?;
        let name: String = rest.trim_start().chars().take_while(|c| is_word(*c)).collect();
        (rest.starts_with(char::is_whitespace) && !name.is_empty()).then_some(name)
    }

    /// From the first `{` outside of parentheses to its `}`; `None` when a `;` comes first.
    fn body_after(&self, at: usize) -> Option<Range<usize>> {
        let mut depth = 0_usize;
        for (offset, byte) in self.code.bytes().enumerate().skip(at) {
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth = depth.saturating_sub(1),
                b';' if depth == 0 => return None,
                b'{' if depth == 0 => return Some(offset..self.closing_brace(offset)),
                _ => {}
            }
        }
        None
    }

    /// The place of the `}` that closes the `{` at `open`, or the end of an unfinished file.
    fn closing_brace(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (offset, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 1 => return offset,
                b'}' => depth -= 1,
                _ => {}
            }
        }
        self.code.len()
    }

    /// The end of the item that an attribute at `at` belongs to.
    fn end_of_item(&self, at: usize) -> usize {
        match self.body_after(at) {
            Some(body) => body.end + 1,
            None => self
                .code
                .get(at..)
                .and_then(|rest| rest.find(';'))
                .map_or(self.code.len(), |semicolon| at + semicolon + 1),
        }
    }

    /// `#[path = "name.rs"]` among the attributes right before `at`.
    fn path_attribute_before(&self, at: usize) -> Option<String> {
        let before = self.code.get(..at)?;
        let start = before.rfind([';', '}']).map_or(0, |end| end + 1);
        let attribute = start + before.get(start..)?.rfind("#[path")?;
        self.text.get(attribute..at)?.split('"').nth(1).map(str::to_owned)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Comments, strings and characters as blanks of the same length.
fn blank_out(text: &str) -> String {
    let mut code = text.as_bytes().to_vec();
    let mut at = 0;
    while at < text.len() {
        let end = at + literal_or_comment(text, at);
        if end == at {
            at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            continue;
        }
        for byte in code.iter_mut().take(end).skip(at) {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    // Whole literals and comments became ASCII, whole characters stayed.
    String::from_utf8(code).unwrap_or_default()
}

/// The length of the literal or comment that starts at `at`; 0 when none does.
fn literal_or_comment(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    let starts = |prefix: &str, quote: &[char]| {
        rest.strip_prefix(prefix).filter(|literal| literal.starts_with(quote))
    };
    let quoted = ["", "b", "c"]
        .iter()
        .find_map(|prefix| starts(prefix, &['"']).map(|literal| (prefix.len(), quoted(literal))));
    let raw = ["r", "br", "cr"].iter().find_map(|prefix| {
        starts(prefix, &['"', '#']).map(|literal| (prefix.len(), raw_string(literal)))
    });
    let character = ["", "b"].iter().find_map(|prefix| {
        starts(prefix, &['\'']).map(|literal| (prefix.len(), character(literal)))
    });
    match quoted.or(raw).or(character) {
        Some((prefix, length)) if length > 0 => prefix + length,
        _ => 0,
    }
}

/// `/* ... */`, which may contain others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// `"..."` with escapes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `#"..."#` with any number of `#`, after its `r`; 0 for a raw identifier such as `r#type`.
fn raw_string(text: &str) -> usize {
    let hashes = text.bytes().take_while(|byte| *byte == b'#').count();
    let Some(inside) = text[hashes..].strip_prefix('"') else { return 0 };
    let end = format!("\"{}", "#".repeat(hashes));
    inside.find(&end).map_or(text.len(), |at| hashes + 1 + at + end.len())
}

/// `'x'` or `'\n'`; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            text.get(3..).and_then(|rest| rest.find('\'')).map_or(text.len(), |at| at + 4)
        }
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new(text).code
    }

    #[test]
    fn comments_and_the_insides_of_literals_are_no_code() {
        assert_eq!(code("a // b\nc"), "a     \nc");
        assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(code(r#"f("a\"b", x)"#), "f(      , x)");
        assert_eq!(code(r##"f(r#"a"b"#, x)"##), "f(        , x)");
        assert_eq!(code(r#"f(b"a", c"b")"#), "f(    ,     )");
        assert_eq!(code(r"f('{', '\'', '\u{1f}', '码')"), "f(   ,     ,         ,      )");
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_code() {
        for text in ["fn f<'a>(x: &'a str) {}", "let r#type = 1;", "'outer: loop {}"] {
            assert_eq!(code(text), text);
        }
    }

    #[test]
    fn an_unfinished_literal_or_comment_goes_to_the_end() {
        assert_eq!(code("a \"b"), "a   ");
        assert_eq!(code("a /* b"), "a     ");
        assert_eq!(code("a r\"b"), "a    ");
        assert_eq!(code("a '"), "a '");
    }

    #[test]
    fn functions_are_measured_from_their_name_to_their_closing_brace() {
        let source = Source::new(
            "/// Doc.\nfn one() {}\n\ntrait T {\n    fn none(&self, a: [u8; 4]);\n}\n\n\
             fn three(a: u8) -> [u8; 4] {\n    let f: fn(u8) = g;\n}\n",
        );
        let found: Vec<_> = source
            .functions()
            .into_iter()
            .map(|function| (function.name, function.line, function.lines))
            .collect();
        assert_eq!(found, [("one".to_owned(), 2, 1), ("three".to_owned(), 8, 3)]);
    }

    #[test]
    fn test_items_end_where_their_item_ends() {
        let source = Source::new("#[cfg(test)]\nmod a;\nfn b() {}\n#[cfg(test)]\nmod c { x }\nd");
        let items: Vec<_> =
            source.test_items().into_iter().map(|item| source.code[item].to_owned()).collect();
        assert_eq!(items, ["#[cfg(test)]\nmod a;", "#[cfg(test)]\nmod c { x }"]);
    }

    #[test]
    fn modules_tell_where_their_code_is() {
        let source = Source::new("mod a;\n#[path = \"x.rs\"]\nmod b;\nmod c { mod d; }\n");
        let found: Vec<_> = source
            .modules()
            .into_iter()
            .map(|module| (module.name, module.path, module.body.is_some()))
            .collect();
        let module = |name: &str, path: Option<&str>, has_body| {
            (name.to_owned(), path.map(str::to_owned), has_body)
        };
        assert_eq!(
            found,
            [
                module("a", None, false),
                module("b", Some("x.rs"), false),
                module("c", None, true),
                module("d", None, false)
            ]
        );
    }
}
