//! The inputs that are about refunds.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::gateway::{
    ConsoleRefund, Ending, Funds, Gateway, RefundError, RefundTarget, RefundView, Target,
};
use crate::time::UnixTime;

/// [`Gateway::refund_by_hand`]: a refund in the merchant's console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundByHand {
    /// Of which order.
    pub target: Target,
    /// What.
    pub refund: ConsoleRefund,
}

impl Act for RefundByHand {
    type Output = Result<RefundView, RefundError>;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Self::Output {
        gateway.refund_by_hand(&self.target, self.refund, now)
    }
}

/// [`Gateway::plan_refund`]: how refunds will end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRefund {
    /// Which.
    pub target: RefundTarget,
    /// How.
    pub ending: Ending,
}

impl Act for PlanRefund {
    type Output = Result<(), RefundError>;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Self::Output {
        gateway.plan_refund(&self.target, self.ending, now)
    }
}

/// [`Gateway::end_refund`]: a refund ends now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndRefund {
    /// Whose; may be left out while there is one merchant.
    pub mch_id: Option<String>,
    /// Which.
    pub out_refund_no: String,
    /// How, if not as was said before.
    pub ending: Option<Ending>,
}

impl Act for EndRefund {
    type Output = Result<RefundView, RefundError>;

    fn act(self, gateway: &mut Gateway, now: UnixTime) -> Self::Output {
        gateway.end_refund(self.mch_id.as_deref(), &self.out_refund_no, self.ending, now)
    }
}

/// [`Gateway::send_refund_again`]: copies of a refund's notification, by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRefundAgain {
    /// Whose; may be left out while there is one merchant.
    pub mch_id: Option<String>,
    /// Which.
    pub out_refund_no: String,
    /// How many.
    pub copies: u32,
}

impl Act for SendRefundAgain {
    type Output = Result<(), RefundError>;

    fn act(self, gateway: &mut Gateway, _: UnixTime) -> Self::Output {
        gateway.send_refund_again(self.mch_id.as_deref(), &self.out_refund_no, self.copies)
    }
}

/// [`Gateway::set_funds`]: what a merchant has to pay refunds from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetFunds {
    /// Whose; may be left out while there is one merchant.
    pub mch_id: Option<String>,
    /// What is not paid out yet, in fen; `None` leaves it.
    pub unsettled_fen: Option<u64>,
    /// What was paid in for refunds, in fen; `None` leaves it.
    pub recharge_fen: Option<u64>,
}

impl Act for SetFunds {
    type Output = Result<Funds, RefundError>;

    fn act(self, gateway: &mut Gateway, _: UnixTime) -> Self::Output {
        gateway.set_funds(self.mch_id.as_deref(), self.unsettled_fen, self.recharge_fen)
    }
}
