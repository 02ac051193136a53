//! The mistakes that people make when they sign, and the search for the ones that were made.

use serde::Serialize;

use crate::merchant::Merchant;
use crate::sign::{self, Algorithm, Digest, KEY, KEY_LOWER, KEY_UPPER, Key};
use crate::xml::Document;

/// One thing that was done wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// One word for it.
    pub code: &'static str,
    /// What it is about, when the word alone does not say it: a field, a merchant, an algorithm.
    pub about: Option<String>,
    /// What to do, in English.
    pub advice: String,
}

impl Mistake {
    fn new(code: &'static str, advice: impl Into<String>) -> Self {
        Self { code, about: None, advice: advice.into() }
    }

    fn about(code: &'static str, about: &str, advice: impl Into<String>) -> Self {
        Self { code, about: Some(about.to_owned()), advice: advice.into() }
    }
}

/// A way to get from a document to the text that is signed, up to the key.
struct Text {
    text: String,
    mistake: Option<Mistake>,
}

/// A way to bring the key in.
struct Ending {
    ending: String,
    mistake: Option<Mistake>,
}

/// The mistakes that together make `given` of this document, fewest first; none when it cannot be
/// explained. `others` are the merchants whose keys might have been taken by mistake.
pub(super) fn find(
    document: &Document,
    given: &str,
    merchant: &Merchant,
    algorithm: Algorithm,
    others: &[&Merchant],
) -> Vec<Mistake> {
    let mut around = Vec::new();
    let trimmed = given.trim();
    if trimmed != given {
        around.push(Mistake::new("sign_padded", "take the blanks off the value of sign"));
    }
    if trimmed.bytes().any(|byte| byte.is_ascii_lowercase()) {
        around.push(Mistake::new("lower_case", "write the signature in upper-case hex"));
    }
    let wanted = trimmed.to_ascii_uppercase();
    let texts = texts(document);
    let found = search(&texts, &endings(), &merchant.key, algorithm, &wanted);
    let found = found.or_else(|| {
        let right = [Ending { ending: format!("&key={KEY}"), mistake: None }];
        let simple: Vec<_> = texts.into_iter().filter(|text| !is_left_out(text)).collect();
        let with = |key: &Key, mistake: Mistake| {
            let mut found = search(&simple, &right, key, algorithm, &wanted)?;
            found.insert(0, mistake);
            Some(found)
        };
        let old = || {
            let advice = "this is the key from before it was changed: since then, take the new one";
            merchant.old_keys.iter().find_map(|key| with(key, Mistake::new("old_key", advice)))
        };
        old().or_else(|| {
            others.iter().find_map(|Merchant { mch_id, key, .. }| {
                let advice = format!("this is the key of merchant {mch_id}: take your own");
                with(key, Mistake::about("other_key", mch_id, advice))
            })
        })
    });
    match found {
        Some(found) => found.into_iter().chain(around).collect(),
        None => Vec::new(),
    }
}

fn is_left_out(text: &Text) -> bool {
    text.mistake.as_ref().is_some_and(|mistake| mistake.code == "left_out")
}

/// The first combination that gives the wanted digits, those with few mistakes before those with
/// many.
fn search(
    texts: &[Text],
    endings: &[Ending],
    key: &Key,
    algorithm: Algorithm,
    wanted: &str,
) -> Option<Vec<Mistake>> {
    let digests = digests(algorithm);
    for mistakes in 0..=3 {
        for text in texts {
            for ending in endings {
                for (digest, wrong_digest) in &digests {
                    let made = [&text.mistake, &ending.mistake, wrong_digest];
                    if made.iter().filter(|mistake| mistake.is_some()).count() != mistakes {
                        continue;
                    }
                    let template = format!("{}{}", text.text, ending.ending);
                    if digest.hex_length() == wanted.len()
                        && sign::digest(&template, key, *digest) == wanted
                    {
                        return Some(made.into_iter().flatten().cloned().collect());
                    }
                }
            }
        }
    }
    None
}

