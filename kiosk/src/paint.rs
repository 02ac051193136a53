//! The pixels of a [`picture`](crate::picture), a piece of a line at a time.

use crate::{
    art,
    font::{Font, Glyph},
    mark::Mark,
    menu::Symbol,
    picture::{Item, Kind, Picture, extent},
    shape::{FINE, Shape},
    theme::mix,
};
use embedded_graphics::{pixelcolor::Rgb888, primitives::Rectangle};
use saoma_core::qr::Matrix;

/// Longest piece of a line that is computed at once: what painting needs of the stack.
pub(crate) const PIECE: usize = 160;

/// The pixels of an area in reading order.
pub(crate) struct Pixels<'p, 'a> {
    picture: &'p Picture<'a>,
    left: i32,
    right: i32,
    /// The line after the last.
    end: i32,
    /// Where the piece in `colours` begins.
    x: i32,
    y: i32,
    /// How many of `colours` are used, and which is the next.
    length: usize,
    at: usize,
    colours: [Rgb888; PIECE],
}

impl<'p, 'a> Pixels<'p, 'a> {
    pub(crate) fn new(picture: &'p Picture<'a>, area: &Rectangle) -> Self {
        let left = area.top_left.x;
        let mut pixels = Self {
            picture,
            left,
            right: left.saturating_add_unsigned(area.size.width),
            end: area.top_left.y.saturating_add_unsigned(area.size.height),
            x: left,
            y: area.top_left.y,
            length: 0,
            at: 0,
            colours: [picture.ground(); PIECE],
        };
        pixels.compute();
        pixels
    }

    fn compute(&mut self) {
        self.at = 0;
        self.length = usize::try_from(self.right - self.x).unwrap_or(0).min(PIECE);
        let Some(colours) = self.colours.get_mut(..self.length) else { return };
        self.picture.paint_line(&mut Line { left: self.x, y: self.y, colours }, None);
    }
}

impl Iterator for Pixels<'_, '_> {
    type Item = Rgb888;

    fn next(&mut self) -> Option<Rgb888> {
        if self.at == self.length {
            self.x = self.x.saturating_add_unsigned(u32::try_from(self.length).unwrap_or(0));
            if self.x >= self.right {
                self.x = self.left;
                self.y += 1;
            }
            if self.y >= self.end || self.left >= self.right {
                return None;
            }
            self.compute();
        }
        let colour = self.colours.get(self.at).copied();
        self.at += 1;
        colour
    }
}

/// A piece of a line of pixels that is being painted; what lies outside of it is left out.
pub(crate) struct Line<'l> {
    pub(crate) left: i32,
    pub(crate) y: i32,
    pub(crate) colours: &'l mut [Rgb888],
}

impl Line<'_> {
    pub(crate) fn clear(&mut self, ground: Rgb888) {
        self.colours.fill(ground);
    }

    /// Whether an area has pixels in this piece.
    pub(crate) fn meets(&self, area: &Rectangle) -> bool {
        let row = self.y - area.top_left.y;
        let length = i32::try_from(self.colours.len()).unwrap_or(i32::MAX);
        (0..extent(area.size.height)).contains(&row)
            && area.top_left.x < self.left + length
            && area.top_left.x.saturating_add_unsigned(area.size.width) > self.left
    }

    /// Paints what a thing has on this piece.
    pub(crate) fn item(&mut self, item: &Item<'_>, picture: &Picture<'_>) {
        let area = &item.area;
        let (x, row) = (area.top_left.x, self.y - area.top_left.y);
        match &item.kind {
            Kind::Panel { radius, colour, thick: 0, .. } => self.panel(area, *radius, *colour),
            Kind::Panel { radius, colour, thick, line } => {
                self.panel(area, *radius, *line);
                self.panel(&area.offset(-thick), radius - thick, *colour);
            }
            Kind::Text { font, colour, text } => {
                self.text(x, row, font, *colour, picture.words(text));
            }
            Kind::Code { matrix: Some(matrix), module, colour, .. } => {
                self.code(x, row, matrix, *module, *colour);
            }
            Kind::Code { matrix: None, .. } => {}
            Kind::Sign { mark, disc, stroke } => self.sign(area, *mark, *disc, *stroke),
            Kind::Art { symbol, light, ground } => self.art(area, *symbol, *light, *ground),
        }
    }

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

    /// Fills a scaled shape whose drawing has its left side at `x`; this is its line `row`.
    fn shape(&mut self, x: i32, row: i32, shape: Shape, colour: Rgb888) {
        let row = shape.row(row);
        let (pixels, full) = (row.pixels(), row.full());
        if full.is_empty() {
            for pixel in pixels {
                self.lay(x + pixel, colour, row.cover(pixel));
            }
            return;
        }
        for pixel in (pixels.start..full.start).chain(full.end..pixels.end) {
            self.lay(x + pixel, colour, row.cover(pixel));
        }
        self.fill(x + full.start, full.end - full.start, colour);
    }

    fn panel(&mut self, area: &Rectangle, radius: i32, colour: Rgb888) {
        let (x, width, height) =
            (area.top_left.x, extent(area.size.width), extent(area.size.height));
        let row = self.y - area.top_left.y;
        let radius = radius.clamp(0, width.min(height) / 2);
        if !(0..height).contains(&row) {
            return;
        }
        if (radius..height - radius).contains(&row) {
            self.fill(x, width, colour);
            return;
        }
        let shape = Shape::Rect([0, 0, width, height, radius].map(|length| length * FINE));
        self.shape(x, row, shape, colour);
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
        for run in matrix.runs(module_row) {
            // At most 85 modules.
            let place = |column: usize| i32::try_from(column).unwrap_or(0) * module;
            self.fill(x + place(run.start), place(run.len()), colour);
        }
    }

    fn sign(&mut self, area: &Rectangle, mark: Mark, disc: Rgb888, stroke: Rgb888) {
        let (side, x, row) = (extent(area.size.width), area.top_left.x, self.y - area.top_left.y);
        self.shape(x, row, Mark::DISC.scaled(side), disc);
        for shape in mark.strokes() {
            self.shape(x, row, shape.scaled(side), stroke);
        }
    }

    fn art(&mut self, area: &Rectangle, symbol: Symbol, light: u8, ground: Rgb888) {
        let (side, x, row) = (extent(area.size.width), area.top_left.x, self.y - area.top_left.y);
        let shapes = art::shapes(symbol);
        let tile = shapes.first().map(|(colour, _)| *colour);
        for (colour, shape) in shapes {
            // In the dark the tile is hardly seen.
            let light = if light < 255 && tile == Some(*colour) { light / 5 } else { light };
            self.shape(x, row, shape.scaled(side), mix(ground, *colour, light));
        }
    }
}
