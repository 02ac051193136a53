//! Fonts and distances for a display's size.

use crate::{
    font::{BOLD_24, BOLD_40, BOLD_56, Font, SIZE_12, SIZE_16, SIZE_24, SIZE_32},
    picture::{extent, size},
};
use embedded_graphics::{
    geometry::{Point, Size},
    primitives::Rectangle,
};

/// Displays whose shorter side is below this have room for the most necessary only.
const TINY: i32 = 160;

/// What everything is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metrics {
    pub(super) width: i32,
    pub(super) height: i32,
    /// Merchant, order number, keys.
    pub(super) small: &'static Font,
    /// Goods, what to do, the time left.
    pub(super) body: &'static Font,
    /// What happened.
    pub(super) title: &'static Font,
    /// From the display's edge to anything.
    pub(super) margin: i32,
    /// Between two things.
    pub(super) gap: i32,
    /// Height of a key that is touched, and of the bar at the top.
    pub(super) key: i32,
}

impl Metrics {
    pub(super) fn of(size: Size) -> Self {
        let (width, height) = (extent(size.width), extent(size.height));
        let (small, body, title, margin, gap, key) = match width.min(height) {
            ..TINY => (&SIZE_12, &SIZE_12, &SIZE_16, 0, 2, 16),
            TINY..300 => (&SIZE_16, &SIZE_16, &BOLD_24, 6, 4, 44),
            300..400 => (&SIZE_16, &SIZE_24, &BOLD_40, 12, 8, 50),
            400.. => (&SIZE_24, &SIZE_32, &BOLD_56, 20, 12, 68),
        };
        Self { width, height, small, body, title, margin, gap, key }
    }

    /// Whether there is so little room that only the most necessary is shown, and nobody could
    /// hit a key.
    pub(super) const fn is_tiny(&self) -> bool {
        self.height < TINY || self.width < TINY
    }

    /// Radius of round corners.
    pub(super) const fn radius(&self) -> i32 {
        if self.is_tiny() { 0 } else { self.margin * 3 / 4 }
    }

    /// The whole display.
    pub(super) fn bounds(&self) -> Rectangle {
        rect(0, 0, self.width, self.height)
    }

    /// Left side and width of what is between the margins.
    pub(super) const fn inner(&self) -> (i32, i32) {
        (self.margin, self.width - 2 * self.margin)
    }

    /// The larger of the fonts for reading in which a text fits a width in one line.
    pub(super) fn fitting(&self, text: &str, width: i32) -> &'static Font {
        let fonts = [self.body, self.small];
        fonts.into_iter().find(|font| font.width(text) <= width).unwrap_or(&SIZE_12)
    }

    /// The small font, or a smaller one where a text needs it.
    pub(super) fn fitting_small(&self, text: &str, width: i32) -> &'static Font {
        let fonts = [self.small, &SIZE_16];
        fonts.into_iter().find(|font| font.width(text) <= width).unwrap_or(&SIZE_12)
    }

    /// The first of the larger fonts in which a text fits a width in one line, or the small one.
    pub(super) fn largest(&self, text: &str, width: i32) -> &'static Font {
        let fonts = [self.title, self.body, self.small];
        fonts.into_iter().find(|font| font.width(text) <= width).unwrap_or(&SIZE_12)
    }
}

/// A rectangle; negative lengths are none.
pub(super) fn rect(x: i32, y: i32, width: i32, height: i32) -> Rectangle {
    Rectangle::new(Point::new(x, y), size(width, height))
}
