//! Faults on demand: what the real gateway and the net between do only now and then.
//!
//! A fault is asked for by a [`FaultRule`], by a call's header, by a magic amount, or it comes at
//! random ([`super::Rules::faults_per_mille`]). Everything is decided here, by numbers from the
//! gateway's seed; what a socket has to do (wait, cut, never answer) is told to the shell as plain
//! data in [`Manner`]. Faults strike only calls whose signature holds.

mod call;
mod catalogue;
mod manner;
mod notice;
mod paper;
mod payment;
mod rule;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use catalogue::{CATALOGUE, FaultEntry, FaultName, Strikes, Takes};
pub use manner::{AnswerEnd, Manner};
pub(super) use payment::PaymentFaults;
pub use rule::{Fault, FaultError, FaultRule, Often};

use super::log::{Direction, Message};
use super::order::OrderKey;
use super::{Call, Gateway, NoticeKind, Rules};
use crate::random::Random;
use crate::time::UnixTime;

/// The most rules that may be asked for by [`Gateway::add_fault`] at one time.
pub const FAULT_RULES_MAX: usize = 1000;

/// Faults have numbers of their own, so that asking for one changes no code and no number.
const SEED: u64 = 0x6661_756c_7473;

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultView {
    /// Names it to [`Gateway::remove_fault`].
    pub id: u64,
    /// The rule.
    pub rule: FaultRule,
    /// How many times it will still strike; `null` for no end.
    pub left: Option<u32>,
    /// How often it struck.
    pub struck: u64,
}

/// All rules, and what struck.
#[derive(Debug)]
pub(super) struct Faults {
    random: Random,
    per_mille: u16,
    magic_amounts: bool,
    next_id: u64,
    rules: BTreeMap<u64, Active>,
    /// The rules that can still strike and name no order.
    general: BTreeSet<u64>,
    /// The rules that can still strike, by the number of their order.
    by_number: BTreeMap<String, BTreeSet<u64>>,
    /// How many of the rules were asked for by [`Gateway::add_fault`].
    asked_for: usize,
    struck: BTreeMap<FaultName, u64>,
    /// The orders whose magic amount was seen.
    magic_seen: BTreeSet<OrderKey>,
    /// Payments of closed orders that are still to come.
    late_payments: BTreeSet<(UnixTime, OrderKey)>,
}

#[derive(Debug)]
struct Active {
    rule: FaultRule,
    left: Option<u32>,
    struck: u64,
    /// Whether [`Gateway::add_fault`] asked for it, so that it is kept when it is used up.
    asked_for: bool,
}

/// Where a fault may strike now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) strikes: Strikes,
    pub(super) mch_id: &'a str,
    pub(super) out_trade_no: Option<&'a str>,
    pub(super) call: Option<Call>,
    pub(super) notice: Option<NoticeKind>,
}

impl<'a> Place<'a> {
    fn of_order(strikes: Strikes, key: &'a OrderKey) -> Self {
        Self {
            strikes,
            mch_id: &key.mch_id,
            out_trade_no: Some(&key.out_trade_no),
            call: None,
            notice: None,
        }
    }
}

impl Faults {
    pub(super) const fn new(rules: &Rules, seed: u64) -> Self {
        Self {
            random: Random::new(seed ^ SEED),
            per_mille: rules.faults_per_mille,
            magic_amounts: rules.magic_amounts,
            next_id: 1,
            rules: BTreeMap::new(),
            general: BTreeSet::new(),
            by_number: BTreeMap::new(),
            asked_for: 0,
            struck: BTreeMap::new(),
            magic_seen: BTreeSet::new(),
            late_payments: BTreeSet::new(),
        }
    }

    /// Whether nothing can strike without a header or a magic amount.
    fn is_idle(&self) -> bool {
        self.per_mille == 0 && self.general.is_empty() && self.by_number.is_empty()
    }

