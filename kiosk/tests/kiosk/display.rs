//! A display in memory that counts what is done to it.

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{Dimensions, OriginDimensions, Point, Size},
    pixelcolor::PixelColor,
    primitives::Rectangle,
};
use std::convert::Infallible;

/// Every pixel's colour and how often it was written. Writing outside is a panic.
pub(crate) struct Display<C> {
    size: Size,
    pub(crate) pixels: Vec<Option<C>>,
    pub(crate) writes: Vec<u32>,
    /// Areas that were filled, in order.
    pub(crate) fills: Vec<Rectangle>,
}

impl<C: PixelColor> Display<C> {
    pub(crate) fn new((width, height): (u32, u32)) -> Self {
        let count = usize::try_from(width * height).unwrap();
        let size = Size::new(width, height);
        Self { size, pixels: vec![None; count], writes: vec![0; count], fills: vec![] }
    }

    pub(crate) fn at(&self, x: i32, y: i32) -> C {
        self.pixels[self.index(Point::new(x, y))].expect("a pixel that was drawn")
    }

    fn index(&self, at: Point) -> usize {
        assert!(self.bounding_box().contains(at), "{at:?} is outside of {:?}", self.size);
        usize::try_from(at.y * i32::try_from(self.size.width).unwrap() + at.x).unwrap()
    }
}

impl<C> OriginDimensions for Display<C> {
    fn size(&self) -> Size {
        self.size
    }
}

impl<C: PixelColor> DrawTarget for Display<C> {
    type Color = C;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<C>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            let index = self.index(at);
            self.pixels[index] = Some(colour);
            self.writes[index] += 1;
        }
        Ok(())
    }

    fn fill_contiguous<I: IntoIterator<Item = C>>(
        &mut self,
        area: &Rectangle,
        colours: I,
    ) -> Result<(), Infallible> {
        self.fills.push(*area);
        let inside = area.intersection(&self.bounding_box());
        assert_eq!(inside, *area, "the area leaves {:?}", self.size);
        let mut colours = colours.into_iter();
        for y in area.rows() {
            let start = self.index(Point::new(area.top_left.x, y));
            let row = start..start + usize::try_from(area.size.width).unwrap();
            for (pixel, writes) in self.pixels[row.clone()].iter_mut().zip(&mut self.writes[row]) {
                *pixel = Some(colours.next().expect("a colour for every pixel of the area"));
                *writes += 1;
            }
        }
        assert!(colours.next().is_none(), "more colours than pixels");
        Ok(())
    }
}
