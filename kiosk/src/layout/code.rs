//! The page with the code: merchant, goods, amount, code, what to do with it, and the time left.

use super::{
    Metrics, Plan, clock,
    keys::Button,
    metrics::rect,
    module_px, modules, price,
    stack::{Align, Stack},
};
use crate::{
    app::{Key, Screen},
    font::{Font, SIZE_12},
    lines::{LINES_MAX, fit},
};
use embedded_graphics::geometry::Point;
use saoma_core::qr::{Matrix, QUIET_ZONE};

/// The time left is written in the colour of warnings from here on.
const HURRY_S: u64 = 60;

/// Where the words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// Beside the code, with the keys below them.
    Beside,
    /// Above and below the code.
    Around,
    /// Goods above, the rest beside, amount and keys below: for small squares.
    Corner,
}

/// Where code and words are on a display.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    words: Words,
    /// The side of the square that a code may take, quiet zone included.
    pub(super) room: i32,
}

impl Place {
    /// The one with the most room for the code.
    pub(super) fn of(metrics: &Metrics) -> Self {
        let Metrics { width, height, margin, gap, key, .. } = *metrics;
        let (em, body) = (metrics.body.em(), metrics.body.height());
        let bottom = key + margin;
        let beside = (height - 2 * margin).min(width - 3 * margin - 5 * em);
        let header = header_height(metrics);
        let around = (height - margin - header - body - bottom - 3 * gap).min(width - 2 * margin);
        let corner = (height - margin - body - bottom - 2 * gap).min(width - 3 * margin - 4 * em);
        let places = [(Words::Beside, beside), (Words::Around, around), (Words::Corner, corner)];
        let border = 2 * border(metrics);
        let most =
            places.into_iter().reduce(|most, next| if next.1 > most.1 { next } else { most });
        let (words, room) = most.unwrap_or((Words::Beside, beside));
        Self { words, room: room - border }
    }
}

/// Light pixels around a code's quiet zone, so that the panel's round corners spare it.
const fn border(metrics: &Metrics) -> i32 {
    metrics.radius() / 2
}

/// Side of the panel that the code lies on.
fn panel_side(metrics: &Metrics, matrix: &Matrix) -> i32 {
    module_px(metrics, matrix) * modules(matrix) + 2 * border(metrics)
}

/// Whether the code leaves enough room for the whole amount: who pays has to see what.
pub(super) fn has_room(plan: &Plan<'_>, screen: &Screen, matrix: &Matrix) -> bool {
    let metrics = &plan.metrics;
    let room = match Place::of(metrics).words {
        Words::Beside => column(metrics, matrix).1,
        Words::Around => metrics.inner().1 / 2,
        Words::Corner => metrics.inner().1 - corner_keys_width(plan),
    };
    module_px(metrics, matrix) >= 1 && SIZE_12.width(&price(screen.order.amount)) <= room
}

pub(super) fn lay_out<'a>(
    plan: &mut Plan<'a>,
    screen: &'a Screen,
    matrix: &'a Matrix,
    left_s: u64,
) {
    match Place::of(&plan.metrics).words {
        Words::Beside => beside(plan, screen, matrix, left_s),
        Words::Around => around(plan, screen, matrix, left_s),
        Words::Corner => corner(plan, screen, matrix, left_s),
    }
}

/// Puts the code on its panel, the panel's upper left corner at `at`.
fn push_code<'a>(plan: &mut Plan<'a>, at: Point, matrix: &'a Matrix) {
    let (module, side) = (module_px(&plan.metrics, matrix), panel_side(&plan.metrics, matrix));
    let (card, line) = (plan.theme.card, plan.theme.line);
    plan.push_framed(rect(at.x, at.y, side, side), card, 1, line);
    // The quiet zone is 4 modules.
    let quiet = module * i32::try_from(QUIET_ZONE).unwrap_or(0) + border(&plan.metrics);
    plan.picture.push_code(at + Point::new_equal(quiet), matrix, module, plan.theme.ink);
}

/// Left side and width of the column beside a code.
fn column(metrics: &Metrics, matrix: &Matrix) -> (i32, i32) {
    let left = 2 * metrics.margin + panel_side(metrics, matrix);
    (left, metrics.width - metrics.margin - left)
}

fn keys<'t>(plan: &Plan<'_>) -> [Button<'t>; 2] {
    let words = plan.words;
    [Button::plain(Key::Cancel, words.cancel), Button::plain(Key::Language, words.language)]
}