fn digests(algorithm: Algorithm) -> Vec<(Digest, Option<Mistake>)> {
    let right = Digest::of(algorithm);
    let all = [
        (Digest::Md5, "MD5"),
        (Digest::HmacSha256, "HMAC-SHA256"),
        (Digest::Sha256, "SHA-256 without HMAC"),
    ];
    let mistake = |name: &str| {
        let advice = match algorithm {
            Algorithm::Md5 => "this call means MD5: send sign_type, or sign with MD5",
            Algorithm::HmacSha256 => {
                "sign_type says HMAC-SHA256: sign with it, keyed by the API key"
            }
        };
        Mistake::about("algorithm", name, format!("it was made with {name}; {advice}"))
    };
    all.map(|(digest, name)| (digest, (digest != right).then(|| mistake(name)))).into()
}

/// How the key comes in; the first one is right.
fn endings() -> Vec<Ending> {
    let wrong = |ending: String, code, advice: &str| Ending {
        ending,
        mistake: Some(Mistake::new(code, advice)),
    };
    vec![
        Ending { ending: format!("&key={KEY}"), mistake: None },
        wrong(String::new(), "no_key", "add &key= and the API key at the end"),
        wrong(format!("&key={KEY_LOWER}"), "key_case", "the key's case was changed"),
        wrong(format!("&key={KEY_UPPER}"), "key_case", "the key's case was changed"),
        wrong(KEY.to_owned(), "key_bare", "write &key= before the key"),
        wrong(format!("&{KEY}"), "key_bare", "write key= before the key"),
        wrong(format!("key={KEY}"), "key_joined", "write & before key="),
        wrong(format!("&key={KEY}&"), "ampersand", "nothing comes after the key"),
        wrong("&key=".to_owned(), "key_empty", "the key was empty: check how it is configured"),
    ]
}

type Fields<'a> = Vec<(&'a str, &'a str)>;

/// What could have been signed; the first one is right.
fn texts(document: &Document) -> Vec<Text> {
    let all: Fields<'_> = document.iter().filter(|(name, _)| *name != "sign").collect();
    let filled: Fields<'_> = all.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
    let right = sign::string_to_sign(filled.iter().copied());
    let mut texts = vec![Text { text: right, mistake: None }];
    let mut add = |text: String, mistake: Mistake| {
        if texts.iter().all(|known| known.text != text) {
            texts.push(Text { text, mistake: Some(mistake) });
        }
    };
    for (text, mistake) in whole_texts(&all, &filled) {
        add(text, mistake);
    }
    for (text, mistake) in changed_values(&filled) {
        add(text, mistake);
    }
    for (at, (name, value)) in filled.iter().enumerate() {
        let mut rest = filled.clone();
        rest.remove(at);
        let text = sign::string_to_sign(rest.iter().copied());
        let zero = if *value == "0" { " (0 is not empty)" } else { "" };
        let advice = format!("{name} is sent but was left out of the signature{zero}");
        add(text, Mistake::about("left_out", name, advice));
    }
    for sign_type in ["MD5", "HMAC-SHA256"] {
        let mut more = filled.clone();
        more.retain(|(name, _)| *name != "sign_type");
        more.push(("sign_type", sign_type));
        let advice = format!("sign_type={sign_type} was signed but is not what was sent");
        let text = sign::string_to_sign(more.iter().copied());
        add(text, Mistake::about("sign_type_unsent", sign_type, advice));
    }
    texts
}

