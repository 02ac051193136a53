//! The bill against what is known here: every difference has a name.
//!
//! WeChat's trade bill of a day is compared with the payments and refunds that are recorded here,
//! both ways, line by line, so that neither side ever has to be in memory as a whole:
//!
//! 1. Each line becomes a [`BillEntry`]. The caller looks up what it knows of the entry's numbers,
//!    a few hundred at once, and asks [`compare`].
//! 2. The caller walks through its own payments and refunds of the day. What [`Here::is_expected`]
//!    in the bill and is not there is [`Difference::missing_there`].
//! 3. A [`Tally`] counts along. What both sides add up to, and the differences between them, must
//!    come out even; otherwise something was counted twice or not at all.
//!
//! A bill is not signed, so a difference is a reason to ask and never a fact about money:
//! [`Difference::question`] says whom to ask.
//!
//! Days are days in Beijing. A payment stands in the bill of the day on which it was paid, a refund
//! in the bill of the day on which WeChat accepted it, whatever became of it later (protocol §11).
//! We may hear of either a second later, on the next day; then the bill is right, both days have an
//! [`OtherDay`](DifferenceKind::OtherDay), and nobody has to do anything.
//!
//! ```
//! use saoma_core::bill::{BillDate, TradeBill};
//! use saoma_core::reconcile::{BillEntry, DifferenceKind, Question, compare};
//!
//! # let text = "交易时间,微信订单号,商户订单号,交易状态,货币种类,总金额\n\
//! # `2026-11-23 21:31:47,`4200009999202611230000000001,`SM20261123-1,`SUCCESS,`CNY,`25.99\n";
//! let day = BillDate::parse("20261123")?;
//! let mut bill = TradeBill::new();
//! bill.feed(text.as_bytes(), |line| {
//!     let entry = BillEntry::of(&line.expect("a good line"));
//!     // Nothing is known of its numbers.
//!     let difference = compare(&day, &entry, None).expect("a difference");
//!     assert_eq!(difference.kind, DifferenceKind::MissingHere);
//!     assert_eq!(difference.question(), Question::Order);
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compare;
mod entry;
mod tally;

pub use compare::{
    Difference, DifferenceKind, Here, PaymentHere, Question, RefundHere, RefundProgress, compare,
};
pub use entry::{BillEntry, BillNumber, BillRefundState, PaymentState, What, has_our_form};
pub use tally::{Sum, Tally};

#[cfg(test)]
mod tests;
