//! Changes to a document that was written already, with or without a new signature.

use super::super::answer::signature;
use crate::merchant::Merchant;
use crate::seal;
use crate::sign::{Algorithm, Key};
use crate::xml::{self, Document, Field};

/// A change to a signed document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    SignType,
    NoSignType,
    WrongSignType,
    UnknownFields,
    WrongSign,
    Unsigned,
    LowerCaseSign,
    OtherMerchant,
    OtherAmount,
    /// Another `trade_state`, where there is one.
    State {
        state: &'a str,
        text: &'a str,
    },
    /// Another nonce.
    Nonce(&'a str),
}

/// What somebody else is called.
const OTHER_MCH_ID: &str = "1999999999";
const OTHER_APPID: &str = "wxfa0fa0fa0fa0fa0f";

/// The document with this change; `None` when it is not a signed document of that merchant.
pub(super) fn changed(
    text: &str,
    change: Change<'_>,
    merchant: &Merchant,
    algorithm: Algorithm,
) -> Option<String> {
    let mut fields = read(text)?;
    let sign_at = fields.iter().position(|field| field.name == "sign")?;
    match change {
        Change::SignType => set(&mut fields, "sign_type", sign_type(algorithm)),
        Change::WrongSignType => set(&mut fields, "sign_type", sign_type(other(algorithm))),
        Change::NoSignType => fields.retain(|field| field.name != "sign_type"),
        Change::UnknownFields => fields.extend(unknown_fields()),
        Change::OtherMerchant => {
            set(&mut fields, "appid", OTHER_APPID);
            set(&mut fields, "mch_id", OTHER_MCH_ID);
        }
        Change::State { state, text } => {
            fields.iter().find(|field| field.name == "trade_state")?;
            set(&mut fields, "trade_state", state);
            set(&mut fields, "trade_state_desc", text);
        }
        Change::Nonce(nonce) => set(&mut fields, "nonce_str", nonce),
        Change::OtherAmount => {
            let amount = fields.iter_mut().find(|field| field.name == "total_fee")?;
            amount.value = (amount.value.parse::<u64>().ok()? + 1).to_string();
        }
        Change::WrongSign => {
            let sign = &mut fields[sign_at].value;
            let digit = if sign.ends_with('0') { '1' } else { '0' };
            sign.pop();
            sign.push(digit);
        }
        Change::LowerCaseSign => fields[sign_at].value = fields[sign_at].value.to_lowercase(),
        Change::Unsigned => {
            fields.remove(sign_at);
        }
    }
    if change.is_signed_again() {
        let right = signature(&fields, merchant, algorithm);
        set(&mut fields, "sign", &right.value);
    }
    Some(xml::write(&fields))
}

impl Change<'_> {
    /// Whether the changed document is signed as a true one is.
    const fn is_signed_again(self) -> bool {
        match self {
            Self::SignType
            | Self::NoSignType
            | Self::WrongSignType
            | Self::UnknownFields
            | Self::OtherMerchant
            | Self::State { .. }
            | Self::Nonce(_) => true,
            Self::WrongSign | Self::Unsigned | Self::LowerCaseSign | Self::OtherAmount => false,
        }
    }
}

const fn sign_type(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::HmacSha256 => "HMAC-SHA256",
    }
}

const fn other(algorithm: Algorithm) -> Algorithm {
    match algorithm {
        Algorithm::Md5 => Algorithm::HmacSha256,
        Algorithm::HmacSha256 => Algorithm::Md5,
    }
}

fn set(fields: &mut Vec<Field>, name: &str, value: &str) {
    match fields.iter_mut().find(|field| field.name == name) {
        Some(field) => value.clone_into(&mut field.value),
        None => fields.push(Field::cdata(name.to_owned(), value)),
    }
}

/// The fields of a document, each written as it was.
fn read(text: &str) -> Option<Vec<Field>> {
    let document = Document::read(text.as_bytes()).ok()?;
    let field = |(name, value): (&str, &str)| {
        let plain = !value.is_empty() && text.contains(&format!("<{name}>{value}</{name}>"));
        if plain {
            Field::plain(name.to_owned(), value)
        } else {
            Field::cdata(name.to_owned(), value)
        }
    };
    Some(document.iter().map(field).collect())
}

/// The notification of a refund with this change; `None` for what only a signature can have.
pub(super) fn changed_sealed(text: &str, change: Change<'_>) -> Option<String> {
    let mut fields = read(text)?;
    match change {
        Change::UnknownFields => fields.extend(unknown_fields()),
        Change::OtherAmount => {
            let sealed = fields.iter_mut().find(|field| field.name == "req_info")?;
            let first = if sealed.value.starts_with('A') { "B" } else { "A" };
            sealed.value.replace_range(..1, first);
        }
        _ => return None,
    }
    Some(xml::write(&fields))
}

/// The notification of a refund, sealed with another key.
pub(super) fn sealed_again(text: &str, key: &Key, other: &Key) -> Option<String> {
    let mut fields = read(text)?;
    let sealed = fields.iter_mut().find(|field| field.name == "req_info")?;
    sealed.value = seal::seal(&seal::open(&sealed.value, key)?, other);
    Some(xml::write(&fields))
}

fn unknown_fields() -> [Field; 3] {
    [
        Field::cdata("future_field", "新字段🙂"),
        Field::plain("future_field_0", 0),
        Field::cdata("future_empty", ""),
    ]
}
