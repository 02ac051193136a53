//! The terminal's app as a shell sees it: what it asks, what it shows, and how that looks.

mod display;
mod machine;
mod pictures;
mod stage;
