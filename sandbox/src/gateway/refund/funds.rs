//! What a merchant has to pay refunds from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::Gateway;
use super::super::order::Payment;
use super::{RefundAccount, RefundError};

/// What a merchant has to pay refunds from, in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funds {
    /// What customers have paid, without the coupons that were given away and without what went
    /// back: what WeChat has not paid out yet. This gateway never pays out by itself, and takes no
    /// fee from it.
    pub unsettled_fen: u64,
    /// What the merchant has put into its balance.
    pub recharge_fen: u64,
}

impl Funds {
    /// What is in an account.
    pub const fn of(self, account: RefundAccount) -> u64 {
        match account {
            RefundAccount::Unsettled => self.unsettled_fen,
            RefundAccount::Recharge => self.recharge_fen,
        }
    }
}

/// The funds of all merchants, by their numbers.
#[derive(Debug, Default)]
pub(in crate::gateway) struct FundsOfAll(BTreeMap<String, Funds>);

impl FundsOfAll {
    /// A payment came in.
    pub(in crate::gateway) fn paid(&mut self, mch_id: &str, payment: &Payment) {
        let settlement_fen = payment.settlement_fen().unwrap_or(payment.total_fen);
        self.put(mch_id, RefundAccount::Unsettled, settlement_fen);
    }

    pub(super) fn of(&self, mch_id: &str) -> Funds {
        self.0.get(mch_id).copied().unwrap_or_default()
    }

    pub(super) fn put(&mut self, mch_id: &str, account: RefundAccount, fen: u64) {
        let balance_fen = self.balance(mch_id, account);
        *balance_fen = balance_fen.saturating_add(fen);
    }

    /// Takes money out; whoever asks has looked before that there is enough.
    pub(super) fn take(&mut self, mch_id: &str, account: RefundAccount, fen: u64) {
        let balance_fen = self.balance(mch_id, account);
        *balance_fen = balance_fen.saturating_sub(fen);
    }

    fn balance(&mut self, mch_id: &str, account: RefundAccount) -> &mut u64 {
        let funds = self.0.entry(mch_id.to_owned()).or_default();
        match account {
            RefundAccount::Unsettled => &mut funds.unsettled_fen,
            RefundAccount::Recharge => &mut funds.recharge_fen,
        }
    }
}

impl Gateway {
    /// What a merchant has to pay refunds from. The merchant may be left out while there is one.
    ///
    /// # Errors
    ///
    /// When no such merchant is known, or none is named and there are several.
    pub fn funds(&self, mch_id: Option<&str>) -> Result<Funds, RefundError> {
        self.merchant_meant(mch_id).map(|mch_id| self.funds.of(&mch_id))
    }

    /// Sets what a merchant has to pay refunds from, and leaves alone what is `None`.
    ///
    /// # Errors
    ///
    /// As [`Gateway::funds`].
    pub fn set_funds(
        &mut self,
        mch_id: Option<&str>,
        unsettled_fen: Option<u64>,
        recharge_fen: Option<u64>,
    ) -> Result<Funds, RefundError> {
        let mch_id = self.merchant_meant(mch_id)?;
        for (account, fen) in
            [(RefundAccount::Unsettled, unsettled_fen), (RefundAccount::Recharge, recharge_fen)]
        {
            if let Some(fen) = fen {
                *self.funds.balance(&mch_id, account) = fen;
            }
        }
        Ok(self.funds.of(&mch_id))
    }
}
