//! The pages without a code: a sign, what happened, and what it means.

use super::{
    Metrics, Plan, price,
    stack::{Align, Stack},
};
use crate::{
    app::{Key, Page, Screen},
    lines::{ELLIPSIS, LINES_MAX, fit, fit_end},
    mark::Mark,
    picture::{Kind, size},
    texts::{Message, Words},
};
use embedded_graphics::{geometry::Point, pixelcolor::Rgb888, primitives::Rectangle};

/// What a page says.
struct Texts<'t> {
    message: Message,
    /// Shown where it was paid, for the customer to compare with the phone.
    amount: &'t str,
    /// The order's number where somebody may ask for it.
    number: &'t str,
    /// What stands before it where there is room.
    label: &'t str,
}

pub(super) fn lay_out(plan: &mut Plan<'_>, screen: &Screen, page: &Page) {
    let words = screen.language.words();
    push_keys(plan, page, words);
    let (message, mark, disc) = content(plan, page, words);
    let amount = price(screen.order.amount);
    let number = number(screen, page);
    let texts = Texts { message, amount: &amount, number, label: words.order };
    if plan.metrics.is_tiny() {
        small(plan, page, &texts, mark, disc);
    } else {
        large(plan, page, &texts, mark, disc);
    }
}

fn content(plan: &Plan<'_>, page: &Page, words: &Words) -> (Message, Mark, Rgb888) {
    let theme = &plan.theme;
    match page {
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
        Page::Take => (words.take, Mark::Done, theme.good),
        Page::Cancelled => (words.cancelled, Mark::Stopped, theme.soft),
        Page::Expired => (words.expired, Mark::Clock, theme.soft),
        Page::Refunding => (words.refunding, Mark::Back, theme.back),
        Page::Refunded => (words.refunded, Mark::Back, theme.good),
        Page::Failed => (words.failed, Mark::Stopped, theme.bad),
        Page::Offline => (words.offline, Mark::Cut, theme.back),
        Page::Help => (words.help, Mark::Look, theme.bad),
        Page::OutOfService(_) => (words.out_of_service, Mark::Cut, theme.bad),
        Page::Staff(_) => (words.staff, Mark::Look, theme.calm),
    }
}

fn push_keys(plan: &mut Plan<'_>, page: &Page, words: &Words) {
    let Metrics { margin, width, .. } = plan.metrics;
    let (place, wider) = ((margin, width - 2 * margin), 2 * margin);
    let language = (Key::Language, words.language);
    if page.can_order_again() {
        plan.push_keys(place, wider, &[(Key::Again, words.again), language]);
    } else if page.can_cancel() {
        plan.push_keys(place, wider, &[(Key::Cancel, words.cancel), language]);
    } else {
        plan.push_keys(place, wider, &[language]);
    }
}

/// The order's number where somebody may ask for it.
fn number<'a>(screen: &'a Screen, page: &Page) -> &'a str {
    match page {
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

/// Title, amount, note and number, as far as this page has them.
fn stack<'t>(plan: &Plan<'_>, page: &Page, texts: &Texts<'t>, width: i32) -> Stack<'t> {
    let (metrics, theme) = (&plan.metrics, &plan.theme);
    let mut stack = Stack::new();
    if !metrics.is_tiny() {
        stack.text(metrics.title, theme.ink, texts.message.title, (width, LINES_MAX), 0);
    }
    let air = if metrics.is_tiny() { 0 } else { metrics.gap / 2 };
    if matches!(page, Page::Dispensing | Page::Take) {
        let font = metrics.largest(texts.amount, width);
        stack.text(font, theme.good, texts.amount, (width, 1), air);
    }
    stack.text(metrics.body, theme.soft, texts.message.note, (width, LINES_MAX), air);
    let number_shown = matches!(page, Page::Help) || !metrics.is_tiny();
    if number_shown && !texts.number.is_empty() {
        let font = metrics.small;
        let labelled = [texts.label, " ", texts.number];
        let parts = match fit_end(font, texts.number, width) {
            (true, end) => [ELLIPSIS, end, ""],
            (false, _) if labelled.iter().map(|part| font.width(part)).sum::<i32>() <= width => {
                labelled
            }
            (false, number) => [number, "", ""],
        };
        stack.parts(font, theme.ink, parts, 2 * air);
    }
    stack
}

/// Everything in the middle, one below the other.
fn large(plan: &mut Plan<'_>, page: &Page, texts: &Texts<'_>, mark: Mark, disc: Rgb888) {
    let metrics = plan.metrics;
    let width = metrics.width - 2 * metrics.margin;
    let stack = stack(plan, page, texts, width);
    let air = 2 * metrics.gap;
    let free = metrics.height - 2 * metrics.margin - metrics.keys_room();
    // A quarter of the display, or a little less where many words stand below.
    let short = metrics.width.min(metrics.height);
    let side = (free - stack.height() - 2 * air).clamp(short / 6, short / 4);
    let top = metrics.margin + ((free - side - air - stack.height()) / 2).max(0);
    push_sign(plan, Point::new((metrics.width - side) / 2, top), side, mark, disc);
    let below = top + side + air;
    stack.place(&mut plan.picture, (metrics.margin, width), below, Align::Middle);
}

/// The sign beside the title, the rest below; for the smallest displays.
fn small(plan: &mut Plan<'_>, page: &Page, texts: &Texts<'_>, mark: Mark, disc: Rgb888) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    // A letter may lean out by a pixel.
    let width = metrics.width - 2;
    let stack = stack(plan, page, texts, width);
    let title = fit(metrics.title, texts.message.title, width);
    let title_height = metrics.title.height();
    let (side, air) = (title_height - 3, 2 * metrics.gap);
    let sign_width = side + air;
    let top = ((metrics.height - title_height - stack.height()) / 2).max(0);
    let x = Align::Middle.x((0, metrics.width), sign_width + title.width(metrics.title));
    push_sign(plan, Point::new(x, top + 1), side, mark, disc);
    let at = Point::new(x + sign_width, top);
    plan.picture.push_text(at, metrics.title, theme.ink, &title.parts());
    let below = top + title_height;
    stack.place(&mut plan.picture, (0, metrics.width), below, Align::Middle);
}

fn push_sign(plan: &mut Plan<'_>, at: Point, side: i32, mark: Mark, disc: Rgb888) {
    let kind = Kind::Sign { mark, disc, stroke: plan.theme.card };
    plan.picture.push(Rectangle::new(at, size(side, side)), kind);
}
