use super::*;
use ReadErrorKind as K;
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec::Vec as StdVec;
use std::{format, vec};

fn read(text: &str) -> Result<Doc<'_>, ReadError> {
    Doc::read(text.as_bytes())
}

/// The error of a document that must be refused.
fn refused(text: &str) -> ReadErrorKind {
    read(text).expect_err(text).kind
}

/// The value of `<a>` in a document that must be taken.
fn value_of_a(inner: &str) -> String {
    let text = format!("<xml><a>{inner}</a></xml>");
    let doc = read(&text).expect(inner);
    doc.get("a").expect(inner).to_string()
}

#[test]
fn fields_keep_their_order_and_are_found_by_name() {
    let doc = read("<xml><b>2</b><a>1</a><c></c><d/></xml>").unwrap();
    let names: StdVec<&str> = doc.fields().map(|field| field.name).collect();
    assert_eq!(names, ["b", "a", "c", "d"]);
    let sorted: StdVec<&str> = doc.sorted().map(|field| field.name).collect();
    assert_eq!(sorted, ["a", "b", "c", "d"]);
    assert!(doc.get("a").unwrap() == "1");
    assert!(doc.get("c").unwrap().is_empty() && doc.get("d").unwrap().is_empty());
    assert_eq!(doc.get("e"), None);
}

#[test]
fn text_cdata_and_both_mixed_and_split() {
    assert_eq!(value_of_a("plain"), "plain");
    assert_eq!(value_of_a("<![CDATA[a&b<c>]]>"), "a&b<c>");
    assert_eq!(value_of_a("x<![CDATA[y]]>z<![CDATA[&amp;]]>&amp;"), "xyz&amp;&");
    assert_eq!(value_of_a("<![CDATA[]]>"), "");
    assert_eq!(value_of_a("<![CDATA[a]]]]><![CDATA[>b]]>"), "a]]>b");
}

#[test]
fn what_needs_no_decoding_is_there_as_it_stands() {
    let doc = read("<xml><a>x</a><b><![CDATA[y]]></b><c>&amp;</c></xml>").unwrap();
    let plain = |name| doc.get(name).unwrap().as_plain();
    assert_eq!((plain("a"), plain("b"), plain("c")), (Some("x"), Some("y"), None));
}

#[test]
fn the_five_entities_and_character_references() {
    assert_eq!(value_of_a("&amp;&lt;&gt;&quot;&apos;"), "&<>\"'");
    assert_eq!(value_of_a("&#65;&#x42;&#x5496;&#128578;"), "AB咖🙂");
}

#[test]
fn white_space_inside_a_value_is_kept_as_it_is() {
    assert_eq!(value_of_a(" a\r\n\tb "), " a\r\n\tb ");
    assert_eq!(value_of_a("&#13;&#10;&#9;"), "\r\n\t");
}

#[test]
fn references_to_no_character_are_refused() {
    for reference in [
        "&#0;",
        "&#x0;",
        "&#x110000;",
        "&#xD800;",
        "&#xDFFF;",
        "&#xFFFE;",
        "&#1;",
        "&#+65;",
        "&#-1;",
        "&#;",
        "&#x;",
        "&#99999999999;",
        "&nbsp;",
        "&xxe;",
        "&;",
        "&AMP;",
        "& b;",
    ] {
        assert_eq!(refused(&format!("<xml><a>{reference}</a></xml>")), K::Entity, "{reference}");
    }
    assert_eq!(refused("<xml><a>&no_end_of_it</a></xml>"), K::Entity);
    // What is cut off may have been good; what is longer than the longest one was not.
    assert_eq!(refused("<xml><a>&#x0010FFFF"), K::Truncated);
    assert_eq!(refused("<xml><a>&#x0010FFFF0"), K::Entity);
}

