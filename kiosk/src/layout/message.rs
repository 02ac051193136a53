//! The pages without a code: a sign, what happened, and what it means.

use super::{
    Metrics, Plan,
    keys::Button,
    metrics::rect,
    price,
    stack::{Align, Stack},
};
use crate::{
    app::{Fault, Key, Page, Screen, StaffPage},
    font::SIZE_12,
    lines::{ELLIPSIS, LINES_MAX, fit_end},
    mark::Mark,
    picture::Kind,
    texts::{Message, Words},
    theme::Theme,
};
use embedded_graphics::{geometry::Point, pixelcolor::Rgb888};
use heapless::{String, Vec};

/// What a page says and shows.
pub(super) struct Content {
    pub(super) message: Message,
    pub(super) mark: Mark,
    pub(super) disc: Rgb888,
}

/// What a page says, and under which sign.
pub(super) fn content(screen: &Screen, words: &Words, theme: &Theme) -> Content {
    let (message, mark, disc) = match &screen.page {
        Page::Attract => (words.attract, Mark::Dots, theme.good),
        Page::Menu(_) => (Message { title: words.menu, note: "" }, Mark::Dots, theme.good),
        Page::Basket(_) => (Message { title: words.basket, note: "" }, Mark::Dots, theme.good),
        Page::Resuming => (words.resuming, Mark::Dots, theme.calm),
        Page::Starting => (words.starting, Mark::Dots, theme.calm),
        // The code was to be shown and could not: the display is too small for it.
        Page::Code { .. } => (words.no_room, Mark::Look, theme.bad),
        Page::Checking => (words.checking, Mark::Dots, theme.calm),
        Page::Cancelling => (words.cancelling, Mark::Stopped, theme.calm),
        Page::Dispensing => (words.dispensing, Mark::Done, theme.good),
        Page::Take => (words.take, Mark::Take, theme.good),
        Page::Cancelled => (words.cancelled, Mark::Stopped, theme.soft),
        Page::Expired => (words.expired, Mark::Clock, theme.soft),
        Page::Refunding => (words.refunding, Mark::Back, theme.back),
        Page::Refunded => (words.refunded, Mark::Back, theme.good),
        Page::Failed => (words.failed, Mark::Stopped, theme.bad),
        Page::Offline if screen.order.number.is_empty() => {
            let note = words.offline_idle;
            (Message { note, ..words.offline }, Mark::Cut, theme.back)
        }
        Page::Offline => (words.offline, Mark::Cut, theme.back),
        Page::Help => (words.help, Mark::Look, theme.bad),
        Page::OutOfService(_) => (words.out_of_service, Mark::Cut, theme.bad),
        Page::Staff(StaffPage { of: 0, .. }) => {
            let note = words.staff_none;
            (Message { note, ..words.staff }, Mark::Done, theme.calm)
        }
        Page::Staff(_) => (words.staff, Mark::Look, theme.calm),
    };
    Content { message, mark, disc }
}

/// The order's number where somebody may ask for it.
pub(super) fn number(screen: &Screen) -> &str {
    match screen.page {
        Page::Code { .. }
        | Page::Checking
        | Page::Cancelling
        | Page::Dispensing
        | Page::Take
        | Page::Refunding
        | Page::Refunded
        | Page::Offline
        | Page::Staff(_)
        | Page::Help => &screen.order.number,
        Page::Attract
        | Page::Menu(_)
        | Page::Basket(_)
        | Page::Resuming
        | Page::Starting
        | Page::Cancelled
        | Page::Expired
        | Page::Failed
        | Page::OutOfService(_) => "",
    }
}

/// What is wrong with the terminal, for the staff.
pub(super) fn fault(screen: &Screen, words: &Words) -> String<64> {
    let mut text = String::new();
    let fault = match screen.page {
        Page::OutOfService(fault) => Some(fault),
        Page::Staff(StaffPage { fault, .. }) => fault,
        _ => None,
    };
    if let Some(fault) = fault {
        // A code and at most 50 bytes.
        let parts = format_args!("{}  {}", fault.code(), words.fault(fault));
        let _fits = core::fmt::write(&mut text, parts);
    }
    text
}

