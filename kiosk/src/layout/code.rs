//! The page with the code: merchant, goods, amount, code, what to do with it, and the time left.

use super::{
    Metrics, Plan, Shape, modules, price,
    stack::{Align, Stack},
};
use crate::{
    app::{Key, Screen},
    lines::{LINES_MAX, fit},
    picture::size,
};
use embedded_graphics::{geometry::Point, primitives::Rectangle};
use heapless::String;
use saoma_core::qr::{Matrix, QUIET_ZONE};

/// The time left is written in the colour of warnings from here on.
const HURRY_S: u64 = 60;

/// The side of the square that a code may take, quiet zone included.
fn room(metrics: &Metrics) -> i32 {
    let Metrics { width, height, margin, .. } = *metrics;
    let square = match metrics.shape {
        Shape::Wide => (height - 2 * margin).min(width * 29 / 50 - margin),
        Shape::Tall => {
            let words = header_height(metrics) + footer_height(metrics) + metrics.keys_room();
            (width - 2 * margin).min(height - 2 * margin - words)
        }
    };
    square - 2 * metrics.code_border()
}

/// Pixels a module of a code, 0 where it does not fit.
pub(super) fn module_px(metrics: &Metrics, matrix: &Matrix) -> i32 {
    room(metrics) / modules(matrix)
}

/// Whether the code leaves enough room for the whole amount: who pays has to see what.
pub(super) fn has_room(metrics: &Metrics, screen: &Screen, matrix: &Matrix) -> bool {
    let amount = price(screen.order.amount);
    let room = match metrics.shape {
        Shape::Wide => column_place(metrics, matrix).1,
        Shape::Tall if metrics.has_keys() => metrics.width - 2 * metrics.margin,
        // Beside the names.
        Shape::Tall => metrics.width / 2,
    };
    module_px(metrics, matrix) >= 1 && metrics.small.width(&amount) <= room
}

pub(super) fn lay_out<'a>(
    plan: &mut Plan<'a>,
    screen: &'a Screen,
    matrix: &'a Matrix,
    left_s: u64,
) {
    match plan.metrics.shape {
        Shape::Wide => beside(plan, screen, matrix, left_s),
        Shape::Tall => between(plan, screen, matrix, left_s),
    }
}

/// Side of the panel that the code lies on.
fn panel_side(metrics: &Metrics, matrix: &Matrix) -> i32 {
    module_px(metrics, matrix) * modules(matrix) + 2 * metrics.code_border()
}

/// Puts the code on its panel, the panel's upper left corner at `at`.
fn push_code<'a>(plan: &mut Plan<'a>, at: Point, matrix: &'a Matrix) {
    let module = module_px(&plan.metrics, matrix);
    let side = panel_side(&plan.metrics, matrix);
    plan.push_panel(Rectangle::new(at, size(side, side)), plan.theme.card);
    // The quiet zone is 4 modules.
    let quiet = module * i32::try_from(QUIET_ZONE).unwrap_or(0) + plan.metrics.code_border();
    plan.picture.push_code(at + Point::new_equal(quiet), matrix, module, plan.theme.ink);
}

const fn code_left(metrics: &Metrics) -> i32 {
    if metrics.is_tiny() { 2 } else { metrics.margin }
}

/// Left side and width of the column beside a code.
fn column_place(metrics: &Metrics, matrix: &Matrix) -> (i32, i32) {
    let left = code_left(metrics) + panel_side(metrics, matrix) + metrics.margin.max(3);
    (left, metrics.width - metrics.margin - left)
}

