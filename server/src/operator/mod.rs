//! The operator's page: what a person sees of orders, money and trouble, and may do about it.
//!
//! `page` holds the pages as pure functions from plain values to HTML: they read no clock, no
//! database and no request, so that a test can write each of them down. Everything in them is
//! escaped by the template; nothing is inline, so the content security policy can be strict.

mod chart;
mod document;
mod door;
mod files;
#[cfg(fuzzing)]
pub mod fuzzing;
mod lang;
mod load;
mod office;
mod page;
mod refund;
mod routes;
mod show;
mod visitor;
mod words;

#[cfg(test)]
mod preview;

pub(crate) use office::Office;
pub(crate) use routes::router;

use lang::Lang;
use words::Words;