fn join<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    fields.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// The right values in a wrong order, or with fields that do not belong.
fn whole_texts(all: &Fields<'_>, filled: &Fields<'_>) -> Vec<(String, Mistake)> {
    let sorted = |mut fields: Fields<'_>| {
        fields.sort_by_key(|(name, _)| *name);
        join(fields).join("&")
    };
    let mut by_pair = join(filled.iter().copied());
    by_pair.sort();
    let mut any_case = filled.clone();
    any_case.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let mut with_key = filled.clone();
    with_key.push(("key", KEY));
    let values: String = {
        let mut fields = filled.clone();
        fields.sort_by_key(|(name, _)| *name);
        fields.iter().map(|(_, value)| *value).collect()
    };
    let mut with_sign = all.clone();
    with_sign.push(("sign", ""));
    vec![
        (sorted(all.clone()), Mistake::new("empty_signed", "leave empty fields out")),
        (sorted(with_sign), Mistake::new("empty_signed", "leave out sign and empty fields")),
        (join(filled.iter().copied()).join("&"), Mistake::new("unsorted", "sort by field name")),
        (by_pair.join("&"), Mistake::new("pairs_sorted", "sort the names, not name=value")),
        (join(any_case).join("&"), Mistake::new("case_sorted", "upper case sorts before lower")),
        (sorted(with_key), Mistake::new("key_sorted", "the key comes last, it is not sorted in")),
        (values, Mistake::new("values_only", "join name=value with &, not the values alone")),
    ]
}

/// The right fields with values that are not those on the wire.
fn changed_values(filled: &Fields<'_>) -> Vec<(String, Mistake)> {
    let with = |change: &dyn Fn(&str) -> String| {
        let changed: Vec<_> = filled.iter().map(|(name, value)| (*name, change(value))).collect();
        let fields = changed.iter().map(|(name, value)| (*name, value.as_str()));
        sign::string_to_sign(fields)
    };
    let encoded = || Mistake::new("url_encoded", "sign the values as they are, not URL-encoded");
    let escaped = || Mistake::new("xml_escaped", "sign the values before they are escaped for XML");
    let charset =
        || Mistake::new("charset", "sign the UTF-8 bytes: another character set was used");
    let compact = |value: &str| value.split_whitespace().collect::<String>();
    vec![
        (
            with(&|value| value.trim().to_owned()),
            Mistake::new("trimmed", "sign the values as they are, blanks too"),
        ),
        (with(&compact), Mistake::new("blanks", "sign the blanks and line breaks inside values")),
        (with(&|value| percent(value, "%20")), encoded()),
        (with(&|value| percent(value, "+")), encoded()),
        (with(&|value| percent(value, "%20").to_lowercase()), encoded()),
        (with(&|value| escape(value, false)), escaped()),
        (with(&|value| escape(value, true)), escaped()),
        (
            with(&|value| value.replace('/', "\\/")),
            Mistake::new("json_escaped", "sign the values before they are escaped for JSON"),
        ),
        (
            with(&|value| value.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()),
            charset(),
        ),
        (with(&|value| value.bytes().map(char::from).collect()), charset()),
        (with(&str::to_lowercase), Mistake::new("values_case", "leave the case of values alone")),
    ]
}

