//! Faults of notifications: how their sendings differ from what the schedule says.

use super::super::notice::{False, NewNotice, NoticeKind, Plan};
use super::super::{Gateway, numbers};
use super::paper::{self, Change};
use super::{Fault, FaultName, Place, Strikes};
use crate::merchant::Merchant;
use crate::sign::{Algorithm, Key};
use crate::time::UnixTime;

/// What signs forgeries: nobody's key.
const FORGED_KEY: &str = "forged00forged00forged00forged00";

impl Gateway {
    /// Takes a notification to be sent, with the faults that strike it.
    pub(in crate::gateway) fn announce(&mut self, mut new: NewNotice, now: UnixTime) {
        let mut plan = Plan::default();
        if !self.faults.is_idle() {
            let order = new.order.clone();
            let place =
                Place { notice: Some(new.kind), ..Place::of_order(Strikes::Notice, &order) };
            for (fault, asked_by) in self.faults.draw(place) {
                if self.plan(&mut new, &mut plan, fault).is_some() {
                    let number = Some(order.out_trade_no.as_str());
                    self.struck(fault, &asked_by, &order.mch_id, number, now);
                }
            }
        }
        self.notices.add(new, plan);
    }

    /// Makes a fault part of the plan; `None` when there is nothing to strike.
    fn plan(&mut self, new: &mut NewNotice, plan: &mut Plan, fault: Fault) -> Option<()> {
        new.due?;
        let word = fault.name().as_str();
        match fault.name() {
            FaultName::NoticeLost => plan.lost = true,
            FaultName::NoticeFirstLost => plan.first_lost = fault.count(),
            FaultName::NoticeLate => plan.late_s = fault.seconds(),
            FaultName::NoticeRepeated => plan.repeats = fault.count(),
            FaultName::NoticeTogether => plan.together = fault.count(),
            FaultName::NoticeReordered => plan.held = true,
            FaultName::NoticeReplayed => plan.replay_after_s = Some(fault.seconds()),
            FaultName::NoticeCut => plan.cut_first = true,
            FaultName::NoticeForged => {
                let body = self.forged(new)?;
                plan.before.push(False { body, fault: word });
            }
            FaultName::NoticeAltered => {
                let body = self.changed_notice(new, Change::OtherAmount)?;
                plan.before.push(False { body, fault: word });
            }
            FaultName::NoticeOfAnother => {
                let body = self.notices.newest_of(&new.order.mch_id)?.body.clone();
                plan.before.push(False { body, fault: word });
            }
            FaultName::NoticeWrongSign => {
                plan.first_body = Some(self.changed_notice(new, Change::WrongSign)?);
            }
            FaultName::NoticeUnsigned => {
                plan.first_body = Some(self.changed_notice(new, Change::Unsigned)?);
            }
            name => new.body = self.changed_notice(new, change_of_notice(name)?)?,
        }
        Some(())
    }

    fn changed_notice(&self, new: &NewNotice, change: Change<'_>) -> Option<String> {
        if new.kind == NoticeKind::Refund {
            return paper::changed_sealed(&new.body, change);
        }
        let (merchant, algorithm) = self.signer(new)?;
        paper::changed(&new.body, change, merchant, algorithm)
    }

    /// The notification as somebody would write it who knows everything but the key.
    fn forged(&mut self, new: &NewNotice) -> Option<String> {
        let forged_key = Key::new(FORGED_KEY)?;
        if new.kind == NoticeKind::Refund {
            let merchant = self.merchants.get(&new.order.mch_id)?;
            return paper::sealed_again(&new.body, &merchant.key, &forged_key);
        }
        let nonce = numbers::nonce(&mut self.faults.random);
        let (merchant, algorithm) = self.signer(new)?;
        let forger = Merchant { key: forged_key, ..merchant.clone() };
        paper::changed(&new.body, Change::Nonce(&nonce), &forger, algorithm)
    }

    fn signer(&self, new: &NewNotice) -> Option<(&Merchant, Algorithm)> {
        let order = self.orders.get(&new.order)?;
        Some((self.merchants.get(&new.order.mch_id)?, order.algorithm))
    }
}

const fn change_of_notice(name: FaultName) -> Option<Change<'static>> {
    match name {
        FaultName::NoticeLowerCaseSign => Some(Change::LowerCaseSign),
        FaultName::NoticeSignType => Some(Change::SignType),
        FaultName::NoticeNoSignType => Some(Change::NoSignType),
        FaultName::NoticeWrongSignType => Some(Change::WrongSignType),
        FaultName::NoticeUnknownFields => Some(Change::UnknownFields),
        _ => None,
    }
}
