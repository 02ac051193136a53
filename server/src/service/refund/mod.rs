//! Refunds, from the order machine's decision to WeChat's last word.
//!
//! Each refund is a row with the exact request, and one entry of the outbox under its number, which
//! stays until the refund's end is known: [`begin`] writes both, [`life`] says what is to be done
//! next and takes what came of it, [`ask`] are the wishes of shops and operators, and [`notice`] is
//! WeChat's notification, which only makes the entry due at once.

mod ask;
mod begin;
mod life;
mod news;
mod notice;
mod others;

#[cfg(test)]
mod tests;

pub(crate) use ask::{AskRefundError, DecideError, Decided, NewRefund, RefundBy};
pub(crate) use begin::Wish;
pub(crate) use life::{RefundJob, RefundLook};
pub(crate) use news::{RefundNews, ToldRefund};