fn percent(value: &str, blank: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        b' ' => blank.to_owned(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(one).collect()
}

fn escape(value: &str, quotes_too: bool) -> String {
    let text = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if quotes_too { text.replace('"', "&quot;").replace('\'', "&apos;") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "192006250b4c09247ec02edce69f6a2d";
    const OTHER: &str = "OTHERotherOTHERotherOTHERother12";

    fn merchant(mch_id: &str, key: &str) -> Merchant {
        Merchant::new(mch_id, "wx5a0", key, "shop").unwrap()
    }

    /// What is found when `text`, signed by these independent lines, stands as `sign` in a document
    /// that holds a bit of everything.
    fn codes(sign_type: &str, given: &str) -> Vec<(&'static str, Option<String>)> {
        let document = document(sign_type);
        let document = Document::read(document.as_bytes()).unwrap();
        let algorithm = Algorithm::from_sign_type(document.get("sign_type")).unwrap();
        let other = merchant("1900000110", OTHER);
        let own = merchant("1900000109", OWN);
        let found = find(&document, given, &own, algorithm, &[&other]);
        found.into_iter().map(|mistake| (mistake.code, mistake.about)).collect()
    }

    fn document(sign_type: &str) -> String {
        format!(
            "<xml><body> 咖啡 &amp; tea/s </body><appid>wx5a0</appid><attach></attach>{sign_type}\
             <a_1>1</a_1><a>0</a><a1>2</a1><B>x</B><sign>-</sign></xml>"
        )
    }

    fn md5(text: &str) -> String {
        use md5::Digest as _;
        md5::Md5::digest(text).iter().map(|byte| format!("{byte:02X}")).collect()
    }

    fn sha256(text: &str) -> String {
        use sha2::Digest as _;
        sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// The codes of an MD5 signature over this text, in which `K` stands for the key.
    fn of(text: &str) -> Vec<&'static str> {
        let given = md5(&text.replace("{K}", OWN));
        codes("", &given).into_iter().map(|(code, _)| code).collect()
    }

    const RIGHT: &str = "B=x&a=0&a1=2&a_1=1&appid=wx5a0&body= 咖啡 & tea/s &key={K}";

    #[test]
    fn the_right_signature_has_no_mistake_in_it() {
        assert!(of(RIGHT).is_empty());
        let lower = md5(&RIGHT.replace("{K}", OWN)).to_lowercase();
        assert_eq!(codes("", &lower), [("lower_case", None)]);
        assert_eq!(codes("", &format!(" {}", lower.to_uppercase())), [("sign_padded", None)]);
    }

    #[test]
    fn each_mistake_with_the_text_is_found() {
        for (text, code) in [
            ("B=x&a=0&a1=2&a_1=1&appid=wx5a0&attach=&body= 咖啡 & tea/s &key={K}", "empty_signed"),
            ("body= 咖啡 & tea/s &appid=wx5a0&a_1=1&a=0&a1=2&B=x&key={K}", "unsorted"),
            ("B=x&a1=2&a=0&a_1=1&appid=wx5a0&body= 咖啡 & tea/s &key={K}", "pairs_sorted"),
            ("a=0&a1=2&a_1=1&appid=wx5a0&B=x&body= 咖啡 & tea/s &key={K}", "case_sorted"),
            ("B=x&a=0&a1=2&a_1=1&appid=wx5a0&body=咖啡 & tea/s&key={K}", "trimmed"),
            ("B=x&a=0&a1=2&a_1=1&appid=wx5a0&body=咖啡&tea/s&key={K}", "blanks"),
            ("B=x&a=0&a1=2&a_1=1&appid=wx5a0&body= 咖啡 &amp; tea/s &key={K}", "xml_escaped"),
            ("B=x&a=0&a1=2&a_1=1&appid=wx5a0&body= 咖啡 & tea\\/s &key={K}", "json_escaped"),
            ("B=x&a=0&a1=2&a_1=1&appid=wx5a0&body= ?? & tea/s &key={K}", "charset"),
            (
                "B=x&a=0&a1=2&a_1=1&appid=wx5a0&body=%20%E5%92%96%E5%95%A1%20%26%20tea%2Fs%20&key={K}",
                "url_encoded",
            ),
            (
                "B=x&a=0&a1=2&a_1=1&appid=wx5a0&body=+%E5%92%96%E5%95%A1+%26+tea%2Fs+&key={K}",
                "url_encoded",
            ),
            ("x021wx5a0 咖啡 & tea/s &key={K}", "values_only"),
        ] {
            assert_eq!(of(text), [code], "{text}");
        }
    }

    #[test]
    fn each_mistake_with_the_key_is_found() {
        let text = RIGHT.trim_end_matches("&key={K}");
        for (ending, code) in [
            ("", "no_key"),
            ("{K}", "key_bare"),
            ("&{K}", "key_bare"),
            ("key={K}", "key_joined"),
            ("&key={K}&", "ampersand"),
            ("&key=", "key_empty"),
            ("&key=192006250B4C09247EC02EDCE69F6A2D", "key_case"),
        ] {
            assert_eq!(of(&format!("{text}{ending}")), [code], "{ending}");
        }
        let sorted_in = "B=x&a=0&a1=2&a_1=1&appid=wx5a0&body= 咖啡 & tea/s &key={K}&key={K}";
        assert_eq!(of(sorted_in), ["key_sorted"]);
    }

    #[test]
    fn a_field_that_was_left_out_is_named() {
        let given = |text: &str| md5(&text.replace("{K}", OWN));
        let without_zero = "B=x&a1=2&a_1=1&appid=wx5a0&body= 咖啡 & tea/s &key={K}";
        assert_eq!(codes("", &given(without_zero)), [("left_out", Some("a".into()))]);
        let sign_type = "<sign_type>MD5</sign_type>";
        assert_eq!(codes(sign_type, &given(RIGHT)), [("left_out", Some("sign_type".into()))]);
        let unsent = "B=x&a=0&a1=2&a_1=1&appid=wx5a0&body= 咖啡 & tea/s &sign_type=MD5&key={K}";
        assert_eq!(codes("", &given(unsent)), [("sign_type_unsent", Some("MD5".into()))]);
    }

    #[test]
    fn another_algorithm_is_named() {
        let hmac = "<sign_type>HMAC-SHA256</sign_type>";
        let text =
            "B=x&a=0&a1=2&a_1=1&appid=wx5a0&body= 咖啡 & tea/s &sign_type=HMAC-SHA256&key={K}";
        let text = text.replace("{K}", OWN);
        assert_eq!(codes(hmac, &md5(&text)), [("algorithm", Some("MD5".into()))]);
        let plain = Some("SHA-256 without HMAC".to_owned());
        assert_eq!(codes(hmac, &sha256(&text)), [("algorithm", plain)]);
        let right = Document::read(document("").as_bytes()).unwrap();
        let key = Key::new(OWN).unwrap();
        let given = sign::sign(right.iter(), &key, Algorithm::HmacSha256);
        assert_eq!(codes("", &given), [("algorithm", Some("HMAC-SHA256".into()))]);
    }

    #[test]
    fn the_key_of_another_merchant_is_recognized() {
        let given = md5(&RIGHT.replace("{K}", OTHER));
        assert_eq!(codes("", &given), [("other_key", Some("1900000110".into()))]);
    }

    #[test]
    fn two_mistakes_at_once_are_found() {
        let text = "body= 咖啡 & tea/s &appid=wx5a0&a_1=1&a=0&a1=2&B=x";
        assert_eq!(of(text), ["unsorted", "no_key"]);
        let trimmed = "B=x&a=0&a1=2&a_1=1&appid=wx5a0&body=咖啡 & tea/s&key={K}";
        let other = md5(&trimmed.replace("{K}", OTHER)).to_lowercase();
        let found: Vec<_> = codes("", &other).into_iter().map(|(code, _)| code).collect();
        assert_eq!(found, ["other_key", "trimmed", "lower_case"]);
    }

    #[test]
    fn what_cannot_be_explained_is_not() {
        for given in ["", "x", &"0".repeat(32), &"F".repeat(64), "签名"] {
            assert!(codes("", given).is_empty(), "{given}");
        }
    }

    #[test]
    fn no_advice_holds_a_key() {
        let other = md5(&RIGHT.replace("{K}", OTHER));
        let document = Document::read(document("").as_bytes()).unwrap();
        let (own, other_merchant) = (merchant("1", OWN), merchant("2", OTHER));
        let found = find(&document, &other, &own, Algorithm::Md5, &[&other_merchant]);
        let shown = format!("{found:?}");
        assert!(!shown.is_empty() && !shown.contains(OWN) && !shown.contains(OTHER), "{shown}");
    }
}
