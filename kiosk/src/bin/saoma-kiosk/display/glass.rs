//! A panel behind its glass: how it wants its pixels, and which way it hangs.

use super::frame::Frame;
use embedded_graphics::geometry::{OriginDimensions as _, Size};
use std::{fmt, ops::Range, str::FromStr};

/// How a pixel is written, in the processor's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Rgb565,
    Bgr565,
    Rgb888,
    Xrgb8888,
    Xbgr8888,
}

impl Format {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Rgb565, "rgb565"),
        (Self::Bgr565, "bgr565"),
        (Self::Rgb888, "rgb888"),
        (Self::Xrgb8888, "xrgb8888"),
        (Self::Xbgr8888, "xbgr8888"),
    ];

    /// What a panel with so many bits usually wants.
    pub(crate) const fn of_bits(bits: u32) -> Option<Self> {
        match bits {
            16 => Some(Self::Rgb565),
            24 => Some(Self::Rgb888),
            32 => Some(Self::Xrgb8888),
            _ => None,
        }
    }

    pub(crate) const fn bytes(self) -> u32 {
        match self {
            Self::Rgb565 | Self::Bgr565 => 2,
            Self::Rgb888 => 3,
            Self::Xrgb8888 | Self::Xbgr8888 => 4,
        }
    }

    /// Appends one pixel.
    pub(crate) fn write(self, [r, g, b]: [u8; 3], to: &mut Vec<u8>) {
        let [wide_r, wide_g, wide_b] = [r, g, b].map(u32::from);
        let packed = |high: u8, low: u8| {
            u16::from(high >> 3) << 11 | u16::from(g >> 2) << 5 | u16::from(low >> 3)
        };
        match self {
            Self::Rgb565 => to.extend(packed(r, b).to_ne_bytes()),
            Self::Bgr565 => to.extend(packed(b, r).to_ne_bytes()),
            Self::Rgb888 => to.extend([b, g, r]),
            Self::Xrgb8888 => to.extend((wide_r << 16 | wide_g << 8 | wide_b).to_ne_bytes()),
            Self::Xbgr8888 => to.extend((wide_b << 16 | wide_g << 8 | wide_r).to_ne_bytes()),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found
            .map(|(format, _)| *format)
            .ok_or_else(|| format!("a format is {}", Self::ALL.map(|(_, known)| known).join(", ")))
    }
}

/// How far the picture is turned to the right on its way to a panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Turn {
    #[default]
    None,
    Right,
    Half,
    Left,
}

impl FromStr for Turn {
    type Err = String;

    fn from_str(degrees: &str) -> Result<Self, String> {
        match degrees {
            "0" => Ok(Self::None),
            "90" => Ok(Self::Right),
            "180" => Ok(Self::Half),
            "270" => Ok(Self::Left),
            _ => Err("it must be 0, 90, 180 or 270".into()),
        }
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Right => "90",
            Self::Half => "180",
            Self::Left => "270",
        })
    }
}

impl Turn {
    /// The size of the picture on a panel of this size, and the other way round.
    pub(crate) const fn size(self, panel: Size) -> Size {
        match self {
            Self::None | Self::Half => panel,
            Self::Right | Self::Left => Size::new(panel.height, panel.width),
        }
    }

    /// The place in a picture of this size that is seen at `x`, `y` of the panel.
    pub(crate) const fn source(self, picture: Size, x: u32, y: u32) -> (u32, u32) {
        let (right, bottom) = (picture.width.saturating_sub(1), picture.height.saturating_sub(1));
        match self {
            Self::None => (x, y),
            Self::Right => (y, bottom.saturating_sub(x)),
            Self::Half => (right.saturating_sub(x), bottom.saturating_sub(y)),
            Self::Left => (right.saturating_sub(y), x),
        }
    }

    /// The panel's lines that these lines of the picture are seen in.
    pub(crate) fn lines(self, picture: Size, lines: Range<u32>) -> Range<u32> {
        match self {
            Self::None => lines,
            Self::Half => picture.height - lines.end..picture.height - lines.start,
            Self::Right | Self::Left => 0..picture.width,
        }
    }

    /// One line of the panel.
    pub(crate) fn line(self, frame: &Frame, y: u32, format: Format) -> Vec<u8> {
        let width = self.size(frame.size()).width;
        let mut line = Vec::new();
        for x in 0..width {
            let (from_x, from_y) = self.source(frame.size(), x, y);
            format.write(frame.at(from_x, from_y), &mut line);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> Vec<u8> {
        let mut bytes = vec![];
        format.write([0xff, 0x84, 0x10], &mut bytes);
        bytes
    }

    #[test]
    fn each_format_has_its_bits_where_panels_want_them() {
        assert_eq!(written(Format::Rgb565), 0xfc22_u16.to_ne_bytes());
        assert_eq!(written(Format::Bgr565), 0x143f_u16.to_ne_bytes());
        assert_eq!(written(Format::Rgb888), [0x10, 0x84, 0xff]);
        assert_eq!(written(Format::Xrgb8888), 0x00ff_8410_u32.to_ne_bytes());
        assert_eq!(written(Format::Xbgr8888), 0x0010_84ff_u32.to_ne_bytes());
        for (format, name) in Format::ALL {
            assert_eq!(name.parse(), Ok(format));
            assert_eq!(written(format).len(), usize::try_from(format.bytes()).unwrap());
        }
        assert!("rgb332".parse::<Format>().unwrap_err().contains("rgb565"));
    }

    #[test]
    fn a_turned_picture_keeps_every_pixel_and_turns_to_the_right() {
        let picture = Size::new(3, 2);
        for (turn, first) in [
            (Turn::None, (0, 0)),
            (Turn::Right, (0, 1)),
            (Turn::Half, (2, 1)),
            (Turn::Left, (2, 0)),
        ] {
            let panel = turn.size(picture);
            assert_eq!(turn.source(picture, 0, 0), first, "{turn}");
            let mut seen: Vec<_> = (0..panel.height)
                .flat_map(|y| (0..panel.width).map(move |x| turn.source(picture, x, y)))
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)], "{turn}");
            assert_eq!(turn.to_string().parse(), Ok(turn));
        }
    }

    #[test]
    fn changed_lines_are_found_again_on_the_panel() {
        let picture = Size::new(3, 10);
        assert_eq!(Turn::None.lines(picture, 2..5), 2..5);
        assert_eq!(Turn::Half.lines(picture, 2..5), 5..8);
        assert_eq!(Turn::Left.lines(picture, 2..5), 0..3);
    }
}
