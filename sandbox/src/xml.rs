//! The document: ordered names and values, and nothing about what they mean.
//!
//! A v2 message is one `<xml>` element with one level of children whose values are text
//! (`docs/protocol.md` §1). The reader takes exactly that. It refuses a document type (so there is
//! no external entity to follow), attributes, nesting, a name that comes twice, a byte-order mark
//! and text between the elements, because a message with any of these was not meant for this
//! protocol. Values may be plain, entity-escaped or CDATA, also mixed in one value, and are not
//! trimmed.

use std::borrow::Cow;
use std::fmt;

use quick_xml::events::{BytesCData, BytesEnd, BytesRef, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

/// The most bytes a document may have. `detail` may have 6144 bytes; escaped it grows sixfold.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;

/// The most fields a document may have.
pub const FIELDS_MAX: usize = 256;

/// The most bytes the name of a field may have.
pub const NAME_BYTES_MAX: usize = 64;

/// Names and values in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    fields: Vec<(String, String)>,
}

/// Why bytes are not a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is nothing in it.
    Empty,
    /// The bytes are not UTF-8, or the declaration names another encoding.
    NotUtf8,
    /// More than [`DOCUMENT_BYTES_MAX`], [`FIELDS_MAX`] or [`NAME_BYTES_MAX`].
    TooLarge,
    /// Not the XML described above; says what is wrong.
    Malformed(&'static str),
    /// A name comes twice.
    Duplicate(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the body is empty"),
            Self::NotUtf8 => f.write_str("the body is not UTF-8"),
            Self::TooLarge => f.write_str("the document is too large"),
            Self::Malformed(why) => f.write_str(why),
            Self::Duplicate(name) => write!(f, "the field {name} comes twice"),
        }
    }
}

