//! What a call to the gateway came to, in a word for the metrics.

use saoma_core::api::{
    AnswerError, Call, CloseOrderAnswer, OrderQueryAnswer, Refusal, UnifiedOrderAnswer,
};
use saoma_core::bill::{BillError, BillErrorKind};
use saoma_core::native::{CallError, DownloadError};

/// An answer that may be a refusal.
pub(crate) trait Answer {
    /// Why WeChat does not do it.
    fn refusal(&self) -> Option<&Refusal>;
}

impl Answer for UnifiedOrderAnswer {
    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Placed { .. } => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

impl Answer for OrderQueryAnswer {
    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::State(_) => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

impl Answer for CloseOrderAnswer {
    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Closed => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

impl<T> Answer for Result<T, Box<Refusal>> {
    fn refusal(&self) -> Option<&Refusal> {
        self.as_ref().err().map(AsRef::as_ref)
    }
}

/// What somebody is told of at the first time (`docs/alerts.yml`).
const TOLD: [&str; 9] = [
    "SIGNERROR",
    "NOAUTH",
    "CERT_ERROR",
    "APPID_NOT_EXIST",
    "APPID_MCHID_NOT_MATCH",
    "MCHID_NOT_EXIST",
    "NOTENOUGH",
    "certificate_refused",
    "unsent",
];

/// The labels of those, for each call.
pub(super) fn told_at_once() -> impl Iterator<Item = [&'static str; 2]> {
    Call::ALL.into_iter().flat_map(|call| TOLD.map(|code| [name_of(call), code]))
}

/// `OK`, WeChat's error code, or in small letters why there is no answer to be believed.
pub(crate) fn code_of<A: Answer>(answer: &Result<A, CallError>) -> &str {
    match answer {
        Ok(answer) => answer.refusal().map_or("OK", |refusal| refusal.code.as_str()),
        Err(error) => why(error),
    }
}

/// The same of a bill. A day without trade is `OK`, and WeChat may give no code with its reason.
pub(crate) fn code_of_bill<T>(bill: &Result<T, DownloadError>) -> &str {
    match bill {
        Ok(_) => "OK",
        Err(DownloadError::Call(error)) => why(error),
        Err(DownloadError::Bill(BillError { kind: BillErrorKind::Failure(failure), .. })) => {
            if failure.code.is_empty() {
                "other"
            } else {
                failure.code.as_str()
            }
        }
        Err(DownloadError::Unpack | DownloadError::Bill(_)) => "bad_answer",
    }
}

/// Why there is no answer to be believed.
fn why(error: &CallError) -> &'static str {
    match error {
        CallError::Unsent(_) => "unsent",
        CallError::Unreachable => "unreachable",
        CallError::Untrusted => "untrusted",
        CallError::CertificateRefused => "certificate_refused",
        CallError::Timeout => "timeout",
        CallError::Broken => "broken",
        CallError::Status(_) => "http_status",
        CallError::TooLong => "too_long",
        CallError::Answer(AnswerError::SignRefused) => "SIGNERROR",
        CallError::Answer(_) => "bad_answer",
        // What later versions of the client may add.
        _ => "other",
    }
}

/// The last part of a call's path.
pub(crate) fn name_of(call: Call) -> &'static str {
    let path = call.path();
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