/// The code at the left, in the middle of the height; the words in a column beside it.
fn beside<'a>(plan: &mut Plan<'a>, screen: &'a Screen, matrix: &'a Matrix, left_s: u64) {
    let metrics = plan.metrics;
    let side = panel_side(&metrics, matrix);
    let at = Point::new(code_left(&metrics), (metrics.height - side) / 2);
    push_code(plan, at, matrix);
    let (left, width) = column_place(&metrics, matrix);
    // As wide as the column.
    push_keys(plan, screen, (left, width), width);

    let amount = price(screen.order.amount);
    let column = |choice, air| column(plan, screen, &amount, width, choice, air);
    let bottom = metrics.height - metrics.margin - metrics.keys_room();
    let free = bottom - metrics.margin - metrics.body.height();
    let choice = Choice::ALL.into_iter().find(|choice| column(*choice, 0).height() <= free);
    let choice = choice.unwrap_or(Choice::LEAST);
    let air = ((free - column(choice, 0).height()) / 4).clamp(0, 2 * metrics.gap);
    let stack = column(choice, air);
    let top = metrics.margin + ((free - air - stack.height()) / 2).max(0);
    let y = stack.place(&mut plan.picture, (left, width), top, Align::Left) + air;
    push_countdown(plan, screen, (left, width), y, left_s, Align::Left);
}

/// What a column shows where not everything has room.
#[derive(Clone, Copy)]
struct Choice {
    goods_lines: usize,
    hint: bool,
}

impl Choice {
    const LEAST: Self = Self { goods_lines: 1, hint: false };
    /// From the most to the least.
    const ALL: [Self; 3] = [
        Self { goods_lines: 2, hint: true },
        Self { goods_lines: 1, hint: true },
        Self { goods_lines: 2, hint: false },
    ];
}

/// Merchant and goods, `air`, amount, `air`, what to do.
fn column<'t>(
    plan: &Plan<'_>,
    screen: &'t Screen,
    amount: &'t str,
    width: i32,
    choice: Choice,
    air: i32,
) -> Stack<'t> {
    let (metrics, theme) = (&plan.metrics, &plan.theme);
    let (merchant, description) = names(screen);
    let words = screen.language.words();
    let mut stack = Stack::new();
    stack.text(metrics.small, theme.soft, merchant, (width, 1), 0);
    let small_air = if metrics.is_tiny() { 0 } else { metrics.gap / 2 };
    stack.text(metrics.body, theme.ink, description, (width, choice.goods_lines), small_air);
    stack.text(metrics.largest(amount, width), theme.good, amount, (width, 1), air);
    if choice.hint {
        stack.text(metrics.body, theme.ink, words.scan, (width, LINES_MAX), air);
    }
    stack
}

/// Above the code merchant, goods and amount; below it what to do, the time left and the keys.
fn between<'a>(plan: &mut Plan<'a>, screen: &'a Screen, matrix: &'a Matrix, left_s: u64) {
    let metrics = plan.metrics;
    let (left, width) = (metrics.margin, metrics.width - 2 * metrics.margin);
    push_keys(plan, screen, (left, width), 2 * metrics.margin);

    let side = panel_side(&metrics, matrix);
    let (header, footer) = (header_height(&metrics), footer_height(&metrics));
    let bottom = metrics.height - metrics.margin - metrics.keys_room();
    // Three equal spaces: above the words, above the code, below it.
    let air = ((bottom - metrics.margin - header - side - footer) / 3).max(0);
    let top = metrics.margin + air;
    push_header(plan, screen, (left, width), top);
    let y = top + header + air;
    push_code(plan, Point::new((metrics.width - side) / 2, y), matrix);
    push_footer(plan, screen, (left, width), bottom - footer + metrics.gap, left_s);
}

fn header_height(metrics: &Metrics) -> i32 {
    let names = metrics.small.height() + metrics.body.height();
    names + metrics.gap + if metrics.has_keys() { metrics.amount.height() } else { 0 }
}

fn footer_height(metrics: &Metrics) -> i32 {
    let line = metrics.body.height();
    metrics.gap + if metrics.has_keys() { 2 * line } else { line }
}

