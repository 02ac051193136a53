//! The merchant changes its key, at WeChat's and on each server: by the book, or too late, or too
//! early.

use super::{Event, World};
use crate::plan::KeyChange;
use saoma_sandbox::SettingsChange;
use saoma_sandbox::sign::Key;
use saoma_server::simulation::{Held, MCH_ID, NEW_KEY};

/// What WeChat says when a signature is wrong, or when it is busy. Nobody has signed it, so anybody
/// can say it.
pub(super) const REFUSED: [&[u8]; 2] = [
    "<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>".as_bytes(),
    "<xml><return_code>FAIL</return_code><return_msg>系统繁忙，请稍后再试</return_msg></xml>"
        .as_bytes(),
];

impl World {
    /// Some moment of the first `span_ms` for WeChat's side, and moments before and after it for
    /// each server.
    pub(super) fn plan_key_change(&mut self, span_ms: u64) {
        if self.plan.odd.sign_type_changes {
            for node in 0..self.nodes.len() {
                let at_ms = self.more.below(span_ms);
                self.after(at_ms, Event::OtherSignType(node));
            }
        }
        if self.plan.keys.change == KeyChange::No {
            return;
        }
        let set_ms = self.keys.below(span_ms);
        self.after(set_ms, Event::SetKey);
        for node in 0..self.nodes.len() {
            let before_ms = self.keys.below(set_ms + 1);
            let after_ms = self.keys.between(set_ms, span_ms + 3_600_000);
            match self.plan.keys.change {
                KeyChange::No => {}
                KeyChange::ByTheBook => {
                    self.after(before_ms, Event::Hold(node, Held::Both));
                    self.after(after_ms, Event::Hold(node, Held::New));
                }
                KeyChange::ServersLate => self.after(after_ms, Event::Hold(node, Held::New)),
                KeyChange::ServersEarly => self.after(before_ms, Event::Hold(node, Held::New)),
            }
        }
    }

    /// The new key is set at WeChat's, and counts at once.
    pub(super) fn set_key(&mut self) {
        self.fault("the merchant's key changes");
        self.tell("the merchant's key changes");
        self.key = NEW_KEY;
        let change = SettingsChange { key: Key::new(NEW_KEY), ..SettingsChange::default() };
        if let Err(error) = self.gateway.change_settings(Some(MCH_ID), &change) {
            self.judge.violation(format!("the gateway does not take a key: {error}"));
        }
    }

    /// Whether somebody in the middle says so of a call that has been carried out.
    pub(super) fn sign_is_said_to_be_wrong(&mut self) -> bool {
        let says = !self.calm && self.keys.chance(self.plan.keys.sign_refused);
        if says {
            self.fault("a good signature said to be wrong");
        }
        says
    }
}
