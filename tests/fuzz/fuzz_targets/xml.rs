//! Any bytes are a document or an error; a document that is written is read back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saoma_core::xml::{Doc, Draft, FIELDS_MAX};

fuzz_target!(|bytes: &[u8]| {
    let _ = Doc::<'_, 4>::read(bytes);
    let _ = Doc::<'_, 256>::read_root(bytes, "root");
    let doc = match Doc::<'_, FIELDS_MAX>::read(bytes) {
        Ok(doc) => doc,
        Err(error) => {
            assert!(error.at <= bytes.len(), "{error}");
            return;
        }
    };
    assert!(doc.sorted().map(|field| field.name).is_sorted());
    assert_eq!(doc.sorted().count(), doc.fields().len());
    for field in doc.fields() {
        assert!(doc.get(field.name).is_some_and(|value| value == field.value));
        assert_eq!(field.value.to_string().len(), field.value.len());
    }
    let mut written = String::new();
    let draft: Draft<'_, FIELDS_MAX> = Draft::copy_of(&doc).expect("room for as many");
    draft.write(&mut written).expect("what was read can be written");
    // Escapes may make it longer than a document may be.
    if written.len() <= saoma_core::xml::DOC_LEN_MAX {
        let again =
            Doc::<'_, FIELDS_MAX>::read(written.as_bytes()).expect("what was written can be read");
        assert_eq!(again, doc);
    }
});
