//! Keys to touch: the bar at the top with the language, and the row at the bottom.

use super::{
    Metrics, Plan,
    metrics::rect,
    stack::{Align, Stack},
};
use crate::{
    app::Key,
    font::{Font, SIZE_12},
    lines::fit,
    mark::Mark,
    picture::{Kind, extent},
};
use embedded_graphics::{geometry::Point, pixelcolor::Rgb888, primitives::Rectangle};

/// How a key looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The way on: filled with the accent colour.
    Main,
    /// Anything else: outlined.
    Plain,
}

/// A key in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Button<'t> {
    /// `None` while it does nothing.
    pub(super) key: Option<Key>,
    pub(super) look: Look,
    /// Its label, or the sign that it shows instead.
    pub(super) label: Result<[&'t str; 2], Mark>,
}

impl<'t> Button<'t> {
    pub(super) const fn plain(key: Key, label: &'t str) -> Self {
        Self { key: Some(key), look: Look::Plain, label: Ok([label, ""]) }
    }

    /// The way on; an amount may stand behind its label.
    pub(super) const fn main(key: Key, label: &'t str, amount: &'t str) -> Self {
        Self { key: Some(key), look: Look::Main, label: Ok([label, amount]) }
    }

    pub(super) const fn sign(key: Key, mark: Mark) -> Self {
        Self { key: Some(key), look: Look::Plain, label: Err(mark) }
    }

    /// A main key that does nothing yet.
    pub(super) const fn idle(label: &'t str) -> Self {
        Self { key: None, look: Look::Main, label: Ok([label, ""]) }
    }

    /// The narrowest that it may be.
    pub(super) fn least(&self, plan: &Plan<'_>) -> i32 {
        let metrics = &plan.metrics;
        // Label and amount stand beside each other only where there is room.
        let label = match &self.label {
            Ok(parts) => {
                let widest = parts.map(|part| metrics.small.width(part)).into_iter().max();
                widest.unwrap_or(0) + metrics.margin * 3 / 2
            }
            Err(_) => 0,
        };
        label.max(metrics.key)
    }
}

fn label_width(font: &Font, [label, amount]: &[&str; 2]) -> i32 {
    let between = if amount.is_empty() || label.is_empty() { 0 } else { font.width("  ") };
    font.width(label) + between + font.width(amount)
}