impl std::error::Error for ReadError {}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`]; the input decides, the reader never panics.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        Self::read_under(&["xml"], bytes)
    }

    /// Reads a call. Its root may also be `<root>`: an SDK that merchants have paid with for years
    /// (weixin-pay of npm) orders so.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_call(bytes: &[u8]) -> Result<Self, ReadError> {
        Self::read_under(&["xml", "root"], bytes)
    }

    fn read_under(roots: &'static [&'static str], bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(ReadError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?;
        if text.trim().is_empty() {
            return Err(ReadError::Empty);
        }
        if text.starts_with('\u{feff}') {
            return Err(ReadError::Malformed("a byte-order mark before the document"));
        }
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        let mut parser = Parser { roots, ..Parser::default() };
        loop {
            let event =
                reader.read_event().map_err(|_| ReadError::Malformed("not well-formed XML"))?;
            if parser.take(event)? {
                return Ok(parser.document);
            }
        }
    }

    /// The value of a field; `None` when it is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field that is there and not empty. An empty field says nothing, and is not
    /// signed either (`docs/protocol.md` §2).
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The document with another value in a field that it has.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let mut fields = self.fields.iter_mut();
        if let Some((_, old)) = fields.find(|(known, _)| known == name) {
            value.clone_into(old);
        }
        self
    }

    /// All fields in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// How far the reader is.
#[derive(Default)]
struct Parser {
    /// What the root element may be called.
    roots: &'static [&'static str],
    document: Document,
    /// The field being read: its name and what of its value has come.
    open: Option<(String, String)>,
    place: Place,
    events: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Inside,
    After,
}

impl Parser {
    /// Takes the next event; says whether the document is complete.
    fn take(&mut self, event: Event<'_>) -> Result<bool, ReadError> {
        self.events += 1;
        match event {
            Event::Decl(declaration) => self.declaration(&declaration)?,
            Event::Start(element) => self.start(&element)?,
            Event::End(_) => self.end()?,
            Event::Text(text) => self.text(&text.xml10_content())?,
            Event::CData(text) => self.cdata(&text)?,
            Event::GeneralRef(reference) => self.reference(&reference)?,
            Event::Comment(_) => {}
            // The reader is told to give an empty element as a start and an end.
            Event::Empty(_) => return Err(ReadError::Malformed("an empty element")),
            Event::PI(_) => return Err(ReadError::Malformed("a processing instruction")),
            Event::DocType(_) => return Err(ReadError::Malformed("a document type")),
            Event::Eof => {
                return match self.place {
                    Place::After => Ok(true),
                    Place::Before | Place::Inside => {
                        Err(ReadError::Malformed("the document ends too early"))
                    }
                };
            }
        }
        Ok(false)
    }

    fn declaration(&self, declaration: &quick_xml::events::BytesDecl<'_>) -> Result<(), ReadError> {
        if self.events != 1 {
            return Err(ReadError::Malformed("a declaration that is not at the start"));
        }
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
            Some(Ok(_)) => Err(ReadError::NotUtf8),
            Some(Err(_)) => Err(ReadError::Malformed("a broken declaration")),
        }
    }

    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), ReadError> {
        if !element.attributes_raw().trim().is_empty() {
            return Err(ReadError::Malformed("an element with attributes"));
        }
        let name = element.name();
        let name: &str = name.as_ref();
        match (self.place, &self.open) {
            (Place::Before, _) if self.roots.contains(&name) => self.place = Place::Inside,
            (Place::Before, _) => {
                return Err(ReadError::Malformed("the root element is not <xml>"));
            }
            (Place::Inside, None) => {
                self.check_name(name)?;
                self.open = Some((name.to_owned(), String::new()));
            }
            (Place::Inside, Some(_)) => {
                return Err(ReadError::Malformed("an element inside a field"));
            }
            (Place::After, _) => return Err(ReadError::Malformed("a second root element")),
        }
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), ReadError> {
        if name.len() > NAME_BYTES_MAX || self.document.fields.len() >= FIELDS_MAX {
            return Err(ReadError::TooLarge);
        }
        let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let rest = |byte: u8| first(byte) || byte.is_ascii_digit() || b"-.".contains(&byte);
        if !name.bytes().next().is_some_and(first) || !name.bytes().all(rest) {
            return Err(ReadError::Malformed("a field name with unusual characters"));
        }
        if self.document.get(name).is_some() {
            return Err(ReadError::Duplicate(name.to_owned()));
        }
        Ok(())
    }

    /// An end tag. quick-xml has checked that it closes what is open.
    fn end(&mut self) -> Result<(), ReadError> {
        match (self.place, self.open.take()) {
            (Place::Inside, Some(field)) => self.document.fields.push(field),
            (Place::Inside, None) => self.place = Place::After,
            (Place::Before | Place::After, _) => {
                return Err(ReadError::Malformed("an end tag without a start"));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), ReadError> {
        if self.open.is_none() && text.bytes().all(|byte| b" \t\r\n".contains(&byte)) {
            return Ok(());
        }
        self.value(text)
    }

    fn cdata(&mut self, text: &BytesCData<'_>) -> Result<(), ReadError> {
        self.value(&text.xml10_content())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), ReadError> {
        let unknown = ReadError::Malformed("an unknown entity");
        if reference.is_char_ref() {
            let Ok(Some(character)) = reference.resolve_char_ref() else { return Err(unknown) };
            return self.value(character.encode_utf8(&mut [0; 4]));
        }
        let text = quick_xml::escape::resolve_predefined_entity(reference).ok_or(unknown)?;
        self.value(text)
    }

    /// A piece of the value of the open field.
    fn value(&mut self, piece: &str) -> Result<(), ReadError> {
        // XML 1.0 knows no other control characters, and two characters that are none at all.
        let allowed = |c: char| {
            (c >= ' ' || ['\t', '\n', '\r'].contains(&c)) && !['\u{fffe}', '\u{ffff}'].contains(&c)
        };
        if !piece.chars().all(allowed) {
            return Err(ReadError::Malformed("a control character"));
        }
        let Some((_, value)) = &mut self.open else {
            return Err(ReadError::Malformed("text between the elements"));
        };
        value.push_str(piece);
        Ok(())
    }
}

/// How a value stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Inside `<![CDATA[...]]>`: WeChat's usual way.
    Cdata,
    /// As text, escaped where XML demands it: some numbers.
    Plain,
}

/// One field to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The element's name.
    pub name: Cow<'static, str>,
    /// Its value, unescaped.
    pub value: String,
    /// How the value is written.
    pub style: Style,
}

impl Field {
    /// A field in CDATA.
    pub fn cdata(name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), style: Style::Cdata }
    }

    /// A number without CDATA.
    pub fn plain(name: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        Self { name: name.into(), value: value.to_string(), style: Style::Plain }
    }

    /// Name and value, as a signature sees them.
    pub fn pair(&self) -> (&str, &str) {
        (&self.name, &self.value)
    }
}

/// Writes a document as the gateway does: the first field on the line of `<xml>`, then a line each.
pub fn write(fields: &[Field]) -> String {
    write_root("xml", fields)
}

/// The same under another root element: what is sealed in a refund notification has `<root>`.
pub fn write_root(root: &str, fields: &[Field]) -> String {
    let bytes = |field: &Field| 2 * field.name.len() + field.value.len() + 24;
    let room = fields.iter().map(bytes).sum::<usize>() + 2 * root.len() + 8;
    let mut writer = Writer::new(Vec::with_capacity(room));
    write_to(&mut writer, root, fields).expect("a Vec takes all that is written");
    String::from_utf8(writer.into_inner()).expect("quick-xml writes the UTF-8 that it is given")
}

fn write_to(writer: &mut Writer<Vec<u8>>, root: &str, fields: &[Field]) -> std::io::Result<()> {
    writer.write_event(Event::Start(BytesStart::new(root)))?;
    for field in fields {
        writer.write_event(Event::Start(BytesStart::new(&*field.name)))?;
        match field.style {
            Style::Plain => writer.write_event(Event::Text(BytesText::new(&field.value)))?,
            Style::Cdata if field.value.is_empty() => {
                writer.write_event(Event::CData(BytesCData::new("")))?;
            }
            // `escaped` splits a value that holds "]]>" into two sections.
            Style::Cdata => {
                for section in BytesCData::escaped(&field.value) {
                    writer.write_event(Event::CData(section))?;
                }
            }
        }
        writer.write_event(Event::End(BytesEnd::new(&*field.name)))?;
        writer.write_event(Event::Text(BytesText::from_escaped("\n")))?;
    }
    writer.write_event(Event::End(BytesEnd::new(root)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, ReadError> {
        Document::read(text.as_bytes()).map(|document| document.fields)
    }

    fn value(text: &str) -> String {
        Document::read(text.as_bytes()).unwrap().get("a").unwrap().to_owned()
    }

    #[test]
    fn cdata_plain_and_escaped_values_say_the_same() {
        assert_eq!(value("<xml><a><![CDATA[x&<y>]]></a></xml>"), "x&<y>");
        assert_eq!(value("<xml><a>x&amp;&lt;y&gt;</a></xml>"), "x&<y>");
        assert_eq!(value("<xml><a>x<![CDATA[&]]>&#60;y&#x3E;</a></xml>"), "x&<y>");
    }

    #[test]
    fn values_are_not_trimmed() {
        assert_eq!(value("<xml><a> x </a></xml>"), " x ");
    }

    #[test]
    fn an_empty_field_is_there_but_not_filled() {
        for text in ["<xml><a></a></xml>", "<xml><a/></xml>", "<xml><a><![CDATA[]]></a></xml>"] {
            let document = Document::read(text.as_bytes()).unwrap();
            assert_eq!((document.get("a"), document.filled("a")), (Some(""), None), "{text}");
        }
    }

    #[test]
    fn a_declaration_white_space_and_comments_are_fine() {
        let text =
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- x -->\n<xml>\n <a>1</a>\n</xml>\n";
        assert_eq!(value(text), "1");
    }

    #[test]
    fn a_call_may_stand_under_root_and_nothing_else_may() {
        let text = b"<root><a>1</a></root>";
        assert_eq!(Document::read_call(text).unwrap().get("a"), Some("1"));
        assert!(Document::read(text).is_err());
        assert!(Document::read_call(b"<xml><a>1</a></root>").is_err());
        assert!(Document::read_call(b"<doc><a>1</a></doc>").is_err());
    }

    #[test]
    fn whatever_is_no_v2_message_is_refused() {
        for text in [
            "x",
            "<a>1</a>",
            "<xml>",
            "<xml><a>1</xml>",
            "<xml><a>1</b></xml>",
            "<xml><a><b>1</b></a></xml>",
            "<xml><a b=\"1\">1</a></xml>",
            "<xml b=\"1\"><a>1</a></xml>",
            "<xml><a>1</a></xml><xml/>",
            "<xml><a>1</a></xml>x",
            "x<xml><a>1</a></xml>",
            "<xml>x<a>1</a></xml>",
            "<xml><a>&other;</a></xml>",
            "<xml><a>&#0;</a></xml>",
            "<xml><a>&#1;</a></xml>",
            "<xml><a>\u{1}</a></xml>",
            "<xml><a>&</a></xml>",
            "<xml><a>1</a></xml>{}",
            "\u{feff}<xml><a>1</a></xml>",
            "<xml><1a>1</1a></xml>",
            "<!DOCTYPE xml [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml><a>&e;</a></xml>",
            "<?xml version=\"1.0\"?><?php echo 1 ?><xml><a>1</a></xml>",
            "<xml><?xml version=\"1.0\"?><a>1</a></xml>",
            "{\"a\":1}",
        ] {
            assert!(matches!(read(text), Err(ReadError::Malformed(_))), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        assert_eq!(
            read("<xml><a>1</a><b>2</b><a>1</a></xml>"),
            Err(ReadError::Duplicate("a".into()))
        );
    }

    #[test]
    fn other_encodings_are_refused() {
        assert_eq!(Document::read(b"<xml><a>\xb1\xa1</a></xml>"), Err(ReadError::NotUtf8));
        let gbk = "<?xml version=\"1.0\" encoding=\"GBK\"?><xml><a>1</a></xml>";
        assert_eq!(read(gbk), Err(ReadError::NotUtf8));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!(read(""), Err(ReadError::Empty));
        assert_eq!(read(" \n"), Err(ReadError::Empty));
        let long = format!("<xml><a>{}</a></xml>", "x".repeat(DOCUMENT_BYTES_MAX));
        assert_eq!(read(&long), Err(ReadError::TooLarge));
        let many: String = (0..=FIELDS_MAX).map(|n| format!("<a{n}/>")).collect();
        assert_eq!(read(&format!("<xml>{many}</xml>")), Err(ReadError::TooLarge));
    }

    #[test]
    fn a_document_is_written_as_the_gateway_does() {
        let fields = [
            Field::cdata("return_code", "SUCCESS"),
            Field::cdata("device_info", ""),
            Field::plain("total_fee", 1),
            Field::cdata("attach", "a]]>b"),
        ];
        assert_eq!(
            write(&fields),
            "<xml><return_code><![CDATA[SUCCESS]]></return_code>\n\
             <device_info><![CDATA[]]></device_info>\n\
             <total_fee>1</total_fee>\n\
             <attach><![CDATA[a]]]]><![CDATA[>b]]></attach>\n</xml>"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            values in prop::collection::btree_map(
                "[a-zA-Z_][a-zA-Z0-9_]{0,20}",
                "[^\\pC]{0,40}",
                0..12,
            ),
            plain in any::<bool>(),
        ) {
            let style = if plain { Style::Plain } else { Style::Cdata };
            let fields: Vec<_> = values
                .iter()
                .map(|(name, value)| (name.clone().into(), value.clone()))
                .map(|(name, value)| Field { name, value, style })
                .collect();
            let document = Document::read(write(&fields).as_bytes()).unwrap();
            prop_assert!(document.iter().eq(fields.iter().map(Field::pair)));
        }

        #[test]
        fn no_input_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Document::read(&bytes);
        }

        #[test]
        fn no_markup_makes_the_reader_panic(
            text in "(<|/|>|xml|a|&|;|#|x|!|\\[|CDATA|\\]| |1|-|\\?){0,40}",
        ) {
            let _ = Document::read(text.as_bytes());
            let _ = Document::read(format!("<xml>{text}</xml>").as_bytes());
        }
    }
}