#[test]
fn document_types_and_what_they_carry_are_refused() {
    for text in [
        "<!DOCTYPE xml><xml></xml>",
        "<!DOCTYPE xml SYSTEM \"http://example.com/x.dtd\"><xml></xml>",
        "<!DOCTYPE foo [<!ENTITY xxe SYSTEM \"file:///etc/passwd\">]><xml><a>&xxe;</a></xml>",
        "<!DOCTYPE foo [<!ENTITY % p SYSTEM \"file:///etc/passwd\">%p;]><xml></xml>",
        "<!DOCTYPE l [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;\">]><xml><a>&b;</a></xml>",
        "<!doctype xml><xml></xml>",
        "<?xml version=\"1.0\"?><!DOCTYPE xml><xml></xml>",
        "<xml><!DOCTYPE xml><a>1</a></xml>",
        "<xml><!ENTITY a \"b\"></xml>",
        "<xml><a><!DOCTYPE a></a></xml>",
    ] {
        assert_eq!(refused(text), K::Doctype, "{text}");
    }
}

#[test]
fn processing_instructions_and_comments_are_refused() {
    assert_eq!(refused("<?php x?><xml></xml>"), K::ProcessingInstruction);
    assert_eq!(refused("<xml><?x y?></xml>"), K::ProcessingInstruction);
    assert_eq!(refused("<xml><a>1<?x y?></a></xml>"), K::ProcessingInstruction);
    assert_eq!(refused("<!-- c --><xml></xml>"), K::Comment);
    assert_eq!(refused("<xml><!-- c --><a>1</a></xml>"), K::Comment);
    assert_eq!(refused("<xml><a>1<!-- c -->2</a></xml>"), K::Comment);
}

#[test]
fn a_declaration_may_name_utf8_only() {
    for declaration in [
        "<?xml version=\"1.0\"?>",
        "<?xml version='1.0' encoding='utf-8'?>\n",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\" ?>",
    ] {
        assert!(read(&format!("{declaration}<xml><a>1</a></xml>")).is_ok(), "{declaration}");
    }
    for declaration in [
        "<?xml version=\"1.0\" encoding=\"GBK\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
        "<?xml version=\"1.1\"?>",
        "<?xml encoding=\"UTF-8\"?>",
        "<?xml?>",
        "<?xml version=1.0?>",
        "<?xml version=\"1.0\" extra=\"1\"?>",
        "<?xml version=\"1.0\"",
    ] {
        assert_eq!(refused(&format!("{declaration}<xml/>")), K::Declaration, "{declaration}");
    }
}

#[test]
fn attributes_prefixes_and_nesting_are_refused() {
    assert_eq!(refused("<xml xmlns=\"x\"><a>1</a></xml>"), K::Attribute);
    assert_eq!(refused("<xml><a b=\"1\">1</a></xml>"), K::Attribute);
    assert_eq!(refused("<xml><a:b>1</a:b></xml>"), K::Name);
    assert_eq!(refused("<xml><a><b>1</b></a></xml>"), K::Nested);
    assert_eq!(refused(&"<a>".repeat(5_000)), K::Root);
    assert_eq!(refused(&format!("<xml>{}", "<a>".repeat(5_000))), K::Nested);
    assert_eq!(refused(&format!("<xml>{}", "<a>".repeat(100_000))), K::TooLong);
}

#[test]
fn another_root_two_roots_and_trailing_bytes_are_refused() {
    assert_eq!(refused("<root><a>1</a></root>"), K::Root);
    assert_eq!(refused("hello"), K::Root);
    assert_eq!(refused("{\"a\":1}"), K::Root);
    assert_eq!(refused("<xml></xml><xml></xml>"), K::Trailing);
    assert_eq!(refused("<xml></xml>x"), K::Trailing);
    assert_eq!(refused("<xml></xml>\0"), K::Trailing);
    assert!(read("<xml></xml>\n ").is_ok());
    assert!(Doc::<8>::read_root(b"<root><a>1</a></root>", "root").is_ok());
}

#[test]
fn the_same_name_twice_is_refused_whatever_its_value() {
    assert_eq!(refused("<xml><a>1</a><a>1</a></xml>"), K::Duplicate);
    assert_eq!(refused("<xml><a>1</a><b>2</b><a>3</a></xml>"), K::Duplicate);
    assert_eq!(refused("<xml><b>1</b><a>2</a><b/></xml>"), K::Duplicate);
}

