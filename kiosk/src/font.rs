//! Bitmap fonts with the characters that the terminal's texts use, and no others.
//!
//! A font is a file in `kiosk/font/`, made from Noto Sans CJK SC (SIL Open Font License 1.1) by
//! the program beside it. The file is read where it lies, without heap, and a damaged one shows
//! as missing glyphs, never as a panic. Numbers are big-endian:
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 4 | the letters `SMF1` |
//! | 1 | height of a line in pixels |
//! | 1 | rows from a line's top to the baseline |
//! | 2 | number of glyphs |
//! | 12 each | glyph, in the order of their characters: character (3), advance, left (signed), top, width, height, offset (4) of its pixels from the file's start |
//! | rest | pixels, 2 bits each, left to right and top to bottom, each glyph from a whole byte on |

#[cfg(feature = "gb2312")]
use crate::gb2312;
use core::fmt;

/// A bitmap font, see the [module](self).
#[derive(PartialEq, Eq)]
pub struct Font {
    em: u8,
    bytes: &'static [u8],
}

/// One character's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// Pixels from this character's origin to the next one's.
    pub advance: i32,
    /// Pixels from the origin to the picture's left side.
    pub left: i32,
    /// Rows from the line's top to the picture's.
    pub top: i32,
    /// Width of the picture in pixels.
    pub width: i32,
    /// Height of the picture in pixels.
    pub height: i32,
    pixels: Pixels,
}

/// Where a glyph's ink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pixels {
    /// Two bits a pixel.
    Own(&'static [u8]),
    /// A square that is scaled.
    #[cfg(feature = "gb2312")]
    Scaled(gb2312::Square),
}

/// Every character of the texts, 12 pixels an em; for the smallest displays.
pub static SIZE_12: Font = Font::new(12, include_bytes!("../font/saoma-12.font"));
/// Every character of the texts, 16 pixels an em.
pub static SIZE_16: Font = Font::new(16, include_bytes!("../font/saoma-16.font"));
/// Every character of the texts, 24 pixels an em.
#[cfg(feature = "middle")]
pub static SIZE_24: Font = Font::new(24, include_bytes!("../font/saoma-24.font"));
/// The characters of titles and amounts, bold, 24 pixels an em.
#[cfg(feature = "middle")]
pub static BOLD_24: Font = Font::new(24, include_bytes!("../font/saoma-bold-24.font"));
/// Every character of the texts, 32 pixels an em.
#[cfg(feature = "large")]
pub static SIZE_32: Font = Font::new(32, include_bytes!("../font/saoma-32.font"));
/// The characters of titles and amounts, bold, 40 pixels an em.
#[cfg(feature = "large")]
pub static BOLD_40: Font = Font::new(40, include_bytes!("../font/saoma-bold-40.font"));
/// The characters of titles and amounts, bold, 56 pixels an em.
#[cfg(feature = "large")]
pub static BOLD_56: Font = Font::new(56, include_bytes!("../font/saoma-bold-56.font"));

// A build without the larger ones writes everything with the largest it has.
#[cfg(not(feature = "large"))]
pub use self::{BOLD_24 as BOLD_40, BOLD_24 as BOLD_56, SIZE_24 as SIZE_32};
#[cfg(not(feature = "middle"))]
pub use self::{SIZE_16 as SIZE_24, SIZE_16 as BOLD_24};

const MAGIC: &[u8; 4] = b"SMF1";
const HEADER: usize = 8;
const ENTRY: usize = 12;

impl Font {
    /// A font in a file's bytes, `em` pixels an em.
    #[must_use]
    pub const fn new(em: u8, bytes: &'static [u8]) -> Self {
        Self { em, bytes }
    }

    /// Pixels an em: as wide as an ideograph.
    #[must_use]
    pub fn em(&self) -> i32 {
        self.em.into()
    }

    /// Height of a line in pixels: room for every glyph.
    #[must_use]
    pub fn height(&self) -> i32 {
        self.byte(4)
    }