fn push_header(plan: &mut Plan<'_>, screen: &Screen, (left, width): (i32, i32), top: i32) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let (merchant, description) = names(screen);
    let amount = price(screen.order.amount);
    let mut stack = Stack::new();
    if metrics.has_keys() {
        // A tall display: one thing a line, in the middle.
        stack.text(metrics.small, theme.soft, merchant, (width, 1), 0);
        stack.text(metrics.body, theme.ink, description, (width, 1), 0);
        stack.text(metrics.largest(&amount, width), theme.good, &amount, (width, 1), 0);
        stack.place(&mut plan.picture, (left, width), top, Align::Middle);
        return;
    }
    // A small square: merchant above goods at the left, the amount at the right.
    let font = metrics.largest(&amount, width / 2);
    let amount_width = font.width(&amount);
    let names_height = metrics.small.height() + metrics.body.height();
    let at = Point::new(left + width - amount_width, top + (names_height - font.height()) / 2);
    plan.picture.push_text(at, font, theme.good, &[&amount]);
    let names_width = width - amount_width - 2 * metrics.gap;
    stack.text(metrics.small, theme.soft, merchant, (names_width, 1), 0);
    stack.text(metrics.body, theme.ink, description, (names_width, 1), 0);
    stack.place(&mut plan.picture, (left, names_width), top, Align::Left);
}

fn push_footer(
    plan: &mut Plan<'_>,
    screen: &Screen,
    (left, width): (i32, i32),
    y: i32,
    left_s: u64,
) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let words = screen.language.words();
    if metrics.has_keys() {
        let mut stack = Stack::new();
        stack.text(metrics.body, theme.ink, words.scan, (width, 1), 0);
        let y = stack.place(&mut plan.picture, (left, width), y, Align::Middle);
        push_countdown(plan, screen, (left, width), y, left_s, Align::Middle);
        return;
    }
    let hint = fit(metrics.body, words.scan_short, width);
    let hint_width = hint.width(metrics.body) + 2 * metrics.gap;
    plan.picture.push_text(Point::new(left, y), metrics.body, theme.ink, &hint.parts());
    let place = (left + hint_width, width - hint_width);
    push_countdown(plan, screen, place, y, left_s, Align::Right);
}

/// Merchant and goods.
fn names(screen: &Screen) -> (&str, &str) {
    (&screen.merchant, &screen.order.goods)
}

fn push_keys(plan: &mut Plan<'_>, screen: &Screen, place: (i32, i32), wider: i32) {
    let words = screen.language.words();
    let keys = [(Key::Cancel, words.cancel), (Key::Language, words.language)];
    plan.push_keys(place, wider, &keys);
}

/// The time left, with a word before it where there is room.
fn push_countdown(
    plan: &mut Plan<'_>,
    screen: &Screen,
    (left, width): (i32, i32),
    y: i32,
    left_s: u64,
    align: Align,
) {
    let (font, theme) = (plan.metrics.body, plan.theme);
    plan.countdown = Rectangle::new(Point::new(left, y), size(width, font.height()));
    let time = clock(left_s);
    let label = screen.language.words().left;
    let label_width = font.width(label) + font.width(" ");
    // The room is decided by the longest time, so that the word does not come and go.
    let has_label = label_width + font.width("120:00") <= width;
    let label_width = if has_label { label_width } else { 0 };
    let x = align.x((left, width), label_width + font.width(&time));
    if has_label {
        plan.picture.push_text(Point::new(x, y), font, theme.soft, &[label]);
    }
    let colour = if left_s <= HURRY_S { theme.bad } else { theme.ink };
    plan.picture.push_text(Point::new(x + label_width, y), font, colour, &[&time]);
}

/// Minutes and seconds: `14:59`.
fn clock(left_s: u64) -> String<24> {
    let mut text = String::new();
    // A number of 64 bits has 20 digits at most.
    let (minutes, seconds) = (left_s / 60, left_s % 60);
    let _fits = core::fmt::write(&mut text, format_args!("{minutes}:{seconds:02}"));
    text
}