impl Plan<'_> {
    /// The shop's name at the left of the bar at the top. Returns the first row below.
    pub(super) fn push_top(&mut self, merchant: &str) -> i32 {
        let room = self.push_language();
        let (metrics, soft) = (self.metrics, self.theme.soft);
        let font = metrics.small;
        let line = fit(font, merchant, room);
        let at = Point::new(metrics.margin, (metrics.key - font.height()) / 2);
        self.picture.push_text(at, font, soft, &line.parts());
        metrics.key
    }

    /// A page's title at the left of the bar at the top, and which page of the list it is.
    pub(super) fn push_title(&mut self, title: &str, pages: &str, colour: Rgb888) -> i32 {
        let room = self.push_language();
        let metrics = self.metrics;
        let between = if pages.is_empty() { "" } else { "  " };
        let width = |font: &Font| [title, between, pages].map(|part| font.width(part)).iter().sum();
        let fits = |font: &&'static Font| -> bool {
            let width: i32 = width(font);
            width <= room
        };
        let fonts = [metrics.body, metrics.small, &SIZE_12];
        let font = fonts.into_iter().find(fits).unwrap_or(&SIZE_12);
        let at = Point::new(metrics.margin, (metrics.key - font.height()) / 2);
        self.picture.push_text(at, font, colour, &[title, between, pages]);
        metrics.key
    }

    /// The key for the other language at the right of the bar at the top. Returns the room beside
    /// it.
    fn push_language(&mut self) -> i32 {
        let metrics = self.metrics;
        let label = self.words.language;
        let width = metrics.small.width(label) + 2 * metrics.margin;
        let width = width.max(metrics.key);
        let left = metrics.width - metrics.margin - width;
        // The pill is lower than what may be touched around it.
        let inset = metrics.key / 8;
        let pill = rect(left, inset, width, metrics.key - 2 * inset);
        self.push_face(pill, Key::Language, Look::Plain);
        let at = middle(&pill, metrics.small.width(label), metrics.small.height());
        self.picture.push_text(at, metrics.small, self.theme.ink, &[label]);
        self.push_key(rect(left, 0, metrics.width - left, metrics.key), Key::Language);
        left - metrics.margin - metrics.gap
    }

    /// Where a touch means a key.
    pub(super) fn push_key(&mut self, area: Rectangle, key: Key) {
        // Every page stays below KEYS_MAX.
        let _full = self.keys.push((area, key));
    }

    /// A row of keys at the bottom, as wide as the display; the main key takes what room is left,
    /// or all do. Returns the row's top.
    pub(super) fn push_bottom(&mut self, buttons: &[Button<'_>]) -> i32 {
        let y = self.metrics.height - self.metrics.margin - self.metrics.key;
        self.push_row(self.metrics.inner(), y, buttons);
        y
    }

    pub(super) fn push_row(&mut self, (left, width): (i32, i32), y: i32, buttons: &[Button<'_>]) {
        let gap = self.metrics.gap;
        let count = i32::try_from(buttons.len()).unwrap_or(0);
        let least: i32 = buttons.iter().map(|button| button.least(self)).sum();
        let spare = (width - least - gap * (count - 1)).max(0);
        let mains = buttons.iter().filter(|button| button.look == Look::Main).count();
        let mains = i32::try_from(mains).unwrap_or(0);
        // Without a main key they stay as small as a hand likes, in the middle.
        let most = self.metrics.key;
        let share = |button: &Button<'_>| match (mains, button.look) {
            (0, _) => (spare / count.max(1)).min(most),
            // The main key gives way where even the least is too much.
            (_, Look::Main) => (width - least - gap * (count - 1)) / mains,
            (_, Look::Plain) => 0,
        };
        let total: i32 = buttons.iter().map(|button| button.least(self) + share(button)).sum();
        let mut x = left + ((width - total - gap * (count - 1)) / 2).max(0);
        for button in buttons {
            let button_width = button.least(self) + share(button);
            self.push_button(rect(x, y, button_width, self.metrics.key), button);
            x += button_width + gap;
        }
    }

    /// A key whose face is smaller than what may be touched, for rows of a list.
    pub(super) fn push_small_button(&mut self, area: Rectangle, button: &Button<'_>) {
        self.push_button(area.offset(-self.metrics.gap), button);
        if let Some((touched, _)) = self.keys.last_mut() {
            *touched = area;
        }
    }

    /// A key with its label or sign.
    pub(super) fn push_button(&mut self, area: Rectangle, button: &Button<'_>) {
        let ink = match (button.key, button.look) {
            (None, _) => self.theme.soft,
            (Some(_), Look::Main) => self.theme.bright,
            (Some(_), Look::Plain) => self.theme.ink,
        };
        if let Some(key) = button.key {
            self.push_face(area, key, button.look);
            self.push_key(area, key);
        } else {
            self.push_framed(area, self.theme.ground, 1, self.theme.line);
        }
        match &button.label {
            Ok(parts) => self.push_label(&area, parts, button.look, ink),
            Err(mark) => {
                let (width, height) = (extent(area.size.width), extent(area.size.height));
                let side = width.min(height) * 5 / 9;
                let at = middle(&area, side, side);
                let kind = Kind::Sign { mark: *mark, disc: self.theme.card, stroke: ink };
                self.picture.push(rect(at.x, at.y, side, side), kind);
            }
        }
    }

    fn push_label(&mut self, area: &Rectangle, parts: &[&str; 2], look: Look, ink: Rgb888) {
        let Metrics { small, body, gap, .. } = self.metrics;
        let room = extent(area.size.width) - gap;
        let [label, amount] = parts;
        let large = look == Look::Main && label_width(body, parts) <= room - 2 * gap;
        let font = if large { body } else { small };
        if label_width(font, parts) <= room {
            let at = middle(area, label_width(font, parts), font.height());
            let between = if amount.is_empty() || label.is_empty() { "" } else { "  " };
            self.picture.push_text(at, font, ink, &[label, between, amount]);
            return;
        }
        // What it costs says more than the word before it.
        let shown = if amount.is_empty() { *label } else { *amount };
        let font = if font.width(shown) > room { &SIZE_12 } else { font };
        let line = fit(font, shown, room);
        let at = middle(area, line.width(font), font.height());
        self.picture.push_text(at, font, ink, &line.parts());
    }

    /// The face of a key, with a thick frame when it is selected.
    pub(super) fn push_face(&mut self, area: Rectangle, key: Key, look: Look) {
        let theme = self.theme;
        let focused = self.focus == Some(key);
        let thick = if focused { self.metrics.gap.clamp(3, 6) } else { 1 };
        match (look, focused) {
            (Look::Main, false) => self.push_panel(area, theme.good),
            (Look::Main, true) => self.push_framed(area, theme.good, thick, theme.ink),
            (Look::Plain, false) => self.push_framed(area, theme.card, thick, theme.line),
            (Look::Plain, true) => self.push_framed(area, theme.card, thick, theme.ink),
        }
    }

    /// Lines in the middle between two rows.
    pub(super) fn push_between(&mut self, stack: &Stack<'_>, top: i32, bottom: i32) {
        let y = top + ((bottom - top - stack.height()) / 2).max(0);
        stack.place(&mut self.picture, self.metrics.inner(), y, Align::Middle);
    }
}

/// Where something of this size begins so that it is in the middle of an area.
pub(super) fn middle(area: &Rectangle, width: i32, height: i32) -> Point {
    let size = Point::new(extent(area.size.width), extent(area.size.height));
    area.top_left + (size - Point::new(width, height)) / 2
}
