//! Very small displays, often black and white, with arrow keys: a few lines of text, and below
//! them the keys as words, of which the selected one is inverted.

use super::{
    Metrics, Plan, attract,
    cells::{CELL, Cells},
    clock, count,
    message::{self, Content},
    metrics::rect,
    module_px, modules, price,
    stack::{Align, Stack},
};
use crate::{
    app::{BasketPage, Fault, Key, MenuPage, Page, Row, Screen},
    font::{Font, SIZE_12},
    lines::{ELLIPSIS, LINES_MAX, fit, fit_end, fits_whole, wrap},
    menu::Item,
    picture::{Kind, extent},
    texts::Language,
};
use embedded_graphics::{geometry::Point, primitives::Rectangle};
use saoma_core::{
    money::Fen,
    qr::{Matrix, QUIET_ZONE},
};

/// Height of one item of a list: two lines of a name and an amount.
const ROW: i32 = 48;

/// How many items of a list there are.
pub(super) fn rows(metrics: &Metrics) -> usize {
    let keys = if is_wide(metrics) { CELL } else { 2 * CELL };
    usize::try_from((metrics.height - keys) / ROW).unwrap_or(1).max(1)
}

const fn is_wide(metrics: &Metrics) -> bool {
    metrics.width > metrics.height
}

/// The side of the square that a code may take, quiet zone included.
pub(super) fn code_room(metrics: &Metrics) -> i32 {
    if is_wide(metrics) {
        metrics.height.min(metrics.width - 64)
    } else {
        metrics.width.min(metrics.height - 50)
    }
}

pub(super) fn lay_out<'a>(plan: &mut Plan<'a>, screen: &'a Screen) {
    match (&screen.page, &screen.code) {
        (Page::Attract, _) => invite(plan, screen),
        (Page::Menu(menu), _) => menu_page(plan, screen, menu),
        (Page::Basket(basket), _) => basket_page(plan, screen, basket),
        (Page::Code { left_s }, Some(matrix)) if has_room(plan, screen, matrix) => {
            code_page(plan, screen, matrix, *left_s);
        }
        _ => message_page(plan, screen),
    }
}

/// What the key for the other language says: two letters, or one ideograph.
const fn language_cell(screen: &Screen) -> (Key, &'static str) {
    match screen.language {
        Language::Zh => (Key::Language, "EN"),
        Language::En => (Key::Language, "中"),
    }
}

/// The shop's name and the invitation; a short line goes to and fro.
fn invite(plan: &mut Plan<'_>, screen: &Screen) {
    let (metrics, theme, words) = (plan.metrics, plan.theme, plan.words);
    let cells = [(Key::Start, words.start), language_cell(screen)];
    let bottom = plan.push_cells((0, metrics.width), &cells);
    let width = metrics.width - 8;
    let mut stack = Stack::new();
    let name = largest(&screen.merchant, width, 2);
    stack.text(name, theme.ink, &screen.merchant, (width, 2), 0);
    stack.text(&SIZE_12, theme.ink, words.attract.title, (width, 2), 1);
    let spare = bottom - stack.height() - 4;
    let drift = attract::drift(screen.step, (4, (spare / 2).clamp(0, 3)));
    let span = (4 + drift.x, width);
    let y = (spare / 2).max(0) + drift.y;
    let below = stack.place(&mut plan.picture, span, y, Align::Middle);
    let x = 4 + attract::sweep(screen.step, metrics.width - 8 - 16);
    let colour = theme.ink;
    let kind = Kind::Panel { radius: 0, colour, thick: 0, line: colour };
    plan.picture.push(rect(x, below + 1, 16, 2), kind);
}

/// The larger of two fonts in which a text is whole.
fn largest(text: &str, width: i32, most: usize) -> &'static Font {
    let fonts = [&crate::font::SIZE_16, &SIZE_12];
    let is_whole = |font: &&'static Font| fits_whole(font, text, width, most);
    fonts.into_iter().find(is_whole).unwrap_or(&SIZE_12)
}

