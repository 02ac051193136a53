//! A picture: a list of things, back to front, and how it becomes pixels.
//!
//! A picture is painted line by line, each pixel once and in its final colour, as one contiguous
//! fill of the area that is asked for. So nothing flickers, and a part painted later is exactly
//! the same part of the whole.
//!
//! Nothing here decides where things stand; see [`layout`](crate::layout).

use crate::{
    font::{Font, Glyph},
    mark::{self, Mark},
    theme::mix,
};
use core::ops::Range;
use embedded_graphics::{
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Point, Size},
    pixelcolor::Rgb888,
    primitives::Rectangle,
};
use heapless::{String, Vec};
use saoma_core::qr::Matrix;

/// Most things in a picture.
pub const ITEMS_MAX: usize = 24;
/// Most bytes of text in a picture: goods and merchant (127 + 64), a message and keys.
pub const TEXT_MAX: usize = 512;
/// Widest part that is painted at once; wider ones are painted side by side.
const STRIP: usize = 1024;

/// What is drawn, see the [module](self).
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    size: Size,
    ground: Rgb888,
    items: Vec<Item<'a>, ITEMS_MAX>,
    text: String<TEXT_MAX>,
}

/// One thing in a picture.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Where it is. A letter may lean out of its text's area by a twelfth of its height; nothing
    /// else does.
    pub area: Rectangle,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What can be in a picture.
#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// A filled rectangle with round corners.
    Panel {
        /// Radius of the corners in pixels.
        radius: i32,
        /// Its colour.
        colour: Rgb888,
    },
    /// One line of text; its area is as wide as the text and as high as the font.
    Text {
        /// The font.
        font: &'static Font,
        /// The colour.
        colour: Rgb888,
        /// Where the picture keeps the text.
        text: Range<usize>,
    },
    /// The dark modules of a QR code.
    Code {
        /// The code.
        matrix: &'a Matrix,
        /// Pixels a module.
        module: i32,
        /// The dark modules' colour.
        colour: Rgb888,
    },
    /// A sign: a disc with strokes.
    Sign {
        /// Which.
        mark: Mark,
        /// The disc's colour.
        disc: Rgb888,
        /// The strokes' colour.
        stroke: Rgb888,
    },
}

impl<'a> Picture<'a> {
    /// An empty picture.
    #[must_use]
    pub const fn new(size: Size, ground: Rgb888) -> Self {
        Self { size, ground, items: Vec::new(), text: String::new() }
    }

    /// The whole picture's area.
    #[must_use]
    pub fn bounds(&self) -> Rectangle {
        Rectangle::new(Point::zero(), self.size)
    }

    /// What is in it, back to front.
    #[must_use]
    pub fn items(&self) -> &[Item<'a>] {
        &self.items
    }

    /// The words of a text item.
    #[must_use]
    pub fn words(&self, text: &Range<usize>) -> &str {
        self.text.get(text.clone()).unwrap_or("")
    }

    /// Puts a thing in front of the others. A picture that is full stays as it is: layouts are
    /// tested to stay below the limits with the longest texts.
    pub fn push(&mut self, area: Rectangle, kind: Kind<'a>) {
        let _full = self.items.push(Item { area, kind });
    }

    /// Puts a line of text in front, its upper left corner at `at`: the parts one after another.
    pub fn push_text(&mut self, at: Point, font: &'static Font, colour: Rgb888, parts: &[&str]) {
        let start = self.text.len();
        let full = parts.iter().any(|part| self.text.push_str(part).is_err());
        if full || self.text.len() == start {
            return;
        }
        let width = parts.iter().map(|part| font.width(part)).sum();
        let area = Rectangle::new(at, size(width, font.height()));
        self.push(area, Kind::Text { font, colour, text: start..self.text.len() });
    }

    /// Paints the part of the picture that lies in `area`.
    ///
    /// # Errors
    /// What the display says.
    pub fn paint<D>(&self, target: &mut D, area: &Rectangle) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        let mut rest = area.intersection(&self.bounds());
        while rest.size.width > 0 && rest.size.height > 0 {
            let width = rest.size.width.min(u32::try_from(STRIP).unwrap_or(u32::MAX));
            let strip = Rectangle::new(rest.top_left, Size::new(width, rest.size.height));
            target.fill_contiguous(&strip, Pixels::new(self, &strip).map(D::Color::from))?;
            rest.top_left.x = rest.top_left.x.saturating_add_unsigned(width);
            rest.size.width -= width;
        }
        Ok(())
    }

    /// Paints the whole picture.
    ///
    /// # Errors
    /// What the display says.
    pub fn paint_all<D>(&self, target: &mut D) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        self.paint(target, &self.bounds())
    }

    fn paint_line(&self, line: &mut Line<'_>) {
        for item in &self.items {
            let Rectangle { top_left, size } = item.area;
            let row = line.y - top_left.y;
            if row < 0 || row.unsigned_abs() >= size.height {
                continue;
            }
            match &item.kind {
                Kind::Panel { radius, colour } => line.panel(&item.area, *radius, *colour),
                Kind::Text { font, colour, text } => {
                    line.text(top_left.x, row, font, *colour, self.words(text));
                }
                Kind::Code { matrix, module, colour } => {
                    line.code(top_left.x, row, matrix, *module, *colour);
                }
                Kind::Sign { mark, disc, stroke } => {
                    line.sign(&item.area, *mark, *disc, *stroke);
                }
            }
        }
    }
}

impl OriginDimensions for Picture<'_> {
    fn size(&self) -> Size {
        self.size
    }
}

/// A size in pixels; negative numbers are none.
#[must_use]
pub fn size(width: i32, height: i32) -> Size {
    Size::new(u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0))
}

