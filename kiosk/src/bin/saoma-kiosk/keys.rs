//! Keys: lines of standard input, and keyboards.

use crate::{run::Event, typing::Stroke};
use embedded_graphics::geometry::Point;
use saoma_kiosk::app::{Input, Key};
use std::{
    io::{self, BufRead},
    sync::mpsc::Sender,
    thread,
};

/// The keys that have a name and no number.
const NAMED: [(&str, Key); 19] = [
    ("start", Key::Start),
    ("page-back", Key::PageBack),
    ("page-on", Key::PageOn),
    ("basket", Key::Basket),
    ("pay", Key::Pay),
    ("back", Key::Back),
    ("cancel", Key::Cancel),
    ("again", Key::Again),
    ("language", Key::Language),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("select", Key::Select),
    ("staff", Key::Staff),
    ("done", Key::Done),
    ("forget", Key::Forget),
    ("repaired", Key::Repaired),
    ("corner", Key::Corner),
];

/// Starts to read lines in a thread of its own.
pub(crate) fn start(events: Sender<Event>) {
    thread::spawn(move || read(io::stdin().lock(), &events));
}

fn read(lines: impl BufRead, events: &Sender<Event>) {
    for line in lines.lines().map_while(Result::ok) {
        if !line.trim().is_empty() && events.send(event(line.trim())).is_err() {
            return;
        }
    }
}

fn event(line: &str) -> Event {
    if line == "quit" {
        return Event::Quit;
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let named = NAMED.iter().find(|(name, _)| *name == line).map(|(_, key)| *key);
    // People count from 1.
    let number = || rest.trim().parse::<u8>().ok()?.checked_sub(1);
    let key = named.or_else(|| match word {
        "item" => number().map(Key::Item),
        "plus" => number().map(Key::Plus),
        "minus" => number().map(Key::Minus),
        _ => None,
    });
    let touched = || touch(line).map(Input::Touch);
    key.map(Input::Key).or_else(touched).map_or(Event::UnknownKey, Event::For)
}

fn touch(line: &str) -> Option<Point> {
    let (x, y) = line.strip_prefix("touch ")?.trim().split_once(' ')?;
    Some(Point::new(x.trim().parse().ok()?, y.trim().parse().ok()?))
}

/// What a key on a keyboard means.
pub(crate) fn of_stroke(stroke: Stroke) -> Option<Key> {
    match stroke {
        Stroke::Up => Some(Key::Up),
        Stroke::Down => Some(Key::Down),
        Stroke::Left => Some(Key::Left),
        Stroke::Right => Some(Key::Right),
        Stroke::Enter | Stroke::Char(' ') => Some(Key::Select),
        Stroke::Back => Some(Key::Back),
        Stroke::Char('l') => Some(Key::Language),
        Stroke::Char('b') => Some(Key::Basket),
        Stroke::Char('p') => Some(Key::Pay),
        Stroke::Char('c') => Some(Key::Cancel),
        Stroke::Char('a') => Some(Key::Again),
        Stroke::Char('s') => Some(Key::Staff),
        Stroke::Char(digit @ '1'..='9') => {
            let number = digit.to_digit(10).and_then(|digit| u8::try_from(digit - 1).ok());
            number.map(Key::Item)
        }
        Stroke::Char(_) | Stroke::Interrupt => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn each_line_is_a_key() {
        let (sender, events) = channel();
        let text =
            "start\n\n language \nitem 1\nplus 9\ntouch 12  34\ntouch here\nitem 0\nx\nquit\n";
        read(text.as_bytes(), &sender);
        drop(sender);
        let key = |key| Event::For(Input::Key(key));
        assert_eq!(
            events.iter().collect::<Vec<_>>(),
            [
                key(Key::Start),
                key(Key::Language),
                key(Key::Item(0)),
                key(Key::Plus(8)),
                Event::For(Input::Touch(Point::new(12, 34))),
                Event::UnknownKey,
                Event::UnknownKey,
                Event::UnknownKey,
                Event::Quit,
            ]
        );
    }

    #[test]
    fn strokes_are_the_keys_that_help_says() {
        assert_eq!(of_stroke(Stroke::Char('1')), Some(Key::Item(0)));
        assert_eq!(of_stroke(Stroke::Enter), Some(Key::Select));
        assert_eq!(of_stroke(Stroke::Char('x')), None);
    }
}
