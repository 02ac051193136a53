//! Fonts and distances for a display's size.

use crate::{
    font::{BOLD_40, BOLD_56, Font, SIZE_12, SIZE_16, SIZE_24, SIZE_32},
    picture::extent,
};
use embedded_graphics::geometry::Size;

/// Displays whose shorter side is below this have room for the most necessary only.
const TINY: i32 = 160;

/// How a display is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Code at the left, words beside it.
    Wide,
    /// Words above and below the code.
    Tall,
}

/// What everything is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metrics {
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) shape: Shape,
    /// Merchant, order number, keys.
    pub(super) small: &'static Font,
    /// Goods, what to do, the time left.
    pub(super) body: &'static Font,
    /// What happened.
    pub(super) title: &'static Font,
    /// What it costs.
    pub(super) amount: &'static Font,
    /// From the display's edge to anything.
    pub(super) margin: i32,
    /// Between two things.
    pub(super) gap: i32,
}

impl Metrics {
    pub(super) fn of(size: Size) -> Self {
        let (width, height) = (extent(size.width), extent(size.height));
        let shape = if width * 5 >= height * 6 { Shape::Wide } else { Shape::Tall };
        let (small, body, title, amount, margin, gap) = match width.min(height) {
            ..TINY => (&SIZE_12, &SIZE_12, &SIZE_16, &SIZE_16, 0, 2),
            TINY..300 => (&SIZE_16, &SIZE_16, &SIZE_24, &SIZE_24, 8, 4),
            300..400 => (&SIZE_16, &SIZE_24, &BOLD_40, &BOLD_40, 10, 8),
            400.. => (&SIZE_24, &SIZE_32, &BOLD_56, &BOLD_56, 20, 12),
        };
        Self { width, height, shape, small, body, title, amount, margin, gap }
    }

    /// Whether there is so little room that only the most necessary is shown.
    pub(super) const fn is_tiny(&self) -> bool {
        self.height < TINY || self.width < TINY
    }

    /// Whether there is room for keys to touch.
    pub(super) const fn has_keys(&self) -> bool {
        self.width >= 300 && self.height >= 200
    }

    pub(super) fn key_height(&self) -> i32 {
        if self.has_keys() { self.small.height() + self.margin } else { 0 }
    }

    /// What keys take from the display's bottom, with the gap above them.
    pub(super) fn keys_room(&self) -> i32 {
        if self.has_keys() { self.key_height() + self.gap } else { 0 }
    }

    pub(super) const fn radius(&self) -> i32 {
        if self.is_tiny() { 0 } else { self.margin * 3 / 4 }
    }

    /// Light pixels around a code's quiet zone, so that the panel's round corners spare it.
    pub(super) const fn code_border(&self) -> i32 {
        self.radius() / 2
    }
}