/// The pixels of an area in reading order, computed a line at a time.
struct Pixels<'p, 'a> {
    picture: &'p Picture<'a>,
    left: i32,
    width: usize,
    /// The line in `colours`, and the line after the last.
    y: i32,
    end: i32,
    at: usize,
    colours: [Rgb888; STRIP],
}

impl<'p, 'a> Pixels<'p, 'a> {
    fn new(picture: &'p Picture<'a>, area: &Rectangle) -> Self {
        let Rectangle { top_left, size } = *area;
        let width = usize::try_from(size.width).unwrap_or(STRIP).min(STRIP);
        let mut pixels = Self {
            picture,
            left: top_left.x,
            width,
            y: top_left.y,
            end: top_left.y.saturating_add_unsigned(size.height),
            at: 0,
            colours: [picture.ground; STRIP],
        };
        pixels.compute();
        pixels
    }

    fn compute(&mut self) {
        let Some(colours) = self.colours.get_mut(..self.width) else { return };
        colours.fill(self.picture.ground);
        self.picture.paint_line(&mut Line { left: self.left, y: self.y, colours });
    }
}

impl Iterator for Pixels<'_, '_> {
    type Item = Rgb888;

    fn next(&mut self) -> Option<Rgb888> {
        if self.at == self.width {
            self.at = 0;
            self.y += 1;
            if self.y < self.end {
                self.compute();
            }
        }
        if self.y >= self.end {
            return None;
        }
        let colour = self.colours.get(self.at).copied();
        self.at += 1;
        colour
    }
}

/// One line of pixels that is being painted; what lies outside of it is left out.
struct Line<'l> {
    left: i32,
    y: i32,
    colours: &'l mut [Rgb888],
}

impl Line<'_> {
    /// Colours `length` pixels from `x` on.
    fn fill(&mut self, x: i32, length: i32, colour: Rgb888) {
        let index = |x: i32| usize::try_from(x - self.left).unwrap_or(0).min(self.colours.len());
        let (start, end) = (index(x), index(x + length.max(0)));
        self.colours[start..end.max(start)].fill(colour);
    }

    /// Lays a colour over one pixel.
    fn lay(&mut self, x: i32, colour: Rgb888, cover: u8) {
        let place = usize::try_from(x - self.left).ok();
        if let Some(under) = place.and_then(|place| self.colours.get_mut(place)) {
            *under = mix(*under, colour, cover);
        }
    }

    fn panel(&mut self, area: &Rectangle, radius: i32, colour: Rgb888) {
        let (x, width, height) =
            (area.top_left.x, extent(area.size.width), extent(area.size.height));
        let row = self.y - area.top_left.y;
        let radius = radius.clamp(0, width.min(height) / 2);
        // Rows from the nearest end; within the radius the line's ends are round.
        let from_end = row.min(height - 1 - row);
        if from_end >= radius {
            self.fill(x, width, colour);
            return;
        }
        self.fill(x + radius, width - 2 * radius, colour);
        let middle = radius * 8;
        for column in 0..radius {
            let cover = mark::cover(column, from_end, |sx, sy| {
                (middle - sx).pow(2) + (middle - sy).pow(2) <= middle.pow(2)
            });
            self.lay(x + column, colour, cover);
            self.lay(x + width - 1 - column, colour, cover);
        }
    }

    fn text(&mut self, x: i32, row: i32, font: &Font, colour: Rgb888, text: &str) {
        let mut origin = x;
        for character in text.chars() {
            match font.glyph(character) {
                Some(glyph) => {
                    self.glyph(origin, row, &glyph, colour);
                    origin += glyph.advance;
                }
                None => {
                    self.missing(origin, row, font, colour);
                    origin += font.missing_width();
                }
            }
        }
    }

    fn glyph(&mut self, origin: i32, row: i32, glyph: &Glyph, colour: Rgb888) {
        let inner = row - glyph.top;
        if !(0..glyph.height).contains(&inner) {
            return;
        }
        for column in 0..glyph.width {
            match glyph.ink(column, inner) {
                0 => {}
                ink => self.lay(origin + glyph.left + column, colour, ink),
            }
        }
    }

    /// An empty box for a character that the font lacks.
    fn missing(&mut self, origin: i32, row: i32, font: &Font, colour: Rgb888) {
        let (first, last) = (font.ascent() / 4, font.ascent() - 1);
        let width = font.missing_width() - 2;
        if row == first || row == last {
            self.fill(origin + 1, width, colour);
        } else if row > first && row < last {
            self.fill(origin + 1, 1, colour);
            self.fill(origin + width, 1, colour);
        }
    }

    fn code(&mut self, x: i32, row: i32, matrix: &Matrix, module: i32, colour: Rgb888) {
        let module = module.max(1);
        let Ok(module_row) = usize::try_from(row / module) else { return };
        let mut left = x;
        for column in 0..matrix.size() {
            if matrix.dark(column, module_row) {
                self.fill(left, module, colour);
            }
            left += module;
        }
    }

    fn sign(&mut self, area: &Rectangle, mark: Mark, disc: Rgb888, stroke: Rgb888) {
        let (side, row) = (extent(area.size.width), self.y - area.top_left.y);
        for column in 0..side {
            let (disc_cover, stroke_cover) = mark.cover(side, column, row);
            if disc_cover > 0 {
                self.lay(area.top_left.x + column, disc, disc_cover);
                self.lay(area.top_left.x + column, stroke, stroke_cover);
            }
        }
    }
}

/// A width or height as a signed number.
#[must_use]
pub fn extent(length: u32) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
