//! Signals, as events of the loop.

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH},
    iterator::Signals,
};
use std::thread;

/// What a signal asks for.
pub(crate) enum Signal {
    /// To end, in good order.
    End,
    /// The terminal has another size.
    Resized,
}

/// Listens in a thread of its own, as long as `heard` says that somebody wants to know.
pub(crate) fn start(heard: impl Fn(Signal) -> bool + Send + 'static) -> Result<(), String> {
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGWINCH]);
    let mut signals = signals.map_err(|error| format!("cannot listen to signals: {error}"))?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let signal = if signal == SIGWINCH { Signal::Resized } else { Signal::End };
            if !heard(signal) {
                return;
            }
        }
    });
    Ok(())
}
