//! Where things stand: from what the terminal shows and the size of its display to a picture.
//!
//! Three kinds of display are laid out, by their shape: wide ones with the code beside the words,
//! square and tall ones with the code between them, and very small ones, where only the most
//! necessary has room. Whatever the server says is cut to its place; the terminal's own texts
//! always fit, and a test sees to it.

mod code;
mod message;
mod metrics;
mod stack;

use crate::{
    app::{App, Damage, KEYS_MAX, Key, Page, Screen},
    picture::Picture,
    theme::Theme,
};
use embedded_graphics::{
    draw_target::DrawTarget,
    geometry::{Point, Size},
    pixelcolor::Rgb888,
    primitives::Rectangle,
};
use heapless::{String, Vec};
use metrics::{Metrics, Shape};
use saoma_core::{
    money::Fen,
    qr::{self, Level, Matrix, QUIET_ZONE},
};

/// The smallest display that is laid out.
pub const SIZE_MIN: Size = Size::new(128, 64);
/// The largest display that is laid out.
pub const SIZE_MAX: Size = Size::new(4096, 4096);

/// A picture and what a shell has to know about it.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// What is drawn.
    pub picture: Picture<'a>,
    /// Where the time left stands; empty where there is none.
    pub countdown: Rectangle,
    /// Where a touch means a key.
    pub keys: Vec<(Rectangle, Key), KEYS_MAX>,
    theme: Theme,
    metrics: Metrics,
}

/// How many rows of a list one page has on a display of this size.
#[must_use]
pub fn rows(size: Size) -> usize {
    let metrics = Metrics::of(size);
    if metrics.is_tiny() { 2 } else { 4 }
}

/// What is to be seen of a screen on a display of this size.
#[must_use]
pub fn plan<'a>(screen: &'a Screen, size: Size, theme: &Theme) -> Plan<'a> {
    let mut plan = Plan::new(size, theme);
    match (&screen.page, &screen.code) {
        (Page::Code { left_s }, Some(matrix)) if code::has_room(&plan.metrics, screen, matrix) => {
            code::lay_out(&mut plan, screen, matrix, *left_s);
        }
        (page, _) => message::lay_out(&mut plan, screen, page),
    }
    plan
}

impl App {
    /// What is to be seen now.
    #[must_use]
    pub fn plan(&self, theme: &Theme) -> Plan<'_> {
        plan(self.screen(), self.size(), theme)
    }

    /// Draws what changed, see [`Reaction`](crate::app::Reaction).
    ///
    /// # Errors
    /// What the display says.
    pub fn draw<D>(&self, target: &mut D, theme: &Theme, damage: Damage) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        draw(self.screen(), self.size(), target, theme, damage)
    }
}

/// Draws what changed of a screen.
///
/// # Errors
/// What the display says.
pub fn draw<D>(
    screen: &Screen,
    size: Size,
    target: &mut D,
    theme: &Theme,
    damage: Damage,
) -> Result<(), D::Error>
where
    D: DrawTarget,
    D::Color: From<Rgb888>,
{
    let plan = plan(screen, size, theme);
    match damage {
        Damage::Nothing => Ok(()),
        Damage::Part if !plan.countdown.is_zero_sized() => {
            plan.picture.paint(target, &plan.countdown)
        }
        Damage::Part | Damage::All => plan.picture.paint_all(target),
    }
}

/// The key that lies under a touch.
#[must_use]
pub fn key_at(screen: &Screen, size: Size, at: Point) -> Option<Key> {
    let plan = plan(screen, size, &Theme::COLOUR);
    plan.keys.iter().find(|(area, _)| area.contains(at)).map(|(_, key)| *key)
}

/// The code for a text at the largest whole number of pixels a module that the display has room
/// for, and at the highest level that does not need more. `None` where not even one pixel a module
/// fits.
#[must_use]
pub fn code_for(size: Size, text: &str) -> Option<Matrix> {
    let metrics = Metrics::of(size);
    let mut best = qr::encode_at_least(text, Level::L).ok()?;
    let module = code::module_px(&metrics, &best);
    if module < 1 {
        return None;
    }
    for level in [Level::M, Level::Q, Level::H] {
        let Ok(safer) = qr::encode_at_least(text, level) else { break };
        if code::module_px(&metrics, &safer) < module {
            break;
        }
        best = safer;
    }
    Some(best)
}

/// Modules a side with the quiet zone.
fn modules(matrix: &Matrix) -> i32 {
    // At most 85 + 8.
    i32::try_from(matrix.size() + 2 * QUIET_ZONE).unwrap_or(i32::MAX)
}

/// An amount as it is shown: `¥18.00`.
fn price(amount: Fen) -> String<24> {
    let mut text = String::new();
    // The largest amount has 17 characters.
    let _fits = core::fmt::write(&mut text, format_args!("¥{}", amount.yuan()));
    text
}

impl<'a> Plan<'a> {
    fn new(size: Size, theme: &Theme) -> Self {
        Self {
            picture: Picture::new(size, theme.ground),
            countdown: Rectangle::zero(),
            keys: Vec::new(),
            theme: *theme,
            metrics: Metrics::of(size),
        }
    }

    /// Puts keys side by side at the display's bottom, in the middle between `left` and
    /// `left + width`; each may be up to `wider` pixels wider than its label needs. Very small
    /// displays have none: nobody could hit them.
    fn push_keys(&mut self, (left, width): (i32, i32), wider: i32, keys: &[(Key, &str)]) {
        let Metrics { small: font, margin, gap, .. } = self.metrics;
        if !self.metrics.has_keys() {
            return;
        }
        let height = self.metrics.key_height();
        let label_room = |label: &str| font.width(label) + 2 * margin;
        let needed: i32 = keys.iter().map(|(_, label)| label_room(label)).sum();
        let gaps = gap * i32::try_from(keys.len().saturating_sub(1)).unwrap_or(0);
        let spare = ((width - needed - gaps) / i32::try_from(keys.len().max(1)).unwrap_or(1))
            .clamp(0, wider);
        let total = needed + gaps + spare * i32::try_from(keys.len()).unwrap_or(0);
        let mut x = left + (width - total) / 2;
        let y = self.metrics.height - margin - height;
        for (key, label) in keys {
            let key_width = label_room(label) + spare;
            let at = Point::new(
                x + (key_width - font.width(label)) / 2,
                y + (height - font.height()) / 2,
            );
            let area = Rectangle::new(Point::new(x, y), crate::picture::size(key_width, height));
            self.push_panel(area, self.theme.line);
            self.push_panel(area.offset(-1), self.theme.card);
            self.picture.push_text(at, font, self.theme.ink, &[label]);
            // At most two keys a page.
            let _full = self.keys.push((area, *key));
            x += key_width + gap;
        }
    }

    fn push_panel(&mut self, area: Rectangle, colour: Rgb888) {
        let (radius, thick, line) = (self.metrics.radius(), 0, colour);
        let kind = crate::picture::Kind::Panel { radius, colour, thick, line };
        self.picture.push(area, kind);
    }
}