/// Pages, and back.
fn list_cells<'t>(plan: &Plan<'_>, pages: u8, way_on: (Key, &'t str), shown: bool) -> Cells<'t> {
    let mut cells = Cells::new();
    // At most five.
    let mut push = |cell| {
        let _full = cells.push(cell);
    };
    if pages > 1 {
        push((Key::PageBack, "<"));
        push((Key::PageOn, ">"));
    }
    if shown {
        push(way_on);
    }
    push((Key::Back, plan.words.back));
    cells
}

fn menu_page(plan: &mut Plan<'_>, screen: &Screen, menu: &MenuPage) {
    let metrics = plan.metrics;
    let total = price(menu.total);
    let mut cells = list_cells(plan, menu.pages, (Key::Basket, &total), menu.pieces > 0);
    let _fits = cells.push(language_cell(screen));
    let bottom = plan.push_cells((0, metrics.width), &cells);
    let rows = rows(&metrics);
    let tall = bottom / i32::try_from(rows).unwrap_or(1);
    for (index, (item, y)) in menu.items.iter().zip((0..).step_by(step(tall))).enumerate() {
        let number = u8::try_from(index).unwrap_or(0).saturating_add(menu.first);
        let area = rect(0, y, metrics.width, tall.min(ROW + 8) - 1);
        let pieces = menu.counts.get(index).copied().unwrap_or(0);
        let ink = plan.push_inverted(&area, Key::Item(number));
        let page = count(format_args!("{}/{}", menu.page + 1, menu.pages));
        let chosen = count(format_args!("×{pieces}"));
        let right = if menu.full && plan.focus == Some(Key::Item(number)) {
            plan.words.full
        } else if pieces > 0 {
            &chosen
        } else if menu.pages > 1 && rows == 1 {
            &page
        } else {
            ""
        };
        push_item(plan, &area, screen, item, ink, right);
        plan.push_key(area, Key::Item(number));
    }
}

fn step(tall: i32) -> usize {
    usize::try_from(tall).unwrap_or(1).max(1)
}

/// An item's name, its price at the left, and something at the right.
fn push_item(
    plan: &mut Plan<'_>,
    area: &Rectangle,
    screen: &Screen,
    item: &Item,
    ink: embedded_graphics::pixelcolor::Rgb888,
    right: &str,
) {
    let (wide, tall) = (extent(area.size.width) - 4, extent(area.size.height));
    let name = item.description(screen.language);
    let font = if largest(name, wide, 1).em() > 12 { largest(name, wide, 1) } else { &SIZE_12 };
    let amount = price(Fen::new(item.amount_fen.into()).unwrap_or_default());
    let right_width = SIZE_12.width(right);
    let room = wide - right_width - 2;
    let is_long = !fits_whole(font, name, wide, 1);
    let amount_font = if is_long { &SIZE_12 } else { largest(&amount, room, 1) };
    let lines = usize::try_from((tall - amount_font.height()) / font.height()).unwrap_or(1);
    let lines = lines.clamp(1, 2);
    let mut stack = Stack::new();
    stack.text(font, ink, name, (wide, lines), 0);
    let height = stack.height() + amount_font.height();
    let (left, y) = (area.top_left.x + 2, area.top_left.y + ((tall - height) / 2).max(0));
    let y = stack.place(&mut plan.picture, (left, wide), y, Align::Left);
    let line = fit(amount_font, &amount, wide);
    plan.picture.push_text(Point::new(left, y), amount_font, ink, &line.parts());
    if line.width(amount_font) <= room {
        let y = y + amount_font.ascent() - SIZE_12.ascent();
        let at = Point::new(left + wide - right_width, y);
        plan.picture.push_text(at, &SIZE_12, ink, &[right]);
    }
}

fn basket_page(plan: &mut Plan<'_>, screen: &Screen, basket: &BasketPage) {
    let (metrics, words) = (plan.metrics, plan.words);
    let way_on = (Key::Pay, words.pay);
    let mut cells = list_cells(plan, basket.pages, way_on, basket.pieces > 0);
    let _fits = cells.push(language_cell(screen));
    let bottom = plan.push_cells((0, metrics.width), &cells);
    let total = price(basket.total);
    if let Some(row) = basket.rows.first() {
        push_line(plan, row, screen.language, basket.first);
    }
    push_total(plan, bottom, &total, basket.full);
}

/// A line of the basket: the name, how many with less and more, and what they cost.
fn push_line(plan: &mut Plan<'_>, row: &Row, language: Language, number: u8) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let width = metrics.width - 4;
    let name = row.item.description(language);
    let most = if is_wide(&metrics) { 1 } else { 2 };
    let mut stack = Stack::new();
    stack.text(largest(name, width, most), theme.ink, name, (width, most), 0);
    let y = stack.place(&mut plan.picture, (2, width), 0, Align::Left);
    let pieces = count(format_args!("{}", row.count));
    for (x, key, word) in [(2, Key::Minus(number), "-"), (30, Key::Plus(number), "+")] {
        let area = rect(x, y, 14, CELL);
        let ink = plan.push_inverted(&area, key);
        let at = area.top_left + Point::new((14 - SIZE_12.width(word)) / 2, 0);
        plan.picture.push_text(at, &SIZE_12, ink, &[word]);
        plan.push_key(area, key);
    }
    let at = Point::new(23 - SIZE_12.width(&pieces) / 2, y);
    plan.picture.push_text(at, &SIZE_12, theme.ink, &[&pieces]);
    let amount = price(row.amount);
    let beside = width - 44 >= SIZE_12.width(&amount);
    let y = if beside { y } else { y + CELL };
    let line = fit(&SIZE_12, &amount, width);
    let x = if beside { 2 + width - SIZE_12.width(&amount) } else { 2 };
    plan.picture.push_text(Point::new(x, y), &SIZE_12, theme.ink, &line.parts());
}

/// The sum above the keys, where the rows leave room.
fn push_total(plan: &mut Plan<'_>, bottom: i32, total: &str, full: bool) {
    let (metrics, theme, words) = (plan.metrics, plan.theme, plan.words);
    let label = if full { words.full } else { words.total };
    let y = bottom - SIZE_12.height();
    let used = plan.picture.items().iter().filter(|item| item.area.top_left.y < bottom);
    let below = used.map(|item| item.area.top_left.y + extent(item.area.size.height)).max();
    if below.unwrap_or(0) > y {
        return;
    }
    let line = fit(&SIZE_12, total, metrics.width - 4);
    let width = line.width(&SIZE_12);
    let both = SIZE_12.width(label) + width + 6 <= metrics.width;
    if both || full {
        plan.picture.push_text(Point::new(2, y), &SIZE_12, theme.ink, &[label]);
    }
    if both || !full {
        let at = Point::new(metrics.width - 2 - width, y);
        plan.picture.push_text(at, &SIZE_12, theme.ink, &line.parts());
    }
}

/// Left side and width of the words beside a code, or below it.
fn words_place(metrics: &Metrics, matrix: &Matrix) -> (i32, i32) {
    if is_wide(metrics) {
        let left = module_px(metrics, matrix) * modules(matrix) + 3;
        (left, metrics.width - left)
    } else {
        (0, metrics.width)
    }
}

/// Whether the code leaves enough room for the whole amount.
fn has_room(plan: &Plan<'_>, screen: &Screen, matrix: &Matrix) -> bool {
    let (_, width) = words_place(&plan.metrics, matrix);
    module_px(&plan.metrics, matrix) >= 1 && SIZE_12.width(&price(screen.order.amount)) <= width
}

/// Goods, amount and the time left beside the code or below it.
fn code_page<'a>(plan: &mut Plan<'a>, screen: &'a Screen, matrix: &'a Matrix, left_s: u64) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let side = module_px(&metrics, matrix) * modules(matrix);
    let place = words_place(&metrics, matrix);
    let cells = [(Key::Cancel, plan.words.cancel), language_cell(screen)];
    let bottom = plan.push_cells(place, &cells);
    let (at, top, align) = if is_wide(&metrics) {
        (Point::new(0, (metrics.height - side) / 2), 0, Align::Left)
    } else {
        (Point::new((metrics.width - side) / 2, 0), side, Align::Middle)
    };
    let quiet = module_px(&metrics, matrix) * i32::try_from(QUIET_ZONE).unwrap_or(0);
    let module = module_px(&metrics, matrix);
    plan.picture.push_code(at + Point::new_equal(quiet), matrix, module, theme.ink);

    let (amount, time) = (price(screen.order.amount), clock(left_s));
    let amount_font = largest(&amount, place.1, 1);
    let mut stack = Stack::new();
    let free = bottom - top - SIZE_12.height() - amount_font.height();
    let lines = usize::try_from(free / SIZE_12.height()).unwrap_or(0).min(2);
    if lines > 0 {
        stack.text(&SIZE_12, theme.ink, &screen.order.goods, (place.1, lines), 0);
    }
    stack.text(amount_font, theme.ink, &amount, (place.1, 1), 0);
    let spare = (bottom - top - stack.height() - SIZE_12.height()).max(0);
    let y = stack.place(&mut plan.picture, place, top + spare / 2, align);
    let label = plan.words.left;
    let label_width = SIZE_12.width(label) + SIZE_12.width(" ");
    let labelled = label_width + SIZE_12.width("120:00") <= place.1;
    let label_width = if labelled { label_width } else { 0 };
    let x = align.x(place, label_width + SIZE_12.width(&time));
    if labelled {
        plan.picture.push_text(Point::new(x, y), &SIZE_12, theme.ink, &[label]);
    }
    plan.picture.push_text(Point::new(x + label_width, y), &SIZE_12, theme.ink, &[&time]);
}

