//! Notifications: what is in them ([`content`]), when they are sent ([`engine`]), and what counts
//! as an acknowledgement ([`acknowledgement`]) (`docs/protocol.md` §9).

mod acknowledgement;
mod content;
mod engine;
mod plan;

pub use acknowledgement::{Outcome, Returned};
pub(super) use content::body;
pub use engine::{Delivery, Poll, UnknownDelivery};
pub(super) use engine::{NewNotice, Notice, Notices};
pub(super) use plan::{False, Plan};

use serde::{Deserialize, Serialize};

use super::Gateway;
use super::log::{Direction, Message};
use super::mode_one::Scans;
use super::old_sandbox::OldSandbox;
use crate::time::UnixTime;

/// When a notification that was not acknowledged is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The schedule of now: 15 repetitions over 24 hours.
    Current,
    /// The schedule of pages before about 2018: 9 repetitions over 3 hours.
    Old,
}

impl Schedule {
    /// The seconds from each sending to the next one.
    pub const fn gaps_s(self) -> &'static [i64] {
        match self {
            Self::Current => &[
                15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600,
                21_600,
            ],
            Self::Old => &[15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600],
        }
    }
}

/// What a notification tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A payment.
    Payment,
    /// The end of a refund. It is sealed, not signed.
    Refund,
}

/// How far a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    /// It is being sent or will be sent again.
    Pending,
    /// The merchant has acknowledged it.
    Acknowledged,
    /// It was sent as often as the schedule says, in vain.
    GivenUp,
    /// It was never meant to be sent, unless by hand.
    Held,
}

impl NoticeState {
    /// One word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acknowledged => "acknowledged",
            Self::GivenUp => "given_up",
            Self::Held => "held",
        }
    }
}

impl Gateway {
    /// The notifications that are due and the questions of mode one, each given once, and when to
    /// ask again.
    pub fn poll(&mut self, now: UnixTime) -> Poll {
        self.settle(now);
        let mut poll = self.notices.poll(now);
        poll.send.extend(self.scans.poll());
        let times = poll.wake_at.into_iter().chain(self.next_end());
        let poll = Poll { wake_at: times.min(), ..poll };
        self.poll_old(poll, now)
    }

    /// Takes what came back from a sending, and says what it means.
    ///
    /// # Errors
    ///
    /// When it is not on its way: never given, or already answered.
    pub fn delivered(
        &mut self,
        id: u64,
        returned: Returned,
        now: UnixTime,
    ) -> Result<Outcome, UnknownDelivery> {
        if OldSandbox::holds(id) {
            return self.delivered_old(id, returned, now);
        }
        if Scans::holds(id) {
            return self.answered(id, returned, now);
        }
        let response = match &returned {
            Returned::Answer { body, .. } => String::from_utf8_lossy(body).into_owned(),
            Returned::TooLong | Returned::Late | Returned::Unreachable { .. } => String::new(),
        };
        let outcome = Outcome::from(returned);
        let detail = outcome.detail().map(|why| format!(": {why}")).unwrap_or_default();
        let detail = Some(format!("{}{detail}", outcome.as_str()));
        let (notice, body) = self.notices.delivered(id, outcome.clone(), now)?;
        self.log.push(Message {
            at: now.0,
            direction: Direction::Out,
            name: notice.url.clone(),
            mch_id: Some(notice.order.mch_id.clone()),
            out_trade_no: Some(notice.order.out_trade_no.clone()),
            request: body,
            response,
            code: None,
            detail,
        });
        Ok(outcome)
    }

    /// The sendings that are on their way, by their numbers.
    pub fn in_flight(&self) -> Vec<u64> {
        let old = self.old_sandbox.iter().flat_map(|old| old.in_flight());
        self.notices.in_flight().chain(self.scans.in_flight()).chain(old).collect()
    }

    /// Whether no notification and no question is on its way or due, and no payment or refund.
    pub fn is_quiet(&self, now: UnixTime) -> bool {
        let ending = self.next_end().is_some_and(|end| end <= now);
        let old_quiet = self.old_sandbox.as_ref().is_none_or(|old| old.is_quiet(now));
        self.notices.is_quiet(now) && self.scans.are_quiet() && !ending && old_quiet
    }
}
