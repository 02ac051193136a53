//! Lines of text one below the other.

use crate::{
    font::Font,
    lines::{self, Line},
    picture::Picture,
};
use embedded_graphics::{geometry::Point, pixelcolor::Rgb888};
use heapless::Vec;

/// Most lines in a stack: a title, a note, goods, an amount and a number.
const ROWS_MAX: usize = 14;

/// Where lines begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// All at the left side.
    Left,
    /// Each in the middle.
    Middle,
    /// Each so that it ends at the right side.
    Right,
}

impl Align {
    /// Where a line of `line_width` begins between `left` and `left + width`.
    pub(super) fn x(self, (left, width): (i32, i32), line_width: i32) -> i32 {
        match self {
            Self::Left => left,
            Self::Middle => left + (width - line_width) / 2,
            Self::Right => left + width - line_width,
        }
    }
}

/// One line.
#[derive(Clone, Copy, Debug)]
struct Row<'t> {
    font: &'static Font,
    colour: Rgb888,
    parts: [&'t str; 3],
    /// Empty pixels above it.
    above: i32,
}

impl Row<'_> {
    fn width(&self) -> i32 {
        self.parts.iter().map(|part| self.font.width(part)).sum()
    }
}

/// Lines that are measured first and placed then.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack<'t> {
    rows: Vec<Row<'t>, ROWS_MAX>,
}

impl<'t> Stack<'t> {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// One line of up to three parts, `above` pixels below the one before it.
    pub(super) fn parts(
        &mut self,
        font: &'static Font,
        colour: Rgb888,
        parts: [&'t str; 3],
        above: i32,
    ) {
        let above = if self.rows.is_empty() { 0 } else { above };
        // Every page stays below ROWS_MAX.
        let _full = self.rows.push(Row { font, colour, parts, above });
    }

    /// A text in at most `most` lines of `width`.
    pub(super) fn text(
        &mut self,
        font: &'static Font,
        colour: Rgb888,
        text: &'t str,
        (width, most): (i32, usize),
        above: i32,
    ) {
        let lines: Vec<Line<'t>, { lines::LINES_MAX }> = lines::wrap(font, text, width, most);
        for (index, line) in lines.iter().enumerate() {
            let [text, rest] = line.parts();
            self.parts(font, colour, [text, rest, ""], if index == 0 { above } else { 0 });
        }
    }

    /// Pixels from the first line's top to the last line's bottom.
    pub(super) fn height(&self) -> i32 {
        self.rows.iter().map(|row| row.above + row.font.height()).sum()
    }

    /// Width of the widest line.
    pub(super) fn width(&self) -> i32 {
        self.rows.iter().map(Row::width).max().unwrap_or(0)
    }

    /// Puts the lines into a picture, between `left` and `left + width`, from `top` on. Returns the
    /// row below the last.
    pub(super) fn place(
        &self,
        picture: &mut Picture<'_>,
        (left, width): (i32, i32),
        top: i32,
        align: Align,
    ) -> i32 {
        let mut y = top;
        for row in &self.rows {
            y += row.above;
            let x = align.x((left, width), row.width());
            picture.push_text(Point::new(x, y), row.font, row.colour, &row.parts);
            y += row.font.height();
        }
        y
    }
}