/// A sign and what happened, and as much of the rest as there is room for.
fn message_page(plan: &mut Plan<'_>, screen: &Screen) {
    let metrics = plan.metrics;
    let cells = message_cells(plan, screen);
    let bottom = plan.push_cells((0, metrics.width), &cells);
    let content = message::content(screen, plan.words, &plan.theme);
    let fault = message::fault(screen, plan.words);
    let amount = price(screen.order.amount);
    let mut shown = None;
    // Rather without the sign than without what it means.
    for (sign, amount, note) in [
        (true, amount.as_str(), true),
        (true, "", true),
        (false, "", true),
        (true, "", false),
        (false, "", false),
    ] {
        let below = small_stack(plan, screen, &content, &fault, amount, note);
        let height = title_height(plan, &content, sign) + below.height();
        if shown.is_none() && height <= bottom {
            shown = Some((sign, below, height));
        }
    }
    let Some((sign, below, height)) = shown else {
        return number_alone(plan, screen, bottom);
    };
    let top = (bottom - height) / 2;
    push_small_title(plan, &content, top, sign);
    let y = top + title_height(plan, &content, sign);
    below.place(&mut plan.picture, (0, metrics.width), y, Align::Middle);
}

/// For the staff: where there is room for nothing else, the order's number.
fn number_alone(plan: &mut Plan<'_>, screen: &Screen, bottom: i32) {
    let (number, width) = (message::number(screen), plan.metrics.width - 2);
    let font = largest(number, width, 1);
    let (cut, end) = fit_end(font, number, width);
    let mut stack = Stack::new();
    stack.parts(font, plan.theme.ink, [if cut { ELLIPSIS } else { "" }, end, ""], 0);
    let top = ((bottom - stack.height()) / 2).max(0);
    stack.place(&mut plan.picture, (1, width), top, Align::Middle);
}

