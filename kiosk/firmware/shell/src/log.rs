//! Lines for the bridge's log.

use core::fmt;
use heapless::String;
use saoma_kiosk::serial::message::{LOG_MAX, ToBridge};

/// Tells the bridge's log; what is longer than a line of it is cut.
pub fn log(tell_bridge: impl FnMut(&[u8]), text: fmt::Arguments<'_>) {
    let mut line = Cut(String::new());
    // What does not fit is left out.
    let _cut = fmt::write(&mut line, text);
    ToBridge::Log { text: &line.0 }.write(tell_bridge);
}

struct Cut(String<LOG_MAX>);

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.0.capacity() - self.0.len();
        let end = text.floor_char_boundary(room);
        self.0.push_str(text.get(..end).unwrap_or_default()).map_err(|_| fmt::Error)
    }
}