    /// Rows from the line's top to the baseline.
    #[must_use]
    pub fn ascent(&self) -> i32 {
        self.byte(5)
    }

    /// How many characters there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self.bytes {
            [b'S', b'M', b'F', b'1', _, _, high, low, ..] => {
                usize::from(u16::from_be_bytes([*high, *low]))
            }
            _ => 0,
        }
    }

    /// The picture of a character, or `None` when neither the font nor, with the feature
    /// `gb2312`, the font of all simplified ideographs has it.
    #[must_use]
    pub fn glyph(&self, character: char) -> Option<Glyph> {
        let own = self.own(character);
        #[cfg(feature = "gb2312")]
        return own.or_else(|| self.scaled(character));
        #[cfg(not(feature = "gb2312"))]
        own
    }

    /// A character that the font itself has.
    fn own(&self, character: char) -> Option<Glyph> {
        let wanted = u32::from(character);
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low.midpoint(high);
            let (found, glyph) = self.entry(middle)?;
            match found.cmp(&wanted) {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => return Some(glyph),
            }
        }
        None
    }

    /// A character of the font of all simplified ideographs, in this font's size. Its square
    /// reaches 12 hundredths of an em below the baseline, as in the outline fonts.
    #[cfg(feature = "gb2312")]
    fn scaled(&self, character: char) -> Option<Glyph> {
        let em = self.em();
        let pixels = Pixels::Scaled(gb2312::square(character)?);
        let top = (self.ascent() - em * 88 / 100).max(0);
        Some(Glyph { advance: em, left: 0, top, width: em, height: em, pixels })
    }

    /// Pixels from this character to the next; a missing one takes the room of its box.
    #[must_use]
    pub fn advance(&self, character: char) -> i32 {
        self.glyph(character).map_or_else(|| self.missing_width(), |glyph| glyph.advance)
    }

    /// Width of a text in one line.
    #[must_use]
    pub fn width(&self, text: &str) -> i32 {
        text.chars().map(|character| self.advance(character)).sum()
    }

    /// Width of the empty box that stands for a missing character, with its margins.
    #[must_use]
    pub fn missing_width(&self) -> i32 {
        self.ascent()
    }

    /// A byte of the header, 0 where the file is none.
    fn byte(&self, at: usize) -> i32 {
        if self.bytes.starts_with(MAGIC) {
            self.bytes.get(at).map_or(0, |b| i32::from(*b))
        } else {
            0
        }
    }

    fn entry(&self, index: usize) -> Option<(u32, Glyph)> {
        let start = HEADER + index * ENTRY;
        let entry: &[u8; ENTRY] = self.bytes.get(start..start + ENTRY)?.try_into().ok()?;
        let &[c2, c1, c0, advance, left, top, width, height, o3, o2, o1, o0] = entry;
        let offset = usize::try_from(u32::from_be_bytes([o3, o2, o1, o0])).ok()?;
        let count = usize::from(width) * usize::from(height);
        let end = offset.checked_add(count.div_ceil(4))?;
        let glyph = Glyph {
            advance: advance.into(),
            left: i8::from_be_bytes([left]).into(),
            top: top.into(),
            width: width.into(),
            height: height.into(),
            pixels: Pixels::Own(self.bytes.get(offset..end)?),
        };
        Some((u32::from_be_bytes([0, c2, c1, c0]), glyph))
    }
}

impl fmt::Debug for Font {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Font").field("height", &self.height()).finish_non_exhaustive()
    }
}

impl Glyph {
    /// How much of a pixel of the picture is ink: 0 (none) to 255 (all). Outside there is none.
    #[must_use]
    pub fn ink(&self, x: i32, y: i32) -> u8 {
        if !(0..self.width).contains(&x) || !(0..self.height).contains(&y) {
            return 0;
        }
        match &self.pixels {
            Pixels::Own(bytes) => {
                let Ok(at) = usize::try_from(y * self.width + x) else { return 0 };
                let byte = bytes.get(at / 4).copied().unwrap_or(0);
                (byte >> (6 - at % 4 * 2) & 3) * 85
            }
            #[cfg(feature = "gb2312")]
            Pixels::Scaled(square) => square.ink(self.width, x, y),
        }
    }
}