fn message_cells(plan: &Plan<'_>, screen: &Screen) -> Cells<'static> {
    let words = plan.words;
    let mut cells = Cells::new();
    // At most seven.
    let mut push = |cell| {
        let _full = cells.push(cell);
    };
    if let Page::Staff(staff) = &screen.page {
        if staff.of > 1 {
            push((Key::PageBack, "<"));
            push((Key::PageOn, ">"));
        }
        if staff.of > 0 {
            push((Key::Done, words.done));
            push((Key::Forget, words.forget));
        }
        if staff.fault == Some(Fault::Dispenser) {
            push((Key::Repaired, words.repaired));
        }
        push((Key::Back, words.back));
    } else if screen.page.can_order_again() {
        push((Key::Again, words.again));
    } else if screen.page.can_cancel() {
        push((Key::Cancel, words.cancel));
    }
    push(language_cell(screen));
    cells
}

/// Width of a small sign with the space behind it.
const SIGN: i32 = 16 + 4;

/// Width and lines of a title, and whether its sign stands beside it and not above.
fn title_room(plan: &Plan<'_>, sign: bool) -> (i32, usize, bool) {
    let width = plan.metrics.width;
    let beside = width >= 100;
    if beside && sign { (width - 2 - SIGN, 1, beside) } else { (width, 2, beside) }
}

fn title_height(plan: &Plan<'_>, content: &Content, sign: bool) -> i32 {
    let (width, most, beside) = title_room(plan, sign);
    let font = largest(content.message.title, width, most);
    let lines = wrap(font, content.message.title, width, most).len();
    let lines = i32::try_from(lines).unwrap_or(1);
    let above = if sign && !beside { SIGN } else { 0 };
    above + lines * font.height()
}

/// The sign beside the title, or above it on a narrow display.
fn push_small_title(plan: &mut Plan<'_>, content: &Content, top: i32, sign: bool) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let (width, most, beside) = title_room(plan, sign);
    let title = content.message.title;
    let font = largest(title, width, most);
    if sign && beside {
        let title = fit(font, title, width);
        let x = Align::Middle.x((0, metrics.width), SIGN + title.width(font));
        message::push_sign(plan, Point::new(x, top + 1), 16, content);
        plan.picture.push_text(Point::new(x + SIGN, top), font, theme.ink, &title.parts());
        return;
    }
    let mut stack = Stack::new();
    stack.text(font, theme.ink, title, (width, most), 0);
    let above = if sign { SIGN } else { 0 };
    if sign {
        message::push_sign(plan, Point::new((metrics.width - 16) / 2, top + 1), 16, content);
    }
    stack.place(&mut plan.picture, (0, width), top + above, Align::Middle);
}

/// What stands below the title.
fn small_stack<'t>(
    plan: &Plan<'_>,
    screen: &'t Screen,
    content: &Content,
    fault: &'t str,
    amount: &'t str,
    note: bool,
) -> Stack<'t> {
    let (width, ink) = (plan.metrics.width, plan.theme.ink);
    let mut stack = Stack::new();
    if matches!(screen.page, Page::Dispensing | Page::Refunding | Page::Refunded | Page::Staff(_))
        && !screen.order.number.is_empty()
    {
        stack.text(&SIZE_12, ink, amount, (width, 1), 0);
    }
    if note {
        stack.text(&SIZE_12, ink, content.message.note, (width, LINES_MAX), 0);
    }
    stack.text(&SIZE_12, ink, fault, (width, LINES_MAX), 0);
    let number = message::number(screen);
    if matches!(screen.page, Page::Help | Page::Staff(_)) && !number.is_empty() {
        let font = largest(number, width, 1);
        match fit_end(font, number, width) {
            (true, end) => stack.parts(font, ink, [ELLIPSIS, end, ""], 0),
            (false, number) => stack.parts(font, ink, [number, "", ""], 0),
        }
    }
    stack
}
