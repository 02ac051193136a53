//! The display: an SSD0323 with 128x64 pixels in 16 greys, two pixels in each byte.
//!
//! The picture is kept here, so that pixels can be drawn one by one; only rows and columns that
//! have changed are sent.

use crate::{
    chip::{Port, system},
    spi::{Select, Spi},
};
use core::convert::Infallible;
use embedded_graphics::{
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Point, Size},
    pixelcolor::{Gray4, GrayColor},
    prelude::{Pixel, PointsIter},
    primitives::Rectangle,
};

/// The display's size.
pub(crate) const SIZE: Size = Size::new(128, 64);
const ROW: usize = 64;
const ROWS: usize = 64;
/// Pin of port C: whether data or commands are sent; and the display's own power.
const IS_DATA_C: u8 = 1 << 7;
const POWER_C: u8 = 1 << 6;

/// As the maker of the display recommends; what a picture needs is at the end.
const SETUP: &[u8] = &[
    0xae, // off
    0xa8, 0x3f, // 64 rows
    0xa2, 0x4c, 0xa1, 0x00, // where they begin
    0xa0, 0x52, // how rows and columns are wired
    0xad, 0x02, // no converter of its own
    0x81, 0x50, // contrast
    0x86, // full current
    0xb1, 0x55, 0xb2, 0x46, 0xb3, 0x91, 0xbc, 0x10, 0xbe, 0x0d, 0xbf, 0x0e, // timing, levels
    0xb8, 0x01, 0x11, 0x22, 0x32, 0x43, 0x54, 0x65, 0x76, // the greys
    0xa4, // show the memory
    0xaf, // on
];

/// The display.
pub(crate) struct Oled {
    pixels: [u8; ROW * ROWS],
    /// Columns of bytes and rows that have changed; `None` when nothing has.
    changed: Option<Window>,
}

#[derive(Clone, Copy)]
struct Window {
    left: u8,
    right: u8,
    top: u8,
    bottom: u8,
}

impl Oled {
    /// A display that is all dark.
    pub(crate) const fn new() -> Self {
        let changed = Some(Window { left: 0, right: 63, top: 0, bottom: 63 });
        Self { pixels: [0; ROW * ROWS], changed }
    }

    /// Switches the display on.
    pub(crate) fn start(spi: &mut Spi) {
        system::RCGC[2].set(1 << 2);
        Port::C.make_outputs(IS_DATA_C | POWER_C);
        command(spi, SETUP);
        Port::C.data(POWER_C).write(POWER_C.into());
    }

    /// Sends what has changed.
    pub(crate) fn show(&mut self, spi: &mut Spi) {
        let Some(window) = self.changed.take() else { return };
        let Window { left, right, top, bottom } = window;
        set_window(spi, window);
        for row in top..=bottom {
            let start = usize::from(row) * ROW;
            let bytes = self.pixels.get(start + usize::from(left)..=start + usize::from(right));
            bytes.unwrap_or_default().iter().for_each(|byte| {
                spi.swap(*byte);
            });
        }
    }

    fn set(&mut self, x: u8, y: u8, grey: Gray4) {
        let Some(byte) = self.pixels.get_mut(usize::from(y) * ROW + usize::from(x / 2)) else {
            return;
        };
        let grey = grey.luma();
        let new = if x.is_multiple_of(2) { *byte & 0x0f | grey << 4 } else { *byte & 0xf0 | grey };
        if new != *byte {
            *byte = new;
            let (left, top) = (x / 2, y);
            let place = Window { left, right: left, top, bottom: top };
            self.changed = Some(self.changed.map_or(place, |window| Window {
                left: window.left.min(left),
                right: window.right.max(left),
                top: window.top.min(top),
                bottom: window.bottom.max(top),
            }));
        }
    }
}

/// The display without a picture kept here, for the end: only whole pictures can be shown.
pub(crate) struct Direct<'s>(pub(crate) &'s mut Spi);

impl OriginDimensions for Direct<'_> {
    fn size(&self) -> Size {
        SIZE
    }
}

impl DrawTarget for Direct<'_> {
    type Color = Gray4;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, _: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Gray4>>,
    {
        Ok(())
    }

    fn fill_contiguous<I>(&mut self, area: &Rectangle, colours: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Gray4>,
    {
        if area.size == SIZE {
            set_window(self.0, Window { left: 0, right: 63, top: 0, bottom: 63 });
            let mut colours = colours.into_iter();
            while let (Some(left), Some(right)) = (colours.next(), colours.next()) {
                self.0.swap(left.luma() << 4 | right.luma());
            }
        }
        Ok(())
    }
}

fn command(spi: &mut Spi, bytes: &[u8]) {
    spi.select(Select::Display);
    Port::C.data(IS_DATA_C).write(0);
    for byte in bytes {
        spi.swap(*byte);
    }
    Port::C.data(IS_DATA_C).write(IS_DATA_C.into());
}

fn set_window(spi: &mut Spi, Window { left, right, top, bottom }: Window) {
    command(spi, &[0x15, left, right, 0x75, top, bottom]);
}

impl OriginDimensions for Oled {
    fn size(&self) -> Size {
        SIZE
    }
}

impl DrawTarget for Oled {
    type Color = Gray4;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Gray4>>,
    {
        for Pixel(Point { x, y }, grey) in pixels {
            if let (Ok(x @ 0..128), Ok(y @ 0..64)) = (u8::try_from(x), u8::try_from(y)) {
                self.set(x, y, grey);
            }
        }
        Ok(())
    }

    fn fill_contiguous<I>(&mut self, area: &Rectangle, colours: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Gray4>,
    {
        self.draw_iter(area.points().zip(colours).map(|(point, grey)| Pixel(point, grey)))
    }
}
