//! Handing goods over by a machine: it claims them first, and confirms that they are out.

use super::{Order, Phase, Step};
use core::fmt;

/// Why a machine may not hand the goods of an order over.
///
/// ```
/// use saoma_core::order::{DispenseRefused, Event, Order, Phase};
/// # use saoma_core::api::{Currency, Payment};
/// # use saoma_core::ids::{OrderId, TransactionId};
/// # use saoma_core::{money::Fen, time::UnixTime};
/// # let now = UnixTime::new(1_795_461_960).unwrap();
/// # let id = OrderId::new("20261124032600K7Q2M9XB")?;
/// let order = Order::begin(id, Fen::new(1800).unwrap(), now, now.plus(900)).order;
/// assert_eq!(order.may_dispense(), Err(DispenseRefused::NotPaid));
/// # let payment = Payment {
/// #     out_trade_no: order.out_trade_no(0).unwrap(),
/// #     transaction_id: TransactionId::new("4200009999202611230000000001")?,
/// #     total_fee: Fen::new(1800).unwrap(),
/// #     currency: Currency::CNY,
/// #     paid_at: now,
/// #     refunded: false,
/// # };
/// let paid = order.handle(&Event::Paid { attempt: 0, payment }, now).order;
///
/// // First the claim is committed, then the flap opens, then it is confirmed.
/// assert_eq!(paid.may_dispense(), Ok(()));
/// let claimed = paid.handle(&Event::Dispense, now).order;
/// assert!(claimed.is_dispensing());
/// let out = claimed.handle(&Event::Shipped, now).order;
/// assert_eq!((out.phase(), out.is_dispensing()), (Phase::Shipped, false));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispenseRefused {
    /// Nothing was paid that could be kept.
    NotPaid,
    /// The payment goes back, or a part of it does.
    RefundStarted,
    /// It was shipped in another way.
    Shipped,
}

impl fmt::Display for DispenseRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPaid => "the order is not paid",
            Self::RefundStarted => "the payment of the order goes back",
            Self::Shipped => "the order was shipped in another way",
        })
    }
}

impl core::error::Error for DispenseRefused {}

impl Order {
    /// Whether a machine may begin to hand the goods over, or has begun it and asks again.
    ///
    /// # Errors
    /// [`DispenseRefused`] says why not.
    pub fn may_dispense(&self) -> Result<(), DispenseRefused> {
        match self.phase {
            Phase::Placing | Phase::Open | Phase::Closing(_) | Phase::Closed(_) => {
                Err(DispenseRefused::NotPaid)
            }
            Phase::Paid if crate::planted!("dispense-after-refund") => Ok(()),
            Phase::Paid if self.kept_attempt().is_none_or(|it| self.refund_started(it)) => {
                Err(DispenseRefused::RefundStarted)
            }
            Phase::Shipped if !self.dispensed => Err(DispenseRefused::Shipped),
            Phase::Paid | Phase::Shipped => Ok(()),
        }
    }

    /// Whether a machine has begun to hand the goods over and has not confirmed it: nobody knows
    /// whether they are out, so a refund should wait.
    #[must_use]
    pub fn is_dispensing(&self) -> bool {
        self.dispensed && self.phase == Phase::Paid
    }

    /// Whether a machine has ever begun to hand the goods over.
    #[must_use]
    pub const fn is_claimed(&self) -> bool {
        self.dispensed
    }
}

impl Step {
    pub(super) fn dispense(&mut self) {
        if self.order.may_dispense().is_ok() {
            self.order.dispensed = true;
        }
    }
}
