//! Keys from standard input: one in each line.

use crate::run::Event;
use embedded_graphics::geometry::Point;
use saoma_kiosk::app::{Input, Key};
use std::{
    io::{self, BufRead},
    sync::mpsc::Sender,
    thread,
};

/// Starts to read in a thread of its own.
pub(crate) fn start(events: Sender<Event>) {
    thread::spawn(move || read(io::stdin().lock(), &events));
}

fn read(lines: impl BufRead, events: &Sender<Event>) {
    for line in lines.lines().map_while(Result::ok) {
        if !line.trim().is_empty() && events.send(event(line.trim())).is_err() {
            return;
        }
    }
    // When nobody listens any more, the program is ending anyway.
    let _ = events.send(Event::NoMoreKeys);
}

fn event(line: &str) -> Event {
    let key = |key| Event::Heard(Input::Key(key));
    match line {
        "cancel" => key(Key::Cancel),
        "language" => key(Key::Language),
        "again" => key(Key::Again),
        "quit" => Event::Quit,
        _ => touch(line).map_or(Event::UnknownKey, |at| Event::Heard(Input::Touch(at))),
    }
}

fn touch(line: &str) -> Option<Point> {
    let (x, y) = line.strip_prefix("touch ")?.trim().split_once(' ')?;
    Some(Point::new(x.trim().parse().ok()?, y.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn each_line_is_a_key_and_the_end_is_told() {
        let (sender, events) = channel();
        let text = "cancel\n\n language \nagain\ntouch 12  34\ntouch here\nx\nquit\n";
        read(text.as_bytes(), &sender);
        drop(sender);
        let key = |key| Event::Heard(Input::Key(key));
        assert_eq!(
            events.iter().collect::<Vec<_>>(),
            [
                key(Key::Cancel),
                key(Key::Language),
                key(Key::Again),
                Event::Heard(Input::Touch(Point::new(12, 34))),
                Event::UnknownKey,
                Event::UnknownKey,
                Event::Quit,
                Event::NoMoreKeys,
            ]
        );
    }
}
