//! Both sides added up, so that nothing is counted twice or forgotten.

use super::compare::{Difference, DifferenceKind, Here};
use super::entry::{BillEntry, What};
use crate::money::Fen;

/// How many, and how much in fen. A sum of a day cannot overflow: 2^53 lines of the largest amount
/// fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much, in fen.
    pub fen: i128,
}

impl Sum {
    const fn add(&mut self, amount: Fen) {
        self.count += 1;
        self.fen += amount.get() as i128;
    }
}

/// What the bill and the records of a day come to.
///
/// ```
/// use saoma_core::ids::{OutTradeNo, TransactionId};
/// use saoma_core::money::Fen;
/// use saoma_core::reconcile::{Difference, Here, PaymentHere, Tally};
/// use saoma_core::time::UnixTime;
///
/// let here = Here::Payment(PaymentHere {
///     out_trade_no: OutTradeNo::new("20261123192600K7Q2M9XB-1")?,
///     transaction_id: TransactionId::new("4200009999202611230000000001")?,
///     total_fee: Fen::parse("1800")?,
///     paid_at: UnixTime::parse_beijing("20261123193142")?,
/// });
/// let mut tally = Tally::default();
/// tally.add_here(&here);
/// assert!(tally.totals().is_some(), "18.00 yuan here, nothing there, and nobody says why");
/// tally.add(&Difference::missing_there(&here));
/// assert_eq!(tally.totals(), None, "the difference says why");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Payments in the bill.
    pub payments_there: Sum,
    /// Payments recorded here for the day.
    pub payments_here: Sum,
    /// Refunds in the bill.
    pub refunds_there: Sum,
    /// Refunds recorded here for the day.
    pub refunds_here: Sum,
    /// By how much the bill's payments exceed ours, by the differences.
    payments_differ: Excess,
    /// By how much the bill's refunds exceed ours, by the differences.
    refunds_differ: Excess,
}

/// By how much the bill exceeds the records; below zero when it has less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Excess {
    count: i128,
    fen: i128,
}

impl Excess {
    fn of(there: Sum, here: Sum) -> Self {
        Self { count: i128::from(there.count) - i128::from(here.count), fen: there.fen - here.fen }
    }
}

impl Tally {
    /// Counts a line of the bill.
    pub const fn add_there(&mut self, entry: &BillEntry) {
        match entry.what {
            What::Payment { total_fee, .. } => self.payments_there.add(total_fee),
            What::Refund { refund_fee, .. } => self.refunds_there.add(refund_fee),
        }
    }

    /// Counts a record of ours that is [expected](Here::is_expected) in the bill.
    pub const fn add_here(&mut self, here: &Here) {
        match here {
            Here::Payment(payment) => self.payments_here.add(payment.total_fee),
            Here::Refund(refund) => self.refunds_here.add(refund.refund_fee),
        }
    }

    /// Counts a difference.
    pub fn add(&mut self, difference: &Difference) {
        let mut there = Sum::default();
        let mut here = Sum::default();
        difference.there.into_iter().for_each(|amount| there.add(amount));
        difference.here.into_iter().for_each(|amount| here.add(amount));
        let by = Excess::of(there, here);
        let sum = if difference.kind.is_of_refund() {
            &mut self.refunds_differ
        } else {
            &mut self.payments_differ
        };
        sum.count += by.count;
        sum.fen += by.fen;
    }

    /// What the differences do not explain. It cannot be a sum of money that somebody owes: it says
    /// that a line came twice, or that the records changed while they were compared.
    #[must_use]
    pub fn totals(&self) -> Option<Difference> {
        let payments = Excess::of(self.payments_there, self.payments_here);
        let refunds = Excess::of(self.refunds_there, self.refunds_here);
        let even = payments == self.payments_differ && refunds == self.refunds_differ;
        (!even).then_some(Difference { kind: DifferenceKind::Totals, there: None, here: None })
    }
}