pub(super) fn lay_out(plan: &mut Plan<'_>, screen: &Screen) {
    let (metrics, theme, words) = (plan.metrics, plan.theme, plan.words);
    if let Page::Staff(staff) = &screen.page {
        return lay_out_staff(plan, screen, staff);
    }
    let top = plan.push_top(&screen.merchant);
    let bottom = if screen.page.can_order_again() {
        plan.push_bottom(&[Button::main(Key::Again, words.again, "")])
    } else if screen.page.can_cancel() {
        plan.push_bottom(&[Button::plain(Key::Cancel, words.cancel)])
    } else {
        metrics.height - metrics.margin
    };
    let content = content(screen, words, &theme);
    let amount = price(screen.order.amount);
    let fault = fault(screen, words);
    let (free, air, short) = (bottom - top, 2 * metrics.gap, metrics.width.min(metrics.height));
    let least = short / 10;
    let stacks = [(true, true), (true, false), (false, false)]
        .map(|shown| stack(plan, screen, &content, &amount, &fault, shown));
    let [all, without_number, last] = &stacks;
    let fits = |stack: &&Stack<'_>| stack.height() + least + 2 * air <= free;
    let stack = [all, without_number].into_iter().find(fits).unwrap_or(last);
    let rest = free - stack.height() - 2 * air;
    let moves = screen.page.moves() && rest - short / 8 >= dots_height(&metrics);
    let dots = if moves { dots_height(&metrics) } else { 0 };
    // A quarter of the display, or less where many words stand below.
    let side = (rest - dots).clamp(least, short / 4);
    let y = top + ((free - side - air - stack.height() - dots) / 2).max(0);
    push_sign(plan, Point::new((metrics.width - side) / 2, y), side, &content);
    let y = stack.place(&mut plan.picture, metrics.inner(), y + side + air, Align::Middle);
    if moves {
        push_dots(plan, y + dots / 2, screen.step);
    }
}

/// Title, amount, note and number, as far as this page has them and they are shown.
fn stack<'t>(
    plan: &Plan<'_>,
    screen: &'t Screen,
    content: &Content,
    amount: &'t str,
    fault: &'t str,
    (amount_shown, number_shown): (bool, bool),
) -> Stack<'t> {
    let (metrics, theme) = (&plan.metrics, &plan.theme);
    let width = metrics.inner().1;
    let mut stack = Stack::new();
    stack.text(metrics.title, theme.ink, content.message.title, (width, LINES_MAX), 0);
    let air = metrics.gap / 2;
    let has_amount = matches!(screen.page, Page::Dispensing | Page::Refunding | Page::Refunded);
    if amount_shown && has_amount {
        let all = screen.page == Page::Dispensing;
        let font =
            if all { metrics.largest(amount, width) } else { metrics.fitting(amount, width) };
        stack.text(font, theme.good, amount, (width, 1), air);
    }
    stack.text(metrics.body, theme.soft, content.message.note, (width, LINES_MAX), air);
    stack.text(metrics.small, theme.soft, fault, (width, 1), 2 * air);
    let number = number(screen);
    if screen.page == Page::Help && !number.is_empty() {
        push_large_number(&mut stack, metrics, theme, number);
    } else if number_shown && !number.is_empty() {
        let parts = labelled(metrics, plan.words.order, number, width);
        stack.parts(metrics.small, theme.ink, parts, 2 * air);
    }
    stack
}

/// The number as large as it fits: somebody reads it out.
fn push_large_number<'t>(stack: &mut Stack<'t>, metrics: &Metrics, theme: &Theme, number: &'t str) {
    let width = metrics.inner().1;
    let font = metrics.largest(number, width);
    match fit_end(font, number, width) {
        (true, end) => stack.parts(&SIZE_12, theme.ink, [ELLIPSIS, end, ""], metrics.gap),
        (false, number) => stack.parts(font, theme.ink, [number, "", ""], metrics.gap),
    }
}

