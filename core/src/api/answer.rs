//! The envelope of every answer: transport, signature, whose it is, business (protocol §1).

use super::fields::{FieldError, Fields, missing, other};
use super::{ErrCode, Merchant, Refusal};
use crate::sign::{SignType, Unverified, VerifyError};
use crate::xml::{Doc, ReadError};
use core::fmt;
use heapless::String;

/// Why an answer tells nothing. The outcome of the call is **unknown** in every case: a document
/// without a good signature proves nothing about an order.
///
/// ```
/// use saoma_core::api::{AnswerError, CloseOrderAnswer, Merchant};
/// # use saoma_core::ids::{AppId, MchId};
/// use saoma_core::sign::SignType;
/// use saoma_core::xml::Doc;
///
/// # use saoma_core::sign::ApiKey;
/// # let merchant = Merchant {
/// #     mch_id: MchId::new("1900000109")?,
/// #     app_id: AppId::new("wx5a0mademeup0001")?,
/// #     key: ApiKey::new("192006250b4c09247ec02edce69f6a2d")?,
/// #     sign_type: SignType::Md5,
/// # };
/// let answer = "<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>";
/// let doc: Doc<'_> = Doc::read(answer.as_bytes())?;
/// let error = CloseOrderAnswer::read(&doc, &merchant, SignType::Md5).unwrap_err();
/// assert_eq!(error, AnswerError::SignRefused);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// Not a document.
    Read(ReadError),
    /// `return_code` is not `SUCCESS`. Such a document is not signed.
    Refused {
        /// The beginning of `return_msg`.
        return_msg: String<80>,
    },
    /// WeChat says that **our** signature is wrong: it has another key by now, or does not have
    /// ours yet. It says so without a signature, as a rule, so anybody may have said it.
    SignRefused,
    /// The signature is missing or bad.
    Verify(VerifyError),
    /// A field is missing, invalid or somebody else's.
    Field(FieldError),
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "unreadable answer: {error}"),
            Self::Refused { return_msg } => {
                write!(f, "the gateway refused the call: {}", return_msg.escape_debug())
            }
            Self::SignRefused => f.write_str(
                "the gateway says that our signature is wrong: the API key is not the one that is \
                 set on the merchant platform",
            ),
            Self::Verify(error) => write!(f, "answer not signed by WeChat: {error}"),
            Self::Field(error) => write!(f, "incomplete answer: {error}"),
        }
    }
}

impl core::error::Error for AnswerError {}

impl From<ReadError> for AnswerError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<FieldError> for AnswerError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

/// Whether a `return_msg` is about our signature, in the words that have been seen.
fn is_about_sign(return_msg: &str) -> bool {
    let words = ["SIGNERROR", "sign error"];
    return_msg.contains("签名") || words.iter().any(|word| word.eq_ignore_ascii_case(return_msg))
}

/// A verified answer: the fields, or the refusal.
pub(super) enum Opened<'d, 'a, const N: usize> {
    Success(Fields<'d, 'a, N>),
    Fail(Refusal),
}

/// Opens an answer level by level; nothing is believed before the signature is good.
pub(super) fn open<'d, 'a, const N: usize>(
    doc: &'d Doc<'a, N>,
    merchant: &Merchant,
    algorithm: SignType,
) -> Result<Opened<'d, 'a, N>, AnswerError> {
    let return_code = doc.get("return_code").ok_or(missing("return_code"))?;
    if return_code != "SUCCESS" {
        let return_msg = doc.get("return_msg").map(|text| text.head()).unwrap_or_default();
        return Err(if is_about_sign(&return_msg) {
            AnswerError::SignRefused
        } else {
            AnswerError::Refused { return_msg }
        });
    }
    let verified =
        Unverified::new(doc).verify(&merchant.key, algorithm).map_err(AnswerError::Verify)?;
    let fields = Fields(verified);
    if !crate::planted!("answer-of-any-app") {
        fields.exactly("appid", merchant.app_id.as_str())?;
    }
    if !crate::planted!("answer-of-any-merchant") {
        fields.exactly("mch_id", merchant.mch_id.as_str())?;
    }
    fields.required("nonce_str")?;
    let result_code = fields.required("result_code")?;
    if result_code == "SUCCESS" {
        Ok(Opened::Success(fields))
    } else if result_code == "FAIL" {
        let code: String<32> = fields.required("err_code")?.head();
        let code = ErrCode::from_name(&code);
        if code == ErrCode::SignError {
            // It says nothing about what was asked, and it may be right in a moment.
            return Err(AnswerError::SignRefused);
        }
        let description = fields.optional("err_code_des")?;
        let description = description.map(|words| words.head()).unwrap_or_default();
        Ok(Opened::Fail(Refusal { code, description }))
    } else {
        Err(other("result_code").into())
    }
}
