//! What was said, for an order's history: every request and answer as it went over the wire, but
//! for its signature.

use crate::service::Line;
use saoma_core::api::Call;
use saoma_core::native::{Heard, Tap};
use std::sync::{Mutex, PoisonError};

/// Listens while an entry is performed.
#[derive(Debug, Default)]
pub(super) struct Log(Mutex<Vec<Line>>);

impl Log {
    pub(super) fn push(&self, kind: &'static str, name: &str, text: String) {
        let line = Line { kind, name: name.to_owned(), text };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// What was said so far; it is said once.
    pub(super) fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tap for Log {
    fn asked(&self, _host: &str, call: Call, request: &str) {
        self.push("sent", name(call), unsigned(request));
    }

    fn heard(&self, host: &str, call: Call, heard: Heard<'_>) {
        let text = match heard {
            Heard::Answer(answer) => unsigned(&String::from_utf8_lossy(answer)),
            Heard::Bill => return,
            Heard::Failed(error) => format!("{host}: {error}"),
        };
        self.push("received", name(call), text);
    }
}

fn name(call: Call) -> &'static str {
    call.path().trim_start_matches('/')
}

/// A document without what stands in its `sign`. Postgres stores no NUL.
fn unsigned(xml: &str) -> String {
    let text = match (xml.find("<sign>"), xml.find("</sign>")) {
        (Some(from), Some(to)) if from < to => [&xml[..from], "<sign>***", &xml[to..]].concat(),
        _ => xml.to_owned(),
    };
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_kept_without_its_signature() {
        let xml = "<xml><a>1</a><sign><![CDATA[0123ABCD]]></sign><b>咖</b></xml>";
        assert_eq!(unsigned(xml), "<xml><a>1</a><sign>***</sign><b>咖</b></xml>");
        for odd in ["", "<html>", "</sign><sign>", "a\0b"] {
            assert_eq!(unsigned(odd), odd.replace('\0', "\u{fffd}"));
        }
    }

    #[test]
    fn each_line_is_taken_once() {
        let log = Log::default();
        log.asked("https://a", Call::Refund, "<xml><sign>X</sign></xml>");
        log.heard("https://a", Call::Refund, Heard::Answer(b"\xff"));
        let lines = log.take();
        assert_eq!(lines[0].name, "secapi/pay/refund");
        assert_eq!((lines[0].kind, &*lines[0].text), ("sent", "<xml><sign>***</sign></xml>"));
        assert_eq!((lines[1].kind, &*lines[1].text), ("received", "\u{fffd}"));
        assert!(log.take().is_empty());
    }
}
