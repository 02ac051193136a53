//! Menu and basket: cards with a drawing, the name and what it costs.

use super::{
    Metrics, Plan, count,
    keys::{self, Button},
    metrics::rect,
    price,
    stack::{Align, Stack},
};
use crate::{
    app::{BasketPage, Key, MenuPage, Screen},
    basket::LINES_MAX as ROWS_MAX,
    font::{Font, SIZE_12, SIZE_16},
    lines,
    mark::Mark,
    menu::{Item, Symbol},
    picture::{Kind, extent},
};
use embedded_graphics::{geometry::Point, primitives::Rectangle};

/// Most items on a page of the menu: more are hard to choose from, and a picture has its limits.
const ITEMS_MAX: i32 = 6;
/// Fewer rows of a basket are too few for what they gain by being higher.
const HIGH_ROWS_MIN: i32 = 4;
/// Most lines of a name on a card.
const NAME_LINES: usize = 3;

/// Cards of one size beside and below each other, between the bar at the top and the keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    columns: i32,
    rows: i32,
    at: Point,
    card: (i32, i32),
    gap: i32,
}

impl Grid {
    /// The menu's: at least so high that a drawing can be recognised.
    pub(super) fn of_menu(metrics: &Metrics) -> Self {
        let Metrics { width, height, key, .. } = *metrics;
        let columns = match width {
            _ if width <= height => 1,
            ..300 => 1,
            300..700 => 2,
            _ => 3,
        };
        let least = if columns > 1 { key * 3 / 2 } else { key.max(key * height / width) };
        let most = ITEMS_MAX / columns;
        Self::new(metrics, columns, least, most, 2)
    }

    /// The basket's: as high as its keys; on high displays, where beside the keys there is little
    /// room, two lines of a name and the amount.
    pub(super) fn of_basket(metrics: &Metrics) -> Self {
        let most = i32::try_from(ROWS_MAX).unwrap_or(1);
        let high = Self::new(metrics, 1, metrics.key.max(3 * metrics.small.height() + 8), most, 1);
        if metrics.width < metrics.height && high.rows >= HIGH_ROWS_MIN {
            return high;
        }
        Self::new(metrics, 1, metrics.key, most, 1)
    }

    /// As many rows of cards as there is room for; a card may be higher than the `least` by so
    /// many halves.
    fn new(metrics: &Metrics, columns: i32, least: i32, most: i32, halves: i32) -> Self {
        let Metrics { height, margin, gap, key, .. } = *metrics;
        let (left, width) = metrics.inner();
        let free = height - 2 * key - margin - gap;
        let rows = ((free + gap) / (least + gap)).clamp(1, most);
        let tall = ((free + gap) / rows - gap).min(least + least * halves / 2).max(1);
        let wide = (width + gap) / columns - gap;
        Self { columns, rows, at: Point::new(left, key), card: (wide, tall), gap }
    }

    /// How many cards there are.
    pub(super) fn places(&self) -> usize {
        usize::try_from(self.columns * self.rows).unwrap_or(1).max(1)
    }

    fn card(&self, index: usize) -> Rectangle {
        let index = i32::try_from(index).unwrap_or(0);
        let (wide, tall) = self.card;
        let at = Point::new(index % self.columns, index / self.columns);
        let step = Point::new(wide + self.gap, tall + self.gap);
        rect(self.at.x + at.x * step.x, self.at.y + at.y * step.y, wide, tall)
    }
}

pub(super) fn menu(plan: &mut Plan<'_>, screen: &Screen, menu: &MenuPage) {
    let (metrics, words) = (plan.metrics, plan.words);
    push_title(plan, words.menu, (menu.page, menu.pages), menu.full);
    let grid = Grid::of_menu(&metrics);
    let language = screen.language;
    let (width, tall) = (name_room(&metrics, grid.card, 0), grid.card.1);
    let names = menu.items.iter().map(|item| item.description(language));
    let font = name_font(&metrics, &names, width, tall);
    for (index, item) in menu.items.iter().enumerate().take(grid.places()) {
        let number = u8::try_from(index).unwrap_or(0).saturating_add(menu.first);
        let (area, key) = (grid.card(index), Key::Item(number));
        let count = menu.counts.get(index).copied().unwrap_or(0);
        push_card(plan, &area, key, count > 0);
        push_goods(
            plan,
            &area,
            item,
            (item.description(language), font),
            (width, 0),
            item.amount_fen,
        );
        push_badge(plan, &area, count);
        plan.push_key(area, key);
    }
    let total = price(menu.total);
    let way_on = if menu.pieces > 0 {
        Button::main(Key::Basket, words.basket, &total)
    } else {
        Button::idle(words.basket)
    };
    push_keys(plan, menu.pages, way_on);
}