    fn add(&mut self, rule: FaultRule, asked_for: bool) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.asked_for += usize::from(asked_for);
        match &rule.out_trade_no {
            Some(number) => {
                self.by_number.entry(number.clone()).or_default().insert(id);
            }
            None => {
                self.general.insert(id);
            }
        }
        let left = match rule.often {
            Often::Next(times) => Some(times),
            Often::Always | Often::PerMille(_) => None,
        };
        self.rules.insert(id, Active { rule, left, struck: 0, asked_for });
        id
    }

    /// Takes a rule out of the indexes: it strikes no more.
    fn retire(&mut self, id: u64, out_trade_no: Option<&str>) {
        match out_trade_no {
            None => {
                self.general.remove(&id);
            }
            Some(number) => {
                if let Some(ids) = self.by_number.get_mut(number) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        self.by_number.remove(number);
                    }
                }
            }
        }
    }

    fn remove(&mut self, id: u64) -> bool {
        let Some(active) = self.rules.remove(&id) else { return false };
        self.asked_for -= usize::from(active.asked_for);
        self.retire(id, active.rule.out_trade_no.as_deref());
        true
    }

    /// The faults that strike here, each once, and what asked for each.
    fn draw(&mut self, place: Place<'_>) -> Vec<(Fault, String)> {
        let mut drawn: Vec<(Fault, String)> = Vec::new();
        for id in self.candidates(place) {
            let Some(active) = self.rules.get_mut(&id) else { continue };
            if let Often::PerMille(parts) = active.rule.often
                && self.random.below(1000) >= u64::from(parts)
            {
                continue;
            }
            active.struck += 1;
            active.left = active.left.map(|left| left - 1);
            drawn.push((active.rule.fault, format!("rule {id}")));
            if active.left == Some(0) {
                let asked_for = active.asked_for;
                self.retire(id, self.rules[&id].rule.out_trade_no.clone().as_deref());
                if !asked_for {
                    self.rules.remove(&id);
                }
            }
        }
        drawn.extend(self.at_random(place).map(|fault| (fault, "at random".to_owned())));
        drawn
    }

    fn candidates(&self, place: Place<'_>) -> Vec<u64> {
        let of_number = place.out_trade_no.and_then(|number| self.by_number.get(number));
        let ids = self.general.iter().chain(of_number.into_iter().flatten());
        let fits = |id: &&u64| self.rules.get(id).is_some_and(|active| active.rule.fits(place));
        ids.filter(fits).copied().collect()
    }

    /// One of the faults of this kind, now and then.
    fn at_random(&mut self, place: Place<'_>) -> Option<Fault> {
        if self.per_mille == 0 || self.random.below(1000) >= u64::from(self.per_mille) {
            return None;
        }
        let fits = |entry: &&FaultEntry| {
            let name = entry.name;
            entry.strikes == place.strikes && name.fits(place.notice) && name.comes_by_chance()
        };
        let fitting: Vec<_> = CATALOGUE.iter().filter(fits).collect();
        let at = usize::try_from(self.random.below(fitting.len() as u64)).unwrap_or(0);
        Some(Fault::new(fitting[at].name))
    }
}

impl FaultRule {
    fn fits(&self, place: Place<'_>) -> bool {
        self.fault.strikes() == place.strikes
            && self.mch_id.as_deref().is_none_or(|mch_id| mch_id == place.mch_id)
            && self.call.is_none_or(|call| Some(call) == place.call)
            && self.notice.is_none_or(|kind| Some(kind) == place.notice)
            && self.fault.name().fits(place.notice)
    }
}

impl Gateway {
    /// Asks for a fault; gives the number of the rule.
    ///
    /// # Errors
    ///
    /// When the rule does not fit, or there are [`FAULT_RULES_MAX`] already.
    pub fn add_fault(&mut self, rule: FaultRule) -> Result<u64, FaultError> {
        rule.check()?;
        if self.faults.asked_for >= FAULT_RULES_MAX {
            return Err(FaultError::TooMany);
        }
        Ok(self.faults.add(rule, true))
    }

    /// Forgets a rule; says whether there was one.
    pub fn remove_fault(&mut self, id: u64) -> bool {
        self.faults.remove(id)
    }

    /// Forgets all rules, and says how many there were. What struck stays counted, and what is on
    /// its way stays as it is.
    pub fn remove_faults(&mut self) -> usize {
        let all: Vec<_> = self.faults.rules.keys().copied().collect();
        all.into_iter().filter(|id| self.faults.remove(*id)).count()
    }

    /// The rules that were asked for by [`Gateway::add_fault`], oldest first.
    pub fn faults(&self) -> Vec<FaultView> {
        let asked_for = self.faults.rules.iter().filter(|(_, active)| active.asked_for);
        let view = |(id, active): (&u64, &Active)| {
            let (rule, left, struck) = (active.rule.clone(), active.left, active.struck);
            FaultView { id: *id, rule, left, struck }
        };
        asked_for.map(view).collect()
    }

    /// How often each fault struck, whatever asked for it. Those that never did are left out.
    pub fn faults_struck(&self) -> impl Iterator<Item = (FaultName, u64)> + '_ {
        self.faults.struck.iter().map(|(name, times)| (*name, *times))
    }

    /// How many of a thousand calls, notifications and payments a fault strikes at random.
    pub const fn faults_per_mille(&self) -> u16 {
        self.faults.per_mille
    }

    /// A fault asked for by a header or a magic amount, for what becomes of this order.
    fn ask_for_order(&mut self, fault: Fault, key: &OrderKey) {
        let rule = FaultRule {
            mch_id: Some(key.mch_id.clone()),
            call: fault.name().told_state().map(|_| Call::OrderQuery),
            ..FaultRule::next(fault).of_order(&key.out_trade_no)
        };
        self.faults.add(rule, false);
    }

    /// Writes down that a fault has struck.
    fn struck(
        &mut self,
        fault: Fault,
        asked_by: &str,
        mch_id: &str,
        out_trade_no: Option<&str>,
        now: UnixTime,
    ) {
        *self.faults.struck.entry(fault.name()).or_default() += 1;
        self.log.push(Message {
            at: now.0,
            direction: Direction::Fault,
            name: fault.to_string(),
            mch_id: Some(mch_id.to_owned()),
            out_trade_no: out_trade_no.map(str::to_owned),
            request: String::new(),
            response: String::new(),
            code: None,
            detail: Some(format!("{} ({asked_by})", fault.name().entry().line)),
        });
    }
}
