//! What a call to the gateway came to, in a word for the metrics.

use saoma_core::api::{
    AnswerError, Call, CloseOrderAnswer, OrderQueryAnswer, Refusal, UnifiedOrderAnswer,
};
use saoma_core::native::CallError;

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
        Err(CallError::Unsent(_)) => "unsent",
        Err(CallError::Unreachable) => "unreachable",
        Err(CallError::Untrusted) => "untrusted",
        Err(CallError::CertificateRefused) => "certificate_refused",
        Err(CallError::Timeout) => "timeout",
        Err(CallError::Broken) => "broken",
        Err(CallError::Status(_)) => "http_status",
        Err(CallError::TooLong) => "too_long",
        Err(CallError::Answer(AnswerError::SignRefused)) => "SIGNERROR",
        Err(CallError::Answer(_)) => "bad_answer",
        // What later versions of the client may add.
        Err(_) => "other",
    }
}

/// The last part of a call's path.
pub(crate) fn name_of(call: Call) -> &'static str {
    let path = call.path();
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
