//! What counts as an acknowledgement (`docs/protocol.md` §9).

use crate::xml::Document;

/// What came back from sending something. What it means is the gateway's to judge.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Returned {
    /// A whole answer.
    Answer {
        /// Its HTTP status.
        status: u16,
        /// Its body.
        #[serde(with = "crate::gateway::input::text_or_hex")]
        body: Vec<u8>,
    },
    /// An answer longer than anything that is read.
    TooLong,
    /// No whole answer in time.
    Late,
    /// The merchant could not be reached.
    Unreachable {
        /// Why.
        reason: String,
    },
}

/// What came of sending a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The merchant acknowledged it.
    Acknowledged,
    /// The merchant answered with something else.
    Refused {
        /// What was wrong with the answer.
        reason: String,
    },
    /// No whole answer came in time.
    TimedOut,
    /// The merchant could not be reached.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// It was never sent: a fault kept it back.
    Lost,
}

impl From<Returned> for Outcome {
    fn from(returned: Returned) -> Self {
        match returned {
            Returned::Answer { status, body } => Self::of_answer(status, &body),
            Returned::TooLong => Self::Refused { reason: "the answer is too long".to_owned() },
            Returned::Late => Self::TimedOut,
            Returned::Unreachable { reason } => Self::Unreachable { reason },
        }
    }
}

impl Outcome {
    /// Reads a merchant's answer: HTTP 200 and a document whose `return_code` is SUCCESS is an
    /// acknowledgement, anything else is none.
    pub fn of_answer(status: u16, body: &[u8]) -> Self {
        let refused = |reason: String| Self::Refused { reason };
        if status != 200 {
            return refused(format!("HTTP status {status}, not 200"));
        }
        let document = match Document::read(body) {
            Ok(document) => document,
            Err(error) => return refused(format!("the answer is not a v2 document: {error}")),
        };
        match document.get("return_code") {
            Some("SUCCESS") => Self::Acknowledged,
            Some(code) => {
                let text = document.get("return_msg").unwrap_or_default();
                refused(format!("return_code {code}: {text}"))
            }
            None => refused("the answer has no return_code".to_owned()),
        }
    }

    /// One word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Refused { .. } => "refused",
            Self::TimedOut => "timed_out",
            Self::Unreachable { .. } => "unreachable",
            Self::Lost => "lost",
        }
    }

    /// What more there is to say.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Refused { reason } | Self::Unreachable { reason } => Some(reason),
            Self::Acknowledged | Self::TimedOut | Self::Lost => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_200_with_return_code_success_is_an_acknowledgement() {
        let acknowledged = |status, body: &str| {
            Outcome::of_answer(status, body.as_bytes()) == Outcome::Acknowledged
        };
        let right = "<xml><return_code><![CDATA[SUCCESS]]></return_code>\
                     <return_msg><![CDATA[OK]]></return_msg></xml>";
        assert!(acknowledged(200, right));
        assert!(acknowledged(200, "<xml><return_code>SUCCESS</return_code></xml>\n"));
        for (status, body) in [
            (201, right),
            (204, ""),
            (302, right),
            (500, right),
            (200, ""),
            (200, "SUCCESS"),
            (200, "success"),
            (200, "{\"return_code\":\"SUCCESS\"}"),
            (200, "<xml><return_code>success</return_code></xml>"),
            (200, "<xml><return_code> SUCCESS</return_code></xml>"),
            (200, "<xml><return_code>FAIL</return_code><return_msg>SUCCESS</return_msg></xml>"),
            (200, "<xml><return_msg>OK</return_msg></xml>"),
            (200, "<return_code>SUCCESS</return_code>"),
            (200, "<xml><return_code>SUCCESS</return_code>"),
        ] {
            assert!(!acknowledged(status, body), "{status} {body}");
        }
        assert!(!acknowledged(200, &format!("\u{feff}{right}")), "a byte-order mark");
        assert!(!acknowledged(200, &format!("{right}null")), "a byte too many");
    }
}
