//! What our reader takes, quick-xml reads the same: no document has two meanings.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quick_xml::events::Event;
use quick_xml::{Reader, escape::resolve_predefined_entity};
use saoma_core::xml::{Doc, FIELDS_MAX};

/// Names and values in their order. It panics where quick-xml finds a mistake.
fn by_quick_xml(text: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(text);
    let (mut fields, mut name, mut value) = (vec![], None, String::new());
    let mut depth = 0;
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(tag) => {
                depth += 1;
                assert!(depth <= 2, "nested");
                assert!(tag.attributes().next().is_none(), "an attribute");
                name = (depth == 2).then(|| tag.name().as_ref().to_string());
                value.clear();
            }
            Event::Empty(tag) if depth == 1 => {
                fields.push((tag.name().as_ref().to_string(), String::new()));
            }
            Event::Text(text) => value.push_str(&text),
            Event::CData(text) => value.push_str(&text),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().expect("one") {
                Some(c) => value.push(c),
                None => value.push_str(resolve_predefined_entity(&reference).expect("a known one")),
            },
            Event::End(_) => {
                depth -= 1;
                fields.extend(name.take().map(|name| (name, value.clone())));
            }
            Event::Eof => return fields,
            Event::Decl(_) | Event::Empty(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(doc) = Doc::<'_, FIELDS_MAX>::read(bytes) else { return };
    let text = core::str::from_utf8(bytes).expect("what was read is UTF-8");
    let ours: Vec<_> = doc.fields().map(|it| (it.name.to_owned(), it.value.to_string())).collect();
    assert_eq!(ours, by_quick_xml(text));
});
