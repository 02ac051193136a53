//! As much JSON as a unified order carries: is this text one object, and a writer of text values.

use core::fmt::{self, Write};

/// Deepest nesting that is taken.
const DEPTH_MAX: u8 = 16;

/// Whether the text is exactly one JSON object (RFC 8259), white space around it allowed.
pub(super) fn is_object(text: &str) -> bool {
    let mut reader = Reader { bytes: text.as_bytes() };
    reader.space();
    reader.bytes.first() == Some(&b'{') && reader.value(DEPTH_MAX).is_some() && {
        reader.space();
        reader.bytes.is_empty()
    }
}

/// What is left to read. Each method moves over what it names, or says `None`.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn space(&mut self) {
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let len = self.bytes.iter().take_while(is_space).count();
        self.bytes = self.bytes.get(len..).unwrap_or(&[]);
    }

    fn eat(&mut self, mark: &[u8]) -> Option<()> {
        self.bytes = self.bytes.strip_prefix(mark)?;
        Some(())
    }

    fn value(&mut self, depth: u8) -> Option<()> {
        match self.bytes.first()? {
            b'{' => self.members(depth, b"}", |reader, depth| {
                reader.string()?;
                reader.space();
                reader.eat(b":")?;
                reader.space();
                reader.value(depth)
            }),
            b'[' => self.members(depth, b"]", Self::value),
            b'"' => self.string(),
            b't' => self.eat(b"true"),
            b'f' => self.eat(b"false"),
            b'n' => self.eat(b"null"),
            _ => self.number(),
        }
    }

    /// The members of an object or an array, with its brackets.
    fn members(
        &mut self,
        depth: u8,
        end: &[u8],
        member: fn(&mut Self, u8) -> Option<()>,
    ) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.bytes = self.bytes.get(1..)?;
        self.space();
        if self.eat(end).is_some() {
            return Some(());
        }
        loop {
            self.space();
            member(self, depth)?;
            self.space();
            if self.eat(end).is_some() {
                return Some(());
            }
            self.eat(b",")?;
        }
    }

    fn string(&mut self) -> Option<()> {
        self.eat(b"\"")?;
        loop {
            let (first, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            match first {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<()> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        match first {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let (digits, rest) = self.bytes.split_at_checked(4)?;
                self.bytes = rest;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.eat(b"-");
        if self.eat(b"0").is_none() {
            self.digits()?;
        }
        if self.eat(b".").is_some() {
            self.digits()?;
        }
        if self.eat(b"e").or_else(|| self.eat(b"E")).is_some() {
            let _ = self.eat(b"+").or_else(|| self.eat(b"-"));
            self.digits()?;
        }
        Some(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<()> {
        let len = self.bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.bytes = self.bytes.get(len..)?;
        (len > 0).then_some(())
    }
}

/// A text between quotes. Control characters have been refused before.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            f.write_char(c)?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};

    #[test]
    fn one_object_is_one_object() {
        for text in [
            "{}",
            " {\t} \r\n",
            r#"{"a":1}"#,
            r#"{"a":-0.5e+3,"b":[true,false,null,[]],"c":{"d":"\"\\\/\b\u00e9咖"}}"#,
            r#"{"cost_price":2599,"goods_detail":[{"goods_id":"A&B<1>","quantity":1,"price":2599}]}"#,
        ] {
            assert!(is_object(text), "{text}");
        }
        for text in [
            "",
            " ",
            "1",
            "[]",
            "\"a\"",
            "{",
            "}",
            "{}{}",
            "{} x",
            "{a:1}",
            "{'a':1}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{,}"#,
            r#"{"a":01}"#,
            r#"{"a":+1}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":1e}"#,
            r#"{"a":"b}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12g4"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":[1}"#,
            r#"{"a":[1 2]}"#,
            r#"{"a":tru}"#,
            r#"{"a":1]"#,
        ] {
            assert!(!is_object(text), "{text}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
        assert!(is_object(&nested(16)));
        assert!(!is_object(&nested(17)));
        assert!(!is_object(&"{\"a\":".repeat(100_000)));
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde_json(text in "[{}\\[\\],:\"a1.e\\\\ -]{0,12}") {
            let oracle = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert_eq!(is_object(&text), oracle.is_ok_and(|value| value.is_object()));
        }

        #[test]
        fn what_is_quoted_is_read_back(text in "\\PC{0,20}") {
            let json = Quoted(&text).to_string();
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
