//! Refunds of a running sandbox: by hand, how they end, and what they are paid from.

use super::Sandbox;
use crate::gateway::input::{EndRefund, PlanRefund, RefundByHand, SendRefundAgain, SetFunds};
use crate::gateway::{ConsoleRefund, Ending, Funds, RefundError, RefundTarget, RefundView, Target};

impl Sandbox {
    /// Makes a refund by hand in the merchant's console.
    ///
    /// # Errors
    ///
    /// Why there is no refund.
    pub fn refund_by_hand(
        &self,
        target: &Target,
        refund: ConsoleRefund,
    ) -> Result<RefundView, RefundError> {
        self.shared.act_inside(RefundByHand { target: target.clone(), refund })
    }

    /// Says how refunds will end: those under way, and those to come.
    ///
    /// # Errors
    ///
    /// When the order or the merchant is not found, or the refund with this number has ended.
    pub fn plan_refund(&self, target: &RefundTarget, ending: Ending) -> Result<(), RefundError> {
        self.shared.act_inside(PlanRefund { target: target.clone(), ending })
    }

    /// Ends a refund that is under way, now: as was said before, or as is said here. The merchant
    /// may be left out while there is one.
    ///
    /// # Errors
    ///
    /// When it is not found, or has ended.
    pub fn end_refund(
        &self,
        mch_id: Option<&str>,
        out_refund_no: &str,
        ending: Option<Ending>,
    ) -> Result<RefundView, RefundError> {
        let (mch_id, out_refund_no) = (mch_id.map(str::to_owned), out_refund_no.to_owned());
        self.shared.act_inside(EndRefund { mch_id, out_refund_no, ending })
    }

    /// Sends the notification of a refund's end `copies` times more, all at once.
    ///
    /// # Errors
    ///
    /// When there is no such refund, or nobody is told of it.
    pub fn send_refund_again(
        &self,
        mch_id: Option<&str>,
        out_refund_no: &str,
        copies: u32,
    ) -> Result<(), RefundError> {
        let (mch_id, out_refund_no) = (mch_id.map(str::to_owned), out_refund_no.to_owned());
        self.shared.act_inside(SendRefundAgain { mch_id, out_refund_no, copies })
    }

    /// What a merchant has to pay refunds from. The merchant may be left out while there is one.
    ///
    /// # Errors
    ///
    /// When the merchant is not found.
    pub fn funds(&self, mch_id: Option<&str>) -> Result<Funds, RefundError> {
        self.shared.look(|gateway, _| gateway.funds(mch_id))
    }

    /// Sets what a merchant has to pay refunds from, in fen, and leaves alone what is `None`.
    ///
    /// # Errors
    ///
    /// When the merchant is not found.
    pub fn set_funds(
        &self,
        mch_id: Option<&str>,
        unsettled_fen: Option<u64>,
        recharge_fen: Option<u64>,
    ) -> Result<Funds, RefundError> {
        let mch_id = mch_id.map(str::to_owned);
        self.shared.act_inside(SetFunds { mch_id, unsettled_fen, recharge_fen })
    }
}
