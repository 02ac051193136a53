//! The door of the operator's page: who may come in, and how a browser shows that it did.
//!
//! A password is compared with its argon2 hash and never kept. A session is a random token in a
//! cookie; the database holds only its digest, so that every process of the server knows the
//! session and nobody who reads the database can use it. Every form carries a token that is made
//! of the session's, so no other page can send one.

mod cookie;
mod password;
mod patience;
mod token;

pub(crate) use cookie::Cookies;
pub(crate) use password::Operators;
pub(crate) use patience::{Patience, Who};
pub(crate) use token::Token;

/// How long a session lasts, in seconds.
pub(crate) const SESSION_S: u64 = 12 * 3_600;
