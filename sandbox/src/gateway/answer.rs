//! How an answer stands on the wire (`docs/protocol.md` §1, §4 to §12).
//!
//! The order of the fields and the mixture of CDATA and plain numbers are those of answers of the
//! real gateway that were published by their receivers; a receiver must not depend on either.

use std::borrow::Cow;

use super::Call;
use super::fault::Manner;
use super::refusal::{Code, Refusal};
use super::request::Request;
use crate::merchant::Merchant;
use crate::sign::{self, Algorithm};
use crate::xml::{self, Field};

/// The most bytes of an answer that the log keeps.
const LOGGED_BYTES_MAX: usize = 16 * 1024;

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is said: a document, or the text of a bill, or that text packed by gzip.
    pub body: Vec<u8>,
    /// Why the call was refused; `None` when it was not. An unsigned refusal says it here only.
    pub code: Option<Code>,
    /// What helps to find the mistake, for a log.
    pub detail: Option<String>,
    /// How it goes out.
    pub manner: Manner,
}

/// What a call says of itself, to be framed and signed.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// Echoed after `mch_id`; some answers hold it empty, some not at all.
    pub(super) device_info: Option<String>,
    /// What comes after `result_code`.
    pub(super) fields: Vec<Field>,
}

impl Answer {
    /// The body for people to read.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body for the log: a bill may be long, or packed, and can be fetched again.
    pub(super) fn for_log(&self) -> String {
        match std::str::from_utf8(&self.body) {
            Ok(text) if text.len() <= LOGGED_BYTES_MAX => text.to_owned(),
            _ => format!("({} bytes)", self.body.len()),
        }
    }

    /// `return_code` FAIL: proves nothing, holds nothing else.
    pub(super) fn unsigned(refusal: Refusal) -> Self {
        let fields =
            [Field::cdata("return_code", "FAIL"), Field::cdata("return_msg", refusal.text)];
        let body = xml::write(&fields).into_bytes();
        Self { body, code: Some(refusal.code), detail: refusal.detail, manner: Manner::default() }
    }

    /// `return_code` SUCCESS, `result_code` as the call went, signed as the request was.
    pub(super) fn signed(
        call: Call,
        request: &Request,
        reply: Result<Reply, Refusal>,
        nonce: String,
    ) -> Self {
        let (code, detail, result_code, reply) = match reply {
            Ok(reply) => (None, None, "SUCCESS", reply),
            Err(refusal) => {
                let fields = vec![
                    Field::cdata("err_code", refusal.code.as_str()),
                    Field::cdata("err_code_des", refusal.text),
                ];
                let reply = Reply { device_info: request.owned("device_info"), fields };
                (Some(refusal.code), refusal.detail, "FAIL", reply)
            }
        };
        let mut fields = vec![
            Field::cdata("return_code", "SUCCESS"),
            Field::cdata("return_msg", "OK"),
            Field::cdata("appid", request.appid()),
            Field::cdata("mch_id", &request.merchant.mch_id),
        ];
        fields.extend(reply.device_info.map(|value| Field::cdata("device_info", value)));
        fields.push(Field::cdata("nonce_str", nonce));
        let sign_at = fields.len();
        fields.push(Field::cdata("result_code", result_code));
        fields.extend(reply.fields);
        fields.insert(sign_at, signature(&fields, &request.merchant, request.algorithm));
        if call == Call::RefundQuery {
            // The one call whose published answers are in alphabetical order throughout.
            fields.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let body = xml::write(&fields).into_bytes();
        Self { body, code, detail, manner: Manner::default() }
    }
}

/// The `sign` field over these fields.
pub(super) fn signature(fields: &[Field], merchant: &Merchant, algorithm: Algorithm) -> Field {
    Field::cdata("sign", sign::sign(fields.iter().map(Field::pair), &merchant.key, algorithm))
}