#[test]
fn sizes_have_limits() {
    let fields = |count: usize| {
        let fields: String = (0..count).map(|i| format!("<f{i}>1</f{i}>")).collect();
        format!("<xml>{fields}</xml>")
    };
    assert!(read(&fields(64)).is_ok());
    assert_eq!(refused(&fields(65)), K::TooManyFields);
    let name = "n".repeat(32);
    assert!(read(&format!("<xml><{name}>1</{name}></xml>")).is_ok());
    assert_eq!(refused(&format!("<xml><{name}n>1</{name}n></xml>")), K::NameTooLong);
    let long = "x".repeat(DOC_LEN_MAX - "<xml><a></a></xml>".len());
    assert!(read(&format!("<xml><a>{long}</a></xml>")).is_ok());
    assert_eq!(refused(&format!("<xml><a>{long}x</a></xml>")), K::TooLong);
    assert_eq!(refused(&"x".repeat(10_000_000)), K::TooLong);
}

#[test]
fn nothing_and_white_space_are_empty() {
    for text in ["", " ", "\r\n\t", "\u{FEFF}"] {
        assert_eq!(refused(text), K::Empty, "{text:?}");
    }
}

#[test]
fn a_byte_order_mark_is_taken_once_at_the_start() {
    assert!(read("\u{FEFF}<xml><a>1</a></xml>").is_ok());
    assert_eq!(refused("\u{FEFF}\u{FEFF}<xml></xml>"), K::Root);
    assert_eq!(refused("<xml>\u{FEFF}<a>1</a></xml>"), K::TextBetweenFields);
}

#[test]
fn other_encodings_are_refused() {
    let utf16: StdVec<u8> = "<xml></xml>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Doc::<64>::read(&utf16).unwrap_err().kind, K::Name);
    let with_mark: StdVec<u8> = [0xFF, 0xFE].into_iter().chain(utf16).collect();
    assert_eq!(Doc::<64>::read(&with_mark).unwrap_err().kind, K::NotUtf8);
    let gbk = b"<xml><body>\xbf\xa7\xb7\xc8</body></xml>";
    assert_eq!(Doc::<64>::read(gbk), Err(ReadError { at: 11, kind: K::NotUtf8 }));
    let declared = b"<?xml version=\"1.0\" encoding=\"GBK\"?><xml><body>\xbf\xa7</body></xml>";
    assert_eq!(Doc::<64>::read(declared).unwrap_err().kind, K::NotUtf8);
    for bad in [&b"\xc0\xaf"[..], b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4\xb8"] {
        let text = [b"<xml><a>", bad, b"</a></xml>"].concat();
        assert_eq!(Doc::<64>::read(&text).unwrap_err().kind, K::NotUtf8, "{bad:?}");
    }
}

#[test]
fn control_characters_are_refused() {
    for c in ['\0', '\u{1}', '\u{8}', '\u{B}', '\u{1F}', '\u{FFFE}', '\u{FFFF}'] {
        assert_eq!(refused(&format!("<xml><a>1{c}</a></xml>")), K::Character, "{c:?}");
        let section = format!("<xml><a><![CDATA[1{c}]]></a></xml>");
        assert_eq!(refused(&section), K::Character, "{c:?}");
    }
}

#[test]
fn marks_out_of_place_are_refused() {
    assert_eq!(refused("<xml><a>1]]>2</a></xml>"), K::CData);
    assert_eq!(refused("<xml><![CDATA[x]]></xml>"), K::CData);
    assert_eq!(refused("<![CDATA[x]]><xml></xml>"), K::Root);
    assert_eq!(refused("<xml>text<a>1</a></xml>"), K::TextBetweenFields);
    assert_eq!(refused("<xml><a>1</b></xml>"), K::ClosingTag);
    assert_eq!(refused("<xml><a>1</ab></xml>"), K::ClosingTag);
    assert_eq!(refused("<xml><a>1</xml>"), K::ClosingTag);
    assert_eq!(refused("<xml><a><![CDATA[1]]></b></xml>"), K::ClosingTag);
    assert_eq!(refused("<xml><a><![CDATA[1]]></ab></xml>"), K::ClosingTag);
    assert_eq!(refused("<xml><ab><![CDATA[1]]></a></xml>"), K::ClosingTag);
    assert_eq!(refused("<xml><a><![CDATA[1]]></a><b/>"), K::Truncated);
    assert_eq!(refused("<xml><1a><![CDATA[1]]></1a></xml>"), K::Name);
    assert_eq!(refused("<xml><1a>1</1a></xml>"), K::Name);
    assert_eq!(refused("<xml>< a>1</a></xml>"), K::Name);
    assert_eq!(refused("<xml><名>1</名></xml>"), K::Name);
}

