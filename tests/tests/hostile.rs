//! Bad input of every kind, over HTTP, against the real server program. After each piece of it the
//! books are what they were, the server lives, and a good notification is still taken.
//!
//! The programs must be built before: `cargo build --workspace`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "hostile/documents.rs"]
mod documents;
#[path = "hostile/doors.rs"]
mod doors;
#[path = "hostile/forms.rs"]
mod forms;
#[path = "hostile/json.rs"]
mod json;
#[path = "hostile/notices.rs"]
mod notices;
#[path = "hostile/oddities.rs"]
mod oddities;
#[path = "hostile/operator.rs"]
mod operator;
#[path = "hostile/prey.rs"]
mod prey;
#[expect(dead_code, reason = "each test file uses its own part of the rig")]
mod rig;
#[path = "hostile/sealed.rs"]
mod sealed;
#[path = "hostile/slow.rs"]
mod slow;
#[path = "hostile/webhook.rs"]
mod webhook;
#[path = "hostile/wire.rs"]
mod wire;
#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;
