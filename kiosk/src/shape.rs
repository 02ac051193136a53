//! Shapes of which panels, signs and drawings are made: filled, with smooth edges, at any size.
//!
//! Every shape is convex, so that it is one span on each line. A line of pixels is looked at on
//! four lines of samples; how much of a pixel the four spans cover is exact across, and needs no
//! samples there. All numbers are integers: inside a drawing in units of a 64th of its side, and
//! once scaled in sixteenths of a pixel.

use core::ops::Range;

/// A drawing is measured in a square of this side.
pub const UNITS: i32 = 64;
/// Steps of a pixel in which scaled shapes are measured.
pub const FINE: i32 = 16;
/// Lines of samples in a line of pixels.
const SAMPLES: i32 = 4;

/// A convex shape, see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An oval: its middle and its half axes.
    Oval([i32; 4]),
    /// The lower half of an oval.
    Bowl([i32; 4]),
    /// The upper half of an oval.
    Dome([i32; 4]),
    /// A rectangle with round corners: left, top, width, height, radius.
    Rect([i32; 5]),
    /// A line with round ends: from x, y to x, y, and its thickness.
    Stroke([i32; 5]),
    /// A convex quadrilateral, its corners in order.
    Quad([[i32; 2]; 4]),
}

impl Shape {
    /// This shape, given in [`UNITS`], in a drawing that is `side` pixels wide.
    #[must_use]
    pub fn scaled(self, side: i32) -> Self {
        let fine = |unit: i32| unit * side * FINE / UNITS;
        match self {
            Self::Oval(numbers) => Self::Oval(numbers.map(fine)),
            Self::Bowl(numbers) => Self::Bowl(numbers.map(fine)),
            Self::Dome(numbers) => Self::Dome(numbers.map(fine)),
            Self::Rect(numbers) => Self::Rect(numbers.map(fine)),
            Self::Stroke(numbers) => Self::Stroke(numbers.map(fine)),
            Self::Quad(corners) => Self::Quad(corners.map(|corner| corner.map(fine))),
        }
    }

    /// What a scaled shape covers of the line of samples at `y`; empty outside of it.
    fn span(&self, y: i32) -> Range<i32> {
        match *self {
            Self::Oval([x, middle, rx, ry]) => oval(x, y - middle, rx, ry),
            Self::Bowl([x, middle, rx, ry]) if y >= middle => oval(x, y - middle, rx, ry),
            Self::Dome([x, middle, rx, ry]) if y <= middle => oval(x, y - middle, rx, ry),
            Self::Bowl(_) | Self::Dome(_) => 0..0,
            Self::Rect([left, top, width, height, radius]) => {
                let row = y - top;
                if !(0..height).contains(&row) {
                    return 0..0;
                }
                // Where the corners are round, the line ends between them.
                let above = (radius - row).max(row - (height - radius)).max(0);
                let inset = radius - chord(radius, above);
                left + inset..left + width - inset
            }
            Self::Stroke(numbers) => stroke(numbers, y),
            Self::Quad(corners) => quad(&corners, y),
        }
    }

    /// The covered pixels of the line `row` of a scaled shape.
    pub(crate) fn row(&self, row: i32) -> Row {
        let sample = |line: i32| row * FINE + (2 * line + 1) * FINE / (2 * SAMPLES);
        let whole = |span: Range<i32>| if span.start < span.end { span } else { 0..0 };
        Row { spans: [0, 1, 2, 3].map(|line| whole(self.span(sample(line)))) }
    }
}

/// One line of pixels of a shape.
pub(crate) struct Row {
    spans: [Range<i32>; 4],
}

impl Row {
    /// The pixels that are not empty.
    pub(crate) fn pixels(&self) -> Range<i32> {
        let spans = || self.spans.iter().filter(|span| !span.is_empty());
        let start = spans().map(|span| span.start).min().unwrap_or(0);
        let end = spans().map(|span| span.end).max().unwrap_or(0);
        start.div_euclid(FINE)..(end + FINE - 1).div_euclid(FINE)
    }

    /// The pixels that are full: within [`pixels`](Self::pixels), and perhaps none.
    pub(crate) fn full(&self) -> Range<i32> {
        let start = self.spans.iter().map(|span| span.start).max().unwrap_or(0);
        let end = self.spans.iter().map(|span| span.end).min().unwrap_or(0);
        (start + FINE - 1).div_euclid(FINE)..end.div_euclid(FINE)
    }

    /// How much of pixel `x` is covered: 0 to 255.
    pub(crate) fn cover(&self, x: i32) -> u8 {
        let (left, right) = (x * FINE, (x + 1) * FINE);
        let shared = |span: &Range<i32>| (span.end.min(right) - span.start.max(left)).max(0);
        let covered: i32 = self.spans.iter().map(shared).sum();
        // At most 255.
        u8::try_from(covered * 255 / (FINE * SAMPLES)).unwrap_or(u8::MAX)
    }
}