#[test]
fn a_document_cut_anywhere_is_refused() {
    let whole =
        "\u{FEFF}<?xml version=\"1.0\"?>\n<xml><a>x&amp;y</a><b><![CDATA[咖啡]]></b><c/></xml>";
    assert!(read(whole).is_ok());
    let root = whole.find("<xml>").unwrap();
    for cut in 0..whole.len() {
        let kind = Doc::<64>::read(&whole.as_bytes()[..cut]).unwrap_err().kind;
        if !whole.is_char_boundary(cut) {
            assert_eq!(kind, K::NotUtf8, "cut at {cut}");
        } else if cut > root {
            assert_eq!(kind, K::Truncated, "cut at {cut}");
        }
    }
}

#[test]
fn an_error_says_where() {
    let error = read("<xml><a>1</a><a>2</a></xml>").unwrap_err();
    assert_eq!(error.to_string(), "a field name is there twice (at byte 13)");
}

#[test]
fn documents_are_equal_and_shown_by_their_fields() {
    let doc = read("<xml><b>1</b><a><![CDATA[x]]></a></xml>").unwrap();
    assert_eq!(doc, read("<xml><b><![CDATA[1]]></b> <a>x</a></xml>").unwrap());
    for other in
        ["<xml><b>1</b><a>y</a></xml>", "<xml><b>1</b></xml>", "<xml><a>x</a><b>1</b></xml>"]
    {
        assert_ne!(doc, read(other).unwrap());
    }
    let draft: Draft<'_, 64> = Draft::copy_of(&doc).unwrap();
    assert_eq!(format!("{doc:?}"), r#"{"b": "1", "a": "x"}"#);
    assert_eq!(format!("{draft:?}"), format!("{doc:?}"));
}

#[test]
fn names_given_by_code_are_checked_too() {
    let long = "n".repeat(33);
    let mut doc: Draft<'_, 64> = Draft::new();
    for name in ["", "a b", "a>", "sign=", &long] {
        assert_eq!(doc.push(name, Text::new("1")), Err(PushError::Name), "{name:?}");
    }
    doc.push("a", Text::new("1")).unwrap();
    assert_eq!(doc.push("a", Text::new("2")), Err(PushError::Duplicate));
    assert_eq!(PushError::Duplicate.to_string(), "a field name is there twice");
    assert_eq!(doc.fields().len(), 1);
}

#[test]
fn differently_encoded_values_are_equal_when_their_text_is() {
    let text = "<xml><a>x&amp;y</a><b><![CDATA[x&]]>y</b><c>x&#38;z</c><d>x&amp;yz</d></xml>";
    let doc = read(text).unwrap();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| doc.get(name).unwrap());
    assert_eq!(a, b);
    assert_eq!(a, Text::new("x&y"));
    assert_ne!(a, c);
    assert_ne!(a, d);
    assert_ne!(d, a);
}

#[test]
fn a_value_that_xml_cannot_carry_is_not_written() {
    let mut doc: Draft<'_, 64> = Draft::new();
    doc.push("a", Text::new("\u{1}")).unwrap();
    assert_eq!(doc.write(&mut String::new()), Err(WriteError::Character));
    let mut doc: Draft<'_, 64> = Draft::new();
    doc.push("a", Text::new("1")).unwrap();
    let mut small: heapless::String<8> = heapless::String::new();
    assert_eq!(doc.write(&mut small), Err(WriteError::Full));
    assert_eq!(WriteError::Full.to_string(), "the buffer for the document is full");
}

/// What quick-xml, an independent reader, makes of a document.
fn by_quick_xml(text: &str) -> StdVec<(String, String)> {
    use quick_xml::{Reader, events::Event};
    let mut reader = Reader::from_str(text);
    let (mut fields, mut name, mut value) = (vec![], None, String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                name = Some(tag.name().as_ref().to_string());
                value.clear();
            }
            Event::Text(text) => value.push_str(&text),
            Event::CData(text) => value.push_str(&text),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().unwrap() {
                Some(c) => value.push(c),
                None => {
                    let entity = quick_xml::escape::resolve_predefined_entity(&reference);
                    value.push_str(entity.unwrap());
                }
            },
            Event::End(_) => fields.extend(name.take().map(|name| (name, value.clone()))),
            Event::Eof => return fields,
            _ => {}
        }
    }
}

