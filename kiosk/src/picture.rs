//! A picture: a list of things, back to front.
//!
//! A picture is painted line by line, each pixel once and in its final colour, as one contiguous
//! fill of the area that is asked for. So nothing flickers, and a part painted later is exactly
//! the same part of the whole. `paint` has the pixels, and
//! [`shown`](crate::shown) sends only those that differ from what is on the display.
//!
//! Nothing here decides where things stand; see [`layout`](crate::layout).

use crate::{
    font::Font,
    mark::Mark,
    menu::Symbol,
    paint::{Line, Pixels},
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
pub const ITEMS_MAX: usize = 64;
/// Most bytes of text in a picture.
pub const TEXT_MAX: usize = 896;

/// What is drawn, see the [module](self).
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    size: Size,
    ground: Rgb888,
    items: Vec<Item<'a>, ITEMS_MAX>,
    text: String<TEXT_MAX>,
    /// Whether something was left out for want of room.
    full: bool,
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
    /// A filled rectangle with round corners, and a line around it inside of its area.
    Panel {
        /// Radius of the corners in pixels.
        radius: i32,
        /// Its colour.
        colour: Rgb888,
        /// The line's thickness in pixels; 0 is none.
        thick: i32,
        /// The line's colour.
        line: Rgb888,
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
        /// The code; `None` in a picture that only remembers where one was.
        matrix: Option<&'a Matrix>,
        /// What tells it from another code.
        print: u64,
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
    /// A drawing of goods.
    Art {
        /// Which.
        symbol: Symbol,
        /// How bright it is: 255 in its own colours, 0 in the ground's.
        light: u8,
        /// What it fades into.
        ground: Rgb888,
    },
}

impl<'a> Picture<'a> {
    /// An empty picture.
    #[must_use]
    pub const fn new(size: Size, ground: Rgb888) -> Self {
        Self { size, ground, items: Vec::new(), text: String::new(), full: false }
    }

    /// The whole picture's area.
    #[must_use]
    pub fn bounds(&self) -> Rectangle {
        Rectangle::new(Point::zero(), self.size)
    }

    /// The colour behind everything.
    #[must_use]
    pub const fn ground(&self) -> Rgb888 {
        self.ground
    }

    /// What is in it, back to front.
    #[must_use]
    pub fn items(&self) -> &[Item<'a>] {
        &self.items
    }

    /// Whether something had no room in it. No layout comes near the limits, and a test sees to
    /// it.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// The words of a text item.
    #[must_use]
    pub fn words(&self, text: &Range<usize>) -> &str {
        self.text.get(text.clone()).unwrap_or("")
    }

    /// Puts a thing in front of the others.
    pub fn push(&mut self, area: Rectangle, kind: Kind<'a>) {
        self.full |= self.items.push(Item { area, kind }).is_err();
    }

    /// Puts a line of text in front, its upper left corner at `at`: the parts one after another.
    pub fn push_text(&mut self, at: Point, font: &'static Font, colour: Rgb888, parts: &[&str]) {
        let start = self.text.len();
        self.full |= parts.iter().any(|part| self.text.push_str(part).is_err());
        if self.text.len() == start {
            return;
        }
        let width = font.width(self.words(&(start..self.text.len())));
        let area = Rectangle::new(at, size(width, font.height()));
        self.push(area, Kind::Text { font, colour, text: start..self.text.len() });
    }

    /// Puts a code in front, its upper left corner at `at`.
    pub fn push_code(&mut self, at: Point, matrix: &'a Matrix, module: i32, colour: Rgb888) {
        let side = i32::try_from(matrix.size()).unwrap_or(0) * module;
        let (area, print) = (Rectangle::new(at, size(side, side)), print(matrix));
        self.push(area, Kind::Code { matrix: Some(matrix), print, module, colour });
    }

    /// Paints the part of the picture that lies in `area`, as one contiguous fill.
    ///
    /// # Errors
    /// What the display says.
    pub fn paint<D>(&self, target: &mut D, area: &Rectangle) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        let area = area.intersection(&self.bounds());
        if area.is_zero_sized() {
            return Ok(());
        }
        target.fill_contiguous(&area, Pixels::new(self, &area).map(D::Color::from))
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

    /// Computes a piece of a line. A code that is only remembered is painted where it is the same
    /// as `code`.
    pub(crate) fn paint_line(&self, line: &mut Line<'_>, code: Option<&Item<'_>>) {
        line.clear(self.ground);
        for item in &self.items {
            if line.meets(&item.reach()) {
                let known = code.filter(|code| self.has_same(item, self, code));
                line.item(known.unwrap_or(item), self);
            }
        }
    }

    /// Whether a thing of this picture looks like one of another picture.
    pub(crate) fn has_same(&self, item: &Item<'_>, other: &Picture<'_>, one: &Item<'_>) -> bool {
        let same_look = match (&item.kind, &one.kind) {
            (
                Kind::Text { font, colour, text },
                Kind::Text { font: font_one, colour: colour_one, text: text_one },
            ) => {
                colour == colour_one
                    && core::ptr::eq(*font, *font_one)
                    && self.words(text) == other.words(text_one)
            }
            (kind, kind_one) => kind.same_but_text(kind_one),
        };
        item.area == one.area && same_look
    }
}

impl Picture<'static> {
    /// Keeps, in place, what is needed to tell the next picture from `other`.
    pub(crate) fn remember(&mut self, other: &Picture<'_>) {
        (self.size, self.ground, self.full) = (other.size, other.ground, other.full);
        self.text.clone_from(&other.text);
        self.items.clear();
        for Item { area, kind } in &other.items {
            // As many as there are in the other one.
            let _full = self.items.push(Item { area: *area, kind: kind.remembered() });
        }
    }
}