/// The code at the left, in the middle of the height; words and keys in a column beside it.
fn beside<'a>(plan: &mut Plan<'a>, screen: &'a Screen, matrix: &'a Matrix, left_s: u64) {
    let metrics = plan.metrics;
    let side = panel_side(&metrics, matrix);
    push_code(plan, Point::new(metrics.margin, (metrics.height - side) / 2), matrix);
    let place = column(&metrics, matrix);
    let bottom = push_column_keys(plan, place) - metrics.gap;

    let amount = price(screen.order.amount);
    let column = |choice, air| column_words(plan, screen, &amount, place.1, choice, air);
    let free = bottom - metrics.margin - metrics.body.height();
    let choice = Choice::ALL.into_iter().find(|choice| column(*choice, 0).height() <= free);
    let choice = choice.unwrap_or(Choice::LEAST);
    let air = ((free - column(choice, 0).height()) / 4).clamp(0, 2 * metrics.gap);
    let stack = column(choice, air);
    let top = metrics.margin + ((free - air - stack.height()) / 2).max(0);
    let y = stack.place(&mut plan.picture, place, top, Align::Left) + air;
    push_countdown(plan, place, y, left_s, Align::Left);
}

/// The keys below the words, side by side where they fit. Returns their top.
fn push_column_keys(plan: &mut Plan<'_>, (left, width): (i32, i32)) -> i32 {
    let (metrics, keys) = (plan.metrics, keys(plan));
    let needed = keys_width(plan) + metrics.gap;
    let bottom = metrics.height - metrics.margin - metrics.key;
    if needed <= width {
        let spare = (width - needed) / 2;
        let mut x = left;
        for button in &keys {
            let button_width = button.least(plan) + spare;
            plan.push_button(rect(x, bottom, button_width, metrics.key), button);
            x += button_width + metrics.gap;
        }
        return bottom;
    }
    let upper = bottom - metrics.key - metrics.gap;
    for (button, y) in keys.iter().zip([upper, bottom]) {
        plan.push_button(rect(left, y, width, metrics.key), button);
    }
    upper
}

fn keys_width(plan: &Plan<'_>) -> i32 {
    keys(plan).iter().map(|button| button.least(plan)).sum()
}

/// What a column shows where not everything has room.
#[derive(Clone, Copy)]
struct Choice {
    merchant: bool,
    goods_lines: usize,
    hint: Hint,
}

/// How much is said of what to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Long,
    Short,
    None,
}

impl Choice {
    const LEAST: Self = Self { merchant: false, goods_lines: 1, hint: Hint::None };
    /// From the most to the least.
    const ALL: [Self; 7] = [
        Self { merchant: true, goods_lines: 3, hint: Hint::Long },
        Self { merchant: true, goods_lines: 2, hint: Hint::Long },
        Self { merchant: true, goods_lines: 1, hint: Hint::Long },
        Self { merchant: true, goods_lines: 2, hint: Hint::Short },
        Self { merchant: true, goods_lines: 1, hint: Hint::Short },
        Self { merchant: false, goods_lines: 1, hint: Hint::Short },
        Self::LEAST,
    ];
}

/// Merchant and goods, `air`, amount, `air`, what to do.
fn column_words<'t>(
    plan: &Plan<'_>,
    screen: &'t Screen,
    amount: &'t str,
    width: i32,
    choice: Choice,
    air: i32,
) -> Stack<'t> {
    let (metrics, theme) = (&plan.metrics, &plan.theme);
    let mut stack = Stack::new();
    if choice.merchant {
        stack.text(metrics.small, theme.soft, &screen.merchant, (width, 1), 0);
    }
    let goods = &screen.order.goods;
    stack.text(metrics.body, theme.ink, goods, (width, choice.goods_lines), metrics.gap / 2);
    stack.text(metrics.largest(amount, width), theme.good, amount, (width, 1), air);
    let hint = match choice.hint {
        Hint::Long => plan.words.scan,
        Hint::Short => plan.words.scan_short,
        Hint::None => "",
    };
    stack.text(metrics.body, theme.ink, hint, (width, LINES_MAX), air);
    stack
}

fn header_height(metrics: &Metrics) -> i32 {
    (metrics.small.height() + metrics.body.height()).max(metrics.title.height())
}

/// Above the code merchant, goods and amount; below it what to do, the time left and the keys.
fn around<'a>(plan: &mut Plan<'a>, screen: &'a Screen, matrix: &'a Matrix, left_s: u64) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let (left, width) = metrics.inner();
    let bottom = plan.push_bottom(&keys(plan));
    let (side, header) = (panel_side(&metrics, matrix), header_height(&metrics));
    let body = metrics.body.height();
    // Four equal spaces: above the words, above the code, below it, above the keys.
    let air = ((bottom - header - side - body) / 4).max(metrics.gap);
    let top = air.min(3 * metrics.margin);
    let spare = bottom - top - header - side - body;

    let amount = price(screen.order.amount);
    let font = metrics.largest(&amount, width / 2);
    let amount_width = font.width(&amount);
    let at = Point::new(left + width - amount_width, top + (header - font.height()) / 2);
    plan.picture.push_text(at, font, theme.good, &[&amount]);
    let names_width = width - amount_width - 2 * metrics.gap;
    let mut names = Stack::new();
    names.text(metrics.small, theme.soft, &screen.merchant, (names_width, 1), 0);
    names.text(metrics.body, theme.ink, &screen.order.goods, (names_width, 1), 0);
    let y = top + (header - names.height()) / 2;
    names.place(&mut plan.picture, (left, names_width), y, Align::Left);

    let y = top + header + spare / 3;
    push_code(plan, Point::new((metrics.width - side) / 2, y), matrix);
    push_footer(plan, (left, width), y + side + spare / 3, left_s);
}

