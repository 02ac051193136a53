//! A message as an operator may see it: field by field, with what opens doors hidden.
//!
//! Signatures, keys and tokens lose all but their end, so that two of them can still be told
//! apart; a customer's openid loses its middle. What cannot be read as a document is shown as it
//! is, with the same values hidden wherever they stand.

use saoma_core::xml::Doc;
use serde_json::Value;

/// A message, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// WeChat's XML: names and values in the order they came.
    Fields(Vec<(String, String)>),
    /// JSON in lines, or whatever it was.
    Text(String),
}

/// How much of a value is hidden.
#[derive(Clone, Copy)]
enum Mask {
    /// Only the last four characters stay.
    End,
    /// Four characters on both sides stay.
    Middle,
}

const HIDDEN: &str = "••••";
/// Names whose values are hidden, in whatever notation they stand.
const MASKED: [(&str, Mask); 10] = [
    ("sign", Mask::End),
    ("paysign", Mask::End),
    ("signature", Mask::End),
    ("saoma-signature", Mask::End),
    ("key", Mask::End),
    ("token", Mask::End),
    ("secret", Mask::End),
    ("authorization", Mask::End),
    ("openid", Mask::Middle),
    ("sub_openid", Mask::Middle),
];

impl Document {
    /// Reads what was sent or received.
    pub(crate) fn of(raw: &str) -> Self {
        if let Ok(doc) = Doc::<'_, 128>::read(raw.as_bytes()) {
            let field = |name: &str, value: String| {
                let value = mask_of(name).map_or_else(|| value.clone(), |mask| mask.hide(&value));
                (name.to_owned(), value)
            };
            let fields = doc.fields().map(|each| field(each.name, each.value.to_string()));
            return Self::Fields(fields.collect());
        }
        match serde_json::from_str::<Value>(raw) {
            Ok(mut value) if value.is_object() || value.is_array() => {
                hide_in(&mut value);
                Self::Text(serde_json::to_string_pretty(&value).unwrap_or_default())
            }
            Ok(_) | Err(_) => Self::Text(hide_in_text(raw)),
        }
    }
}

impl Mask {
    fn hide(self, value: &str) -> String {
        let count = value.chars().count();
        let tail: String = value.chars().skip(count.saturating_sub(4)).collect();
        match self {
            // A short one would be shown by half.
            _ if count == 0 => String::new(),
            Self::End if count < 12 => HIDDEN.to_owned(),
            Self::End => format!("{HIDDEN}{tail}"),
            Self::Middle if count < 16 => HIDDEN.to_owned(),
            Self::Middle => {
                let head: String = value.chars().take(4).collect();
                format!("{head}{HIDDEN}{tail}")
            }
        }
    }
}

fn mask_of(name: &str) -> Option<Mask> {
    let known = MASKED.iter().find(|(masked, _)| masked.eq_ignore_ascii_case(name));
    known.map(|(_, mask)| *mask)
}

fn hide_in(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (mask_of(name), &*value) {
                    (Some(mask), Value::String(text)) => *value = Value::String(mask.hide(text)),
                    (Some(_), Value::Number(_)) => *value = Value::String(HIDDEN.to_owned()),
                    _ => hide_in(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide_in),
        Value::String(text) => *text = hide_in_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Hides `<name>value<`, `name=value&`, `"name": "value"` and `name: value`.
fn hide_in_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word_len = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_len);
        shown.push_str(word);
        rest = after;
        if let Some((mask, lead)) = mask_of(word).zip(value_lead(after)) {
            let (lead, value) = after.split_at(lead);
            let end = value.find(['<', '&', '"', '\'', ',', ';', ']', '}', '\n']);
            let (value, after) = value.split_at(end.unwrap_or(value.len()));
            shown.push_str(lead);
            shown.push_str(&mask.hide(value));
            rest = after;
        } else if let Some(c) = rest.chars().next() {
            shown.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    shown
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// How long it is from a name to its value, where a value follows.
fn value_lead(after: &str) -> Option<usize> {
    const CDATA: &str = "<![CDATA[";
    let mark = after.strip_prefix(['"', '\'']).unwrap_or(after).trim_start();
    let mark = mark.strip_prefix(['>', '=', ':'])?.trim_start();
    let value = mark.strip_prefix(CDATA).unwrap_or(mark);
    let value = value.strip_prefix(['"', '\'']).unwrap_or(value);
    Some(after.len() - value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGN: &str = "9A0A8659F005D6984697E2CA0A9CF3B79A0A8659F005D6984697E2CA0A9CF3B7";

    fn text(raw: &str) -> String {
        match Document::of(raw) {
            Document::Fields(fields) => format!("{fields:?}"),
            Document::Text(text) => text,
        }
    }

    #[test]
    fn a_document_keeps_its_fields_and_their_order() {
        let raw = format!(
            "<xml><total_fee>1800</total_fee><openid><![CDATA[oMadeUpOpenIdForTests000001]]>\
             </openid><sign>{SIGN}</sign><body>a &lt;b&gt;</body></xml>"
        );
        let fields = [
            ("total_fee", "1800"),
            ("openid", "oMad••••0001"),
            ("sign", "••••F3B7"),
            ("body", "a <b>"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(Document::of(&raw), Document::Fields(fields));
    }

    #[test]
    fn what_opens_doors_is_hidden_in_every_notation() {
        let secret = "s3cr3tS3cr3tS3cr3t";
        for raw in [
            format!("<xml><sign>{secret}</sign></xml>"),
            format!("<xml><sign>{secret}</sign><oops"),
            format!("<html><sign><![CDATA[{secret}]]></sign>"),
            format!("a=1&key={secret}"),
            format!("{{\"token\":\"{secret}\"}}"),
            format!("{{\"a\":[{{\"Secret\":\"{secret}\"}}]}}"),
            format!("{{\"raw\":\"<sign>{secret}</sign>\"}}"),
            format!("{{\"token\": \"{secret}\", oops"),
            format!("Saoma-Signature: {secret}\nnext"),
            format!("Authorization: Bearer {secret}"),
            format!("sign = '{secret}'"),
        ] {
            let shown = text(&raw);
            assert!(!shown.contains("s3cr3tS3cr3t"), "{raw} -> {shown}");
            assert!(shown.contains(HIDDEN), "{raw} -> {shown}");
        }
        assert_eq!(text("<sign>short</sign"), "<sign>••••</sign");
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        for raw in ["", "502 Bad Gateway", "设计 signs & keys <b>", "monkey=1", "assign: x", "42"]
        {
            assert_eq!(text(raw), raw);
        }
        assert_eq!(text("{\"b\":1,\"a\":\"x\"}"), "{\n  \"a\": \"x\",\n  \"b\": 1\n}");
    }
}
