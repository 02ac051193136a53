//! The terminal's app as a shell sees it: what it asks, what it shows, and how that looks.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod bench;
mod changes;
mod display;
mod journal;
mod machine;
mod machine_hand;
mod machine_model;
mod machine_order;
mod machine_start;
mod machine_trouble;
mod pictures;
mod sent;
mod server;
mod stage;
mod world;