/// One value in one of the ways WeChat and clients encode it.
fn encode(value: &str, how: u8) -> String {
    let escaped = |text: &str| {
        text.chars().fold(String::new(), |sum, c| match c {
            '&' => sum + "&amp;",
            '<' => sum + "&lt;",
            '>' => sum + "&gt;",
            '\r' => sum + "&#13;",
            c => format!("{sum}{c}"),
        })
    };
    let section = |text: &str| format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>"));
    let half = value.char_indices().nth(value.chars().count() / 2).map_or(0, |(at, _)| at);
    let (head, tail) = value.split_at(half);
    match how % 4 {
        0 => escaped(value),
        1 => section(value),
        2 => escaped(head) + &section(tail),
        _ => section(head) + &section(tail),
    }
}

fn xml_text() -> impl Strategy<Value = String> {
    "([ -~\\n\\t]|[咖啡☕新字段🙂é\u{301}]|]]>|&|<){0,30}"
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        fields in proptest::collection::btree_map("[a-z_][a-z0-9_]{0,12}", xml_text(), 0..20),
    ) {
        let mut doc: Draft<'_, 64> = Draft::new();
        for (name, value) in &fields {
            doc.push(name, Text::new(value)).unwrap();
        }
        let mut text = String::new();
        doc.write(&mut text).unwrap();
        prop_assert!(read(&text).unwrap().fields().eq(doc.fields().iter().copied()));
    }

    #[test]
    fn what_we_read_quick_xml_reads_the_same(
        fields in proptest::collection::btree_map(
            "[a-z_][a-z0-9_]{0,12}", (xml_text(), any::<u8>()), 1..20),
    ) {
        let body: String = fields
            .iter()
            .map(|(name, (value, how))| format!("<{name}>{}</{name}>", encode(value, *how)))
            .collect();
        let text = format!("<xml>{body}</xml>");
        let doc = read(&text).unwrap();
        let ours: StdVec<(String, String)> =
            doc.fields().map(|f| (f.name.into(), f.value.to_string())).collect();
        prop_assert_eq!(&ours, &by_quick_xml(&text));
        for ((_, (value, _)), (_, read)) in fields.iter().zip(&ours) {
            prop_assert_eq!(value, read);
        }
    }

    #[test]
    fn the_quick_way_reads_what_the_slow_way_reads(
        fields in proptest::collection::vec(("[a-z_][a-z0-9_]{0,17}", xml_text()), 0..20),
        other in prop::option::of(("[a-z_]{1,3}", 0_usize..20)),
    ) {
        // A space in the closing tag is allowed, and too unusual for the quick way.
        let document = |space: &str| {
            let body: String = fields
                .iter()
                .enumerate()
                .map(|(at, (name, value))| {
                    let close = match &other {
                        Some((other, place)) if *place == at => other,
                        _ => name,
                    };
                    format!("<{name}>{}</{close}{space}>", encode(value, 1))
                })
                .collect();
            format!("<xml>{body}</xml>")
        };
        let (quick, slow) = (document(""), document(" "));
        match (read(&quick), read(&slow)) {
            (Ok(quick), Ok(slow)) => prop_assert_eq!(quick, slow),
            (quick, slow) => prop_assert_eq!(quick.map_err(|e| e.kind), slow.map_err(|e| e.kind)),
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Doc::<64>::read(&bytes);
    }

    #[test]
    fn no_almost_document_panics(
        text in "(<|>|/|xml|a|b|&|;|#|x|\\[CDATA\\[|]]>|!|\\?|-| |咖){0,40}",
    ) {
        if let Ok(doc) = read(&text) {
            for field in doc.fields() {
                prop_assert_eq!(field.value.len(), field.value.to_string().len());
            }
        }
        let _ = read(&format!("<xml><a>{text}</a></xml>"));
    }
}
