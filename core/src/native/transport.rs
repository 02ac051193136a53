//! Requests out, answers in: sealed, posted to one host after the other, read.

use super::{CallError, Gateway, Heard, Unsent};
use crate::api::{AnswerError, Call, seal};
use crate::ids::Nonce;
use crate::sign::SignType;
use crate::xml::{DOC_LEN_MAX, Doc, Draft};
use core::sync::atomic::Ordering;
use core::time::Duration;
use reqwest::Response;
use std::string::String;
use std::vec::Vec;

/// Most fields of an answer: three for each coupon of a payment, so room for more than thirty.
pub const ANSWER_FIELDS_MAX: usize = 128;
/// Most fields of an answer about refunds: ten of them, each with its coupons.
pub const REFUND_FIELDS_MAX: usize = 256;

impl Gateway {
    /// The request as it is sent, sealed with each of the merchant's keys: first with the one that
    /// WeChat took last. Refused when it could not succeed.
    pub(super) fn sealed(
        &self,
        call: Call,
        request: &Draft<'_>,
        algorithm: SignType,
        nonce: &Nonce,
    ) -> Result<Vec<Sealed>, CallError> {
        if call.needs_certificate() && !self.has_certificate {
            return Err(Unsent::NoCertificate(call).into());
        }
        let other_first = self.other_signs.load(Ordering::Relaxed);
        let mut sealed = Vec::with_capacity(2);
        for by_other in [other_first, !other_first] {
            let merchant = if by_other { self.other.as_ref() } else { Some(&self.merchant) };
            let Some(merchant) = merchant else { continue };
            let mut body = String::new();
            seal(request.clone(), nonce, merchant, algorithm, &mut body).map_err(Unsent::Seal)?;
            sealed.push(Sealed { body, by_other });
        }
        Ok(sealed)
    }

    /// Sends a sealed request to each host until one gives an answer that can be read, and reads
    /// it. What is refused without a signature is sent again with the other key: nobody knows who
    /// said it, so nothing else is concluded.
    pub(super) async fn call<const N: usize, T>(
        &self,
        call: Call,
        sealed: &[Sealed],
        mut read: impl FnMut(&Doc<'_, N>) -> Result<T, AnswerError>,
    ) -> Result<T, CallError> {
        let mut last = CallError::Unreachable;
        for host in self.hosts.iter() {
            for (turn, Sealed { body, by_other }) in sealed.iter().enumerate() {
                let answer = self.ask(host, call, body).await;
                let heard = answer.as_ref().map_or_else(Heard::Failed, |it| Heard::Answer(it));
                self.tap_heard(host, call, heard);
                let read = answer.and_then(|answer| {
                    let doc = Doc::read(&answer).map_err(AnswerError::Read);
                    doc.and_then(|doc| read(&doc)).map_err(CallError::Answer)
                });
                match read {
                    Ok(answer) => {
                        self.other_signs.store(*by_other, Ordering::Relaxed);
                        return Ok(answer);
                    }
                    // It was only to see whether this is the key; it is not.
                    Err(CallError::Answer(AnswerError::SignRefused)) if turn > 0 => {}
                    Err(error) => last = error,
                }
                if !may_be_the_key(&last) {
                    break;
                }
            }
        }
        Err(last)
    }

    /// A host's whole answer, not longer than a document may be.
    async fn ask(&self, host: &str, call: Call, body: &str) -> Result<Vec<u8>, CallError> {
        #[cfg(feature = "simulation")]
        if let Some(wire) = &self.wire {
            self.tap_asked(host, call, body);
            let (answer, broken) = wire.ask(host, call, body).await;
            return broken.map_or(Ok(answer), Err);
        }
        let mut response = self.post(host, call, body, None).await?;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| CallError::from(&error))? {
            answer.extend_from_slice(&chunk);
            if answer.len() > DOC_LEN_MAX {
                return Err(CallError::TooLong);
            }
        }
        Ok(answer)
    }

    /// The beginning of a host's answer. The whole of it may take `within`, where that is not the
    /// client's own limit.
    pub(super) async fn post(
        &self,
        host: &str,
        call: Call,
        body: &str,
        within: Option<Duration>,
    ) -> Result<Response, CallError> {
        self.tap_asked(host, call, body);
        let mut request = self
            .http
            .post(std::format!("{host}{}", call.path()))
            // The charset must be named: without it Chinese text has failed to verify (§1).
            .header("content-type", "text/xml; charset=utf-8")
            .body(String::from(body));
        if let Some(within) = within {
            request = request.timeout(within);
        }
        let response = request.send().await.map_err(|error| CallError::from(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(CallError::Status(response.status().as_u16()))
        }
    }
}

/// A request with its signature.
pub(super) struct Sealed {
    pub(super) body: String,
    /// Whether the merchant's other key has signed it.
    by_other: bool,
}

/// Whether a call may have been refused because of its key.
const fn may_be_the_key(error: &CallError) -> bool {
    matches!(error, CallError::Answer(AnswerError::Refused { .. } | AnswerError::SignRefused))
}