impl Item<'_> {
    /// Every pixel that it may change.
    pub(crate) fn reach(&self) -> Rectangle {
        match self.kind {
            Kind::Text { .. } => {
                let lean = self.area.size.height / 12 + 1;
                let left = self.area.top_left.x.saturating_sub_unsigned(lean);
                let size = self.area.size + Size::new(2 * lean, 0);
                Rectangle::new(Point::new(left, self.area.top_left.y), size)
            }
            _ => self.area,
        }
    }
}

impl Kind<'_> {
    fn remembered(&self) -> Kind<'static> {
        match self {
            Kind::Panel { radius, colour, thick, line } => {
                Kind::Panel { radius: *radius, colour: *colour, thick: *thick, line: *line }
            }
            Kind::Text { font, colour, text } => {
                Kind::Text { font, colour: *colour, text: text.clone() }
            }
            Kind::Code { print, module, colour, .. } => {
                Kind::Code { matrix: None, print: *print, module: *module, colour: *colour }
            }
            Kind::Sign { mark, disc, stroke } => {
                Kind::Sign { mark: *mark, disc: *disc, stroke: *stroke }
            }
            Kind::Art { symbol, light, ground } => {
                Kind::Art { symbol: *symbol, light: *light, ground: *ground }
            }
        }
    }

    fn same_but_text(&self, other: &Kind<'_>) -> bool {
        match (self, other) {
            (
                Kind::Panel { radius, colour, thick, line },
                Kind::Panel { radius: radius_2, colour: colour_2, thick: thick_2, line: line_2 },
            ) => (radius, colour, thick, line) == (radius_2, colour_2, thick_2, line_2),
            (
                Kind::Code { print, module, colour, .. },
                Kind::Code { print: print_2, module: module_2, colour: colour_2, .. },
            ) => (print, module, colour) == (print_2, module_2, colour_2),
            (
                Kind::Sign { mark, disc, stroke },
                Kind::Sign { mark: mark_2, disc: disc_2, stroke: stroke_2 },
            ) => (mark, disc, stroke) == (mark_2, disc_2, stroke_2),
            (
                Kind::Art { symbol, light, ground },
                Kind::Art { symbol: symbol_2, light: light_2, ground: ground_2 },
            ) => (symbol, light, ground) == (symbol_2, light_2, ground_2),
            _ => false,
        }
    }
}

impl OriginDimensions for Picture<'_> {
    fn size(&self) -> Size {
        self.size
    }
}

/// A number that differs when codes differ: FNV-1a over the modules.
fn print(matrix: &Matrix) -> u64 {
    let rows = (0..matrix.size()).flat_map(|y| matrix.row(y).to_le_bytes());
    rows.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A size in pixels; negative numbers are none.
#[must_use]
pub fn size(width: i32, height: i32) -> Size {
    Size::new(u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0))
}

/// A width or height as a signed number.
#[must_use]
pub fn extent(length: u32) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