/// Half the length of a chord at a distance from the middle of a circle.
fn chord(radius: i32, distance: i32) -> i32 {
    let (radius, distance) = (i64::from(radius), i64::from(distance));
    let squared = radius * radius - distance * distance;
    i32::try_from(squared.max(0).isqrt()).unwrap_or(0)
}

fn oval(x: i32, dy: i32, rx: i32, ry: i32) -> Range<i32> {
    if ry <= 0 || dy.abs() > ry {
        return 0..0;
    }
    let half = i64::from(rx) * i64::from(chord(ry, dy)) / i64::from(ry);
    let half = i32::try_from(half).unwrap_or(0);
    x - half..x + half
}

fn stroke([x0, y0, x1, y1, thickness]: [i32; 5], y: i32) -> Range<i32> {
    let radius = thickness / 2;
    let mut span = join(oval(x0, y - y0, radius, radius), oval(x1, y - y1, radius, radius));
    let (dx, dy) = (i64::from(x1 - x0), i64::from(y1 - y0));
    let length = (dx * dx + dy * dy).isqrt();
    if length > 0 {
        let across = |part: i64| i32::try_from(part * i64::from(radius) / length).unwrap_or(0);
        let (ax, ay) = (across(-dy), across(dx));
        let corners =
            [[x0 + ax, y0 + ay], [x1 + ax, y1 + ay], [x1 - ax, y1 - ay], [x0 - ax, y0 - ay]];
        span = join(span, quad(&corners, y));
    }
    span
}

/// The least span with two parts of one convex shape in it.
fn join(one: Range<i32>, other: Range<i32>) -> Range<i32> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other,
        (_, true) => one,
        _ => one.start.min(other.start)..one.end.max(other.end),
    }
}

fn quad(corners: &[[i32; 2]; 4], y: i32) -> Range<i32> {
    let (mut start, mut end) = (i32::MAX, i32::MIN);
    for (index, [x0, y0]) in corners.iter().enumerate() {
        let [x1, y1] = corners[(index + 1) % 4];
        if (*y0.min(&y1)..*y0.max(&y1)).contains(&y) {
            let along = i64::from(x1 - x0) * i64::from(y - y0) / i64::from(y1 - y0);
            let x = x0 + i32::try_from(along).unwrap_or(0);
            start = start.min(x);
            end = end.max(x);
        }
    }
    if start < end { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covered pixels in 255ths, of the whole drawing.
    fn ink(shape: Shape, side: i32) -> i32 {
        let shape = shape.scaled(side);
        let row = |y: i32| {
            let row = shape.row(y);
            let covered: i32 = row.pixels().map(|x| i32::from(row.cover(x))).sum();
            for x in row.full() {
                assert_eq!(row.cover(x), 255, "{shape:?} {x},{y}");
            }
            covered
        };
        (-1..=side).map(row).sum()
    }

    #[test]
    fn a_shape_covers_its_area() {
        // Of a 64th of the side squared, in percent of a pixel's 255.
        let areas = [
            (Shape::Rect([8, 8, 48, 32, 0]), 48 * 32),
            (Shape::Rect([8, 8, 48, 32, 8]), 48 * 32 - 55),
            (Shape::Oval([32, 32, 20, 20]), 1257),
            (Shape::Oval([32, 32, 24, 10]), 754),
            (Shape::Bowl([32, 32, 20, 20]), 628),
            (Shape::Dome([32, 32, 20, 20]), 628),
            (Shape::Stroke([12, 12, 52, 42, 8]), 50 * 8 + 50),
            (Shape::Stroke([32, 32, 32, 32, 10]), 79),
            (Shape::Quad([[16, 8], [48, 8], [56, 56], [8, 56]]), 40 * 48),
        ];
        for (shape, area) in areas {
            for side in [32, 64, 128, 200] {
                let wanted = area * side * side / (UNITS * UNITS) * 255;
                let got = ink(shape, side);
                assert!((got - wanted).abs() * 25 < wanted, "{shape:?} {side}: {got}, {wanted}");
            }
        }
    }

    #[test]
    fn outside_of_a_shape_there_is_nothing() {
        for shape in [
            Shape::Rect([8, 8, 48, 32, 8]),
            Shape::Oval([32, 32, 20, 20]),
            Shape::Stroke([12, 12, 52, 42, 8]),
            Shape::Quad([[16, 8], [48, 8], [56, 56], [8, 56]]),
        ] {
            let scaled = shape.scaled(64);
            for y in [-100, -1, 0, 63, 64, 1_000] {
                let row = scaled.row(y);
                assert!(row.pixels().all(|x| row.cover(x) == 0), "{shape:?} {y}");
                assert_eq!(row.cover(-5), 0);
                assert_eq!(row.cover(70), 0);
            }
        }
    }
}
