//! The picture in memory that every display shows, so that all show the same pixels.

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Size},
    pixelcolor::{Rgb888, RgbColor},
    prelude::Dimensions as _,
    primitives::Rectangle,
};
use std::{convert::Infallible, mem, ops::Range};

/// Red, green and blue.
pub(crate) const BYTES: usize = 3;

/// The pixels of a screen: three bytes each, in reading order.
pub(crate) struct Frame {
    size: Size,
    rgb: Vec<u8>,
    changed: Range<u32>,
}

impl Frame {
    pub(crate) fn new(size: Size) -> Self {
        let pixels = usize::try_from(u64::from(size.width) * u64::from(size.height)).unwrap_or(0);
        Self { size, rgb: vec![0; pixels * BYTES], changed: 0..size.height }
    }

    /// All of it.
    pub(crate) fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The colour at a place; black outside.
    pub(crate) fn at(&self, x: u32, y: u32) -> [u8; BYTES] {
        let rgb = self.place(x, y).and_then(|at| self.rgb.get(at..at + BYTES));
        rgb.and_then(|rgb| rgb.try_into().ok()).unwrap_or_default()
    }

    /// The lines that changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Range<u32> {
        mem::take(&mut self.changed)
    }

    fn place(&self, x: u32, y: u32) -> Option<usize> {
        let is_inside = x < self.size.width && y < self.size.height;
        let index = u64::from(y) * u64::from(self.size.width) + u64::from(x);
        is_inside.then(|| usize::try_from(index).ok()).flatten().map(|index| index * BYTES)
    }

    fn touch(&mut self, lines: Range<u32>) {
        if self.changed.is_empty() {
            self.changed = lines;
        } else {
            self.changed = self.changed.start.min(lines.start)..self.changed.end.max(lines.end);
        }
    }
}

impl OriginDimensions for Frame {
    fn size(&self) -> Size {
        self.size
    }
}

impl DrawTarget for Frame {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else { continue };
            let place = self.place(x, y);
            if let Some(rgb) = place.and_then(|at| self.rgb.get_mut(at..at + BYTES)) {
                rgb.copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
                self.touch(y..y + 1);
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb888) -> Result<(), Infallible> {
        let area = area.intersection(&self.bounding_box());
        let width = usize::try_from(area.size.width).unwrap_or(0) * BYTES;
        let (Ok(left), Ok(top)) = (u32::try_from(area.top_left.x), u32::try_from(area.top_left.y))
        else {
            return Ok(());
        };
        for y in top..top + area.size.height {
            let line = self.place(left, y).and_then(|at| self.rgb.get_mut(at..at + width));
            for rgb in line.into_iter().flat_map(|line| line.chunks_exact_mut(BYTES)) {
                rgb.copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
            }
        }
        if !area.is_zero_sized() {
            self.touch(top..top + area.size.height);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::geometry::Point;

    const RED: Rgb888 = Rgb888::new(200, 10, 20);

    #[test]
    fn pixels_outside_are_nothing_and_those_inside_are_remembered_by_line() {
        let mut frame = Frame::new(Size::new(3, 4));
        assert_eq!(frame.take_changed(), 0..4, "at first everything is new");
        assert!(frame.take_changed().is_empty());
        let outside = Point::new(3, 0);
        let pixels = [Pixel(Point::new(1, 2), RED), Pixel(outside, RED), Pixel(-outside, RED)];
        let Ok(()) = frame.draw_iter(pixels);
        assert_eq!(frame.take_changed(), 2..3);
        assert_eq!(frame.at(1, 2), [200, 10, 20]);
        assert_eq!(frame.rgb().iter().filter(|byte| **byte == 200).count(), 1);
    }

    #[test]
    fn an_area_that_hangs_over_the_edge_is_filled_up_to_it() {
        let mut frame = Frame::new(Size::new(3, 4));
        frame.take_changed();
        let Ok(()) = frame.fill_solid(&Rectangle::new(Point::new(-1, 3), Size::new(3, 9)), RED);
        assert_eq!(frame.take_changed(), 3..4);
        let reds: Vec<bool> = frame.rgb().chunks(3).map(|rgb| rgb == [200, 10, 20]).collect();
        let mut expected = [false; 12];
        expected[9..11].fill(true);
        assert_eq!(reds, expected);
        let far = Rectangle::new(Point::new(50, 50), Size::new(3, 9));
        let Ok(()) = frame.fill_solid(&far, RED);
        assert!(frame.take_changed().is_empty());
    }
}