pub(super) fn basket(plan: &mut Plan<'_>, screen: &Screen, basket: &BasketPage) {
    let (metrics, words) = (plan.metrics, plan.words);
    push_title(plan, words.basket, (basket.page, basket.pages), basket.full);
    let grid = Grid::of_basket(&metrics);
    let language = screen.language;
    let keys_width = 2 * metrics.key + metrics.small.em() * 5 / 4;
    let (width, tall) = (name_room(&metrics, grid.card, keys_width), grid.card.1);
    let names = basket.rows.iter().map(|row| row.item.description(language));
    let font = name_font(&metrics, &names, width, tall);
    for (index, row) in basket.rows.iter().enumerate().take(grid.places()) {
        let number = u8::try_from(index).unwrap_or(0).saturating_add(basket.first);
        let area = grid.card(index);
        let (card, line) = (plan.theme.card, plan.theme.line);
        plan.push_framed(area, card, 1, line);
        let name = (row.item.description(language), font);
        let amount_fen = u32::try_from(row.amount.get()).unwrap_or(u32::MAX);
        push_goods(plan, &area, row.item, name, (width, keys_width), amount_fen);
        push_counter(plan, &area, number, row.count, keys_width);
    }
    let total = price(basket.total);
    let way_on = if basket.pieces > 0 {
        Button::main(Key::Pay, words.pay, &total)
    } else {
        Button::idle(words.pay)
    };
    push_keys(plan, basket.pages, way_on);
}

/// The bar at the top: what this is, which page, and whether the basket is full.
fn push_title(plan: &mut Plan<'_>, title: &str, (page, pages): (u8, u8), full: bool) {
    let theme = plan.theme;
    let (title, colour) = if full { (plan.words.full, theme.bad) } else { (title, theme.ink) };
    let pages = super::pages(page, pages);
    plan.push_title(title, &pages, colour);
}

/// Back, the pages, and the way on.
fn push_keys(plan: &mut Plan<'_>, pages: u8, way_on: Button<'_>) {
    let back = Button::plain(Key::Back, plan.words.back);
    let (page_back, page_on) =
        (Button::sign(Key::PageBack, Mark::Left), Button::sign(Key::PageOn, Mark::Right));
    if pages > 1 {
        plan.push_bottom(&[back, page_back, page_on, way_on]);
    } else {
        plan.push_bottom(&[back, way_on]);
    }
}

fn push_card(plan: &mut Plan<'_>, area: &Rectangle, key: Key, chosen: bool) {
    let theme = plan.theme;
    if plan.focus == Some(key) {
        let card = if chosen { theme.pale } else { theme.card };
        plan.push_framed(*area, card, plan.metrics.gap.clamp(3, 6), theme.ink);
    } else if chosen {
        plan.push_framed(*area, theme.pale, 2, theme.good);
    } else {
        plan.push_framed(*area, theme.card, 1, theme.line);
    }
}

/// From a card's edge to its drawing and words.
fn inset(metrics: &Metrics) -> i32 {
    metrics.margin.min(8)
}

/// Side of the drawing on a card: as high as the card, but never more than two fifths of it; on
/// narrow cards there is none.
fn art_side(metrics: &Metrics, (wide, tall): (i32, i32)) -> i32 {
    let side = (tall - 2 * inset(metrics)).min(wide * 2 / 5);
    if wide < 8 * metrics.small.em() { 0 } else { side }
}

/// Width of a name on a card beside its drawing and `taken` pixels.
fn name_room(metrics: &Metrics, (wide, tall): (i32, i32), taken: i32) -> i32 {
    let art = art_side(metrics, (wide - taken, tall));
    wide - art - taken - if art > 0 { 3 } else { 2 } * inset(metrics)
}

/// How many lines of a name have room above the amount on a card.
fn name_lines(metrics: &Metrics, font: &Font, tall: i32) -> usize {
    let free = tall - metrics.small.height() - 4;
    usize::try_from(free / font.height()).unwrap_or(1).clamp(1, NAME_LINES)
}

