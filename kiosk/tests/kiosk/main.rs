//! The terminal's app as a shell sees it: what it asks, what it shows, and how that looks.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod changes;
mod display;
mod machine;
mod machine_model;
mod pictures;
mod server;
mod stage;
mod world;
