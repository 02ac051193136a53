//! Nobody is there: a drawing under a line that scans it, and the invitation to begin.
//!
//! With each step the line moves; every few steps the drawing changes and everything stands a
//! little elsewhere, so that no pixel stays the same for long.

use super::{
    Plan, keys,
    metrics::rect,
    stack::{Align, Stack},
};
use crate::{
    app::{Key, Screen},
    font::Font,
    lines::LINES_MAX,
    menu::Symbol,
    picture::Kind,
};
use embedded_graphics::{geometry::Point, primitives::Rectangle};

/// Steps of the line from the top to the bottom.
const SWEEP: i32 = 24;
/// Steps until the picture changes and moves.
const POSE: u16 = 96;
/// Where everything stands in turn, in parts of the room around it.
const PLACES: [(i32, i32); 9] =
    [(0, 0), (1, -1), (-1, 1), (1, 1), (-1, -1), (0, 1), (1, 0), (-1, 0), (0, -1)];
/// What is drawn in turn.
const SYMBOLS: [Symbol; 4] = [Symbol::Cup, Symbol::Pot, Symbol::Glass, Symbol::Cake];

/// How far everything stands from its middle place, where it may move by `room` either way.
pub(super) fn drift(step: u16, room: (i32, i32)) -> Point {
    let pose = usize::from(step / POSE);
    let (x, y) = PLACES[pose % PLACES.len()];
    Point::new(x * room.0, y * room.1)
}

/// Where something is that goes to and fro between 0 and `length`.
pub(super) fn sweep(step: u16, length: i32) -> i32 {
    let at = i32::from(step) % (2 * SWEEP);
    at.min(2 * SWEEP - at) * length / SWEEP
}

pub(super) fn lay_out(plan: &mut Plan<'_>, screen: &Screen) {
    let (metrics, theme, words) = (plan.metrics, plan.theme, plan.words);
    let top = plan.push_top(&screen.merchant);
    let (left, width) = metrics.inner();
    let height = metrics.height - top;
    let room = metrics.margin;
    let drift = drift(screen.step, (room / 2, room / 2));
    let press = screen.focus.is_some();
    let note = if press { words.attract_press } else { words.attract.note };
    let title = words.attract.title;
    let is_wide = metrics.width > metrics.height;
    let side = if is_wide {
        (height - 4 * room).min(width * 2 / 5).min(320)
    } else {
        (height - metrics.title.height() - metrics.key - 6 * room).min(width * 3 / 5).min(320)
    };
    let text_width = if is_wide { width - side - 4 * room } else { width - room };
    let mut stack = Stack::new();
    stack.text(metrics.title, theme.ink, title, (text_width, LINES_MAX), 0);
    let words_height = stack.height() + 2 * metrics.gap + metrics.key;
    let (picture, words_at, align) = if is_wide {
        // Both together in the middle.
        let used = stack.width().max(start_width(plan, text_width, note));
        let x = left + ((width - side - 3 * room - used) / 2).max(room / 2);
        let picture = Point::new(x, top + (height - room - side) / 2);
        let words_at = Point::new(x + side + 3 * room, top + (height - room - words_height) / 2);
        (picture, words_at, Align::Left)
    } else {
        let spare = ((height - side - words_height) / 3).max(0);
        let picture = Point::new((metrics.width - side) / 2, top + spare);
        (picture, Point::new(left, top + side + 2 * spare), Align::Middle)
    };
    let (picture, words_at) = (picture + drift, words_at + drift);
    push_scanned(plan, picture, side, screen.step);
    let span = (words_at.x, text_width);
    let y = stack.place(&mut plan.picture, span, words_at.y, align) + 2 * metrics.gap;
    push_start(plan, span, y, align, note);
    let all = metrics.bounds();
    plan.push_key(all, Key::Start);
}

/// The font of the key that begins, and the key's width.
fn start_font(plan: &Plan<'_>, width: i32, note: &str) -> (&'static Font, i32) {
    let font = plan.metrics.fitting(note, width - 4 * plan.metrics.margin);
    (font, (font.width(note) + 4 * plan.metrics.margin).min(width))
}

fn start_width(plan: &Plan<'_>, width: i32, note: &str) -> i32 {
    start_font(plan, width, note).1
}

/// The key that begins; whoever touches elsewhere begins as well.
fn push_start(plan: &mut Plan<'_>, span: (i32, i32), y: i32, align: Align, note: &str) {
    let (font, width) = start_font(plan, span.1, note);
    let area = rect(align.x(span, width), y, width, plan.metrics.key);
    plan.push_face(area, Key::Start, keys::Look::Main);
    let line = crate::lines::fit(font, note, width);
    let at = keys::middle(&area, line.width(font), font.height());
    plan.picture.push_text(at, font, plan.theme.bright, &line.parts());
}

/// A drawing between four corners, and the line that scans it.
fn push_scanned(plan: &mut Plan<'_>, at: Point, side: i32, step: u16) {
    let (theme, thick) = (plan.theme, (side / 50).max(2));
    let inset = side / 8;
    let symbol = SYMBOLS[usize::from(step / POSE) % SYMBOLS.len()];
    let drawing = rect(at.x + inset, at.y + inset, side - 2 * inset, side - 2 * inset);
    let (light, ground) = (theme.light, theme.ground);
    plan.picture.push(drawing, Kind::Art { symbol, light, ground });
    let length = side / 5;
    let mut push = |x: i32, y: i32, width: i32, height: i32| {
        let area = Rectangle::new(at + Point::new(x, y), crate::picture::size(width, height));
        let colour = theme.good;
        let kind = Kind::Panel { radius: thick / 2, colour, thick: 0, line: colour };
        plan.picture.push(area, kind);
    };
    for x in [0, side - length] {
        for y in [0, side - thick] {
            push(x, y, length, thick);
        }
    }
    for x in [0, side - thick] {
        for y in [0, side - length] {
            push(x, y, thick, length);
        }
    }
    // Thinner than the corners: a step of it is sent four times a second.
    let thin = (thick / 2).max(2);
    let y = thick * 3 + sweep(step, side - 7 * thick);
    push(thick * 2, y, side - 4 * thick, thin);
}