/// The number with a word before it where there is room, or its end.
fn labelled<'t>(metrics: &Metrics, label: &'t str, number: &'t str, width: i32) -> [&'t str; 3] {
    let font = metrics.small;
    let parts = [label, "  ", number];
    match fit_end(font, number, width) {
        (true, end) => [ELLIPSIS, end, ""],
        (false, _) if parts.iter().map(|part| font.width(part)).sum::<i32>() <= width => parts,
        (false, number) => [number, "", ""],
    }
}

pub(super) fn push_sign(plan: &mut Plan<'_>, at: Point, side: i32, content: &Content) {
    let (mark, disc) = (content.mark, content.disc);
    let kind = Kind::Sign { mark, disc, stroke: plan.theme.card };
    plan.picture.push(rect(at.x, at.y, side, side), kind);
}

/// Room for the dots that show that something goes on.
fn dots_height(metrics: &Metrics) -> i32 {
    3 * metrics.gap
}

/// Three dots, one of them darker, in turn.
fn push_dots(plan: &mut Plan<'_>, y: i32, step: u16) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let side = metrics.gap * 3 / 2;
    let left = (metrics.width - 5 * side) / 2;
    for dot in 0..3 {
        let on = i32::from(step) % 3 == dot;
        let colour = if on { theme.good } else { theme.line };
        let kind = Kind::Panel { radius: side / 2, colour, thick: 0, line: colour };
        plan.picture.push(rect(left + 2 * dot * side, y, side, side), kind);
    }
}

/// One order that waits: its number as large as it fits, goods, amount, and what was done.
fn lay_out_staff(plan: &mut Plan<'_>, screen: &Screen, staff: &StaffPage) {
    let (metrics, theme, words) = (plan.metrics, plan.theme, plan.words);
    let pages = super::pages(staff.at, staff.of);
    let top = plan.push_title(words.staff.title, &pages, theme.ink);
    let bottom = push_staff_keys(plan, staff);
    let content = content(screen, words, &theme);
    let (amount, fault) = (price(screen.order.amount), fault(screen, words));
    let width = metrics.inner().1;
    let air = metrics.gap / 2;
    let mut stack = Stack::new();
    if staff.of > 0 {
        push_large_number(&mut stack, &metrics, &theme, &screen.order.number);
        stack.text(metrics.body, theme.ink, &screen.order.goods, (width, 1), air);
        stack.text(metrics.body, theme.good, &amount, (width, 1), air);
    }
    if staff.of == 0 {
        stack.text(metrics.body, theme.soft, content.message.note, (width, LINES_MAX), 0);
        stack.text(metrics.small, theme.bad, &fault, (width, 1), 2 * air);
        return plan.push_between(&stack, top, bottom);
    }
    let mut full = stack.clone();
    full.text(metrics.small, theme.soft, content.message.note, (width, LINES_MAX), 2 * air);
    full.text(metrics.small, theme.bad, &fault, (width, 1), 2 * air);
    if full.height() <= bottom - top {
        stack = full;
    } else {
        stack.text(metrics.small, theme.bad, &fault, (width, 1), air);
    }
    plan.push_between(&stack, top, bottom);
}

/// What was done in one row; back and the other orders in another, or all in one where they fit.
fn push_staff_keys(plan: &mut Plan<'_>, staff: &StaffPage) -> i32 {
    let (metrics, words) = (plan.metrics, plan.words);
    let mut lower: Vec<Button<'_>, 4> = Vec::new();
    let mut upper: Vec<Button<'_>, 4> = Vec::new();
    // At most four and two.
    let mut push = |button| {
        let _full = lower.push(button);
    };
    push(Button::plain(Key::Back, words.back));
    if staff.of > 1 {
        push(Button::sign(Key::PageBack, Mark::Left));
        push(Button::sign(Key::PageOn, Mark::Right));
    }
    if staff.fault == Some(Fault::Dispenser) {
        push(Button::plain(Key::Repaired, words.repaired));
    }
    if staff.of == 0 {
        return plan.push_bottom(&lower);
    }
    let mut push = |button| {
        let _full = upper.push(button);
    };
    push(Button::plain(Key::Forget, words.forget));
    push(Button::main(Key::Done, words.done, ""));
    let y = plan.push_bottom(&lower) - metrics.gap - metrics.key;
    plan.push_row(metrics.inner(), y, &upper);
    y
}
