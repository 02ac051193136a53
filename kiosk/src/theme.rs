//! Colours by their role.
//!
//! Pictures are computed in RGB888 and turned into the display's own colour pixel by pixel, so
//! that every display shows the same picture as well as it can.

use embedded_graphics::{
    geometry::Size,
    pixelcolor::{Rgb888, RgbColor},
};

/// Displays whose shorter side is below this are taken for black and white ones.
const MONO_BELOW_PX: u32 = 160;

/// The colours of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Behind everything.
    pub ground: Rgb888,
    /// Behind a code and on keys: the lightest.
    pub card: Rgb888,
    /// The lines around keys.
    pub line: Rgb888,
    /// Text, and a code's dark modules: the darkest.
    pub ink: Rgb888,
    /// Text of less weight.
    pub soft: Rgb888,
    /// Text on a key that is filled with `good`.
    pub bright: Rgb888,
    /// Behind what was chosen: a little of `good`.
    pub pale: Rgb888,
    /// How bright drawings are: 255 in their own colours.
    pub light: u8,
    /// It goes well.
    pub good: Rgb888,
    /// It goes on.
    pub calm: Rgb888,
    /// It goes back.
    pub back: Rgb888,
    /// It does not go.
    pub bad: Rgb888,
}

impl Theme {
    /// The theme for a display of which nothing but its size is known.
    #[must_use]
    pub const fn for_size(size: Size) -> Self {
        if size.width < MONO_BELOW_PX || size.height < MONO_BELOW_PX {
            Self::MONO
        } else {
            Self::COLOUR
        }
    }

    /// For displays with colours or at least sixteen greys.
    pub const COLOUR: Self = Self {
        ground: Rgb888::new(0xf3, 0xf5, 0xf2),
        card: Rgb888::WHITE,
        line: Rgb888::new(0xd3, 0xda, 0xd4),
        ink: Rgb888::new(0x14, 0x1f, 0x1a),
        soft: Rgb888::new(0x56, 0x63, 0x5c),
        bright: Rgb888::WHITE,
        pale: Rgb888::new(0xe9, 0xf5, 0xee),
        light: 255,
        good: Rgb888::new(0x06, 0x7c, 0x44),
        calm: Rgb888::new(0x3a, 0x63, 0x8f),
        back: Rgb888::new(0xa8, 0x68, 0x0c),
        bad: Rgb888::new(0xb5, 0x3a, 0x2c),
    };

    /// For displays that know on and off.
    pub const MONO: Self = Self {
        ground: Rgb888::WHITE,
        card: Rgb888::WHITE,
        line: Rgb888::BLACK,
        ink: Rgb888::BLACK,
        soft: Rgb888::BLACK,
        bright: Rgb888::WHITE,
        pale: Rgb888::WHITE,
        light: 255,
        good: Rgb888::BLACK,
        calm: Rgb888::BLACK,
        back: Rgb888::BLACK,
        bad: Rgb888::BLACK,
    };
}

impl Theme {
    /// The same at night, when nobody is there: dark, and easy on a display's pixels.
    #[must_use]
    pub fn dimmed(&self) -> Self {
        if self.ground == Self::MONO.ground && self.ink == Self::MONO.ink {
            let (ground, ink) = (Rgb888::BLACK, Rgb888::WHITE);
            return Self {
                ground,
                card: ground,
                line: ink,
                ink,
                soft: ink,
                bright: ground,
                pale: ground,
                light: 255,
                good: ink,
                calm: ink,
                back: ink,
                bad: ink,
            };
        }
        Self {
            ground: Rgb888::new(0x10, 0x16, 0x13),
            card: Rgb888::new(0x18, 0x20, 0x1c),
            line: Rgb888::new(0x2b, 0x36, 0x31),
            ink: Rgb888::new(0xb4, 0xc0, 0xba),
            soft: Rgb888::new(0x84, 0x92, 0x8b),
            bright: Rgb888::new(0x10, 0x16, 0x13),
            pale: Rgb888::new(0x18, 0x24, 0x1e),
            light: 150,
            good: Rgb888::new(0x4c, 0x9a, 0x70),
            ..*self
        }
    }
}

/// A colour between two: `cover` 0 leaves `under`, 255 gives `over`.
#[must_use]
pub fn mix(under: Rgb888, over: Rgb888, cover: u8) -> Rgb888 {
    let channel = |under: u8, over: u8| {
        let (under, over, cover) = (u32::from(under), u32::from(over), u32::from(cover));
        let mixed = (under * (255 - cover) + over * cover + 127) / 255;
        // A mean of two bytes is a byte.
        u8::try_from(mixed).unwrap_or(u8::MAX)
    };
    Rgb888::new(
        channel(under.r(), over.r()),
        channel(under.g(), over.g()),
        channel(under.b(), over.b()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_lies_between_its_colours_and_reaches_both() {
        let (under, over) = (Theme::COLOUR.card, Theme::COLOUR.ink);
        assert_eq!(mix(under, over, 0), under);
        assert_eq!(mix(under, over, 255), over);
        let middle = mix(under, over, 128);
        assert!(middle.r() < under.r() && middle.r() > over.r());
    }

    /// Relative luminance, WCAG 2.2, in units of 1/1000000, with gamma 2.
    fn luminance(colour: Rgb888) -> u64 {
        let linear = |byte: u8| u64::from(byte) * u64::from(byte) * 1_000_000 / 65_025;
        (2_126 * linear(colour.r()) + 7_152 * linear(colour.g()) + 722 * linear(colour.b()))
            / 10_000
    }

    fn contrast_hundredths(one: Rgb888, other: Rgb888) -> u64 {
        let (light, dark) =
            if luminance(one) > luminance(other) { (one, other) } else { (other, one) };
        100 * (luminance(light) + 50_000) / (luminance(dark) + 50_000)
    }

    #[test]
    fn every_text_can_be_read_and_every_sign_be_seen() {
        for theme in [Theme::COLOUR, Theme::MONO, Theme::MONO.dimmed()] {
            for ground in [theme.ground, theme.card] {
                for ink in [theme.ink, theme.soft, theme.good, theme.bad] {
                    assert!(contrast_hundredths(ground, ink) >= 400, "{ink:?} on {ground:?}");
                }
                assert!(contrast_hundredths(theme.good, theme.bright) >= 400);
                for disc in [theme.soft, theme.good, theme.calm, theme.back, theme.bad] {
                    assert!(contrast_hundredths(ground, disc) >= 300, "{disc:?} on {ground:?}");
                }
            }
        }
    }
}
