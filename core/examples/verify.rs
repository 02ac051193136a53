//! Says whether a WeChat Pay v2 message is signed right, and if not, what is wrong, in plain words.
//!
//! ```sh
//! cargo run -q -p saoma-core --features merchant --example verify -- --key-file KEY MESSAGE.xml
//! ```
//!
//! Exit status: 0 verified, 2 refused, 1 wrong usage.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use saoma_core::sign::{ApiKey, SignType, Unverified, VerifyError};
use saoma_core::xml::Doc;
use sha2::Sha256;
use std::io::Read;
use std::process::ExitCode;

const USAGE: &str = "\
Says whether a WeChat Pay v2 message is signed right.

usage: verify --key-file FILE [--sign-type md5|hmac-sha256] [--json] [MESSAGE.xml]

  --key-file FILE   the API key, 32 characters; white space around it is ignored
  --sign-type TYPE  the algorithm the order was made with; left out, the length of `sign` decides
  --json            print one JSON object
  MESSAGE.xml       the message; left out or `-`, standard input

exit status: 0 verified, 2 refused, 1 wrong usage";

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)) {
        Ok(None) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Some(arguments)) => {
            let report = Report::new(&arguments);
            if arguments.json {
                report.print_json()
            } else {
                report.print()
            }
            if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) }
        }
        Err(mistake) => {
            eprintln!("verify: {mistake}\n\n{USAGE}");
            ExitCode::from(1)
        }
    }
}

struct Arguments {
    key: ApiKey,
    /// The same key as text, to try what a wrong signer might have done.
    key_text: String,
    sign_type: Option<SignType>,
    json: bool,
    message: Vec<u8>,
}

impl Arguments {
    /// `None`: help is wanted.
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut key_file, mut sign_type, mut json, mut file) = (None, None, false, None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--json" => json = true,
                "--key-file" => key_file = Some(words.next().ok_or("--key-file needs a file")?),
                "--sign-type" => {
                    let name = words.next().unwrap_or_default().to_uppercase();
                    let known = SignType::from_name(&name);
                    sign_type = Some(known.ok_or("--sign-type must be md5 or hmac-sha256")?);
                }
                _ if word.starts_with("--") => return Err(format!("unknown option {word}")),
                _ if file.is_some() => return Err("only one message at a time".into()),
                _ => file = Some(word),
            }
        }
        let key_file = key_file.ok_or("--key-file is missing")?;
        let unreadable = |file: &str, error| format!("cannot read {file}: {error}");
        let key_text =
            std::fs::read_to_string(&key_file).map_err(|error| unreadable(&key_file, error))?;
        let key_text = key_text.trim().to_string();
        let key = ApiKey::new(&key_text).map_err(|error| error.to_string())?;
        let mut message = Vec::new();
        match file.as_deref() {
            None | Some("-") => std::io::stdin()
                .read_to_end(&mut message)
                .map(|_| ())
                .map_err(|error| unreadable("standard input", error))?,
            Some(file) => {
                message = std::fs::read(file).map_err(|error| unreadable(file, error))?;
            }
        }
        Ok(Some(Self { key, key_text, sign_type, json, message }))
    }
}

