//! Where things stand: from what the terminal shows and the size of its display to a picture.
//!
//! Everything is measured by the display's shorter side (`metrics`). Displays with room for a
//! finger have a bar at the top with the shop's name and the language, and keys at the bottom;
//! very small ones (`tiny`) have lines of text of which one is selected. Whatever the server or
//! a menu says is cut to its place; the terminal's own texts always fit, and a test sees to it.

mod attract;
mod cells;
mod code;
mod keys;
mod list;
mod message;
mod metrics;
mod stack;
mod tiny;

use crate::{
    app::{App, Damage, KEYS_MAX, Key, Page, Screen},
    picture::{Kind, Picture},
    texts::Words,
    theme::Theme,
};
use embedded_graphics::{
    draw_target::DrawTarget,
    geometry::{Point, Size},
    pixelcolor::Rgb888,
    primitives::Rectangle,
};
use heapless::{String, Vec};
use metrics::{Metrics, rect};
use saoma_core::{
    money::Fen,
    qr::{self, Level, Matrix, QUIET_ZONE},
};

/// The smallest display that is laid out, either way up.
pub const SIZE_MIN: Size = Size::new(128, 64);
/// The largest display that is laid out.
pub const SIZE_MAX: Size = Size::new(4096, 4096);

/// A picture and what a shell has to know about it.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// What is drawn.
    pub picture: Picture<'a>,
    /// Where a touch means a key; the first one counts.
    pub keys: Vec<(Rectangle, Key), KEYS_MAX>,
    theme: Theme,
    metrics: Metrics,
    focus: Option<Key>,
    words: &'static Words,
}

/// How many items of the menu one page has on a display of this size.
#[must_use]
pub fn rows(size: Size) -> usize {
    let metrics = Metrics::of(size);
    if metrics.is_tiny() { tiny::rows(&metrics) } else { list::Grid::of_menu(&metrics).places() }
}

/// How many lines of the basket one page has on a display of this size.
#[must_use]
pub fn basket_rows(size: Size) -> usize {
    let metrics = Metrics::of(size);
    if metrics.is_tiny() { 1 } else { list::Grid::of_basket(&metrics).places() }
}

/// What is to be seen of a screen on a display of this size.
#[must_use]
pub fn plan<'a>(screen: &'a Screen, size: Size, theme: &Theme) -> Plan<'a> {
    let theme = if screen.dimmed { theme.dimmed() } else { *theme };
    let mut plan = Plan {
        picture: Picture::new(size, theme.ground),
        keys: Vec::new(),
        theme,
        metrics: Metrics::of(size),
        focus: screen.focus,
        words: screen.language.words(),
    };
    if plan.metrics.is_tiny() {
        tiny::lay_out(&mut plan, screen);
        return plan;
    }
    match (&screen.page, &screen.code) {
        (Page::Attract, _) => attract::lay_out(&mut plan, screen),
        (Page::Menu(menu), _) => list::menu(&mut plan, screen, menu),
        (Page::Basket(basket), _) => list::basket(&mut plan, screen, basket),
        (Page::Code { left_s }, Some(matrix)) if code::has_room(&plan, screen, matrix) => {
            code::lay_out(&mut plan, screen, matrix, *left_s);
        }
        _ => message::lay_out(&mut plan, screen),
    }
    plan
}

impl App {
    /// What is to be seen now.
    #[must_use]
    pub fn plan(&self, theme: &Theme) -> Plan<'_> {
        plan(self.screen(), self.size(), theme)
    }

    /// Draws what changed, see [`Reaction`](crate::app::Reaction): of the display only those
    /// pixels are sent that differ from what was drawn before.
    ///
    /// # Errors
    /// What the display says; next time everything is drawn.
    pub fn draw<D>(&mut self, target: &mut D, theme: &Theme, damage: Damage) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        if damage == Damage::Nothing {
            return Ok(());
        }
        let (screen, size, shown) = self.display();
        shown.show(target, &plan(screen, size, theme).picture)
    }
}

/// The key that lies under a touch.
#[must_use]
pub fn key_at(screen: &Screen, size: Size, at: Point) -> Option<Key> {
    let plan = plan(screen, size, &Theme::COLOUR);
    let key = plan.keys.iter().find(|(area, _)| area.contains(at)).map(|(_, key)| *key);
    key.or_else(|| plan.corner().contains(at).then_some(Key::Corner))
}

/// The code for a text at the largest whole number of pixels a module that the display has room
/// for, and at the highest level that does not need more. `None` where not even one pixel a module
/// fits.
#[must_use]
pub fn code_for(size: Size, text: &str) -> Option<Matrix> {
    let metrics = Metrics::of(size);
    let mut best = qr::encode_at_least(text, Level::L).ok()?;
    let module = module_px(&metrics, &best);
    if module < 1 {
        return None;
    }
    for level in [Level::M, Level::Q, Level::H] {
        let Ok(safer) = qr::encode_at_least(text, level) else { break };
        if module_px(&metrics, &safer) < module {
            break;
        }
        best = safer;
    }
    Some(best)
}

/// Pixels a module of a code, 0 where it does not fit.
fn module_px(metrics: &Metrics, matrix: &Matrix) -> i32 {
    if metrics.is_tiny() {
        tiny::code_room(metrics) / modules(matrix)
    } else {
        code::Place::of(metrics).room / modules(matrix)
    }
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

/// A count as it is shown: `×2`, or `1/3`.
fn count(arguments: core::fmt::Arguments<'_>) -> String<16> {
    let mut text = String::new();
    // Two numbers of 16 bits at most.
    let _fits = core::fmt::write(&mut text, arguments);
    text
}

/// Which page of how many, counted from 0: `1/3`; nothing where there is only one.
fn pages(page: u8, of: u8) -> String<16> {
    if of > 1 { count(format_args!("{}/{of}", u16::from(page) + 1)) } else { String::new() }
}

/// Minutes and seconds: `14:59`.
fn clock(left_s: u64) -> String<24> {
    let mut text = String::new();
    // A number of 64 bits has 20 digits at most.
    let (minutes, seconds) = (left_s / 60, left_s % 60);
    let _fits = core::fmt::write(&mut text, format_args!("{minutes}:{seconds:02}"));
    text
}

impl Plan<'_> {
    /// The upper left corner, where there is no key: for the staff.
    fn corner(&self) -> Rectangle {
        let side = self.metrics.key.max(44);
        rect(0, 0, side, side)
    }

    fn push_panel(&mut self, area: Rectangle, colour: Rgb888) {
        self.push_framed(area, colour, 0, colour);
    }

    /// A panel with a line around it.
    fn push_framed(&mut self, area: Rectangle, colour: Rgb888, thick: i32, line: Rgb888) {
        let radius = self.metrics.radius();
        self.picture.push(area, Kind::Panel { radius, colour, thick, line });
    }
}