/// What to do and the time left in one line.
fn push_footer(plan: &mut Plan<'_>, (left, width): (i32, i32), y: i32, left_s: u64) {
    let (font, words) = (plan.metrics.body, plan.words);
    let time_width = font.width("120:00") + 2 * plan.metrics.gap;
    let hints = [words.scan, words.scan_short];
    let hint = hints.into_iter().find(|hint| font.width(hint) + time_width <= width);
    let hint = fit(font, hint.unwrap_or(words.scan_short), width - time_width);
    let hint_width = hint.width(font) + 2 * plan.metrics.gap;
    plan.picture.push_text(Point::new(left, y), font, plan.theme.ink, &hint.parts());
    push_countdown(plan, (left + hint_width, width - hint_width), y, left_s, Align::Right);
}

/// How wide the keys at the bottom are where the amount stands beside them.
fn corner_keys_width(plan: &Plan<'_>) -> i32 {
    keys_width(plan) + 2 * plan.metrics.gap
}

/// Goods above the code; merchant, what to do and the time left beside it; amount and keys below.
fn corner<'a>(plan: &mut Plan<'a>, screen: &'a Screen, matrix: &'a Matrix, left_s: u64) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let (left, width) = metrics.inner();
    let y = metrics.height - metrics.margin - metrics.key;
    let keys_room = corner_keys_width(plan);
    let mut x = left + width - keys_room + 2 * metrics.gap - metrics.gap;
    for button in &keys(plan) {
        let button_width = button.least(plan);
        plan.push_button(rect(x, y, button_width, metrics.key), button);
        x += button_width + metrics.gap;
    }
    let amount = price(screen.order.amount);
    let font = metrics.largest(&amount, width - keys_room);
    let at = Point::new(left, y + (metrics.key - font.height()) / 2);
    plan.picture.push_text(at, font, theme.good, &[&amount]);

    let body = metrics.body;
    let goods = fit(body, &screen.order.goods, width);
    let spare = y - panel_side(&metrics, matrix) - body.height();
    let at = Point::new(left, spare / 3);
    plan.picture.push_text(at, body, theme.ink, &goods.parts());
    let code = Point::new(left, spare * 2 / 3 + body.height());
    push_code(plan, code, matrix);

    let place = column(&metrics, matrix);
    let mut stack = Stack::new();
    stack.text(metrics.small, theme.soft, &screen.merchant, (place.1, 2), 0);
    stack.text(body, theme.ink, plan.words.scan_short, (place.1, 2), 2 * metrics.gap);
    let top = code.y + metrics.gap;
    let below = stack.place(&mut plan.picture, place, top, Align::Left) + 2 * metrics.gap;
    push_countdown(plan, place, below, left_s, Align::Left);
}

/// The time left, with a word before or above it where there is room.
fn push_countdown(
    plan: &mut Plan<'_>,
    (left, width): (i32, i32),
    y: i32,
    left_s: u64,
    align: Align,
) {
    let (font, theme): (&'static Font, _) = (plan.metrics.body, plan.theme);
    let (time, label) = (clock(left_s), plan.words.left);
    let label_width = font.width(label) + font.width(" ");
    // The room is decided by the longest time, so that the word does not come and go.
    let has_label = label_width + font.width("120:00") <= width;
    let label_width = if has_label { label_width } else { 0 };
    // At the right side each digit has its place, and so has the word.
    let time_width = font.width(&time);
    let (x, at) = match align {
        Align::Right => {
            let room = time_width.max(font.width("00:00"));
            (left + width - room - label_width, left + width - time_width)
        }
        Align::Left | Align::Middle => {
            let x = align.x((left, width), label_width + time_width);
            (x, x + label_width)
        }
    };
    if has_label {
        plan.picture.push_text(Point::new(x, y), font, theme.soft, &[label]);
    }
    let colour = if left_s <= HURRY_S { theme.bad } else { theme.ink };
    plan.picture.push_text(Point::new(at, y), font, colour, &[&time]);
}