/// The largest font in which every name of the page is whole, or a small one.
fn name_font<'t>(
    metrics: &Metrics,
    names: &(impl Iterator<Item = &'t str> + Clone),
    width: i32,
    tall: i32,
) -> &'static Font {
    let is_whole = |font: &&'static Font| {
        let most = name_lines(metrics, font, tall);
        names.clone().all(|name| lines::fits_whole(font, name, width, most))
    };
    // Two sizes smaller nobody could read it.
    let smaller = if metrics.small.height() > SIZE_16.height() { &SIZE_16 } else { &SIZE_12 };
    let fonts = [metrics.body, metrics.small, smaller];
    fonts.into_iter().find(is_whole).unwrap_or(metrics.small)
}

/// Drawing, name and amount.
fn push_goods(
    plan: &mut Plan<'_>,
    area: &Rectangle,
    item: &Item,
    (name, font): (&str, &'static Font),
    (width, taken): (i32, i32),
    amount_fen: u32,
) {
    let (metrics, theme) = (plan.metrics, plan.theme);
    let inset = inset(&metrics);
    let (wide, tall) = (extent(area.size.width), extent(area.size.height));
    let side = art_side(&metrics, (wide - taken, tall));
    let at = area.top_left + Point::new(inset, (tall - side) / 2);
    push_art(plan, at, side, item.symbol);
    let left = area.top_left.x + side + if side > 0 { 2 * inset } else { inset };
    let amount = price(saoma_core::money::Fen::new(amount_fen.into()).unwrap_or_default());
    let mut stack = Stack::new();
    stack.text(font, theme.ink, name, (width, name_lines(&metrics, font, tall)), 0);
    stack.text(metrics.fitting_small(&amount, width), theme.good, &amount, (width, 1), 0);
    let top = area.top_left.y + (tall - stack.height()) / 2;
    stack.place(&mut plan.picture, (left, width), top, Align::Left);
}

fn push_art(plan: &mut Plan<'_>, at: Point, side: i32, symbol: Symbol) {
    if side > 0 {
        let (light, ground) = (plan.theme.light, plan.theme.card);
        plan.picture.push(rect(at.x, at.y, side, side), Kind::Art { symbol, light, ground });
    }
}

/// How many of it are in the basket, on the drawing's corner.
fn push_badge(plan: &mut Plan<'_>, area: &Rectangle, pieces: u8) {
    if pieces == 0 {
        return;
    }
    let small = plan.metrics.small;
    let art = art_side(&plan.metrics, (extent(area.size.width), extent(area.size.height)));
    // A small drawing stays to be seen.
    let font = if art < 2 * small.height() { &SIZE_12 } else { small };
    let side = font.height() + 2;
    let at = area.top_left + Point::new_equal(inset(&plan.metrics) / 2);
    let disc = rect(at.x, at.y, side, side);
    let colour = plan.theme.good;
    let kind = Kind::Panel { radius: side / 2, colour, thick: 0, line: colour };
    plan.picture.push(disc, kind);
    let text = count(format_args!("{pieces}"));
    let at = keys::middle(&disc, font.width(&text), font.height());
    plan.picture.push_text(at, font, plan.theme.bright, &[&text]);
}

/// One less, how many, one more.
fn push_counter(plan: &mut Plan<'_>, area: &Rectangle, number: u8, pieces: u8, width: i32) {
    let metrics = plan.metrics;
    let (wide, tall) = (extent(area.size.width), extent(area.size.height));
    let (left, key) = (area.top_left.x + wide - width, metrics.key);
    let y = area.top_left.y + (tall - key) / 2;
    let minus = Button::sign(Key::Minus(number), Mark::Minus);
    let plus = Button::sign(Key::Plus(number), Mark::Plus);
    for (x, button) in [(left, &minus), (left + width - key, &plus)] {
        plan.push_small_button(rect(x, y, key, key), button);
    }
    let text = count(format_args!("{pieces}"));
    let between = rect(left + key, y, width - 2 * key, key);
    let at = keys::middle(&between, metrics.small.width(&text), metrics.small.height());
    plan.picture.push_text(at, metrics.small, plan.theme.ink, &[&text]);
}
