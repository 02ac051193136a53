//! What WeChat says to servers, as far as something has to follow from it.

use super::World;
use super::gateway::field;
use saoma_sandbox::gateway::{Answer, AnswerEnd, Call, Code};

impl World {
    /// A refund that WeChat does not want now waits; `answer` is on its way, and whole.
    pub(super) fn note_put_off(&mut self, call: Call, body: &str, answer: &Answer) {
        let is_put_off = matches!(
            answer.code,
            Some(
                Code::FrequencyLimited
                    | Code::InvalidReqTooMuch
                    | Code::NotEnough
                    | Code::BizErrNeedRetry
            )
        );
        let is_heard =
            answer.manner.status == 200 && matches!(answer.manner.ending, AnswerEnd::Whole);
        let number = field(body, "out_refund_no").filter(|_| call == Call::Refund);
        // Of one that it has made already it may tell by a notification at any time.
        let is_made =
            |number: &str| self.judge.captured.values().any(|it| it.refunds.contains_key(number));
        if let Some(number) = number.filter(|it| is_put_off && is_heard && !is_made(it)) {
            self.judge.heard.put_off_s.insert(number.to_owned(), self.now_s().cast_signed());
        }
    }
}