#[cfg(test)]
#[path = "../font/characters.rs"]
mod characters;

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{collections::BTreeSet, string::String};

    const TEXT: [&Font; 4] = [&SIZE_12, &SIZE_16, &SIZE_24, &SIZE_32];
    const TITLES: [&Font; 3] = [&BOLD_24, &BOLD_40, &BOLD_56];

    fn all() -> impl Iterator<Item = &'static Font> {
        TEXT.into_iter().chain(TITLES)
    }

    fn held(font: &Font) -> BTreeSet<char> {
        let characters = (0..font.count()).filter_map(|index| font.entry(index));
        characters.filter_map(|(character, _)| char::from_u32(character)).collect()
    }

    #[test]
    fn every_font_has_exactly_the_characters_that_it_writes() {
        let (texts, titles) = (characters::all(), characters::large());
        let wanted = TEXT.map(|font| (font, &texts)).into_iter();
        for (font, wanted) in wanted.chain(TITLES.map(|font| (font, &titles))) {
            let held = held(font);
            let missing: String = wanted.difference(&held).collect();
            let unused: String = held.difference(wanted).collect();
            let again = "make the fonts again, see font/README.md";
            assert_eq!((missing.as_str(), unused.as_str()), ("", ""), "{font:?}: {again}");
        }
    }

    #[test]
    fn every_glyph_is_whole_and_within_its_line() {
        for font in all() {
            let mut before = None;
            for index in 0..font.count() {
                let (character, glyph) = font.entry(index).unwrap();
                assert!(Some(character) > before, "{font:?}: characters in order");
                before = Some(character);
                assert!(glyph.top + glyph.height <= font.height(), "{font:?} {character:x}");
                let (lean, right) = (font.height() / 12, glyph.left + glyph.width);
                assert!(glyph.left >= -lean && right <= glyph.advance + lean, "{character:x}");
            }
        }
    }

    #[test]
    fn a_letter_looks_like_itself() {
        let glyph = SIZE_12.glyph('L').unwrap();
        let rows: std::vec::Vec<String> = (0..glyph.height)
            .map(|y| {
                let ink = |x| if glyph.ink(x, y) > 127 { '#' } else { ' ' };
                (0..glyph.width).map(ink).collect::<String>().trim_end().into()
            })
            .filter(|row: &String| !row.is_empty())
            .collect();
        assert_eq!(rows.first().map(String::as_str), Some("#"));
        assert!(rows.last().is_some_and(|row| row.starts_with("####")), "{rows:?}");
        assert!(rows.len() >= 8, "{rows:?}");
    }

    #[test]
    fn digits_are_equally_wide_so_that_a_countdown_stands_still() {
        for font in all() {
            let widths: BTreeSet<i32> = ('0'..='9').map(|digit| font.advance(digit)).collect();
            assert_eq!(widths.len(), 1, "{font:?}: {widths:?}");
        }
    }

    #[test]
    fn a_character_that_is_missing_takes_the_room_of_its_box() {
        assert_eq!(SIZE_16.own('龘'), None);
        assert_eq!(SIZE_16.width("龘"), SIZE_16.missing_width());
    }

    #[test]
    fn a_damaged_file_has_no_glyphs_and_never_panics() {
        let whole: &'static [u8] = SIZE_12.bytes;
        for end in (0..whole.len()).step_by(7) {
            let font = Font::new(12, &whole[..end]);
            let _width = font.width("扫码 Latte ¥18.00");
        }
        assert_eq!(Font::new(16, b"").count(), 0);
        assert_eq!(Font::new(16, b"OTTO\0\0\0\0\xff\xff").count(), 0);
        assert_eq!(Font::new(16, b"SMF1\x10\x0c\xff\xff").glyph('L'), None);
    }
}
