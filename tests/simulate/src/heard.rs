//! The judge's word about what follows from what WeChat says: what it puts off waits.

use crate::judge::Judge;
use std::collections::{BTreeMap, BTreeSet};

/// How long a refund waits at least that WeChat does not want now: a minute. Who could not put that
/// down tries again when his lease ends, of which slow calls to two hosts took some.
const PUT_OFF_S: i64 = 55;
const PUT_OFF_LEASED_S: i64 = 35;
/// How long after a server has died another one may begin anew what it was at.
const TAKEN_UP_S: i64 = 60;

/// What the judge keeps for it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// When WeChat said last of each refund that it does not want it now, in seconds.
    pub(crate) put_off_s: BTreeMap<String, i64>,
    /// Refunds that somebody may have had tried before their time.
    pub(crate) hurried: BTreeSet<String>,
}

impl Judge {
    /// A refund is asked for: not at once again when WeChat has just put it off.
    pub(crate) fn refund_waits(&mut self, number: &str, now_s: i64) {
        let Some(put_off_s) = self.heard.put_off_s.remove(number) else { return };
        let least_s = if self.fair.goes_on { PUT_OFF_S } else { PUT_OFF_LEASED_S };
        let is_sure = self.fair.right_clocks
            && now_s - self.fair.died_s > TAKEN_UP_S
            && !self.heard.hurried.contains(number);
        let waited_s = now_s - put_off_s;
        if is_sure && waited_s < least_s {
            self.violation(format!("{number} is put off, and sent again after {waited_s} s"));
        }
    }
}