/// What was found; it never holds the key.
#[derive(Default)]
struct Report {
    fields: Vec<(String, String)>,
    sign_type: &'static str,
    string_to_sign: String,
    expected: String,
    received: String,
    /// Empty: verified.
    problems: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    fn new(arguments: &Arguments) -> Self {
        let mut report = Self::default();
        let doc: Doc<'_, 256> = match Doc::read(&arguments.message) {
            Ok(doc) => doc,
            Err(error) => {
                report.problems.push(format!("the message cannot be read: {error}"));
                return report;
            }
        };
        report.fields = doc.fields().map(|f| (f.name.to_string(), f.value.to_string())).collect();
        report.received = report.value("sign").unwrap_or_default().to_string();
        let by_length =
            if report.received.len() > 32 { SignType::HmacSha256 } else { SignType::Md5 };
        let sign_type = arguments.sign_type.unwrap_or(by_length);
        report.sign_type = sign_type.as_str();
        report.string_to_sign = join(&report.signed_fields(), "(hidden)");
        report.expected = arguments.key.sign(&doc, sign_type).as_str().to_string();
        if let Err(error) = Unverified::new(&doc).verify(&arguments.key, sign_type) {
            report.explain(error, arguments, sign_type);
        }
        report.compare_named_type(sign_type);
        report
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn signed_fields(&self) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        fields.retain(|(name, value)| name != "sign" && !value.is_empty());
        fields.sort();
        fields
    }

    fn compare_named_type(&mut self, sign_type: SignType) {
        match self.value("sign_type") {
            None => {
                let note = "the message names no sign_type; WeChat often leaves it out, so the \
                            algorithm must be known from the order";
                self.notes.push(note.into());
            }
            Some(named) if named != sign_type.as_str() => {
                let note = format!(
                    "the message says sign_type {named:?}, but {} was checked; never let a message \
                     choose",
                    sign_type.as_str()
                );
                self.notes.push(note);
            }
            Some(_) => {}
        }
    }

    fn explain(&mut self, error: VerifyError, arguments: &Arguments, sign_type: SignType) {
        if self.value("return_code").is_some_and(|code| code != "SUCCESS")
            && error == VerifyError::Missing
        {
            let words = "an answer whose return_code is not SUCCESS carries no signature; it tells \
                         what went wrong with the call and proves nothing about an order";
            return self.problems.push(words.into());
        }
        if self.value("req_info").is_some() && error == VerifyError::Missing {
            let words = "this is a refund notification: it has no sign, its req_info is encrypted";
            return self.problems.push(words.into());
        }
        self.problems.push(match error {
            VerifyError::Missing => "no sign field, or an empty one".into(),
            VerifyError::Length { got, .. } if got != 32 && got != 64 => {
                format!("sign has {got} characters; MD5 has 32 and HMAC-SHA256 has 64")
            }
            VerifyError::Length { .. } | VerifyError::Mismatch => {
                self.guess(&arguments.key_text, sign_type)
            }
        });
    }

    /// Tries what signers commonly get wrong, until one of them gives the received signature.
    fn guess(&self, key: &str, sign_type: SignType) -> String {
        let right = self.signed_fields();
        let other = match sign_type {
            SignType::Md5 => SignType::HmacSha256,
            SignType::HmacSha256 => SignType::Md5,
        };
        let fits = |text: &str, by: SignType| digest(text, key, by) == self.received;
        if fits(&join(&right, key), other) {
            return format!(
                "signed with {}, but you asked for {}",
                other.as_str(),
                sign_type.as_str()
            );
        }
        if digest(&join(&right, key), key, sign_type) == self.received.to_uppercase() {
            return "sign is written in lower case; WeChat's is upper case".into();
        }
        let attempts: [(&str, String); 8] = [
            ("the signer trimmed spaces around values", join(&map(&right, str::trim), key)),
            ("the signer kept empty fields", join(&self.with_empty(), key)),
            ("the signer left out values that are 0", join(&without(&right, "0"), key)),
            ("the signer left out sign_type", join(&without_name(&right, "sign_type"), key)),
            ("the signer did not sort by name", join(&self.unsorted(), key)),
            ("the signer sorted name=value instead of name", join(&sorted_joined(&right), key)),
            ("the signer signed the escaped text, not the decoded", join(&escaped(&right), key)),
            ("the signer URL-encoded the values", join(&url_encoded(&right), key)),
        ];
        for (cause, text) in attempts {
            for by in [sign_type, other] {
                if fits(&text, by) {
                    return format!("{cause} (its signature is {})", by.as_str());
                }
            }
        }
        "another key, or a value was changed after signing (a field added, removed or edited, or \
         another character encoding)"
            .into()
    }

    fn with_empty(&self) -> Vec<(String, String)> {
        let mut fields = self.unsorted();
        fields.extend(self.fields.iter().filter(|(_, value)| value.is_empty()).cloned());
        fields.sort();
        fields
    }

    fn unsorted(&self) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        fields.retain(|(name, value)| name != "sign" && !value.is_empty());
        fields
    }

    fn print(&self) {
        for (name, value) in &self.fields {
            println!("{name:>22} = {value}");
        }
        if !self.fields.is_empty() {
            println!("\nalgorithm       {}", self.sign_type);
            println!("string to sign  {}", self.string_to_sign);
            println!("expected        {}", self.expected);
            println!("received        {}", self.received);
        }
        for note in &self.notes {
            println!("note            {note}");
        }
        for problem in &self.problems {
            println!("\nREFUSED: {problem}");
        }
        if self.problems.is_empty() {
            println!("\nVERIFIED");
        }
    }

    fn print_json(&self) {
        let fields: serde_json::Map<String, serde_json::Value> =
            self.fields.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let report = serde_json::json!({
            "verified": self.problems.is_empty(),
            "sign_type": self.sign_type,
            "fields": fields,
            "string_to_sign": self.string_to_sign,
            "expected": self.expected,
            "received": self.received,
            "problems": self.problems,
            "notes": self.notes,
        });
        println!("{report:#}");
    }
}

type Fields = Vec<(String, String)>;

fn join(fields: &[(String, String)], key: &str) -> String {
    let joined: String = fields.iter().map(|(name, value)| format!("{name}={value}&")).collect();
    format!("{joined}key={key}")
}

fn digest(text: &str, key: &str, by: SignType) -> String {
    let bytes: Vec<u8> = match by {
        SignType::Md5 => Md5::digest(text).to_vec(),
        SignType::HmacSha256 => match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
            Ok(mac) => mac.chain_update(text).finalize().into_bytes().to_vec(),
            Err(_) => Vec::new(),
        },
    };
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn map(fields: &Fields, change: fn(&str) -> &str) -> Fields {
    fields.iter().map(|(name, value)| (name.clone(), change(value).to_string())).collect()
}

fn without(fields: &Fields, value: &str) -> Fields {
    fields.iter().filter(|(_, v)| v != value).cloned().collect()
}

fn without_name(fields: &Fields, name: &str) -> Fields {
    fields.iter().filter(|(n, _)| n != name).cloned().collect()
}

fn sorted_joined(fields: &Fields) -> Fields {
    let mut fields = fields.clone();
    fields.sort_by_key(|(name, value)| format!("{name}={value}"));
    fields
}

fn escaped(fields: &Fields) -> Fields {
    let escape =
        |value: &str| value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    fields.iter().map(|(name, value)| (name.clone(), escape(value))).collect()
}

fn url_encoded(fields: &Fields) -> Fields {
    let encode = |value: &str| -> String {
        let encoded = value.bytes().map(|b| match b {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'~' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        });
        encoded.collect()
    };
    fields.iter().map(|(name, value)| (name.clone(), encode(value))).collect()
}
